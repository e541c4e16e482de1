"""Days are dropped when nothing needs them, with nobody waiting, and never what is still to do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from subprocess import PIPE, Popen

import psycopg
import pytest

from db.call import value
from db.database import connect
from db.errors import NoSuchRetention
from tests.fixtures.clock import at
from tests.fixtures.jobs import claim_one, complete, ended, faults, kind, settle, where, worker
from tests.fixtures.wait import until

NOW = datetime.now(UTC)
"""Ids are drawn by the real time, whatever a test's clock says, so what is made here is of today."""


@pytest.fixture
def conn(fresh_database):
    """Days that are made ahead, and a kind that may have effects."""
    with connect(fresh_database) as conn:
        day(conn, NOW)
        value(conn, "jobs._make_partitions", days=3)
        kind(conn, "t.plain", max_attempts=5, effect="native_key", prepare="jobs.t_prepare")
        conn.execute(
            "create function jobs.t_prepare(bigint, jsonb, boolean) returns jsonb language sql as"
            """ $$ select '{"request": {}}'::jsonb $$"""
        )
        yield conn


def day(conn, moment: datetime) -> None:
    """A partition of each table for that day, as if it had been made ahead of it."""
    for table in ("jobs", "history", "effects"):
        conn.execute(
            f"create table jobs.{table}_{moment:%Y%m%d} partition of jobs.{table} for values"
            f" from ({moment:%y%m%d}000000000) to ({moment + timedelta(days=1):%y%m%d}000000000)".encode()
        )


def enqueue(conn, **more) -> int:
    return int(value(conn, "jobs.enqueue", kind="t.plain", **more))


def run(conn, outcome: str, **more) -> int:
    job_id = enqueue(conn)
    job = claim_one(conn, worker(conn))
    value(conn, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)
    settle(conn, job, outcome, **more)
    return job_id


def go_to(conn, days: float) -> None:
    """So many days on, with every hour until then summed up."""
    at(conn, NOW + timedelta(days=days))
    conn.execute(
        "insert into jobs.rolled_hours (hour, seen) select h, '1' from generate_series("
        " date_trunc('hour', %s), jobs.clock() - interval '1 h', interval '1 h') as h"
        " on conflict do nothing",
        [NOW - timedelta(hours=1)],
    )
    conn.execute("select jobs._roll_up(hour) from jobs.rolled_hours where rolled_at is null")


def today(conn) -> set[str]:
    """Which tables still have the day of NOW."""
    rows = conn.execute("select what from jobs.days where day = %s", [NOW.date()]).fetchall()
    return {what for (what,) in rows}


def retain(conn, times: int = 3) -> None:
    for _ in range(times):
        value(conn, "jobs._retain")


@pytest.mark.parametrize(
    ("days", "keep", "stays"),
    [
        pytest.param(32, "30 days", False, id="a day is dropped when it is over for long enough"),
        pytest.param(29, "30 days", True, id="a day is kept as long as was said"),
        pytest.param(9, "7 days", False, id="what is said is heeded at once"),
    ],
)
def test_days_are_dropped(conn, days, keep, stays):
    run(conn, "done")
    value(conn, "jobs.keep", what="days", keep=keep)
    go_to(conn, days)
    retain(conn)
    assert today(conn) == ({"jobs", "history", "effects"} if stays else set())
    assert conn.execute("select count(*) from jobs.jobs").fetchone() == (int(stays),)
    sums = conn.execute("select sum(done) from jobs.history_by_hour").fetchone()
    assert sums == (1,)


def test_a_day_that_is_not_summed_up_stays(conn):
    run(conn, "done")
    at(conn, NOW + timedelta(days=40))
    retain(conn)
    assert today(conn) == {"jobs", "history", "effects"}


def test_one_day_of_one_table_at_a_time(conn):
    """The locks of a drop are held until the tick is over."""
    run(conn, "done")
    go_to(conn, 32)
    for left in (2, 1, 0):
        retain(conn, 1)
        assert len(today(conn)) == left


