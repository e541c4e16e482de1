"""The commands of docs/alerts.md and docs/metrics.md work, in the order in which they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli.main import main
from db import database as databases
from db.database import connect

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("guide", "count"), [("alerts.md", 9), ("metrics.md", 1)])
def test_the_commands_of_the_guide_work(fresh_database, monkeypatch, guide, count):
    monkeypatch.setenv("AUTOM_DATABASE_URL", fresh_database)
    blocks = re.findall(r"```(sh|sql)\n(.*?)```", (DOCS / guide).read_text(), flags=re.DOTALL)
    commands = 0
    for language, text in blocks:
        if language == "sql":
            with databases.connect(fresh_database) as conn:
                conn.execute(text)
            continue
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words[0] == "autom":
                with pytest.raises(SystemExit) as ended:
                    main(words[1:])
                assert not ended.value.code, line
                commands += 1
    assert commands == count
    with connect(fresh_database) as conn:
        conn.execute("select jobs._watch()")
        errors = conn.execute("select rule, error from jobs.alert_rules where error is not null")
        assert errors.fetchall() == []


@pytest.mark.parametrize(
    ("guide", "query"),
    [
        pytest.param("alerts.md", "select rule from jobs.alert_rules", id="every rule"),
        pytest.param("metrics.md", "select metric from jobs.metric_names", id="every figure"),
    ],
)
def test_the_guide_names_them_all(db, guide, query):
    text = (DOCS / guide).read_text()
    there = {name for (name,) in db.execute(query.encode()).fetchall()}
    assert {name for name in there if f"| `{name}` |" not in text} == set()
