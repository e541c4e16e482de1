"""The database that AutoM works in: open it, see whether it may be used, bring it to head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config


def connect(url: str, **options: Any) -> psycopg.Connection[Any]:
    """A connection whose every call is its own transaction; right for PgBouncer too."""
    return psycopg.connect(url, autocommit=True, prepare_threshold=None, **options)


async def aconnect(url: str, **options: Any) -> psycopg.AsyncConnection[Any]:
    """``connect`` for asynchronous code."""
    return await psycopg.AsyncConnection.connect(
        url, autocommit=True, prepare_threshold=None, **options
    )


def migrate(url: str, to: str = "head") -> None:
    """Bring the database to a revision; at head, its code to the files."""
    command.upgrade(_alembic(url, "upgrade"), to)


def downgrade(url: str, to: str) -> None:
    """Take the database back to a revision; ``base`` leaves nothing."""
    command.downgrade(_alembic(url, "downgrade"), to)


def _alembic(url: str, name: str) -> Config:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    config.set_main_option("path_separator", "os")
    config.attributes.update(url=url, command=name)
    return config
