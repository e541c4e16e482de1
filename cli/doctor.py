"""``autom doctor``: what is wrong here, and what puts it right."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from cli import exits
from cli.context import Database, database_url
from cli.exits import Problem
from cli.output import Output

if TYPE_CHECKING:
    from db.call import Connection as DbConnection

PATIENCE = timedelta(minutes=5)
"""How long a job may be ready, or a schedule due, before something is wrong."""

NAMED = 5
"""Alerts that are named; of more there is the number."""

CLOCKS_APART = timedelta(seconds=5)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    state: Literal["ok", "failed", "unseen"]
    found: str
    fix: str | None


@dataclass(frozen=True)
class Queue:
    """A row of jobs.queues_status."""

    queue: str
    paused: bool
    ready: int
    dead: int
    oldest_ready: timedelta | None
    workers: int


@dataclass(frozen=True)
class Schedule:
    """A row of jobs.schedule_status."""

    schedule: str
    late: timedelta | None


@dataclass(frozen=True)
class Alert:
    """A row of jobs.alerts_status."""

    severity: str
    rule: str
    about: str


@dataclass(frozen=True)
class Rule:
    """A row of jobs.alert_rules_status."""

    rule: str


@dataclass(frozen=True)
class Channel:
    """A row of jobs.alert_channels_status."""

    channel: str
    last_outcome: str | None
    last_reason: str | None
    is_deaf: bool


@dataclass(frozen=True)
class Key:
    """A row of accounts.keys_in_use."""

    key_id: str
    secrets: int


@dataclass(frozen=True)
class Connection:
    """A row of accounts.connections_status."""

    email: str
    service: str
    account: str
    alert: str | None


def doctor(out: Output, database: Database = None) -> int | None:
    """Look at everything that is apt to go wrong, and say what puts it right.

    $ autom doctor
    $ autom doctor --json | jq '.[] | select(.state == "failed")'

    The exit code is 1 where something failed. Nothing is changed. What this database role may not
    look at is listed as unseen.
    """
    findings = list(examined(database))
    out.table(findings, Finding)
    return exits.FAILED if any(finding.state == "failed" for finding in findings) else None


def examined(asked: str | None) -> Iterator[Finding]:
    """All findings; where the database is no good, that one alone."""
    from psycopg.errors import InsufficientPrivilege

    from db import database
    from db.database import Unusable
    from db.server import Unavailable

    try:
        url = database_url(asked)
        try:
            state = database.check(url)
        except InsufficientPrivilege:
            # Only the owner, who upgrades, reads the bookkeeping.
            state = None
    except (Unusable, Unavailable) as error:
        yield failed("database", str(error), None)
        return
    except Problem as problem:
        yield failed("database", f"{problem.what} {problem.why or ''}", problem.next)
        return
    yield ok("database", _where(url))
    if state is None:
        yield unseen("release")
    elif not state.current:
        late = f"{len(state.pending)} revisions are missing" if state.pending else "code differs"
        yield failed("release", f"The database is not of this release: {late}.", "autom migrate")
        return
    else:
        yield ok("release", f"At revision {state.chain[-1].revision}, code as the files say.")
    with database.reach(url) as conn:
        parts = {
            "clocks": clocks(conn),
            "queues": queues(conn),
            "schedules": schedules(conn),
            "alerts": alerts(conn),
            "channels": channels(conn),
            "connections": connections(conn),
            "keys": keys(conn, asked),
        }
        for check, findings in parts.items():
            try:
                yield from findings
            except InsufficientPrivilege:
                yield unseen(check)


def clocks(conn: DbConnection) -> Iterator[Finding]:
    from db.call import value

    apart = abs(value(conn, "jobs.clock") - datetime.now(UTC))
    if apart > CLOCKS_APART:
        yield failed(
            "clocks",
            f"This machine and the database are {apart.total_seconds():.0f} s apart.",
            "let NTP set both (timedatectl set-ntp true)",
        )
    else:
        yield ok("clocks", "This machine and the database agree.")


def queues(conn: DbConnection) -> Iterator[Finding]:
    from db.call import select

    rows = select(conn, "jobs.queues_status", Queue, order="queue")
    stuck = [row for row in rows if not row.paused and (row.oldest_ready or PATIENCE) > PATIENCE]
    unserved = [row for row in rows if row.ready and not row.workers]
    if not any(row.workers for row in rows):
        yield failed("workers", "None is alive.", "autom up, or autom work")
    elif unserved:
        names = ", ".join(row.queue for row in unserved)
        yield failed("workers", f"Nobody serves {names}.", "autom work")
    else:
        yield ok(
            "workers", f"Every queue is served, by {max(row.workers for row in rows)} at most."
        )
    if stuck:
        names = ", ".join(f"{row.queue} ({row.ready} ready)" for row in stuck)
        yield failed("queues", f"Jobs wait for more than 5 minutes: {names}.", "autom queue ls")
    else:
        yield ok("queues", "Nothing waits for more than 5 minutes.")
    if dead := sum(row.dead for row in rows):
        yield failed("dead jobs", f"{dead} gave up.", "autom jobs ls --state dead")
    else:
        yield ok("dead jobs", "None.")


def schedules(conn: DbConnection) -> Iterator[Finding]:
    from db.call import select

    rows = select(conn, "jobs.schedule_status", Schedule, order="schedule")
    if late := [row.schedule for row in rows if (row.late or PATIENCE) > PATIENCE]:
        yield failed(
            "schedules", f"Due and not run: {', '.join(late)}.", "a worker is the clock: autom up"
        )
    else:
        yield ok("schedules", "None is late.")


def alerts(conn: DbConnection) -> Iterator[Finding]:
    from db.call import select

    rows = select(conn, "jobs.alerts_status", Alert, {"state": "open"}, "first_seen desc")
    if rows:
        first = ", ".join(f"{row.rule} ({row.about})" for row in rows[:NAMED])
        more = f" and {len(rows) - NAMED:,} more" if len(rows) > NAMED else ""
        yield failed("alerts", f"Open: {first}{more}.", "autom alerts ls")
    else:
        yield ok("alerts", "None is open.")


def channels(conn: DbConnection) -> Iterator[Finding]:
    from db.call import select

    hear = select(conn, "jobs.alert_channels_status", Channel, {"enabled": True}, "channel")
    mute = select(conn, "jobs.alert_rules_status", Rule, {"enabled": True, "is_mute": True}, "rule")
    deaf = [row for row in hear if row.is_deaf]
    for row in deaf:
        yield failed(
            "channel",
            f"The last message to {row.channel} {row.last_outcome}: {row.last_reason}",
            f"autom alerts test {row.channel}",
        )
    if mute:
        yield failed(
            "channels",
            f"Rules whose channels are off or gone, so they tell nobody: {', '.join(row.rule for row in mute)}.",
            "autom alerts channels",
        )
    elif not hear:
        yield Finding("channels", "ok", "Nobody is told of alerts.", "autom alerts channel --help")
    elif not deaf:
        yield ok("channels", f"Alerts are told to {', '.join(row.channel for row in hear)}.")


def keys(conn: DbConnection, asked: str | None) -> Iterator[Finding]:
    from cli.keys import sealer
    from db.call import select

    ours: set[str] = set()
    with suppress(Problem):
        ours = set(sealer(asked).key_ids)
    foreign = [
        f"{row.key_id} ({row.secrets} secrets)"
        for row in select(conn, "accounts.keys_in_use", Key, order="key_id")
        if row.key_id not in ours
    ]
    if foreign:
        yield failed(
            "keys",
            f"Tokens were sealed by keys that are not here: {', '.join(foreign)}.",
            "add the key to AUTOM_SECRET_KEYS, or autom connect the accounts again",
        )
    else:
        yield ok("keys", "All tokens can be opened.")


def connections(conn: DbConnection) -> Iterator[Finding]:
    from db.call import select

    rows = select(conn, "accounts.connections_status", Connection, order="email, service")
    wrong = [row for row in rows if row.alert]
    for row in wrong:
        yield failed(
            "connection",
            f"{row.service} {row.account} of {row.email}: {row.alert}",
            "autom connect",
        )
    if not wrong:
        yield ok("connections", f"All {len(rows)} are well.")


def ok(check: str, found: str) -> Finding:
    return Finding(check, "ok", found, None)


def failed(check: str, found: str, fix: str | None) -> Finding:
    return Finding(check, "failed", found, fix)


def unseen(check: str) -> Finding:
    return Finding(
        check, "unseen", "This database role may not look.", "as the owner: autom doctor"
    )


def _where(url: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    given: dict[str, Any] = conninfo_to_dict(url)
    place = given.get("host") or os.environ.get("PGHOST") or "this machine"
    return f"{given.get('dbname', '')} on {place}"
