"""docs/cli.md is true: its lines are run, its tables are those of the code."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from cli import exits, jobs, queue, runs, schedule, status
from db.cron import Installed
from tests.fixtures.cli import AUTOM

PAGE = Path(__file__).parents[2].joinpath("docs/cli.md").read_text()
CONSOLES = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LINES = [line for console in CONSOLES for line in re.split(r"^\$ ", console, flags=re.MULTILINE)]


@pytest.mark.parametrize(
    "line", [pytest.param(line, id=line.splitlines()[0]) for line in LINES if line]
)
def test_what_the_page_shows_is_what_is_printed(database: str, line: str) -> None:
    command, *expected = line.splitlines()
    done = subprocess.run(
        ["bash", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={
            **os.environ,
            "PATH": f"{AUTOM.parent}:{os.environ['PATH']}",
            "AUTOM_DATABASE_URL": database,
            "TZ": "UTC",
        },
    )
    printed = done.stdout.splitlines()
    assert [line for line in expected if line not in printed] == []


def test_the_table_of_exit_codes_is_the_one_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == exits.MEANING


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        pytest.param("`jobs ls`", [jobs.Job], id="jobs ls"),
        pytest.param("`jobs show`", [jobs.Attempt], id="jobs show"),
        pytest.param("`jobs retry`", [jobs.Changed], id="jobs retry"),
        pytest.param("`queue held`", [queue.Held], id="queue held"),
        pytest.param("`runs`", [runs.Progress], id="runs"),
        pytest.param("`schedule ls`", [schedule.Fire, Installed], id="schedule ls"),
        pytest.param("`status`", [status.Status, status.Attention], id="status"),
    ],
)
def test_the_table_of_documents_names_their_fields(document: str, rows: list[type]) -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith(f"| {document}"))
    for row in rows:
        missing = [field.name for field in fields(row) if f"`{field.name}`" not in line]
        assert missing == []
