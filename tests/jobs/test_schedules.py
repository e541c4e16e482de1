"""What runs by itself: when it fires, what it catches up with, and what its runs come to."""

from __future__ import annotations

import psycopg
import pytest

from db import errors
from db.call import value
from tests.fixtures.clock import at
from tests.fixtures.jobs import claim, claim_one, ended, faults, kind, ruled, settle, worker
from workers.testing import drain

RUNS = """
create schema if not exists test_jobs;
create table if not exists test_jobs.ran (run_id bigint, at timestamptz);
truncate test_jobs.ran;
create or replace function test_jobs.nightly(p_run_id bigint)
returns table (items integer, skipped integer, why text) language plpgsql as $$
begin
  insert into test_jobs.ran values (p_run_id, jobs.clock());
  return query select 2, 1, null::text;
end $$;
create or replace function test_jobs.idle(p_run_id bigint)
returns table (items integer, skipped integer, why text) language sql as $$
  select 0, 3, 'nothing is due'
$$;
create or replace function test_jobs.broken(p_run_id bigint)
returns table (items integer, skipped integer, why text) language plpgsql as $$
begin
  perform jobs.enqueue('t.ruled');
  raise exception 'a bug';
end $$;
create or replace function test_jobs.planner(p_run_id bigint)
returns table (items integer, skipped integer, why text) language plpgsql as $$
begin
  perform jobs.enqueue('t.ruled', '{"n": 1}');
  perform jobs.enqueue('t.ruled', '{"n": 2}');
  perform jobs.enqueue('t.ruled', '{"n": 3, "follow": "t.ruled"}');
  return query select 3, 0, null::text;
end $$;
"""


def schedule(db, function="nightly", **columns):
    """The only schedule there is, so that no other fires in between."""
    db.execute(RUNS)
    db.execute("delete from jobs.schedules")
    row = {
        "schedule": function,
        "cron": "* * * * *",
        "function": f"test_jobs.{function}",
        "description": "of a test",
    } | columns
    db.execute(
        f"insert into jobs.schedules ({', '.join(row)}) values ({', '.join(['%s'] * len(row))})",
        list(row.values()),
    )
    return row["schedule"]


def tick(db):
    failed = [row for row in db.execute("select * from jobs.tick()").fetchall() if row[2]]
    assert failed == []


def fires(db):
    rows = db.execute(
        "select to_char(f.fire_at at time zone 'UTC', 'HH24:MI'), f.run_id is not null"
        " from jobs.fires as f order by f.fire_at"
    )
    return rows.fetchall()


def work(db):
    """What a worker does with the queue of schedules, which is all SQL."""
    assert {run.state for run in drain(db, {}, queues=["schedules"])} <= {"done"}


def runs(db, *columns):
    return db.execute(
        f"select {', '.join(columns)} from jobs.runs order by run_id".encode()
    ).fetchall()


# Fires


def test_a_schedule_fires_when_it_is_due_and_once(db):
    at(db, "2026-01-01 12:00:30+00")
    schedule(db)
    tick(db)
    assert fires(db) == []
    at(db, "2026-01-01 12:01:00+00")
    tick(db)
    tick(db)
    assert fires(db) == [("12:01", True)]
    work(db)
    assert db.execute("select count(*) from test_jobs.ran").fetchone() == (1,)
    assert runs(db, "name", "status", "processed", "failed", "skipped", "why", "error") == [
        ("nightly", "succeeded", 2, 0, 1, None, None)
    ]


@pytest.mark.parametrize(
    ("catch_up", "catch_max", "fired"),
    [
        pytest.param("none", 10, [("12:10", False)], id="none"),
        pytest.param("last", 10, [("12:10", True)], id="the last"),
        pytest.param(
            "all", 3, [("12:08", True), ("12:09", True), ("12:10", True)], id="all, the last three"
        ),
        pytest.param(
            "all", 100, [(f"12:{m:02}", True) for m in range(1, 11)], id="all that were missed"
        ),
    ],
)
def test_after_ten_minutes_without_a_clock(db, catch_up, catch_max, fired):
    at(db, "2026-01-01 12:00:30+00")
    schedule(db, cron="1-10 12 * * *", catch_up=catch_up, catch_max=catch_max)
    at(db, "2026-01-01 12:11:30+00")
    tick(db)
    assert fires(db) == fired
    tick(db)
    assert fires(db) == fired


