"""``autom bench queue``: how fast jobs go in, through and out.

Every measurement has a new copy of a migrated database on a durable server of its own: fsync and
synchronous commit are on, history, fence and retries are as in production. Beside them stands a
floor: the least that a queue in Postgres can be (one table, claimed and deleted in batches, no
history, no retry), measured in the same run.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench import queue_hours, queue_load
from bench.queue_load import claim, quantile, unfinished, working
from bench.report import Figure, median_of
from db import database
from db.call import value
from db.server import Server

PAYLOAD = {"i": 0, "note": "x" * 180}
"""About 200 bytes as JSON."""

CALL = 5000
"""Jobs of one call of jobs.enqueue_many."""

BATCH = 100

Connection = psycopg.Connection[Any]


def measure(
    quick: bool,
    say: Callable[[str], None],
    *,
    seconds: float | None = None,
    only: Collection[int] = (),
) -> tuple[list[Figure], dict[str, str]]:
    """All figures, or those of the rows ``only``, and the setting that they hold for.

    Rows that last do so for ``seconds``, a minute unless said.
    """
    jobs, times = (10_000, 1) if quick else (20_000, 3)
    lasts = seconds or 60
    with (
        tempfile.TemporaryDirectory(prefix="autom-bench-") as name,
        Server(Path(name, "postgres"), keep=False) as server,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        with database.connect(server.create_database("template_of_all")) as conn:
            database.migrate(server.url("template_of_all"))
            conn.execute(BENCH_KIND)
            # The first one makes the partitions of days to come.
            conn.execute("select jobs.tick()")
        number = itertools.count(1)

        @contextmanager
        def fresh() -> Iterator[tuple[str, Connection]]:
            name = f"bench_{next(number)}"
            url = server.create_database(name, template="template_of_all")
            with database.connect(url) as conn:
                conn.execute("checkpoint")
                yield url, conn
            server.drop_database(name)

        def rates(
            what: str, one: Callable[[str, Connection], float], unit: str = "jobs/s"
        ) -> list[Figure]:
            found = []
            for _ in range(times):
                with fresh() as (url, conn):
                    found.append(one(url, conn))
            return [median_of(what, unit, found)]

        def pickup(load: str, rate: int, count: int) -> list[Figure]:
            with fresh() as (url, conn):
                waits = pickups(url, conn, rate, count if quick else count * 3, folder)
            return [
                Figure(f"5. pickup, {load}, {name}", "ms", quantile(waits, share))
                for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
            ]

        rows: list[tuple[int, Callable[[], list[Figure]]]] = [
            (
                1,
                lambda: rates(
                    "1. end to end, one worker", lambda url, conn: drain(url, conn, jobs, folder)
                ),
            ),
            (1, lambda: rates("   floor: one table", lambda _, conn: floor_drain(conn, jobs))),
            (
                2,
                lambda: rates(
                    f"2. SQL only, batches of {BATCH}", lambda _, conn: sql_only(conn, jobs)
                ),
            ),
            (
                7,
                lambda: rates(
                    "7. WAL of a job, all the way",
                    lambda _, conn: wal_of_a_job(conn, jobs),
                    "bytes",
                ),
            ),
            (4, lambda: rates("4. enqueue_many", lambda _, conn: enqueue_many(conn, jobs))),
            (
                4,
                lambda: rates(
                    "4. COPY and enqueue_staged", lambda _, conn: enqueue_staged(conn, jobs)
                ),
            ),
            (4, lambda: rates("   floor: insert", lambda _, conn: floor_enqueue(conn, jobs))),
            (
                4,
                lambda: rates(
                    "4. enqueue, one by one",
                    lambda _, conn: enqueue_singly(conn, 500 if quick else 2000),
                ),
            ),
            (5, lambda: pickup("idle", 0, 100)),
            (5, lambda: pickup("200 jobs/s", 200, 600)),
            (5, lambda: pickup("500 jobs/s", 500, 1500)),
        ]
        if not quick:
            rows += [
                (16, lambda: queue_load.backlog(fresh, 1_000_000)),
                (6, lambda: queue_load.through_pgbouncer(pickups, fresh, folder)),
                (
                    8,
                    lambda: queue_load.under_a_held_horizon(
                        fresh, folder, "8. held horizon, 800 jobs/s", 800, lasts
                    ),
                ),
                (
                    9,
                    lambda: queue_load.under_a_held_horizon(
                        fresh, folder, "9. the same, 500 limits and rates", 800, lasts, 500
                    ),
                ),
                (10, lambda: queue_hours.beside_readers(fresh, folder, 800, lasts)),
                (11, lambda: queue_load.a_dead_worker(fresh, folder)),
                (13, lambda: queue_hours.limits_under_kills(fresh, folder, lasts)),
                (14, lambda: queue_load.rates(fresh)),
                (15, lambda: queue_load.fairness(fresh)),
                (17, lambda: queue_hours.many_clocks(folder, lasts)),
                (18, lambda: queue_hours.wrong_clocks(fresh, folder)),
                (19, lambda: queue_load.nothing_to_do(fresh)),
                (20, lambda: queue_hours.soak(fresh, folder, 1_000, lasts)),
            ]
        figures = []
        for row, found_by in rows:
            # Row 3, the burn-down, burns what row 16 claimed beside.
            if not only or row in only or (row == 16 and 3 in only):
                found = found_by()
                say("\n".join(f"{figure.what}: {figure.median} {figure.unit}" for figure in found))
                figures += found
        with fresh() as (_, conn):
            setting = setting_of(conn) | {"jobs": f"{jobs:,} of 200 bytes", "repeated": str(times)}
    return figures, setting | {"rows that last": f"{lasts:g} s"}


def drain(url: str, conn: Connection, jobs: int, folder: Path) -> float:
    """Jobs a second from the first handler's start until the database has none unfinished."""
    fill(conn, jobs)
    conn.execute("vacuum analyze jobs.jobs, jobs.ready")
    with working(url, folder) as (_, began):
        while unfinished(conn):
            time.sleep(0.005)
        ended = time.monotonic_ns()
    return jobs / (ended - min(at for _, at in began())) * 1e9