def test_what_is_still_to_do_survives_its_day(conn):
    job_ids = {
        "dead": run(conn, "give_up", reason="no"),
        "retrying": run(conn, "unknown", reason="no answer"),
        "done": run(conn, "done"),
        "later": enqueue(conn, run_at=NOW + timedelta(days=400), payload={"a": 1}),
        "ready": enqueue(conn),
    }
    # It waits for its next attempt for as long as it takes.
    conn.execute("update jobs.scheduled set run_at = now() + interval '300 days' where why <> ''")
    go_to(conn, 32)
    retain(conn)
    assert today(conn) == set()
    assert faults(conn) == []
    kept = {job_id for (job_id,) in conn.execute("select job_id from jobs.jobs").fetchall()}
    assert kept == set(job_ids.values()) - {job_ids["done"]}
    assert conn.execute(
        "select payload from jobs.active where job_id = %s", [job_ids["later"]]
    ).fetchone() == ({"a": 1},)
    effects = conn.execute("select job_id, outcome from jobs.effects order by job_id").fetchall()
    assert effects == [(job_ids["dead"], "give_up"), (job_ids["retrying"], "unknown")]
    assert value(conn, "jobs.retry", job_id=job_ids["dead"]) == "ready"
    worker_id = worker(conn)
    done = []
    for _ in range(2):
        job = claim_one(conn, worker_id)
        settle(conn, job)
        done.append(job.job_id)
    assert set(done) == {job_ids["dead"], job_ids["ready"]}
    assert where(conn, job_ids["later"]) == "scheduled"


def test_a_dead_job_that_was_discarded_goes_with_its_day(conn):
    job_id = run(conn, "give_up", reason="no")
    go_to(conn, 32)
    assert value(conn, "jobs.discard_dead", older_than="31 days") == 1
    retain(conn)
    left = conn.execute("select from jobs.jobs where job_id = %s", [job_id]).fetchall()
    assert (today(conn), left) == (set(), [])
    assert faults(conn) == []


def test_a_job_in_hand_survives_its_day(conn):
    enqueue(conn)
    job = claim_one(conn, worker(conn, "100 days"))
    go_to(conn, 32)
    retain(conn)
    assert today(conn) == set()
    settle(conn, job)
    assert ended(conn, job.job_id) == "done"


def test_what_ended_lately_is_kept_as_long_as_anything_else(conn):
    enqueue(conn)
    job = claim_one(conn, worker(conn, "100 days"))
    at(conn, NOW + timedelta(days=20))
    settle(conn, job)
    go_to(conn, 32)
    retain(conn)
    assert today(conn) == set()
    assert ended(conn, job.job_id) == "done"
    go_to(conn, 52)
    retain(conn)
    assert conn.execute("select count(*) from jobs.jobs").fetchone() == (0,)
    assert conn.execute("select count(*) from jobs.history").fetchone() == (0,)


def test_jobs_without_a_day_of_their_own_go_too(fresh_database):
    """The first day of an installation began before there was a partition for it."""
    with connect(fresh_database) as conn:
        kind(conn)
        value(conn, "jobs.enqueue", kind="t.plain")
        complete(conn, claim_one(conn, worker(conn)))
        later = value(conn, "jobs.enqueue", kind="t.plain", run_at=NOW + timedelta(days=400))
        go_to(conn, 32)
        retain(conn, 1)
        assert conn.execute("select job_id from jobs.jobs").fetchall() == [(later,)]
        assert faults(conn) == []


def test_a_day_with_too_much_still_to_do_stays_whole(conn):
    conn.execute(
        "select jobs.enqueue_many('t.plain', array_fill('{}'::jsonb, array[20001]),"
        " p_run_at => now() + interval '100 days')"
    )
    go_to(conn, 33)
    retain(conn, 5)
    assert today(conn) == {"jobs"}
    tomorrow = conn.execute(
        "select from jobs.days where day = %s", [NOW.date() + timedelta(days=1)]
    )
    assert tomorrow.fetchall() == [], "and does not stand in the way of later days"
    conn.execute("select jobs.cancel(min(job_id)) from jobs.scheduled")
    go_to(conn, 65)
    retain(conn, 1)
    assert today(conn) == set()
    assert conn.execute("select count(*) from jobs.scheduled").fetchone() == (20000,)
    assert faults(conn) == []


# Somebody reads


@pytest.fixture
def reader(conn, fresh_database):
    """Holds every table as pg_dump does, and has done so for more than a second."""
    run(conn, "done")
    go_to(conn, 32)
    with connect(fresh_database) as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("lock table jobs.jobs, jobs.history, jobs.effects in access share mode")
        until(
            lambda: conn.execute(
                "select 1 from pg_stat_activity where pid = %s"
                " and clock_timestamp() - xact_start > interval '1.1 s'",
                [reader.info.backend_pid],
            ).fetchone()
        )
        yield reader


def test_a_backup_under_way_is_not_even_asked(conn, reader):
    with conn.transaction():
        value(conn, "jobs._retain")
        asked = conn.execute(
            "select 1 from pg_locks where pid = pg_backend_pid() and mode = 'AccessExclusiveLock'"
            " and relation = any (array['jobs.jobs', 'jobs.history', 'jobs.effects']::regclass[])"
        ).fetchall()
    assert (asked, len(today(conn))) == ([], 3)


def test_after_the_backup_the_day_goes(conn, reader):
    retain(conn)
    reader.execute("commit")
    retain(conn)
    assert today(conn) == set()


