"""Each rule that only shows when things go wrong: it holds, and without what keeps it, it breaks.

A case is a look that counts faults. It finds none in the database as it is, and some where the one
function that keeps the rule was replaced by the naive one. docs/queue.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from db import errors
from db.call import value
from db.database import connect
from tests.fixtures.jobs import (
    Claimed,
    claim,
    claim_one,
    complete,
    ended,
    faults,
    kind,
    ruled,
    settle,
    where,
    worker,
)
from tests.fixtures.races import waits_for_a_lock
from tests.fixtures.wait import until

Connection = psycopg.Connection[Any]
AGO = "'2000-01-01'::timestamptz"


def rewrite(conn: Connection, function: str, *changes: tuple[str, str]) -> None:
    """Replace a function by one whose text differs here and there."""
    row = conn.execute("select pg_get_functiondef(%s::regproc)", [function]).fetchone()
    assert row is not None
    (text,) = row
    for old, new in changes:
        assert re.search(old, text), f"{function} does not say {old}"
        text = re.sub(old, new, text)
    conn.execute(text.encode())


def enqueue(conn: Connection, name: str = "t.plain", **arguments: Any) -> int:
    return int(value(conn, "jobs.enqueue", kind=name, **arguments))


def lose(conn: Connection) -> None:
    """Every worker there is, is lost."""
    rewrite(
        conn,
        "jobs._server_started",
        (r"(?s)AS \$function\$.*\$function\$", f"AS $function$ select {AGO} $function$"),
    )
    conn.execute("update jobs.workers set lease_until = '-infinity'")


def meet(
    conn: Connection,
    database: str,
    first: Callable[[Connection], Any],
    second: Callable[[Connection], Any],
    last: Callable[[Connection], Any] = lambda _: None,
) -> Any:
    """Begin ``second`` while ``first`` is not committed; ``last`` ends the first transaction.

    The second comes as far as it can before that. Returns what it returned.
    """
    with connect(database) as one, connect(database) as other, ThreadPoolExecutor(1) as pool:
        with one.transaction():
            first(one)
            beside = pool.submit(second, other)
            until(lambda: beside.done() or waits_for_a_lock(conn, other.info.backend_pid))
            last(one)
        return beside.result()


# A late report


def reported_late(
    conn: Connection, database: str, report: Callable[[Connection, Claimed], Any]
) -> int:
    """A worker comes back after its job was given to another: whose run does its report end?"""
    kind(conn)
    ruled(conn)
    for name in ("t.plain", "t.ruled"):
        enqueue(conn, name)
    late = claim(conn, worker(conn), 2)
    lose(conn)
    value(conn, "jobs.reap")
    claim(conn, worker(conn), 2)
    for job in late:
        report(conn, job)
    return sum(where(conn, job.job_id) != "running" for job in late)


def unfenced(conn: Connection) -> None:
    rewrite(conn, "jobs.complete_many", (r"r\.run_no = d\.run_no", "true"))
    rewrite(conn, "jobs.settle", (r"r\.run_no = p_run_no", "true"))


def poisoned(conn: Connection, database: str) -> int:
    """Of three jobs of a lost worker one cannot be ended; how many of the others stay behind?"""
    ruled(conn, max_attempts=1)
    kind(conn)
    bad = enqueue(conn, "t.ruled", payload={"settle_raises": "a bug"})
    others = [enqueue(conn, "t.ruled"), enqueue(conn)]
    claim(conn, worker(conn), 3)
    lose(conn)
    try:
        value(conn, "jobs.reap")
    except psycopg.errors.RaiseException:
        assert where(conn, bad) == "running"
    return sum(where(conn, job_id) == "running" for job_id in others)


def unguarded(conn: Connection) -> None:
    rewrite(conn, "jobs._finish", ("when others then", "when division_by_zero then"))


# Schedules


def fired_twice(conn: Connection, database: str) -> int:
    """Two clocks find a schedule that has missed an hour of minutes; which fires come twice?"""
    conn.execute(
        "create schema if not exists test_jobs;"
        "create or replace function test_jobs.nothing(p_run_id bigint)"
        " returns table (items integer, skipped integer, why text) language sql"
        " as $$ select 0, 0, 'nothing to do' $$;"
        "delete from jobs.schedules;"
        "insert into jobs.schedules (schedule, cron, function, description, catch_up, catch_max)"
        " values ('t', '* * * * *', 'test_jobs.nothing', 'of a test', 'all', 1000);"
        "update jobs.schedules set next_at = date_trunc('hour', now()) - interval '1 h'"
    )
    fire = "select jobs._fire()"
    meet(conn, database, lambda one: one.execute(fire), lambda other: other.execute(fire))
    row = conn.execute(
        "select count(*) - count(distinct payload ->> 'fire_at') from jobs.jobs"
        " where kind = 'jobs.run_schedule'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def looked_up_first(conn: Connection) -> None:
    conn.execute("alter table jobs.fires drop constraint fires_happen_once")
    rewrite(
        conn,
        "jobs._fire",
        ("for update skip locked", ""),
        (
            r"values \((v_schedule\.schedule, v_at)\)\s+on conflict .* do nothing",
            r"select \1 where not exists (select from jobs.fires as f where f.fire_at = v_at)",
        ),
    )


# Unique keys


def unique_twice(conn: Connection, database: str) -> int:
    """Two ask for a key, the second before the first has committed: how many jobs are too many?"""
    kind(conn)

    def ask(own: Connection) -> int:
        return enqueue(own, unique_key="u")

    meet(conn, database, ask, ask)
    row = conn.execute("select count(*) - 1 from jobs.ready").fetchone()
    assert row is not None
    return int(row[0])


def asked_first(conn: Connection) -> None:
    conn.execute(
        "alter table jobs.unique_keys drop constraint unique_keys_pkey;"
        "create or replace function jobs._take_unique_keys(p_kind text, p_job_ids bigint[],"
        " p_unique_keys text[], p_mode text, p_for interval, p_until text, p_run_at timestamptz)"
        " returns bigint[] language plpgsql as $$"
        " declare v_holder bigint; begin"
        " select u.job_id from jobs.unique_keys as u"
        " where u.kind = p_kind and u.unique_key = p_unique_keys[1] limit 1 into v_holder;"
        " if found then return array[v_holder]; end if;"
        " insert into jobs.unique_keys (kind, unique_key, job_id)"
        " values (p_kind, p_unique_keys[1], p_job_ids[1]);"
        " return p_job_ids; end $$"
    )


def retried_beside(conn: Connection, database: str) -> int:
    """A dead job let go of its key, and another has it: are there two of one key after a retry?"""
    kind(conn)
    dead = enqueue(conn, unique_key="u")
    settle(conn, claim_one(conn, worker(conn)), "give_up", reason="gone")
    enqueue(conn, unique_key="u")
    try:
        value(conn, "jobs.retry", job_id=dead)
    except errors.DuplicateJob:
        assert ended(conn, dead) == "failed"
    row = conn.execute("select count(*) - 1 from jobs.ready").fetchone()
    assert row is not None
    return int(row[0])


def retried_at_once(conn: Connection, database: str) -> int:
    """Two let dead jobs come back one by one: how many of the second come before the first's last?"""
    kind(conn)
    for _ in range(6):
        enqueue(conn)
    for job in claim(conn, worker(conn), 6):
        settle(conn, job, "give_up", reason="gone")
    came: list[list[Any]] = []

    def again(own: Connection) -> None:
        rows = own.execute("select run_at from jobs.retry_dead(p_limit => 3, p_per_second => 0.01)")
        came.append([run_at for (run_at,) in rows])

    meet(conn, database, again, again)
    first, second = came
    return sum(run_at <= max(first) for run_at in second)


