"""A handler that goes in steps: what is done is not done again, whoever works the job next.

A handler with an argument ``steps`` gets a ``Steps``. It may be stopped at any line, and is called
again from the first: each step that was done answers at once with what it answered then. ::

    async def make_video(request, credentials, http, steps):
        order = await steps.do("order", lambda step: order(request, step.key, http))
        paid = await steps.event(f"paid:{order['id']}", timeout=86400)
        await steps.sleep("cool down", seconds=60)
        film = await steps.do("render", lambda step: render(order, step.key, http))
        return Done(film)

::

    Aside      the job waits, or is another worker's: this run is over (never caught by a handler)
    Ended      a step ended the run with an outcome other than Done (never caught by a handler)
    TimedOut   the event that a step waited for did not come in time
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, SupportsFloat

from psycopg.types.json import Jsonb

from db.errors import StaleRun
from workers.outcome import Done, GiveUp, Outcome, TryLater, Unknown

Ask = Callable[..., Awaitable[Any]]
"""Calls a function of the database about this run: its name, then its arguments by name."""

NOTE = 500
"""Characters of a note that are kept: it is said again with each heartbeat."""


class Aside(BaseException):
    """Nothing is to be reported of this run: the job waits, or belongs to somebody else by now."""


class Ended(Exception):
    """A step had another outcome than Done, and so has the run."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class TimedOut(Exception):
    """The event did not come in time."""


@dataclass(frozen=True)
class Step:
    key: str
    """Always the same for this step of this job: the idempotency key for who takes one."""
    maybe_sent: bool
    """An earlier run began this step and was not heard of again: look first, where one can."""


class Steps:
    """The steps of one run of one job."""

    def __init__(self, job_id: int, ask: Ask) -> None:
        self._job_id = job_id
        self._call = ask
        self.reported: tuple[float | None, str | None] | None = None
        """Progress that the next heartbeat carries."""

    async def do(self, name: str, work: Callable[[Step], Awaitable[Any]]) -> Any:
        """Do it once: what it answered is kept, and answered from then on. JSON, or an outcome.

        If it answers TryLater or GiveUp it did not happen; Unknown or an exception leaves open
        whether it did (``maybe_sent`` then). Either way the run ends with it.
        """
        said = await self._ask("jobs.step", step=name)
        if said["done"]:
            return said["value"]
        answer = await work(Step(f"{self._job_id}:{name}", said["maybe_sent"]))
        if isinstance(answer, TryLater | GiveUp):
            await self._ask("jobs.drop_step", step=name)
        if isinstance(answer, TryLater | GiveUp | Unknown):
            raise Ended(answer)
        kept = answer.answer if isinstance(answer, Done) else answer
        return await self._to_the_end("jobs.keep_step", step=name, value=Jsonb(kept))

    async def sleep(
        self, name: str, *, seconds: float | None = None, until: datetime | None = None
    ) -> None:
        """Wait without a worker; what is done stays done, and no attempt is spent."""
        wait = None if seconds is None else timedelta(seconds=seconds)
        if not await self._ask("jobs.sleep", **{"step": name, "for": wait, "until": until}):
            raise Aside

    async def event(self, name: str, timeout: float | None = None) -> Any:
        """What ``jobs.emit_event`` says under this name, now or later. Raises ``TimedOut``."""
        wait = None if timeout is None else timedelta(seconds=timeout)
        said = await self._ask("jobs.await_event", event=name, timeout=wait)
        if said["state"] == "parked":
            raise Aside
        if said["state"] == "timed out":
            raise TimedOut(name)
        return said["value"]

    def progress(self, percent: SupportsFloat | None, note: str | None = None) -> None:
        """How far it is, 0 to 100: ``jobs.active`` shows it from the next heartbeat on.

        What is beyond is cut by the database; what is no finite number, JSON cannot say: none.
        """
        share = None if percent is None else float(percent)
        known = share if share is not None and math.isfinite(share) else None
        self.reported = (known, None if note is None else _as_text(note))

    async def _ask(self, function: str, **arguments: Any) -> Any:
        try:
            said = await self._call(function, **arguments)
        except StaleRun:
            raise Aside from None
        if said is None and function != "jobs.drop_step":
            raise Aside
        return said

    async def _to_the_end(self, function: str, **arguments: Any) -> Any:
        """It may have cost money: a call that is cut off is cut off after this was said."""
        saying = asyncio.ensure_future(self._call(function, **arguments))
        try:
            return await asyncio.shield(saying)
        except asyncio.CancelledError:
            await asyncio.wait([saying])
            raise
        except StaleRun:
            raise Aside from None


def _as_text(note: object) -> str:
    """Without what Postgres cannot store: NUL, and half a pair of surrogates."""
    return str(note)[:NOTE].replace("\0", "").encode(errors="replace").decode()
