"""Jobs in steps: what is done stays done, a sleep costs nothing, an event is never missed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from psycopg import IsolationLevel
from psycopg.types.json import Jsonb

from db import errors
from db.call import value
from db.database import connect
from tests.fixtures.clock import at
from tests.fixtures.jobs import (
    claim,
    claim_one,
    ended,
    faults,
    kind,
    ruled,
    settle,
    where,
    worker,
)
from tests.fixtures.races import clients, waits_for_a_lock
from tests.fixtures.wait import until


@pytest.fixture
def conn(database):
    with connect(database) as conn:
        kind(conn)
        yield conn


@pytest.fixture
def run(db):
    """A job that runs."""
    kind(db)
    at(db, "2026-01-01 12:00+00")
    return begun(db)


def begun(db, **arguments):
    value(db, "jobs.enqueue", kind="t.plain", **arguments)
    return claim_one(db, worker(db))


def again(db, job):
    """The job's next run."""
    next_run = claim_one(db, worker(db))
    assert next_run.job_id == job.job_id
    return next_run


def ask(db, function, job, **arguments):
    return value(db, f"jobs.{function}", job_id=job.job_id, run_no=job.run_no, **arguments)


def step(db, job, name="s"):
    return ask(db, "step", job, step=name)


def keep(db, job, answer, name="s"):
    return ask(db, "keep_step", job, step=name, value=Jsonb(answer))


def await_event(db, job, event="e", timeout=None):
    return ask(db, "await_event", job, event=event, timeout=timeout)


def emit(db, answer=None, event="e"):
    return value(db, "jobs.emit_event", event=event, value=Jsonb(answer))


def crash(db, job):
    """Its worker is lost, and the job is back in line."""
    db.execute("update jobs.workers set lease_until = '-infinity', stopped_at = jobs.clock()")
    value(db, "jobs.reap")


@pytest.mark.parametrize("answer", [{"a": 1}, [], "text", 0, None], ids=repr)
def test_what_is_done_is_not_done_again(db, run, answer):
    assert step(db, run) == {"done": False, "maybe_sent": False}
    assert keep(db, run, answer) == answer
    crash(db, run)
    assert step(db, again(db, run)) == {"done": True, "value": answer}


def test_what_was_begun_may_have_happened(db, run):
    step(db, run)
    crash(db, run)
    assert step(db, again(db, run)) == {"done": False, "maybe_sent": True}


def test_what_surely_did_not_happen_begins_afresh(db, run):
    step(db, run)
    ask(db, "drop_step", run, step="s")
    assert step(db, run) == {"done": False, "maybe_sent": False}


def test_what_is_done_cannot_be_dropped(db, run):
    keep(db, run, 1)
    ask(db, "drop_step", run, step="s")
    assert step(db, run) == {"done": True, "value": 1}


def test_the_first_answer_stays(db, run):
    assert [keep(db, run, 1), keep(db, run, 2)] == [1, 1]


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(step, id="a step"),
        pytest.param(lambda db, job: keep(db, job, 1), id="an answer"),
        pytest.param(lambda db, job: ask(db, "drop_step", job, step="s"), id="a drop"),
        pytest.param(await_event, id="an event"),
        pytest.param(
            lambda db, job: ask(db, "sleep", job, **{"step": "s", "for": timedelta(1)}),
            id="a sleep",
        ),
    ],
)
def test_a_stale_run_is_refused(db, run, late):
    crash(db, run)
    present = again(db, run)
    with pytest.raises(errors.StaleRun), db.transaction():
        late(db, run)
    assert db.execute("select * from jobs.steps").fetchall() == []
    late(db, present)


def test_a_retried_job_keeps_its_steps(db, run):
    keep(db, run, 1)
    settle(db, run, "give_up", reason="gone")
    value(db, "jobs.retry", job_id=run.job_id)
    assert step(db, again(db, run)) == {"done": True, "value": 1}


# Sleep


def test_a_sleep_ends_when_its_time_is_over(db, run):
    rest = {"step": "rest", "for": timedelta(minutes=5)}
    keep(db, run, 1)
    assert ask(db, "sleep", run, **rest) is False
    assert where(db, run.job_id) == "scheduled"
    at(db, "2026-01-01 12:04+00")
    value(db, "jobs.retry", job_id=run.job_id)
    woken_early = again(db, run)
    assert ask(db, "sleep", woken_early, **rest) is False
    at(db, "2026-01-01 12:05+00")
    on_time = again(db, run)
    assert ask(db, "sleep", on_time, **rest) is True
    assert (on_time.run_no, on_time.failures) == (3, 0)
    assert step(db, on_time)["value"] == 1
    assert faults(db) == []


def test_a_cancelled_job_does_not_go_to_sleep(db, run):
    value(db, "jobs.cancel", job_id=run.job_id)
    assert ask(db, "sleep", run, **{"step": "rest", "for": timedelta(minutes=5)}) is False
    assert ended(db, run.job_id) == "cancelled"


