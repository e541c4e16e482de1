"""What idle workers ask, whether they hear, and who of them is the clock."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from bench.idle import measure
from db.call import value
from db.database import connect
from tests.fixtures.jobs import kind
from tests.workers.test_runner import enqueue, serving, soon, unfinished
from workers import ear, runner


@pytest.fixture
def conn(database):
    with connect(database) as conn:
        conn.execute("delete from jobs.schedules")
        kind(conn, "t.plain")
        yield conn


def nothing(*_):
    return None


def hearing(conn):
    """What each worker has said with its last heartbeat."""
    return [hears for (hears,) in conn.execute("select hears from jobs.workers_status")]


def deaf_workers(conn):
    query = "select value from jobs.metrics where metric = 'jobs_deaf_workers'"
    return conn.execute(query).fetchone()[0]


# Hearing


@pytest.mark.parametrize(
    ("way", "listens", "hears"),
    [
        pytest.param("direct", None, True, id="directly it hears"),
        pytest.param("pgbouncer", None, False, id="through PgBouncer it is deaf"),
        pytest.param(
            "pgbouncer", "direct", True, id="with a direct line beside PgBouncer it hears"
        ),
    ],
)
async def test_a_worker_finds_out_whether_it_hears(conn, database, pooled, way, listens, hears):
    url = database if way == "direct" else pooled(database)
    options = {"listen_url": database} if listens else {}
    async with serving(url, {"t.plain": nothing}, lease=1.5, **options) as worker:
        await soon(lambda: hearing(conn) == [hears])
        assert worker.hears is hears
        assert deaf_workers(conn) == (0 if hears else 1)
        enqueue(conn, "t.plain")
        await soon(lambda: unfinished(conn) == 0)


async def test_a_worker_that_goes_deaf_notices_and_polls(conn, fresh_database, monkeypatch):
    """Its own notifications stop arriving, as when a pooler is put in between; then they do again."""
    for name in ("ECHO", "HEARING", "DEAF"):
        monkeypatch.setattr(ear, name, 0.3)
    with connect(fresh_database) as conn:
        kind(conn, "t.plain")
        (ring,) = conn.execute("select pg_get_functiondef('jobs.ring'::regproc)").fetchone()
        async with serving(fresh_database, {"t.plain": nothing}, lease=0.9):
            await soon(lambda: hearing(conn) == [True])
            conn.execute(ring.replace("select pg_notify('jobs', p_message)", "select null::void"))
            await soon(lambda: hearing(conn) == [False])
            enqueue(conn, "t.plain")
            await soon(lambda: unfinished(conn) == 0)
            conn.execute(ring)
            await soon(lambda: hearing(conn) == [True])


# The clock


def ticks_within(conn, seconds):
    """When the clock ticked, in seconds, in an observation of so many."""
    seen, began = [], time.monotonic()
    while time.monotonic() - began < seconds:
        (last,) = conn.execute("select last_value / 1000.0 from jobs.last_tick").fetchone()
        if float(last) not in seen:
            seen.append(float(last))
        time.sleep(0.02)
    return seen


def longest_gap(ticks):
    return max(after - before for before, after in pairwise(ticks))


@pytest.mark.parametrize(
    ("way", "workers"),
    [
        pytest.param("direct", 1, id="one that hears"),
        pytest.param("direct", 4, id="four that hear"),
        pytest.param("pgbouncer", 1, id="one that is deaf"),
        pytest.param("pgbouncer", 3, id="three that are deaf"),
    ],
)
async def test_the_clock_ticks_each_second(conn, database, pooled, way, workers):
    url = database if way == "direct" else pooled(database)
    async with AsyncExitStack() as stack:
        for n in range(workers):
            worker = await stack.enter_async_context(
                serving(url, {"t.plain": nothing}, name=f"worker {n}")
            )
        if way == "direct":
            await soon(lambda: worker.hears)
        await asyncio.sleep(2)
        ticks = await asyncio.to_thread(ticks_within, conn, 5)
    assert 4 <= len(ticks) <= 7
    assert longest_gap(ticks) < 1.6


async def test_when_the_clock_goes_away_another_is_the_clock(conn, database):
    async with (
        serving(database, {"t.plain": nothing}, name="one") as one,
        serving(database, {"t.plain": nothing}, name="other"),
    ):
        await soon(lambda: one.hears)
        await asyncio.sleep(2)
        one.stop()
        ticks = await asyncio.to_thread(ticks_within, conn, 8)
    assert longest_gap(ticks) < runner.POLL_BESIDE * 1.2 + 1.5


async def test_a_delayed_job_begins_within_a_second_of_its_time(conn, database):
    late = []

    def begin(request, credentials, http):
        late.append(time.time() - request["at"])

    async with (
        serving(database, {"t.plain": begin}, name="one") as worker,
        serving(database, {"t.plain": begin}, name="other"),
        serving(database, {"t.plain": begin}, name="third"),
    ):
        await soon(lambda: worker.hears)
        for n in range(6):
            at = time.time() + 2 + n * 0.37
            value(
                conn,
                "jobs.enqueue",
                kind="t.plain",
                payload={"at": at},
                run_at=conn.execute("select to_timestamp(%s)", [at]).fetchone()[0],
            )
        await soon(lambda: len(late) == 6)
    assert max(late) < 1.6
    assert sorted(late)[3] < 1.0


# Cost


def test_an_idle_worker_asks_less_than_once_a_second(fresh_database):
    idle = measure(fresh_database, workers=10, queues=5, seconds=12)
    assert idle["hearing"] == 10
    assert idle["queries_a_second_and_worker"] <= 1
