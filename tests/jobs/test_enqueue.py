"""Jobs get in line: what they are, when, how urgent, and once where they are unique."""

from __future__ import annotations

from datetime import timedelta

import pytest
from psycopg.errors import CheckViolation, DatetimeFieldOverflow

from db import errors
from db.call import value
from tests.fixtures.clock import at
from tests.fixtures.jobs import (
    claim,
    claim_one,
    complete,
    faults,
    kind,
    ruled,
    settle,
    where,
    worker,
)


def enqueue(db, name="t.plain", **arguments):
    return value(db, "jobs.enqueue", kind=name, **arguments)


def payloads(db):
    return [job.payload for job in claim(db, worker(db), 100)]


def test_a_job_id_says_its_day_and_json_keeps_it(db):
    kind(db)
    job_id = enqueue(db)
    day = db.execute("select to_char(now() at time zone 'UTC', 'YYMMDD')").fetchone()[0]
    assert str(job_id).startswith(day) and len(str(job_id)) == 15
    assert job_id < 2**53


@pytest.mark.parametrize(
    ("run_at", "place"),
    [
        pytest.param(None, "ready", id="without a time at once"),
        pytest.param("2026-01-01 12:00+00", "ready", id="at this moment at once"),
        pytest.param("2025-01-01 12:00+00", "ready", id="in the past at once"),
        pytest.param("2026-01-01 12:01+00", "scheduled", id="later when its time comes"),
    ],
)
def test_when_a_job_runs(db, run_at, place):
    kind(db)
    at(db, "2026-01-01 12:00+00")
    job_id = enqueue(db, run_at=run_at)
    assert where(db, job_id) == place
    at(db, "2026-01-01 12:01+00")
    assert claim_one(db, worker(db)).job_id == job_id


@pytest.mark.parametrize(
    ("of_kind", "of_job", "priority"),
    [
        pytest.param(2, None, 2, id="the kind's"),
        pytest.param(2, 0, 0, id="its own before the kind's"),
    ],
)
def test_how_urgent_a_job_is(db, of_kind, of_job, priority):
    kind(db, priority=of_kind)
    job_id = enqueue(db, priority=of_job)
    assert db.execute("select priority from jobs.ready where job_id = %s", [job_id]).fetchone() == (
        priority,
    )


def test_a_job_carries_its_payload_key_and_tenant(db):
    kind(db)
    tenant = "00000000-0000-0000-0000-000000000007"
    enqueue(db, payload={"a": [1, "é", None]}, key="shop-1", tenant=tenant)
    job = claim_one(db, worker(db))
    assert (job.payload, job.key) == ({"a": [1, "é", None]}, "shop-1")
    assert db.execute("select tenant::text from jobs.active").fetchone() == (tenant,)


def test_many_come_back_in_the_order_given(db):
    kind(db)
    ids = value(
        db,
        "jobs.enqueue_many",
        kind="t.plain",
        payloads=[{"i": i} for i in range(50)],
        keys=[f"k{i % 3}" for i in range(50)],
    )
    assert ids == sorted(ids)
    by_id = {job.job_id: (job.payload["i"], job.key) for job in claim(db, worker(db), 100)}
    assert [by_id[job_id] for job_id in ids] == [(i, f"k{i % 3}") for i in range(50)]


def test_none_is_fine(db):
    kind(db)
    assert value(db, "jobs.enqueue_many", kind="t.plain", payloads=[]) in ([], None)
    assert claim(db, worker(db)) == []


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        pytest.param({"kind": "t.none"}, errors.NoSuchKind, id="a kind that is not there"),
        pytest.param(
            {"kind": "t.plain", "unique_key": "u", "unique_mode": "perhaps"},
            errors.NoSuchUniqueMode,
            id="a mode that is not there",
        ),
        pytest.param(
            {"kind": "t.plain", "priority": 4}, errors.NoSuchPriority, id="more idle than idle"
        ),
        pytest.param(
            {"kind": "t.plain", "priority": -1}, errors.NoSuchPriority, id="more urgent than urgent"
        ),
    ],
)
def test_what_is_refused(db, arguments, refusal):
    kind(db)
    with pytest.raises(refusal), db.transaction():
        value(db, "jobs.enqueue", **arguments)
    assert db.execute("select count(*) from jobs.jobs").fetchone() == (0,)


