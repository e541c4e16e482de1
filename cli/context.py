"""Which database a command works in, and its way there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli import exits
from cli.exits import Problem
from cli.output import Output

if TYPE_CHECKING:
    from db.call import Connection, Where

# db.call and db.database are imported where they are used: psycopg takes a third of a second, for
# which neither help nor completion should wait.

Row = TypeVar("Row")

EMBEDDED = "autom"
"""The database of the embedded server."""


Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Work there, not in AUTOM_DATABASE_URL or the embedded one.",
    ),
]


def database_url(asked: str | None = None) -> str:
    """The database that was asked for, else that of AUTOM_DATABASE_URL, else the embedded one's.

    Where no embedded one runs, it is that of a demo which was left running.
    """
    if url := asked or os.environ.get("AUTOM_DATABASE_URL"):
        return url
    from db.server import embedded

    server = embedded()
    if server.pid is not None:
        return server.url(EMBEDDED)
    usual = os.environ.get("AUTOM_HOME")
    os.environ["AUTOM_HOME"] = str(demo_folder())
    if (demo := embedded()).pid is not None:
        print("autom: in the demo's database (autom demo --stop ends it).", file=sys.stderr)
        return demo.url(EMBEDDED)
    if usual is None:
        del os.environ["AUTOM_HOME"]
    else:
        os.environ["AUTOM_HOME"] = usual
    raise Problem(
        "There is no database to work in.",
        f"The embedded server in {server.home} is not running, and AUTOM_DATABASE_URL is not set.",
        "autom up, or set AUTOM_DATABASE_URL to postgresql://user@host/database",
    )


def listen_url(asked: str | None = None, database: str | None = None) -> str | None:
    """A direct way to the database, past the pooler that the usual one goes through.

    What was asked for, else AUTOM_LISTEN_URL; but that one goes with AUTOM_DATABASE_URL, not with a
    ``database`` that the command line named or with the embedded one.
    """
    usual = os.environ.get("AUTOM_DATABASE_URL") and not database
    url = asked or (os.environ.get("AUTOM_LISTEN_URL") if usual else None)
    if not url:
        return None
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(url)
    except ProgrammingError:
        # What libpq says here quotes the URL, and with it the password.
        raise Problem(
            f"{'--listen-url' if asked else 'AUTOM_LISTEN_URL'} is not the URL of a PostgreSQL"
            " database.",
            next="write it as postgresql://user:password@host:5432/database",
        ) from None
    return url


def demo_folder() -> Path:
    """The data folder of ``autom demo --keep``, inside the usual one."""
    from db.server import data_folder

    return data_folder() / "demo"


def known(
    view: str, row: type[Any], name: str, help: str = "description"
) -> Callable[[str], list[tuple[str, str]]]:
    """Completion by what is in a view; nothing where there is no way to the database at once."""

    def complete(incomplete: str) -> list[tuple[str, str]]:
        from db import call, database

        with (
            suppress(Exception),
            database.connect(database_url(), connect_timeout=2) as conn,
        ):
            found = call.select(conn, view, row, order=name, limit=1000)
            return [(str(getattr(row, name)), str(getattr(row, help) or "")) for row in found]
        return []

    return complete


@dataclass(kw_only=True)
class Session(Output):
    """A command in the database: how it prints, and calls to SQL. Its fields are options.

    Connects with the first call. With ``--sql`` it never does: the call is printed as a person
    would type it, and the command is over.
    """

    database: Database = None
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL instead of running it.")] = False

    def call(self, function: str, row: type[Row], /, **arguments: Any) -> list[Row]:
        """Call a function that returns rows."""
        from db import call

        if self.sql:
            self._say(call.text(function, **arguments))
            return []
        return call.call(self.connection, function, row, **arguments)

    def value(self, function: str, /, **arguments: Any) -> Any:
        """Call a function that returns one value."""
        from db import call

        if self.sql:
            return self._say(call.text(function, **arguments))
        return call.value(self.connection, function, **arguments)

    def select(
        self,
        view: str,
        row: type[Row],
        /,
        where: Where | None = None,
        order: str | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        """Read a view."""
        from db import call

        if self.sql:
            self._say(call.text_select(view, where, order, limit))
            return []
        return call.select(self.connection, view, row, where, order, limit)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Calls that make one command: ``--sql`` prints all of them before the command is over.

        Inside, with ``--sql``, a call answers nothing: an empty list or None.
        """
        self._together = True
        yield
        self._together = False
        if self.sql:
            raise typer.Exit

    @cached_property
    def url(self) -> str:
        return database_url(self.database)

    @cached_property
    def connection(self) -> Connection:
        """For what the calls above do not do: a transaction, ``COPY``."""
        from db import database
        from db.call import value

        conn = database.reach(self.url)
        self._ahead = value(conn, "jobs.clock") - super().now
        return conn

    @property
    def now(self) -> datetime:
        """By the database's clock, which stamped what is shown."""
        return super().now + self._ahead

    _ahead: timedelta = field(default=timedelta(0), init=False, repr=False)
    _together: bool = field(default=False, init=False, repr=False)

    def _say(self, statement: str) -> None:
        self.line(statement)
        if not self._together:
            raise typer.Exit


DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Do it, show what it changes, and undo it; exit code 10 if anything."
    ),
]


@dataclass(frozen=True)
class Touched:
    """A row of pg_stat_xact_user_tables: what this transaction did to a table."""

    schemaname: str
    relname: str
    n_tup_ins: int
    n_tup_upd: int
    n_tup_del: int

    def __str__(self) -> str:
        counts = {"new": self.n_tup_ins, "changed": self.n_tup_upd, "gone": self.n_tup_del}
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        return f"{self.schemaname}.{self.relname}: {told}" if told else ""


@dataclass(kw_only=True)
class Change(Session):
    """A command that changes what is in the database.

    With ``--dry-run`` its calls are the same, in one transaction that is rolled back when the verb
    is over: what it printed is what it would have done.
    """

    dry_run: DryRun = False

    @cached_property
    def connection(self) -> Connection:
        conn: Connection = super().connection
        if self.dry_run:
            self._undone = conn.transaction(force_rollback=True)
            self._undone.__enter__()
        return conn

    def ended(self, code: int | None) -> int | None:
        """Undo a dry run, and say which tables it changed."""
        if self._undone is None:
            return code
        ours = {"schemaname": ["accounts", "jobs", "shops"]}
        rows = self.select(
            "pg_catalog.pg_stat_xact_user_tables", Touched, ours, "schemaname, relname"
        )
        self._undone.__exit__(None, None, None)
        changes = list(filter(None, map(str, rows)))
        self.note("\nA dry run: nothing of this was kept." if changes else "\nNothing to change.")
        for change in changes:
            self.note(f"  {change}")
        return code or (exits.CHANGES if changes else exits.OK)

    _undone: AbstractContextManager[Any] | None = field(default=None, init=False, repr=False)
