"""The worker: claims jobs, hands them to their handlers, reports how it went. It holds no rule.

It needs no state in a session, so PgBouncer may stand between in transaction mode. What it holds:

* one connection for claims, each claim carrying what was done since the last one, and each report
  asking for more;
* a few for ``jobs.prepare`` and ``jobs.settle``, and for reports beside a claim that is under way;
* one for its heartbeat, so that no crowd on the others can cost it its lease; and while a handler
  holds up the event loop another, of a thread that beats in its place;
* one that listens. Where notifications do not arrive, it polls: often while there is work, seldom
  while there is none.

Of all workers one polls each second, and thereby is the clock (``jobs.tick``); the others come now
and then to see that it goes. Whoever finds that it stands still is the clock from then on.

A worker whose lease has run out stops what it does: others have its jobs, and the database refuses
its reports (``run_no``).
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import psycopg
from psycopg.types.json import Jsonb

from db.call import acall, aselect, avalue
from db.errors import WorkerGone
from workers.calls import Calls, Handler, Held, Job, Resolve, said, understood, until_it_works
from workers.ear import Ear
from workers.http import client
from workers.line import NOTHING, Batch, Line
from workers.link import GONE, Connection, Link, Links
from workers.outcome import Done, Outcome, Unknown

log = logging.getLogger("autom.worker")

LEASE = 15.0
GRACE = 20.0
POLL = 1.0
POLL_BESIDE = 3.0
"""While another worker is the clock and notifications arrive."""
POLL_DEAF = (0.025, 2.0)
RELOOK = 0.006
"""A notification may have been left out in the 5 ms after another: look again after it."""
MANY = 100
"""Reports that are worth a statement of their own."""


@dataclass(frozen=True)
class Work:
    """A row of ``jobs.work``."""

    kind: str
    queue: str
    concurrency: int
    in_bulk: bool
    in_sql: bool
    timeout: timedelta


@dataclass(frozen=True)
class Stop:
    """A row of ``jobs.heartbeat``."""

    job_id: int
    run_no: int
    reason: str


class Worker:
    """Serves queues until ``stop`` is called."""

    def __init__(
        self,
        url: str,
        handlers: Mapping[str, Handler],
        resolve: Resolve | None = None,
        *,
        name: str | None = None,
        queues: Iterable[str] | None = None,
        concurrency: Mapping[str, int] | None = None,
        listen_url: str | None = None,
        lease: float = LEASE,
        grace: float = GRACE,
    ) -> None:
        """``queues`` None serves all; either way those in which it has something to handle.

        ``concurrency`` goes before ``jobs.queues.concurrency``.
        ``listen_url`` is a direct connection where ``url`` is a pooler's. ``lease`` is how many
        seconds without a heartbeat others wait before they take over, ``grace`` how many a stop
        gives to calls that are under way.
        """
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.worker_id = 0
        self.ready = asyncio.Event()
        """Set once it is signed on and serves."""
        self._url = url
        self._handlers = handlers
        self._plain: dict[str, Callable[..., Any]] = {}
        """Handlers that are plain functions, of kinds that need no more than to be called."""
        self._resolve = resolve
        self._queues = None if queues is None else list(queues)
        self._concurrency = concurrency or {}
        self._lease, self._grace = lease, grace
        self._work: dict[str, Work] = {}
        self._lines: dict[str, Line] = {}
        self._claims = Link(url, self._reclaimed)
        self._heart = Link(url, patience=lease / 3)
        self._links = Links(url, 4)
        self._signing = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._alarm = asyncio.Event()
        self._ear = Ear(listen_url or url, self.name, self._ask, self._rung)
        self._claimed = 0
        self._heard = time.monotonic()
        """When the last heartbeat was answered."""
        self._http: httpx.AsyncClient
        self._calls: Calls
        self._group: asyncio.TaskGroup

    def stop(self) -> None:
        """Claim no more, give back what is not begun, let calls end within the grace time."""
        self._stopping.set()
        for line in self._lines.values():
            line.bell.set()

    @property
    def hears(self) -> bool:
        """Notifications arrive; where they do not, it polls."""
        return self._ear.hears

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            self._http = await stack.enter_async_context(client())
            self._calls = Calls(self._handlers, self._resolve, self._ask, self._http)
            for link in (self._claims, self._heart, self._links):
                stack.push_async_callback(link.close)
            await until_it_works(self._learn)
            await until_it_works(self._sign_on)
            self._heard = time.monotonic()
            over = threading.Event()
            stack.callback(over.set)
            threading.Thread(target=lambda: asyncio.run(self._stand_in(over)), daemon=True).start()
            async with asyncio.TaskGroup() as group:
                around = [
                    group.create_task(self._beat()),
                    group.create_task(self._ear.listen()),
                    group.create_task(self._poll()),
                ]
                self._group = group
                self._serve_all()
                self.ready.set()
                await self._stopping.wait()
                await self._wind_up([line.task for line in self._lines.values() if line.task])
                for task in around:
                    task.cancel()
            with suppress(*GONE):
                async with self._heart.use() as conn:
                    await avalue(conn, "jobs.stop_worker", worker_id=self.worker_id)

    async def _ask(self, function: str, **arguments: Any) -> Any:
        async with self._links.use() as conn:
            return await avalue(conn, function, **arguments)

    # What there is to do ------------------------------------------------------------------------

    async def _learn(self) -> None:
        async with self._heart.use() as conn:
            rows = await aselect(conn, "jobs.work", Work)
        self._work = {row.kind: row for row in rows}
        self._plain = {
            row.kind: self._handlers[row.kind]
            for row in rows
            if row.in_bulk
            and row.kind in self._handlers
            and not inspect.iscoroutinefunction(self._handlers[row.kind])
        }
        for row in rows:
            if (self._queues is None or row.queue in self._queues) and (
                row.in_sql or row.kind in self._handlers
            ):
                wanted = self._concurrency.get(row.queue, row.concurrency)
                line = self._lines.setdefault(row.queue, Line(row.queue, wanted))
                line.free += wanted - line.concurrency
                line.concurrency = wanted

    async def _sign_on(self) -> None:
        async with self._heart.use() as conn:
            self.worker_id = await avalue(
                conn,
                "jobs.start_worker",
                name=self.name,
                queues=list(self._lines),
                lease=timedelta(seconds=self._lease),
                kinds=sorted(self._handlers),
            )

    async def _reclaimed(self, conn: Connection) -> None:
        """The connection for claims is new: the answer to the last claim may be lost."""
        if self.ready.is_set():
            held = sorted(set().union(*(line.held for line in self._lines.values())))
            await avalue(conn, "jobs.release_unheld", worker_id=self.worker_id, held=held)

    # Queues -------------------------------------------------------------------------------------

    def _serve_all(self) -> None:
        for line in self._lines.values():
            line.task = line.task or self._group.create_task(self._serve(line))

    async def _serve(self, line: Line) -> None:
        while True:
            if self._stopping.is_set() and not (
                line.begun or line.done or line.unbegun or line.reporting
            ):
                return
            if not (line.done or line.unbegun or self._wants(line)):
                line.bell.clear()
                await line.bell.wait()
                continue
            batch = await self._exchange(line)
            while batch.job_ids:
                under_way = None
                if self._wants(line):
                    under_way = asyncio.create_task(self._exchange(line))
                    # It sends now, and the database works on it while this batch is worked on.
                    await asyncio.sleep(0)
                self._begin(line, batch)
                if under_way and len(line.done) >= MANY and line.reporting is None:
                    line.reporting = asyncio.create_task(self._report(line))
                batch = await under_way if under_way else NOTHING

    def _wants(self, line: Line) -> bool:
        return line.hungry and line.wanted > 0 and not self._stopping.is_set()

    async def _exchange(self, line: Line) -> Batch:
        """Report what is done and claim what there is room for, in one round trip."""
        done, line.done = line.done, []
        unbegun, line.unbegun = line.unbegun, []
        # Also where none are known of: to ask while reporting costs little, and as long as jobs
        # come one after the other nobody needs to be woken.
        wanted = 0 if self._stopping.is_set() else line.wanted
        # Whoever rings from here on may mean a job that this claim does not see.
        line.hungry = line.hungry and not wanted
        line.free -= wanted
        line.sent = {job_id for job_id, _, _ in done} | {job_id for job_id, _ in unbegun}
        batch = await until_it_works(
            self._claim, line, done, unbegun, wanted, outlast=(psycopg.Error,)
        )
        line.sent = set()
        line.free += wanted - len(batch.job_ids)
        if batch.again_in is not None:
            line.ring_in(batch.again_in)
        if batch.job_ids:
            line.hungry = line.hungry or len(batch.job_ids) == wanted
            self._claimed += len(batch.job_ids)
            line.turn = batch.turn
            line.fresh = set(batch.job_ids)
        return batch

    async def _report(self, line: Line) -> None:
        """Report what is done, beside the claim that is under way."""
        done, line.done = line.done, []
        line.told = {job_id for job_id, _, _ in done}
        try:
            await until_it_works(partial(self._ask, "jobs.complete_many", **_reported(done)))
        except (psycopg.Error, TypeError, ValueError):
            # The next claim takes them along, and knows what to do.
            line.done[:0] = done
        line.told = set()
        line.reporting = None
        line.bell.set()

    async def _claim(
        self,
        line: Line,
        done: list[tuple[int, int, Any]],
        unbegun: list[tuple[int, int]],
        wanted: int,
    ) -> Batch:
        worker_id = self.worker_id
        try:
            async with self._claims.use() as conn:
                if unbegun:
                    await avalue(
                        conn,
                        "jobs.release_many",
                        job_ids=_array(job_id for job_id, _ in unbegun),
                        run_nos=_array(run_no for _, run_no in unbegun),
                    )
                rows = await acall(
                    conn,
                    "jobs.exchange",
                    Batch,
                    worker_id=worker_id,
                    queue=line.queue,
                    limit=wanted,
                    turn=line.turn,
                    **_reported(done),
                )
                # What was claimed under a number that was given up meanwhile is taken back.
                return rows[0] if rows and worker_id == self.worker_id else NOTHING
        except WorkerGone:
            await self._lose(worker_id)
        except (psycopg.DataError, TypeError, ValueError) as error:
            if not done:
                raise
            # An answer is nothing that JSON can say: one by one, so that only its own job fails.
            log.error("queue %s: %s", line.queue, said(error))
            for job_id, run_no, answer in done:
                await self._calls.settle(Held(Job(job_id, run_no, "", None)), Done(answer))
            line.ring()
        return NOTHING

    def _begin(self, line: Line, batch: Batch) -> None:
        if not line.fresh:
            # Let go of meanwhile, for the lease was lost: they are others' jobs.
            line.free += len(batch.job_ids)
            return
        timeouts = batch.timeouts or itertools.repeat(None)
        jobs = zip(
            batch.job_ids, batch.run_nos, batch.kinds, batch.payloads, timeouts, strict=False
        )
        for job in map(Job._make, jobs):
            plain = self._plain.get(job.kind)
            if plain is None:
                self._start(line, Held(job))
                continue
            try:
                outcome = plain(job.payload, None, self._http)
            except Exception as error:
                log.exception("job %s of kind %s", job.job_id, job.kind)
                outcome = Unknown(said(error), "handler")
            if outcome is None or type(outcome) is Done:
                line.done.append((job.job_id, job.run_no, outcome and outcome.answer))
                line.free += 1
            else:
                self._start(line, Held(job), understood(outcome))
        line.fresh = set()

    def _start(self, line: Line, held: Held, outcome: Outcome | None = None) -> None:
        async def worked() -> None:
            try:
                if outcome:
                    await self._calls.settle(held, outcome)
                else:
                    await self._run(line, held)
            except Exception:
                # The job stays with this worker until its deadline, and is taken back then.
                log.exception("job %s of kind %s", held.job.job_id, held.job.kind)
            finally:
                del line.begun[held.job.job_id]
                line.free += 1
                line.ring()

        line.begun[held.job.job_id] = held
        held.task = asyncio.create_task(worked())

    async def _run(self, line: Line, held: Held) -> None:
        job = held.job
        if job.kind not in self._work:
            await until_it_works(self._learn)
        work = self._work[job.kind]
        if self._stopping.is_set():
            held.stop("Its worker was stopped.")
        if work.in_bulk and not held.why:
            timeout = job.timeout or work.timeout.total_seconds()
            outcome = await self._calls.call(held, job.payload, None, timeout)
            if isinstance(outcome, Done) and not held.lost:
                line.done.append((job.job_id, job.run_no, outcome.answer))
            else:
                await self._calls.settle(held, outcome)
        elif held.why or not await self._calls.work(held):
            line.unbegun.append((job.job_id, job.run_no))

    # Around them --------------------------------------------------------------------------------

    async def _beat(self) -> None:
        learned = time.monotonic()
        while True:
            await asyncio.sleep(
                self._lease / 3 if self._heard > time.monotonic() - self._lease / 2 else 1
            )
            worker_id = self.worker_id
            try:
                async with self._heart.use() as conn:
                    stops = await acall(
                        conn,
                        "jobs.heartbeat",
                        Stop,
                        worker_id=worker_id,
                        progress=self._progress(),
                        hears=self.hears,
                    )
                self._heard = time.monotonic()
                for stop in stops:
                    for line in self._lines.values():
                        held = line.begun.get(stop.job_id)
                        if held and held.job.run_no == stop.run_no:
                            held.stop(stop.reason)
                if self._heard - learned > 30:
                    await self._learn()
                    self._serve_all()
                    learned = self._heard
            except WorkerGone:
                await self._lose(worker_id)
                self._heard = time.monotonic()
            except psycopg.Error as error:
                log.warning("heartbeat: %s", said(error))
                if time.monotonic() - self._heard > self._lease:
                    # Under a new number: a heartbeat that came through after all would keep alive
                    # what this worker has let go of.
                    await self._lose(worker_id)
                    self._heard = time.monotonic()

    async def _stand_in(self, over: threading.Event) -> None:
        """Beat where the event loop does not come to it, for a handler does not give way.

        In a thread and a loop of its own, which has nothing else to do and so may wait. What the
        database answers, the next heartbeat is told again.
        """
        link = Link(self._url, patience=self._lease / 3)
        while not over.wait(self._lease / 12):
            worker_id = self.worker_id
            if worker_id and time.monotonic() - self._heard > self._lease / 2:
                with suppress(psycopg.Error, WorkerGone):
                    async with link.use() as conn:
                        await acall(conn, "jobs.heartbeat", Stop, worker_id=worker_id)
                    self._heard = time.monotonic()
                await link.close()

    def _progress(self) -> Jsonb | None:
        """What handlers have said of how far they are; said again each time, so none is lost."""
        said = [
            {"job_id": held.job.job_id, "run_no": held.job.run_no, "percent": percent, "note": note}
            for line in self._lines.values()
            for held in line.begun.values()
            if held.steps and held.steps.reported
            for percent, note in [held.steps.reported]
        ]
        return Jsonb(said) if said else None

    def _drop_everything(self) -> None:
        for line in self._lines.values():
            line.done.clear()
            line.unbegun.clear()
            line.fresh = set()
            for held in line.begun.values():
                held.lost = True
                held.stop("The lease of its worker ran out.")

    async def _lose(self, worker_id: int) -> None:
        """The lease ran out, and others have the jobs: let go of them and start afresh."""
        async with self._signing:
            if worker_id == self.worker_id:
                log.warning("worker %s (%s) lost its lease", worker_id, self.name)
                # Whatever still comes in answer to its old number is others' by now.
                self.worker_id = 0
                self._drop_everything()
                await until_it_works(self._sign_on)

    def _rung(self, queue: str) -> None:
        if queue in self._lines:
            self._lines[queue].ring()
        self._alarm.set()

    async def _poll(self) -> None:
        shortest, longest = POLL_DEAF
        pause, claimed = shortest, 0
        tick = time.monotonic()
        due = tick
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(due - time.monotonic()):
                    await self._alarm.wait()
                await asyncio.sleep(RELOOK)
            self._alarm.clear()
            ticked = False
            try:
                async with self._links.use() as conn:
                    (answer,) = await acall(conn, "jobs.poll", Polled, queues=list(self._lines))
                ticked = answer.ticked
                for queue in answer.queues:
                    self._lines[queue].ring()
            except psycopg.Error as error:
                log.warning("poll: %s", said(error))
            now = time.monotonic()
            if ticked:
                tick = now + POLL
            elif now >= tick:
                # Somebody else is the clock.
                tick = now + POLL_BESIDE * random.uniform(0.8, 1.2)
            due = tick
            if not self.hears:
                pause = shortest if claimed != self._claimed else min(pause * 1.5, longest)
                claimed = self._claimed
                due = min(tick, now + pause)

    async def _wind_up(self, serving: list[asyncio.Task[None]]) -> None:
        _, late = await asyncio.wait(serving, timeout=self._grace)
        if not late:
            return
        for line in self._lines.values():
            for held in line.begun.values():
                held.stop("Its worker was stopped.")
        # A lease later others have what it could not report: the database did not answer.
        _, unheard = await asyncio.wait(late, timeout=self._lease)
        for task in unheard:
            task.cancel()


@dataclass(frozen=True)
class Polled:
    """The row of ``jobs.poll``."""

    ticked: bool
    queues: list[str]


def run(
    url: str,
    handlers: Mapping[str, Handler],
    resolve: Resolve | None = None,
    ready: Callable[[], None] = lambda: None,
    **options: Any,
) -> None:
    """Work until SIGTERM or SIGINT; a second one does not wait for calls under way.

    ``ready`` is called once it serves.
    """

    async def tell(worker: Worker) -> None:
        await worker.ready.wait()
        ready()

    async def serve() -> None:
        worker = Worker(url, handlers, resolve, **options)
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(worker.run())
        telling = asyncio.create_task(tell(worker))

        def stop() -> None:
            if worker._stopping.is_set():
                task.cancel()
            worker.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        with suppress(asyncio.CancelledError):
            await task
        telling.cancel()

    with asyncio.Runner() as runner:
        runner.run(serve())


def _reported(done: list[tuple[int, int, Any]]) -> dict[str, Any]:
    """What jobs.complete_many is told."""
    answers = [None if answer is None else Jsonb(answer) for _, _, answer in done]
    return {
        "job_ids": _array(job_id for job_id, _, _ in done),
        "run_nos": _array(run_no for _, run_no, _ in done),
        "results": answers if any(answers) else None,
    }


def _array(numbers: Iterable[int]) -> str:
    """An array as Postgres writes it: several times faster than to let the driver do it."""
    return "{" + ",".join(map(str, numbers)) + "}"