TOO_LONG = [
    pytest.param("366 days", id="more than a year"),
    pytest.param("1000000 years", id="more than a timestamp holds"),
]


@pytest.mark.parametrize("timeout", TOO_LONG)
def test_a_deadline_that_nobody_lives_to_see_is_refused(db, timeout):
    kind(db)
    with pytest.raises(CheckViolation, match="jobs_take_a_year_at_most"), db.transaction():
        enqueue(db, timeout=timeout)
    with pytest.raises(CheckViolation, match="kinds_take_a_year_at_most"), db.transaction():
        kind(db, "t.slow", timeout=timeout)
    assert claim(db, worker(db)) == []


@pytest.mark.parametrize("of", ["job", "kind"])
def test_without_the_bound_one_job_would_stop_its_whole_queue(db, of):
    """The control: at the bound it is claimed, far above it nothing of its queue is."""
    for table in ("jobs.jobs", "jobs.kinds"):
        name = table.partition(".")[2]
        db.execute(f"alter table {table} drop constraint {name}_take_a_year_at_most".encode())
    kind(db, timeout="365 days")
    enqueue(db)
    assert len(claim(db, worker(db))) == 1
    enqueue(db, **({"timeout": "1000000 years"} if of == "job" else {}))
    if of == "kind":
        db.execute("update jobs.kinds set timeout = '1000000 years' where kind = 't.plain'")
    enqueue(db)
    with pytest.raises(DatetimeFieldOverflow), db.transaction():
        claim(db, worker(db))


def test_lists_of_different_lengths_are_refused(db):
    kind(db)
    with pytest.raises(errors.ListsDiffer), db.transaction():
        value(db, "jobs.enqueue_many", kind="t.plain", payloads=[{}, {}], keys=["a"])


# Unique keys


def test_ignore_gives_the_one_that_holds_the_key(db):
    kind(db)
    first = enqueue(db, payload={"n": 1}, unique_key="u")
    assert enqueue(db, payload={"n": 2}, unique_key="u") == first
    assert payloads(db) == [{"n": 1}]


def test_reject_says_who_holds_it(db):
    kind(db)
    first = enqueue(db, unique_key="u")
    with pytest.raises(errors.DuplicateJob) as refused, db.transaction():
        enqueue(db, unique_key="u", unique_mode="reject")
    assert f"job_id={first}" in refused.value.detail


def test_the_same_key_of_another_kind_is_another(db):
    kind(db)
    kind(db, "t.other")
    assert enqueue(db, unique_key="u") != enqueue(db, "t.other", unique_key="u")


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda db, job: complete(db, job), id="done"),
        pytest.param(lambda db, job: settle(db, job, "give_up", reason="no"), id="failed"),
        pytest.param(
            lambda db, job: (
                value(db, "jobs.cancel", job_id=job.job_id),
                settle(db, job, "unknown"),
            ),
            id="cancelled",
        ),
    ],
)
def test_the_key_is_free_when_its_job_has_ended(db, end):
    kind(db)
    first = enqueue(db, unique_key="u")
    end(db, claim_one(db, worker(db)))
    assert enqueue(db, unique_key="u") != first
    assert faults(db) == []


def test_the_key_is_kept_between_two_attempts(db):
    kind(db)
    first = enqueue(db, unique_key="u")
    settle(db, claim_one(db, worker(db)), "try_later", reason="busy")
    assert where(db, first) == "scheduled"
    assert enqueue(db, unique_key="u") == first


