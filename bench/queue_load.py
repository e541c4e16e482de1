"""What a queue is like on a bad day: a held horizon, a huge backlog, unfair tenants, a dead worker."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psycopg

from bench import idle
from bench.pgbouncer import PROGRAM, PgBouncer
from bench.report import Figure
from db import database
from db.call import value
from workers.runner import Worker

Connection = psycopg.Connection[Any]
Fresh = Callable[[], AbstractContextManager[tuple[str, Connection]]]

KIND = "bench.noop"


@contextmanager
def working(
    url: str,
    folder: Path,
    ms: int = 0,
    name: str = "began",
    env: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], list[tuple[int, int]]]]]:
    """A worker process whose handler takes ``ms``; afterwards, which job's handler began when.

    ``env`` is added to its environment. What it complains about is in ``folder``, NAME.log.
    """
    file = folder / name
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.noop_worker", url, str(file), str(ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | env,
        )
    assert process.stdin and process.stdout
    assert process.stdout.readline() == b"ready\n", "the worker did not start"
    yield process, lambda: list(struct.iter_unpack("=qq", file.read_bytes()))
    process.stdin.close()
    process.wait()


def offer(url: str, rate: int, seconds: float, keys: int = 0) -> dict[int, int]:
    """Enqueue so many a second, in calls of eight; returns when each call came back, in ns."""
    returned: dict[int, int] = {}
    with database.connect(url) as conn:
        began = time.monotonic()
        for first in range(0, int(rate * seconds), 8):
            time.sleep(max(0, began + first / rate - time.monotonic()))
            numbers = range(first, first + 8)
            value(
                conn,
                "jobs.enqueue_many",
                kind=KIND,
                payloads=[{"i": i} for i in numbers],
                keys=[f"shop-{i % keys}" for i in numbers] if keys else None,
            )
            now = time.monotonic_ns()
            returned |= dict.fromkeys(numbers, now)
    return returned


@contextmanager
def held_snapshot(url: str) -> Iterator[None]:
    """Somebody reads for as long as this lasts, and vacuum removes nothing that died since."""
    with database.connect(url) as conn, conn.transaction():
        conn.execute("set transaction isolation level repeatable read")
        conn.execute("select count(*) from jobs.ready")
        yield


def under_a_held_horizon(
    fresh: Fresh, folder: Path, what: str, rate: int, seconds: float, keys: int = 0
) -> list[Figure]:
    """Of the jobs offered each second, which share is done within it, and how late at the end."""
    with fresh() as (url, conn):
        if keys:
            # None of them holds anything up; they only have to be looked at.
            conn.execute(
                "insert into jobs.limits (queue, key, max_running, rate, burst)"
                " values ('bench', '*', 4, 50, 50)"
            )
            conn.execute(
                "update jobs.queues set max_running = 1000, rate = 5000, burst = 5000"
                " where queue = 'bench'"
            )
        with working(url, folder) as (_, began), held_snapshot(url):
            # The first second is the worker's, to make its plans.
            offered = offer(url, rate, 1, keys)
            first = pages_of_a_claim(conn, keys)
            offered = offer(url, rate, seconds, keys)
            ended = time.monotonic_ns()
            while unfinished(conn):
                time.sleep(0.01)
            last = pages_of_a_claim(conn, keys)
        starts = dict(began())
        done = sum(at <= ended for at in starts.values())
        tail = [
            (starts[i] - at) / 1e6 for i, at in offered.items() if at > ended - seconds / 6 * 1e9
        ]
        row = conn.execute(
            "select sum(n_dead_tup) from pg_stat_all_tables where schemaname = 'jobs'"
        ).fetchone()
        assert row is not None
        return [
            Figure(f"{what}, done in time", "%", round(100 * done / len(offered), 2)),
            Figure(f"{what}, pickup p99 of the last sixth", "ms", quantile(tail, 0.99)),
            Figure(f"{what}, dead rows at the end", "rows", float(row[0])),
            Figure(f"{what}, pages of a claim after a second", "pages", first),
            Figure(f"{what}, pages of a claim at the end", "pages", last),
        ]


def pages_of_a_claim(conn: Connection, keys: int) -> float:
    """Pages that a claim of ten jobs touches, in the median of nine, each undone again."""
    worker_id = value(conn, "jobs.start_worker", name="bench", queues=["bench"])
    found = []
    for n in range(9):
        with conn.transaction(force_rollback=True):
            value(
                conn,
                "jobs.enqueue_many",
                kind=KIND,
                payloads=[{"i": 0}] * 10,
                keys=[f"shop-{(n * 10 + i) % keys}" if keys else None for i in range(10)],
            )
            row = conn.execute(
                "explain (analyze, buffers, format json)"
                f" select * from jobs.claim({worker_id}, 'bench', 10)".encode()
            ).fetchone()
            assert row is not None
            plan = row[0][0]["Plan"]
            found.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
    return float(quantile(found, 0.5))


def backlog(fresh: Fresh, jobs: int) -> list[Figure]:
    """Claims of 100 beside a backlog, and how a worker gets through it."""
    with fresh() as (_, conn):
        conn.execute(BACKLOG, {"ready": jobs, "later": jobs, "parked": jobs // 10})
        conn.execute("vacuum analyze")
        conn.execute("checkpoint")
        # Nobody beats for it.
        worker_id = value(conn, "jobs.start_worker", name="bench", queues=["bench"], lease="1 h")
        took = []
        for _ in range(200):
            began = time.monotonic()
            ids, runs = claim(conn, worker_id, 100)
            took.append((time.monotonic() - began) * 1e3)
            value(conn, "jobs.complete_many", job_ids=ids, run_nos=runs)
        rates = []
        ids, runs = [], []
        ticked = time.monotonic()
        for _ in range(10):
            began = time.monotonic()
            for _ in range((jobs - 20_000) // 10 // 500):
                row = conn.execute(EXCHANGE, [worker_id, ids, runs]).fetchone()
                ids, runs = row if row else ([], [])
                # Where there are workers, one of them is the clock.
                if time.monotonic() - ticked > 1:
                    ticked = time.monotonic()
                    value(conn, "jobs.tick")
            rates.append((jobs - 20_000) // 10 / (time.monotonic() - began))
        size = f"{jobs:,} ready, {jobs:,} scheduled, {jobs // 10:,} parked"
        return [
            Figure(f"16. claim of 100 beside {size}, p50", "ms", quantile(took, 0.5)),
            Figure(f"16. claim of 100 beside {size}, p99", "ms", quantile(took, 0.99)),
            Figure("3. burn-down, first tenth", "jobs/s", round(rates[0])),
            Figure("3. burn-down, last tenth of first", "%", round(100 * rates[-1] / rates[0], 1)),
        ]


def fairness(fresh: Fresh) -> list[Figure]:
    """One tenant's backlog of 100,000 beside fifty that have a job a second each."""
    with fresh() as (url, conn):
        value(
            conn,
            "jobs.enqueue_many",
            kind=KIND,
            payloads=[{"i": -1}] * 100_000,
            keys=["crowd"] * 100_000,
        )
        conn.execute("analyze")
        waits: dict[str, list[float]] = {}
        asked: dict[int, float] = {}

        async def handler(request: dict[str, Any], credentials: object, http: object) -> None:
            if request["i"] >= 0:
                key = f"small-{request['i'] % 50}"
                waits.setdefault(key, []).append(time.monotonic() - asked[request["i"]])
            await asyncio.sleep(0.02)

        def trickle() -> None:
            with database.connect(url) as other:
                began = time.monotonic()
                for i in range(50 * 20):
                    time.sleep(max(0, began + i / 50 - time.monotonic()))
                    asked[i] = time.monotonic()
                    value(other, "jobs.enqueue", kind=KIND, payload={"i": i}, key=f"small-{i % 50}")

        async def main() -> None:
            worker = Worker(url, {KIND: handler}, queues=["bench"], concurrency={"bench": 20})
            running = asyncio.create_task(worker.run())
            await worker.ready.wait()
            await asyncio.to_thread(trickle)
            await asyncio.sleep(1)
            worker.stop()
            await running

        asyncio.run(main())
        all_waits = [wait * 1e3 for key in waits.values() for wait in key]
        done = [len(key) for key in waits.values()] + [0] * (50 - len(waits))
        jain = sum(done) ** 2 / (len(done) * sum(jobs**2 for jobs in done))
        return [
            Figure(
                "15. wait of fifty tenants beside a backlog, p95", "ms", quantile(all_waits, 0.95)
            ),
            Figure("15. Jain's index of what they got done", "", round(jain, 3)),
        ]


