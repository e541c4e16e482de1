"""A worker that writes down what it does: ``python -m bench.chaos_worker URL NAME LEASE JOURNAL``.

Its journal outlives it: a line when a handler begins and one when it is about to answer, each
written by one call. Every handler run has a token, which is also its answer; so a row of
jobs.history shows whose answer was taken.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.outcome import Done, Outcome, TryLater
from workers.runner import Worker
from workers.steps import Step, Steps


@dataclass(frozen=True)
class Entry:
    """One run of a handler."""

    token: str
    number: int
    """Of the job's payload."""
    worker_id: int
    run: tuple[int, int] | None
    """Job and run number, where the prepare function said so."""
    began: float
    """Unix time."""
    answered: float | None


def read(journal: Path) -> list[Entry]:
    """What a worker wrote, up to its last whole line."""
    if not journal.exists():
        return []
    whole, _, _ = journal.read_text().rpartition("\n")
    words = [line.split() for line in whole.splitlines()]
    answered = {word[1]: float(word[2]) for word in words if word[0] == "answers"}
    return [
        Entry(
            token,
            int(number),
            int(worker_id),
            (int(job_id), int(run_no)) if job_id != "-" else None,
            float(began),
            answered.get(token),
        )
        for _, token, number, worker_id, job_id, run_no, began in (
            word for word in words if word[0] == "begins"
        )
    ]


class Handlers:
    def __init__(self, name: str, journal: Path) -> None:
        self.worker: Worker
        self._name = name
        self._count = itertools.count(1)
        self._file = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @property
    def all(self) -> dict[str, Any]:
        return {
            "chaos.plain": self.plain,
            "chaos.join": self.plain,
            "chaos.slow": self.slow,
            "chaos.call": self.call,
            "chaos.once": self.call,
            "chaos.steps": self.steps,
        }

    def _begin(self, request: Any) -> str:
        token = f"{self._name}/{next(self._count)}"
        run = f"{request.get('job_id', '-')} {request.get('run_no', '-')}"
        self._write(
            f"begins {token} {request['n']} {self.worker.worker_id} {run} {time.time():.6f}"
        )
        return token

    def _end(self, token: str) -> Outcome:
        self._write(f"answers {token} {time.time():.6f}")
        return Done({"token": token})

    def _write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())

    def plain(self, request: Any, credentials: Any, http: Any) -> Outcome:
        return self._end(self._begin(request))

    async def slow(self, request: Any, credentials: Any, http: Any) -> Outcome:
        token = self._begin(request)
        await asyncio.sleep(request["seconds"])
        return self._end(token)

    async def call(self, request: Any, credentials: Any, http: Any) -> Outcome:
        """Its prepare function says which run of which job it is."""
        token = self._begin(request)
        await asyncio.sleep(request["seconds"])
        if request["failures"] < request["fails"]:
            return TryLater(0.2, "busy")
        return self._end(token)

    async def steps(self, request: Any, credentials: Any, http: Any, steps: Steps) -> Outcome:
        async def work(step: Step) -> str:
            await asyncio.sleep(request["seconds"])
            return step.key

        token = self._begin(request)
        await steps.do("first", work)
        await steps.sleep("rest", seconds=0.3)
        await steps.do("second", work)
        return self._end(token)


async def main(url: str, name: str, lease: float, journal: Path) -> None:
    logging.basicConfig(level=logging.WARNING, format=f"%(asctime)s {name} %(message)s")
    handlers = Handlers(name, journal)
    handlers.worker = Worker(url, handlers.all, name=name, lease=lease)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, handlers.worker.stop)
    await handlers.worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), Path(sys.argv[4])))
