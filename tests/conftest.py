"""One server a session, one database migrated once and cloned.

``db``              a connection whose work is rolled back
``database``        the URL of a database that others may connect to, emptied before each use
``fresh_database``  the URL of a clone that nobody else uses, dropped after
``server``          the server itself
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from db import database as migrations
from db.clock import make_clock_movable
from db.server import Server, temporary

FIXTURES = Path(__file__).parent / "fixtures"
TEMPLATE = "autom_template"

pytest.register_assert_rewrite("tests.fixtures")
pytest_plugins = [
    f"tests.fixtures.{path.stem}"
    for path in sorted(FIXTURES.glob("*.py"))
    if path.stem != "__init__"
]

_number = itertools.count(1)

# Whoever starts the tests in the background may have them ignore Ctrl-C, and all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A private server with the template at head, its clock replaced by the one tests can set."""
    with temporary() as server:
        url = server.create_database(TEMPLATE)
        migrations.migrate(url)
        with migrations.connect(url) as conn:
            make_clock_movable(conn)
        with migrations.connect(server.url()) as conn:
            conn.execute(
                f"alter database {TEMPLATE} with is_template true allow_connections false".encode()
            )
        yield server


@pytest.fixture(scope="session")
def _shared(server: Server) -> Iterator[psycopg.Connection[Any]]:
    with migrations.connect(server.create_database("autom_rollback", TEMPLATE)) as conn:
        yield conn


@pytest.fixture
def db(_shared: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Whatever a test does here is undone; a second connection would not see it."""
    with _shared.transaction(force_rollback=True):
        yield _shared


@pytest.fixture
def fresh_database(server: Server) -> Iterator[str]:
    name = f"autom_fresh_{next(_number)}"
    yield server.create_database(name, TEMPLATE)
    server.drop_database(name)


@pytest.fixture(scope="session")
def _committed(server: Server) -> str:
    """A clone that remembers, in a schema of its own, the rows that the revisions put in."""
    url = server.create_database("autom_committed", TEMPLATE)
    with migrations.connect(url) as conn:
        conn.execute("create schema seeds")
        for (table,) in conn.execute(TABLES).fetchall():
            name = sql.Identifier("seeds", table)
            conn.execute(sql.SQL("create table {} as table {}").format(name, sql.SQL(table)))
    return url


@pytest.fixture
def database(_committed: str) -> str:
    """Emptied of what the last test left, but for the rows that the revisions put in."""
    with migrations.connect(_committed) as conn:
        conn.execute(OTHERS_LEAVE)
        with conn.transaction():
            conn.execute("set local session_replication_role = replica")
            conn.execute(RESTORE)
    return _committed


TABLES = """
select c.oid::regclass::text
from pg_class as c
where c.relkind = 'r' and c.relnamespace::regnamespace::text = any (array['jobs', 'accounts', 'shops'])
"""

OTHERS_LEAVE = """
select pg_terminate_backend(a.pid, 5000)
from pg_stat_activity as a
where a.datname = current_database() and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
"""

RESTORE = """
do $$
declare
  v_table   record;
  v_columns text;
begin
  for v_table in
    select c.oid, c.oid::regclass::text as name
    from pg_class as c
    where c.relkind = 'r' and c.relnamespace::regnamespace::text = any (array['jobs', 'accounts', 'shops'])
  loop
    execute format('delete from %s', v_table.name);
    if to_regclass(format('seeds.%I', v_table.name)) is not null then
      select string_agg(format('%I', a.attname), ', ')
      from pg_attribute as a
      where a.attrelid = v_table.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      into v_columns;
      execute format('insert into %s (%s) overriding system value select %s from seeds.%I',
                     v_table.name, v_columns, v_columns, v_table.name);
    end if;
  end loop;
end;
$$
"""
