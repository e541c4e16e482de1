"""``autom up`` and ``autom down``: all of it on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli import background, exits
from cli.context import EMBEDDED, listen_url
from cli.exits import Problem
from cli.work import serve

Detach = Annotated[bool, typer.Option("--detach", help="Run on after this command has ended.")]


def up(detach: Detach = False) -> None:
    """Run it all until Ctrl-C: the database, its upgrade, the clock and the workers.

    $ autom up
    $ autom up --detach
    $ AUTOM_DATABASE_URL=postgresql://autom@db.example.com/autom autom up

    With no setting the database is a private Postgres in AUTOM_HOME (~/.local/share/autom), which
    listens on no port; AUTOM_DATABASE_URL names one that runs elsewhere, AUTOM_LISTEN_URL a direct
    way to it where that goes through PgBouncer. "autom down" ends what runs detached.
    """
    ear = listen_url()
    if detach:
        process = background.launch("up", ["up"])
        _note(f"Runs as process {process}, prints to {background.log('up')}. autom down ends it.")
        return
    with background.hold("up") as counts, database() as (url, worker_url):
        from db import database as databases

        for step in databases.check(url).pending:
            _note(f"Upgrade {step.revision}: {step.title}")
        databases.migrate(url)

        def ready() -> None:
            _note("Ready. Ctrl-C stops it; look with autom status, autom psql.")
            counts()

        serve(worker_url, listen_url=ear, ready=ready)
    _note("Stopped.")


def down() -> None:
    """End what "autom up --detach" left running.

    $ autom down
    """
    if not background.stop("up"):
        raise Problem("Nothing runs.", code=exits.NOT_FOUND)
    _note("Stopped.")


@contextmanager
def database() -> Iterator[tuple[str, str]]:
    """The database to upgrade and to work in, as its owner and as a worker.

    That of AUTOM_DATABASE_URL, else the embedded one, which runs as long as this lasts.
    """
    if url := os.environ.get("AUTOM_DATABASE_URL"):
        yield url, url
        return
    from db.server import embedded

    with embedded() as server:
        yield server.ensure_database(EMBEDDED), server.url(EMBEDDED, "autom_worker")


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
