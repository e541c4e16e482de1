"""``autom queue``: where jobs wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli.app import App
from cli.context import Change, Session, known
from cli.times import moment

app = App("Queues: what waits and runs in them, and what holds them up.")


@dataclass(frozen=True)
class Queue:
    """A row of jobs.queues_status."""

    queue: str
    paused: bool
    paused_until: datetime | None
    paused_why: str | None
    ready: int
    oldest_ready: timedelta | None
    scheduled: int
    running: int
    dead: int
    workers: int
    concurrency: int
    max_running: int | None
    paused_keys: int
    blocked_keys: int
    description: str


@dataclass(frozen=True)
class Held:
    """A row of jobs.held."""

    queue: str
    key: str | None
    held_by: str
    since: datetime | None
    until: datetime | None
    reason: str | None


Name = Annotated[
    str,
    typer.Argument(help="Which queue.", autocompletion=known("jobs.queues_status", Queue, "queue")),
]


def named(text: str) -> str:
    """A key. An empty one is a variable that was never set, not the whole queue."""
    if not text:
        raise typer.BadParameter("an empty key names nothing; leave it out for the whole queue")
    return text


Key = Annotated[
    str | None,
    typer.Option(parser=named, metavar="TEXT", help="Only the jobs of this key in the queue."),
]


@app.command()
def ls(session: Session) -> None:
    """List the queues.

    $ autom queue ls
    $ autom queue ls --columns queue,ready,oldest_ready,workers
    $ autom queue ls --json | jq '.[] | select(.dead > 0)'
    """
    queues = session.select("jobs.queues_status", Queue, order="queue")
    session.table(
        queues, Queue, "queue ready oldest_ready scheduled running dead workers paused paused_keys?"
    )


@app.command()
def held(session: Session) -> None:
    """List the queues, and keys of queues, that nobody takes jobs of for now, and why.

    $ autom queue held

    A key may be held by a person (autom queue pause) or by the service itself, which asked for
    silence.
    """
    session.table(
        session.select("jobs.held", Held, order="queue, key"),
        Held,
        "queue key held_by since until reason",
        "Nothing is held.",
    )


@app.command()
def pause(
    session: Change,
    queue: Name,
    key: Key = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="2h, 14:30, or 2026-11-21T06:00."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; others see it.")] = None,
) -> None:
    """Let no worker take jobs of a queue, or of one key of it. What runs goes on.

    $ autom queue pause shopify --until 2h --reason "the shop moves house"
    $ autom queue pause openai --key 7c9e6679-7425-40de-944b-e07fc1f90ae7
    """
    asked = {"key": key, "until": until, "reason": reason}
    given = {name: value for name, value in asked.items() if value is not None}
    session.value("jobs.pause", queue=queue, **given)
    _show(session, queue, key)


@app.command()
def resume(session: Change, queue: Name, key: Key = None) -> None:
    """End the pause of a queue, or of one key of it.

    $ autom queue resume shopify
    $ autom queue resume openai --key 7c9e6679-7425-40de-944b-e07fc1f90ae7
    """
    session.value("jobs.resume", queue=queue, **({} if key is None else {"key": key}))
    _show(session, queue, key)


def _show(session: Session, queue: str, key: str | None) -> None:
    """What holds it up now."""
    held = session.select("jobs.held", Held, where={"queue": queue, "key": key})
    what = f"{queue}, key {key}," if key else queue
    session.table(
        held, Held, "queue key held_by since until reason", f"Nothing holds {what} any more."
    )
