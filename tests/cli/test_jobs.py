"""``autom jobs``: found, shown, retried, discarded and cancelled, each as a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from cli import exits
from db import database as databases
from db.call import value
from tests.fixtures.cli import Ended, autom, jobs_everywhere, kind, on_terminal, settle_one

Ids = dict[str, int]


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection[Any]]:
    with databases.connect(database) as conn:
        yield conn


@pytest.fixture
def ids(conn: psycopg.Connection[Any]) -> Ids:
    return jobs_everywhere(conn)


def state(conn: psycopg.Connection[Any], job_id: int) -> str:
    row = conn.execute("select state from jobs.whereabouts where job_id = %s", (job_id,)).fetchone()
    assert row
    return str(row[0])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(
            (),
            "ready scheduled cancelled cancelling running unknown failed done",
            id="all of them, the newest first",
        ),
        pytest.param(("--state", "dead"), "unknown failed", id="the dead"),
        pytest.param(("--state", "ready, running"), "ready running", id="two states"),
        pytest.param(("--key", "key-done"), "done", id="a key"),
        pytest.param(("--queue", "openai"), "", id="a queue that has none"),
        pytest.param(("--kind", "demo.work", "--limit", "1"), "ready", id="the newest of a kind"),
        pytest.param(
            ("--tenant", "7c9e6679-7425-40de-944b-e07fc1f90ae7"), "", id="a user who has none"
        ),
    ],
)
def test_jobs_are_listed(ids: Ids, database: str, options: tuple[str, ...], expected: str) -> None:
    done = autom("jobs", "ls", *options, "--json", database=database)
    assert (done.code, done.err) == (exits.OK, "")
    assert [job["job_id"] for job in json.loads(done.out)] == [ids[s] for s in expected.split()]


def test_a_pipe_gets_a_line_a_job_with_the_columns_of_the_table(ids: Ids, database: str) -> None:
    rows = autom("jobs", "ls", "--state", "dead", database=database).rows
    assert list(rows[0]) == ["job_id", "kind", "state", "since", "runs", "key", "why"]
    assert [row["why"] for row in rows] == ["No answer came.", "The shop said no."]


def test_the_page_after_a_page(ids: Ids, database: str) -> None:
    newest = sorted(ids.values(), reverse=True)
    done = autom("jobs", "ls", "--before", str(newest[2]), "--limit", "2", database=database)
    assert [int(row["job_id"]) for row in done.rows] == newest[3:5]


def test_everything_about_a_job(ids: Ids, database: str) -> None:
    done = autom("jobs", "show", str(ids["failed"]), "--json", database=database)
    job = json.loads(done.out)
    assert done.code == exits.OK
    assert (job["state"], job["dead"], job["why"]) == ("failed", True, "The shop said no.")
    assert job["payload"] == {"wanted": "failed"}
    (attempt,) = job["attempts"]
    assert (attempt["state"], attempt["worker"]) == ("failed", "tester")
    assert attempt["code"] == "invalid_request"
    assert 0 <= attempt["took"] < 60


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param("show 1", exits.NOT_FOUND, "There is no job 1.", id="show nobody's id"),
        pytest.param("retry 1", exits.NOT_FOUND, "There is no such job.", id="retry nobody's id"),
        pytest.param("cancel 1", exits.NOT_FOUND, "There is no such job.", id="cancel nobody's id"),
        pytest.param("retry {done}", exits.REFUSED, "can be retried.", id="retry what is done"),
        pytest.param(
            "discard {done}", exits.REFUSED, "can be discarded.", id="discard what is done"
        ),
        pytest.param("discard", exits.USAGE, "Which jobs should I discard?", id="discard just so"),
        pytest.param("cancel {done}", exits.CONFLICT, "had ended", id="cancel what is done"),
        pytest.param(
            "retry {done} --dry-run", exits.REFUSED, "can be retried.", id="… tried first"
        ),
        pytest.param("cancel {done} --dry-run", exits.CONFLICT, "had ended", id="…, tried first"),
        pytest.param("cancel 5 --dry-run", exits.NOT_FOUND, "no such job", id="nobody's, tried"),
        pytest.param(
            "retry {failed} --per-second 5", exits.USAGE, "not go with ids", id="one by one by ids"
        ),
        pytest.param(
            "retry --per-second 5", exits.USAGE, "Which jobs", id="so many a second just so"
        ),
        pytest.param(
            "retry --kind demo.work --per-second 0", exits.USAGE, "--per-second", id="none a second"
        ),
        pytest.param("retry", exits.USAGE, "Which jobs should I retry?", id="retry just so"),
        pytest.param("cancel", exits.USAGE, "at least one filter", id="cancel just so"),
        pytest.param(
            "retry --kind demo.work", exits.USAGE, "add --yes", id="retry many with nobody to ask"
        ),
        pytest.param("ls --state ended", exits.USAGE, "is not a state", id="a state that is none"),
        pytest.param(
            "cancel --state done --yes",
            exits.USAGE,
            "is not a state that fits",
            id="cancel the done",
        ),
        pytest.param("ls --limit 0", exits.USAGE, "--limit", id="a limit of nothing"),
        pytest.param("ls --tenant acme", exits.USAGE, "--tenant", id="a user who is no id"),
        pytest.param("show last", exits.USAGE, "valid int", id="an id that is none"),
        pytest.param("ls --columns x", exits.USAGE, "There is no column x", id="no such column"),
        pytest.param("list", exits.USAGE, "No such command 'list'", id="a verb that is none"),
    ],
)
def test_what_cannot_be_done_says_why(
    ids: Ids, database: str, arguments: str, code: int, said: str
) -> None:
    done = autom("jobs", *arguments.format(**ids).split(), database=database)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_dead_job_is_retried(conn: psycopg.Connection[Any], ids: Ids, database: str) -> None:
    done = autom("jobs", "retry", str(ids["failed"]), "--json", database=database)
    assert done.code == exits.OK
    assert json.loads(done.out) == [{"job_id": ids["failed"], "result": "ready", "why": None}]
    assert state(conn, ids["failed"]) == "ready"


def test_a_dead_job_is_discarded(conn: psycopg.Connection[Any], ids: Ids, database: str) -> None:
    dry = autom("jobs", "discard", "--kind", "demo.work", "--dry-run", database=database)
    assert (dry.code, dry.err) == (exits.CHANGES, "It would discard 2 jobs.\n")
    done = autom("jobs", "discard", "--key", "key-failed", "--yes", "--json", database=database)
    assert done.code == exits.OK
    assert json.loads(done.out) == [{"job_id": ids["failed"], "result": "discarded", "why": None}]
    dead = conn.execute("select job_id from jobs.dead").fetchall()
    assert (dead, state(conn, ids["failed"])) == ([(ids["unknown"],)], "failed")


def test_what_a_filter_would_do_is_shown_before(
    conn: psycopg.Connection[Any], ids: Ids, database: str
) -> None:
    dry = autom("jobs", "cancel", "--kind", "demo.work", "--dry-run", database=database)
    assert dry.code == exits.CHANGES
    assert {row["state"] for row in dry.rows} == {"ready", "scheduled", "running", "cancelling"}
    assert dry.err == "It would cancel 4 jobs.\n"
    assert state(conn, ids["ready"]) == "ready"

    named = [str(ids[name]) for name in ("ready", "done", "unknown")] + ["5"]
    some = autom("jobs", "cancel", *named, "--dry-run", database=database)
    assert (some.code, [row["state"] for row in some.rows]) == (exits.CHANGES, ["ready"])
    assert "5: There is no such job.\n" in some.err
    assert f"{ids['done']}: It had ended before.\n" in some.err
    assert some.err.endswith("It would cancel 1 job.\n")
    none = autom("jobs", "retry", str(ids["done"]), "5", "--dry-run", database=database)
    assert (none.code, none.rows) == (exits.REFUSED, [])
    assert "would" not in none.err
    assert state(conn, ids["ready"]) == "ready"

    nothing = autom("jobs", "cancel", "--queue", "openai", "--dry-run", database=database)
    assert (nothing.code, nothing.err) == (exits.OK, "No jobs that fit.\n")


def test_many_are_changed_by_a_filter(
    conn: psycopg.Connection[Any], ids: Ids, database: str
) -> None:
    done = autom(
        "jobs", "cancel", "--kind", "demo.work", "--yes", "--reason", "closed", database=database
    )
    assert done.code == exits.OK
    assert {row["result"] for row in done.rows} == {"cancelled", "cancelling"}
    assert state(conn, ids["ready"]) == "cancelled"
    assert state(conn, ids["running"]) == "cancelling"


def test_one_that_is_refused_does_not_hold_up_the_others(
    conn: psycopg.Connection[Any], database: str
) -> None:
    """A dead job whose unique key another one has by now cannot be retried."""
    kind(conn)
    dead = {}
    for key in ("taken", "free"):
        dead[key] = value(conn, "jobs.enqueue", kind="demo.work", unique_key=key)
        settle_one(conn, "give_up")
    value(conn, "jobs.enqueue", kind="demo.work", unique_key="taken")

    alone = autom("jobs", "retry", str(dead["taken"]), database=database)
    assert alone.code == exits.CONFLICT
    both = autom("jobs", "retry", "--kind", "demo.work", "--yes", database=database)
    assert both.code == exits.PARTLY
    results = {int(row["job_id"]): row["result"] for row in both.rows}
    assert results == {dead["taken"]: "refused", dead["free"]: "ready"}
    left = autom("jobs", "retry", "--kind", "demo.work", "--yes", database=database)
    assert left.code == exits.CONFLICT


def test_dead_jobs_come_back_by_their_reason_and_so_many_a_second(
    conn: psycopg.Connection[Any], database: str
) -> None:
    kind(conn)
    dead = []
    for reason in ("a timeout", "gone", "timeout b", "timeout c"):
        dead.append(value(conn, "jobs.enqueue", kind="demo.work"))
        settle_one(conn, "give_up", reason)
    asked = ["jobs", "retry", "--reason", "%timeout%", "--per-second", "0.01"]
    plan = autom(*asked, "--dry-run", database=database)
    assert (plan.code, plan.err) == (exits.CHANGES, "It would retry 3 jobs.\n")
    assert {state(conn, job_id) for job_id in dead} == {"failed"}
    done = autom(*asked, "--yes", database=database)
    assert done.code == exits.OK
    came = [(int(row["job_id"]), row["result"]) for row in done.rows]
    assert came == [(dead[0], "ready"), (dead[2], "scheduled"), (dead[3], "scheduled")]
    assert [row["reason"] for row in plan.rows] == ["a timeout", "timeout b", "timeout c"]
    assert state(conn, dead[1]) == "failed"


def test_how_far_a_running_job_is(conn: psycopg.Connection[Any], ids: Ids, database: str) -> None:
    conn.execute(
        "insert into jobs.progress (job_id, run_no, percent, note)"
        " select job_id, run_no, 40, 'frames' from jobs.running where job_id = %s",
        [ids["running"]],
    )
    job = json.loads(autom("jobs", "show", str(ids["running"]), "--json", database=database).out)
    assert (job["percent"], job["note"]) == (40, "frames")


@pytest.mark.parametrize(
    ("typed", "code", "then"),
    [
        pytest.param("y\n", exits.OK, "ready", id="a yes"),
        pytest.param("n\n", exits.FAILED, "failed", id="a no"),
        pytest.param("\n", exits.FAILED, "failed", id="nothing said is a no"),
        pytest.param("\x03", exits.INTERRUPTED, "failed", id="Ctrl-C"),
    ],
)
def test_a_person_is_asked(
    conn: psycopg.Connection[Any], ids: Ids, database: str, typed: str, code: int, then: str
) -> None:
    done = on_terminal("jobs", "retry", "--key", "key-failed", database=database, typed=typed)
    assert "Retry 1 job (1 demo.work)? [y/N]" in done.out
    assert (done.code, state(conn, ids["failed"])) == (code, then)


READS = [
    pytest.param(("jobs", "ls"), id="jobs ls"),
    pytest.param(("jobs", "ls", "--state", "dead,ready", "--kind", "demo.work"), id="by filter"),
    pytest.param(("jobs", "ls", "--key", "it's; drop"), id="with a quote in it"),
    pytest.param(("queue", "ls"), id="queue ls"),
    pytest.param(("queue", "held"), id="queue held"),
    pytest.param(("runs", "--status", "running"), id="runs"),
    pytest.param(("schedule", "ls"), id="schedule ls"),
    pytest.param(("schedule", "next"), id="schedule next"),
]


@pytest.mark.parametrize("command", READS)
def test_the_sql_that_is_printed_gives_the_same_rows(
    conn: psycopg.Connection[Any], ids: Ids, database: str, command: tuple[str, ...]
) -> None:
    shown = autom(*command, "--sql")
    assert (shown.code, shown.err) == (exits.OK, "")
    cursor = conn.execute(shown.out.encode())
    assert cursor.description
    first = cursor.description[0].name
    there = json.loads(autom(*command, "--json", database=database).out)
    assert [str(row[0]) for row in cursor] == [str(row[first]) for row in there]


@pytest.mark.parametrize(
    ("command", "job", "then"),
    [
        pytest.param("jobs retry {failed}", "failed", "ready", id="retry one"),
        pytest.param("jobs retry --kind demo.work", "failed", "ready", id="retry many"),
        pytest.param("jobs cancel {ready} {scheduled}", "scheduled", "cancelled", id="cancel two"),
        pytest.param(
            "jobs cancel --state ready --reason it's", "ready", "cancelled", id="cancel by state"
        ),
    ],
)
def test_the_sql_that_is_printed_does_what_the_command_does(
    conn: psycopg.Connection[Any], ids: Ids, command: str, job: str, then: str
) -> None:
    shown: Ended = autom(*command.format(**ids).split(), "--sql")
    assert (shown.code, shown.err) == (exits.OK, "")
    assert state(conn, ids[job]) != then
    conn.execute(shown.out.encode())
    assert state(conn, ids[job]) == then
