"""The query that is asked after every race and crash finds what it is there to find."""

from __future__ import annotations

import pytest

from db.call import value
from tests.fixtures.jobs import claim_one, complete, faults, kind, settle, worker

COPY = """
insert into jobs.scheduled (
  job_id, run_at, run_no, failures, priority, is_unique, queue, kind, key
)
select job_id, now(), run_no, failures, priority, is_unique, queue, kind, key from jobs.ready
"""
END = """
insert into jobs.history (job_id, finished_at, run_no, failures, state)
select job_id, now(), 1, 0, '{state}' from jobs.jobs
"""
DIE = """
insert into jobs.dead_letters (job_id, died_at, run_no, state, queue, key, reason)
select job_id, now(), 1, 'failed', queue, key, 'x' from jobs.jobs
"""


@pytest.mark.parametrize(
    ("place", "damage", "fault"),
    [
        pytest.param("ready", COPY, "a job is in two places", id="twice"),
        pytest.param("ready", "delete from jobs.ready", "a job is lost", id="lost"),
        pytest.param("running", "delete from jobs.running", "a job is lost", id="lost in hand"),
        pytest.param("ready", "delete from jobs.jobs", "a place has no job", id="without payload"),
        pytest.param(
            "ready", END.format(state="done"), "a job that ended is still there", id="ended, there"
        ),
        pytest.param(
            "running", END.format(state="retry"), "a run that has ended goes on", id="a run twice"
        ),
        pytest.param("ready", DIE, "a dead letter of a job that goes on", id="dead and alive"),
        pytest.param("done", DIE, "a dead letter of a job that ended well", id="dead and well"),
        pytest.param(
            "done",
            "insert into jobs.unique_keys (kind, unique_key, job_id)"
            " select kind, 'u', job_id from jobs.jobs",
            "a key held by no job",
            id="a key for ever",
        ),
        pytest.param(
            "running",
            "update jobs.workers set stopped_at = now()",
            "a job held by no worker",
            id="in nobody's hand",
        ),
    ],
)
def test_damage_is_found(db, place, damage, fault):
    kind(db)
    value(db, "jobs.enqueue", kind="t.plain")
    if place != "ready":
        job = claim_one(db, worker(db))
        if place == "done":
            complete(db, job)
    assert faults(db) == []
    db.execute(damage)
    assert fault in {name for name, _ in faults(db)}


def test_a_life_leaves_none(db):
    kind(db, max_attempts=2)
    value(db, "jobs.enqueue", kind="t.plain", unique_key="u")
    w = worker(db)
    for outcome in ("try_later", "give_up"):
        settle(db, claim_one(db, w), outcome, reason="x", after=0)
        assert faults(db) == []
    (job_id,) = db.execute("select job_id from jobs.dead").fetchone()
    value(db, "jobs.retry", job_id=job_id)
    complete(db, claim_one(db, w))
    assert faults(db) == []
