"""What makes a database unusable: one sentence each, and nothing changed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from db import database, schema
from db.database import Unusable
from db.server import Server

SENTENCES = {
    "not a URL": "is not the URL of a PostgreSQL database: write it as postgresql://",
    "another product's URL": "is not the URL of a PostgreSQL database: write it as postgresql://",
    "nobody listens": "(Connection refused): see that the server runs",
    "no such host": "There is no way to the database x on nowhere.invalid",
    "no such database": '(database "missing" does not exist): see that',
    "no such user": '(role "stranger" does not exist): see that',
}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param("hello", "not a URL", id="not a URL"),
        pytest.param("mysql://u:secret@h/db", "another product's URL", id="another product's URL"),
        pytest.param(
            "postgresql://u:secret@127.0.0.1:{port}/x", "nobody listens", id="nobody listens"
        ),
        pytest.param("postgresql://u:secret@nowhere.invalid/x", "no such host", id="no such host"),
        pytest.param("{missing}", "no such database", id="no such database"),
        pytest.param("{stranger}", "no such user", id="no such user"),
    ],
)
def test_an_address_that_leads_nowhere(url: str, sentence: str, server: Server) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = url.format(
            port=reserved.getsockname()[1],
            missing=server.url("missing"),
            stranger=server.url("postgres", user="stranger"),
        )
        with pytest.raises(Unusable) as refused:
            database.migrate(url)
    assert SENTENCES[sentence] in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        pytest.param(90624, "The server is PostgreSQL 9.624 and", id="very old"),
        pytest.param(
            140019, "The server is PostgreSQL 14.19 and AutoM needs 15", id="the last too old"
        ),
        pytest.param(150000, None, id="the first new enough"),
        pytest.param(180006, None, id="the newest"),
    ],
)
def test_a_server_that_is_too_old(version: int, sentence: str | None) -> None:
    said = database.too_old(version)
    assert said is None if sentence is None else str(said).startswith(sentence)


@contextmanager
def unchanged(server: Server, name: str) -> Iterator[None]:
    before = schema.dump(server, name)
    yield
    assert schema.dump(server, name) == before


@pytest.fixture
def empty(server: Server) -> Iterator[str]:
    server.create_database("autom_empty")
    yield "autom_empty"
    server.drop_database("autom_empty")


@pytest.fixture
def guest(server: Server, empty: str) -> Iterator[str]:
    """A role that may connect and no more."""
    with database.connect(server.url()) as conn:
        conn.execute("create role guest login")
    yield "guest"
    server.drop_database(empty)
    with database.connect(server.url()) as conn:
        conn.execute("drop role guest")


@pytest.mark.parametrize(
    ("made_so_by", "sentence"),
    [
        pytest.param(
            "create table public.theirs (n integer)",
            "holds tables that are not AutoM's (public.theirs)",
            id="somebody's tables",
        ),
        pytest.param(
            "create schema jobs; create table jobs.theirs (n integer)",
            "holds tables that are not AutoM's (jobs.theirs)",
            id="somebody's tables under a name of ours",
        ),
        pytest.param(
            "alter database autom_empty set default_transaction_read_only = on",
            "The database autom_empty is read-only",
            id="read-only",
        ),
    ],
)
def test_a_database_that_must_not_be_touched(
    made_so_by: str, sentence: str, server: Server, empty: str
) -> None:
    with database.connect(server.url(empty)) as conn:
        conn.execute(made_so_by.encode())
    with unchanged(server, empty), pytest.raises(Unusable) as refused:
        database.migrate(server.url(empty))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_database_in_another_encoding(server: Server) -> None:
    with database.connect(server.url()) as conn:
        conn.execute(
            "create database autom_latin encoding 'SQL_ASCII' locale 'C' template template0"
            if server.major < 17
            else "create database autom_latin encoding 'SQL_ASCII' locale 'C'"
            " locale_provider libc template template0"
        )
    with (
        unchanged(server, "autom_latin"),
        pytest.raises(Unusable, match="stores text as SQL_ASCII"),
    ):
        database.migrate(server.url("autom_latin"))
    server.drop_database("autom_latin")


@pytest.mark.parametrize(
    ("rights", "sentence"),
    [
        pytest.param("select 1", "may not create schemas in the database autom_empty", id="none"),
        pytest.param(
            "grant create on database autom_empty to guest; alter role anon rename to anon_away",
            "may not create the roles that AutoM's rights go to (anon)",
            id="to create schemas but no roles",
        ),
    ],
)
def test_a_role_that_lacks_rights(
    rights: str, sentence: str, server: Server, empty: str, guest: str
) -> None:
    with database.connect(server.url()) as conn:
        conn.execute(rights.encode())
        with unchanged(server, empty), pytest.raises(Unusable) as refused:
            database.migrate(server.url(empty, user=guest))
        if "rename" in rights:
            conn.execute("alter role anon_away rename to anon")
    assert sentence in str(refused.value)


def test_a_role_with_just_these_rights_is_enough(server: Server, empty: str, guest: str) -> None:
    with database.connect(server.url()) as conn:
        conn.execute(b"grant create on database autom_empty to guest")
    database.migrate(server.url(empty, user=guest))
    assert database.check(server.url(empty, user=guest)).current


def test_only_the_owner_upgrades(server: Server, empty: str, guest: str) -> None:
    database.migrate(server.url(empty))
    with database.connect(server.url(empty)) as conn:
        conn.execute(b"grant create on database autom_empty to guest")
        conn.execute(b"grant usage on schema autom to guest")
        conn.execute(b"grant select on all tables in schema autom to guest")
    with unchanged(server, empty), pytest.raises(Unusable, match="only its owner can upgrade it"):
        database.migrate(server.url(empty, user=guest))


def test_a_database_that_a_newer_release_upgraded(server: Server, empty: str) -> None:
    database.migrate(server.url(empty))
    with database.connect(server.url(empty)) as conn:
        conn.execute(b"update autom.alembic_version set version_num = '9999'")
    with pytest.raises(Unusable, match="is at revision 9999, which this AutoM does not know"):
        database.migrate(server.url(empty))


def test_an_upgrade_that_cannot_lock_says_so_and_changes_nothing(
    server: Server, empty: str
) -> None:
    database.migrate(server.url(empty), "0002")
    with unchanged(server, empty), psycopg.connect(server.url(empty)) as other:
        other.execute("lock table autom.alembic_version")
        with pytest.raises(Unusable, match="waited 5 seconds for a lock"):
            database.migrate(server.url(empty))


def test_an_upgrade_that_would_strand_something_says_so_and_changes_nothing(
    server: Server, empty: str
) -> None:
    database.migrate(server.url(empty))
    with psycopg.connect(server.url(empty)) as other:
        other.execute("create function shops.old() returns integer language sql as 'select 1'")
        other.execute("create view theirs as select shops.old()")
        other.execute("delete from autom.code")
    leaning = r"\(view public.theirs depends on function shops.old\(\)\): drop that, upgrade, and"
    with unchanged(server, empty), pytest.raises(Unusable, match=leaning):
        database.migrate(server.url(empty))


def test_check_tells_what_an_upgrade_would_do(server: Server, empty: str) -> None:
    url = server.url(empty)
    assert [step.revision for step in database.check(url).pending] == ["0001", "0002", "0003"]
    database.migrate(url, "0002")
    state = database.check(url)
    assert (state.done, [step.revision for step in state.pending]) == (2, ["0003"])
    assert state.code_differs
    database.migrate(url)
    assert database.check(url).current
