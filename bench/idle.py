"""What workers with nothing to do ask of the database."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from db.database import aconnect, connect
from workers.runner import Worker

SETTLE = 12
COMMITS = "select xact_commit from pg_stat_database where datname = current_database()"


def measure(url: str, workers: int = 10, queues: int = 5, seconds: float = 20) -> dict[str, Any]:
    """Queries a second and a worker, counted as commits; every statement of a worker is one.

    The database has to be for this alone: it gets ``queues`` queues of its own.
    """
    with connect(url) as conn:
        for number in range(queues):
            conn.execute(
                "insert into jobs.queues (queue) values (%s) on conflict do nothing",
                [f"idle_{number}"],
            )
            conn.execute(
                "insert into jobs.kinds (kind, queue, description)"
                " values (%s, %s, 'Of a measurement.') on conflict do nothing",
                [f"idle.kind_{number}", f"idle_{number}"],
            )
    commits, took, hearing = asyncio.run(_idle(url, workers, queues, seconds))
    return {
        "workers": workers,
        "queues": queues,
        "seconds": round(took, 1),
        "hearing": hearing,
        "queries_a_second_and_worker": round(commits / took / workers, 3),
    }


async def _idle(url: str, count: int, queues: int, seconds: float) -> tuple[int, float, int]:
    handlers = {f"idle.kind_{number}": lambda *_: None for number in range(queues)}
    names = [f"idle_{number}" for number in range(queues)]
    workers = [Worker(url, handlers, name=f"idle {n}", queues=names) for n in range(count)]
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*(worker.ready.wait() for worker in workers))
        # Until it is clear who hears and who is the clock, and what that took has been counted: a
        # backend that has nothing to do says what it did up to ten seconds later.
        await asyncio.sleep(SETTLE)
        conn = await aconnect(url)
        try:
            before, began = await _commits(conn), time.monotonic()
            await asyncio.sleep(seconds)
            commits = await _commits(conn) - before
            took = time.monotonic() - began
        finally:
            await conn.close()
        return commits, took, sum(worker.hears for worker in workers)
    finally:
        for worker in workers:
            worker.stop()
        await asyncio.gather(*tasks)


async def _commits(conn: Any) -> int:
    cursor = await conn.execute(COMMITS)
    (commits,) = await cursor.fetchone()
    return int(commits)
