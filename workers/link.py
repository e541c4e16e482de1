"""Connections that come back."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from db.call import avalue
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

PATIENCE = 10.0
"""Seconds after which a peer that takes every byte and never answers counts as dead too: a pooler
or proxy that hangs keeps its side of the line up."""

GONE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    # It was the primary once: a switchover leaves connections open, and they can only read.
    psycopg.errors.ReadOnlySqlTransaction,
)
"""Errors after which a connection is opened anew, to the server that is the primary by then."""


class Link:
    """One connection for one purpose, used by one task at a time, opened anew after it broke."""

    def __init__(
        self,
        url: str,
        opened: Callable[[Connection], Awaitable[None]] | None = None,
        patience: float | None = PATIENCE,
    ) -> None:
        """``patience`` is how many seconds one use may take; None lets it take for ever."""
        self._url = url
        self._opened = opened
        self._patience = patience
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        async with self._lock:
            connection = await self._open()
            try:
                with _hung_up_after(self._patience, connection):
                    yield connection
            except BaseException as error:
                # After a call that did not come to its end, nobody knows what is still on the line.
                if isinstance(error, GONE) or not _is_idle(connection):
                    await self.close()
                raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    async def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = await aconnect(self._url, **FOUND_DEAD)
            try:
                with _hung_up_after(self._patience, connection):
                    await _prepare_if_direct(connection)
                    if self._opened:
                        await self._opened(connection)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
        return self._connection


class Links:
    """A few links for many tasks, each lent to one at a time; opened when they are first needed."""

    def __init__(self, url: str, count: int) -> None:
        self._all = [Link(url) for _ in range(count)]
        self._free: asyncio.LifoQueue[Link] = asyncio.LifoQueue()
        for link in self._all:
            self._free.put_nowait(link)

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        link = await self._free.get()
        try:
            async with link.use() as connection:
                yield connection
        finally:
            self._free.put_nowait(link)

    async def close(self) -> None:
        for link in self._all:
            await link.close()


async def _prepare_if_direct(connection: Connection) -> None:
    """Have statements prepared from their second time on, which saves a third of a short call.

    Not through a pooler: there the next statement may meet another session. A pooler gives itself
    away, for the process it names is not the one that answers.
    """
    if await avalue(connection, "pg_catalog.pg_backend_pid") == connection.info.backend_pid:
        connection.prepare_threshold = 1


def _is_idle(connection: Connection) -> bool:
    return connection.info.transaction_status is TransactionStatus.IDLE


@contextmanager
def _hung_up_after(seconds: float | None, connection: Connection) -> Iterator[None]:
    """Break the connection unless the block ends in time: whoever waits for an answer hears of it.

    Not by cancelling the task that waits: psycopg would then ask the silent server to cancel the
    query, and wait ten seconds more for an answer to that.
    """
    if seconds is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(seconds, _hang_up, connection)
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(connection: Connection) -> None:
    with (
        suppress(psycopg.Error, OSError),
        socket.socket(fileno=os.dup(connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)
