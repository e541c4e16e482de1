"""Tokens reach handlers in clear, the database never, and move from key to key."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from db import database
from db.call import call, value
from tests.fixtures.accounts import connection, user
from workers.credentials import Credentials
from workers.outcome import Done, GiveUp, Outcome, TryLater, Unknown
from workers.seal import Sealer
from workers.tokens import NoCredentials, Rotation, Secret, noted, resolver, rotate

OLD, NEW = Sealer(["o" * 32]), Sealer(["n" * 32, "o" * 32])
TOKENS = {"access": "the access", "refresh": "the refresh", "client_secret": "the secret"}


def secrets(conn: psycopg.Connection[Any]) -> dict[tuple[Any, str], tuple[str, str, Any]]:
    rows = conn.execute(
        "select connection_id, field, key_id, sealed, stored_at from accounts.secrets"
    )
    return {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows.fetchall()}


def resolve(url: str, sealer: Sealer):
    return resolver(lambda: _Lent(url), sealer)


class _Lent:
    def __init__(self, url: str) -> None:
        self.url = url

    async def __aenter__(self) -> psycopg.AsyncConnection[Any]:
        self.conn = await database.aconnect(self.url)
        return self.conn

    async def __aexit__(self, *_: object) -> None:
        await self.conn.close()


@pytest.fixture
def connected(database):
    with psycopg.connect(database, autocommit=True) as conn:
        connection_id = connection(conn, user(conn), sealer=OLD, tokens=TOKENS, client_id="id")
    return database, connection_id


async def test_a_handler_gets_the_tokens_in_clear(connected):
    url, connection_id = connected
    got = await resolve(url, NEW)(connection_id)
    assert (got.service, got.account) == ("shopify", "acme.myshopify.com")
    assert (got.base_url, got.api_version) == ("https://acme.myshopify.com", "2026-10")
    assert {name: getattr(got, name) for name in TOKENS} == TOKENS
    assert not any(token in repr(got) for token in TOKENS.values())
    assert NEW.unseal(connection_id, "access", got.seal("access", "another")) == "another"


async def test_a_connection_that_is_gone_has_no_credentials(database):
    with pytest.raises(NoCredentials, match="gone or disconnected"):
        await resolve(database, NEW)(uuid4())


async def test_a_disconnected_connection_has_no_credentials(connected):
    url, connection_id = connected
    with psycopg.connect(url, autocommit=True) as conn:
        value(conn, "accounts.disconnect", connection_id=connection_id)
        assert secrets(conn) == {}
    with pytest.raises(NoCredentials, match="gone or disconnected"):
        await resolve(url, NEW)(connection_id)


async def test_tokens_of_a_lost_key_are_named(connected):
    url, connection_id = connected
    with pytest.raises(NoCredentials, match=f"sealed by key {OLD.key_id}, which is not in"):
        await resolve(url, Sealer(["x" * 32]))(connection_id)


async def test_a_token_copied_to_another_connection_does_not_open(database):
    with psycopg.connect(database, autocommit=True) as conn:
        mine, theirs = (connection(conn, user(conn), sealer=OLD) for _ in range(2))
        conn.execute(
            "update accounts.secrets as s set sealed = t.sealed from accounts.secrets as t"
            " where s.connection_id = %s and t.connection_id = %s",
            [mine, theirs],
        )
    with pytest.raises(NoCredentials, match="does not open"):
        await resolve(database, NEW)(mine)


@pytest.mark.parametrize(
    ("outcome", "good", "error"),
    [
        pytest.param(Done({}), True, None, id="done"),
        pytest.param(TryLater(2, "Slow down.", "throttled"), True, None, id="throttled"),
        pytest.param(GiveUp("No such board.", "not_found"), True, None, id="our own mistake"),
        pytest.param(
            TryLater(None, "503", "server_error"),
            False,
            "server_error: 503",
            id="the service is down",
        ),
        pytest.param(Unknown("No answer."), False, "No answer.", id="no answer"),
    ],
)
async def test_how_a_call_ended_is_noted_at_its_connection(connected, outcome, good, error):
    url, connection_id = connected

    async def handler(request: Any, credentials: Credentials, http: httpx.AsyncClient) -> Outcome:
        return outcome

    handlers = noted({"a.kind": handler}, lambda: _Lent(url))
    credentials = await resolve(url, NEW)(connection_id)
    async with httpx.AsyncClient() as http:
        assert await handlers["a.kind"]({}, credentials, http) is outcome
    with psycopg.connect(url) as conn:
        assert conn.execute(
            "select last_good_call_at is not null, last_error from accounts.connections"
        ).fetchone() == (good, error)


async def test_a_job_without_a_connection_calls_nobody():
    async def handler(request: Any, credentials: Credentials, http: httpx.AsyncClient) -> Outcome:
        raise AssertionError("called")

    async with httpx.AsyncClient() as http:
        outcome = await noted({"a.kind": handler}, lambda: _Lent(""))["a.kind"]({}, None, http)
    assert isinstance(outcome, GiveUp)


async def test_an_outcome_is_not_lost_when_it_cannot_be_noted(connected):
    url, connection_id = connected

    async def handler(request: Any, credentials: Credentials, http: httpx.AsyncClient) -> Outcome:
        return Done("an answer")

    handlers = noted({"a.kind": handler}, lambda: _Lent(url.replace("autom_", "no_")))
    credentials = await resolve(url, NEW)(connection_id)
    async with httpx.AsyncClient() as http:
        assert await handlers["a.kind"]({}, credentials, http) == Done("an answer")


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_rotation_seals_all_with_the_first_key_and_changes_nothing_else(db, batch):
    ids = [connection(db, user(db), sealer=OLD, tokens=TOKENS) for _ in range(3)]
    before = secrets(db)
    assert {key_id for key_id, _, _ in before.values()} == {OLD.key_id}

    assert rotate(db, NEW, batch) == Rotation(resealed=9)

    after = secrets(db)
    assert {key_id for key_id, _, _ in after.values()} == {NEW.key_id}
    assert {place: row[2] for place, row in after.items()} == {
        place: row[2] for place, row in before.items()
    }
    alone = Sealer(["n" * 32])
    for (connection_id, field), (_, sealed, _) in after.items():
        assert connection_id in ids
        assert alone.unseal(connection_id, field, sealed) == TOKENS[field]
    assert rotate(db, NEW) == Rotation(resealed=0)


def test_rotation_tells_what_it_cannot_open_and_goes_on(db):
    lost = connection(db, user(db), sealer=Sealer(["l" * 32]))
    connection(db, user(db), sealer=OLD)
    rotation = rotate(db, NEW, batch=1)
    assert rotation.resealed == 1
    assert [str(lost) in told for told in rotation.unreadable] == [True]


def test_rotation_leaves_a_token_alone_that_was_renewed_meanwhile(db):
    connection_id = connection(db, user(db), sealer=OLD)
    (stale,) = call(db, "accounts.sealed_by_other_keys", Secret, key_id=NEW.key_id, limit=10)
    renewed = OLD.seal(connection_id, "access", "renewed")
    value(db, "accounts.store_tokens", connection_id=connection_id, access=renewed)
    resealed = value(
        db,
        "accounts.reseal",
        connection_ids=[connection_id],
        fields=["access"],
        old=[stale.sealed],
        new=[NEW.seal(connection_id, "access", "a-token")],
    )
    assert resealed == 0
    assert secrets(db)[connection_id, "access"][1] == renewed


def test_the_view_tells_which_keys_are_in_use(db):
    connection(db, user(db), sealer=OLD, tokens=TOKENS)
    connection(db, user(db), sealer=NEW)
    rows = db.execute("select key_id, secrets from accounts.keys_in_use").fetchall()
    assert dict(rows) == {OLD.key_id: 3, NEW.key_id: 1}
