"""The tour of the README works as it stands, line by line."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text()


def commands(chapter: str) -> list[str]:
    """The commands of a chapter's sh blocks; a here document belongs to its line."""
    text = re.search(rf"^## {chapter}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert text, f"there is no chapter {chapter}"
    blocks = re.findall(r"^```sh\n(.*?)^```", text[1], re.DOTALL | re.MULTILINE)
    line = re.compile(r"^.*<<'(\w+)'\n(?:.*\n)*?\1$|^.+$", re.MULTILINE)
    return [match[0] for block in blocks for match in line.finditer(block)]


@pytest.fixture(scope="module")
def machine() -> Iterator[dict[str, str]]:
    """Where AutoM was never used."""
    bare = {name: text for name, text in os.environ.items() if not name.startswith("AUTOM_")}
    kept = {
        name: os.environ[name] for name in ("AUTOM_PG_BIN", "AUTOM_SPECS") if name in os.environ
    }
    with tempfile.TemporaryDirectory(prefix="autom-readme-") as folder:
        os.chmod(folder, 0o755)
        environment = bare | kept | {"HOME": folder, "XDG_DATA_HOME": f"{folder}/data"}
        yield environment
        subprocess.run(
            ["./autom", "demo", "--stop"],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            check=False,
        )


def test_it_opens_with_the_two_commands() -> None:
    first = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == [
        "./autom demo",
        "./autom test",
    ]


@pytest.mark.parametrize("command", commands("A five-minute tour"))
def test_the_tour(command: str, machine: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=CHECKOUT,
        env=machine,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or done.stderr
    assert "ERROR" not in done.stderr


@pytest.mark.parametrize("guide", re.findall(r"\]\((docs/\w+\.md)\)", README))
def test_every_guide_is_there(guide: str) -> None:
    assert (CHECKOUT / guide).is_file()
