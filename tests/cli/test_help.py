"""Help is short, quick and begins with examples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import VERBS

AUTOM = Path(sys.executable).with_name("autom")
NAMES = [name for verbs in VERBS.values() for name in verbs]


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_that_is_named_is_there(name: str) -> None:
    done = subprocess.run([AUTOM, name, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: autom {name}" in done.stdout
