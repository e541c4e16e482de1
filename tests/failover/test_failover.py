"""The primary dies, the replica takes over: workers go on, and what was acknowledged is there."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import psycopg
import pytest

from db.call import value
from tests.failover.pair import DATABASE, Clients, Pair
from tests.fixtures.cli import autom
from tests.fixtures.jobs import faults, kind, ruled
from tests.fixtures.wait import until

pytestmark = pytest.mark.timeout(240)

LEASE = "lease=3"


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    with pair.connect() as conn:
        conn.execute("delete from jobs.schedules")
        kind(conn)
        kind(conn, "t.call")
        ruled(conn)
    yield pair
    pair.close()


def done(conn: psycopg.Connection) -> set[int]:
    """Ids of the jobs that are done."""
    return {
        job_id for (job_id,) in conn.execute("select job_id from jobs.history where state = 'done'")
    }


def lost(conn: psycopg.Connection, ids: set[int]) -> set[int]:
    """Which of these jobs are not there."""
    return ids - {job_id for (job_id,) in conn.execute("select job_id from jobs.jobs")}


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(Pair.kill_the_primary, id="the primary is killed"),
        pytest.param(Pair.hang_the_primary, id="the primary hangs, and closes nothing"),
    ],
)
def test_workers_go_on_with_the_replica_and_nothing_is_lost(pair, workers, log, end) -> None:
    pair.wait_for_the_replica()
    serving = [workers(pair.url("autom_worker"), LEASE), workers(pair.url(), LEASE)]
    clients = Clients(pair)
    with clients():
        with pair.connect() as conn:
            until(lambda: len(done(conn)) > 150)
            before, reported = set(clients.acknowledged.values()), done(conn)
        end(pair)
        pair.promote()
        promoted = time.monotonic()
        until(lambda: len(clients.acknowledged) > len(before) + 300, 60)
        with pair.connect() as conn:
            until(lambda: done(conn) - before, 60)
            print(f"worked again {time.monotonic() - promoted:.1f} s after the promotion")
    with pair.connect() as conn:
        until(lambda: conn.execute("select count(*) = 0 from jobs.active").fetchone()[0], 90)
        acknowledged = list(clients.acknowledged.values())
        assert len(set(acknowledged)) == len(acknowledged), "an id was given twice"
        assert lost(conn, set(acknowledged)) == set()
        assert before <= set(acknowledged) <= done(conn) and reported <= done(conn)
        # One call of each client may be without an answer for each connection that broke.
        assert len(done(conn)) <= len(acknowledged) + len(clients.unanswered)
        assert faults(conn) == []
        again = value(conn, "jobs.enqueue", kind="t.plain")
        assert again > max(acknowledged)
    effects = {int(line.split()[1]) for line in log.lines("effect") if line.split()[1].isdigit()}
    assert set(clients.acknowledged) <= effects
    assert [worker.process.poll() for worker in serving] == [None, None]


def test_without_waiting_for_the_replica_acknowledged_jobs_are_lost(pair, workers, log) -> None:
    """The control: the same look at the replica sees what is missing."""
    workers(pair.url("autom_worker"), LEASE)
    with pair.connect() as conn:
        kept = set(
            value(conn, "jobs.enqueue_many", kind="t.plain", payloads=[{"n": n} for n in range(50)])
        )
        until(lambda: kept <= done(conn))
        until(
            lambda: conn.execute(
                "select replay_lsn = pg_current_wal_lsn() from pg_stat_replication"
            ).fetchone()[0]
        )
    pair.stop_streaming()
    with pair.connect() as conn:
        late = set(
            value(conn, "jobs.enqueue_many", kind="t.plain", payloads=[{"n": n} for n in range(50)])
        )
        until(lambda: late <= done(conn))
    pair.kill_the_primary()
    pair.promote()
    with pair.connect() as conn:
        assert lost(conn, kept | late) == late
        assert kept <= done(conn)
        # The queue itself is sound, and goes on. Numbers of lost jobs are given to others.
        anew = set(
            value(conn, "jobs.enqueue_many", kind="t.plain", payloads=[{"n": n} for n in range(90)])
        )
        assert anew & late
        until(lambda: anew <= done(conn), 60)
        assert faults(conn) == []


COMMANDS = [
    ["status"],
    ["migrate"],
    ["queue", "pause", "default"],
    ["psql", "-c", "create table written ()", "-c", "drop table written"],
]


def test_the_command_line_finds_the_primary_among_several_hosts(pair) -> None:
    a, b = (str(server.home).replace("/", "%2F") for server in (pair.primary, pair.replica))
    more = f"host={b},{a}&port=5432,5432&target_session_attrs=read-write"
    ways = [pair.url(), pair.url(replica_first=True), f"postgresql://postgres@/{DATABASE}?{more}"]

    def all_work() -> None:
        for url, words in itertools.product(ways, COMMANDS):
            ran = autom(*words, database=url)
            assert ran.code == 0, ran.err

    all_work()
    pair.kill_the_primary()
    pair.promote()
    all_work()


def test_the_command_line_says_what_is_wrong_with_a_replica(pair) -> None:
    ran = autom("migrate", database=pair.replica.url(DATABASE))
    assert ran.code != 0 and "target_session_attrs=read-write" in ran.err
