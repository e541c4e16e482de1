"""What a lost worker held, others get; what a living one holds, nobody takes."""

from __future__ import annotations

import pytest

from db import errors
from db.call import value
from tests.fixtures.clock import at
from tests.fixtures.jobs import (
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


@pytest.fixture(autouse=True)
def _server_is_up_for_long(db):
    """After a restart of the server leases get grace; for these tests it has been up for long."""
    db.execute(
        "create or replace function jobs._server_started() returns timestamptz language sql"
        " as $$ select '2000-01-01'::timestamptz $$"
    )


def enqueue(db, name="t.ruled", **arguments):
    return value(db, "jobs.enqueue", kind=name, **arguments)


def lost(db, prepared=False, payload=None, **columns):
    """A job whose worker was never heard of again."""
    ruled(db, **columns)
    at(db, "2026-01-01 12:00:00+00")
    enqueue(db, payload=payload or {})
    job = claim_one(db, worker(db, lease="15 s"))
    if prepared:
        value(db, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)
    return job


@pytest.mark.parametrize(
    ("now", "reaped"),
    [
        pytest.param("12:00:15", 0, id="within the lease not"),
        pytest.param("12:00:16", 1, id="after it"),
    ],
)
def test_when_a_job_is_taken_back(db, now, reaped):
    job = lost(db)
    at(db, f"2026-01-01 {now}+00")
    assert value(db, "jobs.reap") == reaped
    assert where(db, job.job_id) == ("ready" if reaped else "running")


def test_a_heartbeat_keeps_the_lease(db):
    ruled(db)
    at(db, "2026-01-01 12:00:00+00")
    enqueue(db)
    w = worker(db, lease="15 s")
    job = claim_one(db, w)
    for second in (10, 20, 30, 40):
        at(db, f"2026-01-01 12:00:{second}+00")
        assert db.execute("select * from jobs.heartbeat(%s)", [w]).fetchall() == []
        assert value(db, "jobs.reap") == 0
    assert where(db, job.job_id) == "running"


def test_a_crash_counts_as_a_failure(db):
    job = lost(db)
    at(db, "2026-01-01 12:01+00")
    value(db, "jobs.reap")
    again = claim_one(db, worker(db))
    assert (again.job_id, again.run_no, again.failures) == (job.job_id, 2, 1)
    assert db.execute("select state, code from jobs.history").fetchall() == [("lost", "lost")]
    assert faults(db) == []


def test_the_lost_worker_is_told_and_its_report_refused(db):
    job = lost(db)
    (w,) = db.execute("select worker_id from jobs.running").fetchone()
    at(db, "2026-01-01 12:01+00")
    value(db, "jobs.reap")
    for verb in ("jobs.heartbeat", "jobs.claim"):
        arguments = {} if verb == "jobs.heartbeat" else {"queue": "default"}
        with pytest.raises(errors.WorkerGone), db.transaction():
            value(db, verb, worker_id=w, **arguments)
    claim_one(db, worker(db))
    assert complete(db, job) == []
    assert told(db, job.job_id) == []


@pytest.mark.parametrize(
    ("prepared", "effect", "state"),
    [
        pytest.param(False, "natural", "failed", id="never prepared: it surely did not happen"),
        pytest.param(True, "natural", "unknown", id="prepared: it may have happened"),
        pytest.param(True, "repeatable", "failed", id="whether it happened is no matter"),
        pytest.param(True, None, "failed", id="nothing happens outside"),
    ],
)
def test_lost_in_the_last_attempt(db, prepared, effect, state):
    job = lost(db, prepared, max_attempts=1, effect=effect)
    at(db, "2026-01-01 12:01+00")
    assert value(db, "jobs.reap") == 1
    assert ended(db, job.job_id) == state
    assert [result["state"] for result in told(db, job.job_id)] == [state]


@pytest.mark.parametrize(
    ("prepared", "place"),
    [
        pytest.param(True, "ended", id="that may have been sent is not sent again"),
        pytest.param(False, "ready", id="that was not prepared is"),
    ],
)
def test_a_lost_job_that_happens_at_most_once(db, prepared, place):
    job = lost(db, prepared, max_attempts=9, effect="at_most_once")
    at(db, "2026-01-01 12:01+00")
    value(db, "jobs.reap")
    assert where(db, job.job_id) == place
    assert [r["state"] for r in told(db, job.job_id)] == (["unknown"] if prepared else [])


def test_a_lost_run_may_have_been_sent(db):
    job = lost(db, prepared=True, effect="read_back")
    at(db, "2026-01-01 12:01+00")
    value(db, "jobs.reap")
    again = claim_one(db, worker(db))
    prepared = value(db, "jobs.prepare", job_id=job.job_id, run_no=again.run_no)
    assert prepared["maybe_sent"] is True


def test_a_cancelled_job_that_is_lost_is_cancelled(db):
    job = lost(db)
    value(db, "jobs.cancel", job_id=job.job_id)
    at(db, "2026-01-01 12:01+00")
    value(db, "jobs.reap")
    assert ended(db, job.job_id) == "cancelled"


def test_one_job_that_cannot_be_taken_back_holds_up_no_other(db):
    """Its settle function raises; the other two are ended and taken back all the same."""
    poisoned = lost(db, payload={"settle_raises": "a bug"}, max_attempts=1)
    (w,) = db.execute("select worker_id from jobs.running").fetchone()
    kind(db)
    others = [enqueue(db), enqueue(db, "t.plain")]
    assert len(claim(db, w, 10)) == 2
    at(db, "2026-01-01 12:01+00")
    assert value(db, "jobs.reap") == 3
    assert ended(db, poisoned.job_id) == "failed"
    assert ended(db, others[0]) == "failed"
    assert where(db, others[1]) == "ready"
    assert faults(db) == []


@pytest.mark.parametrize(
    ("of_kind", "more"),
    [
        pytest.param("60 s", {}, id="of its kind"),
        pytest.param("10 s", {"timeout": "60 s"}, id="of its own"),
    ],
)
def test_a_job_far_past_its_time_is_taken_from_a_living_worker(db, of_kind, more):
    kind(db, timeout=of_kind)
    at(db, "2026-01-01 12:00+00")
    job_id = value(db, "jobs.enqueue", kind="t.plain", **more)
    claim(db, worker(db, lease="1 day"))
    at(db, "2026-01-01 12:02+00")
    assert value(db, "jobs.reap") == 0
    at(db, "2026-01-01 12:02:01+00")
    assert value(db, "jobs.reap") == 1
    assert where(db, job_id) == "ready"


def test_a_restart_of_the_server_gives_every_worker_one_more_lease(db):
    db.execute(
        "create or replace function jobs._server_started() returns timestamptz language sql"
        " as $$ select clock_timestamp() - interval '10 s' $$"
    )
    job = lost(db)
    at(db, "2026-01-01 12:10+00")
    assert value(db, "jobs.reap") == 0
    assert where(db, job.job_id) == "running"


def test_given_back_costs_no_attempt_and_no_place(db):
    kind(db)
    first, second = (enqueue(db, "t.plain") for _ in range(2))
    w = worker(db)
    job = claim_one(db, w)
    assert value(db, "jobs.release_many", job_ids=[job.job_id], run_nos=[job.run_no]) == [first]
    again = claim(db, w, 2)
    assert [(j.job_id, j.run_no, j.failures) for j in again] == [(first, 2, 0), (second, 1, 0)]


def test_prepared_but_given_back_was_not_sent(db):
    job = lost(db, prepared=True, effect="at_most_once")
    value(db, "jobs.release_many", job_ids=[job.job_id], run_nos=[job.run_no])
    again = claim_one(db, worker(db))
    prepared = value(db, "jobs.prepare", job_id=job.job_id, run_no=again.run_no)
    assert (prepared["call"], prepared["maybe_sent"]) == (True, False)


def test_what_a_worker_does_not_know_of_is_given_back(db):
    kind(db)
    for _ in range(3):
        enqueue(db, "t.plain")
    w = worker(db)
    known, *unknown = claim(db, w, 3)
    given_back = value(db, "jobs.release_unheld", worker_id=w, held=[known.job_id])
    assert sorted(given_back) == sorted(job.job_id for job in unknown)
    assert where(db, known.job_id) == "running"


def test_signing_off_leaves_nothing_behind(db):
    kind(db)
    enqueue(db, "t.plain")
    w = worker(db)
    job = claim_one(db, w)
    value(db, "jobs.stop_worker", worker_id=w)
    assert value(db, "jobs.reap") == 1
    assert where(db, job.job_id) == "ready"