def sql_only(conn: Connection, jobs: int) -> float:
    """Jobs a second through enqueue_many, claim and complete_many in one session."""
    worker_id = value(conn, "jobs.start_worker", name="bench", queues=["bench"])
    began = time.monotonic()
    for _ in range(jobs // BATCH):
        value(conn, "jobs.enqueue_many", kind="bench.noop", payloads=[PAYLOAD] * BATCH)
        job_ids, run_nos = claim(conn, worker_id, BATCH)
        value(conn, "jobs.complete_many", job_ids=job_ids, run_nos=run_nos)
    took = time.monotonic() - began
    assert not unfinished(conn)
    return jobs / took


def wal_of_a_job(conn: Connection, jobs: int) -> float:
    """Bytes of the write-ahead log, after a first round that is not counted: pages were new then."""
    sql_only(conn, jobs // 4)
    before = conn.execute("select pg_current_wal_insert_lsn()").fetchone()
    sql_only(conn, jobs)
    wal = conn.execute("select pg_current_wal_insert_lsn() - %s", before).fetchone()
    assert wal is not None
    return float(wal[0]) / jobs


def enqueue_staged(conn: Connection, jobs: int) -> float:
    began = time.monotonic()
    with conn.transaction():
        with conn.cursor().copy("copy jobs.staging (load_id, payload) from stdin") as copy:
            for i in range(jobs):
                copy.write_row(("bench", psycopg.types.json.Jsonb(PAYLOAD | {"i": i})))
        value(conn, "jobs.enqueue_staged", load_id="bench", kind="bench.noop")
    return jobs / (time.monotonic() - began)


def enqueue_many(conn: Connection, jobs: int) -> float:
    began = time.monotonic()
    fill(conn, jobs)
    return jobs / (time.monotonic() - began)


def enqueue_singly(conn: Connection, jobs: int) -> float:
    """Each its own transaction."""
    began = time.monotonic()
    for _ in range(jobs):
        value(conn, "jobs.enqueue", kind="bench.noop", payload=PAYLOAD)
    return jobs / (time.monotonic() - began)


def pickups(
    url: str, conn: Connection, rate: int, jobs: int, folder: Path, first: int = 10
) -> list[float]:
    """Milliseconds from the return of enqueue to the start of the handler, shortest first.

    Rate 0 is an idle worker: a job each 20 ms. What comes before ``first`` does not count: it finds
    a worker whose plans are not made yet.
    """
    returned: dict[int, int] = {}
    with working(url, folder) as (_, began):
        pause = 1 / rate if rate else 0.02
        due = time.monotonic() + 0.5
        for i in range(jobs):
            time.sleep(max(0, due - time.monotonic()))
            value(conn, "jobs.enqueue", kind="bench.noop", payload=PAYLOAD | {"i": i})
            returned[i] = time.monotonic_ns()
            due += pause
        while unfinished(conn):
            time.sleep(0.005)
    return sorted((at - returned[i]) / 1e6 for i, at in began() if i >= first)


def fill(conn: Connection, jobs: int) -> None:
    for first in range(0, jobs, CALL):
        numbers = range(first, min(first + CALL, jobs))
        payloads = [PAYLOAD | {"i": i} for i in numbers]
        value(conn, "jobs.enqueue_many", kind="bench.noop", payloads=payloads)


def floor_enqueue(conn: Connection, jobs: int) -> float:
    conn.execute(FLOOR)
    began = time.monotonic()
    for first in range(0, jobs, CALL):
        count = min(CALL, jobs - first)
        payloads = [psycopg.types.json.Jsonb(PAYLOAD)] * count
        conn.execute("insert into floor (payload) select unnest(%s::jsonb[])", [payloads])
    return jobs / (time.monotonic() - began)


def floor_drain(conn: Connection, jobs: int) -> float:
    floor_enqueue(conn, jobs)
    conn.execute("vacuum analyze floor")
    began = time.monotonic()
    while conn.execute(FLOOR_TAKE, [BATCH]).fetchall():
        pass
    return jobs / (time.monotonic() - began)


def setting_of(conn: Connection) -> dict[str, str]:
    names = ("server_version", "shared_buffers", "fsync", "synchronous_commit", "wal_level")
    rows = conn.execute(
        "select name, setting from pg_settings where name = any (%s)", [list(names)]
    )
    return dict(rows.fetchall())


BENCH_KIND = """
insert into jobs.queues (queue, concurrency, description) values ('bench', 1000, 'Measurements.');
insert into jobs.kinds (kind, queue, description) values ('bench.noop', 'bench', 'Does nothing.');
"""

FLOOR = """
create table floor (id bigint generated always as identity primary key, payload jsonb not null)
"""

FLOOR_TAKE = """
delete from floor as f
using (select id from floor order by id limit %s for update skip locked) as taken
where f.id = taken.id
returning f.id, f.payload
"""
