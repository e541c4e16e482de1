"""Jobs that wait for others, and batches: who goes on, who does not, what nobody may miss."""

from __future__ import annotations

import pytest

from db import errors
from db.call import value
from db.database import connect
from tests.fixtures.clock import at
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
from tests.fixtures.races import clients


@pytest.fixture
def conn(database):
    with connect(database) as conn:
        ruled(conn)
        yield conn


@pytest.fixture
def flow(db):
    ruled(db)
    return db


def enqueue(db, name="t.ruled", **arguments):
    return value(db, "jobs.enqueue", kind=name, **arguments)


def end(db, *states):
    """End the jobs that are ready, in order."""
    w = worker(db)
    for state in states:
        job = claim_one(db, w)
        if state == "cancelled":
            value(db, "jobs.cancel", job_id=job.job_id)
        outcome = {"done": "done", "failed": "give_up"}.get(state, "try_later")
        settle(db, job, outcome, reason=state, answer={"of": job.job_id})


def fate(db, job_id):
    place = where(db, job_id)
    return ended(db, job_id) if place == "ended" else place


@pytest.mark.parametrize(
    ("policy", "ends", "expected"),
    [
        pytest.param("on_success", ["done"], "parked", id="on success, one is not all"),
        pytest.param("on_success", ["done", "done"], "ready", id="on success, all done"),
        pytest.param("on_success", ["failed"], "cancelled", id="on success, one failure is enough"),
        pytest.param(
            "on_success",
            ["done", "cancelled"],
            "cancelled",
            id="on success, cancelled is no success",
        ),
        pytest.param("on_any", ["failed"], "parked", id="on any, one failure is not all"),
        pytest.param("on_any", ["failed", "done"], "ready", id="on any, however they ended"),
        pytest.param("on_failure", ["failed"], "parked", id="on failure, all must have ended"),
        pytest.param("on_failure", ["failed", "done"], "ready", id="on failure, one is enough"),
        pytest.param("on_failure", ["done", "done"], "skipped", id="on failure, nothing to do"),
    ],
)
def test_who_waits_goes_on_as_its_policy_says(flow, policy, ends, expected):
    parents = [enqueue(flow), enqueue(flow)]
    child = enqueue(flow, after=parents, policy=policy)
    assert where(flow, child) == "parked"
    end(flow, *ends)
    assert fate(flow, child) == expected
    assert [said["state"] for said in told(flow, child)] == (
        [expected] if expected in ("cancelled", "skipped") else []
    )
    assert faults(flow) == []


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        pytest.param(["done"], "ready", id="done before"),
        pytest.param(["failed"], "cancelled", id="dead before"),
    ],
)
def test_a_parent_that_ended_before_counts(flow, ends, expected):
    parent = enqueue(flow)
    end(flow, *ends)
    assert fate(flow, enqueue(flow, after=[parent])) == expected


def test_a_dead_parent_that_is_retried_is_waited_for(flow):
    parent = enqueue(flow)
    end(flow, "failed")
    value(flow, "jobs.retry", job_id=parent)
    child = enqueue(flow, after=[parent])
    assert where(flow, child) == "parked"
    end(flow, "done")
    assert where(flow, child) == "ready"


def test_a_retry_in_between_is_not_an_end(flow):
    child = enqueue(flow, after=[enqueue(flow)])
    settle(flow, claim_one(flow, worker(flow)), "try_later", reason="busy")
    value(flow, "jobs._make_rounds", limit=100)
    assert where(flow, child) == "parked"


def test_who_was_to_wait_for_its_time_still_does(flow):
    at(flow, "2026-01-01 12:00+00")
    child = enqueue(flow, after=[enqueue(flow)], run_at="2026-01-01 13:00+00")
    end(flow, "done")
    assert where(flow, child) == "scheduled"


def test_results_are_handed_on(db):
    kind(db)
    parents = [enqueue(db, "t.plain"), enqueue(db, "t.plain")]
    child = enqueue(db, "t.plain", payload={"own": 1}, after=parents)
    complete(db, *claim(db, worker(db), 2), results=[{"n": 1}, {"n": 2}])
    job = claim_one(db, worker(db))
    assert job.job_id == child and job.payload["own"] == 1
    assert [(p["job_id"], p["result"]) for p in job.payload["parents"]] == [
        (parents[0], {"n": 1}),
        (parents[1], {"n": 2}),
    ]
    assert db.execute(
        "select parent_id, state, result from jobs.parents where job_id = %s order by 1", [child]
    ).fetchall() == [(parents[0], "done", {"n": 1}), (parents[1], "done", {"n": 2})]


