"""The commands of docs/database.md work, in the order in which they stand there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import exits

GUIDE = Path(__file__).parents[2] / "docs" / "database.md"
AUTOM = Path(sys.executable).with_name("autom")


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(f"/tmp/autom guide {os.getpid()}")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_embedded_one(home: Path) -> None:
    for command in commands("The embedded one"):
        assert run(command, AUTOM_HOME=str(home)) == exits.OK, command


def test_upgrades(server, home: Path) -> None:
    url = server.create_database("autom_guide")
    for command in commands("Upgrades"):
        wanted = exits.CHANGES if "--dry-run" in command else exits.OK
        assert run(command, AUTOM_HOME=str(home), AUTOM_DATABASE_URL=url) == wanted, command
    server.drop_database("autom_guide")


def commands(chapter: str) -> list[str]:
    text = re.search(rf"(?ms)^## {chapter}\n(.*?)(?=^## |\Z)", GUIDE.read_text())
    assert text
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", text[1])
    return [line for block in blocks for line in block.splitlines()]


def run(command: str, **settings: str) -> int:
    environment = {n: t for n, t in os.environ.items() if not n.startswith("AUTOM_DATABASE")}
    words = shlex.split(command, comments=True)[1:]
    done = subprocess.run(
        [AUTOM, *words], env=environment | settings, capture_output=True, check=False
    )
    return done.returncode
