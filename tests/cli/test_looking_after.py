"""``autom migrate``, ``doctor`` and ``psql``: looking after a database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from cli import exits
from cli.psql import SHORT
from db import database as databases
from db.call import value
from db.server import Server
from tests.fixtures.alerts import channel, rule, watch, wrong
from tests.fixtures.cli import autom as typing

AUTOM = Path(sys.executable).with_name("autom")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def empty(server: Server) -> Iterator[str]:
    yield server.create_database("autom_cli")
    server.drop_database("autom_cli")


@pytest.fixture
def autom(tmp_path: Path) -> Run:
    """Run ``autom`` as a program; ``url`` is what AUTOM_DATABASE_URL says."""

    def run(*arguments: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {n: t for n, t in os.environ.items() if not n.startswith("AUTOM_")}
        environment |= {"AUTOM_HOME": str(tmp_path), "AUTOM_SECRET_KEYS": "k" * 32}
        return subprocess.run(
            [AUTOM, *arguments],
            env=environment | ({"AUTOM_DATABASE_URL": url} if url else {}),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run


def steps(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [step["revision"] for step in json.loads(done.stdout)]


def test_an_upgrade_from_nothing_and_back(empty: str, autom: Run) -> None:
    dry = autom("migrate", "--dry-run", "--json", url=empty)
    assert (dry.returncode, steps(dry)) == (exits.CHANGES, ["0001", "0002", "0003", "code"])
    assert databases.check(empty).done == 0

    done = autom("migrate", "--json", url=empty)
    assert (done.returncode, steps(done)) == (exits.OK, ["0001", "0002", "0003", "code"])
    assert databases.check(empty).current

    again = autom("migrate", "--dry-run", "--json", url=empty)
    assert (again.returncode, steps(again)) == (exits.OK, [])

    asked = autom("migrate", "--to", "0001", url=empty)
    assert (asked.returncode, "add --yes" in asked.stderr) == (exits.USAGE, True)

    back = autom("migrate", "--to", "0001", "--yes", "--json", url=empty)
    assert (back.returncode, steps(back)) == (exits.OK, ["0003", "0002"])
    assert databases.check(empty).done == 1


@pytest.mark.parametrize(
    ("arguments", "url", "said"),
    [
        pytest.param(
            ["migrate"], "nonsense", "is not the URL of a PostgreSQL database", id="a bad URL"
        ),
        pytest.param(
            ["migrate", "--to", "7777"], None, "There is no revision 7777", id="no revision"
        ),
        pytest.param(["psql"], "", "There is no database to work in", id="no database"),
        pytest.param(["doctor"], "nonsense", "is not the URL of a", id="the doctor's bad URL"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], url: str | None, said: str, empty: str, autom: Run
) -> None:
    done = autom(*arguments, url=empty if url is None else url)
    assert done.returncode == exits.FAILED
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_psql_gets_its_options(database: str, autom: Run) -> None:
    done = autom("psql", "-X", "-At", "-c", "select 'here', count(*) from jobs.kinds", url=database)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("here|")
    assert autom("psql", "-c", "select nothing", url=database).returncode == 1


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str | None]]:
    return {row["check"]: (row["state"], row["fix"]) for row in json.loads(done.stdout)}


def test_the_doctor_finds_that_nobody_works(database: str, autom: Run) -> None:
    done = autom("doctor", "--json", url=database)
    assert done.returncode == exits.FAILED
    found = findings(done)
    assert found["database"] == found["release"] == found["clocks"] == ("ok", None)
    assert found["workers"] == ("failed", "autom up, or autom work")
    assert found["keys"] == ("ok", None)


def test_the_doctor_finds_an_old_release(empty: str, autom: Run) -> None:
    databases.migrate(empty, "0002")
    found = findings(autom("doctor", "--json", url=empty))
    assert found["release"] == ("failed", "autom migrate")
    assert len(found) == 2


def test_the_doctor_finds_what_waits_too_long(database: str, autom: Run) -> None:
    with databases.connect(database) as conn:
        conn.execute("set test.now = '2026-01-01 00:00+00'")
        value(conn, "jobs.enqueue", kind="shops.list_boards")
    found = findings(autom("doctor", "--json", url=database))
    assert found["queues"] == ("failed", "autom queue ls")


def test_the_doctor_finds_alerts_that_are_open_and_channels_that_do_not_hear(
    database: str, autom: Run
) -> None:
    assert findings(autom("doctor", "--json", url=database))["alerts"] == ("ok", None)
    with databases.connect(database) as conn:
        rule(conn, channels=["ops"])
        wrong(conn, "a")
        channel(conn, "ops")
        watch(conn)
    found = findings(autom("doctor", "--json", url=database))
    assert (found["alerts"], found["channels"]) == (("failed", "autom alerts ls"), ("ok", None))
    with databases.connect(database) as conn:
        conn.execute("update jobs.alert_notices set outcome = 'failed', ended_at = jobs.clock()")
    found = findings(autom("doctor", "--json", url=database))
    assert found["channel"] == ("failed", "autom alerts test ops")
    with databases.connect(database) as conn:
        conn.execute("update jobs.alert_channels set enabled = false")
    found = findings(autom("doctor", "--json", url=database))
    assert found["channels"] == ("failed", "autom alerts channels")


@pytest.mark.parametrize("role", ["autom_operator", "autom_reader"])
def test_the_doctor_says_what_a_role_may_not_look_at(database: str, autom: Run, role: str) -> None:
    with databases.connect(database) as conn:
        conn.execute(f"create role doctors_{role} login in role {role}".encode())
    try:
        there = make_conninfo(database, user=f"doctors_{role}")
        done = autom("doctor", "--json", url=there)
        assert (done.returncode, done.stderr) == (exits.FAILED, "")
        found = findings(done)
        assert found["release"] == ("unseen", "as the owner: autom doctor")
        assert [check for check, (state, _) in found.items() if state == "unseen"] == ["release"]
        assert found["workers"] == ("failed", "autom up, or autom work")
    finally:
        with databases.connect(database) as conn:
            conn.execute(f"drop role doctors_{role}".encode())


def test_the_manual_lists_each_function_with_what_it_promises(database: str) -> None:
    done = typing("psql", database=database, typed=":functions\n")
    assert (done.code, done.err) == (0, "")
    listed = [line for line in done.out.splitlines() if line.startswith(" jobs.pause ")]
    assert len(listed) == 1
    assert "p_queue text, p_key text DEFAULT NULL::text" in listed[0]
    assert "No worker takes a job of this queue" in listed[0]
    assert "shops.explain" in done.out
    assert "\n jobs._" not in done.out


@pytest.mark.parametrize("name", SHORT)
def test_each_word_that_is_short_for_a_query_runs(database: str, name: str) -> None:
    done = typing("psql", database=database, typed=f":{name}\n")
    assert (done.code, done.err) == (0, "")
    assert "row" in done.out
