"""``autom queue``, ``runs`` and ``schedule``: what holds work up, and what runs by itself."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from cli import exits
from db import database as databases
from db.call import value
from tests.fixtures.cli import autom, begun, jobs_everywhere, kind, settle_one
from tests.fixtures.wait import until

Db = psycopg.Connection[Any]


@pytest.fixture
def conn(database: str) -> Iterator[Db]:
    with databases.connect(database) as conn:
        yield conn


def test_queues_are_listed(conn: Db, database: str) -> None:
    jobs_everywhere(conn)
    done = autom("queue", "ls", "--json", database=database)
    queues = {queue["queue"]: queue for queue in json.loads(done.out)}
    assert done.code == exits.OK
    assert {
        name: queues["default"][name] for name in ("ready", "scheduled", "running", "dead")
    } == {
        "ready": 1,
        "scheduled": 1,
        "running": 2,
        "dead": 2,
    }
    assert queues["default"]["workers"] == 1
    assert queues["default"]["oldest_ready"] >= 0


def test_a_queue_is_paused_and_resumed(conn: Db, database: str) -> None:
    kind(conn)
    value(conn, "jobs.enqueue", kind="demo.work")
    paused = autom("queue", "pause", "default", "--reason", "moving", database=database)
    assert (paused.code, paused.rows[0]["reason"]) == (exits.OK, "moving")
    assert not settle_one(conn, "done")
    assert autom("queue", "held", database=database).rows[0]["held_by"] == "person"

    resumed = autom("queue", "resume", "default", database=database)
    assert (resumed.code, resumed.err) == (exits.OK, "Nothing holds default any more.\n")
    assert settle_one(conn, "done")


def test_a_key_is_paused_for_a_while(conn: Db, database: str) -> None:
    done = autom("queue", "pause", "default", "--key", "k", "--until", "1h30m", database=database)
    (row,) = done.rows
    left = datetime.fromisoformat(row["until"]) - datetime.now(UTC)
    assert row["key"] == "k"
    assert timedelta(minutes=88) < left <= timedelta(minutes=90)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param("queue pause nowhere", exits.NOT_FOUND, "no such queue", id="no queue"),
        pytest.param(
            "queue pause default --until noon", exits.USAGE, "'noon' is no time", id="no time"
        ),
        pytest.param(
            "queue resume nowhere", exits.NOT_FOUND, "no such queue", id="resume no queue"
        ),
        pytest.param(
            "queue pause default --key=", exits.USAGE, "an empty key names nothing", id="no key"
        ),
        pytest.param(
            "queue resume default --key=", exits.USAGE, "an empty key", id="resume no key"
        ),
        pytest.param(
            "queue pause default --until 2020-01-01", exits.USAGE, "'2020-01-01' is over", id="over"
        ),
        pytest.param(
            "alerts silence job_failed --until 2020-01-01",
            exits.USAGE,
            "'2020-01-01' is over",
            id="a silence that is over",
        ),
        pytest.param(
            "schedule next never", exits.NOT_FOUND, "no such schedule", id="fires of none"
        ),
        pytest.param("schedule run never", exits.NOT_FOUND, "no such schedule", id="run nothing"),
        pytest.param("schedule pause never", exits.NOT_FOUND, "no such schedule", id="no schedule"),
        pytest.param(
            "schedule resume never", exits.NOT_FOUND, "no such schedule", id="resume none"
        ),
        pytest.param("runs 1", exits.NOT_FOUND, "There is no run 1.", id="no run"),
        pytest.param("runs --status fine", exits.USAGE, "fine is not a status", id="no status"),
        pytest.param(
            "schedule run x --timeout 5", exits.USAGE, "'5' is no length of time", id="no length"
        ),
    ],
)
def test_what_cannot_be_done_says_why(database: str, arguments: str, code: int, said: str) -> None:
    done = autom(*arguments.split(), database=database)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.fixture
def scheduled(fresh_database: str) -> Iterator[Db]:
    """A database whose one schedule plans as many jobs as its setting ``demo.jobs`` says."""
    with databases.connect(fresh_database) as conn:
        kind(conn)
        conn.execute("delete from jobs.schedules")
        conn.execute(
            "create table public.demo (jobs integer);"
            "insert into public.demo values (2);"
            "create function jobs.demo(p_run_id bigint)"
            " returns table (items integer, skipped integer, why text) language sql as $$"
            "   with made as (select jobs.enqueue('demo.work') from public.demo, generate_series(1, jobs))"
            "   select count(*)::integer, 0, case when count(*) = 0 then 'nothing_to_do' end from made"
            " $$;"
            "insert into jobs.schedules (schedule, cron, function, description)"
            " values ('demo', '0 6 * * *', 'jobs.demo', 'For tests.')"
        )
        yield conn


@pytest.mark.parametrize(
    ("outcomes", "status", "code"),
    [
        pytest.param(["done", "done"], "succeeded", exits.OK, id="all jobs are done"),
        pytest.param(["done", "give_up"], "partly", exits.PARTLY, id="one is dead"),
        pytest.param(["give_up", "give_up"], "failed", exits.FAILED, id="all are dead"),
    ],
)
def test_the_end_of_a_run_is_waited_for(
    scheduled: Db, fresh_database: str, outcomes: list[str], status: str, code: int
) -> None:
    with begun("schedule", "run", "demo", "--wait", "--json", database=fresh_database) as command:
        for outcome in outcomes:
            until(lambda outcome=outcome: settle_one(scheduled, outcome))
        value(scheduled, "jobs.tick")
        out, _ = command.communicate(timeout=60)
    run = json.loads(out)
    assert (command.returncode, run["status"]) == (code, status)
    assert run["processed"] == outcomes.count("done")

    shown = json.loads(autom("runs", str(run["run_id"]), "--json", database=fresh_database).out)
    assert len(shown["jobs"]) == 2
    assert shown["kinds"] == [
        {"kind": "demo.work", "jobs": 2, "ended": 2, "dead": outcomes.count("give_up")}
    ]
    (listed,) = autom("runs", "--status", status, database=fresh_database).rows
    assert listed["name"] == "demo"


def test_a_run_that_finds_nothing_says_why(scheduled: Db, fresh_database: str) -> None:
    scheduled.execute("update public.demo set jobs = 0")
    done = autom("schedule", "run", "demo", "--json", database=fresh_database)
    run = json.loads(done.out)
    assert (done.code, run["status"], run["why"]) == (exits.OK, "skipped", "nothing_to_do")


def test_a_function_that_fails_makes_a_failed_run(scheduled: Db, fresh_database: str) -> None:
    scheduled.execute("update public.demo set jobs = 1; alter table public.demo rename to gone")
    done = autom("schedule", "run", "demo", "--json", database=fresh_database)
    run = json.loads(done.out)
    assert (done.code, run["status"]) == (exits.FAILED, "failed")
    assert 'relation "public.demo" does not exist' in run["error"]


def test_waiting_has_an_end(scheduled: Db, fresh_database: str) -> None:
    done = autom("schedule", "run", "demo", "--timeout", "1s", database=fresh_database)
    assert done.code == exits.TIMEOUT
    assert "No worker is alive" in done.err
    assert "0 of 2 jobs have." in done.err


def test_ctrl_c_ends_the_waiting_and_not_the_run(scheduled: Db, fresh_database: str) -> None:
    with begun("schedule", "run", "demo", "--wait", database=fresh_database) as command:
        assert command.stderr
        assert "No worker is alive" in command.stderr.readline()
        command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=30)
    assert command.returncode == exits.INTERRUPTED
    assert re.search(r"The run goes on: autom runs \d+", said)
    assert autom("runs", "--status", "running", database=fresh_database).rows


def test_a_database_that_goes_away_is_said(scheduled: Db, fresh_database: str) -> None:
    with begun("schedule", "run", "demo", "--wait", database=fresh_database) as command:
        assert command.stderr
        assert "No worker is alive" in command.stderr.readline()
        scheduled.execute(
            "select pg_terminate_backend(a.pid, 5000) from pg_stat_activity as a"
            " where a.datname = current_database() and a.pid <> pg_backend_pid()"
        )
        _, said = command.communicate(timeout=30)
    assert command.returncode == exits.FAILED
    assert said.startswith("autom: The connection to the database broke.")
    assert "Traceback" not in said


def test_a_schedule_is_paused_and_resumed(scheduled: Db, fresh_database: str) -> None:
    assert (
        autom("schedule", "next", "-n", "2", database=fresh_database).rows[1]["schedule"] == "demo"
    )
    paused = autom("schedule", "pause", "demo", database=fresh_database)
    assert (paused.code, paused.rows[0]["enabled"], paused.rows[0]["next_at"]) == (0, "no", "")
    nothing = autom("schedule", "next", database=fresh_database)
    assert (nothing.rows, nothing.err) == ([], "Nothing is going to fire.\n")
    resumed = autom("schedule", "resume", "demo", database=fresh_database)
    assert resumed.rows[0]["next_at"].split("T")[1].startswith(("07:00", "08:00"))