def test_results_of_very_many_are_left_to_the_view(db):
    kind(db)
    parents = value(db, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 101)
    child = enqueue(db, "t.plain", after=parents)
    complete(db, *claim(db, worker(db), 101))
    assert claim_one(db, worker(db)).payload == {}
    assert db.execute(
        "select count(*) from jobs.parents where job_id = %s and state = 'done'", [child]
    ).fetchone() == (101,)


def test_a_failure_goes_down_a_long_chain(flow):
    """Wave by wave: each as a call within the last would run out of stack."""
    chain = [enqueue(flow)]
    for _ in range(400):
        chain.append(enqueue(flow, after=[chain[-1]]))
    end(flow, "failed")
    assert {fate(flow, job_id) for job_id in chain[1:]} == {"cancelled"}
    assert faults(flow) == []


def test_cancelling_one_that_waits_lets_the_next_know(flow):
    first = enqueue(flow)
    second = enqueue(flow, after=[first])
    third = enqueue(flow, after=[second])
    assert value(flow, "jobs.cancel", job_id=second) == "cancelled"
    assert fate(flow, third) == "cancelled"
    assert flow.execute("select count(*) from jobs.waits where state is null").fetchone() == (0,)


def test_there_can_be_no_circle(flow):
    job_id = enqueue(flow)
    with pytest.raises(errors.NoSuchJob), flow.transaction():
        enqueue(flow, after=[job_id, job_id + 1000])
    for parent in (job_id, job_id + 1):
        with pytest.raises(Exception, match="waits_are_for_earlier_jobs"), flow.transaction():
            flow.execute(
                "insert into jobs.waits (job_id, parent_id, policy) values (%s, %s, 'on_any')",
                [job_id, parent],
            )


def test_one_after_many_and_many_after_one(flow):
    source = enqueue(flow)
    middle = value(flow, "jobs.enqueue_many", kind="t.ruled", payloads=[{}] * 5, after=[source])
    sink = enqueue(flow, after=middle)
    end(flow, "done")
    assert {where(flow, job_id) for job_id in middle} == {"ready"}
    end(flow, *["done"] * 5)
    assert where(flow, sink) == "ready"
    assert faults(flow) == []


def test_a_parked_job_can_be_given_another_payload(flow):
    first = enqueue(flow)
    child = enqueue(flow, after=[first], unique_key="u", payload={"n": 1})
    assert enqueue(flow, unique_key="u", unique_mode="replace", payload={"n": 2}) == child
    assert where(flow, child) == "parked"
    end(flow, "done")
    assert claim_one(flow, worker(flow)).payload["n"] == 2


@pytest.mark.parametrize("name", ["t.ruled", "t.plain"])
def test_of_very_many_who_are_cancelled_the_tick_ends_those_whom_the_report_left(flow, name):
    kind(flow, "t.plain")
    parent = enqueue(flow)
    children = value(
        flow,
        "jobs.enqueue_many",
        kind=name,
        payloads=[{}] * 1200,
        after=[parent],
    )
    last = enqueue(flow, after=children, unique_key="u")
    end(flow, "failed")
    left = "select count(*) from jobs.parked"
    assert flow.execute(left).fetchone() == (200,)
    value(flow, "jobs._make_rounds", limit=5000)
    assert flow.execute(left).fetchone() == (0,)
    states = flow.execute(
        "select state, code, count(*) from jobs.finished where job_id = any (%s) group by 1, 2",
        [children],
    ).fetchall()
    assert states == [("cancelled", "parent", 1200)]
    assert fate(flow, last) == "cancelled"
    assert flow.execute("select count(*) from jobs.unique_keys").fetchone() == (0,)
    assert faults(flow) == []


def test_a_batch_ends_with_children_that_are_cancelled(flow):
    kind(flow, "t.plain")
    parent = enqueue(flow)
    batch_id = value(flow, "jobs.open_batch", name="import")
    value(
        flow,
        "jobs.enqueue_many",
        kind="t.plain",
        payloads=[{}] * 3,
        after=[parent],
        batch_id=batch_id,
    )
    value(flow, "jobs.close_batch", batch_id=batch_id)
    end(flow, "failed")
    assert batch(flow, batch_id)[:3] == ("succeeded", 3, 3)


def retry(db, job_id):
    return value(db, "jobs.retry", job_id=job_id)


