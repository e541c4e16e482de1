"""A connection that comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from db.database import aconnect

Connection = psycopg.AsyncConnection[Any]

FOUND_DEAD = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A peer that vanished without a word is noticed within ten seconds or so, not after hours."""


class Link:
    """One connection for one purpose, used by one task at a time, opened anew after it broke."""

    def __init__(self, url: str, opened: Callable[[Connection], Awaitable[None]] | None = None):
        self._url = url
        self._opened = opened
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        async with self._lock:
            connection = self._connection
            if connection is None or connection.closed:
                connection = await aconnect(self._url, **FOUND_DEAD)
                if self._opened:
                    await self._opened(connection)
                self._connection = connection
            try:
                yield connection
            except (psycopg.OperationalError, asyncio.CancelledError):
                # After a call that did not come to its end, nobody knows what is still on the line.
                await self.close()
                raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()
