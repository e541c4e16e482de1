"""A primary and its streaming replica, two real servers on this machine."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from db import database, keeper
from db.call import avalue
from db.server import Server
from tests.fixtures.wait import until
from workers.link import GONE, Link

DATABASE = "shop"

Connection = psycopg.Connection[Any]


class Pair:
    """The database is there and migrated; the replica streams."""

    def __init__(self) -> None:
        # Not in pytest's folder: as root, the servers' user must reach them.
        self._folder = Path(tempfile.mkdtemp(prefix="autom-pair-"))
        self._folder.chmod(0o755)
        self.primary = Server(self._folder / "a").start()
        database.migrate(self.primary.create_database(DATABASE))
        self.replica = self._copy(self._folder / "b").start()
        with database.connect(self.primary.url()) as conn:
            until(lambda: _one(conn, "select count(*) from pg_stat_replication"))

    def _copy(self, home: Path) -> Server:
        home.mkdir(mode=0o700)
        shutil.chown(home, self.primary.home.stat().st_uid, self.primary.home.stat().st_gid)
        self.primary.run(
            "pg_basebackup",
            *("--host", str(self.primary.home), "--username", "postgres"),
            *("--pgdata", str(home / f"pg{self.primary.major}")),
            *("--write-recovery-conf", "--checkpoint", "fast"),
        )
        return Server(home)

    def url(self, user: str = "postgres", replica_first: bool = False) -> str:
        """Both servers; whoever connects gets to the one that may be written to."""
        hosts = [str(self.primary.home), str(self.replica.home)]
        if replica_first:
            hosts.reverse()
        return (
            f"host={','.join(hosts)} port=5432,5432 user={user} dbname={DATABASE}"
            " target_session_attrs=read-write"
        )

    def connect(self) -> Connection:
        return database.connect(self.url(), connect_timeout=2)

    def wait_for_the_replica(self) -> None:
        """From now on a commit is acknowledged when the replica has it on its disk."""
        with database.connect(self.primary.url()) as conn:
            _set(conn, "synchronous_standby_names", "*")
            until(lambda: _one(conn, "select sync_state from pg_stat_replication") == "sync")

    def stop_streaming(self) -> None:
        """The replica lags behind, as across a network that is down; nobody waits for it."""
        with database.connect(self.replica.url()) as conn:
            _set(conn, "primary_conninfo", "")
        with database.connect(self.primary.url()) as conn:
            until(lambda: _one(conn, "select count(*) from pg_stat_replication") == 0)

    def kill_the_primary(self) -> None:
        """And its keeper, which would start it again."""
        self._end(signal.SIGKILL)

    def hang_the_primary(self) -> None:
        """It neither answers nor closes anything, as when its machine hangs."""
        self._end(signal.SIGSTOP)

    def _end(self, number: int) -> None:
        assert self.primary._keeper
        self.primary._keeper.kill()
        for pid in keeper._servers_on(self.primary._plan.data):
            # Some go by themselves as soon as the first is gone.
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def promote(self) -> None:
        with database.connect(self.replica.url()) as conn:
            assert _one(conn, "select pg_promote()")

    def close(self) -> None:
        self._end(signal.SIGKILL)
        self.primary.stop()
        self.replica.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class Clients:
    """Somebody enqueues without a pause, each job in a call of its own, whatever happens."""

    def __init__(self, pair: Pair) -> None:
        self.acknowledged: dict[int, int] = {}
        """The number in the payload, and the id that came back."""
        self.unanswered: list[int] = []
        """Nobody knows about these: the connection broke before the answer came."""
        self._url = pair.url()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._enqueue()))

    async def _enqueue(self) -> None:
        link = Link(self._url, patience=3)
        for number in itertools.count(1):
            if self._stopping.is_set():
                break
            with suppress(*GONE):
                async with link.use() as conn:
                    self.unanswered.append(number)
                    kind = ("t.plain", "t.call", "t.ruled")[number % 3]
                    job_id = await avalue(conn, "jobs.enqueue", kind=kind, payload={"n": number})
                    self.acknowledged[number] = job_id
                    self.unanswered.remove(number)
        await link.close()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()


def _set(conn: Connection, setting: str, to: str) -> None:
    conn.execute(f"alter system set {setting} = '{to}'".encode())
    conn.execute("select pg_reload_conf()")


def _one(conn: Connection, query: str) -> Any:
    row = conn.execute(query.encode()).fetchone()
    return row[0] if row else None
