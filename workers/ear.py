"""Hears when there is work, and finds out whether it hears at all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import psycopg

from db.call import avalue
from workers.link import PATIENCE, Connection, Link
from workers.steps import Ask

ECHO, HEARING, DEAF = 2.0, 60.0, 30.0
"""A notification to itself arrives within the first, else it counts as deaf; it is sent again after
the second where the last arrived, and after the third where it did not."""


class Ear:
    """Listens on a connection of its own, for as long as ``listen`` runs.

    ``ask`` goes the way that jobs go; ``heard`` is called with each queue that has work, empty for
    some queue.
    """

    def __init__(self, url: str, name: str, ask: Ask, heard: Callable[[str], None]) -> None:
        self.hears = False
        """Notifications arrive."""
        self._url = url
        self._name = name
        self._ask = ask
        self._heard = heard

    async def listen(self) -> None:
        while True:
            pause = 1.0
            with suppress(psycopg.Error, OSError, TimeoutError):
                link = Link(self._url, patience=None)
                try:
                    async with link.use() as conn:
                        async with asyncio.timeout(PATIENCE):
                            await avalue(conn, "jobs.listen")
                        while await self._echo(conn):
                            self.hears = True
                            async for notify in conn.notifies(timeout=HEARING):
                                self._tell(notify.payload)
                        pause = DEAF
                finally:
                    self.hears = False
                    await link.close()
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))

    async def _echo(self, conn: Connection) -> bool:
        """Do notifications arrive? Through PgBouncer they never do, and nobody says so."""
        message = f"?{self._name}:{random.getrandbits(64)}"
        await self._ask("jobs.ring", message=message)
        async for notify in conn.notifies(timeout=ECHO):
            if notify.payload == message:
                return True
            self._tell(notify.payload)
        return False

    def _tell(self, queue: str) -> None:
        if not queue.startswith("?"):
            self._heard(queue)