def test_half_a_minute_late_is_in_time_even_without_catching_up(db):
    at(db, "2026-01-01 12:00:30+00")
    schedule(db, catch_up="none")
    at(db, "2026-01-01 12:01:30+00")
    tick(db)
    assert fires(db) == [("12:01", True)]


def test_months_of_minutes_are_no_trouble(db):
    at(db, "2025-01-01 12:00:30+00")
    schedule(db, catch_up="last")
    at(db, "2026-01-01 12:00:30+00")
    tick(db)
    assert fires(db) == [("12:00", True)]


def test_what_was_disabled_is_not_caught_up_with(db):
    at(db, "2026-01-01 12:00:30+00")
    schedule(db)
    db.execute("update jobs.schedules set enabled = false")
    at(db, "2026-01-01 13:00:30+00")
    tick(db)
    db.execute("update jobs.schedules set enabled = true")
    tick(db)
    assert fires(db) == []
    at(db, "2026-01-01 13:01:00+00")
    tick(db)
    assert fires(db) == [("13:01", True)]


def test_a_schedule_goes_by_the_clock_of_its_time_zone(db):
    at(db, "2026-07-01 00:00+00")
    schedule(db, cron="0 6 * * *", time_zone="Europe/Berlin")
    at(db, "2026-07-01 04:00+00")
    tick(db)
    assert fires(db) == [("04:00", True)]


def test_a_row_that_a_revision_put_in_is_looked_at_by_the_first_tick(db):
    at(db, "2026-01-01 12:00:30+00")
    schedule(db)
    db.execute("update jobs.schedules set next_at = null")
    tick(db)
    assert db.execute("select next_at::text from jobs.schedules").fetchone() == (
        "2026-01-01 12:01:00+00",
    )


UPSERT = """
insert into jobs.schedules (schedule, cron, function, description)
select s.schedule, s.cron, s.function, s.description from jobs.schedules as s
on conflict (schedule) do update
set cron = excluded.cron, time_zone = excluded.time_zone, enabled = excluded.enabled
"""


@pytest.mark.parametrize(
    ("written", "fired"),
    [
        pytest.param("update jobs.schedules set cron = cron", True, id="the same again"),
        pytest.param(UPSERT, True, id="the same again, as a deploy does"),
        pytest.param("select jobs.resume_schedule('nightly')", True, id="resumed, unpaused"),
        pytest.param("update jobs.schedules set catch_up = 'all'", True, id="another policy"),
        pytest.param("update jobs.schedules set cron = '1 6 * * *'", False, id="another time"),
        pytest.param(
            "update jobs.schedules set time_zone = 'Asia/Tokyo'", False, id="another zone"
        ),
        pytest.param(
            "select jobs.pause_schedule('nightly'), jobs.resume_schedule('nightly')",
            False,
            id="paused and resumed",
        ),
    ],
)
def test_a_fire_that_is_overdue_stays_due_unless_its_times_change(db, written, fired):
    at(db, "2026-01-01 12:00+00")
    schedule(db, cron="0 6 * * *")
    at(db, "2026-01-04 12:00+00")
    db.execute(written)
    tick(db)
    assert any(run for _, run in fires(db)) is fired


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
@pytest.mark.parametrize("enabled", [True, False])
def test_a_cron_expression_that_never_comes_is_refused_when_it_is_written(db, cron, enabled):
    with pytest.raises(psycopg.Error) as refused, db.transaction():
        schedule(db, cron=cron, enabled=enabled)
    assert isinstance(errors.refusal(refused.value), errors.NeverComes)


def test_a_cron_expression_that_is_none_is_refused_when_it_is_written(db):
    with pytest.raises(Exception, match="not a cron expression"), db.transaction():
        schedule(db, cron="every day")


def test_one_broken_schedule_does_not_stop_the_clock_for_the_queue(db):
    at(db, "2026-01-01 12:00:30+00")
    kind(db)
    schedule(db)
    db.execute("alter table jobs.schedules disable trigger user")
    db.execute("update jobs.schedules set cron = 'nonsense'")
    value(db, "jobs.enqueue", kind="t.plain", run_at="2026-01-01 12:01+00")
    at(db, "2026-01-01 12:02+00")
    parts = {part: (did, error) for part, did, error in db.execute("select * from jobs.tick()")}
    assert parts["promote"] == (1, None)
    assert "JQ012" in parts["fire"][1]
    assert parts["reap"] == (0, None)


