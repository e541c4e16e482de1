"""One job at a time: ask for its request, call its handler, report what came of it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import httpx
import psycopg

from db.errors import Refused
from workers.credentials import Credentials
from workers.link import GONE
from workers.outcome import Done, Outcome, TryLater, Unknown
from workers.steps import Aside, Ask, Ended, Steps

T = TypeVar("T")
Handler = Callable[..., Awaitable[Outcome | None] | Outcome | None]
"""Gets the request, the credentials to call with (None where the kind has no connection) and a
client, and its ``steps`` if it has an argument of that name; None is ``Done()``. A plain function is
called in the event loop: until it returns its worker does nothing else but keep its lease, and
nothing stops it."""
Resolve = Callable[[UUID], Awaitable[Credentials]]

log = logging.getLogger("autom.worker")

ELSEWHERE = 5.0
"""Seconds in which another worker may come for a job that this one has no handler for."""


class Job(NamedTuple):
    job_id: int
    run_no: int
    kind: str
    payload: Any
    timeout: float | None = None
    """Its own, in seconds; None where it goes by its kind's."""


class Held:
    """A job that this worker has begun."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.task: asyncio.Task[None] | None = None
        self.calling = False
        """Only the call may be cut off; what is said to the database is said to the end."""
        self.why = ""
        """Why it is to stop; empty while it is not."""
        self.lost = False
        """It waits, or others have it by now: nothing is to be said of it any more."""
        self.steps: Steps | None = None
        self.error: Exception | None = None
        """What its handler raised."""

    def stop(self, why: str) -> None:
        self.why = self.why or why
        if self.calling and self.task:
            self.task.cancel()


class Calls:
    """Works single jobs; what it has to say to the database goes through ``ask``."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        resolve: Resolve | None,
        ask: Ask,
        http: httpx.AsyncClient,
    ) -> None:
        self._handlers = handlers
        self._resolve = resolve
        self._ask = ask
        self._http = http
        self._in_steps = {
            kind
            for kind, handler in handlers.items()
            if "steps" in inspect.signature(handler).parameters
        }

    async def work(self, held: Held) -> bool:
        """Prepare, call, settle; False where it was told to stop before anything was sent."""
        job = held.job
        try:
            prepared = await self._say(held, "jobs.prepare")
        except (psycopg.Error, Refused) as error:
            log.error("job %s of kind %s: prepare: %s", job.job_id, job.kind, error)
            await self.settle(held, TryLater(None, f"prepare: {said(error)}", "prepare"))
            return True
        if prepared is None or not prepared["call"]:
            return True
        if held.why:
            return False
        await self.settle(held, await self._resolve_and_call(held, prepared))
        return True

    async def call(
        self, held: Held, request: Any, credentials: Credentials | None, timeout: float
    ) -> Outcome:
        """Call the handler; whatever happens, it has an outcome. ``timeout`` is in seconds."""
        handler = self._handlers.get(held.job.kind)
        if handler is None:
            why = f"No handler for {held.job.kind} here."
            return TryLater(ELSEWHERE, why, "no_handler", unbegun=True)
        held.calling = True
        try:
            async with asyncio.timeout(timeout):
                answer = handler(request, credentials, self._http, **self._steps_of(held))
                outcome = await answer if inspect.isawaitable(answer) else answer
        except Aside:
            held.lost = True
            return Unknown("It was put aside.")
        except Ended as end:
            return end.outcome
        except TimeoutError:
            return Unknown(f"No answer within {timeout:g} s.", "timeout")
        except asyncio.CancelledError:
            return Unknown(held.why or "Stopped.", "stopped")
        except Exception as error:
            # It may have come before or after the request went out.
            held.error = error
            log.exception("job %s of kind %s", held.job.job_id, held.job.kind)
            return Unknown(said(error), "handler")
        finally:
            held.calling = False
        return understood(outcome)

    def _steps_of(self, held: Held) -> dict[str, Steps]:
        if held.job.kind not in self._in_steps:
            return {}
        held.steps = Steps(held.job.job_id, partial(self._say, held))
        return {"steps": held.steps}

    async def settle(self, held: Held, outcome: Outcome) -> None:
        """Report until somebody hears it, for the answer may have cost money."""
        job = held.job
        try:
            await self._say(held, "jobs.settle", outcome=outcome.to_json())
        except (psycopg.Error, Refused, TypeError, ValueError) as error:
            # Its settle function failed, or it is nothing that JSON can say: nothing of it was kept.
            log.error("job %s of kind %s: settle: %s", job.job_id, job.kind, error)
            unknown = Unknown(f"settle: {said(error)}", "settle")
            await self._say(held, "jobs.settle", outcome=unknown.to_json())

    async def _resolve_and_call(self, held: Held, prepared: Mapping[str, Any]) -> Outcome:
        credentials = None
        if prepared["connection_id"]:
            if self._resolve is None:
                return TryLater(None, "This worker has no credentials.", "credentials")
            try:
                credentials = await self._resolve(UUID(prepared["connection_id"]))
            except Exception as error:
                return TryLater(None, said(error), "credentials")
        return await self.call(held, prepared["request"], credentials, prepared["timeout_s"])

    async def _say(self, held: Held, function: str, **more: Any) -> Any:
        """Say it again until it is heard: neither function minds being told twice by one run."""

        async def once() -> Any:
            if held.lost:
                return None
            run = {"job_id": held.job.job_id, "run_no": held.job.run_no}
            return await self._ask(function, **run, **more)

        return await until_it_works(once)


def understood(answer: object) -> Outcome:
    """What a handler returned, as an outcome: None is one, anything else than an outcome is not."""
    if answer is None:
        return Done()
    if isinstance(answer, Outcome):
        return answer
    why = f"The handler returned a {type(answer).__name__}, not an outcome."
    return Unknown(why, "handler")


async def until_it_works(
    attempt: Callable[..., Awaitable[T]],
    *arguments: Any,
    outlast: tuple[type[Exception], ...] = GONE,
) -> T:
    """Outlast a database that restarts, fails over, or has no connection to spare."""
    pause = 0.1
    while True:
        try:
            return await attempt(*arguments)
        except outlast as error:
            log.warning("%s", said(error))
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, 2)


def said(error: BaseException) -> str:
    """What went wrong, in one line."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
