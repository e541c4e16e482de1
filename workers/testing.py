"""For tests of what goes through the queue: run what is ready here and now, look at what is enqueued.

Everything goes through the queue's own functions on the connection that the test gives, be it inside
a transaction that is rolled back at the end or not; only the handlers are the test's. ::

    def test_a_greeting(conn):
        value(conn, "jobs.enqueue", kind="shop.greet", payload={"name": "Ann"})
        assert_enqueued(conn, "shop.greet", payload={"name": "Ann"})
        (run,) = drain(conn, {"shop.greet": greet})
        assert run.state == "done"

Time stands still or moves where the test wants it, see ``db.clock``; docs/testing.md is the guide.
Call them from a test that is not itself asynchronous (or by ``asyncio.to_thread``).

::

    NotReady   the job that was to be run cannot be claimed now
    Stuck      the database did not answer, or there was no end to the work
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from db.call import call, select, value
from db.clock import Clock, ClockIsReal, clock_at, make_clock_movable
from workers.calls import Calls, Handler, Held, Job
from workers.credentials import Credentials
from workers.http import client
from workers.link import GONE
from workers.outcome import Done, Outcome

__all__ = [
    "Clock",
    "ClockIsReal",
    "Enqueued",
    "NotReady",
    "Run",
    "Stuck",
    "assert_enqueued",
    "clock_at",
    "drain",
    "enqueued",
    "make_clock_movable",
    "refute_enqueued",
    "run_inline",
]

Connection = psycopg.Connection[Any]
Resolve = Callable[[UUID], Awaitable[Credentials | None]]

LEASE = timedelta(days=365)
WAITING = ["ready", "scheduled", "parked"]
PASSING = ["promote", "rounds", "end_runs"]
"""What of jobs.tick follows from time alone; schedules do not fire."""
MOST = 10_000


class NotReady(Exception):
    """The job that was to be run cannot be claimed now; says where it is, and why."""


class Stuck(Exception):
    """The database did not answer, or there was no end to the work."""


@dataclass(frozen=True)
class Run:
    """One run of one job: what was asked, what the handler said, and where the job is after it."""

    job_id: int
    run_no: int
    kind: str
    payload: Any
    request: Any
    """What the handler got; None where it was not called."""
    outcome: Outcome | None
    """What it said; None where it was not called, or put the job aside (a sleep, an event)."""
    error: Exception | None
    """What it raised; its outcome is Unknown then."""
    state: str
    """done, failed, skipped, cancelled, unknown; or ready, scheduled, parked."""
    why: str | None
    """Why it waits, or why it ended so."""
    result: Any
    """What is kept of the answer, as ``jobs.finished`` shows it."""


@dataclass(frozen=True)
class Enqueued:
    """A row of ``jobs.active``: a job that has not ended."""

    job_id: int
    kind: str
    state: str
    queue: str
    key: str
    priority: int
    since: datetime
    """When it became ready or was parked; for a scheduled one, when its time comes."""
    payload: Any

    def __str__(self) -> str:
        key = f" key={self.key}" if self.key else ""
        return (
            f"{self.kind} {self.state} {self.since.isoformat()} queue={self.queue}{key}"
            f" {json.dumps(self.payload)}"
        )


# Running ----------------------------------------------------------------------------------------


def drain(
    conn: Connection,
    handlers: Mapping[str, Handler],
    *,
    queues: Sequence[str] | None = None,
    ahead: timedelta | None = None,
    resolve: Resolve | None = None,
    raising: bool = True,
) -> list[Run]:
    """Run every job that is ready, and what they enqueue, until none is; what happened, in order.

    ``queues`` None is all. ``ahead`` also lets that much time pass, from one job's time to the next;
    the clock, which has to be set before (``clock_at``), is left where that got to. Schedules do not
    fire by it. ``resolve`` finds the credentials of a connection; without it handlers get None.

    An error that a handler raises is settled as a worker would, and then raised here; with
    ``raising`` False it is only in ``Run.error``. Raises ``LookupError`` for a kind without a
    handler, ``ClockIsReal`` and ``Stuck``.
    """
    clock = Clock(conn)
    if ahead is not None and not clock.is_set:
        raise ClockIsReal("Time can only pass where it is set: with clock_at(conn, …).")
    end = None if ahead is None else clock.now + ahead
    hand = _Hand(conn, handlers, resolve, raising)
    served = list(queues) if queues is not None else hand.queues

    async def drained() -> list[Run]:
        runs: list[Run] = []
        async with client() as http:
            while True:
                before = len(runs)
                for queue in served:
                    runs += [await hand.work(job, http) for job in hand.claim(queue)]
                if len(runs) > MOST:
                    raise Stuck(f"After {MOST} runs there is still work: {runs[-1]}")
                if len(runs) == before and not _time_passes(conn, clock, served, end):
                    return runs

    with hand:
        return asyncio.run(drained())


def run_inline(
    conn: Connection,
    job: int | str,
    handlers: Mapping[str, Handler],
    *,
    payload: Any = None,
    resolve: Resolve | None = None,
    raising: bool = True,
    **enqueue: Any,
) -> Run:
    """Run one job now, before all others of its queue: the one of this id, or a new one of this kind.

    ``enqueue`` is what else ``jobs.enqueue`` takes. What the job enqueues waits. Raises what its
    handler raises, as ``drain`` does, and ``NotReady`` where a claim would not get it: it waits for
    something, is held up, or a limit is used up.
    """
    if isinstance(job, str):
        payload = {} if payload is None else payload
        job = int(value(conn, "jobs.enqueue", kind=job, payload=payload, **enqueue))
    hand = _Hand(conn, handlers, resolve, raising)

    async def ran() -> Run:
        async with client() as http:
            return await hand.work(hand.claim_this(job), http)

    with hand:
        return asyncio.run(ran())


@dataclass(frozen=True)
class _Work:
    """A row of ``jobs.work``."""

    kind: str
    queue: str
    in_bulk: bool
    timeout: timedelta


@dataclass(frozen=True)
class _Claimed:
    """A row of ``jobs.claim``."""

    job_id: int
    run_no: int
    kind: str
    key: str
    payload: Any
    timeout: timedelta | None
    priority: int


@dataclass(frozen=True)
class _Place:
    """A row of ``jobs.whereabouts``."""

    state: str
    queue: str
    why: str | None
    result: Any


@dataclass(frozen=True)
class _Part:
    """A row of ``jobs.tick``."""

    part: str
    error: str | None


class _Calls(Calls):
    """Remembers the last call."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.request: Any = None
        self.outcome: Outcome | None = None

    async def call(
        self, held: Held, request: Any, credentials: Credentials | None, timeout: float
    ) -> Outcome:
        if held.job.kind not in self._handlers:
            raise LookupError(f"There is no handler for {held.job.kind} among those given.")
        self.request = request
        outcome = await super().call(held, request, credentials, timeout)
        self.outcome = None if held.lost else outcome
        return outcome


