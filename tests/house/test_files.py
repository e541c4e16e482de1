"""What can be said of the SQL files without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from pglast import parse_plpgsql, parse_sql
from pglast.parser import ParseError

from db import code
from db.migrations import VERSIONS

FILES = [*code.ROOT.glob("functions/*/*.sql"), *code.ROOT.glob("views/*/*.sql")]
FILES += [*code.ROOT.glob("policies/*.sql"), *VERSIONS.glob("*.sql")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(code.ROOT)))
def test_a_file_parses(path: Path) -> None:
    text = path.read_text()
    parse_sql(text)
    if "language plpgsql" in text:
        try:
            parse_plpgsql(text)
        except ParseError as error:
            # It knows no types of ours; a server looks at these when they are applied.
            if "only supports pg_catalog and public" not in str(error):
                raise
