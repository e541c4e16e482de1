"""``autom jobs``: single pieces of work."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from cli import exits
from cli.app import App
from cli.context import Session, known
from cli.errors import refusal_code
from cli.exits import Problem

app = App("Jobs: what there is to do, and how it went.")

WAITING = ("ready", "scheduled", "parked", "running", "cancelling")
ENDED = ("done", "failed", "skipped", "cancelled", "unknown")
STATES = {
    "ready": "waits for a worker",
    "scheduled": "waits for its time",
    "parked": "waits for something other than time",
    "running": "a worker has it",
    "cancelling": "a worker has it and is told to stop",
    "done": "did what it was to do",
    "failed": "gave up",
    "skipped": "was not wanted any more",
    "cancelled": "somebody stopped it",
    "unknown": "may or may not have happened",
    "dead": "failed or unknown, and nobody has retried or discarded it",
}

SHOWN = 20
"""Jobs that a person is shown before many are changed."""


TOGETHER = 100
"""Jobs that are changed in one transaction."""


@dataclass(frozen=True)
class Job:
    """A row of jobs.find."""

    job_id: int
    kind: str
    state: str
    queue: str
    key: str
    tenant: UUID | None
    priority: int
    runs: int
    failures: int
    max_attempts: int
    since: datetime
    worker: str | None
    code: str | None
    why: str | None
    dead: bool
    run_id: int | None
    created_at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True)
class Whole:
    """A row of jobs.whereabouts."""

    job_id: int
    kind: str
    state: str
    since: datetime
    why: str | None
    code: str | None
    dead: bool
    queue: str
    key: str
    tenant: UUID | None
    priority: int
    runs: int
    failures: int
    max_attempts: int
    worker: str | None
    run_id: int | None
    unique_key: str | None
    created_at: datetime
    percent: float | None
    note: str | None
    result: Any
    payload: dict[str, Any]


@dataclass(frozen=True)
class Attempt:
    """A row of jobs.attempts."""

    run_no: int
    state: str
    started_at: datetime | None
    took: timedelta | None
    finished_at: datetime | None
    worker: str | None
    sent_at: datetime | None
    outcome: str | None
    effect: str | None
    code: str | None
    reason: str | None


@dataclass(frozen=True)
class Kind:
    """A row of jobs.overview, for completion."""

    kind: str
    description: str


@dataclass(frozen=True)
class Name:
    """A queue, for completion."""

    queue: str
    description: str


def _states(incomplete: str) -> list[tuple[str, str]]:
    return [(state, means) for state, means in STATES.items() if state.startswith(incomplete)]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which jobs; its fields are options."""

    kind: Annotated[
        str | None,
        typer.Option(help="Of this kind.", autocompletion=known("jobs.overview", Kind, "kind")),
    ] = None
    queue: Annotated[
        str | None,
        typer.Option(
            help="In this queue.", autocompletion=known("jobs.queues_status", Name, "queue")
        ),
    ] = None
    key: Annotated[str | None, typer.Option(help="Of this key.")] = None
    tenant: Annotated[
        UUID | None, typer.Option(metavar="USER_ID", help="That work for this user.")
    ] = None

    @property
    def asked(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


State = Annotated[
    str | None,
    typer.Option(
        metavar="A,B", help=f"In one of these states: {', '.join(STATES)}.", autocompletion=_states
    ),
]


def _list(states: str, allowed: tuple[str, ...]) -> list[str]:
    asked = [state.strip() for state in states.split(",")]
    if unknown := [state for state in asked if state not in allowed]:
        raise Problem(
            f"{', '.join(unknown)} is not a state that fits here.",
            f"There are {', '.join(allowed)}.",
            code=exits.USAGE,
        )
    return asked


@app.command()
def ls(
    session: Session,
    filter: Filter,
    state: State = None,
    run: Annotated[int | None, typer.Option(help="Of this run; see autom runs.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="This many at most.")] = 50,
    before: Annotated[
        int | None, typer.Option(metavar="JOB_ID", help="Older than this one: the next page.")
    ] = None,
) -> None:
    """List jobs, the newest first.

    $ autom jobs ls
    $ autom jobs ls --state dead
    $ autom jobs ls --state ready,running --queue shopify --limit 200
    $ autom jobs ls --kind shops.create_product --json | jq '.[].why'
    """
    asked = filter.asked | {
        name: value
        for name, value in (
            ("state", _list(state, tuple(STATES)) if state else None),
            ("run_id", run),
            ("before", before),
        )
        if value is not None
    }
    jobs = session.call("jobs.find", Job, **asked, limit=limit)
    session.table(jobs, Job, "job_id kind state since runs? key? why", "No jobs that fit.")
    if session.human and len(jobs) == limit:
        session.note(f"There may be more: --before {jobs[-1].job_id}")


@app.command()
def show(
    session: Session, job_id: Annotated[int, typer.Argument(metavar="JOB_ID", help="Which job.")]
) -> None:
    """Show everything about a job: where it is, why, what it was given, and each of its runs.

    $ autom jobs show 261120000000042
    $ autom jobs show 261120000000042 --json
    """
    with session.together():
        jobs = session.select("jobs.whereabouts", Whole, where={"job_id": job_id})
        runs = session.select("jobs.attempts", Attempt, where={"job_id": job_id}, order="run_no")
    if not jobs:
        raise Problem(f"There is no job {job_id}.", next="autom jobs ls", code=exits.NOT_FOUND)
    job = jobs[0]
    if session.as_json:
        session.document(asdict(job) | {"attempts": [asdict(run) for run in runs]})
        return
    session.record(job)
    if session.columns:
        return
    session.heading("Runs")
    session.table(
        runs,
        Attempt,
        "run_no state started_at took worker? sent_at outcome code? reason",
        "It has not run yet.",
        fold=True,
    )
    if job.dead:
        session.note(f"\nLet it try again: autom jobs retry {job_id}")
        session.note(f"Let go of it: autom jobs discard {job_id}")


Ids = Annotated[list[int] | None, typer.Argument(metavar="[JOB_ID]...", help="These jobs.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show which jobs, change nothing; exit code 10 if any.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def retry(
    session: Session, filter: Filter, ids: Ids = None, dry_run: DryRun = False, yes: Yes = False
) -> int:
    """Let dead jobs try again from the beginning; one that waits for its time runs now.

    $ autom jobs retry 261120000000042
    $ autom jobs retry --kind shops.draw_design --dry-run
    $ autom jobs retry --queue openai --yes

    By a filter only dead jobs are retried, see them with: autom jobs ls --state dead
    """
    change = _Change(session, "retry", "jobs.retry", {})
    if ids:
        return change.these(ids, dry_run)
    return change.all_of("jobs.dead", filter.asked, dry_run, yes)


@app.command()
def discard(
    session: Session, filter: Filter, ids: Ids = None, dry_run: DryRun = False, yes: Yes = False
) -> int:
    """Let go of dead jobs: nobody will retry them. How they ended is kept as long as that of others.

    $ autom jobs discard 261120000000042
    $ autom jobs discard --kind shops.draw_design --dry-run
    $ autom jobs discard --queue openai --yes

    Those of a run that has not ended stay. See dead jobs with: autom jobs ls --state dead
    """
    change = _Change(session, "discard", "jobs.discard", {})
    if ids:
        return change.these(ids, dry_run)
    return change.all_of("jobs.dead", filter.asked, dry_run, yes)


@app.command()
def cancel(
    session: Session,
    filter: Filter,
    ids: Ids = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="A,B", help=f"In one of these states: {', '.join(WAITING)}."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept with the job.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> int:
    """Stop jobs. One that a worker has is told to stop, which takes some seconds.

    $ autom jobs cancel 261120000000042 --reason "the shop has closed"
    $ autom jobs cancel --kind shops.pin_product --state ready --dry-run
    $ autom jobs cancel --tenant 7c9e6679-7425-40de-944b-e07fc1f90ae7 --yes
    """
    arguments = {"reason": reason} if reason else {}
    change = _Change(session, "cancel", "jobs.cancel", arguments)
    if ids:
        return change.these(ids, dry_run)
    states = {"state": _list(state, WAITING)} if state else {}
    return change.all_of("jobs.active", filter.asked | states, dry_run, yes)


@dataclass(frozen=True)
class Changed:
    """What became of one job."""

    job_id: int
    result: str
    why: str | None = None


@dataclass(frozen=True)
class _Target:
    job_id: int
    kind: str


@dataclass(frozen=True)
class _Change:
    """One function called for each of many jobs, a hundred a transaction.

    Where one of a hundred is refused, each of them gets a transaction of its own: so it does not hold
    up the others, and no worker waits long for any.
    """

    session: Session
    verb: str
    function: str
    arguments: dict[str, Any]

    def these(self, ids: list[int], dry_run: bool) -> int:
        if dry_run:
            return self._show(ids)
        if self.session.sql:
            with self.session.together():
                for job_id in ids:
                    self._call(job_id)
        return self._apply(ids)

    def all_of(self, view: str, where: dict[str, Any], dry_run: bool, yes: bool) -> int:
        if not where:
            raise Problem(
                f"Which jobs should I {self.verb}?",
                "Name them by their ids, or by at least one filter.",
                f"autom jobs {self.verb} --help",
                exits.USAGE,
            )
        if self.session.sql:
            from db.call import text_each

            line = text_each(self.function, view, "job_id", where=where, **self.arguments)
            self.session.line(line)
            return exits.OK
        targets = self.session.select(view, _Target, where=where, order="job_id")
        ids = [target.job_id for target in targets]
        if dry_run or not targets:
            return self._show(ids)
        kinds = Counter(target.kind for target in targets)
        counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(5))
        self.session.confirm(f"{self.verb.capitalize()} {counted(len(ids))} ({counts})?", yes)
        return self._apply(ids)

    def _show(self, ids: list[int]) -> int:
        shown = ids[:SHOWN] if self.session.human else ids
        jobs = self.session.select("jobs.whereabouts", Job, where={"job_id": shown}, order="job_id")
        self.session.table(jobs, Job, "job_id kind state since key? why", "No jobs that fit.")
        if ids:
            self.session.note(f"It would {self.verb} {counted(len(ids))}.")
        return exits.CHANGES if jobs else exits.OK

    def _apply(self, ids: list[int]) -> int:
        if len(ids) == 1:
            return self._apply_alone(ids[0])
        changed: list[tuple[Changed, int]] = []
        try:
            with self.session.progress(self.verb, total=len(ids)) as progress:
                for start in range(0, len(ids), TOGETHER):
                    changed += self._apply_some(ids[start : start + TOGETHER])
                    progress.reach(len(changed))
        except KeyboardInterrupt:
            self.session.note(f"Stopped after {len(changed)} of {counted(len(ids))}.")
            raise
        bad = [done for done, code in changed if code]
        few = len(changed) <= SHOWN or not self.session.human
        shown = [done for done, _ in changed] if few else bad
        self.session.table(shown, Changed, None if bad else "job_id result")
        if not few:
            self.session.note(f"{counted(len(ids) - len(bad))} of {len(ids):,}.")
        if not bad:
            return exits.OK
        return exits.PARTLY if len(bad) < len(ids) else max(code for _, code in changed)

    def _apply_alone(self, job_id: int) -> int:
        result = self._call(job_id)
        if result == "ended":
            raise Problem(
                f"Job {job_id} had ended before.",
                next=f"autom jobs show {job_id}",
                code=exits.CONFLICT,
            )
        self.session.table([Changed(job_id, result)], Changed, "job_id result")
        return exits.OK

    def _apply_some(self, ids: list[int]) -> list[tuple[Changed, int]]:
        from psycopg.errors import DeadlockDetected

        from db.errors import Refused

        try:
            with self.session.connection.transaction():
                results = [self._call(job_id) for job_id in ids]
            return [_judged(job_id, result) for job_id, result in zip(ids, results, strict=True)]
        except (Refused, DeadlockDetected):
            return [self._apply_one(job_id) for job_id in ids]

    def _apply_one(self, job_id: int) -> tuple[Changed, int]:
        from db.errors import Refused

        try:
            return _judged(job_id, self._call(job_id))
        except Refused as refused:
            return Changed(job_id, "refused", refused.message), refusal_code(refused)

    def _call(self, job_id: int) -> str:
        result: str = self.session.value(self.function, job_id=job_id, **self.arguments)
        return result


def _judged(job_id: int, result: str) -> tuple[Changed, int]:
    if result == "ended":
        return Changed(job_id, result, "It had ended before."), exits.CONFLICT
    return Changed(job_id, result), exits.OK


def counted(count: int) -> str:
    """``1 job``, ``1,200 jobs``."""
    return f"{count:,} job" + ("" if count == 1 else "s")
