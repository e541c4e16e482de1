"""``autom queue``: where jobs wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli.app import App
from cli.context import Session, known

app = App("Queues: what waits and runs in them, and what holds them up.")


@dataclass(frozen=True)
class Queue:
    """A row of jobs.queues_status."""

    queue: str
    paused: bool
    paused_until: datetime | None
    paused_why: str | None
    ready: int
    scheduled: int
    running: int
    dead: int
    oldest_ready: timedelta | None
    workers: int
    concurrency: int
    max_running: int | None
    paused_keys: int
    blocked_keys: int
    description: str


Name = Annotated[
    str,
    typer.Argument(help="Which queue.", autocompletion=known("jobs.queues_status", Queue, "queue")),
]
Key = Annotated[str | None, typer.Option(help="Only the jobs of this key in the queue.")]


@app.command()
def ls(session: Session) -> None:
    """List the queues.

    $ autom queue ls
    $ autom queue ls --columns queue,ready,oldest_ready
    $ autom queue ls --json | jq '.[] | select(.dead > 0)'
    """
    queues = session.select("jobs.queues_status", Queue, order="queue")
    session.table(queues, Queue, "queue ready oldest_ready scheduled running dead workers paused")
