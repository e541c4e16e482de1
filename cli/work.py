"""``autom work``: a worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import exits
from cli.context import Session, known, listen_url
from cli.exits import Problem
from cli.keys import sealer
from cli.queue import Queue

if TYPE_CHECKING:
    from workers.calls import Handler, Resolve

Queues = Annotated[
    list[str] | None,
    typer.Option(
        "--queue",
        help="Serve this queue; may be repeated. All, if none is named.",
        autocompletion=known("jobs.queues_status", Queue, "queue"),
    ),
]
Name = Annotated[
    str | None, typer.Option(help="What to call this worker; its host and process id, if not.")
]


Listen = Annotated[
    str | None,
    typer.Option(
        "--listen-url",
        metavar="URL",
        help="Listen there, past a pooler; AUTOM_LISTEN_URL, if not.",
    ),
]


Port = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, metavar="PORT", help="Serve figures for Prometheus there, at /metrics."
    ),
]


def work(
    session: Session,
    queue: Queues = None,
    name: Name = None,
    metrics_port: Port = None,
    listen: Listen = None,
) -> None:
    """Claim jobs, call the outside services and report how it went, until Ctrl-C.

    $ autom work
    $ autom work --queue shopify --queue pinterest
    $ autom work --metrics-port 9187
    $ AUTOM_DATABASE_URL=postgresql://autom_worker@db.example.com/autom autom work

    Run as many as you like, on as many machines; "autom up" runs one already. The first Ctrl-C or
    SIGTERM lets calls under way end and gives back what was not begun; a second one does not wait.
    Keys that open tokens come from AUTOM_SECRET_KEYS. Where AUTOM_DATABASE_URL goes through
    PgBouncer, no notification comes that way: AUTOM_LISTEN_URL names the server itself.
    """
    ear = listen_url(listen, session.database)
    there = {row.queue for row in session.select("jobs.queues_status", Queue)}
    if unknown := sorted(set(queue or ()) - there):
        raise Problem(
            f"There is no queue {', '.join(unknown)}.",
            f"There are {', '.join(sorted(there))}.",
            "autom queue ls",
            exits.NOT_FOUND,
        )
    if metrics_port is not None:
        _serve_metrics(session, metrics_port)
    serve(
        session.url,
        session.database,
        queues=queue or None,
        name=name,
        listen_url=ear,
        ready=lambda: session.note("Ready. Ctrl-C stops it."),
    )


def _serve_metrics(session: Session, port: int) -> None:
    from workers import metrics

    try:
        served = metrics.serve(session.url, port)
    except OSError as error:
        raise Problem(f"Port {port} cannot be used.", error.strerror) from None
    session.note(f"Figures: http://127.0.0.1:{served}/metrics")


def serve(url: str, asked: str | None = None, **options: Any) -> None:
    """Work until a signal ends it; ``options`` are those of ``workers.runner.run``.

    ``asked`` is the database that the command line named, if it did.
    """
    from workers.runner import run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    handlers, resolve = equipment(url, asked)
    run(url, handlers, resolve, **options)


def equipment(url: str, asked: str | None = None) -> tuple[dict[str, Handler], Resolve]:
    """What a worker needs: who does which kind of job, and how tokens are opened."""
    from workers.handlers import HANDLERS, TELLERS
    from workers.link import Link
    from workers.tokens import noted, resolver

    connect = Link(url).use
    return {**noted(HANDLERS, connect), **TELLERS}, resolver(connect, sealer(asked))
