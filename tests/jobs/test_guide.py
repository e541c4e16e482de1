"""The statements of docs/queue.md work, in their order, and the tests that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

from db.call import value
from tests.fixtures.jobs import claim_one, kind, where, worker

TESTS = Path(__file__).parent
GUIDE = Path(__file__).parents[2] / "docs" / "queue.md"


def test_one_jobs_life_goes_as_it_is_told(db):
    go_through(db)


def test_it_can_be_gone_through_twice_and_takes_nobody_elses_jobs(db):
    kind(db)
    others = value(db, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 3)
    claim_one(db, worker(db))
    before = what_there_is(db)
    for _ in range(2):
        go_through(db)
        assert what_there_is(db) == before
    assert [where(db, job_id) for job_id in others] == ["running", "ready", "ready"]


def what_there_is(db):
    tables = ("queues", "kinds", "limits", "pauses", "ready", "scheduled", "running")
    return [db.execute(f"select * from jobs.{table}".encode()).fetchall() for table in tables] + [
        db.execute("select name from jobs.workers where stopped_at is null").fetchall()
    ]


def go_through(db):
    blocks = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    statements = [s.strip() for block in blocks for s in block.split(";\n") if s.strip()]
    said = []
    for statement in statements:
        cursor = db.execute(statement.rstrip(";"))
        said.append(cursor.fetchall() if cursor.description else [])
    told = {row for rows in said for row in rows if row[0] in ("stale", "scheduled", "ready")}
    assert told == {("stale",), ("scheduled",), ("ready",)}
    (lives,) = [rows for rows in said if rows and rows[0][0] == "done"]
    for state, runs, failures, _, result in lives:
        assert (state, runs, failures, result) == ("done", 2, 1, {"said": "Hello"})


def test_each_table_is_named(db):
    """But for the partitions: what each holds is said on the page."""
    section = GUIDE.read_text().partition("## Tables\n")[2].partition("\n## ")[0]
    rows = "".join(line for line in section.splitlines() if line.startswith("|"))
    there = db.execute(
        "select c.relname from pg_class as c where c.relnamespace = 'jobs'::regnamespace"
        " and c.relkind in ('r', 'p') and not c.relispartition order by 1"
    ).fetchall()
    assert sorted(re.findall(r"`jobs\.(\w+)`", rows)) == [name for (name,) in there]


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
