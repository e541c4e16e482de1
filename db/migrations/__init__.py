"""Revisions: numbered steps in plain SQL, each beside a few lines that name its file."""

from __future__ import annotations

from pathlib import Path

from alembic import op

VERSIONS = Path(__file__).parent / "versions"


def run(*names: str) -> None:
    """Run files of ``versions/`` in the revision's transaction.

    The text goes through psycopg's own execute: SQLAlchemy would read ``:name`` and ``%`` in it.
    """
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    for name in names:
        try:
            driver.execute((VERSIONS / name).read_text())
        except Exception as error:
            error.add_note(f"while running {name}")
            raise
