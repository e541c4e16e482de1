"""What must be true after the chaos, whatever happened, and how long it took to recover.

The workers' journals say which runs of handlers there were, the clients what was acknowledged, the
database what became of it; none of them knows of the others.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.chaos_load import AT_ONCE, BURST, RATE, Numbers
from bench.chaos_worker import Entry
from bench.report import Figure
from db import database

Connection = psycopg.Connection[Any]

WINDOW = 10.0
"""Seconds in which the starts of the rated key are counted."""


ONCE = "chaos.once"
"""The kind whose jobs are never sent twice; how one ended may be unknown."""


@dataclass(frozen=True)
class Happened:
    kind: str
    at: float
    """Unix time."""
    names: Sequence[str]
    """The workers that it befell."""


@dataclass(frozen=True)
class Seen:
    """What was seen from outside of the database."""

    drained: float | None
    """Seconds; None where something was left."""
    happened: Sequence[Happened]
    numbers: Numbers
    entries: Sequence[Entry]
    most_at_once: Counter[str]
    """Of each limited key."""
    refused: int
    died: Sequence[str]


@dataclass(frozen=True)
class Proof:
    figures: list[Figure]
    faults: list[str]
    """What should not have been; empty is a pass."""
    setting: dict[str, str]
    refused: int
    kinds: Counter[str]
    """What happened, and how often."""


@dataclass(frozen=True)
class Ended:
    """A run that ended its job."""

    job_id: int
    run_no: int
    worker_id: int | None
    state: str
    token: str | None
    number: int
    kind: str

    @property
    def may_be(self) -> set[str]:
        """How it may have ended."""
        return {"done", "unknown"} if self.kind == ONCE else {"done"}


def prove(url: str, seen: Seen) -> Proof:
    with database.connect(url) as conn:
        ended = [Ended(*row) for row in conn.execute(ENDED).fetchall()]
        faults = [
            *_undrained(conn, seen),
            *_lost(conn, seen.numbers, ended),
            *_of_nobody(seen.entries, ended),
            *_repeated(seen.entries, ended),
            *_overshot(conn, seen.most_at_once),
            *_too_early(conn, seen.entries),
            *(f"the worker {name} ended by itself" for name in seen.died),
        ]
        figures = [*_figures(seen, ended, faults), *_recoveries(conn, seen.happened)]
        setting = dict(conn.execute(SETTING).fetchall())
    kinds = Counter(each.kind for each in seen.happened)
    return Proof(figures, faults, setting, seen.refused, kinds)


def _undrained(conn: Connection, seen: Seen) -> Iterator[str]:
    if seen.drained is None:
        rows = conn.execute("select state, count(*) from jobs.active group by state").fetchall()
        yield f"the queue did not drain: {dict(rows)}"
    for fault, count in conn.execute(
        "select fault, count(*) from jobs.faults group by fault"
    ).fetchall():
        yield f"{fault}: {count}"


def _lost(conn: Connection, numbers: Numbers, ended: Sequence[Ended]) -> Iterator[str]:
    """Acknowledged jobs are there, once, and are done; others are there only if they may be."""
    there = Counter(dict(conn.execute(THERE).fetchall()))
    well = {each.job_id for each in ended if each.state in each.may_be}
    for number, job_id in numbers.acknowledged.items():
        if not there[number]:
            yield f"job {job_id} was acknowledged and is lost"
        elif job_id not in well:
            yield f"job {job_id} was acknowledged and is not done"
    for number, count in there.items():
        if count > 1:
            yield f"number {number} was enqueued {count} times"
        if number not in numbers.acknowledged and number not in numbers.unanswered:
            yield f"number {number} is there, and nobody enqueued it"
    for job_id, count in Counter(each.job_id for each in ended).items():
        if count > 1:
            yield f"job {job_id} ended {count} times"


def _repeated(entries: Sequence[Entry], ended: Sequence[Ended]) -> Iterator[str]:
    """What is sent once at most was not sent twice."""
    runs = Counter(entry.number for entry in entries)
    for each in ended:
        if each.kind == ONCE and runs[each.number] > 1:
            yield f"job {each.job_id} was sent {runs[each.number]} times"


def _of_nobody(entries: Sequence[Entry], ended: Sequence[Ended]) -> Iterator[str]:
    """Each answer that was taken is that of the run that ended, by the worker that had it."""
    by_token = {entry.token: entry for entry in entries}
    taken = Counter(each.token for each in ended if each.token)
    for token, count in taken.items():
        if count > 1:
            yield f"the answer {token} ended {count} runs"
    for each in ended:
        entry = by_token.get(each.token or "")
        run = f"run {each.run_no} of job {each.job_id}"
        if each.state not in each.may_be:
            yield f"{run} ended as {each.state}"
        elif each.state == "unknown":
            continue
        elif entry is None:
            yield f"{run} ended with an answer that nobody gave ({each.token})"
        elif entry.number != each.number:
            yield f"{run} ended with the answer of another job ({each.token})"
        elif entry.worker_id != each.worker_id or entry.run not in (
            None,
            (each.job_id, each.run_no),
        ):
            yield f"{run}, of worker {each.worker_id}, ended with a stale answer ({entry})"


def _overshot(conn: Connection, most_at_once: Counter[str]) -> Iterator[str]:
    for key, count in most_at_once.items():
        if key not in ("", "rated") and count > AT_ONCE:
            yield f"{count} jobs of the key {key} ran at once"
    starts = [at for (at,) in conn.execute(RATED).fetchall()]
    first = 0
    for last, at in enumerate(starts):
        while at - starts[first] >= WINDOW:
            first += 1
        if last - first + 1 > BURST + RATE * WINDOW + 1:
            yield f"{last - first + 1} jobs of the rated key began within {WINDOW:g} s"


def _too_early(conn: Connection, entries: Sequence[Entry]) -> Iterator[str]:
    """By the clock of the workers: whoever waits for others begins when they have answered."""
    answered = {entry.token: entry.answered for entry in entries}
    first: dict[int, float] = {}
    for entry in entries:
        first[entry.number] = min(entry.began, first.get(entry.number, entry.began))
    for child, job_id, token in conn.execute(PARENTS).fetchall():
        if child in first and first[child] < (answered.get(token) or 0):
            yield f"number {child} began before job {job_id}, for which it waits, had ended"


def _figures(seen: Seen, ended: Sequence[Ended], faults: Sequence[str]) -> Iterator[Figure]:
    def count(
        what: str, number: float, target: str | None = None, met: bool | None = None
    ) -> Figure:
        return Figure(what, "", number, target=target, met=met)

    runs = Counter(entry.number for entry in seen.entries)
    taken = {each.token for each in ended}
    answered = [entry for entry in seen.entries if entry.answered]
    yield count("jobs acknowledged", len(seen.numbers.acknowledged))
    yield count("enqueues without an answer, in jobs", len(seen.numbers.unanswered))
    yield count("jobs done", sum(each.state == "done" for each in ended))
    yield count(
        "jobs sent at most once, of which nobody knows", sum(e.state == "unknown" for e in ended)
    )
    yield count("handler runs", len(seen.entries))
    yield count("jobs whose handler ran more than once", sum(n > 1 for n in runs.values()))
    yield count(
        "answers that came too late or never arrived", sum(e.token not in taken for e in answered)
    )
    yield count("reports refused, at least", seen.refused)
    yield count("faults", len(faults), "0", not faults)
    if seen.drained is not None:
        yield Figure("drained, after all was healed", "s", round(seen.drained, 1))


def _recoveries(conn: Connection, happened: Sequence[Happened]) -> Iterator[Figure]:
    """How often each happened, and how soon work went on.

    Where workers were killed or frozen: until others had all that they held. Else until each that
    it befell had ended a job that it began after.
    """
    lost: dict[str, list[tuple[float, float]]] = defaultdict(list)
    began: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, started, finished, state in conn.execute(RUNS).fetchall():
        (lost if state == "lost" else began)[name].append((started, finished))
    for kind in sorted({each.kind for each in happened}):
        times, took = 0, []
        for each in (each for each in happened if each.kind == kind):
            times += 1
            if kind.startswith("a worker"):
                held = [
                    end
                    for name in each.names
                    for begin, end in lost[name]
                    if begin <= each.at < end
                ]
                took += [max(held) - each.at] if held else []
            else:
                firsts = [
                    min((end for begin, end in began[name] if begin > each.at), default=None)
                    for name in each.names
                ]
                took += [first - each.at for first in firsts if first is not None]
        yield Figure(kind, "times", times)
        if took:
            yield Figure(
                "  work went on after",
                "s",
                round(statistics.median(took), 1),
                round(min(took), 1),
                round(max(took), 1),
                p95=round(sorted(took)[int(len(took) * 0.95)], 1),
            )


ENDED = """
select h.job_id, h.run_no, h.worker_id, h.state, h.result ->> 'token', (j.payload ->> 'n')::integer,
       j.kind
from jobs.history as h
join jobs.jobs as j on j.job_id = h.job_id
where h.state not in ('retry', 'lost') and j.queue in ('chaos', 'chaos_limited')
order by h.job_id, h.run_no
"""

THERE = """
select (j.payload ->> 'n')::integer, count(*)::integer
from jobs.jobs as j
where j.queue in ('chaos', 'chaos_limited')
group by 1
"""

RATED = """
select extract(epoch from h.started_at)::double precision
from jobs.history as h
join jobs.jobs as j on j.job_id = h.job_id
where j.key = 'rated' and h.started_at is not null
order by 1
"""

PARENTS = """
select (j.payload ->> 'n')::integer, p.job_id, p.result ->> 'token'
from jobs.waits as w
join jobs.jobs as j on j.job_id = w.job_id
join jobs.history as p on p.job_id = w.parent_id and p.state = 'done'
"""

RUNS = """
select w.name, extract(epoch from h.started_at)::double precision,
       extract(epoch from h.finished_at)::double precision, h.state
from jobs.history as h
join jobs.workers as w on w.worker_id = h.worker_id
where h.started_at is not null
"""

SETTING = """
select s.name, s.setting from pg_settings as s
where s.name in ('server_version', 'fsync', 'synchronous_commit')
"""
