"""What the chaos run works on: kinds of jobs, and clients that enqueue them and keep count."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import psycopg

from db.call import avalue
from workers.link import Connection, Link

AT_ONCE = 2
"""Jobs of one key at once."""

RATE, BURST = 5, 5
"""Of the key ``rated``: jobs a second, and at once after a rest."""

ENOUGH = 1500
"""Unfinished jobs above which clients wait."""

STAGE = f"""
delete from jobs.schedules;
insert into jobs.queues (queue, concurrency, description) values
  ('chaos', 20, 'Measurements.'), ('chaos_limited', 20, 'Measurements.');
insert into jobs.limits (queue, key, max_running, rate, burst) values
  ('chaos_limited', '*', {AT_ONCE}, null, 1), ('chaos_limited', 'rated', null, {RATE}, {BURST});

create function public.chaos_prepare(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean)
returns jsonb language sql volatile as $$
  select jsonb_build_object('request', p_payload || jsonb_build_object(
           'job_id', r.job_id, 'run_no', r.run_no, 'failures', r.failures))
  from jobs.running as r where r.job_id = p_job_id
$$;

insert into jobs.kinds (
  kind, queue, prepare, effect, max_attempts, backoff_base, backoff_cap, timeout, description
) values
  ('chaos.plain', 'chaos', null, null, 1000, '100 ms', '1 s', '20 s', 'A function.'),
  ('chaos.join', 'chaos', null, null, 1000, '100 ms', '1 s', '20 s', 'Waits for others.'),
  ('chaos.slow', 'chaos', null, null, 1000, '100 ms', '1 s', '20 s', 'Takes its time.'),
  ('chaos.steps', 'chaos', null, null, 1000, '100 ms', '1 s', '20 s', 'Goes in steps.'),
  ('chaos.call', 'chaos_limited', 'public.chaos_prepare', 'natural', 1000, '100 ms', '1 s', '20 s',
   'Calls, of limited keys.'),
  ('chaos.once', 'chaos_limited', 'public.chaos_prepare', 'at_most_once', 1000, '100 ms', '1 s',
   '20 s', 'Is sent once, or not at all.');
""".encode()


class Waiting(Protocol):
    unfinished: int


@dataclass
class Numbers:
    """Each job has a number, drawn before it is enqueued."""

    next: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    acknowledged: dict[int, int] = field(default_factory=dict)
    """The number and the id that came back."""
    unanswered: set[int] = field(default_factory=set)
    """The connection broke before the answer came: it is there, or not."""


class Client:
    """Enqueues small things one after the other, never the same twice."""

    def __init__(self, url: str, numbers: Numbers, waiting: Waiting) -> None:
        self._link = Link(url, patience=5)
        self._numbers = numbers
        self._waiting = waiting

    def enqueue(self, over: threading.Event, number: int) -> None:
        """Until it is over; to be called in a thread."""
        asyncio.run(self._enqueue(over, random.Random(number)))

    async def _enqueue(self, over: threading.Event, chance: random.Random) -> None:
        ways = [
            *(self._many, self._call, self._once, self._rated),
            *(self._delayed, self._steps, self._join),
        ]
        while not over.is_set():
            await asyncio.sleep(0.5 if self._waiting.unfinished > ENOUGH else 0.03)
            (way,) = chance.choices(ways, [38, 36, 10, 2, 4, 5, 5])
            self._answered: dict[int, int] = {}
            with suppress(psycopg.Error):
                async with self._link.use() as conn:
                    async with conn.transaction():
                        await way(conn, chance)
                    self._numbers.acknowledged.update(self._answered)
                    self._numbers.unanswered.difference_update(self._answered)
        await self._link.close()

    async def _put(
        self, conn: Connection, kind: str, payloads: list[dict[str, Any]], **more: Any
    ) -> list[int]:
        numbers = list(itertools.islice(self._numbers.next, len(payloads)))
        self._numbers.unanswered.update(numbers)
        numbered = [{"n": number} | each for number, each in zip(numbers, payloads, strict=True)]
        ids: list[int] = await avalue(
            conn, "jobs.enqueue_many", kind=kind, payloads=numbered, **more
        )
        self._answered.update(zip(numbers, ids, strict=True))
        return ids

    async def _many(self, conn: Connection, chance: random.Random) -> None:
        kind = chance.choice(["chaos.plain", "chaos.slow"])
        await self._put(conn, kind, [{"seconds": chance.uniform(0.05, 1.5)} for _ in range(4)])

    async def _call(self, conn: Connection, chance: random.Random) -> None:
        fails = chance.choices([0, 1, 2], [8, 1, 1])[0]
        seconds = chance.choices([0.02, 1], [7, 3])[0]
        key = f"k{chance.randrange(10)}"
        await self._put(conn, "chaos.call", [{"fails": fails, "seconds": seconds}], keys=[key])

    async def _once(self, conn: Connection, chance: random.Random) -> None:
        await self._put(conn, "chaos.once", [{"fails": 0, "seconds": chance.uniform(0.05, 0.5)}])

    async def _rated(self, conn: Connection, chance: random.Random) -> None:
        await self._put(conn, "chaos.call", [{"fails": 0, "seconds": 0.01}] * 3, keys=["rated"] * 3)

    async def _delayed(self, conn: Connection, chance: random.Random) -> None:
        at = datetime.now(UTC) + timedelta(seconds=chance.uniform(0.5, 5))
        await self._put(conn, "chaos.plain", [{}], run_at=at)

    async def _steps(self, conn: Connection, chance: random.Random) -> None:
        await self._put(conn, "chaos.steps", [{"seconds": 0.02}])

    async def _join(self, conn: Connection, chance: random.Random) -> None:
        """Three jobs and one that waits for them."""
        parents = await self._put(conn, "chaos.slow", [{"seconds": 0.1}] * 3)
        await self._put(conn, "chaos.join", [{}], after=parents, policy="on_any")
