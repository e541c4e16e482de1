"""How commands print: for a person, for a pipe, for a program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from cli import exits
from cli.output import Output, duration
from db import database as databases
from db.call import value
from tests.fixtures.accounts import connection, user
from tests.fixtures.cli import AUTOM, Ended, autom, jobs_everywhere, kind, on_terminal

Db = psycopg.Connection[Any]


@pytest.fixture
def conn(database: str) -> Iterator[Db]:
    with databases.connect(database) as conn:
        yield conn


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param({"milliseconds": 240}, "240 ms", id="below a second"),
        pytest.param({"seconds": 7.54}, "7.5 s", id="some seconds"),
        pytest.param({"seconds": 59.4}, "59 s", id="below a minute"),
        pytest.param({"seconds": 59.6}, "1 min", id="almost a minute"),
        pytest.param({"minutes": 3, "seconds": 20}, "3 min 20 s", id="two units"),
        pytest.param({"hours": 2, "minutes": 5, "seconds": 59}, "2 h 5 min", id="never three"),
        pytest.param({"days": 3, "hours": 4}, "3 d 4 h", id="days and hours"),
        pytest.param({"days": 40, "hours": 4}, "40 d", id="many days"),
        pytest.param({"seconds": -90}, "-1 min 30 s", id="below nothing"),
    ],
)
def test_a_length_of_time(value: dict[str, float], said: str) -> None:
    assert duration(timedelta(**value)) == said


@dataclass(kw_only=True)
class At(Output):
    """Output at noon."""

    now = datetime(2026, 1, 10, 12, tzinfo=UTC)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("away", "said"),
    [
        pytest.param({"seconds": -0.4}, "now 11:59", id="now"),
        pytest.param({"seconds": -42}, "42 s ago 11:59", id="just before"),
        pytest.param({"hours": -11}, "11 h ago 01:00", id="this night"),
        pytest.param({"hours": -20}, "20 h ago 9 Jan 16:00", id="yesterday"),
        pytest.param({"minutes": 90}, "in 1 h 13:30", id="to come"),
        pytest.param({"days": 2}, "in 2 d 12 Jan 12:00", id="days to come"),
    ],
)
def test_a_time_is_its_age_and_the_clock(away: dict[str, float], said: str) -> None:
    out = At(utc=True)
    assert out.time(out.now + timedelta(**away)) == said


def test_a_value_from_outside_stays_in_its_line_and_field(conn: Db, database: str) -> None:
    kind(conn)
    job_id = value(conn, "jobs.enqueue", kind="demo.work", key="a\tb\nc")
    value(conn, "jobs.cancel", job_id=job_id, reason="red \x1b[31malert\x1b[0m\x07")
    (row,) = autom("jobs", "ls", database=database).rows
    assert (row["key"], row["state"]) == ("a\\tb\\nc", "cancelled")
    assert json.loads(autom("jobs", "ls", "--json", database=database).out)[0]["key"] == "a\tb\nc"
    screen = on_terminal("jobs", "show", str(job_id), database=database, colours=True).out
    assert "\x1b[31malert" not in screen
    assert "\x07" not in screen


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        pytest.param(("--no-color",), {}, id="the option"),
        pytest.param((), {"NO_COLOR": "1"}, id="the environment"),
    ],
)
def test_colours_can_be_refused(
    conn: Db, database: str, options: tuple[str, ...], environment: dict[str, str]
) -> None:
    jobs_everywhere(conn)
    command = ("jobs", "ls", "--state", "dead")
    assert "\x1b[31mfailed" in on_terminal(*command, database=database, colours=True).out
    plain = on_terminal(
        *command, *options, database=database, environment=environment, colours=True
    )
    assert "failed" in plain.out
    assert "\x1b[31m" not in plain.out


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "command",
    [
        pytest.param("status", id="status"),
        pytest.param("jobs ls", id="jobs ls"),
        pytest.param("jobs show {failed}", id="jobs show"),
        pytest.param("queue ls", id="queue ls"),
        pytest.param("schedule ls", id="schedule ls"),
        pytest.param("runs", id="runs"),
    ],
)
def test_a_table_fits_the_screen_and_ids_stay_whole(
    conn: Db, database: str, columns: int, command: str
) -> None:
    ids = jobs_everywhere(conn)
    value(conn, "jobs.run_schedule", name="product_creation")
    done = on_terminal(*command.format(**ids).split(), database=database, columns=columns)
    assert done.code == exits.OK
    assert max(map(len, done.out.splitlines())) <= columns
    if command.startswith("jobs"):
        assert str(ids["failed"]) in done.out
    if command == "runs":
        assert "product_creation" in done.out


def test_a_column_that_can_be_spared_is_left_out_where_the_screen_is_narrow(
    conn: Db, database: str
) -> None:
    jobs_everywhere(conn)
    assert "key-failed" not in on_terminal("jobs", "ls", database=database, columns=80).out
    assert "key-failed" in on_terminal("jobs", "ls", database=database, columns=120).out


def test_quiet_is_data_only(conn: Db, database: str) -> None:
    assert autom("jobs", "ls", "--quiet", database=database) == Ended(exits.OK, "", "")
    jobs_everywhere(conn)
    done = autom("jobs", "ls", "--quiet", "--columns", "state", "--limit", "1", database=database)
    assert (done.out, done.err) == ("ready\n", "")


@pytest.mark.parametrize(
    ("options", "zone"),
    [pytest.param((), "+01:00", id="local"), pytest.param(("--utc",), "Z", id="utc")],
)
def test_times_in_a_pipe_name_their_zone(
    conn: Db, database: str, options: tuple[str, ...], zone: str
) -> None:
    kind(conn)
    at = datetime(2040, 1, 1, 12, tzinfo=UTC)
    value(conn, "jobs.enqueue", kind="demo.work", run_at=at)
    (row,) = autom("jobs", "ls", *options, database=database).rows
    assert row["since"].endswith(zone)
    assert datetime.fromisoformat(row["since"]) == at
    (job,) = json.loads(autom("jobs", "ls", "--json", database=database).out)
    assert job["since"] == "2040-01-01T12:00:00.000Z"


SECRET = "shpat_never_to_be_seen"


@pytest.mark.parametrize(
    "command",
    [
        "status --json",
        "jobs ls --json",
        "connect ls --json",
        "user ls --json",
        "doctor --json",
        "jobs show 1 --json",
    ],
)
def test_no_command_prints_a_secret(conn: Db, database: str, command: str) -> None:
    sealed = connection(conn, user(conn), tokens={"access": SECRET})
    assert sealed
    url = database.replace("postgres@", "postgres:hunter2@")
    done = autom(*command.split(), database=url)
    assert SECRET not in done.out + done.err
    assert "hunter2" not in done.out + done.err


def test_long_work_without_a_terminal_says_how_far_it_is_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(100, 1000, 4))
    monkeypatch.setattr("cli.output.time.monotonic", lambda: next(seconds))
    with Output().progress("imported", total=2000) as progress:
        for _ in range(6):
            progress.advance(100)
    assert capsys.readouterr().err.splitlines() == [
        "imported 300 of 2,000, 25.0/s",
        "imported 600 of 2,000, 25.0/s",
    ]
    with Output(quiet=True).progress("imported") as progress:
        progress.advance(100)
    assert capsys.readouterr().err == ""


def test_who_stops_reading_gets_no_complaint(conn: Db, database: str) -> None:
    kind(conn)
    value(conn, "jobs.enqueue_many", kind="demo.work", payloads=[{"n": n} for n in range(3000)])
    done = subprocess.run(
        f"{AUTOM} jobs ls --limit 3000 --json --database '{database}' | head -1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[\n0\n", "")