def test_the_backup_sees_what_it_began_with_and_others_go_on(conn, reader, fresh_database):
    before = reader.execute("select count(*) from jobs.jobs").fetchone()
    with connect(fresh_database) as other:
        other.execute("set lock_timeout = '1 s'")
        for _ in range(3):
            retain(conn, 1)
            run(other, "done")
    assert reader.execute("select count(*) from jobs.jobs").fetchone() == before


def test_a_real_backup_holds_up_nobody_and_is_whole(conn, server, fresh_database):
    """pg_dump, stuck in the middle of a table because nobody reads what it writes."""
    first = run(conn, "done")
    conn.execute(
        "select jobs.enqueue_many('t.plain', array_agg(jsonb_build_object('n', n, 'x', repeat('x', 2000))))"
        " from generate_series(1, 10000) as n"
    )
    go_to(conn, 32)
    dumping = (
        "select 1 from pg_stat_activity as a join pg_locks as l using (pid)"
        " where a.application_name = 'pg_dump' and l.relation = 'jobs.jobs'::regclass"
        " and clock_timestamp() - a.xact_start > interval '1.1 s'"
    )
    program = [str(server.bin / "pg_dump"), "--schema=jobs", fresh_database]
    with Popen(program, stdout=PIPE) as dump, connect(fresh_database) as other:
        until(lambda: conn.execute(dumping).fetchone())
        other.execute("set lock_timeout = '1 s'")
        for _ in range(3):
            retain(conn, 1)
            enqueue(other)
        assert len(today(conn)) == 3
        assert conn.execute(dumping).fetchone()
        text, _ = dump.communicate()
    assert dump.returncode == 0
    assert f"\n{first}\t".encode() in text and text.count(b'"n": ') == 10_000
    retain(conn)
    assert today(conn) == set()
    assert conn.execute("select count(*) from jobs.ready").fetchone() == (10_003,)
    assert faults(conn) == []


def test_who_has_only_begun_to_read_is_waited_for_a_moment(conn, fresh_database):
    """50 ms; whoever comes behind waits no longer, and the next tick tries again."""
    run(conn, "done")
    go_to(conn, 32)
    with connect(fresh_database) as reader:
        reader.execute("begin")
        reader.execute("select from jobs.effects").fetchall()
        retain(conn, 1)
        assert len(today(conn)) == 3
        reader.execute("commit")
    retain(conn, 1)
    assert len(today(conn)) == 2


def test_control_without_a_timeout_everybody_waits_behind_the_backup(conn, reader, fresh_database):
    with (
        ThreadPoolExecutor(1) as pool,
        connect(fresh_database) as dropper,
        connect(fresh_database) as other,
    ):
        (partition,) = conn.execute(
            "select partition from jobs.days where what = 'jobs' and day = %s", [NOW.date()]
        ).fetchone()
        detach = f"alter table jobs.jobs detach partition jobs.{partition}".encode()
        waiting = pool.submit(dropper.execute, detach)
        until(
            lambda: conn.execute(
                "select 1 from pg_stat_activity where pid = %s and wait_event_type = 'Lock'",
                [dropper.info.backend_pid],
            ).fetchone()
        )
        other.execute("set lock_timeout = '100 ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            enqueue(other)
        reader.execute("commit")
        waiting.result()


# The rest


def test_old_runs_and_alerts_go(conn):
    conn.execute(
        "insert into jobs.run_log (name, returned_at, finished_at, status)"
        " values ('night', now(), now(), 'succeeded')"
    )
    conn.execute("insert into jobs.fires (schedule, fire_at) values ('night', now())")
    conn.execute(
        "insert into jobs.alerts (rule, about, severity, said, times, first_seen, last_seen, resolved_at)"
        " select 'job_failed', a, 'info', '', 1, now(), now(), r"
        " from (values ('over', now()), ('open', null)) as v (a, r)"
    )
    go_to(conn, 91)
    retain(conn, 1)
    assert conn.execute("select about from jobs.alerts").fetchall() == [("open",)]
    assert conn.execute("select count(*) from jobs.run_log").fetchone() == (1,)
    go_to(conn, 401)
    retain(conn, 1)
    assert conn.execute("select count(*) from jobs.run_log").fetchone() == (0,)
    assert conn.execute("select count(*) from jobs.fires").fetchone() == (0,)


def test_nothing_is_kept_for_less_than_a_day(db):
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        value(db, "jobs.keep", what="days", keep="23 hours")
    assert refused.value.diag.constraint_name == "retention_keeps_a_day_at_least"


def test_only_what_is_kept_can_be_kept_longer(db):
    with pytest.raises(NoSuchRetention):
        value(db, "jobs.keep", what="secrets", keep="1 day")
