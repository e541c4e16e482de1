"""Every way to head ends in the same schema, and every way back is clean."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from db import code, database, schema
from db.server import Server
from tests.fixtures.required import need

INI = Path(__file__).parents[2] / "alembic.ini"
SCRIPTS = ScriptDirectory.from_config(Config(INI))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions("base", "head")][::-1]
New = Callable[[], str]


def alembic(url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", "-c", str(INI), *arguments],
        env=os.environ | {"AUTOM_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_there_is_one_chain_of_four_digit_numbers() -> None:
    for place, revision in enumerate(REVISIONS, start=1):
        assert revision == f"{place:04}"


def test_head_from_empty_is_schema_sql(server: Server, at_head: str) -> None:
    need("pg15", server.major == schema.WRITTEN_BY, "db/schema.sql is written by PostgreSQL 15")
    assert at_head == schema.FILE.read_text(), "run python -m db.schema and read its diff"


@pytest.mark.parametrize("revision", REVISIONS)
def test_to_stop_and_go_on_leads_to_the_same(
    revision: str, server: Server, new: New, at_head: str
) -> None:
    name = new()
    database.migrate(server.url(name), revision)
    assert schema.dump(server, name) != at_head or revision == REVISIONS[-1]
    database.migrate(server.url(name))
    assert schema.dump(server, name) == at_head


@pytest.mark.parametrize("revision", ["base", *REVISIONS[:-1]])
def test_up_down_up_leads_to_the_same(
    revision: str, server: Server, new: New, at_head: str
) -> None:
    name = new()
    empty = schema.dump(server, name)
    database.migrate(server.url(name))
    database.downgrade(server.url(name), revision)
    if revision == "base":
        assert schema.dump(server, name) == empty
    database.migrate(server.url(name))
    assert schema.dump(server, name) == at_head


def test_four_upgrades_at_once_end_as_one(server: Server, new: New, at_head: str) -> None:
    name = new()
    upgrades = [alembic(server.url(name), "upgrade", "head") for _ in range(4)]
    printed = [upgrade.communicate()[0] for upgrade in upgrades]
    assert [upgrade.returncode for upgrade in upgrades] == [0, 0, 0, 0], printed
    assert schema.dump(server, name) == at_head


@pytest.mark.parametrize("command", ["current", "history", "heads"])
def test_a_question_writes_nothing(command: str, server: Server, new: New) -> None:
    name = new()
    empty = schema.dump(server, name)
    assert alembic(server.url(name), command).wait() == 0
    assert schema.dump(server, name) == empty


def test_a_question_does_not_bring_code_to_the_files(server: Server, new: New) -> None:
    name = new()
    database.migrate(server.url(name))
    with database.connect(server.url(name)) as conn:
        conn.execute("update autom.code set digest = 'of another release'")
    assert alembic(server.url(name), "current").wait() == 0
    assert database.check(server.url(name)).code_differs


def test_a_stop_before_head_forgets_the_code(server: Server, new: New) -> None:
    """The next upgrade, of whichever release's tree, applies its own."""
    name = new()
    database.migrate(server.url(name))
    assert database.check(server.url(name)).current
    database.downgrade(server.url(name), REVISIONS[-2])
    with database.connect(server.url(name)) as conn:
        assert conn.execute("select count(*) from autom.code").fetchone() == (0,)


def test_an_upgrade_that_fails_changes_nothing(
    server: Server, new: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new()
    empty = schema.dump(server, name)

    def fail(*_: object) -> bool:
        raise RuntimeError("the code would not go in")

    monkeypatch.setattr(code, "apply", fail)
    with pytest.raises(RuntimeError, match="would not go in"):
        database.migrate(server.url(name))
    assert schema.dump(server, name) == empty


def test_there_is_no_offline_mode(server: Server, new: New) -> None:
    upgrade = alembic(server.url(new()), "upgrade", "head", "--sql")
    assert "There is no --sql" in upgrade.communicate()[0]
    assert upgrade.returncode != 0
