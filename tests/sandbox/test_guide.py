"""The guide says what the sandbox does."""

from __future__ import annotations

import re

import pytest

from sandbox import CHECKOUT
from sandbox.faults import EVERYWHERE, ONLY

GUIDE = (CHECKOUT / "docs" / "sandbox.md").read_text()


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    exec(example, {})
    assert "Online Store" in capsys.readouterr().out


def test_every_fault_is_told() -> None:
    table = GUIDE[GUIDE.index("| fault |") :]
    told = {
        name
        for line in table.splitlines()
        for name in re.findall(r"`(\w+)`", line.split("|")[1] if line.startswith("|") else "")
    }
    assert told == EVERYWHERE.union(*ONLY.values())
