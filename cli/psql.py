"""``autom psql``: psql in the right database."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from cli.app import hands_on
from cli.context import Database, database_url
from cli.exits import Problem

Rest = Annotated[
    list[str] | None, typer.Argument(metavar="[PSQL OPTIONS]", help="Handed to psql as they are.")
]

SHORT: dict[str, dict[str, Any]] = {
    "overview": {"view": "jobs.overview"},
    "queues": {"view": "jobs.queues_status"},
    "runs": {"view": "jobs.runs", "order": "started_at desc", "limit": 20},
    "dead": {"view": "jobs.dead"},
    "schedules": {"view": "jobs.schedule_status"},
    "shops": {"view": "shops.overview"},
    "functions": {"view": "jobs.functions"},
}
"""The view that ``:name`` reads at the prompt, as ``db.call.text_select`` is told."""


@hands_on
def psql(rest: Rest = None, database: Database = None) -> None:
    """Open psql in the database that autom works in.

    $ autom psql
    $ autom psql -c 'select * from jobs.overview'
    $ autom psql -f report.sql --csv

    At the prompt, :functions and \\d+ jobs.* are the manual: what each function promises, and what
    is in each table and view. :overview, :queues, :runs, :dead, :schedules and :shops are short for
    what one looks at most.
    """
    from db.server import program

    found = program("psql")
    if found is None:
        raise Problem(
            "There is no psql on this machine.",
            "AutoM does without; only this command is one.",
            "install it (Debian, Ubuntu: apt-get install postgresql-client)",
        )
    url = database_url(database)
    arguments = rest or _for_a_person()
    # Wide tables scroll sideways, short ones are just printed.
    environment = {"LESS": "-FRSX", **os.environ}
    sys.stdout.flush()
    os.execve(found, [found, "-d", url, *arguments], environment)


def _for_a_person() -> list[str]:
    from db.call import text_select

    short = {
        name: text_select(asked["view"], order=asked.get("order"), limit=asked.get("limit"))
        for name, asked in SHORT.items()
    }
    bold, plain = ("", "") if os.environ.get("NO_COLOR") else ("%[%033[1m%]", "%[%033[0m%]")
    settings = {"PROMPT1": f"{bold}%/{plain}%R%x%# ", "PROMPT2": f"{bold}%/{plain}%R%x%# ", **short}
    return [
        *(f"--set={name}={text}" for name, text in settings.items()),
        "--pset=null=∅",
        "--pset=linestyle=unicode",
    ]