class _Hand:
    """A worker of one job at a time, on the test's own connection."""

    def __init__(
        self,
        conn: Connection,
        handlers: Mapping[str, Handler],
        resolve: Resolve | None,
        raising: bool,
    ) -> None:
        self._conn = conn
        self._handlers = handlers
        self._resolve = resolve or _nobodys
        self._raising = raising
        self._work = {row.kind: row for row in select(conn, "jobs.work", _Work)}
        self._turns: dict[str, dict[str, str]] = {}

    def __enter__(self) -> _Hand:
        self._worker_id = value(self._conn, "jobs.start_worker", name="a test", lease=LEASE)
        return self

    def __exit__(self, *_: object) -> None:
        if self._conn.info.transaction_status != TransactionStatus.INERROR:
            value(self._conn, "jobs.stop_worker", worker_id=self._worker_id)

    @property
    def queues(self) -> list[str]:
        return sorted({row.queue for row in self._work.values()})

    def claim(self, queue: str, limit: int = 1) -> list[_Claimed]:
        jobs = call(
            self._conn,
            "jobs.claim",
            _Claimed,
            worker_id=self._worker_id,
            queue=queue,
            limit=limit,
            turn=self._turns.setdefault(queue, {}),
        )
        self._turns[queue] |= {str(job.priority): job.key for job in jobs}
        return jobs

    def claim_this(self, job_id: int) -> _Claimed:
        place = _place(self._conn, job_id)
        claimed = {job.job_id: job for job in self.claim(place.queue, MOST)}
        job = claimed.pop(job_id, None)
        value(
            self._conn,
            "jobs.release_many",
            job_ids=list(claimed),
            run_nos=[other.run_no for other in claimed.values()],
        )
        if job is None:
            said = f"{place.state}, {place.why}" if place.why else place.state
            raise NotReady(f"Job {job_id} is not there to be claimed: it is {said}.")
        return job

    async def work(self, job: _Claimed, http: httpx.AsyncClient) -> Run:
        calls = _Calls(self._handlers, self._resolve, self._ask, http)
        held = Held(Job(job.job_id, job.run_no, job.kind, job.payload))
        work = self._work[job.kind]
        if work.in_bulk:
            timeout = (job.timeout or work.timeout).total_seconds()
            outcome = await calls.call(held, job.payload, None, timeout)
            if isinstance(outcome, Done):
                answers = None if outcome.answer is None else [Jsonb(outcome.answer)]
                await self._ask(
                    "jobs.complete_many",
                    job_ids=[job.job_id],
                    run_nos=[job.run_no],
                    results=answers,
                )
            else:
                await calls.settle(held, outcome)
        else:
            await calls.work(held)
        if held.error and self._raising:
            raise held.error
        place = _place(self._conn, job.job_id)
        return Run(
            job_id=job.job_id,
            run_no=job.run_no,
            kind=job.kind,
            payload=job.payload,
            request=calls.request,
            outcome=calls.outcome,
            error=held.error,
            state=place.state,
            why=place.why,
            result=place.result,
        )

    async def _ask(self, function: str, **arguments: Any) -> Any:
        try:
            # A savepoint where the test has a transaction: a rule that raises must not end that.
            with self._conn.transaction():
                return value(self._conn, function, **arguments)
        except GONE as error:
            raise Stuck(f"{function}: {error}") from error


