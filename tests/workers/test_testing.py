"""The helpers for tests: what they run is what a worker would, and what they say is so."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from db.call import value
from db.clock import Clock
from db.code import ROOT
from db.database import connect
from tests.fixtures.jobs import asked, faults, kind, ruled, told, where
from workers.outcome import Done, GiveUp, TryLater, Unknown
from workers.steps import TimedOut
from workers.testing import (
    ClockIsReal,
    NotReady,
    Stuck,
    assert_enqueued,
    clock_at,
    drain,
    enqueued,
    make_clock_movable,
    refute_enqueued,
    run_inline,
)

NOON = "2026-01-01 12:00Z"
GUIDE = (ROOT.parent / "docs" / "testing.md").read_text()


def enqueue(conn, name="t.plain", **arguments):
    return value(conn, "jobs.enqueue", kind=name, **arguments)


def done(request, credentials, http):
    return Done(request)


@pytest.fixture(params=["in a transaction", "each call by itself"])
def conn(request):
    """Either way it is the test's own connection that everything goes through."""
    if request.param == "in a transaction":
        conn = request.getfixturevalue("db")
        kind(conn)
        yield conn
        return
    with connect(request.getfixturevalue("database")) as conn:
        conn.execute("delete from jobs.schedules")
        kind(conn)
        yield conn


# Running


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        pytest.param(None, "done", id="nothing is done"),
        pytest.param(Done({"a": 1}), "done", id="done"),
        pytest.param(TryLater(60, "busy"), "scheduled", id="later"),
        pytest.param(GiveUp("gone"), "failed", id="given up"),
        pytest.param(Unknown("who knows"), "scheduled", id="unknown"),
    ],
)
@pytest.mark.parametrize("name", ["t.plain", "t.ruled"])
def test_what_becomes_of_a_job(conn, name, outcome, state):
    ruled(conn)
    job_id = enqueue(conn, name, payload={"n": 1})
    (run,) = drain(conn, {name: lambda *_: outcome})
    assert (run.job_id, run.run_no, run.request, run.state) == (job_id, 1, {"n": 1}, state)
    assert run.outcome == (Done() if outcome is None else outcome)
    if name == "t.ruled":
        assert asked(conn, job_id) == [False]
        assert [said["state"] for said in told(conn, job_id)] == (
            [] if state == "scheduled" else [state]
        )
    assert faults(conn) == []


def test_what_a_rule_decides_without_a_call(conn):
    ruled(conn)
    enqueue(conn, "t.ruled", payload={"prepare": {"skip": "not wanted"}})
    (run,) = drain(conn, {})
    assert (run.request, run.outcome, run.state, run.why) == (None, None, "skipped", "not wanted")


def test_a_rule_that_raises_costs_an_attempt_and_the_transaction_goes_on(conn):
    ruled(conn)
    job_id = enqueue(conn, "t.ruled", payload={"settle_raises": "a bug"})
    (run,) = drain(conn, {"t.ruled": done})
    assert (run.state, where(conn, job_id)) == ("scheduled", "scheduled")
    assert "a bug" in run.why


def test_what_jobs_enqueue_is_run_too_and_children_come_after_their_parents(conn):
    ruled(conn)
    parents = [enqueue(conn, "t.ruled", payload={"follow": "t.plain"}), enqueue(conn, "t.ruled")]
    child = enqueue(conn, payload={"child": True}, after=parents)
    runs = drain(conn, {"t.ruled": done, "t.plain": done})
    assert [run.kind for run in runs].count("t.plain") == 2
    place = {run.job_id: n for n, run in enumerate(runs)}
    assert place[child] > max(place[parent] for parent in parents)


async def asynchronous(request, credentials, http, steps):
    return Done(await steps.do("one", lambda step: _one(step)))


async def _one(step):
    return "one"


def test_handlers_are_a_workers_handlers(conn):
    enqueue(conn)
    (run,) = drain(conn, {"t.plain": asynchronous})
    assert run.result == "one"


def test_only_the_queues_asked_for(conn):
    kind(conn, "t.other", queue="other")
    job_id = enqueue(conn, "t.other")
    assert drain(conn, {}, queues=["default"]) == []
    assert where(conn, job_id) == "ready"


def test_a_kind_without_a_handler_is_an_error(conn):
    enqueue(conn)
    with pytest.raises(LookupError, match="no handler"):
        drain(conn, {})


