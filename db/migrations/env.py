"""What Alembic runs: revisions and, at head, the code, in one transaction under one lock."""

from __future__ import annotations

import os
import time
from typing import Any

import psycopg
from alembic import context
from sqlalchemy import Connection, create_engine, pool

from db import code

TURN = "select pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('autom.migrate'))"


def command() -> str:
    """This file also runs for ``alembic current`` and ``check``, which must write nothing."""
    chosen = getattr(context.config.cmd_opts, "cmd", None)
    name = chosen[0].__name__ if chosen else context.config.attributes.get("command")
    return str(name)


def connect() -> psycopg.Connection[Any]:
    url = context.config.attributes.get("url") or os.environ.get("AUTOM_DATABASE_URL")
    if not url:
        raise SystemExit("Which database? Set AUTOM_DATABASE_URL.")
    return psycopg.connect(url, prepare_threshold=None)


def take_turn(driver: psycopg.Connection[Any]) -> None:
    """Ask again and again: to wait inside the lock would hold a snapshot meanwhile."""
    while driver.execute(TURN).fetchone() != (True,):
        driver.rollback()
        time.sleep(0.1)


def migrate(connection: Connection) -> None:
    writes = command() in ("upgrade", "downgrade")
    context.configure(
        connection=connection,
        target_metadata=None,
        transaction_per_migration=False,
        version_table="alembic_version",
        version_table_schema="autom",
    )
    with context.begin_transaction():
        driver: Any = connection.connection.driver_connection
        if writes:
            take_turn(driver)
            driver.execute("set local search_path = ''")
            driver.execute("set local lock_timeout = '5s'")
            driver.execute("create schema if not exists autom")
        context.run_migrations()
        if writes:
            settle(driver)


def settle(driver: psycopg.Connection[Any]) -> None:
    present = context.get_context().get_current_heads()
    if set(present) == set(context.script.get_heads()):
        code.apply(driver)
    elif present:
        code.forget(driver)
    else:
        driver.execute("drop table if exists autom.code, autom.alembic_version")
        driver.execute("drop schema autom")


if context.is_offline_mode():
    raise SystemExit("There is no --sql: code is applied by its checksum, which a server keeps.")

engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=pool.NullPool)
with engine.connect() as connection:
    migrate(connection)