def paced_alone(conn: Connection) -> None:
    rewrite(conn, "jobs.retry_dead", (r"perform pg_advisory_xact_lock\(81, 0\);", ""))


def retried_unasked(conn: Connection) -> None:
    rewrite(conn, "jobs.retry", ("and j.unique_key is not null", "and false"))


# Ends that meet


def deadlocks(conn: Connection, database: str) -> int:
    """One ends two jobs, another asks for the keys of both, one after the other: do they block?"""
    kind(conn)
    for key in ("z", "a"):
        enqueue(conn, unique_key=key)
    jobs = claim(conn, worker(conn), 2)

    def ask(own: Connection, key: str) -> None:
        own.execute("set local deadlock_timeout = '100 ms'")
        enqueue(own, unique_key=key, unique_mode="replace")

    try:
        meet(
            conn,
            database,
            lambda own: ask(own, "a"),
            lambda own: complete(own, *jobs),
            lambda own: ask(own, "z"),
        )
    except psycopg.errors.DeadlockDetected:
        return 1
    assert [where(conn, job.job_id) for job in jobs] == ["ended", "ended"]
    assert conn.execute("select count(*) from jobs.ready").fetchone() == (2,)
    assert faults(conn) == []
    return 0


def waited_for(conn: Connection) -> None:
    rewrite(conn, "jobs._free_unique_keys", ("for update skip locked", "for update"))


# Batches


def left_behind(conn: Connection, database: str) -> int:
    """A batch is closed while one joins it: how many jobs are left of a batch that has ended?"""
    kind(conn)
    batch_id = value(conn, "jobs.open_batch", name="import")

    def join(own: Connection) -> None:
        enqueue(own, batch_id=batch_id)

    def close(own: Connection) -> None:
        value(own, "jobs.close_batch", batch_id=batch_id)

    meet(conn, database, join, close)
    row = conn.execute(
        "select jobs - ended from jobs.batches where batch_id = %s and status <> 'running'",
        [batch_id],
    ).fetchone()
    return int(row[0]) if row else 0


def joined_unseen(conn: Connection) -> None:
    rewrite(conn, "jobs._lock_batch", ("for share", "for key share"))


@dataclass(frozen=True)
class Case:
    rule: str
    faults: Callable[[Connection, str], int]
    naive: Callable[[Connection], None]


CASES = [
    Case(
        "a late report in bulk ends nothing", lambda c, d: reported_late(c, d, complete), unfenced
    ),
    Case("a late report ends nothing", lambda c, d: reported_late(c, d, settle), unfenced),
    Case("one job that cannot be ended holds up no other", poisoned, unguarded),
    Case("two clocks at once fire each time once", fired_twice, looked_up_first),
    Case("one key asked for by two at once is one job", unique_twice, asked_first),
    Case("a retry gives way to who holds its key now", retried_beside, retried_unasked),
    Case("so many dead jobs a second are no more by two calls", retried_at_once, paced_alone),
    Case("who closes a batch waits for those who are joining it", left_behind, joined_unseen),
    Case("an end waits for nobody who wants its keys", deadlocks, waited_for),
]
EACH = pytest.mark.parametrize("case", [pytest.param(case, id=case.rule) for case in CASES])


@EACH
def test_it_holds(fresh_database: str, case: Case) -> None:
    with connect(fresh_database) as conn:
        assert case.faults(conn, fresh_database) == 0


@EACH
def test_without_its_guard_it_would_not(fresh_database: str, case: Case) -> None:
    with connect(fresh_database) as conn:
        case.naive(conn)
        assert case.faults(conn, fresh_database) > 0
