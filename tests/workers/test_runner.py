"""The worker against a real database: what it does with jobs, and that it dies well."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from psycopg.conninfo import conninfo_to_dict

from db.call import value
from db.database import connect
from tests.fixtures.jobs import ended, faults, kind, ruled, told, where
from tests.fixtures.wait import until
from workers.credentials import Credentials
from workers.outcome import Done, GiveUp, TryLater, Unknown
from workers.runner import Worker

CONNECTION = "00000000-0000-0000-0000-00000000000c"


@pytest.fixture
def conn(database):
    with connect(database) as conn:
        conn.execute("delete from jobs.schedules")
        yield conn


def enqueue(conn, name="t.call", payload=None, **arguments):
    return value(conn, "jobs.enqueue", kind=name, payload=payload or {}, **arguments)


def enqueue_many(conn, count, name="t.call", **each):
    payloads = [{"n": n} | each for n in range(count)]
    return value(conn, "jobs.enqueue_many", kind=name, payloads=payloads)


def unfinished(conn):
    return conn.execute("select count(*) from jobs.active").fetchone()[0]


def drained(conn, seconds=30):
    until(lambda: unfinished(conn) == 0, seconds)


@asynccontextmanager
async def serving(url, handlers, resolve=None, **options):
    """A worker in this process, while the block runs."""
    worker = Worker(url, handlers, resolve, **options)
    task = asyncio.create_task(worker.run())
    ready = asyncio.create_task(worker.ready.wait())
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield worker
    finally:
        worker.stop()
        await task


async def soon(state, seconds=20):
    """``until``, for a worker that runs in this very thread."""
    return await asyncio.to_thread(until, state, seconds)


@pytest.fixture(params=["direct", "pgbouncer"])
def url(request, database):
    """Everything a worker does has to work through a pooler too."""
    if request.param == "direct":
        return database
    return request.getfixturevalue("pooled")(database)


# What it does with a job


async def test_plain_and_other_functions_are_called_and_their_answers_kept(conn, url):
    kind(conn, "t.call")
    kind(conn, "t.plain")
    ids = enqueue_many(conn, 300) + enqueue_many(conn, 300, "t.plain")

    async def call(request, credentials, http):
        await asyncio.sleep(0)
        return Done({"twice": request["n"] * 2})

    def plain(request, credentials, http):
        return Done(request["n"]) if request["n"] else None

    async with serving(url, {"t.call": call, "t.plain": plain}):
        await soon(lambda: unfinished(conn) == 0)
    rows = conn.execute("select job_id, state, result from jobs.finished order by job_id")
    answers = [{"twice": n * 2} for n in range(300)] + [n or None for n in range(300)]
    assert rows.fetchall() == [
        (job_id, "done", answer) for job_id, answer in zip(ids, answers, strict=True)
    ]
    assert faults(conn) == []


async def test_a_prepared_request_goes_out_with_its_credentials(conn, url):
    ruled(conn)
    prepare = {"request": {"title": "é"}, "connection_id": CONNECTION}
    job_id = enqueue(conn, "t.ruled", {"prepare": prepare})
    seen = []

    async def resolve(connection_id: UUID) -> Credentials:
        return Credentials(
            service="shopify", account=str(connection_id), base_url="", seal=lambda f, t: t
        )

    async def call(request, credentials, http):
        seen.append((request, credentials.account))
        return Done({"id": 7})

    async with serving(url, {"t.ruled": call}, resolve):
        await soon(lambda: unfinished(conn) == 0)
    assert seen == [({"title": "é"}, CONNECTION)]
    assert told(conn, job_id) == [{"state": "done", "answer": {"id": 7}}]


@pytest.mark.parametrize(
    ("outcome", "state", "code"),
    [
        pytest.param(GiveUp("gone", "not_found"), "failed", "not_found", id="give up"),
        pytest.param(TryLater(0, "busy", "server_error"), "failed", "server_error", id="try later"),
        pytest.param(Unknown("who knows"), "unknown", None, id="unknown"),
        pytest.param(ValueError("a bug"), "unknown", "handler", id="raises"),
        pytest.param("sleep", "unknown", "timeout", id="takes too long"),
    ],
)
@pytest.mark.parametrize("name", ["t.call", "t.ruled"])
async def test_how_a_call_can_end(conn, database, name, outcome, state, code):
    ruled(conn, max_attempts=1, timeout="100 ms", effect="natural")
    kind(conn, "t.call", max_attempts=1, timeout="100 ms")
    job_id = enqueue(conn, name)

    async def call(request, credentials, http):
        if outcome == "sleep":
            await asyncio.sleep(60)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async with serving(database, {"t.call": call, "t.ruled": call}):
        await soon(lambda: unfinished(conn) == 0)
    assert ended(conn, job_id) == state
    assert conn.execute("select code from jobs.dead").fetchone() == (code,)


async def test_what_a_rate_lets_through_is_begun_when_it_does(conn, database):
    """A worker that came back now and then would need a minute and more."""
    kind(conn, "t.call")
    conn.execute(
        "insert into jobs.limits (queue, key, rate, burst) values ('default', 'shop', 20, 1)"
    )
    value(conn, "jobs.enqueue_many", kind="t.call", payloads=[{}] * 60, keys=["shop"] * 60)
    async with serving(database, {"t.call": lambda *_: None}):
        await soon(lambda: unfinished(conn) == 0)


@pytest.mark.parametrize("answer", [{"a": 1}, {}, "done", 0, False], ids=repr)
@pytest.mark.parametrize("way", ["t.call", "t.plain", "t.ruled"])
async def test_what_is_no_outcome_fails_its_own_job_at_once(conn, database, way, answer):
    """A handler is called once, and its job does not stay with the worker until its deadline."""
    ruled(conn, max_attempts=1)
    kind(conn, "t.call", max_attempts=1)
    kind(conn, "t.plain", max_attempts=1)
    enqueue(conn, way)
    called = []

    def plain(request, credentials, http):
        called.append(request)
        return answer

    async def call(request, credentials, http):
        return plain(request, credentials, http)

    async with serving(database, {"t.call": call, "t.ruled": call, "t.plain": plain}):
        await soon(lambda: unfinished(conn) == 0)
    why = f"The handler returned a {type(answer).__name__}, not an outcome."
    assert conn.execute("select code, reason from jobs.dead").fetchall() == [("handler", why)]
    assert len(called) == 1


@pytest.mark.parametrize(
    ("name", "more", "state"),
    [
        pytest.param("t.call", {"timeout": "100 ms"}, "unknown", id="its own time is up"),
        pytest.param("t.ruled", {"timeout": "100 ms"}, "unknown", id="its own, where it prepares"),
        pytest.param("t.short", {"timeout": "1 min"}, "done", id="more than its kind has"),
        pytest.param("t.short", {}, "unknown", id="its kind's time is up"),
    ],
)
async def test_a_job_may_have_a_timeout_of_its_own(conn, database, name, more, state):
    ruled(conn, max_attempts=1, effect="natural")
    kind(conn, "t.call", max_attempts=1)
    kind(conn, "t.short", max_attempts=1, timeout="100 ms")
    job_id = value(conn, "jobs.enqueue", kind=name, **more)

    async def call(request, credentials, http):
        await asyncio.sleep(0.3 if name == "t.short" else 60)

    async with serving(database, dict.fromkeys(["t.call", "t.ruled", "t.short"], call)):
        await soon(lambda: unfinished(conn) == 0)
    assert ended(conn, job_id) == state


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param({"prepare_raises": "a bug"}, "prepare", id="its prepare function raises"),
        pytest.param({"settle_raises": "a bug"}, "settle", id="its settle function raises"),
        pytest.param(
            {"prepare": {"request": {}, "connection_id": CONNECTION}},
            "credentials",
            id="nobody knows its credentials",
        ),
    ],
)
async def test_what_else_can_go_wrong(conn, database, payload, code):
    ruled(conn, max_attempts=1)
    enqueue(conn, "t.ruled", payload)

    async def call(request, credentials, http):
        return Done(1)

    async with serving(database, {"t.ruled": call}):
        await soon(lambda: unfinished(conn) == 0)
    assert conn.execute("select code from jobs.dead").fetchone() == (code,)


@pytest.mark.parametrize("name", ["t.call", "t.ruled"])
async def test_a_kind_without_a_handler_here_is_left_for_others(conn, database, name):
    """It waits for a while and costs no attempt; whoever has a handler does it."""
    ruled(conn, max_attempts=1, effect="at_most_once")
    kind(conn, "t.call", max_attempts=1)
    kind(conn, "t.plain")
    job_id = enqueue(conn, name)
    waits = "select failures, why from jobs.scheduled"
    async with serving(database, {"t.plain": lambda *_: None}):
        await soon(lambda: where(conn, job_id) == "scheduled")
    assert conn.execute(waits).fetchall() == [(0, f"No handler for {name} here.")]
    value(conn, "jobs.retry", job_id=job_id)
    async with serving(database, {name: lambda *_: None}):
        await soon(lambda: where(conn, job_id) == "ended")
    assert ended(conn, job_id) == "done"
    assert faults(conn) == []


async def test_only_queues_with_something_to_handle_are_served(conn, database):
    """A schedule's work is all SQL, and so is any worker's."""
    kind(conn, "t.other", queue="other")
    kind(conn, "t.call")
    async with serving(database, {"t.call": lambda *_: None}):
        queues, kinds = conn.execute("select queues, kinds from jobs.workers_status").fetchone()
    assert (sorted(queues), kinds) == (["default", "schedules"], ["t.call"])


@pytest.mark.parametrize("override", [None, 2])
async def test_no_more_at_once_than_the_queue_says(conn, database, override):
    kind(conn, "t.call", queue="narrow")
    conn.execute("update jobs.queues set concurrency = 3 where queue = 'narrow'")
    enqueue_many(conn, 30)
    now, most = 0, 0

    async def call(request, credentials, http):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    options = {"concurrency": {"narrow": override}} if override else {}
    async with serving(database, {"t.call": call}, **options):
        await soon(lambda: unfinished(conn) == 0)
    assert most == (override or 3)


async def test_only_the_queues_asked_for(conn, database):
    kind(conn, "t.call")
    kind(conn, "t.other", queue="other")
    job_id, other = enqueue(conn), enqueue(conn, "t.other")

    async def call(request, credentials, http):
        return None

    async with serving(database, {"t.call": call, "t.other": call}, queues=["default"]):
        await soon(lambda: where(conn, job_id) == "ended")
    assert where(conn, other) == "ready"


async def test_a_stop_does_not_wait_for_a_database_that_is_gone(conn, fresh_database):
    with connect(fresh_database) as own:
        kind(own, "t.call")
        enqueue(own, "t.call")
    called, gone = asyncio.Event(), asyncio.Event()

    async def call(request, credentials, http):
        called.set()
        await gone.wait()

    worker = Worker(fresh_database, {"t.call": call}, lease=1, grace=0.1)
    running = asyncio.create_task(worker.run())
    await called.wait()
    name = conninfo_to_dict(fresh_database)["dbname"]
    conn.execute(f"alter database {name} with allow_connections false".encode())
    conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
    )
    gone.set()
    worker.stop()
    async with asyncio.timeout(20):
        await running
    conn.execute(f"alter database {name} with allow_connections true".encode())


async def test_a_cancelled_call_is_stopped(conn, database):
    ruled(conn)
    job_id = enqueue(conn, "t.ruled")
    stopped = asyncio.Event()

    async def call(request, credentials, http):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.set()
            raise

    async with serving(database, {"t.ruled": call}, lease=0.9):
        await soon(lambda: where(conn, job_id) == "running")
        value(conn, "jobs.cancel", job_id=job_id, reason="not wanted")
        await soon(lambda: unfinished(conn) == 0)
    assert stopped.is_set()
    assert told(conn, job_id) == [{"state": "cancelled", "reason": "not wanted", "code": None}]


# Time


async def test_a_worker_is_a_clock(conn, url):
    """There is no other: a delayed job comes, a failed one comes back, a schedule fires."""
    kind(conn, "t.call", backoff_base="100 ms")
    at = conn.execute("select now() + interval '1 s'").fetchone()[0]
    delayed = enqueue(conn, run_at=at)
    failing = enqueue(conn, payload={"fail": True})
    conn.execute(
        "create schema if not exists test_jobs;"
        "create or replace function test_jobs.nothing(p_run_id bigint)"
        " returns table (items integer, skipped integer, why text) language sql"
        " as $$ select 0, 0, 'nothing to do' $$;"
        "insert into jobs.schedules (schedule, cron, function, description)"
        " values ('t', '* * * * *', 'test_jobs.nothing', 'of a test');"
        "update jobs.schedules set next_at = date_trunc('minute', now())"
    )
    times = {}

    async def call(request, credentials, http):
        times[request.get("fail", False)] = times.get(request.get("fail", False), 0) + 1
        return TryLater(None, "busy") if request.get("fail") and times[True] < 3 else None

    async with serving(url, {"t.call": call}):
        await soon(lambda: unfinished(conn) == 0)
    assert [ended(conn, delayed), ended(conn, failing)] == ["done", "done"]
    assert times == {False: 1, True: 3}
    runs = conn.execute("select name, status, why from jobs.runs").fetchall()
    assert ("t", "skipped", "nothing to do") in runs


@pytest.mark.parametrize("way", ["direct", "pgbouncer"])
async def test_how_soon_an_idle_worker_begins(conn, database, request, way):
    """With notifications at once; without them, for they do not pass PgBouncer, within the poll."""
    kind(conn, "t.plain")
    url = database if way == "direct" else request.getfixturevalue("pooled")(database)
    begun = []

    def plain(payload, credentials, http):
        begun.append(time.monotonic() - payload["at"])

    async with serving(url, {"t.plain": plain}) as worker:
        if way == "direct":
            await soon(lambda: worker.hears)
        for n in range(20):
            await asyncio.to_thread(enqueue, conn, "t.plain", {"at": time.monotonic()})
            await soon(lambda n=n: len(begun) == n + 1)
    assert sorted(begun)[10] < (0.1 if way == "direct" else 2.5)


# How it dies


def test_a_stop_gives_back_what_was_not_begun_and_waits_for_the_rest(conn, database, workers, log):
    kind(conn, "t.call")
    conn.execute("update jobs.queues set concurrency = 5 where queue = 'default'")
    enqueue_many(conn, 40, seconds=1)
    worker = workers(database)
    until(lambda: len(log.lines("begun")) >= 5)
    assert worker.stop() == 0
    assert len(log.lines("begun")) == len(log.lines("effect"))
    states = dict(conn.execute("select state, count(*) from jobs.active group by state").fetchall())
    assert states == {"ready": 40 - len(log.lines("effect"))}
    assert conn.execute("select max(failures) from jobs.ready").fetchone() == (0,)
    assert conn.execute(
        "select count(*) from jobs.workers where stopped_at is null"
    ).fetchone() == (0,)
    assert faults(conn) == []


def test_a_call_that_outlasts_the_grace_is_cut_off(conn, database, workers, log):
    ruled(conn, effect="read_back")
    job_id = enqueue(conn, "t.ruled", {"n": 1, "seconds": 60})
    worker = workers(database, "grace=0.5")
    until(lambda: log.lines("begun"))
    assert worker.stop() == 0
    assert where(conn, job_id) == "scheduled"
    assert conn.execute("select outcome from jobs.effects").fetchone() == ("unknown",)


def test_the_work_of_a_killed_worker_is_done_within_twenty_seconds(conn, database, workers, log):
    """SIGKILL one of two with jobs in flight: 15 s of lease, and a tick."""
    kind(conn, "t.call")
    conn.execute("update jobs.queues set concurrency = 20 where queue = 'default'")
    enqueue_many(conn, 20, seconds=10)
    victim = workers(database)
    until(lambda: len(log.lines("begun")) == 20)
    workers(database)
    killed = time.monotonic()
    victim.kill()
    until(lambda: len(log.lines("begun")) == 40, 25)
    assert time.monotonic() - killed <= 20
    drained(conn)
    assert {state for (state,) in conn.execute("select state from jobs.finished")} == {"done"}
    assert faults(conn) == []


@pytest.mark.parametrize(
    ("effect", "die", "effects", "state"),
    [
        pytest.param("natural", "before", 1, "done", id="before it happened: it is done again"),
        pytest.param("natural", "after", 2, "done", id="after it happened: it may be repeated"),
        pytest.param("at_most_once", "before", 0, "unknown", id="at most once, before: not at all"),
        pytest.param("at_most_once", "after", 1, "unknown", id="at most once, after: once"),
    ],
)
def test_killed_in_the_middle_of_a_call(conn, database, workers, log, effect, die, effects, state):
    ruled(conn, effect=effect)
    job_id = enqueue(conn, "t.ruled", {"n": 1, "die": die})
    workers(database, "lease=1.5").process.wait(20)
    workers(database, "lease=1.5")
    drained(conn)
    assert ended(conn, job_id) == state
    assert len(log.lines("effect")) == effects
    assert len(told(conn, job_id)) == 1


def test_a_worker_that_slept_too_long_has_lost_its_jobs_and_goes_on(conn, database, workers, log):
    """SIGSTOP beyond its lease: another does its job, and its own report is refused."""
    ruled(conn)
    job_id = enqueue(conn, "t.ruled", {"n": 1, "seconds": 1})
    sleeper = workers(database, "lease=1.5")
    until(lambda: log.lines("begun"))
    sleeper.signal(signal.SIGSTOP)
    other = workers(database, "lease=1.5")
    drained(conn)
    assert ended(conn, job_id) == "done"
    other.stop()
    sleeper.signal(signal.SIGCONT)
    again = enqueue(conn, "t.ruled", {"n": 2})
    drained(conn)
    assert ended(conn, again) == "done"
    assert len(told(conn, job_id)) == 1
    assert faults(conn) == []


@pytest.mark.parametrize("name", ["t.plain", "t.ruled"])
@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
async def test_a_handler_that_does_not_give_way_costs_its_worker_no_lease(
    conn, url, name, is_async
):
    assert await runs_of_one_that_does_not_give_way(conn, url, name, is_async) == ["done"]


async def test_without_a_stand_in_it_would_lose_it(conn, database, monkeypatch):
    async def nobody(worker, over):
        pass

    monkeypatch.setattr(Worker, "_stand_in", nobody)
    runs = await runs_of_one_that_does_not_give_way(conn, database, "t.plain", False)
    assert runs == ["lost", "done"]


async def runs_of_one_that_does_not_give_way(conn, url, name, is_async):
    """How its runs end if the first holds up the event loop until the lease that it began with is over."""
    kind(conn, "t.plain")
    ruled(conn)
    job_id = enqueue(conn, name)
    calls = []

    def hold_up(request, credentials, http):
        calls.append(request)
        if len(calls) == 1:
            with connect(url) as own:
                leased = own.execute("select max(lease_until) from jobs.workers").fetchone()
                until(lambda: own.execute("select jobs.clock() > %s", leased).fetchone()[0])
                value(own, "jobs.reap")

    async def hold_up_too(request, credentials, http):
        hold_up(request, credentials, http)

    async with serving(url, {name: hold_up_too if is_async else hold_up}, lease=1.5):
        await soon(lambda: unfinished(conn) == 0)
    assert faults(conn) == []
    runs = "select state from jobs.history where job_id = %s order by run_no"
    return [state for (state,) in conn.execute(runs, [job_id]).fetchall()]


@pytest.mark.parametrize("way", ["direct", "pgbouncer"])
def test_connections_that_break_lose_nothing(conn, database, workers, log, request, way):
    ruled(conn)
    kind(conn, "t.plain")
    url = database if way == "direct" else request.getfixturevalue("pooled")(database)
    enqueue_many(conn, 300, "t.ruled", seconds=0.01)
    enqueue_many(conn, 2000, "t.plain")
    workers(url, "lease=5")

    last = time.monotonic()

    def broken():
        nonlocal last
        if time.monotonic() - last > 0.5:
            conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            last = time.monotonic()
        return unfinished(conn) == 0

    until(broken, 60)
    states = dict(
        conn.execute("select state, count(*) from jobs.finished group by state").fetchall()
    )
    assert states == {"done": 2300}
    assert faults(conn) == []
