"""``autom schedule``: what runs by itself, and when."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli import exits
from cli.app import App
from cli.context import Change, DryRun, Session, known
from cli.exits import Problem
from cli.runs import Progress, Run
from cli.times import span

app = App("Schedules: what runs by itself, and when.")

POLL = 0.3
"""Seconds between two looks at a run."""

ENDS = {
    "succeeded": exits.OK,
    "skipped": exits.OK,
    "partly": exits.PARTLY,
    "failed": exits.FAILED,
}
"""The exit code of a run that was waited for."""


@dataclass(frozen=True)
class Schedule:
    """A row of jobs.schedule_status."""

    schedule: str
    cron: str
    time_zone: str
    enabled: bool
    next_at: datetime | None
    late: timedelta | None
    last_run_id: int | None
    last_status: str | None
    last_started_at: datetime | None
    last_duration: timedelta | None
    last_why: str | None
    catch_up: str
    description: str


@dataclass(frozen=True)
class Fire:
    """A row of jobs.next_fires."""

    schedule: str
    fire_at: datetime


@dataclass(frozen=True)
class Worker:
    """A row of jobs.workers_status."""

    worker_id: int
    name: str
    queues: list[str]
    alive: bool
    started_at: datetime
    lease_until: datetime
    running: int


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Which schedule.",
        autocompletion=known("jobs.schedule_status", Schedule, "schedule"),
    ),
]


@app.command()
def ls(session: Session) -> None:
    """List the schedules: when each runs next, and how it went last.

    $ autom schedule ls
    $ autom schedule ls --columns schedule,cron,time_zone,enabled,catch_up
    $ autom schedule ls --json
    """
    schedules = session.select("jobs.schedule_status", Schedule, order="schedule")
    _table(session, schedules)


@app.command()
def next(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="This many.")] = 10,
) -> None:
    """List the next fires, the soonest first.

    $ autom schedule next
    $ autom schedule next product_creation -n 3
    """
    asked = {} if name is None else {"name": name}
    fires = session.call("jobs.next_fires", Fire, **asked, count=count)
    session.table(fires, Fire, empty="Nothing is going to fire.")


@app.command()
def run(
    session: Change,
    name: Name,
    wait: Annotated[bool, typer.Option("--wait", help="Until its jobs have ended too.")] = False,
    timeout: Annotated[
        timedelta | None,
        typer.Option(parser=span, metavar="TIME", help="Wait no longer, e.g. 10m; exit code 8."),
    ] = None,
) -> int:
    """Run a schedule now, whatever the time, enabled or not.

    $ autom schedule run product_creation
    $ autom schedule run product_creation --wait --timeout 10m
    $ autom schedule run winner_scaling --dry-run

    With --wait the exit code is 0 if the run succeeded or found nothing to do, 5 if some of its
    jobs are dead, 1 if it failed. Ctrl-C ends the waiting, not the run.
    """
    if session.dry_run and (wait or timeout):
        raise Problem(
            "No worker sees the jobs of a dry run.", next="leave out --wait", code=exits.USAGE
        )
    run_id = session.value("jobs.run_schedule", name=name)
    if wait or timeout:
        try:
            _wait(session, run_id, timeout)
        except KeyboardInterrupt:
            session.note(f"The run goes on: autom runs {run_id}")
            raise
    run = _run(session, run_id)
    session.record(run)
    if run.status == "running":
        session.note(f"Its jobs go on: autom runs {run_id}")
        return exits.OK
    return ENDS[run.status]


@app.command()
def pause(session: Change, name: Name) -> None:
    """Do not fire a schedule any more, until it is resumed.

    $ autom schedule pause winner_scaling
    """
    session.value("jobs.pause_schedule", name=name)
    _table(session, session.select("jobs.schedule_status", Schedule, where={"schedule": name}))


@app.command()
def resume(session: Change, name: Name) -> None:
    """Fire a schedule again, from now on: what it missed is not caught up.

    $ autom schedule resume winner_scaling
    """
    session.value("jobs.resume_schedule", name=name)
    _table(session, session.select("jobs.schedule_status", Schedule, where={"schedule": name}))


@app.command()
def install(
    session: Session,
    cron_database: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="pg_cron's own database, if it is not the one its server names."
        ),
    ] = None,
    dry_run: DryRun = False,
) -> int:
    """Let pg_cron tick, beside the workers; run it again after an upgrade.

    $ autom schedule install
    $ autom schedule install --cron-database postgresql://postgres@db.example.com/postgres

    Keeps pg_cron's table in step with jobs.pg_cron_entries: what is missing is added, what changed
    or was turned off is put right. Entries by other names are not touched. One of ours drops what
    pg_cron wrote down of our runs (cron.job_run_details) when it is a day old.
    """
    from db import cron

    if session.sql:
        session.select("jobs.pg_cron_entries", cron.Entry)
    try:
        entries = cron.install(session.url, cron_database, dry_run=dry_run)
    except cron.NoCron as error:
        raise Problem(str(error)) from error
    session.table(entries, cron.Installed)
    changes = any(entry.change != "unchanged" for entry in entries)
    return exits.CHANGES if dry_run and changes else exits.OK


def _table(session: Session, schedules: list[Schedule]) -> None:
    session.table(
        schedules,
        Schedule,
        "schedule cron enabled? next_at last_status last_started_at? last_why",
        "There is no schedule.",
    )


def _run(session: Session, run_id: int) -> Run:
    (run,) = session.select("jobs.runs", Run, where={"run_id": run_id})
    return run


def _wait(session: Session, run_id: int, timeout: timedelta | None) -> None:
    """Until the run has ended."""
    deadline = time.monotonic() + timeout.total_seconds() if timeout else float("inf")
    if not session.select("jobs.workers_status", Worker, where={"alive": True}, limit=1):
        session.note("No worker is alive to do its jobs: autom work")
    with session.progress("jobs ended") as progress:
        while _run(session, run_id).status == "running":
            kinds = session.select("jobs.run_progress", Progress, where={"run_id": run_id})
            progress.reach(sum(kind.ended for kind in kinds), sum(kind.jobs for kind in kinds))
            if time.monotonic() > deadline:
                raise Problem(
                    f"Run {run_id} has not ended in time.",
                    f"{progress.done} of {progress.total} jobs have.",
                    f"autom runs {run_id}",
                    exits.TIMEOUT,
                )
            time.sleep(POLL)
