"""A network that can go silent without closing anything, between clients and one Postgres.

Nobody is told when it does: what is sent is taken, and never answered. That is what a pooler that
hangs looks like, or a firewall that has forgotten its connections.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from psycopg.conninfo import conninfo_to_dict, make_conninfo


@dataclass(eq=False)
class _Line:
    """One connection of a client."""

    tasks: list[asyncio.Task[None]]
    forgotten: bool = False


class Proxy:
    """Listens on a port of 127.0.0.1 and hands on to the server of ``url``, in a thread."""

    def __init__(self, url: str) -> None:
        target = conninfo_to_dict(url)
        self._url = url
        self._target = str(Path(str(target["host"]), f".s.PGSQL.{target['port']}"))
        self._lines: set[_Line] = set()
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, **changed: str) -> str:
        """The way to the same database that leads through here."""
        port = self._server.sockets[0].getsockname()[1]
        return make_conninfo(self._url, host="127.0.0.1", port=port, **changed)

    def go_silent(self, forget: bool) -> None:
        """From now on nothing passes. ``forget``: what is connected by now stays silent for ever,
        else it goes on where it stopped."""
        self._loop.call_soon_threadsafe(self._silence, forget)

    def heal(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.set)

    def _silence(self, forget: bool) -> None:
        self._flows.clear()
        for line in self._lines:
            line.forgotten = line.forgotten or forget

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        line = _Line([])
        self._lines.add(line)
        try:
            await self._flows.wait()
            server, to_server = await asyncio.open_unix_connection(self._target)
        except OSError:
            to_client.close()
            self._lines.remove(line)
            return
        line.tasks = [
            asyncio.create_task(self._pump(line, client, to_server)),
            asyncio.create_task(self._pump(line, server, to_client)),
        ]
        await asyncio.wait(line.tasks)
        self._lines.remove(line)

    async def _pump(
        self, line: _Line, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await source.read(65_536):
                await self._flows.wait()
                if not line.forgotten:
                    sink.write(data)
                    await sink.drain()
        except OSError:
            pass
        # Whoever forgot a connection does not tell the other side of its end either.
        if not line.forgotten:
            sink.close()

    async def _end(self) -> None:
        self._server.close()
        self._flows.set()
        tasks = [task for line in self._lines for task in line.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
