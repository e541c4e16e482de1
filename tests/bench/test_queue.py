"""The measurements of the queue do the work that they time; how fast is not for a test to say."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from bench import queue
from db.database import connect


@pytest.fixture
def conn(fresh_database: str):
    with connect(fresh_database) as conn:
        conn.execute(queue.BENCH_KIND)
        yield conn


def done(conn: psycopg.Connection) -> int:
    row = conn.execute("select count(*) from jobs.history where state = 'done'").fetchone()
    return row[0]


def test_a_drain_ends_when_every_job_is_in_the_history(
    conn, fresh_database, tmp_path: Path
) -> None:
    assert queue.drain(fresh_database, conn, 300, tmp_path) > 0
    assert done(conn) == 300


def test_pickups_are_counted_from_the_return_of_each_enqueue(
    conn, fresh_database, tmp_path
) -> None:
    waits = queue.pickups(fresh_database, conn, 500, 30, tmp_path)
    assert len(waits) == 20
    assert waits == sorted(waits)
    assert done(conn) == 30


@pytest.mark.parametrize(
    ("way", "finished"),
    [
        pytest.param(queue.sql_only, 200, id="claimed and completed in SQL"),
        pytest.param(queue.enqueue_many, 0, id="many in one call"),
        pytest.param(queue.enqueue_singly, 0, id="one by one"),
    ],
)
def test_every_job_goes_in(way, finished, conn) -> None:
    assert way(conn, 200) > 0
    assert conn.execute("select count(*) from jobs.jobs").fetchone() == (200,)
    assert done(conn) == finished


def test_the_floor_is_emptied(conn) -> None:
    assert queue.floor_drain(conn, 200) > 0
    assert conn.execute("select count(*) from floor").fetchone() == (0,)