def test_who_fell_with_a_parent_waits_for_all_its_parents_again(flow):
    parent, other = enqueue(flow), enqueue(flow)
    child = enqueue(flow, after=[parent, other], unique_key="u")
    grandchild = enqueue(flow, after=[child])
    end(flow, "failed")
    assert {fate(flow, child), fate(flow, grandchild)} == {"cancelled"}
    assert retry(flow, child) == "cancelled"
    retry(flow, parent)
    assert [retry(flow, child), retry(flow, grandchild)] == ["parked", "parked"]
    end(flow, "done")
    assert where(flow, child) == "parked"
    end(flow, "done", "done")
    assert [ended(flow, child), where(flow, grandchild)] == ["done", "ready"]
    assert faults(flow) == []


def test_who_falls_again_is_retried_as_its_parents_stand_now(flow):
    parent = enqueue(flow)
    child = enqueue(flow, after=[parent])
    end(flow, "failed")
    retry(flow, parent)
    end(flow, "done")
    assert retry(flow, child) == "ready"


@pytest.mark.parametrize("how", ["by a person", "still waiting"])
def test_who_did_not_fall_with_a_parent_is_not_retried(flow, how):
    child = enqueue(flow, after=[enqueue(flow)])
    if how == "by a person":
        value(flow, "jobs.cancel", job_id=child)
    with pytest.raises(errors.NotRetriable), flow.transaction():
        retry(flow, child)


# Who is missed when it happens


def both_at_once(conn, database):
    """Two parents end in transactions that do not see each other; the child's id."""
    parents = [enqueue(conn), enqueue(conn)]
    child = enqueue(conn, after=parents)
    jobs = claim(conn, worker(conn), 2)
    with (
        connect(database) as one,
        connect(database) as other,
        one.transaction(),
        other.transaction(),
    ):
        settle(one, jobs[0])
        settle(other, jobs[1])
    return child


def test_at_their_ends_alone_two_parents_miss_each_other(conn, database):
    """The control: without the tick the child would wait for ever."""
    assert where(conn, both_at_once(conn, database)) == "parked"


def test_the_tick_finds_who_was_missed(conn, database):
    child = both_at_once(conn, database)
    conn.execute("select * from jobs.tick()")
    assert where(conn, child) == "ready"
    assert faults(conn) == []


def test_the_rounds_come_to_everybody(conn, database):
    late = [both_at_once(conn, database) for _ in range(3)]
    first = enqueue(conn, run_at="2099-01-01")
    value(conn, "jobs.enqueue_many", kind="t.ruled", payloads=[{}] * 10, after=[first])
    late += [both_at_once(conn, database) for _ in range(3)]
    for _ in range(10):
        value(conn, "jobs._make_rounds", limit=4)
    assert {where(conn, job_id) for job_id in late} == {"ready"}


@pytest.mark.parametrize("_again", range(3))
def test_many_parents_of_many_children_end_at_once(conn, database, _again):
    kind(conn)
    parents = value(conn, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 40)
    children = [
        enqueue(conn, "t.plain", after=parents[n : n + 8], key="child") for n in range(0, 33, 4)
    ]
    jobs = claim(conn, worker(conn), 40)

    def finish(number, own):
        own.execute("set deadlock_timeout = '100 ms'")
        mine = jobs[number::4] if number % 2 else jobs[number::4][::-1]
        for at_once in range(0, 10, 5):
            complete(own, *mine[at_once : at_once + 5])

    with clients(database, 4) as each:
        each(finish)
    conn.execute("select * from jobs.tick()")
    assert {where(conn, job_id) for job_id in children} == {"ready"}
    assert faults(conn) == []


# Batches


def batch(db, batch_id):
    return db.execute(
        "select status, jobs, ended, dead, percent from jobs.batches where batch_id = %s",
        [batch_id],
    ).fetchone()