# Runs


def test_a_run_by_hand(db):
    schedule(db, enabled=False)
    run_id = value(db, "jobs.run_schedule", name="nightly")
    assert runs(db, "run_id", "status", "processed") == [(run_id, "succeeded", 2)]


def test_a_run_of_nobody_is_refused(db):
    with pytest.raises(errors.NoSuchSchedule), db.transaction():
        value(db, "jobs.run_schedule", name="nobody")


def test_a_run_with_nothing_to_do_says_why(db):
    schedule(db, "idle")
    value(db, "jobs.run_schedule", name="idle")
    assert runs(db, "status", "processed", "skipped", "why") == [
        ("skipped", 0, 3, "nothing is due")
    ]


def test_a_function_that_raises_makes_a_failed_run_and_leaves_nothing(db):
    ruled(db)
    schedule(db, "broken")
    value(db, "jobs.run_schedule", name="broken")
    assert runs(db, "status", "processed", "error") == [("failed", 0, "a bug (P0001)")]
    assert db.execute("select count(*) from jobs.jobs").fetchone() == (0,)


def test_a_run_goes_on_until_its_last_job_has_ended(db):
    ruled(db)
    schedule(db, "planner")
    run_id = value(db, "jobs.run_schedule", name="planner")
    w = worker(db)
    for _ in range(4):  # three, and one that follows the third
        assert runs(db, "status", "finished_at") == [("running", None)]
        settle(db, claim_one(db, w))
    assert runs(db, "status", "processed", "failed") == [("succeeded", 3, 0)]
    assert db.execute("select distinct run_id from jobs.jobs").fetchall() == [(run_id,)]


def test_a_job_that_waits_for_another_attempt_keeps_the_run_open(db):
    ruled(db)
    schedule(db, "planner")
    value(db, "jobs.run_schedule", name="planner")
    w = worker(db)
    for job in claim(db, w, 2):
        settle(db, job)
    settle(db, claim_one(db, w), "try_later", reason="busy", after=60)
    tick(db)
    assert runs(db, "status") == [("running",)]


@pytest.mark.parametrize(
    ("failing", "status", "processed"),
    [
        pytest.param({1}, "partly", 2, id="one dead is partly"),
        pytest.param({1, 2, 3}, "failed", 0, id="all dead is failed"),
    ],
)
def test_a_run_counts_its_dead(db, failing, status, processed):
    ruled(db, max_attempts=1)
    schedule(db, "planner")
    value(db, "jobs.run_schedule", name="planner")
    w = worker(db)
    while jobs := claim(db, w, 10):
        for job in jobs:
            if job.payload.get("n") in failing:
                settle(db, job, "give_up", reason="gone")
            else:
                settle(db, job)
    assert runs(db, "status", "processed", "failed") == [(status, processed, len(failing))]
    assert faults(db) == []


def test_jobs_outside_of_a_run_belong_to_none(db):
    ruled(db)
    schedule(db, "planner")
    value(db, "jobs.run_schedule", name="planner")
    outside = value(db, "jobs.enqueue", kind="t.ruled")
    assert db.execute("select run_id from jobs.jobs where job_id = %s", [outside]).fetchone() == (
        None,
    )


def test_a_run_whose_job_died_before_its_function_ran_is_failed(db):
    at(db, "2026-01-01 12:00:30+00")
    schedule(db)
    at(db, "2026-01-01 12:01+00")
    tick(db)
    job = claim_one(db, worker(db), queue="schedules")
    assert settle(db, job, "give_up", reason="no memory") == "failed"
    assert ended(db, job.job_id) == "failed"
    assert runs(db, "status", "error") == [("failed", "no memory")]


def test_the_status_of_schedules(db):
    at(db, "2026-01-01 12:00:30+00")
    schedule(db, "idle")
    value(db, "jobs.run_schedule", name="idle")
    at(db, "2026-01-01 12:05+00")
    columns = "enabled, next_at::text, late::text, last_status, last_why"
    assert db.execute(
        f"select {columns} from jobs.schedule_status where schedule = 'idle'"
    ).fetchone() == (True, "2026-01-01 12:01:00+00", "00:04:00", "skipped", "nothing is due")
