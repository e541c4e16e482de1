"""Stopping a job, and giving a dead one another chance."""

from __future__ import annotations

import pytest

from db import errors
from db.call import value
from tests.fixtures.jobs import (
    claim,
    claim_one,
    complete,
    ended,
    faults,
    kind,
    ruled,
    settle,
    told,
    where,
    worker,
)


def enqueue(db, name="t.ruled", **arguments):
    return value(db, "jobs.enqueue", kind=name, **arguments)


def cancel(db, job_id, reason=None):
    return value(db, "jobs.cancel", job_id=job_id, reason=reason)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({}, id="that is ready"),
        pytest.param({"key": "a", "priority": 0}, id="that is ready, with a key"),
        pytest.param({"run_at": "2099-01-01"}, id="that waits for its time"),
        pytest.param({"unique_key": "u"}, id="that is unique"),
    ],
)
def test_cancel_a_job(db, arguments):
    ruled(db)
    job_id = enqueue(db, **arguments)
    assert cancel(db, job_id, "not wanted") == "cancelled"
    assert ended(db, job_id) == "cancelled"
    assert told(db, job_id) == [{"state": "cancelled", "reason": "not wanted", "code": None}]
    assert db.execute("select * from jobs.dead").fetchall() == []
    assert faults(db) == []


def test_cancel_a_job_that_came_back_in_line(db):
    ruled(db)
    job_id = enqueue(db)
    settle(db, claim_one(db, worker(db)), "try_later", reason="busy", after=0)
    assert where(db, job_id) == "ready"
    assert cancel(db, job_id) == "cancelled"
    assert faults(db) == []


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        pytest.param("unknown", "cancelled", id="and its worker stopped it"),
        pytest.param("try_later", "cancelled", id="and it failed by itself"),
        pytest.param("done", "done", id="but it was done before"),
    ],
)
def test_cancel_a_job_that_runs(db, outcome, state):
    ruled(db)
    job_id = enqueue(db)
    w = worker(db)
    job = claim_one(db, w)
    assert cancel(db, job_id, "not wanted") == "cancelling"
    assert db.execute("select * from jobs.heartbeat(%s)", [w]).fetchall() == [
        (job_id, job.run_no, "not wanted")
    ]
    assert settle(db, job, outcome) == state
    assert [result["state"] for result in told(db, job_id)] == [state]
    assert faults(db) == []


def test_a_job_cancelled_before_it_is_prepared_is_not_called(db):
    ruled(db)
    job_id = enqueue(db)
    job = claim_one(db, worker(db))
    cancel(db, job_id, "not wanted")
    said = value(db, "jobs.prepare", job_id=job_id, run_no=job.run_no)
    assert said == {"call": False, "why": "cancelled: not wanted"}
    assert ended(db, job_id) == "cancelled"


def test_a_snooze_of_a_cancelled_job_ends_it(db):
    ruled(db)
    job_id = enqueue(db)
    job = claim_one(db, worker(db))
    cancel(db, job_id)
    run = {"job_id": job_id, "run_no": job.run_no}
    assert value(db, "jobs.snooze", until="2099-01-01", **run) == "cancelled"


def test_cancel_twice_is_once(db):
    ruled(db)
    job_id = enqueue(db)
    assert [cancel(db, job_id), cancel(db, job_id)] == ["cancelled", "ended"]
    assert len(told(db, job_id)) == 1


def test_cancel_nobody(db):
    with pytest.raises(errors.NoSuchJob), db.transaction():
        cancel(db, 1)


# Retry


def dead(db, **arguments):
    ruled(db, max_attempts=1)
    job_id = enqueue(db, **arguments)
    settle(db, claim_one(db, worker(db)), "give_up", reason="gone")
    return job_id


def test_retry_a_dead_job(db):
    job_id = dead(db)
    assert value(db, "jobs.retry", job_id=job_id) == "ready"
    job = claim_one(db, worker(db))
    assert (job.job_id, job.run_no, job.failures) == (job_id, 2, 0)
    assert settle(db, job) == "done"
    assert [result["state"] for result in told(db, job_id)] == ["failed", "done"]
    assert db.execute("select * from jobs.dead").fetchall() == []
    assert faults(db) == []


def test_retry_one_that_waits_for_its_time(db):
    ruled(db)
    job_id = enqueue(db, run_at="2099-01-01")
    assert value(db, "jobs.retry", job_id=job_id) == "ready"
    assert claim_one(db, worker(db)).job_id == job_id


def test_retry_many_by_a_view(db):
    kind(db, max_attempts=1)
    for _ in range(3):
        enqueue(db, "t.plain")
    w = worker(db)
    for job in claim(db, w, 10):
        settle(db, job, "give_up", reason="gone")
    db.execute("select jobs.retry(job_id) from jobs.dead where reason = 'gone'")
    assert len(claim(db, w, 10)) == 3


@pytest.mark.parametrize("end", ["done", "running", "ready"])
def test_only_a_dead_job_is_retried(db, end):
    kind(db)
    job_id = enqueue(db, "t.plain")
    if end != "ready":
        job = claim_one(db, worker(db))
        if end == "done":
            complete(db, job)
    with pytest.raises(errors.NotRetriable), db.transaction():
        value(db, "jobs.retry", job_id=job_id)


def test_a_retry_takes_its_unique_key_back(db):
    job_id = dead(db, unique_key="u")
    value(db, "jobs.retry", job_id=job_id)
    assert enqueue(db, unique_key="u") == job_id


def test_a_retry_gives_way_to_who_holds_its_unique_key_now(db):
    job_id = dead(db, unique_key="u")
    other = enqueue(db, unique_key="u")
    assert other != job_id
    with pytest.raises(errors.DuplicateJob), db.transaction():
        value(db, "jobs.retry", job_id=job_id)
    assert ended(db, job_id) == "failed"
    assert db.execute("select count(*) from jobs.dead").fetchone() == (1,)
