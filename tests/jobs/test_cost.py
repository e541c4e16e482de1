"""What a call touches does not grow with what it does not need, in 8 kB pages read."""

from __future__ import annotations

import pytest

from db.call import value
from db.database import connect
from tests.fixtures.jobs import claim, complete, kind, worker

FEW, MANY = 1000, 30_000
"""Few are enough that every key has more than one claim takes: the rest is what may not count."""


@pytest.fixture
def conn(fresh_database):
    with connect(fresh_database) as conn:
        kind(conn)
        yield conn


def fill(conn, count, keys=1, **more):
    conn.execute(
        "select jobs.enqueue_many('t.plain', array_fill('{}'::jsonb, array[%(count)s]),"
        " array(select case when %(keys)s > 1 then 'shop-' || n %% %(keys)s end"
        "       from generate_series(1, %(count)s) as n), p_run_at => %(run_at)s::timestamptz)",
        {"count": count, "keys": keys, "run_at": more.get("run_at")},
    )


def pages(conn, call):
    """Pages that a call touches, once its plans are there, without what it writes being kept."""
    for _ in range(2):
        with conn.transaction(force_rollback=True):
            plan = conn.execute(
                f"explain (analyze, buffers, format json) {call}".encode()
            ).fetchone()[0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def cost_of_a_claim(conn, worker_id, limit=10):
    return pages(conn, f"select * from jobs.claim({worker_id}, 'default', {limit})")


@pytest.mark.parametrize(
    ("what", "keys"),
    [
        pytest.param({}, 1, id="that are ready, without a key"),
        pytest.param({}, 20, id="that are ready, of twenty keys"),
        pytest.param({"run_at": "2099-01-01"}, 1, id="that wait for their time"),
    ],
)
def test_a_claim_costs_the_same_among_many(conn, what, keys):
    w = worker(conn)
    fill(conn, FEW, keys)
    conn.execute("analyze")
    before = cost_of_a_claim(conn, w)
    fill(conn, MANY, keys, **what)
    conn.execute("analyze")
    assert cost_of_a_claim(conn, w) <= before * 1.5 + 20


def test_a_claim_costs_the_same_after_many_were_done(conn):
    w = worker(conn)
    fill(conn, FEW)
    before = cost_of_a_claim(conn, w)
    fill(conn, MANY // 3)
    while jobs := claim(conn, w, 1000):
        complete(conn, *jobs)
    conn.execute("vacuum")
    fill(conn, FEW)
    assert cost_of_a_claim(conn, w) <= before * 1.5 + 20


def test_a_claim_of_ten_keys_costs_what_the_keys_cost(conn):
    """A hundred keys more are not looked at, once ten jobs are found."""
    w = worker(conn)
    fill(conn, FEW, 64)
    conn.execute("analyze")
    before = cost_of_a_claim(conn, w)
    fill(conn, MANY, 3000)
    conn.execute("analyze")
    assert cost_of_a_claim(conn, w) <= before * 1.5 + 20


def test_statistics_of_an_empty_queue_mislead_nobody(conn):
    """What autovacuum saw while nothing was there must not decide how thousands are claimed."""
    w = worker(conn)
    conn.execute("vacuum analyze")
    fill(conn, FEW)
    before = cost_of_a_claim(conn, w)
    fill(conn, MANY)
    assert cost_of_a_claim(conn, w) <= before * 1.25 + 20


def test_an_end_costs_the_same_among_many_that_run(conn):
    w = worker(conn)
    fill(conn, MANY // 3)
    job, *_ = claim(conn, w, 50)
    end = f"select jobs.complete_many('{{{job.job_id}}}', '{{{job.run_no}}}')"
    before = pages(conn, end)
    claim(conn, w, 10_000)
    assert pages(conn, end) <= before * 1.25 + 20


def test_a_poll_and_a_tick_with_nothing_to_do_touch_little(conn):
    fill(conn, MANY, run_at="2099-01-01")
    conn.execute("vacuum analyze")
    conn.execute("select jobs.tick()")
    assert pages(conn, "select jobs.poll('{default}')") <= 100
    assert pages(conn, "select jobs.tick()") <= 1500


def test_cancel_finds_a_job_by_its_id(conn):
    job_id = value(conn, "jobs.enqueue", kind="t.plain")
    cancel = f"select jobs.cancel({job_id})"
    before = pages(conn, cancel)
    fill(conn, MANY)
    assert pages(conn, cancel) <= before * 1.25 + 20


MILLION = """
insert into jobs.queues (queue) values ('plain'), ('keyed'), ('limited'), ('later');
insert into jobs.kinds (kind, queue, description)
select 't.' || q, q, 'of a test' from unnest(array['plain', 'keyed', 'limited', 'later']) as q
on conflict do nothing;
insert into jobs.limits (queue, key, max_running, rate, burst) values ('limited', '*', 5, 10, 10);

insert into jobs.jobs (job_id, priority, kind, queue, key, payload)
select (jobs._first_id_of(now()) + n), 2, 't.' || q, q,
       case q when 'plain' then '' else 'shop-' || n % 3000 end, '{}'
from generate_series(1, 1000000) as n
cross join lateral (
  select (array['plain', 'plain', 'plain', 'keyed', 'keyed', 'keyed', 'keyed', 'limited', 'limited',
    'later'])[n % 10 + 1] as q
) as x;
insert into jobs.ready (
  seq, job_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
)
select job_id, job_id, created_at, 0, 0, priority, false, queue, kind, key
from jobs.jobs where queue <> 'later';
insert into jobs.scheduled (
  job_id, run_at, run_no, failures, priority, is_unique, queue, kind, key
)
select job_id, '2099-01-01', 0, 0, priority, false, queue, kind, key
from jobs.jobs where queue = 'later';
analyze jobs.ready, jobs.scheduled, jobs.jobs;
"""

BOUNDS = {
    ("plain", 10): 200,
    ("plain", 100): 1_500,
    ("keyed", 10): 2_200,
    ("keyed", 100): 13_000,
    ("limited", 10): 2_500,
    ("limited", 100): 13_500,
    ("later", 100): 50,
    ("default", 100): 50,
}
"""Pages that a claim of so many jobs may touch, by queue; of keys there are 3,000."""


def test_what_each_claim_costs_among_a_million(conn):
    conn.execute(MILLION)
    w = worker(conn)
    costs = {
        (queue, limit): pages(conn, f"select * from jobs.claim({w}, '{queue}', {limit})")
        for queue, limit in BOUNDS
    }
    assert {case: cost for case, cost in costs.items() if cost > BOUNDS[case]} == {}
    exchange = f"select * from jobs.exchange({w}, '{{}}', '{{}}', null, 'plain', 100)"
    assert pages(conn, exchange) <= BOUNDS["plain", 100]

    # The control: without its index a claim reads the whole queue, and the pages tell.
    conn.execute("alter table jobs.ready drop constraint ready_pkey")
    assert pages(conn, f"select * from jobs.claim({w}, 'plain', 10)") > 20 * BOUNDS["plain", 10]


@pytest.mark.parametrize("mode", ["replace", "throttle"])
def test_many_that_are_replaced_cost_what_each_costs(conn, mode):
    """Each is found by its place in line, not by a walk along the line."""

    def cost(count):
        call = (
            f"select jobs.enqueue_many('t.plain', array_fill('{{}}'::jsonb, array[{count}]),"
            f" p_unique_keys => array(select n::text from generate_series(1, {count}) as n),"
            f" p_unique_mode => '{mode}')"
        )
        conn.execute(call.encode())
        return pages(conn, call)

    assert cost(2000) <= cost(500) * 6


def test_an_end_costs_the_same_however_many_are_waited_for(conn):
    """One that waits for thousands is asked at each of their ends."""

    def cost(count):
        w = worker(conn)
        conn.execute(
            "select jobs.enqueue('t.plain', p_after => jobs.enqueue_many("
            f"'t.plain', array_fill('{{}}'::jsonb, array[{count}])))".encode()
        )
        *most, last, _ = claim(conn, w, count)
        complete(conn, *most)
        return pages(conn, f"select jobs.complete_many('{{{last.job_id}}}', '{{{last.run_no}}}')")

    assert cost(3000) <= cost(100) * 1.25 + 20