def test_put_aside_its_request_is_not_one_that_may_have_been_sent(db):
    """Else a kind that sends at most once could never sleep."""
    ruled(db, effect="at_most_once")
    value(db, "jobs.enqueue", kind="t.ruled")
    job = claim_one(db, worker(db))
    assert ask(db, "prepare", job)["call"]
    assert await_event(db, job) == {"state": "parked"}
    emit(db)
    assert ask(db, "prepare", again(db, job))["maybe_sent"] is False


# Events


def test_an_event_that_came_before_is_heard(db, run):
    emit(db, {"code": 7})
    assert await_event(db, run) == {"state": "here", "value": {"code": 7}}
    assert where(db, run.job_id) == "running"


def test_an_event_that_comes_later_wakes_who_waits(db, run):
    assert await_event(db, run) == {"state": "parked"}
    assert where(db, run.job_id) == "parked"
    assert claim(db, worker(db)) == []
    emit(db, event="another")
    assert where(db, run.job_id) == "parked"
    emit(db, {"code": 7})
    assert await_event(db, again(db, run)) == {"state": "here", "value": {"code": 7}}
    assert faults(db) == []


def test_the_first_value_stays(db, run):
    assert [emit(db, 1), emit(db, 2)] == [True, False]
    assert await_event(db, run)["value"] == 1


def test_what_it_was_told_once_it_is_told_again(db, run):
    """The event came after its time: a second look must not see it."""
    assert await_event(db, run, timeout=timedelta(minutes=1)) == {"state": "parked"}
    at(db, "2026-01-01 12:01+00")
    db.execute("select * from jobs.tick()")
    second = again(db, run)
    assert await_event(db, second) == {"state": "timed out"}
    emit(db, 1)
    assert await_event(db, second) == {"state": "timed out"}


def test_an_event_in_time_is_no_timeout(db, run):
    await_event(db, run, timeout=timedelta(minutes=1))
    emit(db, 1)
    at(db, "2026-01-01 12:02+00")
    db.execute("select * from jobs.tick()")
    assert await_event(db, again(db, run)) == {"state": "here", "value": 1}


def test_one_event_wakes_all_who_wait(db):
    kind(db)
    value(db, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 5)
    for job in claim(db, worker(db), 5):
        await_event(db, job)
    emit(db)
    assert len(claim(db, worker(db), 10)) == 5


def test_who_is_cancelled_waits_no_more(db, run):
    await_event(db, run)
    assert value(db, "jobs.cancel", job_id=run.job_id) == "cancelled"
    assert db.execute("select * from jobs.awaits").fetchall() == []
    emit(db)
    assert ended(db, run.job_id) == "cancelled"


def test_an_event_from_a_snapshot_of_before_is_found_by_the_tick(conn, database):
    """Who emits in a repeatable read does not see who began to wait meanwhile."""
    job = begun(conn)
    with connect(database) as other:
        other.isolation_level = IsolationLevel.REPEATABLE_READ
        with other.transaction():
            other.execute("select 1 from jobs.jobs")
            await_event(conn, job)
            emit(other, 1)
    assert where(conn, job.job_id) == "parked"
    conn.execute("select * from jobs.tick()")
    assert await_event(conn, again(conn, job)) == {"state": "here", "value": 1}


def emitted_while_somebody_begins_to_wait(conn, database, seen_waiting):
    """Where the job is after both; ``seen_waiting`` tells that the emitting one waits its turn."""
    job = begun(conn)
    with connect(database) as other, ThreadPoolExecutor(1) as pool:
        with conn.transaction():
            await_event(conn, job)
            emitted = pool.submit(emit, other, 1)
            until(lambda: emitted.done() or seen_waiting(other.info.backend_pid))
        assert emitted.result() is True
    return where(conn, job.job_id)


def test_who_emits_waits_for_who_begins_to_wait(conn, database):
    with connect(database) as third:
        place = emitted_while_somebody_begins_to_wait(
            conn, database, lambda pid: waits_for_a_lock(third, pid)
        )
    assert place == "ready"
    assert faults(conn) == []


def test_without_the_lock_the_event_would_be_missed(fresh_database):
    with connect(fresh_database) as conn:
        kind(conn)
        for name in ("await_event", "emit_event"):
            (text,) = conn.execute(
                f"select pg_get_functiondef('jobs.{name}'::regproc)".encode()
            ).fetchone()
            lock = "perform pg_advisory_xact_lock(80, hashtext(p_event))"
            assert lock in text
            conn.execute(text.replace(lock, "null").encode())
        place = emitted_while_somebody_begins_to_wait(conn, fresh_database, lambda pid: False)
    assert place == "parked"


def test_await_and_emit_at_once(conn, database):
    names = [f"e{n}" for n in range(300)]
    value(conn, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 300)
    jobs = claim(conn, worker(conn), 300)

    def meet(number, own):
        for name, job in zip(names, jobs, strict=True):
            if number:
                await_event(own, job, event=name)
            else:
                emit(own, 1, event=name)

    with clients(database, 2) as each:
        each(meet)
    assert not any(where(conn, job.job_id) == "parked" for job in jobs)
    assert faults(conn) == []
