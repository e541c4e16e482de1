"""Refusals: a rule in the database said no.

One class for each SQLSTATE that a rule raises, one block for each schema. All are ``Refused``;
catch that to treat every refusal alike, or a class below it to treat one by name::

    Refused
    └── one class a code: JQ… jobs, US… accounts, SH… shops

``db.call`` raises them in place of psycopg's own exceptions.
"""

from __future__ import annotations

from typing import Any, ClassVar

import psycopg

BY_CODE: dict[str, type[Refused]] = {}
"""Every refusal by its SQLSTATE; a class enters itself when it is defined."""


class Refused(Exception):
    """A rule refused. ``message`` is one fixed sentence, ``detail`` the data, ``hint`` what to do."""

    code: ClassVar[str] = ""

    def __init__(self, message: str, detail: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint

    def __init_subclass__(cls, *, code: str, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.code = code
        BY_CODE[code] = cls

    def __str__(self) -> str:
        return "\n".join(filter(None, (self.message, self.detail, self.hint)))


def refusal(error: psycopg.Error) -> Refused | None:
    """The refusal that ``error`` carries, or None where no rule of ours raised it."""
    known = BY_CODE.get(error.sqlstate or "")
    if known is None:
        return None
    said = error.diag
    return known(said.message_primary or "", said.message_detail, said.message_hint)


# accounts


class DuplicateUser(Refused, code="US001"):
    """The e-mail address or the id belongs to a user already."""


class NoSuchUser(Refused, code="US002"):
    """The user_id is nobody's."""


class NoSuchSubscription(Refused, code="US003"):
    """There is no subscription of that plan to cancel."""


class NoSuchService(Refused, code="US004"):
    """The service is not a row of accounts.services."""


class NoSuchAccount(Refused, code="US005"):
    """The account cannot be one of that service: it does not fit the service's pattern."""


class NoSuchConnection(Refused, code="US006"):
    """The connection_id is nobody's."""
