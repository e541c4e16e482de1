"""A worker whose handlers look at the clock: ``python -m bench.noop_worker URL FILE [MS]``.

Prints ``ready`` once it serves. When standard input closes it stops and writes FILE: pairs of
64-bit integers, a job's number and the nanosecond (CLOCK_MONOTONIC) at which its handler began. With
MS each takes so many milliseconds, and FILE has it at once, and the same of its end, with the
complement of the number; so it is there also after a kill.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
import threading
import time
from array import array
from pathlib import Path

from workers.runner import Worker

began = array("q")


def noop(request: dict[str, int], credentials: object, http: object) -> None:
    began.append(request["i"])
    began.append(time.monotonic_ns())


async def main(url: str, file: Path, ms: int) -> None:
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)

    async def slow(request: dict[str, int], credentials: object, http: object) -> None:
        os.write(log, struct.pack("=qq", request["i"], time.monotonic_ns()))
        await asyncio.sleep(ms / 1000)
        os.write(log, struct.pack("=qq", ~request["i"], time.monotonic_ns()))

    worker = Worker(url, {"bench.noop": slow if ms else noop}, queues=["bench"])
    loop = asyncio.get_running_loop()

    def stop() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(worker.stop)

    running = asyncio.create_task(worker.run())
    await worker.ready.wait()
    print("ready", flush=True)
    threading.Thread(target=stop, daemon=True).start()
    await running
    os.write(log, began.tobytes())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 0))
