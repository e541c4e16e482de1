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
