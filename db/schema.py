"""``python -m db.schema`` rewrites schema.sql: what all revisions and all code add up to."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from db import database
from db.server import MINIMUM, Server, temporary

FILE = Path(__file__).parent / "schema.sql"

WRITTEN_BY = MINIMUM
"""The major version whose pg_dump writes the file; others spell views and constraints their way."""


def dump(server: Server, dbname: str) -> str:
    """The database's schema as pg_dump writes it, without what differs from server to server."""
    written = server.run(
        "pg_dump",
        "--schema-only",
        "--no-owner",
        "--restrict-key=x",
        "--dbname",
        server.url(dbname),
    )
    return re.sub(r"(?m)^-- Dumped .*\n", "", written)


def main() -> None:
    with temporary() as server:
        if server.major != WRITTEN_BY:
            sys.exit(f"schema.sql is written by PostgreSQL {WRITTEN_BY}: name it in AUTOM_PG_BIN.")
        database.migrate(server.create_database("autom"))
        FILE.write_text(dump(server, "autom"))


if __name__ == "__main__":
    main()
