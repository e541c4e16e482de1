"""A clock that tests can move: what every rule goes by is ``jobs.clock()``.

In production it is the time, and nothing moves it. A database for tests is told once that its
clock may be moved (``make_clock_movable``); from then on each connection may set its own, for
itself alone::

    with clock_at(conn, "2026-01-01 12:00Z") as clock:
        clock.forward(minutes=5)

::

    ClockIsReal   the clock of this database cannot be moved
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

Connection = psycopg.Connection[Any]


class ClockIsReal(Exception):
    """The clock of this database cannot be moved."""


class Clock:
    """The clock of one connection.

    What is set inside a transaction holds until that ends, what is set outside until the connection
    closes.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    @property
    def now(self) -> datetime:
        moment: datetime = _one(self._conn, "select jobs.clock()")
        return moment

    @property
    def is_set(self) -> bool:
        """False while time passes by itself."""
        return bool(self._setting())

    def to(self, moment: str | datetime | None) -> None:
        """Set it; None lets time pass again."""
        self._set("" if moment is None else str(moment))

    def forward(self, **span: float) -> datetime:
        """Let time pass, as ``timedelta`` says it; returns the new time."""
        moment = self.now + timedelta(**span)
        self.to(moment)
        return moment

    def _setting(self) -> str:
        return str(_one(self._conn, "select coalesce(current_setting('test.now', true), '')"))

    def _set(self, text: str) -> None:
        local = self._conn.info.transaction_status == TransactionStatus.INTRANS
        self._conn.execute("select set_config('test.now', %s, %s)", [text, local])


@contextmanager
def clock_at(conn: Connection, moment: str | datetime) -> Iterator[Clock]:
    """Have a connection's clock stand at a moment while the block runs, then be as it was before.

    Raises ``ClockIsReal``.
    """
    clock = Clock(conn)
    if not _one(conn, MOVABLE):
        raise ClockIsReal("Call make_clock_movable once, when the test database has been made.")
    before = clock._setting()
    clock.to(moment)
    try:
        yield clock
    finally:
        # Of a transaction that failed nothing stays, this neither.
        if conn.info.transaction_status != TransactionStatus.INERROR:
            clock._set(before)


def make_clock_movable(conn: Connection) -> None:
    """Let connections to this database set their clocks; for its owner, once, and in tests only.

    Raises ``ClockIsReal`` where a worker has signed on: nobody tests in such a database.
    """
    if _one(conn, "select exists (select from jobs.workers)"):
        raise ClockIsReal("Workers have served this database: its clock stays the real one.")
    conn.execute(MAKE_MOVABLE)


def _one(conn: Connection, query: str) -> Any:
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


MOVABLE = "select p.prosrc ~ 'test.now' from pg_proc as p where p.oid = 'jobs.clock'::regproc"

MAKE_MOVABLE = """
create or replace function jobs.clock()
returns timestamptz
language sql
stable
parallel safe
as $$
  select coalesce(
    nullif(pg_catalog.current_setting('test.now', true), '')::timestamptz,
    statement_timestamp()
  )
$$;
create or replace function jobs._now()
returns timestamptz
language sql
volatile
as $$
  select coalesce(
    nullif(pg_catalog.current_setting('test.now', true), '')::timestamptz,
    clock_timestamp()
  )
$$;
-- Each connection has a time of its own, so it is certain of none that nothing is due by then.
create or replace function jobs._due_floor()
returns timestamptz
language sql
stable
as $$ select '-infinity'::timestamptz $$
"""
