"""What each rule finds, and what it just does not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from db.call import value
from tests.fixtures.accounts import connection, user
from tests.fixtures.alerts import alerts, errors, watch
from tests.fixtures.clock import at
from tests.fixtures.jobs import claim, claim_one, complete, kind, settle, worker

NOON = datetime.fromisoformat("2026-01-01 12:00+00")


@pytest.fixture
def noon(db):
    at(db, NOON)
    return db


def after(db, **span: float) -> None:
    at(db, NOON + timedelta(**span))


def found(db, rule: str) -> dict[str, int]:
    """What the rule finds now, and how often."""
    db.execute("update jobs.alert_rules set enabled = (rule = %s)", [rule])
    db.execute("delete from jobs.alerts")
    watch(db)
    assert errors(db) == {}
    return dict(db.execute("select about, times from jobs.alerts").fetchall())


def enqueue(db, name: str = "t.plain", **more: Any) -> int:
    return int(value(db, "jobs.enqueue", kind=name, **more))


def ran(db, name: str, outcome: str = "done", **more: Any) -> None:
    enqueue(db, name)
    settle(db, claim_one(db, worker(db)), outcome, **more)


def test_every_rule_works_on_an_empty_database(noon):
    watch(noon)
    assert (alerts(noon), errors(noon)) == ({}, {})


# Kinds that nobody handles


@pytest.mark.parametrize(
    ("kinds", "place", "seconds", "finds"),
    [
        pytest.param(["t.other"], "ready", 61, True, id="its only worker handles others"),
        pytest.param(["t.other"], "ready", 60, False, id="not for long"),
        pytest.param(["t.other"], "came round", 61, True, id="a worker had it and put it back"),
        pytest.param(["t.other"], "delayed", 61, False, id="its time has not come"),
        pytest.param(["t.other", "t.plain"], "ready", 61, False, id="a worker handles it"),
        pytest.param(None, "ready", 61, False, id="a worker that did not say what it handles"),
        pytest.param("nobody", "ready", 61, False, id="no worker is alive: others say that"),
    ],
)
def test_a_kind_that_no_worker_handles(noon, kinds, place, seconds, finds):
    kind(noon)
    enqueue(noon, run_at=NOON + timedelta(hours=1) if place == "delayed" else None)
    if place == "came round":
        here = claim_one(noon, worker(noon))
        value(
            noon, "jobs.snooze", job_id=here.job_id, run_no=1, until=NOON + timedelta(1), reason="-"
        )
    noon.execute("update jobs.workers set stopped_at = jobs.clock()")
    if kinds != "nobody":
        value(noon, "jobs.start_worker", name="t", lease="1 hour", kinds=kinds)
    after(noon, seconds=seconds)
    assert found(noon, "unhandled_kind") == ({"t.plain": 1} if finds else {})


# Jobs that died


def test_dead_jobs_of_one_kind_and_code_are_one_alert(noon):
    kind(noon)
    kind(noon, "t.other")
    for name, code in (
        ("t.plain", "spam"),
        ("t.plain", "spam"),
        ("t.plain", None),
        ("t.other", "spam"),
    ):
        ran(noon, name, "give_up", reason="no", code=code)
    assert found(noon, "job_failed") == {"t.plain spam": 2, "t.plain": 1, "t.other spam": 1}


@pytest.mark.parametrize(
    ("what", "hours"),
    [
        pytest.param("done", 0, id="a job that was done"),
        pytest.param("retried", 0, id="a dead job that somebody retried"),
        pytest.param("dead", 25, id="a job that died before the span"),
    ],
)
def test_what_is_no_dead_job(noon, what, hours):
    kind(noon)
    ran(noon, "t.plain", "done" if what == "done" else "give_up", reason="no")
    if what == "retried":
        noon.execute("select jobs.retry(job_id) from jobs.dead")
    after(noon, hours=hours)
    assert found(noon, "job_failed") == {}


def test_a_bound_leaves_a_few_dead_jobs_alone(noon):
    kind(noon)
    value(noon, "jobs.set_alert_rule", rule="job_failed", bound=2)
    for _ in range(2):
        ran(noon, "t.plain", "give_up", reason="no")
    assert found(noon, "job_failed") == {}
    ran(noon, "t.plain", "give_up", reason="no")
    assert found(noon, "job_failed") == {"t.plain": 3}


# The same error again and again


@pytest.mark.parametrize(
    ("times", "reason", "finds"),
    [
        pytest.param(10, "Product {} is gone", True, id="the same words about other products"),
        pytest.param(9, "Product {} is gone", False, id="not often enough"),
        pytest.param(10, "{}", False, id="other words each time"),
    ],
)
def test_errors_that_repeat(noon, times, reason, finds):
    kind(noon)
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    for number in range(times):
        what = (
            f"7c9e6679-7425-40de-944b-e07fc1f90a{number:02}"
            if "Product" in reason
            else words[number]
        )
        ran(noon, "t.plain", "try_later", after=3600, reason=reason.format(what))
    about = "t.plain Product # is gone"
    assert found(noon, "repeated_error") == ({about: times} if finds else {})


def test_errors_of_an_hour_ago_do_not_repeat(noon):
    kind(noon)
    for _ in range(10):
        ran(noon, "t.plain", "try_later", after=36000, reason="gone")
    after(noon, minutes=16)
    assert found(noon, "repeated_error") == {}


def test_what_repeats_is_read_by_an_index(noon):
    """The rule looks every ten seconds; a day of history must not be read for it."""
    noon.execute("set local enable_seqscan = off")
    plan = noon.execute(
        "explain select from jobs.history as h where h.finished_at > now() - interval '15 min'"
        " and h.state in ('failed', 'unknown', 'retry', 'lost') order by h.finished_at desc limit 5000"
    ).fetchall()
    assert "history_default_finished_at_idx" in str(plan)


# Longer than usual


def usual(db, name: str, p95: str, times: int) -> None:
    db.execute(
        "insert into jobs.history_hours values (jobs.clock() - interval '3 h', 'default', %s,"
        " %s, 0, 0, 0, 0, 0, 0, '1 s', %s, '0', '0')",
        [name, times, p95],
    )


@pytest.mark.parametrize(
    ("p95", "times", "seconds", "finds"),
    [
        pytest.param("60 s", 20, 121, True, id="more than twice the usual"),
        pytest.param("60 s", 20, 119, False, id="less than twice the usual"),
        pytest.param("60 s", 19, 3600, False, id="nobody knows yet what is usual"),
        pytest.param("1 s", 20, 59, False, id="many times the usual, but short"),
        pytest.param("1 s", 20, 61, True, id="many times the usual, and long"),
    ],
)
def test_slow_jobs(noon, p95, times, seconds, finds):
    kind(noon, timeout="2 h")
    usual(noon, "t.plain", p95, times)
    enqueue(noon)
    claim_one(noon, worker(noon))
    after(noon, seconds=seconds)
    assert found(noon, "slow_job") == ({"t.plain": 1} if finds else {})


@pytest.mark.parametrize(
    ("runs", "minutes", "left", "finds"),
    [
        pytest.param(3, 21, None, True, id="a run of more than twice the usual"),
        pytest.param(3, 19, None, False, id="a run of less than twice the usual"),
        pytest.param(2, 21, None, False, id="nobody knows yet what is usual"),
        pytest.param(3, 21, "later", False, id="its last job was put off on purpose"),
        pytest.param(3, 21, "due", True, id="its last job is due"),
        pytest.param(3, 21, "retry", True, id="its last job is tried again and again"),
    ],
)
def test_slow_runs(noon, runs, minutes, left, finds):
    kind(noon)
    for number in range(runs):
        noon.execute(
            "insert into jobs.run_log (name, started_at, returned_at, finished_at, items, status)"
            " values ('night', %(at)s, %(at)s, %(at)s + interval '10 min', 1, 'succeeded')",
            {"at": NOON - timedelta(days=number + 1)},
        )
    noon.execute("insert into jobs.run_log (name, returned_at) values ('night', jobs.clock())")
    if left:
        minutes_off = 5 if left == "due" else 60
        enqueue(noon, run_at=NOON + timedelta(minutes=minutes_off))
        noon.execute(
            "update jobs.scheduled set failures = %s,"
            " run_id = (select run_id from jobs.run_log where name = 'night' and finished_at is null)",
            [1 if left == "retry" else 0],
        )
    after(noon, minutes=minutes)
    assert found(noon, "slow_run") == ({"night": 1} if finds else {})


# Waiting for too long


@pytest.mark.parametrize(
    ("held", "seconds", "finds"),
    [
        pytest.param("", 601, True, id="a job that has waited too long"),
        pytest.param("", 599, False, id="a job that has waited almost too long"),
        pytest.param("queue", 6000, False, id="a queue that a person has paused"),
        pytest.param("key", 6000, False, id="a key that a person has paused"),
        pytest.param("service", 6000, False, id="a key that a service asked to leave alone"),
    ],
)
def test_old_ready_jobs(noon, held, seconds, finds):
    kind(noon)
    enqueue(noon, key="a")
    if held == "service":
        value(noon, "jobs.penalise", queue="default", key="a", until=NOON + timedelta(days=1))
    elif held:
        value(noon, "jobs.pause", queue="default", key="a" if held == "key" else None)
    after(noon, seconds=seconds)
    assert found(noon, "old_ready") == ({"default": 1} if finds else {})


def test_a_key_that_waits_behind_others_is_found(noon):
    """The oldest job of a queue is not that of its first key."""
    kind(noon)
    enqueue(noon, key="b")
    after(noon, seconds=500)
    enqueue(noon, key="a")
    after(noon, seconds=700)
    assert found(noon, "old_ready") == {"default": 1}


def test_to_find_the_oldest_costs_as_the_keys_not_as_the_jobs(noon):
    kind(noon)
    noon.execute(
        "select jobs.enqueue_many('t.plain', array_fill('{}'::jsonb, array[20000]),"
        " (select array_agg('k' || n % 10) from generate_series(1, 20000) as n))"
    )
    noon.execute("analyze jobs.ready")
    ((plan,),) = noon.execute(
        "explain (analyze, buffers, format json) select * from jobs.lines"
    ).fetchall()
    assert plan[0]["Plan"]["Shared Hit Blocks"] < 600
    assert noon.execute("select count(*) from jobs.lines").fetchone() == (10,)


# Nothing ran


def due(db) -> None:
    """One schedule, whose time has come."""
    db.execute("update jobs.schedules set enabled = (schedule = 'connection_refresh')")
    db.execute("update jobs.schedules set cron = '0 12 1 1 *' where enabled")
    db.execute("update jobs.schedules set next_at = jobs.clock() where enabled")


@pytest.mark.parametrize(
    ("taken", "minutes", "finds"),
    [
        pytest.param(False, 11, True, id="fired, and no worker has taken it"),
        pytest.param(False, 9, False, id="fired a moment ago"),
        pytest.param(True, 11, False, id="a worker is at it"),
    ],
)
def test_missed_runs(noon, taken, minutes, finds):
    due(noon)
    noon.execute("select jobs.tick()")
    if taken:
        claim_one(noon, worker(noon), queue="schedules")
    after(noon, minutes=minutes)
    assert found(noon, "missed_run") == ({"connection_refresh": 1} if finds else {})


def test_a_schedule_that_the_clock_forgot(noon):
    due(noon)
    after(noon, minutes=11)
    assert found(noon, "missed_run") == {"connection_refresh": 1}


@pytest.mark.parametrize(
    ("statuses", "finds"),
    [
        pytest.param(["succeeded", "failed"], True, id="the last run failed"),
        pytest.param(["succeeded", "partly"], True, id="the last run failed in part"),
        pytest.param(["failed", "succeeded"], False, id="a later run succeeded"),
        pytest.param(["skipped"], False, id="there was nothing to do"),
    ],
)
def test_failed_runs(noon, statuses, finds):
    for number, status in enumerate(statuses):
        noon.execute(
            "insert into jobs.run_log (name, started_at, returned_at, finished_at, status)"
            " values ('connection_refresh', %(at)s, %(at)s, %(at)s, %(status)s)",
            {"at": NOON + timedelta(minutes=number), "status": status},
        )
    after(noon, hours=1)
    assert found(noon, "failed_run") == ({"connection_refresh": 1} if finds else {})


# Few succeed


@pytest.mark.parametrize(
    ("done", "failed", "skipped", "hours_ago", "finds"),
    [
        pytest.param(17, 3, 0, 1, True, id="less than 90 %"),
        pytest.param(18, 2, 0, 1, False, id="exactly 90 %"),
        pytest.param(10, 9, 0, 1, False, id="too few to tell"),
        pytest.param(10, 9, 100, 1, False, id="what was skipped does not count"),
        pytest.param(0, 100, 0, 2, False, id="the hour before the last"),
    ],
)
def test_success_shares(noon, done, failed, skipped, hours_ago, finds):
    noon.execute(
        "insert into jobs.history_hours values (jobs.clock() - make_interval(hours => %s), 'default',"
        " 't.plain', %s, %s, 0, %s, 0, 0, 0, null, null, null, null)",
        [hours_ago, done, failed, skipped],
    )
    noon.execute(
        "insert into jobs.rolled_hours values (jobs.clock() - interval '1 h', '1', null, jobs.clock())"
    )
    assert found(noon, "few_succeed") == ({"t.plain": failed} if finds else {})


# The clock


def test_a_part_of_the_clock_that_fails_is_found_and_forgotten_when_it_works(db):
    db.execute("alter function jobs._sweep() rename to _sweep_away")
    db.execute("select jobs.tick()")
    assert list(found(db, "clock_trouble")) == ["sweep"]
    db.execute("alter function jobs._sweep_away() rename to _sweep")
    db.execute("select jobs.tick()")
    assert found(db, "clock_trouble") == {}


# Other rooms


@pytest.mark.parametrize(
    ("days", "finds"),
    [
        pytest.param(13, True, id="a refresh token that ends within two weeks"),
        pytest.param(15, False, id="a refresh token with longer to live"),
    ],
)
def test_a_rule_of_another_room(noon, days, finds):
    connection(
        noon,
        user(noon),
        "pinterest",
        "ann",
        tokens={"access": "a", "refresh": "r"},
        refresh_expires_at=NOON + timedelta(days=days),
    )
    assert found(noon, "tokens_ending") == ({"pinterest ann": 1} if finds else {})


def test_rules_cost_little_when_much_is_there(noon):
    """A look at all rules with 20,000 ended jobs and 20,000 ready ones reads few pages."""
    kind(noon)
    noon.execute("select jobs.enqueue_many('t.plain', array_fill('{}'::jsonb, array[20000]))")
    complete(noon, *claim(noon, worker(noon), limit=20000))
    noon.execute("select jobs.enqueue_many('t.plain', array_fill('{}'::jsonb, array[20000]))")
    noon.execute("analyze jobs.ready, jobs.history, jobs.jobs")
    noon.execute("select jobs._watch()")
    before = noon.execute(READ).fetchone()[0]
    noon.execute("select jobs._watch()")
    assert noon.execute(READ).fetchone()[0] - before <= 20


READ = """
select sum(pg_stat_get_xact_tuples_returned(c.oid))
from pg_class as c
where c.relname in ('ready', 'history_default', 'jobs_default')
"""