async def _nobodys(connection_id: UUID) -> None:
    return None


def _place(conn: Connection, job_id: int) -> _Place:
    rows = select(conn, "jobs.whereabouts", _Place, where={"job_id": job_id})
    if not rows:
        raise NotReady(f"There is no job {job_id}.")
    return rows[0]


def _time_passes(
    conn: Connection, clock: Clock, queues: Sequence[str], end: datetime | None
) -> bool:
    """Move the clock to when there is work again; False where that is not before the end."""
    due = None if end is None else value(conn, "jobs.next_due", queues=list(queues))
    if due is None or due > end:
        return False
    clock.to(due)
    for part in call(conn, "jobs.tick", _Part, parts=PASSING):
        if part.error:
            raise Stuck(f"jobs.tick: {part.part}: {part.error}")
    return True


# Looking ----------------------------------------------------------------------------------------


def enqueued(conn: Connection, kind: str | None = None) -> list[Enqueued]:
    """The jobs that wait, of one kind or all, by id: ready, scheduled and parked ones.

    Raises ``LookupError`` for a kind that there is not: of one, nothing can ever wait.
    """
    where: dict[str, Any] = {"state": WAITING}
    if kind is not None:
        if not select(conn, "jobs.work", _Work, where={"kind": kind}):
            raise LookupError(f"There is no kind {kind}.")
        where["kind"] = kind
    return select(conn, "jobs.active", Enqueued, where=where, order="job_id")


def assert_enqueued(
    conn: Connection,
    kind: str,
    *,
    payload: Any = None,
    key: str | None = None,
    queue: str | None = None,
    priority: int | None = None,
    at: str | datetime | None = None,
    times: int | None = None,
) -> list[Enqueued]:
    """Some job waits that has all of this; returns those that do. None asks for nothing.

    ``payload`` is a part of it, as by ``@>``; ``at`` is its time to a second, and for one that is
    ready since when it is; ``times`` is how many there have to be. The error lists what does wait.
    """
    asked = _asked(payload=payload, key=key, queue=queue, priority=priority, at=at)
    found = _matching(conn, kind, asked)
    if not found if times is None else len(found) != times:
        many = "no" if not found else str(len(found))
        expected = "" if times is None else f", not {times}"
        raise AssertionError(f"There is {many} job {_said(kind, asked)}{expected}.\n{_all(conn)}")
    return found


def refute_enqueued(
    conn: Connection,
    kind: str,
    *,
    payload: Any = None,
    key: str | None = None,
    queue: str | None = None,
    priority: int | None = None,
    at: str | datetime | None = None,
) -> None:
    """No job waits that has all of this, see ``assert_enqueued``; the kind has to be one."""
    asked = _asked(payload=payload, key=key, queue=queue, priority=priority, at=at)
    if _matching(conn, kind, asked):
        raise AssertionError(f"There is a job {_said(kind, asked)}.\n{_all(conn)}")


def _asked(**asked: Any) -> dict[str, Any]:
    return {name: wanted for name, wanted in asked.items() if wanted is not None}


def _matching(conn: Connection, kind: str, asked: Mapping[str, Any]) -> list[Enqueued]:
    return [
        job
        for job in enqueued(conn, kind)
        if all(_fits(job, name, wanted) for name, wanted in asked.items())
    ]


def _fits(job: Enqueued, name: str, wanted: Any) -> bool:
    if name == "payload":
        return _contains(job.payload, wanted)
    if name == "at":
        moment = datetime.fromisoformat(wanted) if isinstance(wanted, str) else wanted
        return abs(job.since - moment) <= timedelta(seconds=1)
    return bool(getattr(job, name) == wanted)


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(name in whole and _contains(whole[name], part[name]) for name in part)
    if isinstance(whole, list) and isinstance(part, list):
        return all(any(_contains(one, item) for one in whole) for item in part)
    return bool(whole == part)


def _said(kind: str, asked: Mapping[str, Any]) -> str:
    return " ".join([kind, *(f"{name}={wanted!r}" for name, wanted in asked.items())])


def _all(conn: Connection) -> str:
    jobs = enqueued(conn)
    return "\n".join([f"Waiting: {len(jobs) or 'nothing'}", *(f"  {job}" for job in jobs)])
