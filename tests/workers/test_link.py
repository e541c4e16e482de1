"""Connections that break, and those of which nobody says that they are broken."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest

from bench.proxy import Proxy
from db.call import avalue, value
from db.database import connect
from tests.fixtures.jobs import ended, faults, kind, ruled
from tests.fixtures.wait import until
from workers.calls import until_it_works
from workers.link import GONE, Link, Links
from workers.outcome import Done
from workers.runner import Worker


@pytest.fixture
def conn(database):
    with connect(database) as conn:
        conn.execute("delete from jobs.schedules")
        yield conn


@pytest.fixture
def proxy(database):
    with Proxy(database) as proxy:
        yield proxy


async def clock(link):
    async with link.use() as conn:
        return await avalue(conn, "jobs.clock")


@pytest.mark.parametrize("make", [Link, lambda url: Links(url, 1)], ids=["a link", "links"])
@pytest.mark.parametrize(
    "end",
    [
        pytest.param(["select pg_terminate_backend(pg_backend_pid())"], id="ended by an operator"),
        pytest.param(
            ["set default_transaction_read_only = on", "select jobs.tick()"],
            id="at a server that may only be read by now",
        ),
    ],
)
async def test_a_connection_that_is_no_good_is_opened_anew(database, make, end):
    link = make(database)
    with pytest.raises(GONE):
        async with link.use() as conn:
            for statement in end:
                await conn.execute(statement)
    assert await clock(link)
    async with link.use() as conn:
        (read_only,) = await (await conn.execute("show transaction_read_only")).fetchone()
    assert read_only == "off"
    await link.close()


async def test_one_that_is_silent_is_hung_up_after_its_patience(proxy):
    link = Link(proxy.url(), patience=0.5)
    await clock(link)
    proxy.go_silent(forget=True)
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        await clock(link)
    assert 0.4 < time.monotonic() - began < 3
    proxy.heal()
    assert await until_it_works(clock, link)
    await link.close()


async def test_without_a_patience_nobody_notices(proxy):
    """The control: no byte is lost, no socket closed, so TCP has nothing to complain of."""
    link = Link(proxy.url(), patience=None)
    await clock(link)
    proxy.go_silent(forget=False)
    asked = asyncio.create_task(clock(link))
    done, _ = await asyncio.wait([asked], timeout=3)
    assert not done
    proxy.heal()
    assert await asked
    await link.close()


async def test_links_are_lent_to_one_task_each(database):
    links = Links(database, 2)
    pids = set()

    async def ask():
        async with links.use() as conn:
            pids.add(conn.info.backend_pid)
            await conn.execute("select pg_sleep(0.01)")

    await asyncio.gather(*(ask() for _ in range(20)))
    assert len(pids) == 2
    await links.close()


def test_a_worker_outlasts_a_network_that_forgets_its_connections(conn, proxy, workers, log):
    """Claims, reports, heartbeat and notifications: each finds out by itself, within its patience."""
    kind(conn)
    ruled(conn)

    def enqueue(first):
        for name in ("t.plain", "t.ruled"):
            payloads = [{"n": n, "seconds": 0.05} for n in range(first, first + 50)]
            value(conn, "jobs.enqueue_many", kind=name, payloads=payloads)

    def done():
        return conn.execute("select count(*) from jobs.finished where state = 'done'").fetchone()[0]

    workers(proxy.url(), "lease=3")
    enqueue(0)
    until(lambda: done() >= 20)
    proxy.go_silent(forget=True)
    enqueue(100)
    until(
        lambda: conn.execute(
            "select count(*) = 0 from jobs.workers where stopped_at is null and lease_until > now()"
        ).fetchone()[0]
    )
    proxy.heal()
    healed = time.monotonic()
    until(lambda: done() == 200, 40)
    assert time.monotonic() - healed < 30
    assert faults(conn) == []


def test_what_a_worker_let_go_of_is_done_again_when_it_is_back(conn, proxy, workers, log):
    """It was cut off for longer than its lease, and nobody else was there to take over."""
    kind(conn, "t.call")
    job_id = value(conn, "jobs.enqueue", kind="t.call", payload={"n": 1, "seconds": 50})
    workers(proxy.url(), "lease=1.5")
    until(lambda: log.lines("begun"))
    proxy.go_silent(forget=False)
    until(
        lambda: conn.execute(
            "select max(lease_until) < now() - interval '7 s' from jobs.workers"
        ).fetchone()[0]
    )
    proxy.heal()
    until(lambda: len(log.lines("begun")) == 2)
    lost = conn.execute("select job_id, state from jobs.history").fetchall()
    assert lost == [(job_id, "lost")]
    assert faults(conn) == []


# What a handler may answer that no database can keep


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"text": "a\x00b"}, id="a zero byte, which jsonb has not"),
        pytest.param(float("nan"), id="not a number"),
        pytest.param({1, 2}, id="a set"),
    ],
)
@pytest.mark.parametrize("way", ["plain", "call", "ruled"])
async def test_an_answer_that_is_no_json_fails_its_own_job_only(conn, database, way, answer):
    kind(conn, "t.plain", max_attempts=1)
    kind(conn, "t.call", max_attempts=1)
    ruled(conn, max_attempts=1, effect="natural")
    payloads = [{"n": n} for n in range(20)]
    ids = value(conn, "jobs.enqueue_many", kind=f"t.{way}", payloads=payloads)

    def plain(request, credentials, http):
        return Done(answer if request["n"] == 7 else request["n"])

    async def call(request, credentials, http):
        return plain(request, credentials, http)

    worker = Worker(database, {"t.plain": plain, "t.call": call, "t.ruled": call})
    task = asyncio.create_task(worker.run())
    await asyncio.to_thread(
        until,
        lambda: task.done() or conn.execute("select count(*) = 0 from jobs.active").fetchone()[0],
    )
    worker.stop()
    await task
    states = [ended(conn, job_id) for job_id in ids]
    assert states == ["unknown" if n == 7 else "done" for n in range(20)]
    assert conn.execute("select code from jobs.dead").fetchone() == ("settle",)
