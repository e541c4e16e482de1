"""From an exception to sentences on stderr and an exit code: what, why, what to do next."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer

from cli import exits
from cli.exits import Problem


def report(error: BaseException) -> int:
    """Say what went wrong, never with a traceback; returns the exit code.

    ``AUTOM_TRACEBACK=1`` shows the traceback of whatever nobody foresaw.
    """
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return exits.INTERRUPTED
    if isinstance(error, typer.TyperException):
        return _usage(error)
    problem = error if isinstance(error, Problem) else _problem(error)
    if problem is None:
        problem = _unforeseen(error)
    lines = [f"autom: {problem.what}", *(f"  {line}" for line in (problem.why or "").splitlines())]
    if problem.next:
        lines.append(f"  Next: {problem.next}")
    print("\n".join(lines), file=sys.stderr)
    return problem.code


def _usage(error: Any) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return exits.USAGE
    # Typer says "Value error" of a word that is not among the choices.
    print(f"autom: {error.format_message().replace('Value error, ', '')}", file=sys.stderr)
    if context:
        print(f"  Next: {context.command_path} --help", file=sys.stderr)
    return exits.USAGE


def _problem(error: BaseException) -> Problem | None:
    """What the layers below raise. Imported here: psycopg takes a third of a second."""
    import psycopg

    from db.database import Unusable
    from db.errors import Refused
    from db.server import Unavailable

    if isinstance(error, Refused):
        hint = error.hint and f"in psql: {error.hint}" if _is_sql(error.hint) else error.hint
        return Problem(error.message, error.detail, hint, refusal_code(error))
    if isinstance(error, Unusable | Unavailable):
        return Problem(str(error))
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return Problem(
            "This database role may not do that.",
            error.diag.message_primary,
            "name a role that may, in --database or AUTOM_DATABASE_URL.",
            exits.REFUSED,
        )
    if isinstance(
        error,
        psycopg.errors.UndefinedTable
        | psycopg.errors.UndefinedColumn
        | psycopg.errors.UndefinedFunction
        | psycopg.errors.InvalidSchemaName,
    ):
        return Problem(
            "The database does not have what this AutoM works with.",
            error.diag.message_primary,
            "autom migrate",
        )
    if isinstance(error, psycopg.Error):
        said = error.diag
        if isinstance(error, psycopg.ProgrammingError) and not error.sqlstate:
            # What libpq says of a URL that is none quotes it, and with it the password.
            return Problem(
                "What names the database is not the URL of a PostgreSQL database.",
                next="write it as postgresql://user:password@host:5432/database",
            )
        if (error.sqlstate or "57P").startswith(("08", "57P")):
            return Problem("The connection to the database broke.", str(error), "autom status")
        return Problem(
            "The database refused.",
            "\n".join(filter(None, (said.message_primary, said.message_detail))),
            said.message_hint,
        )
    return None


def _is_sql(hint: str | None) -> bool:
    return bool(hint) and str(hint).startswith("select ") and str(hint).endswith(";")


def refusal_code(refused: Any) -> int:
    """The names in ``db.errors`` say it: NoSuch… is not there, Duplicate… is there already."""
    name = type(refused).__name__
    if name.startswith("NoSuch"):
        return exits.NOT_FOUND
    if name.startswith("Duplicate"):
        return exits.CONFLICT
    return exits.REFUSED


def _unforeseen(error: BaseException) -> Problem:
    if os.environ.get("AUTOM_TRACEBACK"):
        traceback.print_exception(error)
    return Problem(
        f"This should not have happened: {type(error).__name__}.",
        str(error),
        "run it again with AUTOM_TRACEBACK=1 and report what it shows.",
    )
