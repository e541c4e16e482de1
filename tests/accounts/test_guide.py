"""The commands of docs/accounts.md work, in the order in which they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli.main import main
from db import database as databases
from tests.fixtures.accounts import KEY

GUIDE = Path(__file__).parents[2] / "docs" / "accounts.md"


def test_the_commands_of_the_guide_work(database, monkeypatch):
    monkeypatch.setenv("AUTOM_DATABASE_URL", database)
    monkeypatch.setenv("AUTOM_SECRET_KEYS", KEY)
    for secret in ("ACCESS", "REFRESH", "CLIENT_SECRET"):
        monkeypatch.setenv(f"AUTOM_{secret}", f"the {secret}")
    blocks = re.findall(r"```(sh|sql)\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    commands = 0
    for language, text in blocks:
        if language == "sql":
            with databases.connect(database) as conn:
                conn.execute(text)
            continue
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words[0] == "autom":
                with pytest.raises(SystemExit) as ended:
                    main(words[1:])
                assert not ended.value.code, line
                commands += 1
    assert commands == 9
