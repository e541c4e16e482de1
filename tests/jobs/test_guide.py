"""The statements of docs/queue.md work, in the order in which they stand there."""

from __future__ import annotations

import re
from pathlib import Path

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
