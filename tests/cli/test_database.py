"""Which database a command works in, and what it says where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import exits
from db import database as databases
from db.server import Server
from tests.fixtures.cli import autom


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param(
            "postgresql://ann:hunter2@127.0.0.1:1/shop",
            "There is no way to the database shop on 127.0.0.1 (Connection refused)",
            id="nobody listens there",
        ),
        pytest.param(
            "mysql://ann:hunter2@127.0.0.1/shop",
            "is not the URL of a PostgreSQL database",
            id="another product",
        ),
        pytest.param(
            "{server}/nowhere", 'database "nowhere" does not exist', id="no such database"
        ),
        pytest.param(
            "{server}/postgres", "does not have what this AutoM works with", id="nothing of AutoM"
        ),
    ],
)
def test_a_database_that_is_no_good_is_refused_in_one_sentence(
    server: Server, url: str, said: str
) -> None:
    name = url.rpartition("/")[2]
    url = server.url(name) if url.startswith("{server}") else url
    for done in (
        autom("queue", "ls", database=url),
        autom("queue", "ls", "--database", url),
        autom("jobs", "retry", "1", database=url),
    ):
        assert (done.code, done.out) == (exits.FAILED, "")
        assert said in done.err
        assert done.err.startswith("autom: ")
        assert "Traceback" not in done.err
        assert "hunter2" not in done.err


@pytest.mark.parametrize("option", ["--database", "--cron-database"])
def test_a_url_that_is_none_is_not_quoted(database: str, option: str) -> None:
    """libpq would quote it, and with it the password."""
    done = autom("schedule", "install", option, "mysql://ann:hunter2@db/shop", database=database)
    assert (done.code, done.out) == (exits.FAILED, "")
    assert "is not the URL of a PostgreSQL database" in done.err
    assert "hunter2" not in done.err


def test_without_any_database_it_says_what_to_do(tmp_path: Path) -> None:
    done = autom("jobs", "ls", environment={"AUTOM_HOME": str(tmp_path)})
    assert (done.code, done.out) == (exits.FAILED, "")
    what, why, next = done.err.splitlines()
    assert what == "autom: There is no database to work in."
    assert "is not running, and AUTOM_DATABASE_URL is not set" in why
    assert next.startswith("  Next: autom up")


def test_the_embedded_server_is_found_while_it_runs(tmp_path: Path) -> None:
    home = tmp_path / "with a space"
    with Server(home / "postgres", durable=False) as server:
        databases.migrate(server.ensure_database("autom"))
        done = autom("queue", "ls", environment={"AUTOM_HOME": str(home)})
        assert (done.code, done.err) == (exits.OK, "")
        assert "schedules" in {row["queue"] for row in done.rows}
        held = autom(
            "jobs", "ls", environment={"AUTOM_HOME": str(home), "AUTOM_DATABASE_URL": "nonsense"}
        )
        assert held.code == exits.FAILED, "AUTOM_DATABASE_URL comes first"
        asked = autom(
            "queue",
            "ls",
            "--database",
            server.url("autom"),
            environment={"AUTOM_HOME": str(home), "AUTOM_DATABASE_URL": "nonsense"},
        )
        assert asked.code == exits.OK, "--database comes before it"


def test_sql_needs_no_database(tmp_path: Path) -> None:
    nowhere = {"AUTOM_HOME": str(tmp_path), "AUTOM_DATABASE_URL": "nonsense"}
    done = autom("queue", "pause", "shopify", "--reason", "it's late", "--sql", environment=nowhere)
    assert (done.code, done.err) == (exits.OK, "")
    assert done.out == (
        "select * from jobs.pause(p_queue => 'shopify', p_reason => 'it''s late');\n"
    )


def test_a_role_without_the_right_is_told_so(database: str) -> None:
    with databases.connect(database) as conn:
        conn.execute(
            "do $$ begin create role cli_stranger login; exception when duplicate_object then end $$"
        )
    url = database.replace("postgres@", "cli_stranger@")
    done = autom("queue", "ls", database=url)
    assert (done.code, done.out) == (exits.REFUSED, "")
    assert "This database role may not do that." in done.err
    assert "permission denied" in done.err
