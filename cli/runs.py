"""``autom runs``: what the schedules did."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli import exits
from cli.app import MOST, MOST_ID
from cli.context import Session
from cli.exits import Problem
from cli.jobs import Job

STATUSES = ("running", "succeeded", "partly", "failed", "skipped")


@dataclass(frozen=True)
class Run:
    """A row of jobs.runs."""

    run_id: int
    name: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    duration: timedelta
    processed: int
    failed: int
    skipped: int
    why: str | None
    error: str | None


@dataclass(frozen=True)
class Progress:
    """A row of jobs.run_progress."""

    kind: str
    jobs: int
    ended: int
    dead: int


def _statuses(incomplete: str) -> list[str]:
    return [status for status in STATUSES if status.startswith(incomplete)]


def runs(
    session: Session,
    run_id: Annotated[
        int | None,
        typer.Argument(max=MOST_ID, metavar="[RUN_ID]", help="Show this one and its jobs."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of this schedule.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help=f"That are {', '.join(STATUSES)}.", autocompletion=_statuses),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="This many at most.")] = 20,
) -> None:
    """List the runs of schedules, the newest first; or show one of them with its jobs.

    $ autom runs
    $ autom runs --name product_creation --status failed
    $ autom runs 12
    $ autom runs 12 --json | jq '.jobs[] | select(.dead)'
    """
    if run_id is not None:
        show(session, run_id, limit)
        return
    if status not in (None, *STATUSES):
        raise Problem(
            f"{status} is not a status.", f"There are {', '.join(STATUSES)}.", code=exits.USAGE
        )
    asked = {"name": name, "status": status}
    where = {column: value for column, value in asked.items() if value is not None}
    found = session.select("jobs.runs", Run, where=where, order="run_id desc", limit=limit)
    session.table(
        found,
        Run,
        "run_id name status started_at duration? processed failed skipped? why error",
        "No runs that fit.",
    )


def show(session: Session, run_id: int, limit: int) -> None:
    """One run: how it went, how far each kind of its jobs is, and the newest of them."""
    with session.together():
        found = session.select("jobs.runs", Run, where={"run_id": run_id})
        progress = session.select(
            "jobs.run_progress", Progress, where={"run_id": run_id}, order="kind"
        )
        jobs = session.call("jobs.find", Job, run_id=run_id, limit=limit)
    if not found:
        raise Problem(f"There is no run {run_id}.", next="autom runs", code=exits.NOT_FOUND)
    if session.as_json:
        session.document(
            asdict(found[0])
            | {"kinds": [asdict(kind) for kind in progress], "jobs": [asdict(job) for job in jobs]}
        )
        return
    session.record(found[0])
    if session.columns or not progress:
        return
    session.heading("Kinds of jobs")
    session.table(progress, Progress)
    session.heading("Jobs")
    session.table(jobs, Job, "job_id kind state since runs? why")
    if len(jobs) < sum(kind.jobs for kind in progress):
        session.note(f"The rest: autom jobs ls --run {run_id} --before {jobs[-1].job_id}")