@pytest.mark.parametrize(
    ("now", "second"),
    [
        pytest.param("2026-01-01 12:59+00", False, id="within the hour not again"),
        pytest.param("2026-01-01 13:00+00", True, id="after the hour again"),
    ],
)
def test_a_key_can_be_kept_for_a_time(db, now, second):
    kind(db)
    at(db, "2026-01-01 12:00+00")
    first = enqueue(db, unique_key="u", unique_for=timedelta(hours=1))
    complete(db, claim_one(db, worker(db, lease="1 day")))
    at(db, now)
    value(db, "jobs._sweep")
    assert (enqueue(db, unique_key="u", unique_for=timedelta(hours=1)) != first) == second


def test_a_job_that_outlives_the_time_keeps_its_key(db):
    kind(db)
    at(db, "2026-01-01 12:00+00")
    first = enqueue(db, unique_key="u", unique_for=timedelta(minutes=1))
    at(db, "2026-01-01 13:00+00")
    value(db, "jobs._sweep")
    assert enqueue(db, unique_key="u") == first


def test_replace_gives_a_waiting_job_the_new_payload_and_time(db):
    kind(db)
    first = enqueue(db, payload={"n": 1}, unique_key="u")
    again = enqueue(
        db, payload={"n": 2}, unique_key="u", unique_mode="replace", run_at="2099-01-01", priority=0
    )
    assert again == first
    assert where(db, first) == "scheduled"
    assert enqueue(db, payload={"n": 3}, unique_key="u", unique_mode="replace") == first
    assert payloads(db) == [{"n": 3}]
    assert faults(db) == []


def test_replace_follows_a_job_that_runs(db):
    kind(db)
    first = enqueue(db, payload={"n": 1}, unique_key="u")
    running = claim_one(db, worker(db))
    follower = enqueue(db, payload={"n": 2}, unique_key="u", unique_mode="replace")
    assert follower != first
    assert complete(db, running) == [first]
    assert enqueue(db, payload={"n": 3}, unique_key="u") == follower
    assert faults(db) == []


def test_many_unique_ones_find_the_holders_in_between(db):
    kind(db)
    held = enqueue(db, unique_key="b")
    ids = value(
        db,
        "jobs.enqueue_many",
        kind="t.plain",
        payloads=[{"n": n} for n in range(5)],
        unique_keys=["a", "b", None, "a", "c"],
    )
    assert ids[1] == held
    assert ids[3] == ids[0]
    assert len(set(ids)) == 4
    assert faults(db) == []


def test_one_taken_key_rejects_all_of_many(db):
    kind(db)
    enqueue(db, unique_key="b")
    with pytest.raises(errors.DuplicateJob), db.transaction():
        value(
            db,
            "jobs.enqueue_many",
            kind="t.plain",
            payloads=[{}, {}],
            unique_keys=["a", "b"],
            unique_mode="reject",
        )
    assert db.execute("select count(*) from jobs.jobs").fetchone() == (1,)


def test_many_can_replace(db):
    kind(db)
    held = enqueue(db, payload={"n": 0}, unique_key="b")
    value(
        db,
        "jobs.enqueue_many",
        kind="t.plain",
        payloads=[{"n": 1}, {"n": 2}],
        unique_keys=["a", "b"],
        unique_mode="replace",
    )
    by_id = {job.job_id: job.payload for job in claim(db, worker(db), 10)}
    assert by_id[held] == {"n": 2}
    assert sorted(p["n"] for p in by_id.values()) == [1, 2]


def test_replace_forgets_the_failures_of_what_it_replaces(db):
    ruled(db)
    first = enqueue(db, "t.ruled", unique_key="u")
    settle(db, claim_one(db, worker(db)), "try_later", reason="busy")
    enqueue(db, "t.ruled", unique_key="u", unique_mode="replace")
    job = claim_one(db, worker(db))
    assert (job.job_id, job.run_no, job.failures) == (first, 2, 0)
