"""What must hold when many do it at once, each rule with what would break without it."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from db import errors
from db.call import call, value
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
    told,
    where,
    worker,
)
from tests.fixtures.races import clients, waits_for_a_lock
from tests.fixtures.wait import until
from tests.jobs.test_controls import rewrite


@pytest.fixture
def conn(database):
    with connect(database) as conn:
        yield conn


# Claims


def test_no_job_is_claimed_twice(conn, database):
    kind(conn)
    ids = value(conn, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 2000)

    def take(_, own):
        w, got = worker(own), []
        while jobs := claim(own, w, 7):
            got += [job.job_id for job in jobs]
        return got

    with clients(database, 6) as each:
        got = [job_id for jobs in each(take) for job_id in jobs]
    assert sorted(got) == sorted(ids)


KEYS_UNLOCKED = """
create or replace function jobs._open_keys(
  p_queue text, p_keys text[], out keys text[], out denied integer
)
language sql as $$ select p_keys, 0 $$
"""

QUEUE_UNLOCKED = """
create or replace function jobs._only_one(p_queue text) returns boolean
language sql as $$ select true $$
"""


def overshoot(conn, database, seconds=2.0):
    """Six workers claim and complete; returns the most that ever ran of one key."""
    kind(conn)
    conn.execute("insert into jobs.limits (queue, key, max_running) values ('default', '*', 3)")
    value(
        conn,
        "jobs.enqueue_many",
        kind="t.plain",
        payloads=[{}] * 6000,
        keys=[f"shop-{n % 4}" for n in range(6000)],
    )
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()

    def work(_, own):
        w, most = worker(own), 0
        while not stop.is_set():
            jobs = claim(own, w, 5)
            rows = own.execute(
                "select count(*) from jobs.running where queue = 'default' group by key"
            )
            most = max([most, *(count for (count,) in rows)])
            complete(own, *jobs)
        return most

    with clients(database, 6) as each:
        return max(each(work))


def test_a_limit_of_a_key_holds_under_six_workers(conn, database):
    assert overshoot(conn, database) == 3


def test_without_the_lock_the_limit_would_not_hold(fresh_database):
    with connect(fresh_database) as conn:
        conn.execute(KEYS_UNLOCKED)
        assert overshoot(conn, fresh_database) > 3


def at_once(conn, database):
    """Six workers claim of a queue that lets four run; returns the most that ever ran."""
    kind(conn)
    conn.execute("update jobs.queues set max_running = 4 where queue = 'default'")
    value(conn, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 1000)

    def work(_, own):
        w, most, done = worker(own), 0, 0
        while done < 50:
            jobs = claim(own, w, 3)
            most = max(most, own.execute("select count(*) from jobs.running").fetchone()[0])
            done += len(complete(own, *jobs))
        return most

    with clients(database, 6) as each:
        return max(each(work))


def test_a_limit_of_a_queue_holds_under_six_workers(conn, database):
    assert at_once(conn, database) <= 4


def test_without_the_queues_lock_its_limit_would_not_hold(fresh_database):
    with connect(fresh_database) as conn:
        conn.execute(QUEUE_UNLOCKED)
        assert at_once(conn, fresh_database) > 4


RATES = [
    pytest.param(
        "insert into jobs.limits (queue, key, rate, burst) values ('default', '*', 40, 10)",
        1,
        id="of a key",
    ),
    pytest.param(
        "update jobs.queues set rate = 40, burst = 10 where queue = 'default'",
        20,
        id="of a queue with many keys",
    ),
]


def let_through(conn, database, limit, keys):
    """Six workers claim as fast as they can for two seconds: how many, and how many may it be?"""
    kind(conn)
    conn.execute(limit)
    shops = [f"shop-{n % keys}" for n in range(5000)]
    value(conn, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 5000, keys=shops)
    began = conn.execute("select clock_timestamp()").fetchone()[0]
    stop = threading.Event()
    threading.Timer(2, stop.set).start()

    def work(_, own):
        w, got = worker(own), 0
        while not stop.is_set():
            jobs = claim(own, w, 5)
            got += len(complete(own, *jobs))
        return got

    with clients(database, 6) as each:
        got = sum(each(work))
    seconds = (conn.execute("select clock_timestamp()").fetchone()[0] - began).total_seconds()
    return got, 10 + 40 * seconds


@pytest.mark.parametrize(("limit", "keys"), RATES)
def test_a_rate_holds_under_six_workers(conn, database, limit, keys):
    got, at_most = let_through(conn, database, limit, keys)
    assert 0.9 * 40 * 2 <= got <= at_most


@pytest.mark.parametrize(("limit", "keys"), RATES)
def test_without_the_locks_a_rate_would_not_hold(fresh_database, limit, keys):
    with connect(fresh_database) as conn:
        conn.execute(KEYS_UNLOCKED + ";" + QUEUE_UNLOCKED)
        got, at_most = let_through(conn, fresh_database, limit, keys)
        assert got > at_most


def test_claims_need_read_committed(conn, database):
    kind(conn)
    w = worker(conn)
    with connect(database) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(errors.WrongIsolation), other.transaction():
            claim(other, w)


def test_to_look_for_the_lost_does_not_hold_up_the_living(conn, database):
    kind(conn)
    w = worker(conn)
    value(conn, "jobs.enqueue", kind="t.plain")
    with connect(database) as other, other.transaction():
        other.execute("select jobs.reap()")
        conn.execute("set lock_timeout = '1s'")
        claim_one(conn, w)


def given_up_beside_its_claim(conn, database):
    """The reaper comes between a claim's look at its worker and its commit: is the worker dead?"""
    kind(conn)
    conn.execute(
        "create or replace function jobs._server_started() returns timestamptz language sql"
        " as $$ select '2000-01-01'::timestamptz $$"
    )
    value(conn, "jobs.enqueue", kind="t.plain")
    w = worker(conn, lease="1 ms")
    with connect(database) as other, other.transaction():
        claim_one(other, w)
        value(conn, "jobs.reap")
        (stopped_at,) = conn.execute("select stopped_at from jobs.workers").fetchone()
    value(conn, "jobs.reap")
    assert faults(conn) == []
    return stopped_at is not None


