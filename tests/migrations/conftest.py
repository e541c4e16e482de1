"""Empty databases, and what one looks like at head."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from db import database, schema
from db.server import Server

_number = itertools.count(1)


@pytest.fixture
def new(server: Server) -> Iterator[Callable[[], str]]:
    """Makes an empty database and returns its name; all are dropped after the test."""
    names: list[str] = []

    def make() -> str:
        names.append(f"autom_empty_{next(_number)}")
        server.create_database(names[-1])
        return names[-1]

    yield make
    for name in names:
        server.drop_database(name)


@pytest.fixture(scope="session")
def at_head(server: Server) -> str:
    """The dump of a database that was upgraded from empty to head."""
    database.migrate(server.create_database("autom_head"))
    dumped = schema.dump(server, "autom_head")
    server.drop_database("autom_head")
    return dumped
