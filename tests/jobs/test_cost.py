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
