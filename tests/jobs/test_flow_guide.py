"""The lines of docs/flow.md work, in the order in which they stand there."""

from __future__ import annotations

import json
import re

from db.code import ROOT

GUIDE = (ROOT.parent / "docs" / "flow.md").read_text()


def statements():
    """Each statement with the row that the guide says it gives, None where it says nothing."""
    for block in re.findall(r"(?ms)^```sql\n(.*?)^```", GUIDE):
        for match in re.finditer(
            r"(?ms)(.+?)(?:;| \\gset)\n(?:--> (.*?)\n)?", block.replace(":batch", "%(batch)s")
        ):
            yield match[1], match[0].rstrip().endswith("gset"), match[2]


def shown(value):
    return json.dumps(value) if isinstance(value, dict) else str(value)


def test_the_guide_works(db):
    variables, checked = {}, 0
    for statement, is_set, expected in statements():
        parameters = variables if "%(batch)s" in statement else None
        cursor = db.execute(statement.encode(), parameters)
        if is_set:
            (variables["batch"],) = cursor.fetchone()
        if expected is not None:
            (row,) = cursor.fetchall()
            assert ", ".join(map(shown, row)) == expected, statement
            checked += 1
    assert checked == 10