def test_a_claim_under_way_is_not_reaped_around(conn, database):
    assert not given_up_beside_its_claim(conn, database)


def test_without_the_workers_lock_it_would_be(fresh_database):
    with connect(fresh_database) as conn:
        rewrite(conn, "jobs.claim", (r"perform pg_advisory_xact_lock_shared\(78, .*?\);", ""))
        assert given_up_beside_its_claim(conn, fresh_database)


# Ends


def test_a_run_reported_by_many_ends_once(conn, database):
    ruled(conn)
    job_id = value(conn, "jobs.enqueue", kind="t.ruled")
    job = claim_one(conn, worker(conn))
    outcome = {"outcome": "done", "answer": 1}

    def report(_, own):
        return value(own, "jobs.settle", job_id=job_id, run_no=job.run_no, outcome=outcome)

    with clients(database, 6) as each:
        assert Counter(each(report)) == {"done": 1, "stale": 5}
    assert len(told(conn, job_id)) == 1


@pytest.mark.parametrize("_again", range(5))
def test_cancel_and_done_at_once(conn, database, _again):
    ruled(conn)
    keys = [f"u{n}" if n % 2 else None for n in range(20)]
    job_ids = [value(conn, "jobs.enqueue", kind="t.ruled", unique_key=key) for key in keys]
    jobs = {job.job_id: job for job in claim(conn, worker(conn), 20)}

    def end(number, own):
        own.execute("set deadlock_timeout = '100 ms'")
        said = []
        for job_id in job_ids if number else reversed(job_ids):
            if number % 2:
                said.append(value(own, "jobs.cancel", job_id=job_id))
            else:
                run_no = jobs[job_id].run_no
                outcome = {"outcome": "done"}
                said.append(
                    value(own, "jobs.settle", job_id=job_id, run_no=run_no, outcome=outcome)
                )
        return said

    with clients(database, 4) as each:
        each(end)
    assert [len(told(conn, job_id)) for job_id in job_ids] == [1] * 20
    assert {ended(conn, job_id) for job_id in job_ids} == {"done"}
    assert faults(conn) == []


def test_cancel_and_claim_at_once(conn, database):
    ruled(conn)
    job_ids = [value(conn, "jobs.enqueue", kind="t.ruled") for _ in range(200)]

    def meet(number, own):
        if number % 2:
            return [value(own, "jobs.cancel", job_id=job_id) for job_id in job_ids]
        w, got = worker(own), []
        while jobs := claim(own, w, 3):
            got += jobs
        return got

    with clients(database, 4) as each:
        each(meet)
    running = {job_id for job_id in job_ids if where(conn, job_id) == "running"}
    flagged = conn.execute(
        "select count(*) from jobs.running where cancel_reason is null"
    ).fetchone()[0]
    for job_id in set(job_ids) - running:
        assert ended(conn, job_id) == "cancelled"
    assert flagged == 0
    assert faults(conn) == []


# Unique keys


