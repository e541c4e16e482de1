"""``autom status``: one look tells what wants a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from cli import exits
from db import database as databases
from db.call import value
from tests.fixtures.accounts import connection, user
from tests.fixtures.alerts import rule, watch, wrong
from tests.fixtures.cli import autom, jobs_everywhere, on_terminal

Db = psycopg.Connection[Any]


@pytest.fixture
def conn(database: str) -> Iterator[Db]:
    with databases.connect(database) as conn:
        yield conn


def wants(database: str) -> dict[str, str]:
    """What wants a person, and the command that helps."""
    done = autom("status", "--json", database=database)
    assert done.code == exits.OK
    return {row["what"]: row["next"] for row in json.loads(done.out)["attention"]}


def test_all_is_well(conn: Db, database: str) -> None:
    value(conn, "jobs.start_worker", name="tester")
    value(conn, "jobs.tick")
    assert wants(database) == {}


def test_what_wants_a_person_comes_with_the_command_that_helps(conn: Db, database: str) -> None:
    jobs_everywhere(conn)
    conn.execute("update jobs.workers set lease_until = jobs.clock() - interval '1 s'")
    conn.execute("select setval('jobs.last_tick', 1)")
    value(conn, "jobs.pause", queue="openai", reason="no money")
    connection_id = connection(conn, user(conn), account="acme.myshopify.com")
    value(conn, "accounts.note_call", connection_id=connection_id, ok=False, error="401")
    found = wants(database)
    assert found["No worker is alive; ready: 1 job."] == "autom work"
    assert found["The clock has stopped (it has never ticked): nothing fires."] == "autom work"
    assert found["2 dead in the queue default."] == "autom jobs ls --state dead --queue default"
    assert found["openai is paused: no money."] == "autom queue resume openai"
    (alert,) = (what for what in found if "acme.myshopify.com" in what)
    assert found[alert] == "autom connect ls"
    assert len(found) == 5


def test_open_alerts_want_a_person_the_worst_first(conn: Db, database: str) -> None:
    value(conn, "jobs.start_worker", name="tester")
    value(conn, "jobs.tick")
    rule(conn)
    wrong(conn, *"abcdef")
    watch(conn)
    conn.execute("update jobs.alerts set severity = 'critical' where about = 'b'")
    found = list(wants(database).items())
    assert found[0] == ("b is wrong. (critical: test_rule)", "autom alerts ls")
    assert found[-1] == ("Of alerts 1 more are open.", "autom alerts ls")
    assert len(found) == 6
    value(conn, "jobs.silence_rule", rule="test_rule", until="2100-01-01", reason="known")
    assert wants(database) == {}


def test_the_commands_that_help_can_be_typed(conn: Db, database: str) -> None:
    jobs_everywhere(conn)
    value(conn, "jobs.pause", queue="openai", key="k")
    for next in wants(database).values():
        if next != "autom work":
            done = autom(*next.split()[1:], database=database)
            assert (done.code, done.out != "" or "Nothing holds" in done.err) == (exits.OK, True)


def test_a_person_sees_everything_on_one_screen(conn: Db, database: str) -> None:
    jobs_everywhere(conn)
    screen = on_terminal("status", database=database).out
    for title in ("Database", "Clock", "Workers", "Queues", "Last runs", "Shops", "Wants a person"):
        assert f"\n{title}" in f"\n{screen}"
    assert "1 alive, 2 jobs in hand" in screen
    assert len(screen.splitlines()) < 50


def test_its_sql_are_statements_that_run(conn: Db) -> None:
    statements = autom("status", "--sql").out.splitlines()
    assert len(statements) == 10
    for statement in statements:
        conn.execute(statement.encode())