@pytest.mark.parametrize("raising", [True, False])
def test_what_a_handler_raises(conn, raising):
    job_id = enqueue(conn)

    def broken(*_):
        raise ValueError("a bug")

    if raising:
        with pytest.raises(ValueError, match="a bug"):
            drain(conn, {"t.plain": broken})
    else:
        (run,) = drain(conn, {"t.plain": broken}, raising=False)
        assert isinstance(run.error, ValueError)
        assert run.outcome == Unknown("ValueError: a bug", "handler")
    assert where(conn, job_id) == "scheduled"


def test_work_without_an_end_is_noticed(db, monkeypatch):
    kind(db)
    monkeypatch.setattr("workers.testing.MOST", 20)
    enqueue(db)

    def again(*_):
        enqueue(db)

    with pytest.raises(Stuck):
        drain(db, {"t.plain": again})


def test_what_the_database_refuses_is_no_endless_wait(db):
    ruled(db)
    db.execute(
        "create or replace function test_jobs.prepare"
        " (p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) returns jsonb language sql"
        " as $$ select to_jsonb(pg_sleep(9)::text) $$; set local statement_timeout = '200ms'"
    )
    enqueue(db, "t.ruled")
    with pytest.raises(Stuck, match="statement timeout"):
        drain(db, {"t.ruled": done})


# One job


def test_one_job_before_all_others(conn):
    others = [enqueue(conn, priority=0) for _ in range(3)]
    run = run_inline(conn, "t.plain", {"t.plain": done}, payload={"n": 1}, priority=3)
    assert (run.state, run.result) == ("done", {"n": 1})
    assert [where(conn, job_id) for job_id in others] == ["ready"] * 3
    assert conn.execute("select distinct failures from jobs.ready").fetchall() == [(0,)]


def test_one_job_by_its_id(conn):
    job_id = enqueue(conn)
    assert run_inline(conn, job_id, {"t.plain": done}).job_id == job_id


@pytest.mark.parametrize(
    ("arguments", "hindrance", "why"),
    [
        pytest.param({"run_at": "2099-01-01Z"}, "", "scheduled", id="its time has not come"),
        pytest.param({}, "select jobs.pause('default')", "ready", id="its queue is paused"),
        pytest.param(
            {"key": "k"},
            "insert into jobs.limits (queue, key, max_running) values ('default', 'k', 0)",
            "ready",
            id="its key may not run",
        ),
    ],
)
def test_one_job_that_cannot_be_claimed(conn, arguments, hindrance, why):
    conn.execute(hindrance)
    with pytest.raises(NotReady, match=why):
        run_inline(conn, enqueue(conn, **arguments), {"t.plain": done})


def test_no_such_job(conn):
    with pytest.raises(NotReady, match="no job 1"):
        run_inline(conn, 1, {})


# Looking


def test_what_waits_is_found_by_any_part_of_it(conn):
    enqueue(conn, payload={"a": {"b": 1, "c": 2}, "d": [1, {"e": 2}]}, key="k", priority=1)
    for part in ({}, {"a": {"b": 1}}, {"d": [{"e": 2}]}, {"a": {"b": 1, "c": 2}, "d": [1]}):
        assert_enqueued(conn, "t.plain", payload=part)
    assert_enqueued(conn, "t.plain", key="k", queue="default", priority=1, times=1)
    for part in ({"a": 1}, {"a": {"b": 2}}, {"x": None}, {"d": [3]}):
        refute_enqueued(conn, "t.plain", payload=part)
    refute_enqueued(conn, "t.plain", key="other")


@pytest.mark.parametrize(
    ("look", "said"),
    [
        pytest.param(
            lambda conn: assert_enqueued(conn, "t.plain", payload={"n": 2}),
            r"There is no job t.plain payload=\{'n': 2\}.\nWaiting: 1\n  t.plain ready .*\"n\": 1",
            id="none",
        ),
        pytest.param(
            lambda conn: assert_enqueued(conn, "t.plain", times=2), "There is 1 job", id="too few"
        ),
        pytest.param(
            lambda conn: refute_enqueued(conn, "t.plain"), "There is a job t.plain", id="one"
        ),
    ],
)
def test_the_error_lists_what_waits(conn, look, said):
    enqueue(conn, payload={"n": 1})
    with pytest.raises(AssertionError, match=said):
        look(conn)


@pytest.mark.parametrize("look", [assert_enqueued, refute_enqueued, enqueued])
def test_of_a_kind_that_is_none_nothing_is_said(conn, look):
    """Or a word that was mistyped would be as good as work that nobody enqueued."""
    with pytest.raises(LookupError, match=r"There is no kind t\.plian"):
        look(conn, "t.plian")


