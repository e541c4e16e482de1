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


# jobs


class DuplicateJob(Refused, code="JQ001"):
    """An unfinished job holds the unique key, and the caller asked to be told."""


class NoSuchKind(Refused, code="JQ002"):
    """The kind is not a row of jobs.kinds."""


class NoSuchUniqueMode(Refused, code="JQ003"):
    """The mode for a unique key is none of ignore, reject, replace, throttle and debounce."""


class ListsDiffer(Refused, code="JQ004"):
    """The lists that belong side by side are not of the same length."""


class WorkerGone(Refused, code="JQ005"):
    """The worker is not signed on: its lease ran out, and its jobs are with others."""


class WrongIsolation(Refused, code="JQ006"):
    """Jobs are claimed in read committed transactions only."""


class NotPrepared(Refused, code="JQ007"):
    """The prepare function of the kind gave no answer that the kernel knows."""


class NoSuchOutcome(Refused, code="JQ008"):
    """The outcome is none of done, try_later, give_up and unknown."""


class NoSuchJob(Refused, code="JQ009"):
    """The job_id is nobody's."""


class NotRetriable(Refused, code="JQ010"):
    """The job is not dead, not cancelled with a parent, and does not wait for its time."""


class NoSuchSchedule(Refused, code="JQ011"):
    """The name is not a row of jobs.schedules."""


class NotCron(Refused, code="JQ012"):
    """The text is not a cron expression of five fields."""


class NoSuchQueue(Refused, code="JQ013"):
    """The name is not a row of jobs.queues."""


class EmptyKey(Refused, code="JQ014"):
    """A key was named and is empty; the whole queue is null."""


class PauseIsOver(Refused, code="JQ015"):
    """A pause was to end before it began."""


class NeverComes(Refused, code="JQ016"):
    """The cron expression fits no day that there is."""


class NoSuchRule(Refused, code="JQ020"):
    """The name is not a row of jobs.alert_rules."""


class NoSuchAlert(Refused, code="JQ021"):
    """The alert_id is nobody's."""


class NoSuchChannel(Refused, code="JQ022"):
    """The name is not a row of jobs.alert_channels."""


class NoSuchRetention(Refused, code="JQ023"):
    """The name is not a row of jobs.retention."""


class NotAChannel(Refused, code="JQ024"):
    """An alert channel cannot be like that; the hint says what may be."""


class NoSuchUniqueScope(Refused, code="JQ030"):
    """A unique key is held until its job is claimed, or until it has finished."""


class NoTimeToPutOff(Refused, code="JQ031"):
    """Debounce puts a job off, and was not told until when."""


class NoSuchBatch(Refused, code="JQ032"):
    """The batch_id is nobody's, or the batch is closed."""


class StaleRun(Refused, code="JQ033"):
    """The run is not the present one: another worker has the job, or it has ended."""


class NoSuchPriority(Refused, code="JQ034"):
    """A priority is 0, 1, 2 or 3."""


class NotDiscardable(Refused, code="JQ035"):
    """The job is not dead, or its run has not ended and will count it."""


class NoSuchPace(Refused, code="JQ036"):
    """So many jobs a second cannot be retried."""


class NoSuchPolicy(Refused, code="JQ037"):
    """The policy is none of on_success, on_any and on_failure."""


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


class TokensNotRenewed(Refused, code="US007"):
    """Tokens of this service do not run out, or cannot be renewed by us."""


# shops: the catalogue


class NoSuchShop(Refused, code="SH001"):
    """The shop_id is nobody's."""


class NotAShop(Refused, code="SH002"):
    """A shop cannot have that name, domain or program."""


class BadSetting(Refused, code="SH003"):
    """A setting cannot have that value; the hint says what it may be."""


class NoSuchSetting(Refused, code="SH004"):
    """No setting has that name."""


class NotTheOwnersConnection(Refused, code="SH005"):
    """The connection is not one of the shop's owner."""


class TooManyNiches(Refused, code="SH006"):
    """The plan allows no more active niches."""


class BadPrompt(Refused, code="SH007"):
    """A prompt needs a known type and the placeholder {niche}, and ends after 4,000 characters."""


class NotOptimised(Refused, code="SH008"):
    """Only an optimised product can be published."""


class BadMove(Refused, code="SH010"):
    """shops.product_moves knows no such move, or the origin does not begin in that state."""


# shops: sales and winners


class NoSuchProduct(Refused, code="SH020"):
    """The product_id is nobody's."""


class NoSuchIntent(Refused, code="SH021"):
    """The intent_id is nobody's."""


class NoSuchCampaign(Refused, code="SH022"):
    """The campaign_id is nobody's."""


class NoSuchImport(Refused, code="SH023"):
    """The import_id is nobody's, or nothing of that kind can be imported."""


class ImportIsOver(Refused, code="SH024"):
    """The import was applied; lines can no longer be added."""


class NotAnExport(Refused, code="SH025"):
    """The file lacks a column that no line can do without."""
