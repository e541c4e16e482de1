"""Each hour of the history is summed up once, when nothing can be added to it any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db.call import value
from db.database import connect
from tests.fixtures.clock import at
from tests.fixtures.jobs import claim_one, complete, kind, settle, worker
from workers.testing import drain


def hour(minutes: float) -> str:
    """So many minutes after ten."""
    return f"2026-01-01 {10 + int(minutes // 60)}:{int(minutes % 60):02}+00"


@pytest.fixture
def conn(database):
    """A connection at ten past ten, with a kind and a worker."""
    with connect(database) as conn:
        at(conn, hour(10))
        kind(conn)
        yield conn


def ended(conn, *outcomes: str) -> None:
    worker_id = worker(conn)
    for outcome in outcomes:
        value(conn, "jobs.enqueue", kind="t.plain")
        settle(conn, claim_one(conn, worker_id), outcome, reason="no", after=36000)


def plan(conn, minutes: float) -> int:
    at(conn, hour(minutes))
    return int(value(conn, "jobs._plan_roll_ups"))


def work_off(conn) -> None:
    assert {run.state for run in drain(conn, {}, queues=["schedules"])} <= {"done"}


def sums(conn) -> list[tuple]:
    return conn.execute(
        "select to_char(hour at time zone 'UTC', 'HH24'), kind, ended, done, failed, retried"
        " from jobs.history_by_hour where kind = 't.plain' order by hour, kind"
    ).fetchall()


def test_an_hour_is_summed_up_by_kind(conn):
    kind(conn, "t.idle")
    ended(conn, "done", "done", "give_up", "try_later", "done")
    assert plan(conn, 66) == 1
    work_off(conn)
    assert sums(conn) == [("10", "t.plain", 4, 3, 1, 1)]


def test_how_long_runs_took_and_waited(conn):
    worker_id = worker(conn, "1 day")
    for minutes in range(1, 21):
        at(conn, hour(10))
        value(conn, "jobs.enqueue", kind="t.plain")
        at(conn, hour(10 + 1))
        job = claim_one(conn, worker_id)
        at(conn, hour(11 + minutes))
        complete(conn, job)
    plan(conn, 66)
    work_off(conn)
    row = conn.execute(
        "select run_p50, run_p95, wait_p50 from jobs.history_by_hour where kind = 't.plain'"
    ).fetchone()
    assert row == (
        timedelta(minutes=10.5),
        timedelta(minutes=19, seconds=3),
        timedelta(minutes=1),
    )


@pytest.mark.parametrize(
    ("minutes", "planned"),
    [
        pytest.param(64, 0, id="not before it is over for five minutes"),
        pytest.param(65, 1, id="then at once"),
        pytest.param(600, 1, id="later too, and hours in which nothing ended make no job"),
    ],
)
def test_when_an_hour_is_summed_up(conn, minutes, planned):
    ended(conn, "done")
    assert plan(conn, minutes) == planned
    assert plan(conn, minutes) == 0


def test_an_hour_is_summed_up_once(conn):
    ended(conn, "done")
    plan(conn, 66)
    work_off(conn)
    assert value(conn, "jobs._roll_up", hour=hour(0)) == 0
    plan(conn, 67)
    work_off(conn)
    assert sums(conn) == [("10", "t.plain", 1, 1, 0, 0)]


@pytest.mark.parametrize(
    ("waits", "counted"),
    [
        pytest.param(True, 2, id="who is still at it when the hour is over is waited for"),
        pytest.param(False, 1, id="control: summed up at once, a job would be missing"),
    ],
)
def test_late_commits(conn, database, waits, counted):
    ended(conn, "done")
    value(conn, "jobs.enqueue", kind="t.plain")
    job = claim_one(conn, worker(conn, "1 day"))
    with connect(database) as late:
        at(late, hour(59))
        late.execute("begin")
        complete(late, job)
        if waits:
            assert plan(conn, 66) == 0
        else:
            value(conn, "jobs._plan_roll_ups")
            at(conn, hour(66))
            conn.execute("insert into jobs.rolled_hours values ('2026-01-01 10:00+00', '1')")
            value(conn, "jobs._roll_up", hour=hour(0))
        late.execute("commit")
    plan(conn, 67)
    work_off(conn)
    assert sums(conn)[0][2] == counted


def test_after_a_restore_elsewhere_hours_do_not_wait_for_ever(conn):
    """The numbers of transactions begin anew in another cluster."""
    ended(conn, "done")
    conn.execute("insert into jobs.rolled_hours values ('2026-01-01 10:00+00', '999999999999')")
    assert plan(conn, 66) == 1


def test_the_history_of_an_hour_is_found_by_its_index(conn):
    conn.execute("set enable_seqscan = off")
    plan = conn.execute(
        "explain select from jobs.history as h"
        " where h.finished_at >= '2026-01-01 10:00+00' and h.finished_at < '2026-01-01 11:00+00'"
    ).fetchall()
    assert "Bitmap Index Scan on history_default_finished_at_idx" in str(plan)
