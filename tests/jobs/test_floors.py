"""Claims begin at a floor, so that what nobody could clean up costs nothing; no job is lost below it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import db
from db.call import value
from db.database import connect
from tests.fixtures.jobs import claim, claim_one, complete, kind, where, worker
from tests.fixtures.races import waits_for_a_lock
from tests.fixtures.wait import until
from tests.jobs.test_cost import cost_of_a_claim, fill, pages

Connection = psycopg.Connection[Any]


@pytest.fixture
def conn(fresh_database: str) -> Iterator[Connection]:
    with connect(fresh_database) as conn:
        kind(conn)
        yield conn


def tick(conn: Connection, times: int = 2) -> None:
    """Once to see who is under way, once more to see that they are through."""
    for _ in range(times):
        errors = [row for row in conn.execute("select * from jobs.tick()") if row[2]]
        assert not errors


def time_passes(conn: Connection, places: int = 5000) -> None:
    """Others draw so many places in line; their jobs came and went."""
    conn.execute("select setval('jobs.numbers', last_value + %s) from jobs.numbers", [places])


def floor(conn: Connection) -> int:
    row = conn.execute("select jobs._floor('default')").fetchone()
    assert row is not None
    return int(row[0])


def enqueue(conn: Connection, **more: Any) -> int:
    return int(value(conn, "jobs.enqueue", kind="t.plain", **more))


@contextmanager
def held_snapshot(database: str) -> Iterator[None]:
    """Somebody reads for a long time, and no vacuum removes what died since."""
    with connect(database) as other, other.transaction():
        other.execute("set transaction isolation level repeatable read")
        other.execute("select count(*) from jobs.ready")
        yield


# Where the floor is


def test_it_rises_to_the_oldest_ready_job(conn):
    first = enqueue(conn)
    time_passes(conn)
    enqueue(conn)
    tick(conn)
    assert first - 1024 < floor(conn) <= first


def test_it_rises_to_what_was_drawn_last_where_nothing_is_ready(conn):
    complete(conn, *work_through(conn, 1))
    time_passes(conn)
    tick(conn, 3)
    assert floor(conn) > enqueue(conn) - 2048


def work_through(conn: Connection, jobs: int) -> list[Any]:
    w = worker(conn)
    fill(conn, jobs)
    return claim(conn, w, jobs)


def test_each_queue_has_its_own(conn):
    kind(conn, "t.other", queue="other")
    value(conn, "jobs.enqueue", kind="t.other")
    time_passes(conn)
    first = enqueue(conn)
    tick(conn, 3)
    assert floor(conn) > first - 1024


def test_a_long_reader_does_not_hold_it_up(conn, fresh_database):
    tick(conn)
    with held_snapshot(fresh_database):
        before = floor(conn)
        time_passes(conn)
        tick(conn, 3)
        assert floor(conn) > before


# Nothing is lost below it


def test_a_job_committed_late_is_claimed(conn, fresh_database):
    commit_late(conn, fresh_database)
    assert claim(conn, worker(conn)) != []


def commit_late(conn: Connection, database: str) -> int:
    """A job whose transaction is open while thousands of places are drawn and the clock goes on."""
    tick(conn)
    with connect(database) as other, other.transaction():
        job_id = enqueue(other)
        for _ in range(4):
            time_passes(conn)
            tick(conn, 1)
    # What was measured before the commit may be applied only now.
    tick(conn, 1)
    return job_id


def test_a_job_is_claimed_though_its_transaction_was_the_newest_of_all(conn, fresh_database):
    commit_as_the_newest(conn, fresh_database)
    assert claim(conn, worker(conn)) != []


def commit_as_the_newest(conn: Connection, database: str) -> int:
    """When the mark is taken nobody has ended that began after it: snapshots end before it."""
    tick(conn)
    with connect(database) as other, other.transaction():
        job_id = enqueue(other)
        with connect(database) as another, another.transaction():
            time_passes(another)
            tick(conn, 1)
        tick(conn, 2)
    return job_id


BY_THE_END_OF_THE_SNAPSHOT = """
do $do$
begin
  execute replace(
    pg_get_functiondef('jobs._raise_floors'::regproc),
    'pg_current_xact_id()::text::bigint;', 'pg_snapshot_xmax(pg_current_snapshot())::text::bigint;'
  );
