"""Handlers that go in steps, by real workers that are killed: nothing is paid for twice."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from decimal import Decimal

import pytest

from db.call import value
from db.database import connect
from tests.fixtures.jobs import ended, faults, kind, ruled, where
from tests.fixtures.wait import until
from tests.workers.test_runner import serving, soon
from workers.outcome import Done, GiveUp, TryLater
from workers.steps import TimedOut

STEPS = ("order", "render", "publish")


@pytest.fixture
def conn(database):
    with connect(database) as conn:
        conn.execute("delete from jobs.schedules")
        yield conn


def enqueue(conn, name, payload):
    return value(conn, "jobs.enqueue", kind=name, payload=payload)


def in_steps(conn, name, make):
    make(conn, name, max_attempts=50, backoff_base="0", backoff_cap="0")
    return name


def charges(log):
    """How often each step was charged."""
    return Counter(line.rpartition(":")[2] for line in log.lines("charged"))


def filmed(conn, database, workers, payload, make=kind):
    """Let a film be made by workers, a new one each time that one dies."""
    job_id = enqueue(conn, in_steps(conn, "t.film", make), payload | {"n": 1})
    while True:
        worker = workers(database, "lease=0.9")
        until(lambda w=worker: w.process.poll() is not None or is_done(conn, job_id), 60)
        if is_done(conn, job_id):
            return job_id


def is_done(conn, job_id):
    return where(conn, job_id) == "ended"


@pytest.mark.parametrize(
    "make", [pytest.param(kind, id="as it is"), pytest.param(ruled, id="prepared and settled")]
)
def test_killed_around_every_step_a_film_is_paid_for_once(conn, database, workers, log, make):
    die = [f"{when} {step}" for step in STEPS for when in ("before", "after", "behind")]
    job_id = filmed(conn, database, workers, {"die": die, "takes_keys": True}, make)
    assert len(log.lines("died")) == 9
    assert charges(log) == dict.fromkeys(STEPS, 1)
    assert ended(conn, job_id) == "done"
    if make is kind:
        assert conn.execute("select result from jobs.finished").fetchone() == (list(STEPS),)
    assert faults(conn) == []


def test_killed_between_steps_nothing_is_paid_twice_even_without_keys(conn, database, workers, log):
    die = [f"{when} {step}" for step in STEPS for when in ("before", "behind")]
    filmed(conn, database, workers, {"die": die, "takes_keys": False})
    assert charges(log) == dict.fromkeys(STEPS, 1)


def test_without_a_key_a_call_that_was_not_heard_of_is_paid_twice(conn, database, workers, log):
    """The control: what no queue can know, ``maybe_sent`` and the key are for."""
    filmed(conn, database, workers, {"die": ["after render"], "takes_keys": False})
    assert charges(log) == {"order": 1, "render": 2, "publish": 1}


def test_a_wait_for_somebody_survives_the_worker(conn, database, workers, log):
    job_id = enqueue(conn, in_steps(conn, "t.link", kind), {"n": 1})
    worker = workers(database, "lease=1")
    until(lambda: where(conn, job_id) == "parked")
    worker.kill()
    # They come back while nobody works.
    value(conn, "jobs.emit_event", event="oauth:state-1", value={"code": "c"})
    assert where(conn, job_id) == "ready"
    workers(database, "lease=1")
    until(lambda: is_done(conn, job_id))
    assert conn.execute("select result from jobs.finished").fetchone() == (
        "token for {'code': 'c'}",
    )
    assert (log.lines("asked"), log.lines("exchanged")) == (["asked"], ["exchanged"])


# In this process


@pytest.mark.parametrize(
    ("outcomes", "state", "sent"),
    [
        pytest.param(
            [TryLater(0, "busy"), 1], "done", [False, False], id="later, it did not happen"
        ),
        pytest.param([GiveUp("gone")], "failed", [False], id="given up, so is the job"),
        pytest.param([OSError("reset"), Done(1)], "done", [False, True], id="broken, it may have"),
    ],
)
async def test_a_step_that_does_not_succeed(conn, database, outcomes, state, sent):
    job_id = enqueue(conn, in_steps(conn, "t.steps", kind), {})
    told, left = [], list(outcomes)

    async def handler(request, credentials, http, steps):
        async def work(step):
            told.append(step.maybe_sent)
            outcome = left.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return Done(await steps.do("only", work))

    async with serving(database, {"t.steps": handler}):
        await soon(lambda: is_done(conn, job_id))
    assert (ended(conn, job_id), told) == (state, sent)


async def test_an_event_that_does_not_come(conn, database):
    job_id = enqueue(conn, in_steps(conn, "t.steps", kind), {})

    async def handler(request, credentials, http, steps):
        try:
            await steps.event("never", timeout=0.2)
        except TimedOut:
            return Done("went on without")

    async with serving(database, {"t.steps": handler}):
        await soon(lambda: is_done(conn, job_id))
    assert conn.execute("select result from jobs.finished").fetchone() == ("went on without",)


@pytest.mark.parametrize(
    ("percent", "note", "told"),
    [
        pytest.param(50, "half of it", (50, "half of it"), id="half"),
        pytest.param(Decimal("50"), "half", (50, "half"), id="as a decimal"),
        pytest.param(100.00000000000001, "all", (100, "all"), id="a little above all"),
        pytest.param(150, "more", (100, "more"), id="far above all"),
        pytest.param(-5, "less", (0, "less"), id="below nothing"),
        pytest.param(math.nan, "who knows", (None, "who knows"), id="no number"),
        pytest.param(math.inf, "for ever", (None, "for ever"), id="without end"),
        pytest.param(None, "begun", (None, "begun"), id="a note alone"),
        pytest.param(1, "a\0b \ud800", (1, "ab ?"), id="what Postgres cannot store"),
        pytest.param(1, "x" * 10_000, (1, "x" * 500), id="a long note"),
        pytest.param(1, ["a", 1], (1, "['a', 1]"), id="a note that is no text"),
    ],
)
async def test_how_far_a_handler_is(conn, database, percent, note, told):
    """Whatever it says: its worker keeps its lease, and the job its run."""
    job_id = enqueue(conn, in_steps(conn, "t.steps", kind), {})
    seen = asyncio.Event()

    async def handler(request, credentials, http, steps):
        steps.progress(percent, note)
        await seen.wait()

    def shown():
        rows = conn.execute("select percent, note from jobs.active where job_id = %s", [job_id])
        return rows.fetchone() == told

    async with serving(database, {"t.steps": handler}, lease=0.9):
        await soon(shown)
        seen.set()
        await soon(lambda: is_done(conn, job_id))
    ended_so = conn.execute("select state, runs, failures from jobs.finished").fetchone()
    assert ended_so == ("done", 1, 0)
