"""``autom migrate``: bring the database to this release."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import exits
from cli.context import Database, database_url
from cli.output import Output

To = Annotated[str, typer.Option(metavar="REVISION", help="Stop there; an earlier one goes back.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Go back without asking: it loses data.")]


def migrate(
    out: Output,
    to: To = "head",
    dry_run: DryRun = False,
    yes: Yes = False,
    database: Database = None,
) -> int | None:
    """Bring the database to this release: revisions first, then functions and views.

    $ autom migrate
    $ autom migrate --dry-run
    $ autom migrate --to 0002 --yes

    All of it is one transaction: it happens or it does not. Several at once take turns. Prints the
    steps; with --dry-run the exit code is 10 where there are any. "--to base" takes all of it away.
    """
    from db import database as databases

    url = database_url(database)
    state = databases.check(url)
    steps, back = state.steps(to)
    if to == "head" and state.code_differs:
        steps.append(databases.Step("code", "Functions, views and rights as the files say."))
    if steps and not dry_run:
        if back:
            out.confirm(f"Going back to {to} loses what is in later revisions. Go on?", yes)
            databases.downgrade(url, to)
        else:
            databases.migrate(url, to)
    out.table(steps, databases.Step, empty="Nothing to do.")
    return exits.CHANGES if steps and dry_run else None