end
$do$
"""


def test_by_the_end_of_a_snapshot_the_newest_would_be_lost(conn, fresh_database):
    tick(conn)
    conn.execute(BY_THE_END_OF_THE_SNAPSHOT)
    job_id = commit_as_the_newest(conn, fresh_database)
    assert claim(conn, worker(conn)) == []
    assert where(conn, job_id) == "ready"


WITHOUT_THE_SNAPSHOT_RULE = """
do $do$
begin
  execute replace(
    pg_get_functiondef('jobs._raise_floors'::regproc),
    'if pg_snapshot_xmin(pg_current_snapshot())::text::bigint < v_xact then', 'if false then'
  );
end
$do$
"""

MEASURED_WITH_THE_MARK = """
create table public.measured (queue text primary key, floor bigint);
create or replace function jobs._raise_floors() returns integer language plpgsql as $$
begin
  if pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    < (select last_value from jobs.mark_xact)
  then
    return 0;
  end if;
  perform setval(('jobs.floor_' || m.queue)::regclass, m.floor >> 10) from public.measured as m;
  delete from public.measured;
  insert into public.measured
  select q.queue, coalesce((select min(r.seq) from jobs.ready as r where r.queue = q.queue),
                           jobs._last_id())
  from jobs.queues as q;
  perform setval('jobs.mark_xact', pg_snapshot_xmax(pg_current_snapshot())::text::bigint);
  return 1;
end;
$$
"""


@pytest.mark.parametrize(
    "naive",
    [
        pytest.param(WITHOUT_THE_SNAPSHOT_RULE, id="that does not wait for who is under way"),
        pytest.param(MEASURED_WITH_THE_MARK, id="that was measured when the mark was set"),
    ],
)
def test_a_job_committed_late_would_be_lost_below_a_floor(conn, fresh_database, naive):
    tick(conn)
    conn.execute(naive)
    job_id = commit_late(conn, fresh_database)
    assert claim(conn, worker(conn)) == []
    assert where(conn, job_id) == "ready"


def test_a_job_given_back_is_claimed_from_its_old_place(conn):
    w = worker(conn)
    job = give_back_late(conn, w)
    assert [again.job_id for again in claim(conn, w)] == [job]


def give_back_late(conn: Connection, worker_id: int) -> int:
    enqueue(conn)
    job = claim_one(conn, worker_id)
    time_passes(conn)
    tick(conn, 3)
    assert floor(conn) > job.job_id
    conn.execute("select jobs.release_many(%s, %s)", [[job.job_id], [job.run_no]])
    tick(conn, 1)
    return job.job_id


def test_a_job_given_back_would_be_lost_if_the_floor_stayed(conn):
    w = worker(conn)
    conn.execute(
        "create or replace function jobs._lower_floor(p_queue text, p_seq bigint) returns void"
        " language sql as ''"
    )
    give_back_late(conn, w)
    assert claim(conn, w) == []


def test_the_floor_stays_while_a_job_is_on_its_way_back(conn, fresh_database):
    w = worker(conn)
    enqueue(conn)
    job = claim_one(conn, w)
    time_passes(conn)
    tick(conn, 3)
    with connect(fresh_database) as other, other.transaction():
        other.execute("select jobs.release_many(%s, %s)", [[job.job_id], [job.run_no]])
        tick(conn, 3)
    tick(conn)
    assert [again.job_id for again in claim(conn, w)] == [job.job_id]


def test_a_floor_that_is_too_high_is_found_and_lowered(conn):
    job_id = enqueue(conn)
    tick(conn)
    conn.execute("select setval('jobs.floor_default', %s)", [(job_id >> 10) + 100])
    w = worker(conn)
    assert claim(conn, w) == []
    conn.execute("update jobs.chores set last_at = null where chore = 'floor_check'")
    tick(conn, 1)
    assert claim_one(conn, w).job_id == job_id


def test_a_late_commit_of_a_delayed_job_is_promoted(conn, fresh_database):
    of_the_real_time(conn)
    tick(conn)
    with connect(fresh_database) as other, other.transaction():
        other.execute("set local timezone = 'UTC'")
        job_id = value(other, "jobs.enqueue", kind="t.plain", run_at="2099-01-01")
        other.execute(
            "update jobs.scheduled set run_at = jobs.clock() + '1 ms' where job_id = %s", [job_id]
        )
        tick(conn, 3)
    tick(conn, 1)
    assert where(conn, job_id) == "ready"


def test_a_job_of_a_statement_that_waited_before_it_wrote_is_not_left_behind(conn, fresh_database):
    job_id = schedule_after_a_wait(conn, fresh_database)
    assert claim_one(conn, worker(conn)).job_id == job_id


def test_were_it_due_by_its_statement_it_would_be_left_behind(conn, fresh_database):
    conn.execute(
        "create or replace function jobs._now() returns timestamptz language sql"
        " as $$ select jobs.clock() $$"
    )
    job_id = schedule_after_a_wait(conn, fresh_database)
    assert claim(conn, worker(conn)) == []
    assert where(conn, job_id) == "scheduled"


def schedule_after_a_wait(conn: Connection, database: str) -> int:
    """A job that is due a moment after its statement began, which then waits while marks pass."""
    of_the_real_time(conn)
    conn.execute(WITHOUT_A_WHILE_TO_BEGIN)
    tick(conn)
    conn.execute("select pg_advisory_lock(1)")
    with connect(database) as other, ThreadPoolExecutor(1) as pool:
        late = pool.submit(lambda: other.execute(AFTER_A_WAIT).fetchone())
        pid = other.info.backend_pid
        until(lambda: waits_for_a_lock(conn, pid))
        until(lambda: tick(conn, 1) or conn.execute(IS_OVER, [pid]).fetchone() == (True,))
        conn.execute("select pg_advisory_unlock(1)")
        row = late.result()
    assert row is not None
    tick(conn, 3)
    return int(row[0])


WITHOUT_A_WHILE_TO_BEGIN = """
do $do$
begin
  execute replace(
    pg_get_functiondef('jobs._raise_floors'::regproc), $$ - interval '10 s'$$, ''
  );
