"""One queue as a worker sees it: what it claimed, what is under way, what is to be reported."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from workers.calls import Held


@dataclass(frozen=True)
class Batch:
    """A row of ``jobs.exchange``: the jobs of one claim, side by side."""

    job_ids: list[int]
    run_nos: list[int]
    kinds: list[str]
    keys: list[str]
    payloads: list[Any]
    timeouts: list[float | None] | None
    turn: dict[str, str]
    """To be handed back with the next claim of the queue."""
    again_in: float | None
    """Seconds after which a rate lets more of them start; None where none holds any up."""


NOTHING = Batch([], [], [], [], [], None, {}, None)


class Line:
    """One queue as this worker sees it."""

    def __init__(self, queue: str, concurrency: int) -> None:
        self.queue = queue
        self.concurrency = concurrency
        self.free = concurrency
        self.bell = asyncio.Event()
        self.hungry = True
        """There may be jobs to claim."""
        self.begun: dict[int, Held] = {}
        self.done: list[tuple[int, int, Any]] = []
        """Job, run and answer of what jobs.complete_many may end."""
        self.unbegun: list[tuple[int, int]] = []
        self.sent: set[int] = set()
        """Jobs that the claim under way reports."""
        self.told: set[int] = set()
        """Jobs that the report beside it reports."""
        self.reporting: asyncio.Task[None] | None = None
        self.fresh: set[int] = set()
        """Jobs of the last claim, until they are begun."""
        self.turn: dict[str, str] = {}
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        self.hungry = True
        self.bell.set()

    def ring_in(self, seconds: float) -> None:
        """Instead of an earlier such wish. Not to the moment, or all workers would come at once."""
        if self.timer:
            self.timer.cancel()
        wait = max(seconds, 0.01) * random.uniform(1, 1.25)
        self.timer = asyncio.get_running_loop().call_later(wait, self.ring)

    @property
    def wanted(self) -> int:
        # Half at a time: while one half is worked on, the next claim is under way.
        return min(self.free, max(10, self.concurrency // 2))

    @property
    def held(self) -> set[int]:
        done = {job_id for job_id, _, _ in self.done}
        unbegun = {job_id for job_id, _ in self.unbegun}
        return self.begun.keys() | done | unbegun | self.sent | self.told | self.fresh
