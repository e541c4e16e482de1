"""Where jobs are, and how they got there, in the words of the views that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from db.call import call, select, value
from db.errors import (
    EmptyKey,
    NoSuchJob,
    NoSuchQueue,
    NoSuchSchedule,
    NotRetriable,
    PauseIsOver,
)
from tests.fixtures.cli import jobs_everywhere, kind

Db = psycopg.Connection[Any]

STATES = ["ready", "scheduled", "running", "cancelling", "done", "failed", "cancelled", "unknown"]


@dataclass(frozen=True)
class Found:
    job_id: int
    state: str
    dead: bool
    why: str | None
    key: str
    worker: str | None
    code: str | None
    tenant: UUID | None


@dataclass(frozen=True)
class Attempt:
    run_no: int
    state: str
    worker: str | None
    reason: str | None
    outcome: str | None


def found(db: Db, **asked: Any) -> list[int]:
    return [job.job_id for job in call(db, "jobs.find", Found, **asked)]


@pytest.mark.parametrize("state", STATES)
def test_a_job_is_found_by_the_state_it_is_in(db: Db, state: str) -> None:
    ids = jobs_everywhere(db)
    assert found(db, state=[state]) == [ids[state]]
    (job,) = select(db, "jobs.whereabouts", Found, where={"job_id": ids[state]})
    assert (job.state, job.key) == (state, f"key-{state}")


def test_without_a_question_the_newest_come_first(db: Db) -> None:
    ids = jobs_everywhere(db)
    assert found(db) == sorted(ids.values(), reverse=True)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({"state": ["dead"]}, {"failed", "unknown"}, id="the dead are who ended badly"),
        pytest.param({"state": ["ready", "done"]}, {"ready", "done"}, id="several states"),
        pytest.param({"key": "key-done"}, {"done"}, id="a key"),
        pytest.param({"kind": "demo.work"}, set(STATES), id="a kind"),
        pytest.param({"kind": "demo.other"}, set(), id="a kind that has none"),
        pytest.param({"queue": "openai"}, set(), id="a queue that has none"),
        pytest.param({"tenant": uuid4()}, set(), id="a tenant that has none"),
        pytest.param({"state": ["dead"], "key": "key-ready"}, set(), id="both have to fit"),
        pytest.param({"state": ["nonsense"]}, set(), id="a state that is none"),
    ],
)
def test_what_is_asked_for_has_to_fit(db: Db, asked: dict[str, Any], expected: set[str]) -> None:
    ids = jobs_everywhere(db)
    assert set(found(db, **asked)) == {ids[state] for state in expected}


def test_pages_follow_one_another(db: Db) -> None:
    ids = sorted(jobs_everywhere(db).values(), reverse=True)
    assert found(db, limit=3) == ids[:3]
    assert found(db, limit=3, before=ids[2]) == ids[3:6]


def test_a_retried_job_is_not_where_it_ended_before(db: Db) -> None:
    failed = jobs_everywhere(db)["failed"]
    value(db, "jobs.retry", job_id=failed)
    (job,) = select(db, "jobs.whereabouts", Found, where={"job_id": failed})
    assert (job.state, job.dead) == ("ready", False)
    assert failed not in found(db, state=["failed", "dead"])
    assert failed in found(db, state=["ready"])


def test_how_a_job_ended_says_who_had_it_and_why(db: Db) -> None:
    failed = jobs_everywhere(db)["failed"]
    (job,) = select(db, "jobs.whereabouts", Found, where={"job_id": failed})
    assert (job.dead, job.code, job.why, job.worker) == (
        True,
        "invalid_request",
        "The shop said no.",
        "tester",
    )
    (attempt,) = select(db, "jobs.attempts", Attempt, where={"job_id": failed})
    assert attempt == Attempt(1, "failed", "tester", "The shop said no.", None)


def test_a_page_costs_no_walk_through_all_jobs(db: Db) -> None:
    """The newest page is read from the end of the index, whatever the number of jobs."""
    kind(db)
    value(db, "jobs.enqueue_many", kind="demo.work", payloads=[{"n": n} for n in range(3000)])
    db.execute("analyze jobs.jobs")
    plan = "\n".join(
        line
        for (line,) in db.execute(
            "explain select job_id from jobs.whereabouts order by job_id desc limit 50"
        )
    )
    assert "Index Scan Backward" in plan or "Index Only Scan Backward" in plan, plan
    assert "Seq Scan on jobs" not in plan, plan


@dataclass(frozen=True)
class Held:
    queue: str
    key: str | None
    held_by: str
    reason: str | None


def test_what_nobody_takes_is_listed_with_its_reason(db: Db) -> None:
    value(db, "jobs.pause", queue="default", reason="The shop moves house.")
    value(db, "jobs.pause", queue="default", key="k")
    db.execute(
        "insert into jobs.rests (queue, key, until)"
        " values ('default', 'slow', jobs.clock() + interval '1 min'),"
        " ('default', 'over', jobs.clock() - interval '1 min')"
    )
    assert select(db, "jobs.held", Held, order="held_by, key") == [
        Held("default", "k", "person", None),
        Held("default", None, "person", "The shop moves house."),
        Held("default", "slow", "service", "It asked for silence."),
    ]


@pytest.mark.parametrize("verb", ["jobs.pause", "jobs.resume"])
@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        pytest.param({"queue": "nowhere"}, NoSuchQueue, id="a queue that is not there"),
        pytest.param({"queue": "default", "key": ""}, EmptyKey, id="an empty key is not the queue"),
    ],
)
def test_what_can_be_paused_and_resumed(
    db: Db, verb: str, asked: dict[str, str], refusal: type[Exception]
) -> None:
    value(db, "jobs.pause", queue="default", reason="The shop moves house.")
    with pytest.raises(refusal), db.transaction():
        value(db, verb, **asked)
    assert select(db, "jobs.held", Held) == [
        Held("default", None, "person", "The shop moves house.")
    ]


def test_a_pause_that_is_over_is_none(db: Db) -> None:
    with pytest.raises(PauseIsOver), db.transaction():
        value(db, "jobs.pause", queue="default", until="2020-01-01")
    assert select(db, "jobs.held", Held) == []


@dataclass(frozen=True)
class Worker:
    name: str
    alive: bool
    running: int


def test_workers_are_alive_while_their_lease_runs(db: Db) -> None:
    jobs_everywhere(db)
    value(db, "jobs.start_worker", name="gone", lease="-1 s")
    assert select(db, "jobs.workers_status", Worker, order="name") == [
        Worker("gone", False, 0),
        Worker("tester", True, 2),
    ]


@pytest.mark.parametrize(
    ("job", "refusal"),
    [
        pytest.param(1, NoSuchJob, id="nobody's id"),
        pytest.param("done", NotRetriable, id="a job that is done"),
    ],
)
def test_what_cannot_be_retried_says_why(db: Db, job: int | str, refusal: type[Exception]) -> None:
    ids = jobs_everywhere(db)
    with pytest.raises(refusal):
        value(db, "jobs.retry", job_id=ids.get(str(job), 1))


@dataclass(frozen=True)
class Fire:
    schedule: str
    fire_at: Any


@pytest.fixture
def schedule(db: Db) -> str:
    db.execute("delete from jobs.schedules")
    db.execute(
        "insert into jobs.schedules (schedule, cron, function, description)"
        " values ('demo', '0 6 * * *', 'jobs.demo', 'For tests.')"
    )
    return "demo"


def test_the_next_fires_of_a_schedule_are_known(db: Db, schedule: str) -> None:
    db.execute("set local test.now = '2026-01-01 07:00+00'")
    fires = call(db, "jobs.next_fires", Fire, count=3)
    assert [f"{fire.fire_at:%d %H:%M}" for fire in fires] == ["02 06:00", "03 06:00", "04 06:00"]
    with pytest.raises(NoSuchSchedule), db.transaction():
        call(db, "jobs.next_fires", Fire, name="other")


def test_a_paused_schedule_does_not_fire_until_it_is_resumed(db: Db, schedule: str) -> None:
    value(db, "jobs.pause_schedule", name=schedule)
    assert call(db, "jobs.next_fires", Fire) == []
    next_at = value(db, "jobs.resume_schedule", name=schedule)
    assert call(db, "jobs.next_fires", Fire, count=1) == [Fire(schedule, next_at)]


@pytest.mark.parametrize("verb", ["jobs.pause_schedule", "jobs.resume_schedule"])
def test_only_a_schedule_can_be_paused_and_resumed(db: Db, verb: str) -> None:
    with pytest.raises(NoSuchSchedule):
        value(db, verb, name="nobody's")


@dataclass(frozen=True)
class Progress:
    kind: str
    jobs: int
    ended: int
    dead: int


def test_the_progress_of_a_run_counts_its_jobs_by_kind(db: Db, schedule: str) -> None:
    kind(db)
    db.execute(
        "create function jobs.demo(p_run_id bigint) returns table (items integer, skipped integer, why text)"
        ' language sql as $$ select cardinality(jobs.enqueue_many(\'demo.work\', \'{"{}","{}","{}"}\')), 0, null $$'
    )
    run_id = value(db, "jobs.run_schedule", name=schedule)
    worker_id = value(db, "jobs.start_worker", name="tester")
    for outcome in ("done", "give_up"):
        (job,) = db.execute(
            "select job_id, run_no from jobs.claim(p_worker_id => %s, p_queue => 'default')",
            (worker_id,),
        ).fetchall()
        value(
            db,
            "jobs.settle",
            job_id=job[0],
            run_no=job[1],
            outcome={"outcome": outcome, "reason": "no"},
        )
    progress = select(db, "jobs.run_progress", Progress, where={"run_id": run_id})
    assert progress == [Progress("demo.work", jobs=3, ended=2, dead=1)]
    assert len(call(db, "jobs.find", Found, run_id=run_id)) == 3
