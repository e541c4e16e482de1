"""The statements of docs/queue.md work, in their order, and the tests that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
GUIDE = Path(__file__).parents[2] / "docs" / "queue.md"


def test_one_jobs_life_goes_as_it_is_told(db):
    db.execute("delete from jobs.limits")
    blocks = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    statements = [s.strip() for block in blocks for s in block.split(";\n") if s.strip()]
    said = []
    for statement in statements:
        cursor = db.execute(statement.rstrip(";"))
        said.append(cursor.fetchall() if cursor.description else [])
    told = {row for rows in said for row in rows if row[0] in ("stale", "scheduled", "ready")}
    assert told == {("stale",), ("scheduled",), ("ready",)}
    (life,) = [rows for rows in said if rows and rows[0][0] == "done"]
    assert [(state, runs, failures, result) for state, runs, failures, _, result in life] == [
        ("done", 2, 1, {"said": "Hello"})
    ]


def test_every_proof_that_is_named_is_there():
    """A control stands in the file of the test beside it; a case of test_controls.py has its id."""
    table = GUIDE.read_text().partition("what would break it\n")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| [A-Z].*\|$", table)
    assert len(rows) > 20
    for row in rows:
        (file,) = set(re.findall(r"[\w./]*test_\w+\.py", row)) - {"test_faults.py"}
        text = (TESTS / file).read_text()
        for name in re.findall(r"(?<=[`:])test_\w+(?=`)", row):
            where = TESTS / "test_faults.py" if name == "test_damage_is_found" else TESTS / file
            assert f"def {name}(" in where.read_text(), row
        for case in re.findall(r"`test_controls.py`: ([^|…,]+?)[,|]? ?[|…]", row):
            assert f'"{case.strip()}"' in text, row


def test_the_features_add_up():
    """What the text says of the table is what the table says."""
    text = GUIDE.read_text()
    rows = re.findall(r"(?m)^\| \d+ \| .*\|$", text)
    columns = list(zip(*(row.strip("| ").split("|")[2:] for row in rows), strict=True))
    full = [sum("●" in mark for mark in column) for column in columns]
    some = [sum("◐" in mark for mark in column) for column in columns]
    assert len(rows) == 39
    assert f"at ● in {full[0]} rows, ◐ in {some[0]}, ○ in {39 - full[0] - some[0]};" in text
    second, third = sorted(full[1:])[:-3:-1]
    assert f"the next are at {second} and {third}." in text
