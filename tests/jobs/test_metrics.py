"""Figures that an operator watches: each moves when it should, and says so in its name."""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg
import pytest

from db.call import value
from db.database import connect
from tests.fixtures.clock import at
from tests.fixtures.jobs import Claimed, claim, claim_one, complete, kind, settle, worker

NOON = datetime.fromisoformat("2026-01-01 12:00+00")


@pytest.fixture
def noon(db):
    at(db, NOON)
    kind(db)
    return db


def figure(db, metric: str, **labels) -> float:
    ((found,),) = db.execute(
        "select value from jobs.metrics where metric = %s and labels @> %s",
        [metric, psycopg.types.json.Jsonb(labels)],
    ).fetchall()
    return float(found)


def enqueue(db, **more) -> int:
    return int(value(db, "jobs.enqueue", kind="t.plain", **more))


def test_every_figure_has_a_name_and_every_name_a_figure(db):
    names = {name for (name,) in db.execute("select metric from jobs.metric_names").fetchall()}
    figures = {name for (name,) in db.execute("select metric from jobs.metrics").fetchall()}
    assert figures == names


def test_a_figure_has_the_same_labels_everywhere(db):
    rows = db.execute(
        "select metric from (select distinct metric, array(select jsonb_object_keys(labels) order by 1)"
        " as keys from jobs.metrics) as m group by metric having count(*) > 1"
    ).fetchall()
    assert rows == []


def test_how_long_the_first_in_line_has_waited(noon):
    enqueue(noon, priority=0, key="b")
    at(noon, NOON + timedelta(seconds=30))
    enqueue(noon, priority=0, key="a")
    enqueue(noon, priority=3)
    at(noon, NOON + timedelta(seconds=40))
    oldest = [
        figure(noon, "jobs_oldest_ready_seconds", queue="default", priority=band)
        for band in range(4)
    ]
    assert oldest == [40, 0, 0, 10]


def test_how_many_there_are(noon):
    for _ in range(4):
        enqueue(noon)
    enqueue(noon, run_at=NOON + timedelta(hours=1))
    worker_id = worker(noon)
    settle(noon, claim_one(noon, worker_id), "give_up", reason="no")
    claim_one(noon, worker_id)
    counts = {
        name: figure(noon, f"jobs_{name}", queue="default")
        for name in ("ready", "scheduled", "running", "dead")
    }
    assert counts == {"ready": 2, "scheduled": 1, "running": 1, "dead": 1}
    assert figure(noon, "jobs_workers") == 1


def test_a_backlog_is_counted_up_to_ten_thousand(noon):
    noon.execute("select jobs.enqueue_many('t.plain', array_fill('{}'::jsonb, array[12000]))")
    assert figure(noon, "jobs_ready", queue="default") == 10001


def grown(db, metric: str, act) -> float:
    before = figure(db, metric)
    act()
    return figure(db, metric) - before


def test_stale_reports_are_counted_however_they_come(noon):
    enqueue(noon)
    job = claim_one(noon, worker(noon))
    stale = Claimed(job.job_id, job.run_no + 1, job.kind, job.key, {}, 0, 2)
    assert grown(noon, "jobs_stale_reports_total", lambda: settle(noon, stale)) == 1
    assert grown(noon, "jobs_stale_reports_total", lambda: complete(noon, stale)) == 1
    assert grown(noon, "jobs_stale_reports_total", lambda: complete(noon, job)) == 0


def test_lost_workers_and_what_they_held_are_counted(noon):
    enqueue(noon)
    enqueue(noon)
    noon.execute(
        "create or replace function jobs._server_started() returns timestamptz language sql stable"
        " as $$ select '2025-01-01'::timestamptz $$"
    )
    claim(noon, worker(noon, "15 s"), limit=2)
    at(noon, NOON + timedelta(minutes=1))
    before = figure(noon, "jobs_lost_leases_total")
    assert grown(noon, "jobs_reaped_total", lambda: noon.execute("select jobs.reap()")) == 2
    assert figure(noon, "jobs_lost_leases_total") - before == 1


def test_retries_and_deaths_are_counted(noon):
    def run(outcome: str) -> None:
        enqueue(noon)
        settle(noon, claim_one(noon, worker(noon)), outcome, reason="no", after=3600)

    assert grown(noon, "jobs_retried_runs_total", lambda: run("try_later")) == 1
    assert grown(noon, "jobs_died_total", lambda: run("give_up")) == 1
    assert grown(noon, "jobs_died_total", lambda: run("done")) == 0


@pytest.mark.parametrize(
    ("limit", "denied"),
    [
        pytest.param("", 0, id="a key without a limit"),
        pytest.param(
            "insert into jobs.limits (queue, key, rate) values ('default', 'a', 0.01)",
            1,
            id="a key whose rate is used up",
        ),
        pytest.param(
            "insert into jobs.limits (queue, key, max_running) values ('default', 'a', 1)",
            1,
            id="a key at its bound",
        ),
        pytest.param(
            "update jobs.queues set rate = 0.01 where queue = 'default'",
            1,
            id="a queue whose rate is used up",
        ),
        pytest.param(
            "update jobs.queues set max_running = 1 where queue = 'default'",
            1,
            id="a queue at its bound",
        ),
        pytest.param("select jobs.pause('default', 'b')", 0, id="a pause of another key"),
        pytest.param(
            "select jobs.penalise('default', 'a', 'infinity')", 0, id="a service's Retry-After"
        ),
    ],
)
def test_denied_keys_are_counted(noon, limit, denied):
    enqueue(noon, key="a")
    enqueue(noon, key="a")
    worker_id = worker(noon)
    claim(noon, worker_id, limit=1)
    noon.execute(limit or "select")
    if "rate" in limit:
        at(noon, NOON)
        claim(noon, worker_id, limit=1)
        enqueue(noon, key="a")
    assert grown(noon, "jobs_denied_keys_total", lambda: claim(noon, worker_id, limit=1)) == denied


def test_open_alerts_are_counted(db):
    db.execute(
        "insert into jobs.alerts (rule, about, severity, said, times, first_seen, last_seen)"
        " values ('job_failed', 'a', 'critical', '', 1, now(), now())"
    )
    assert figure(db, "jobs_alerts", severity="critical") == 1
    assert figure(db, "jobs_alerts", severity="info") == 0


def test_who_holds_up_vacuum_is_named(database):
    with connect(database) as conn, connect(database) as reader:
        reader.execute("set application_name = 'a long report'")
        reader.execute("begin isolation level repeatable read")
        reader.execute("select 1")
        (what,) = conn.execute(
            "select what from jobs.xmin_blockers where held_by = %s",
            [f"backend {reader.info.backend_pid}"],
        ).fetchone()
        assert "a long report, idle in transaction" in what
        assert figure(conn, "jobs_xmin_age_seconds", held_by="backend") > 0
        reader.execute("commit")
        gone = conn.execute(
            "select from jobs.xmin_blockers where held_by = %s",
            [f"backend {reader.info.backend_pid}"],
        ).fetchall()
        assert gone == []


def test_the_tick_says_when_it_was_and_how_long_it_took(database):
    with connect(database) as conn:
        conn.execute("select jobs.tick()")
        assert 0 < figure(conn, "jobs_tick_seconds") < 60
        assert figure(conn, "jobs_tick_age_seconds") < 60