@pytest.mark.parametrize("mode", ["ignore", "replace"])
def test_one_key_asked_for_by_eight_makes_one_job(conn, database, mode):
    kind(conn)

    def ask(number, own):
        return value(
            own,
            "jobs.enqueue",
            kind="t.plain",
            payload={"n": number},
            unique_key="u",
            unique_mode=mode,
        )

    with clients(database, 8) as each:
        assert len(set(each(ask))) == 1
    assert conn.execute("select count(*) from jobs.ready").fetchone() == (1,)
    assert faults(conn) == []


def test_one_key_asked_for_by_eight_rejects_seven(conn, database):
    kind(conn)

    def ask(_, own):
        try:
            return value(own, "jobs.enqueue", kind="t.plain", unique_key="u", unique_mode="reject")
        except errors.DuplicateJob:
            return None

    with clients(database, 8) as each:
        assert each(ask).count(None) == 7


def test_many_keys_in_any_order_do_not_deadlock(conn, database):
    kind(conn)
    keys = [f"u{n}" for n in range(100)]

    def ask(number, own):
        own.execute("set deadlock_timeout = '50 ms'")
        order = keys if number % 2 else keys[::-1]
        return value(
            own, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 100, unique_keys=order
        )

    with clients(database, 6) as each:
        each(ask)
    assert conn.execute("select count(*) from jobs.ready").fetchone() == (100,)


def test_replace_and_claim_at_once(conn, database):
    """Each payload that was asked for last is run, be it by the job itself or by one that follows."""
    kind(conn)
    stop = threading.Event()

    def meet(number, own):
        if number:
            w, seen = worker(own), []
            while not stop.is_set():
                jobs = claim(own, w, 1)
                seen += [job.payload["n"] for job in jobs]
                complete(own, *jobs)
            return seen
        for n in range(200):
            value(
                own,
                "jobs.enqueue",
                kind="t.plain",
                payload={"n": n},
                unique_key="u",
                unique_mode="replace",
            )
        until(lambda: own.execute("select count(*) from jobs.active").fetchone()[0] == 0)
        stop.set()
        return []

    with clients(database, 4) as each:
        seen = [n for part in each(meet) for n in part]
    assert max(seen) == 199
    assert len(seen) == len(set(seen))
    assert faults(conn) == []


def test_whoever_asks_for_a_taken_key_does_not_hold_up_its_job(conn, database):
    kind(conn)
    job_id = value(conn, "jobs.enqueue", kind="t.plain", unique_key="u")
    job = claim_one(conn, worker(conn))
    with connect(database) as other, other.transaction():
        assert value(other, "jobs.enqueue", kind="t.plain", unique_key="u") == job_id
        assert complete(conn, job) == [job_id]


def test_replace_and_cancel_do_not_deadlock(conn, database):
    kind(conn)

    def meet(number, own):
        own.execute("set deadlock_timeout = '50 ms'")
        for n in range(100):
            if number % 2:
                row = own.execute("select job_id from jobs.unique_keys").fetchone()
                if row:
                    value(own, "jobs.cancel", job_id=row[0])
            else:
                value(
                    own,
                    "jobs.enqueue",
                    kind="t.plain",
                    payload={"n": n},
                    unique_key="u",
                    unique_mode="replace",
                )

    with clients(database, 4) as each:
        each(meet)
    assert faults(conn) == []


# Clocks


def schedule(conn, **columns):
    conn.execute(
        "create schema if not exists test_jobs;"
        "create or replace function test_jobs.nothing(p_run_id bigint)"
        " returns table (items integer, skipped integer, why text) language sql"
        " as $$ select 0, 0, 'nothing to do' $$"
    )
    conn.execute(
        "insert into jobs.schedules (schedule, cron, function, description, catch_up, catch_max)"
        " values ('t', '* * * * *', 'test_jobs.nothing', 'of a test', 'all', 1000)"
    )


def test_six_clocks_fire_each_minute_once(conn, database):
    schedule(conn)
    conn.execute("update jobs.schedules set next_at = date_trunc('hour', now()) - interval '2 h'")

    def ticking(_, own):
        for _ in range(5):
            own.execute("select jobs._fire()")

    with clients(database, 6) as each:
        each(ticking)
    fires, runs, jobs = conn.execute(
        "select (select count(*) from jobs.fires where schedule = 't'),"
        " (select count(*) from jobs.run_log where name = 't'),"
        " (select count(*) from jobs.ready where kind = 'jobs.run_schedule'"
        "   and job_id in (select job_id from jobs.jobs where payload ->> 'schedule' = 't'))"
    ).fetchone()
    assert fires == runs == jobs >= 120