def test_what_has_ended_or_runs_does_not_wait(conn):
    enqueue(conn)
    drain(conn, {"t.plain": done})
    refute_enqueued(conn, "t.plain")


# Time


def test_the_clock_is_as_it_was_before(conn):
    with clock_at(conn, NOON) as clock:
        assert clock.forward(days=1, minutes=5).isoformat() == "2026-01-02T12:05:00+00:00"
        with clock_at(conn, "2030-01-01Z"):
            assert clock.now.year == 2030
        assert clock.now.day == 2
    assert not Clock(conn).is_set
    assert abs(Clock(conn).now - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_clock_of_another_connection_stays(database):
    with connect(database) as one, connect(database) as other, clock_at(one, NOON):
        assert not Clock(other).is_set


def test_a_transaction_that_failed_takes_its_clock_along(database):
    with connect(database) as conn:
        with pytest.raises(psycopg.errors.DivisionByZero), conn.transaction(), clock_at(conn, NOON):
            conn.execute("select 1 / 0")
        assert not Clock(conn).is_set


def test_time_passes_from_one_job_to_the_next(conn):
    """Retries, delays, limits, pauses and waits for events, each at its moment."""
    with clock_at(conn, NOON) as clock:
        kind(conn, "t.wait")
        conn.execute(
            "insert into jobs.limits (queue, key, rate, burst) values ('default', 'slow', 0.1, 2)"
        )
        for _ in range(4):
            enqueue(conn, key="slow", payload={"what": "slow"})
        enqueue(conn, key="rests", payload={"what": "rests"})
        value(conn, "jobs.pause", queue="default", key="rests", until="2026-01-01 12:00:33Z")
        enqueue(conn, run_at="2026-01-01 12:00:44Z", payload={"what": "delayed"})
        enqueue(conn, "t.wait", payload={"what": "event"})
        seen = []

        def note(request, credentials, http):
            seen.append((request["what"], clock.now.second))

        async def wait(request, credentials, http, steps):
            with pytest.raises(TimedOut):
                await steps.event("never", timeout=55)
            note(request, None, None)

        drain(conn, {"t.plain": note, "t.wait": wait}, ahead=timedelta(minutes=5))
        assert sorted(seen, key=lambda each: each[1]) == [
            ("slow", 0),
            ("slow", 0),
            ("slow", 10),
            ("slow", 20),
            ("rests", 33),
            ("delayed", 44),
            ("event", 55),
        ]
        assert clock.now.second == 55
    assert faults(conn) == []


def test_no_more_time_passes_than_is_said(conn):
    with clock_at(conn, NOON):
        enqueue(conn, run_at="2026-01-01 13:00Z")
        assert drain(conn, {"t.plain": done}, ahead=timedelta(minutes=59)) == []
        assert len(drain(conn, {"t.plain": done}, ahead=timedelta(minutes=60))) == 1


def test_time_that_is_not_set_does_not_pass(conn):
    with pytest.raises(ClockIsReal):
        drain(conn, {}, ahead=timedelta(hours=1))


def test_where_workers_have_been_the_clock_stays_real(server):
    url = server.create_database("autom_real_clock", "autom_template")
    with connect(url) as conn:
        conn.execute(
            "create or replace function jobs.clock() returns timestamptz language sql stable"
            " as 'select statement_timestamp()'"
        )
        with pytest.raises(ClockIsReal), clock_at(conn, NOON):
            pass
        value(conn, "jobs.start_worker", name="a real one")
        with pytest.raises(ClockIsReal, match="Workers"):
            make_clock_movable(conn)
        conn.execute("set test.now = '2000-01-01'")
        assert Clock(conn).now.year > 2000
    server.drop_database("autom_real_clock")


# The guide


def examples():
    """What the guide defines, each example by itself."""
    for block in re.findall(r"(?ms)^```python\n(.*?)^```", GUIDE):
        for name in re.findall(r"(?m)^def (test_\w+)\(conn\)", block):
            yield pytest.param(block, name, id=name)


@pytest.mark.parametrize(("block", "name"), list(examples()))
def test_the_guide_works(db, block, name):
    (setup,) = re.findall(r"(?ms)^```python setup\n(.*?)^```", GUIDE)
    exec(setup, {"conn": db})
    defined = {}
    exec(block, defined)
    defined[name](db)


def test_the_fixtures_of_the_guide_are_python():
    (block,) = [b for b in re.findall(r"(?ms)^```python\n(.*?)^```", GUIDE) if "fixture" in b]
    compile(block, "docs/testing.md", "exec")
    assert len(list(examples())) == 4