def rates(fresh: Fresh, seconds: float = 25) -> list[Figure]:
    """Eight workers on one key that may start fifty jobs a second."""
    with fresh() as (url, conn):
        conn.execute(
            "insert into jobs.limits (queue, key, rate, burst) values ('bench', 'one', 50, 5)"
        )
        jobs = int(50 * seconds * 2)
        value(conn, "jobs.enqueue_many", kind=KIND, payloads=[{}] * jobs, keys=["one"] * jobs)

        async def main() -> None:
            workers = [
                Worker(url, {KIND: lambda *_: None}, queues=["bench"], name=f"bench {n}")
                for n in range(8)
            ]
            running = [asyncio.create_task(worker.run()) for worker in workers]
            await asyncio.sleep(seconds)
            for worker in workers:
                worker.stop()
            await asyncio.gather(*running)

        asyncio.run(main())
        starts = [
            at
            for (at,) in conn.execute(
                "select extract(epoch from started_at)::float8 from jobs.history order by 1"
            )
        ]
        most = max(sum(at <= other < at + 10 for other in starts) for at in starts)
        span = starts[-1] - starts[0]
        return [
            Figure(
                "14. rate of a key, most in any 10 s beyond the burst",
                "%",
                round((most - 5) / 5, 1),
            ),
            Figure("14. rate of a key, used", "%", round(100 * (len(starts) - 5) / (50 * span), 1)),
        ]