def test_two_ticks_at_once_are_one(conn, database):
    with connect(database) as other, other.transaction():
        assert other.execute("select * from jobs.tick()").fetchall() != []
        assert conn.execute("select * from jobs.tick()").fetchall() == []


LOCKED = "lock table accounts.services in access exclusive mode"


def test_a_locked_table_does_not_stop_the_clock(conn, database):
    """A rule for alerts reads the table; due jobs are none of its business."""
    kind(conn)
    conn.execute("update jobs.chores set last_at = null where chore = 'alerts'")
    job_id = value(conn, "jobs.enqueue", kind="t.plain", run_at="2026-01-01 00:00:01+00")
    with connect(database) as other, other.transaction():
        other.execute(LOCKED)
        conn.execute("set statement_timeout = '20s'")
        conn.execute("select jobs.tick()")
    assert where(conn, job_id) == "ready"
    error = "select error from jobs.alert_rules where rule = 'tokens_ending'"
    assert "lock timeout" in conn.execute(error).fetchone()[0]


def test_without_its_patience_at_an_end_the_clock_would_stop(fresh_database):
    with connect(fresh_database) as conn, connect(fresh_database) as other, other.transaction():
        conn.execute("alter function jobs.tick reset lock_timeout")
        conn.execute("update jobs.chores set last_at = null where chore = 'alerts'")
        other.execute(LOCKED)
        conn.execute("set statement_timeout = '2s'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("select jobs.tick()")


def test_promoted_once_under_many_clocks(conn, database):
    kind(conn)
    payloads = [{}] * 500
    at = conn.execute("select now() + interval '1 h'").fetchone()[0]
    ids = value(conn, "jobs.enqueue_many", kind="t.plain", payloads=payloads, run_at=at)
    conn.execute("update jobs.scheduled set run_at = now()")

    def promote(_, own):
        return value(own, "jobs._promote", limit=50) + value(own, "jobs._promote", limit=500)

    with clients(database, 5) as each:
        each(promote)
    value(conn, "jobs._promote", limit=500)
    rows = conn.execute("select job_id from jobs.ready").fetchall()
    assert sorted(job_id for (job_id,) in rows) == ids


def test_two_last_jobs_of_a_run_that_end_at_once_are_seen_by_the_tick(conn, database):
    ruled(conn)
    run_id = conn.execute(
        "insert into jobs.run_log (name, returned_at, items) values ('t', now(), 2) returning run_id"
    ).fetchone()[0]
    conn.execute("select set_config('jobs.run_id', %s, false)", [str(run_id)])
    value(conn, "jobs.enqueue_many", kind="t.ruled", payloads=[{}, {}])
    conn.execute("select set_config('jobs.run_id', '', false)")
    one, two = claim(conn, worker(conn), 2)
    outcome = {"outcome": "done"}
    with connect(database) as other, other.transaction():
        value(other, "jobs.settle", job_id=one.job_id, run_no=1, outcome=outcome)
        value(conn, "jobs.settle", job_id=two.job_id, run_no=1, outcome=outcome)
    status = "select status from jobs.runs where run_id = %s"
    assert conn.execute(status, [run_id]).fetchone() == ("running",)
    conn.execute("select jobs.tick()")
    assert conn.execute(status, [run_id]).fetchone() == ("succeeded",)


# Connections


def test_a_lost_answer_to_a_claim_is_given_back(conn, database):
    """The claim is still under way when its worker comes back on a new connection."""
    kind(conn)
    job_id = value(conn, "jobs.enqueue", kind="t.plain")
    w = worker(conn)
    with connect(database) as lost, connect(database) as again, ThreadPoolExecutor(1) as pool:
        with lost.transaction():
            claim_one(lost, w)
            back = pool.submit(value, again, "jobs.release_unheld", worker_id=w, held=[])
            until(lambda: waits_for_a_lock(conn, again.info.backend_pid))
        assert back.result(10) == [job_id]
    assert call(conn, "jobs.claim", Claimed, worker_id=w, queue="default")[0].run_no == 2


def test_a_window_is_taken_over_by_one_of_many(conn, database):
    kind(conn)
    first = value(
        conn, "jobs.enqueue", kind="t.plain", unique_key="u", unique_for=timedelta(seconds=1)
    )
    complete(conn, claim_one(conn, worker(conn)))
    conn.execute("update jobs.unique_keys set until = now() - interval '1 s'")

    def ask(_, own):
        return value(
            own, "jobs.enqueue", kind="t.plain", unique_key="u", unique_for=timedelta(hours=1)
        )

    with clients(database, 6) as each:
        (second,) = set(each(ask))
    assert second != first
