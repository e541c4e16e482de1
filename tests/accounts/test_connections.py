"""Connections: how they are opened, what they hold, and what their status says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from db.call import select, value
from db.errors import NoSuchAccount, NoSuchConnection, NoSuchService, NoSuchUser
from tests.fixtures.accounts import connection, user
from tests.fixtures.clock import at

NOW = "2026-03-10 12:00+00"
SCOPES = ["boards:read", "boards:write", "pins:read", "pins:write", "user_accounts:read"]


@dataclass(frozen=True)
class Status:
    state: str
    alert: str | None
    missing_scopes: list[str]
    last_good_call_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None


def status(conn: psycopg.Connection[Any], connection_id: UUID) -> Status:
    (row,) = select(
        conn, "accounts.connections_status", Status, where={"connection_id": connection_id}
    )
    return row


def test_the_same_account_is_the_same_connection(db):
    user_id = user(db)
    asked = {"user_id": user_id, "service": "shopify", "account": "acme.myshopify.com"}
    first = value(db, "accounts.open_connection", **asked)
    assert value(db, "accounts.open_connection", **asked, client_id="app") == first
    assert value(db, "accounts.open_connection", **asked) == first
    assert db.execute("select client_id, state from accounts.connections").fetchall() == [
        ("app", "pending")
    ]
    assert value(db, "accounts.open_connection", **(asked | {"user_id": user(db)})) != first


@pytest.mark.parametrize(
    ("service", "account", "error"),
    [
        pytest.param("shopify", "acme", NoSuchAccount, id="a shop is named by its domain"),
        pytest.param("shopify", "evil.example", NoSuchAccount, id="a shop's domain is Shopify's"),
        pytest.param(
            "shopify", "a.example/x.myshopify.com", NoSuchAccount, id="no path hides in a domain"
        ),
        pytest.param(
            "shopify", "evil.example\n.myshopify.com", NoSuchAccount, id="no line end either"
        ),
        pytest.param("pinterest", "a b", NoSuchAccount, id="no blanks"),
        pytest.param("myspace", "acme", NoSuchService, id="an unknown service"),
    ],
)
def test_what_cannot_be_opened(db, service, account, error):
    with pytest.raises(error):
        value(db, "accounts.open_connection", user_id=user(db), service=service, account=account)


def test_nobody_cannot_open_a_connection(db):
    with pytest.raises(NoSuchUser):
        value(db, "accounts.open_connection", user_id=uuid4(), service="openai", account="default")


@pytest.mark.parametrize(
    "function", ["accounts.store_tokens", "accounts.disconnect", "accounts.check"]
)
def test_a_connection_that_is_nobodys(db, function):
    with pytest.raises(NoSuchConnection):
        rest = {"access": None} if function == "accounts.store_tokens" else {}
        value(db, function, connection_id=uuid4(), **rest)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("shpat_0123456789abcdef0123456789abcdef", id="a Shopify token"),
        pytest.param("sk-proj-" + "A" * 100, id="an OpenAI key"),
        pytest.param("pina_" + "A" * 60, id="a Pinterest token"),
        pytest.param("v1.key.short", id="something too short to be sealed"),
        pytest.param("v1.key." + "A" * 60 + " ", id="something with a blank"),
        pytest.param("", id="nothing"),
    ],
)
@pytest.mark.parametrize("field", ["access", "refresh", "client_secret"])
def test_plain_text_can_never_be_stored(db, token, field):
    connection_id = connection(db, user(db), tokens={})
    with pytest.raises(psycopg.errors.CheckViolation, match="secrets_are_never_plain_text"):
        value(
            db,
            "accounts.store_tokens",
            connection_id=connection_id,
            **({"access": None} | {field: token}),
        )


def test_a_null_keeps_the_token_that_is_there(db):
    connection_id = connection(db, user(db), tokens={"access": "a", "refresh": "r"})
    before = db.execute("select sealed from accounts.secrets where field = 'refresh'").fetchone()
    connection(db, user(db), account="other.myshopify.com")
    value(
        db,
        "accounts.store_tokens",
        connection_id=connection_id,
        access="v1.key." + "A" * 40,
        expires_at=NOW,
    )
    rows = db.execute(
        "select field, sealed from accounts.secrets where connection_id = %s order by field",
        [connection_id],
    ).fetchall()
    assert rows == [("access", "v1.key." + "A" * 40), ("refresh", *before)]


@pytest.mark.parametrize(
    ("stored", "then", "state", "alert"),
    [
        pytest.param({"scopes": SCOPES}, None, "connected", None, id="all is well"),
        pytest.param({}, None, "connected", None, id="scopes not known are not missing"),
        pytest.param(
            {"tokens": {}}, None, "pending", "It has no access token yet.", id="no token yet"
        ),
        pytest.param(
            {"scopes": SCOPES[:3]},
            None,
            "connected",
            "Scopes are missing: pins:write, user_accounts:read.",
            id="scopes are missing",
        ),
        pytest.param(
            {"expires_at": "2026-03-10 12:00+00"},
            None,
            "expired",
            "The access token has run out and was not renewed.",
            id="the access token ran out",
        ),
        pytest.param(
            {
                "tokens": {"access": "a", "refresh": "r"},
                "refresh_expires_at": "2026-03-24 11:59+00",
            },
            None,
            "connected",
            "The refresh token ends on 2026-03-24: connect it again before.",
            id="the refresh token has less than 14 days",
        ),
        pytest.param(
            {
                "tokens": {"access": "a", "refresh": "r"},
                "refresh_expires_at": "2026-03-24 12:01+00",
            },
            None,
            "connected",
            None,
            id="the refresh token has more than 14 days",
        ),
        pytest.param(
            {},
            ("accounts.disconnect", {}),
            "revoked",
            "Disconnected: store a token to connect it again.",
            id="disconnected",
        ),
        pytest.param(
            {},
            ("accounts.note_call", {"ok": False, "error": "500"}),
            "connected",
            "The last call failed: see last_error.",
            id="the last call failed",
        ),
    ],
)
def test_the_status_says_what_is_wrong(db, stored, then, state, alert):
    at(db, NOW)
    connection_id = connection(db, user(db), "pinterest", "default", **stored)
    if then is not None:
        function, arguments = then
        value(db, function, connection_id=connection_id, **arguments)
    row = status(db, connection_id)
    assert (row.state, row.alert) == (state, alert)


def test_good_calls_are_noted_once_a_minute_and_after_an_error_at_once(db):
    connection_id = connection(db, user(db))
    versions = []
    for moment, ok in [
        ("12:00:00", True),
        ("12:00:30", True),
        ("12:00:40", False),
        ("12:00:50", True),
        ("12:00:55", True),
        ("12:02:00", True),
    ]:
        at(db, f"2026-03-10 {moment}+00")
        value(
            db,
            "accounts.note_call",
            connection_id=connection_id,
            ok=ok,
            error=None if ok else "x" * 1000,
        )
        row = status(db, connection_id)
        versions.append((f"{row.last_good_call_at:%H:%M:%S}", row.alert is None))
    assert versions == [
        ("12:00:00", True),
        ("12:00:00", True),
        ("12:00:00", False),
        ("12:00:50", True),
        ("12:00:50", True),
        ("12:02:00", True),
    ]
    assert row.last_error == "x" * 500


def test_a_token_brings_a_disconnected_connection_back(db):
    user_id = user(db)
    connection_id = connection(db, user_id)
    value(db, "accounts.disconnect", connection_id=connection_id)
    assert connection(db, user_id) == connection_id
    assert status(db, connection_id).state == "connected"