def a_dead_worker(fresh: Fresh, folder: Path) -> list[Figure]:
    """Of two workers one is killed while it holds a hundred jobs: until all have been done."""
    with fresh() as (url, conn):
        conn.execute("update jobs.queues set concurrency = 100 where queue = 'bench'")
        with working(url, folder, 2000, "one") as (victim, _):
            value(conn, "jobs.enqueue_many", kind=KIND, payloads=[{"i": i} for i in range(100)])
            while running(conn) < 100:
                time.sleep(0.01)
            with working(url, folder, 0, "other") as (_, began):
                victim.send_signal(signal.SIGKILL)
                killed = time.monotonic()
                while unfinished(conn):
                    time.sleep(0.01)
                took = time.monotonic() - killed
            assert len(began()) == 100
        return [
            Figure("11. a worker with 100 jobs is killed: until all are done", "s", round(took, 1))
        ]


def through_pgbouncer(
    pickups: Callable[..., list[float]], fresh: Fresh, folder: Path
) -> list[Figure]:
    """Pickup where notifications do not arrive: transaction pooling, polling only."""
    if PROGRAM is None:
        return []
    with fresh() as (url, conn):
        pooler = PgBouncer(url)
        pooler.start()
        try:
            # Those of the first two seconds meet a worker that slept deeply.
            waits = pickups(pooler.url(url), conn, 200, 2400, folder, first=400)
        finally:
            pooler.stop()
        return [
            Figure(f"6. through PgBouncer, 200 jobs/s, {name}", "ms", quantile(waits, share))
            for name, share in (("p50", 0.5), ("p99", 0.99))
        ]


def nothing_to_do(fresh: Fresh) -> list[Figure]:
    with fresh() as (url, _):
        found = idle.measure(url)
        return [
            Figure(
                f"19. {found['workers']} idle workers of {found['queues']} queues, each",
                "queries/s",
                found["queries_a_second_and_worker"],
            )
        ]


def quantile(found: list[float], share: float) -> float:
    return round(sorted(found)[min(len(found) - 1, int(len(found) * share))], 2)


def claim(conn: Connection, worker_id: int, limit: int) -> tuple[list[int], list[int]]:
    row = conn.execute(
        "select array_agg(c.job_id), array_agg(c.run_no) from jobs.claim(%s, 'bench', %s) as c",
        [worker_id, limit],
    ).fetchone()
    assert row is not None
    return row[0] or [], row[1] or []


def running(conn: Connection) -> int:
    row = conn.execute("select count(*) from jobs.running").fetchone()
    return int(row[0]) if row else 0


def unfinished(conn: Connection) -> bool:
    row = conn.execute(
        "select exists (select from jobs.ready where queue = 'bench')"
        " or exists (select from jobs.running where queue = 'bench')"
    ).fetchone()
    return bool(row and row[0])


EXCHANGE = "select job_ids, run_nos from jobs.exchange(%s, %s, %s, null, 'bench', 500)"

BACKLOG = """
with numbers as (
  select jobs._first_id_of(clock_timestamp()) + nextval('jobs.numbers') as id, n
  from generate_series(1, %(ready)s + %(later)s + %(parked)s) as n
), written as (
  insert into jobs.jobs (job_id, priority, kind, queue, key, payload)
  select id, 2, 'bench.noop', 'bench', '', '{"i": 1}' from numbers
), ready as (
  insert into jobs.ready (seq, job_id, ready_at, run_no, failures, priority, is_unique, queue, kind,
                          key)
  select id, id, now(), 0, 0, 2, false, 'bench', 'bench.noop', '' from numbers
  where n <= %(ready)s
), later as (
  insert into jobs.scheduled (job_id, run_at, run_no, failures, priority, is_unique, queue, kind, key)
  select id, now() + interval '1 week', 0, 0, 2, false, 'bench', 'bench.noop', '' from numbers
  where n > %(ready)s and n <= %(ready)s + %(later)s
)
insert into jobs.parked (job_id, parked_at, run_no, failures, priority, is_unique, queue, kind, key,
                         why)
select id, now(), 0, 0, 2, false, 'bench', 'bench.noop', '', 'Waits.' from numbers
where n > %(ready)s + %(later)s
"""
