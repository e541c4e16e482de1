"""Keeps pg_cron in step with ``jobs.pg_cron_entries``.

pg_cron lives in one database of a server, mostly ``postgres``, and runs commands in the others. It is
one clock of several: workers tick too, so nothing waits where it is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from db.call import select
from db.database import connect

SECONDS = (1, 5)
"""The first version that knows steps below a minute."""

Connection = psycopg.Connection[Any]


class NoCron(Exception):
    """pg_cron cannot be used here; says why, and what to do."""


@dataclass(frozen=True)
class Entry:
    """A row of jobs.pg_cron_entries."""

    name: str
    schedule: str
    command: str
    minutely: str
    database: str


@dataclass(frozen=True)
class Installed:
    """An entry as pg_cron has it, and what was done about it."""

    name: str
    schedule: str
    database: str
    command: str
    change: str
    """new, changed or unchanged."""


def install(url: str, cron_url: str | None = None, *, dry_run: bool = False) -> list[Installed]:
    """Make pg_cron's entries for this database those of the view; again changes nothing.

    With ``dry_run`` all of it is undone: what is returned is what would be done.
    ``cron_url`` is pg_cron's own database where it is not on the same server under the name that
    the server's settings say. Raises NoCron.
    """
    with connect(url) as conn:
        wanted = select(conn, "jobs.pg_cron_entries", Entry, order="name")
        if cron_url is None:
            home = _one(conn, "select current_setting('cron.database_name', true)")
            if not home:
                raise NoCron(
                    "pg_cron is not loaded on this server: add it to shared_preload_libraries and "
                    "restart, or leave it to the workers, which tick as well."
                )
            cron_url = make_conninfo(url, dbname=home)
    with connect(cron_url) as cron, cron.transaction(force_rollback=dry_run):
        try:
            cron.execute("create extension if not exists pg_cron")
        except psycopg.errors.InsufficientPrivilege as error:
            raise NoCron(
                f"This role may not create the extension pg_cron in the database {cron.info.dbname}: "
                "create it there as a superuser, or name a role that may."
            ) from error
        version = _one(cron, "select extversion from pg_extension where extname = 'pg_cron'")
        fine = tuple(map(int, version.replace("-", ".").split(".")[:2])) >= SECONDS
        return _bring_in_step(cron, wanted, fine)


def _bring_in_step(cron: Connection, wanted: list[Entry], fine: bool) -> list[Installed]:
    # Two who install at once take turns.
    cron.execute("select pg_advisory_xact_lock(hashtext('autom: pg_cron'))")
    names = [entry.name for entry in wanted]
    there = {name: (job_id, line) for job_id, name, *line in cron.execute(THERE, [names])}
    found = []
    for entry in wanted:
        minutely = None if fine else entry.minutely
        schedule, command = ("* * * * *", minutely) if minutely else (entry.schedule, entry.command)
        database = entry.database or cron.info.dbname
        job_id, before = there.get(entry.name, (None, None))
        if before == [schedule, command, database, True]:
            change = "unchanged"
        elif job_id is None:
            change = "new"
            cron.execute(NEW, [entry.name, schedule, command, database])
        else:
            change = "changed"
            cron.execute(CHANGED, [job_id, schedule, command, database])
        found.append(Installed(entry.name, schedule, database, command, change))
    return found


def _one(conn: Connection, query: str) -> Any:
    row = conn.execute(query.encode()).fetchone()
    return row[0] if row else None


THERE = """
select j.jobid, j.jobname, j.schedule, j.command, j.database, j.active
from cron.job as j
where j.jobname = any(%s) and j.username = current_user
"""

NEW = "select cron.schedule_in_database(%s, %s, %s, %s)"

CHANGED = """
select cron.alter_job(%s, schedule => %s, command => %s, database => %s, active => true)
"""
