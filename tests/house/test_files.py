"""What can be said of the SQL files without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from pglast import parse_plpgsql, parse_sql

from db import code
from db.migrations import VERSIONS

FILES = [*code.ROOT.glob("functions/*/*.sql"), *code.ROOT.glob("views/*/*.sql")]
FILES += [*code.ROOT.glob("policies/*.sql"), *VERSIONS.glob("*.sql")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(code.ROOT)))
def test_a_file_parses(path: Path) -> None:
    text = path.read_text()
    parse_sql(text)
    if "language plpgsql" in text:
        parse_plpgsql(text)