end
$do$
"""

AFTER_A_WAIT = """
select jobs.enqueue('t.plain', p_run_at => jobs.clock() + interval '1 ms')
from pg_advisory_xact_lock(1)
"""

IS_OVER = """
select jobs._due_floor() > a.query_start + interval '1 ms' from pg_stat_activity as a where a.pid = %s
"""


def test_a_limit_counts_a_job_that_runs_for_long(conn):
    """The floor of what runs does not pass it, however many claims come after."""
    w = worker(conn)
    conn.execute("insert into jobs.limits (queue, key, max_running) values ('default', 'one', 1)")
    enqueue(conn, key="one")
    long = claim_one(conn, w)
    for _ in range(5):
        enqueue(conn, key="other")
        complete(conn, claim_one(conn, w))
        tick(conn, 1)
    enqueue(conn, key="one")
    assert claim(conn, w) == []
    complete(conn, long)
    assert claim_one(conn, w).key == "one"


def test_a_limit_counts_a_claim_committed_late(conn, fresh_database):
    w = worker(conn)
    conn.execute("insert into jobs.limits (queue, key, max_running) values ('default', 'one', 1)")
    for _ in range(2):
        enqueue(conn, key="one")
    tick(conn)
    with connect(fresh_database) as other, other.transaction():
        claim_one(other, w)
        for _ in range(4):
            enqueue(conn, key="other")
            complete(conn, claim_one(conn, w))
            tick(conn, 1)
    tick(conn, 1)
    assert claim(conn, w) == []


def test_the_floor_of_what_is_due_keeps_behind_the_time(conn):
    of_the_real_time(conn)
    enqueue(conn, run_at="2099-01-01")
    tick(conn, 3)
    (behind,) = conn.execute("select extract(epoch from now() - jobs._due_floor())").fetchone()
    assert 9 < behind < 60


def of_the_real_time(conn: Connection) -> None:
    """Where tests may move the clock, nothing is certain of it."""
    conn.execute(
        Path(db.__file__).with_name("functions").joinpath("jobs/_due_floor.sql").read_bytes()
    )


# A queue that gets a bound while jobs of it run


def over_the_bound(conn: Connection, fresh_database: str) -> int:
    """A claim is under way while its queue gets a bound; how many too many run in the end?"""
    w = worker(conn)
    for _ in range(6):
        enqueue(conn)
    tick(conn, 3)
    with connect(fresh_database) as one, connect(fresh_database) as other:
        with ThreadPoolExecutor(1) as pool, one.transaction():
            claim(one, w, 2)
            bound = pool.submit(
                other.execute, "update jobs.queues set max_running = 3 where queue = 'default'"
            )
            until(lambda: bound.done() or waits_for_a_lock(conn, other.info.backend_pid))
            tick(conn, 3)
        bound.result()
    claim(conn, w, 6)
    row = conn.execute("select count(*) - 3 from jobs.running").fetchone()
    assert row is not None
    return int(row[0])


def test_a_bound_counts_the_claims_that_are_under_way(conn, fresh_database):
    assert over_the_bound(conn, fresh_database) == 0


@pytest.mark.parametrize(
    "naive",
    [
        pytest.param("drop trigger queues_count on jobs.queues", id="what runs is not counted"),
        pytest.param(
            "create or replace function jobs.tg_queues_count() returns trigger language plpgsql"
            " as $$ begin update jobs.running as r set counted = true"
            " where r.queue = new.queue and not r.counted; return null; end $$",
            id="nobody waits for claims",
        ),
    ],
)
def test_otherwise_too_many_would_run(conn, fresh_database, naive):
    conn.execute(naive)
    assert over_the_bound(conn, fresh_database) > 0


def test_two_who_claim_of_a_bounded_queue_take_turns(conn, fresh_database):
    conn.execute("update jobs.queues set max_running = 3 where queue = 'default'")
    conn.execute("alter function jobs._only_one set lock_timeout = '10s'")
    w = worker(conn)
    for _ in range(6):
        enqueue(conn)
    with connect(fresh_database) as one, connect(fresh_database) as other:
        with ThreadPoolExecutor(1) as pool, one.transaction():
            claim(one, w, 1)
            beside = pool.submit(claim, other, w, 6)
            until(lambda: waits_for_a_lock(conn, other.info.backend_pid))
        assert len(beside.result()) == 2


def test_who_does_not_get_done_is_not_waited_for(conn, fresh_database):
    conn.execute("update jobs.queues set max_running = 3 where queue = 'default'")
    w = worker(conn)
    for _ in range(6):
        enqueue(conn)
    with connect(fresh_database) as one, connect(fresh_database) as other, one.transaction():
        claim(one, w, 1)
        assert claim(other, w, 6) == []


@pytest.mark.parametrize("name", ["mark", "mark_place", "due", "claim", "claim_floor_x"])
def test_a_queue_may_have_any_name(conn, name):
    kind(conn, "t.other", name)
    value(conn, "jobs.enqueue", kind="t.other")
    tick(conn, 3)
    assert claim(conn, worker(conn), queue=name)
    assert conn.execute("select jobs._check_floors()").fetchone() == (0,)


# What it saves


DONE = 12_000


def work_many(conn: Connection, worker_id: int, jobs: int, keys: int = 1) -> None:
    fill(conn, jobs, keys)
    while some := claim(conn, worker_id, 500):
        complete(conn, *some)
    conn.execute("select pg_stat_force_next_flush()")


# ``last``: pages that the thousand places just above a floor may cost, whatever lies below it.


@pytest.mark.parametrize(
    ("keys", "last"),
    [pytest.param(1, 250, id="without keys"), pytest.param(50, 800, id="of fifty keys")],
)
def test_a_claim_costs_the_same_after_thousands_that_nobody_can_clean_up(
    conn, fresh_database, keys, last
):
    w = worker(conn)
    with held_snapshot(fresh_database):
        fill(conn, 100, keys)
        before = cost_of_a_claim(conn, w)
        work_many(conn, w, DONE, keys)
        fill(conn, 100, keys)
        without = cost_of_a_claim(conn, w)
        tick(conn, 3)
        assert cost_of_a_claim(conn, w) <= before + last < without


def test_a_poll_costs_the_same_after_thousands_that_nobody_can_clean_up(conn, fresh_database):
    w = worker(conn)
    with held_snapshot(fresh_database):
        conn.execute("select jobs.tick()")
        before = pages(conn, "select jobs.poll('{default}')")
        work_many(conn, w, DONE)
        without = pages(conn, "select jobs.poll('{default}')")
        tick(conn, 3)
        assert pages(conn, "select jobs.poll('{default}')") <= before + 125 < without


RATE = "rate = 1e6, burst = 1000"


@pytest.mark.parametrize(
    ("columns", "table"),
    [
        pytest.param(RATE, "buckets", id="of a rate"),
        pytest.param("max_running = 1000", "running", id="of a bound"),
    ],
)
@pytest.mark.parametrize("whose", ["the queue", "a key", "fifty keys"])
def test_a_limit_costs_the_same_after_many_that_nobody_can_clean_up(
    conn, fresh_database, columns, table, whose
):
    assert growth(conn, fresh_database, columns, table, whose) <= 40


def test_counting_all_it_would_cost_more_and_more(conn, fresh_database):
    conn.execute(
        "create or replace function jobs._claim_floor(p_queue text) returns bigint"
        " language sql stable as $$ select 0::bigint $$"
    )
    assert growth(conn, fresh_database, "max_running = 1000", "running", "the queue") > 40


def test_looking_through_all_buckets_it_would_cost_more_and_more(conn, fresh_database):
    conn.execute('alter table jobs.buckets alter column key type text collate "default"')
    assert growth(conn, fresh_database, RATE, "buckets", "fifty keys") > 40


def growth(conn: Connection, fresh_database: str, columns: str, table: str, whose: str) -> int:
    """Pages that a claim with a limit touches more after 3,000 more jobs beside a held snapshot."""
    w = worker(conn)
    keys = {"the queue": [None], "a key": ["a"], "fifty keys": [f"k{n}" for n in range(50)]}[whose]
    if whose != "the queue":
        conn.execute("insert into jobs.limits (queue, key) values ('default', '*')")
    limited = "jobs.queues" if whose == "the queue" else "jobs.limits"
    conn.execute(f"update {limited} set {columns} where queue = 'default'".encode())

    def put(jobs: int) -> None:
        names = list(islice(cycle(keys), jobs))
        value(conn, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * jobs, keys=names)

    def many(jobs: int) -> None:
        put(jobs)
        while some := claim(conn, w, 10):
            complete(conn, *some)
        time_passes(conn)
        tick(conn, 3)
        conn.execute("select pg_stat_force_next_flush()")
        put(20)

    with held_snapshot(fresh_database):
        many(5500)
        before = cost_of_a_claim(conn, w)
        many(3000)
        after: int = cost_of_a_claim(conn, w)
        row = conn.execute(
            "select n_dead_tup from pg_stat_all_tables where relid = %s::regclass",
            [f"jobs.{table}"],
        ).fetchone()
    assert row is not None and row[0] >= 850
    return after - before


# Who comes behind the backlogs of others


def seen_soon(conn: Connection, fresh_database: str) -> bool:
    """Ten keys with a thousand jobs each wait, and then one comes: is it among the next hundred?"""
    w = worker(conn)
    with held_snapshot(fresh_database):
        work_many(conn, w, 6000)
        tick(conn, 3)
        fill(conn, 10_000, 10)
        enqueue(conn, key="zzz")
        return any(job.key == "zzz" for _ in range(10) for job in claim(conn, w, 20))


def test_who_comes_behind_backlogs_is_seen_soon(conn, fresh_database):
    assert seen_soon(conn, fresh_database)


def test_looking_from_the_floor_only_it_would_not_be(conn, fresh_database):
    conn.execute(
        "create or replace function jobs._somewhere(p_floor bigint) returns bigint language sql"
        " as $$ select p_floor $$"
    )
    assert not seen_soon(conn, fresh_database)


# Both ways to find the keys in line find the same


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(jobs=st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 900)), max_size=12))
def test_the_keys_from_a_place_are_the_keys_in_line(conn, jobs):
    with conn.transaction(force_rollback=True):
        for key, places in jobs:
            time_passes(conn, places + 1)
            enqueue(conn, key=key)
        found = conn.execute(
            "select distinct k from jobs._keys_from('default', 2, 0, 64) as k"
        ).fetchall()
        assert {key for (key,) in found} == {key for key, _ in jobs}