@pytest.mark.parametrize(
    ("policy", "ends", "follows"),
    [
        pytest.param("on_any", ["done", "failed"], True, id="on any, one failed"),
        pytest.param("on_success", ["done", "failed"], False, id="on success, one failed"),
        pytest.param("on_success", ["done", "done"], True, id="on success, none failed"),
        pytest.param("on_failure", ["done", "failed"], True, id="on failure, one failed"),
        pytest.param("on_failure", ["done", "done"], False, id="on failure, none failed"),
    ],
)
def test_a_batch_ends_with_a_final_job(flow, policy, ends, follows):
    kind(flow, "t.final")
    batch_id = value(flow, "jobs.open_batch", name="import")
    for _ in ends:
        enqueue(flow, batch_id=batch_id)
    assert batch(flow, batch_id) == ("open", 2, 0, 0, 0)
    end(flow, ends[0])
    assert batch(flow, batch_id) == ("open", 2, 1, 0, 50)
    said = value(
        flow, "jobs.close_batch", batch_id=batch_id, kind="t.final", payload={"a": 1}, policy=policy
    )
    assert said == "running"
    end(flow, ends[1])
    dead = ends.count("failed")
    assert batch(flow, batch_id) == ("partly" if dead else "succeeded", 2, 2, dead, 100)
    final = [job.payload for job in claim(flow, worker(flow), 5)]
    assert final == ([{"a": 1, "batch_id": batch_id}] if follows else [])
    assert faults(flow) == []


def test_what_follows_a_job_of_a_batch_belongs_to_it(flow):
    batch_id = value(flow, "jobs.open_batch", name="import")
    enqueue(flow, payload={"follow": "t.ruled"}, batch_id=batch_id)
    value(flow, "jobs.close_batch", batch_id=batch_id)
    end(flow, "done")
    assert batch(flow, batch_id) == ("running", 2, 1, 0, 50)
    end(flow, "done")
    assert batch(flow, batch_id)[0] == "succeeded"


def test_an_empty_batch_ends_when_it_is_closed(flow):
    kind(flow, "t.final")
    batch_id = value(flow, "jobs.open_batch", name="import")
    assert value(flow, "jobs.close_batch", batch_id=batch_id, kind="t.final") == "skipped"
    assert claim_one(flow, worker(flow)).payload == {"batch_id": batch_id}


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda db, n: enqueue(db, batch_id=n), id="to join"),
        pytest.param(lambda db, n: value(db, "jobs.close_batch", batch_id=n), id="to close again"),
    ],
)
def test_a_closed_batch_is_closed(flow, ask):
    batch_id = value(flow, "jobs.open_batch", name="import")
    value(flow, "jobs.close_batch", batch_id=batch_id)
    with pytest.raises(errors.NoSuchBatch), flow.transaction():
        ask(flow, batch_id)


@pytest.mark.parametrize("policy", ["on_friday", None])
def test_an_unknown_policy_is_refused(flow, policy):
    batch_id = value(flow, "jobs.open_batch", name="import")
    for ask in (
        lambda: value(flow, "jobs.close_batch", batch_id=batch_id, policy=policy),
        lambda: enqueue(flow, after=[enqueue(flow)], policy=policy),
    ):
        with pytest.raises(errors.NoSuchPolicy), flow.transaction():
            ask()


def test_a_batch_stays_as_it_ended_when_a_dead_job_of_it_is_retried(flow):
    kind(flow, "t.final")
    batch_id = value(flow, "jobs.open_batch", name="import")
    job_id = enqueue(flow, batch_id=batch_id)
    value(flow, "jobs.close_batch", batch_id=batch_id, kind="t.final", policy="on_success")
    end(flow, "failed")
    retry(flow, job_id)
    end(flow, "done")
    assert batch(flow, batch_id) == ("failed", 1, 1, 0, 100)
    assert claim(flow, worker(flow), 5) == []


def test_the_ends_of_a_batch_of_plain_jobs_are_seen_by_the_tick(db):
    kind(db)
    kind(db, "t.final")
    batch_id = value(db, "jobs.open_batch", name="import")
    value(db, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 20, batch_id=batch_id)
    value(db, "jobs.close_batch", batch_id=batch_id, kind="t.final")
    complete(db, *claim(db, worker(db), 20))
    db.execute("select * from jobs.tick()")
    assert claim_one(db, worker(db)).payload == {"batch_id": batch_id}
    assert batch(db, batch_id)[0] == "succeeded"


def test_a_batch_ends_once_however_many_look(conn, database):
    kind(conn, "t.final")
    batch_id = value(conn, "jobs.open_batch", name="import")
    for _ in range(12):
        enqueue(conn, batch_id=batch_id)
    value(conn, "jobs.close_batch", batch_id=batch_id, kind="t.final")
    jobs = claim(conn, worker(conn), 12)

    def finish(number, own):
        for job in jobs[number::4]:
            settle(own, job)
            value(own, "jobs._end_runs")

    with clients(database, 4) as each:
        each(finish)
    value(conn, "jobs._end_runs")
    assert conn.execute("select count(*) from jobs.ready where kind = 't.final'").fetchone() == (1,)
