"""``autom up``, ``down`` and ``work``: all of it on this machine, and nothing left of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli import exits
from cli.context import listen_url
from db.database import connect
from tests.fixtures.wait import until

AUTOM = Path(sys.executable).with_name("autom")


@dataclass(frozen=True)
class Machine:
    """A data folder with a space in its name, and ``autom`` in it."""

    home: Path

    def start(self, *arguments: str, url: str | None = None) -> subprocess.Popen[str]:
        environment = {n: t for n, t in os.environ.items() if n != "AUTOM_DATABASE_URL"}
        environment |= {"AUTOM_HOME": str(self.home)}
        if url:
            environment |= {"AUTOM_SECRET_KEYS": "k" * 32}
        return subprocess.Popen(
            [AUTOM, *arguments],
            env=environment | ({"AUTOM_DATABASE_URL": url} if url else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def up(self, url: str | None = None) -> subprocess.Popen[str]:
        """Started, and ready."""
        process = self.start("up", url=url)
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("Ready."):
                return process
        raise AssertionError("".join(said))

    def autom(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate()
        return process.returncode, out, err

    def users(self) -> list[str]:
        _, out, _ = self.autom("user", "ls", "--json")
        return [user["email"] for user in json.loads(out)]

    def left(self) -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes().decode(errors="replace")
                arguments = (process / "cmdline").read_text()
            except OSError:
                continue
            if f"AUTOM_HOME={self.home}\0" in environment + "\0" and "pytest" not in arguments:
                found.append(arguments)
        return found


@pytest.fixture
def machine() -> Iterator[Machine]:
    # Not in pytest's own folder: as root, the server's user must reach it.
    machine = Machine(Path(f"/tmp/autom up {os.getpid()}"))
    yield machine
    machine.autom("down")
    until(lambda: not machine.left())
    shutil.rmtree(machine.home, ignore_errors=True)


@pytest.mark.parametrize(
    "ending",
    [pytest.param(signal.SIGINT, id="Ctrl-C"), pytest.param(signal.SIGTERM, id="kill")],
)
def test_it_runs_until_it_is_stopped(ending: signal.Signals, machine: Machine) -> None:
    up = machine.up()
    assert works(machine)
    os.killpg(up.pid, ending)
    assert (up.wait(), machine.left()) == (exits.OK, [])


def test_killed_it_leaves_nothing_and_loses_nothing(machine: Machine) -> None:
    up = machine.up()
    assert machine.autom("user", "add", "ann@example.com")[0] == exits.OK
    up.kill()
    up.wait()
    until(lambda: not machine.left())
    up = machine.up()
    assert machine.users() == ["ann@example.com"]
    up.terminate()
    assert up.wait() == exits.OK


def test_detached_it_runs_until_it_is_told_to_stop(machine: Machine) -> None:
    code, out, err = machine.autom("up", "--detach")
    assert (code, out) == (exits.OK, "")
    assert "autom down ends it" in err
    assert works(machine)
    for again in (["up"], ["up", "--detach"]):
        code, _, err = machine.autom(*again)
        assert (code, "runs already" in err) == (exits.CONFLICT, True)
    assert machine.autom("down")[0] == exits.OK
    assert machine.left() == []
    assert machine.autom("down")[0] == exits.NOT_FOUND


def test_detached_it_says_why_it_does_not_start(machine: Machine) -> None:
    process = machine.start("up", "--detach", url="postgresql://u@127.0.0.1:1/x")
    _, err = process.communicate()
    assert process.returncode == exits.FAILED
    assert "There is no way to the database x on 127.0.0.1" in err


def test_it_works_in_a_database_that_runs_elsewhere(machine: Machine, fresh_database: str) -> None:
    up = machine.up(fresh_database)
    assert not (machine.home / "postgres").exists()
    up.terminate()
    assert up.wait() == exits.OK


@pytest.mark.parametrize(
    ("arguments", "settings", "hears"),
    [
        pytest.param(["work"], {}, False, id="through PgBouncer alone it is deaf"),
        pytest.param(["work"], {"AUTOM_LISTEN_URL": "{direct}"}, True, id="work, by the setting"),
        pytest.param(["work", "--listen-url", "{direct}"], {}, True, id="work, by the option"),
        pytest.param(["up"], {"AUTOM_LISTEN_URL": "{direct}"}, True, id="up, by the setting"),
    ],
)
def test_past_pgbouncer_it_listens(
    arguments: list[str],
    settings: dict[str, str],
    hears: bool,
    machine: Machine,
    fresh_database: str,
    pooled: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in settings.items():
        monkeypatch.setenv(name, text.format(direct=fresh_database))
    arguments = [argument.format(direct=fresh_database) for argument in arguments]
    process = machine.start(*arguments, url=pooled(fresh_database))
    with connect(fresh_database) as conn:
        query = "select w.hears from jobs.workers_status as w where w.hears is not null"
        until(lambda: conn.execute(query).fetchall() == [(hears,)])
    process.terminate()
    _, err = process.communicate()
    assert process.returncode == exits.OK, err


@pytest.mark.parametrize(
    ("asked", "database", "usual", "chosen"),
    [
        pytest.param(None, None, "postgresql://pooled", "postgresql://setting", id="the setting"),
        pytest.param("dbname=asked", None, "postgresql://pooled", "dbname=asked", id="the option"),
        pytest.param("dbname=asked", None, None, "dbname=asked", id="the option, embedded"),
        pytest.param(None, "dbname=x", "postgresql://pooled", None, id="another database"),
        pytest.param(None, None, None, None, id="the embedded one"),
    ],
)
def test_the_setting_is_for_the_database_that_the_settings_name(
    asked: str | None,
    database: str | None,
    usual: str | None,
    chosen: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTOM_LISTEN_URL", "postgresql://setting")
    monkeypatch.delenv("AUTOM_DATABASE_URL", raising=False)
    if usual:
        monkeypatch.setenv("AUTOM_DATABASE_URL", usual)
    assert listen_url(asked, database) == chosen


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["work"], "AUTOM_LISTEN_URL is not the URL", id="the setting"),
        pytest.param(["up"], "AUTOM_LISTEN_URL is not the URL", id="the setting of up"),
        pytest.param(
            ["work", "--listen-url", "secret!"], "--listen-url is not the URL", id="the option"
        ),
    ],
)
def test_a_listen_url_that_is_none_is_not_quoted(
    arguments: list[str],
    said: str,
    machine: Machine,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTOM_LISTEN_URL", "mysql://u:secret!@h/db")
    process = machine.start(*arguments, url=database)
    _, err = process.communicate()
    assert (process.returncode, said in err, "secret" in err) == (exits.FAILED, True, False)


def test_a_queue_that_is_not_there_is_not_served(machine: Machine, database: str) -> None:
    process = machine.start("work", "--queue", "nowhere", url=database)
    _, err = process.communicate()
    assert (process.returncode, "There is no queue nowhere." in err) == (exits.NOT_FOUND, True)


def works(machine: Machine) -> bool:
    _, out, _ = machine.autom("doctor", "--json")
    return any(row["check"] == "workers" and row["state"] == "ok" for row in json.loads(out))
