"""AutoM as one of several queues that do the same work side by side.

``python -m bench.adapter install | enqueue … | worker --starts-file F`` on the database
BENCH_DSN, which is empty before ``install``. The clock is CLOCK_MONOTONIC in nanoseconds, in whatever process.

``enqueue`` prints ``{"ev": "enqueued", "n", "elapsed_s", "t0_ns", "t1_ns"}``. ``worker`` prints
``{"ev": "ready"}``, begins at the line ``go``, says every 20 ms how far it is
(``{"ev": "progress", "n", "first_ns"}``), and stops at the next line or the end of input. Files
hold 64-bit integers: number and start of each job's handler; number, begin and return of each enqueue.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
import time
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from db import database
from db.call import value
from workers.runner import Worker

KIND = "bench.noop"
CALL = 5000
"""Jobs of one call of jobs.enqueue_many."""

SET_UP = """
insert into jobs.queues (queue, concurrency, description) values ('bench', 1000, 'Measurements.');
insert into jobs.kinds (kind, queue, description) values ('bench.noop', 'bench', 'Does nothing.');
"""


def install(url: str) -> None:
    database.migrate(url)
    with database.connect(url) as conn:
        conn.execute(SET_UP)
        # Where AutoM is installed, its clock goes.
        conn.execute("select jobs.tick()")


def enqueue(
    url: str, numbers: range, *, bulk: bool, delayed: bool, rate: float, times_file: str
) -> None:
    times = array("q")
    more = {"run_at": datetime.now(UTC) + timedelta(days=7)} if delayed else {}
    # As its own client a producer has no pooler between: psycopg prepares what it says often.
    with psycopg.connect(url, autocommit=True) as conn:
        began = time.monotonic_ns()
        if bulk:
            for first in range(0, len(numbers), CALL):
                payloads = [{"i": i} for i in numbers[first : first + CALL]]
                value(conn, "jobs.enqueue_many", kind=KIND, payloads=payloads, **more)
        else:
            for place, i in enumerate(numbers):
                if rate:
                    due = began + place / rate * 1e9
                    time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
                called = time.monotonic_ns()
                value(conn, "jobs.enqueue", kind=KIND, payload={"i": i}, **more)
                times.extend((i, called, time.monotonic_ns()))
        ended = time.monotonic_ns()
    if times_file:
        Path(times_file).write_bytes(times.tobytes())
    took = (ended - began) / 1e9
    _print(ev="enqueued", n=len(numbers), elapsed_s=took, t0_ns=began, t1_ns=ended)


async def work(url: str, starts_file: str) -> None:
    began = array("q")

    def noop(request: dict[str, int], credentials: object, http: object) -> None:
        began.append(request["i"])
        began.append(time.monotonic_ns())

    worker = Worker(url, {KIND: noop}, queues=["bench"])
    loop = asyncio.get_running_loop()

    def stop() -> None:
        sys.stdin.readline()
        loop.call_soon_threadsafe(worker.stop)

    async def report() -> None:
        told = 0
        while True:
            await asyncio.sleep(0.02)
            if len(began) != told:
                told = len(began)
                _print(ev="progress", n=told // 2, first_ns=began[1])

    _print(ev="ready")
    if sys.stdin.readline().strip() != "go":
        return
    threading.Thread(target=stop, daemon=True).start()
    reporting = asyncio.create_task(report())
    await worker.run()
    reporting.cancel()
    if starts_file:
        Path(starts_file).write_bytes(began.tobytes())
    _print(ev="done", n=len(began) // 2, first_ns=began[1] if began else 0)


def _print(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["install", "enqueue", "worker"])
    parser.add_argument("--n", type=int, default=0)
    parser.add_argument("--seq0", type=int, default=0)
    parser.add_argument("--mode", choices=["single", "bulk"], default="single")
    parser.add_argument("--delayed", action="store_true", help="a week ahead")
    parser.add_argument("--rate", type=float, default=0, help="jobs a second; 0 is no pause")
    parser.add_argument("--times-file", default="")
    parser.add_argument("--starts-file", default="")
    asked = parser.parse_args()
    url = os.environ["BENCH_DSN"]
    if asked.verb == "install":
        install(url)
    elif asked.verb == "enqueue":
        enqueue(
            url,
            range(asked.seq0, asked.seq0 + asked.n),
            bulk=asked.mode == "bulk",
            delayed=asked.delayed,
            rate=asked.rate,
            times_file=asked.times_file,
        )
    else:
        with asyncio.Runner() as runner:
            runner.run(work(url, asked.starts_file))


if __name__ == "__main__":
    main()
