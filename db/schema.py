"""``python -m db.schema`` rewrites schema.sql: what all revisions and all code add up to."""

from __future__ import annotations

import re
from pathlib import Path

from db import database
from db.server import Server, temporary

FILE = Path(__file__).parent / "schema.sql"


def dump(server: Server, dbname: str) -> str:
    """The database's schema as pg_dump writes it, without what differs from server to server."""
    written = server.run(
        "pg_dump", "--schema-only", "--restrict-key=x", "--dbname", server.url(dbname)
    )
    return re.sub(r"(?m)^-- Dumped .*\n", "", written)


def main() -> None:
    with temporary() as server:
        server.create_database("autom")
        database.migrate(server.url("autom"))
        FILE.write_text(dump(server, "autom"))


if __name__ == "__main__":
    main()
