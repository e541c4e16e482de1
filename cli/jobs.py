"""``autom jobs``: single pieces of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from cli import exits
from cli.app import MOST, MOST_ID, App
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
    run: Annotated[
        int | None, typer.Option(max=MOST_ID, help="Of this run; see autom runs.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="This many at most.")] = 50,
    before: Annotated[
        int | None,
        typer.Option(max=MOST_ID, metavar="JOB_ID", help="Older than this one: the next page."),
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
    session: Session,
    job_id: Annotated[int, typer.Argument(max=MOST_ID, metavar="JOB_ID", help="Which job.")],
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


Ids = Annotated[
    list[int] | None, typer.Argument(max=MOST_ID, metavar="[JOB_ID]...", help="These jobs.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show which jobs, change nothing; exit code 10 if any.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def retry(
    session: Session,
    filter: Filter,
    ids: Ids = None,
    reason: Annotated[
        str | None, typer.Option(metavar="LIKE", help="That died of a reason like this: %timeout%.")
    ] = None,
    per_second: Annotated[
        float | None,
        typer.Option(min=0.000001, max=1_000_000, help="So many a second; all at once, if not."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> int:
    """Let dead jobs try again from the beginning; one that waits for its time runs now.

    $ autom jobs retry 261120000000042
    $ autom jobs retry --kind shops.draw_design --dry-run
    $ autom jobs retry --reason "%timeout%" --per-second 5 --yes

    By a filter only dead jobs are retried, see them with: autom jobs ls --state dead
    """
    asked = filter.asked | ({} if reason is None else {"reason": reason})
    if ids:
        if reason is not None or per_second is not None:
            raise Problem(
                "--reason and --per-second do not go with ids.",
                next="autom jobs retry --help",
                code=exits.USAGE,
            )
        return _Change(session, "retry", "jobs.retry", {}).these(ids, dry_run)
    if not asked:
        raise _unspecified("retry")
    pace = {} if per_second is None else {"per_second": per_second}
    return _retry_dead(session, asked | pace, dry_run, yes)


def _retry_dead(session: Session, asked: dict[str, Any], dry_run: bool, yes: bool) -> int:
    """Those that a filter names, in one transaction."""
    if session.sql:
        session.call("jobs.retry_dead", Revived, **asked, limit=None)
    plan = session.call("jobs.retry_dead", Revived, **asked, limit=None, dry_run=True)
    free = [job for job in plan if job.held_by is None]
    if dry_run or not free:
        shown = plan[:SHOWN] if session.human else plan
        session.table(shown, Revived, empty="No jobs that fit.")
        if free:
            session.note(f"It would retry {counted(len(free))}.")
            return exits.CHANGES
        return exits.CONFLICT if plan else exits.OK
    _confirm(session, "retry", [job.kind for job in free], yes)
    jobs = session.call("jobs.retry_dead", Revived, **asked, limit=len(plan))
    now = session.value("jobs.clock")
    return _told(session, [job.judged(now) for job in jobs], "job_id result run_at", Retried)


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
class Retried(Changed):
    """What became of one of many dead jobs."""

    run_at: datetime | None = None


@dataclass(frozen=True)
class Revived:
    """A row of jobs.retry_dead."""

    job_id: int
    kind: str
    reason: str
    run_at: datetime | None
    held_by: int | None

    def judged(self, now: datetime) -> tuple[Retried, int]:
        """What became of it, and its exit code."""
        if self.run_at is None:
            why = f"Job {self.held_by} has its unique key."
            return Retried(self.job_id, "refused", why), exits.CONFLICT
        result = "scheduled" if self.run_at > now else "ready"
        return Retried(self.job_id, result, run_at=self.run_at), exits.OK


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
        if self.session.sql:
            with self.session.together():
                for job_id in ids:
                    self._call(job_id)
        return self._apply(ids, dry_run)

    def all_of(self, view: str, where: dict[str, Any], dry_run: bool, yes: bool) -> int:
        if not where:
            raise _unspecified(self.verb)
        if self.session.sql:
            from db.call import text_each

            line = text_each(self.function, view, "job_id", where=where, **self.arguments)
            self.session.line(line)
            return exits.OK
        targets = self.session.select(view, _Target, where=where, order="job_id")
        ids = [target.job_id for target in targets]
        if not dry_run and targets:
            _confirm(self.session, self.verb, [target.kind for target in targets], yes)
        return self._apply(ids, dry_run or not targets)

    def _apply(self, ids: list[int], dry_run: bool) -> int:
        if len(ids) == 1:
            return self._apply_alone(ids[0], dry_run)
        changed: list[tuple[Changed, int]] = []
        try:
            with self.session.progress(self.verb, total=len(ids)) as progress:
                for start in range(0, len(ids), TOGETHER):
                    with self._undone() if dry_run else nullcontext():
                        changed += self._apply_some(ids[start : start + TOGETHER])
                    progress.reach(len(changed))
        except KeyboardInterrupt:
            self.session.note(f"Stopped after {len(changed)} of {counted(len(ids))}.")
            raise
        return self._show(changed) if dry_run else _told(self.session, changed)

    def _apply_alone(self, job_id: int, dry_run: bool) -> int:
        with self._undone() if dry_run else nullcontext():
            result = self._call(job_id)
        if result == "ended":
            raise Problem(
                f"Job {job_id} had ended before.",
                next=f"autom jobs show {job_id}",
                code=exits.CONFLICT,
            )
        if dry_run:
            return self._show([(Changed(job_id, result), exits.OK)])
        self.session.table([Changed(job_id, result)], Changed, "job_id result")
        return exits.OK

    def _undone(self) -> AbstractContextManager[Any]:
        return self.session.connection.transaction(force_rollback=True)

    def _show(self, changed: list[tuple[Changed, int]]) -> int:
        """What a dry run changed, as it is; and what was refused."""
        ids = [done.job_id for done, code in changed if not code]
        bad = [(done, code) for done, code in changed if code]
        shown = ids[:SHOWN] if self.session.human else ids
        jobs = self.session.select("jobs.whereabouts", Job, where={"job_id": shown}, order="job_id")
        none = "" if bad else "No jobs that fit."
        self.session.table(jobs, Job, "job_id kind state since key? why", none)
        for done, _ in bad:
            self.session.note(f"{done.job_id}: {done.why}")
        if ids:
            self.session.note(f"It would {self.verb} {counted(len(ids))}.")
            return exits.CHANGES
        return max((code for _, code in bad), default=exits.OK)

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
            with self.session.connection.transaction():
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


def _told(
    session: Session,
    changed: Sequence[tuple[Changed, int]],
    columns: str = "job_id result",
    row: type[Changed] = Changed,
) -> int:
    """Print what became of each of many, and return the exit code."""
    bad = [done for done, code in changed if code]
    few = len(changed) <= SHOWN or not session.human
    shown = [done for done, _ in changed] if few else bad
    session.table(shown, row, None if bad else columns)
    if not few:
        session.note(f"{counted(len(changed) - len(bad))} of {len(changed):,}.")
    if not bad:
        return exits.OK
    return exits.PARTLY if len(bad) < len(changed) else max(code for _, code in changed)


def _confirm(session: Session, verb: str, kinds: list[str], yes: bool) -> None:
    counts = ", ".join(f"{count:,} {kind}" for kind, count in Counter(kinds).most_common(5))
    session.confirm(f"{verb.capitalize()} {counted(len(kinds))} ({counts})?", yes)


def _unspecified(verb: str) -> Problem:
    return Problem(
        f"Which jobs should I {verb}?",
        "Name them by their ids, or by at least one filter.",
        f"autom jobs {verb} --help",
        exits.USAGE,
    )


def counted(count: int) -> str:
    """``1 job``, ``1,200 jobs``."""
    return f"{count:,} job" + ("" if count == 1 else "s")
