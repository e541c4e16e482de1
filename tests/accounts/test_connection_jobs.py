"""The jobs of connections: which are asked for, and what becomes of them in the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest

from db.call import call, select, value
from db.errors import TokensNotRenewed
from tests.fixtures.accounts import KEY, connection, user
from tests.fixtures.clock import at
from workers.seal import Sealer

NOW = "2026-03-10 12:00+00"
SEALER = Sealer([KEY])


@dataclass(frozen=True)
class Claimed:
    job_id: int
    run_no: int
    kind: str
    key: str


@dataclass(frozen=True)
class Due:
    connection_id: UUID


@dataclass(frozen=True)
class Run:
    status: str
    processed: int
    why: str | None


@dataclass(frozen=True)
class Status:
    state: str
    scopes: list[str] | None
    alert: str | None
    last_error: str | None


def status(conn: psycopg.Connection[Any], connection_id: UUID) -> Status:
    (row,) = select(
        conn, "accounts.connections_status", Status, where={"connection_id": connection_id}
    )
    return row


def claim(conn: psycopg.Connection[Any], queue: str) -> list[Claimed]:
    worker_id = value(conn, "jobs.start_worker", name="a worker")
    return call(conn, "jobs.claim", Claimed, worker_id=worker_id, queue=queue, limit=10)


def report(conn: psycopg.Connection[Any], job: Claimed, **outcome: Any) -> str:
    """Prepare the job, and end it as a handler would."""
    prepared = value(conn, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)
    assert prepared["call"], prepared
    state: str = value(conn, "jobs.settle", job_id=job.job_id, run_no=job.run_no, outcome=outcome)
    return state


DAY_TOKEN = {"tokens": {"access": "a", "client_secret": "s"}, "client_id": "app"}
MONTH_TOKEN = {"tokens": {"access": "a", "refresh": "r"}}


@pytest.mark.parametrize(
    ("service", "stored", "due"),
    [
        pytest.param(
            "shopify",
            DAY_TOKEN | {"expires_at": "2026-03-10 16:00+00"},
            True,
            id="Shopify, 4 hours left",
        ),
        pytest.param(
            "shopify",
            DAY_TOKEN | {"expires_at": "2026-03-10 16:01+00"},
            False,
            id="Shopify, more than 4 hours left",
        ),
        pytest.param(
            "shopify",
            DAY_TOKEN | {"expires_at": "2026-03-09 00:00+00"},
            True,
            id="Shopify, over already",
        ),
        pytest.param("shopify", DAY_TOKEN, False, id="Shopify, a token without an end"),
        pytest.param(
            "shopify", {"tokens": {"client_secret": "s"}}, True, id="Shopify, no token yet"
        ),
        pytest.param("shopify", {"tokens": {}}, False, id="nothing to renew it with"),
        pytest.param(
            "pinterest",
            MONTH_TOKEN | {"expires_at": "2026-04-02 12:00+00"},
            True,
            id="Pinterest, a week old",
        ),
        pytest.param(
            "pinterest",
            MONTH_TOKEN | {"expires_at": "2026-04-03 12:00+00"},
            False,
            id="Pinterest, six days old",
        ),
        pytest.param("pinterest", MONTH_TOKEN, True, id="Pinterest, of unknown end"),
        pytest.param("openai", {"expires_at": NOW}, False, id="OpenAI is not renewed"),
    ],
)
def test_which_connections_are_due(db, service, stored, due):
    at(db, NOW)
    connection_id = connection(db, user(db), service, "acme.myshopify.com", **stored)
    assert (select(db, "accounts.refresh_due", Due) == [Due(connection_id)]) is due
    if due:
        value(db, "accounts.disconnect", connection_id=connection_id)
        assert select(db, "accounts.refresh_due", Due) == []


def test_the_schedule_asks_once_for_each_that_is_due(database):
    with psycopg.connect(database, autocommit=True) as conn:
        at(conn, NOW)
        shopify = {connection(conn, user(conn), **DAY_TOKEN, expires_at=NOW) for _ in range(3)}
        pinterest = connection(conn, user(conn), "pinterest", **MONTH_TOKEN, expires_at=NOW)
        connection(conn, user(conn), "openai")

        first = value(conn, "jobs.run_schedule", name="connection_refresh")
        value(conn, "jobs.run_schedule", name="connection_refresh")
        assert select(conn, "jobs.runs", Run, where={"run_id": first}) == [Run("running", 4, None)]

        assert {job.key for job in claim(conn, "shopify")} == {str(each) for each in shopify}
        assert [(job.kind, job.key) for job in claim(conn, "pinterest")] == [
            ("accounts.refresh_pinterest", str(pinterest))
        ]
        assert claim(conn, "openai") == []


def test_a_run_with_nothing_due_says_so(database):
    with psycopg.connect(database, autocommit=True) as conn:
        run_id = value(conn, "jobs.run_schedule", name="connection_refresh")
        assert select(conn, "jobs.runs", Run, where={"run_id": run_id}) == [
            Run("skipped", 0, "No access token is near its end.")
        ]


def test_a_renewal_goes_through_the_queue(database):
    with psycopg.connect(database, autocommit=True) as conn:
        at(conn, NOW)
        connection_id = connection(conn, user(conn), **DAY_TOKEN, expires_at=NOW)
        at(conn, "2026-03-10 12:01+00")
        job_id = value(conn, "accounts.refresh", connection_id=connection_id)
        assert value(conn, "accounts.refresh", connection_id=connection_id) == job_id
        (job,) = claim(conn, "shopify")
        assert job.job_id == job_id

        sealed = SEALER.seal(connection_id, "access", "new")
        answer = {"access": sealed, "expires_in": 86399, "scopes": ["write_products"]}
        assert report(conn, job, outcome="done", answer=answer) == "done"
        row = status(conn, connection_id)
        assert (row.state, row.scopes) == ("connected", ["write_products"])
        assert select(conn, "accounts.refresh_due", Due) == []


def test_a_service_that_is_not_renewed_says_so(db):
    connection_id = connection(db, user(db), "openai", "default")
    with pytest.raises(TokensNotRenewed):
        value(db, "accounts.refresh", connection_id=connection_id)


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        pytest.param(
            {"outcome": "done", "answer": {"granted_scopes": ["pins:read"], "account": {}}},
            Status(
                "connected",
                ["pins:read"],
                "Scopes are missing: boards:read, boards:write, pins:write, user_accounts:read.",
                None,
            ),
            id="granted scopes are kept, missing ones named",
        ),
        pytest.param(
            {"outcome": "give_up", "reason": "401 Unauthorized", "code": "unauthorized"},
            Status(
                "expired",
                None,
                "The token is no longer good: connect it again.",
                "401 Unauthorized",
            ),
            id="a token that is refused is expired",
        ),
        pytest.param(
            {"outcome": "give_up", "reason": "500", "code": "server_error"},
            Status("connected", None, "The last call failed: see last_error.", "500"),
            id="a service that is down says nothing about the token",
        ),
    ],
)
def test_a_check_goes_through_the_queue(database, outcome, after):
    with psycopg.connect(database, autocommit=True) as conn:
        connection_id = connection(conn, user(conn), "pinterest", "ann")
        value(conn, "accounts.check", connection_id=connection_id)
        (job,) = claim(conn, "pinterest")
        report(conn, job, **outcome)
        assert status(conn, connection_id) == after


def test_a_good_check_brings_an_expired_connection_back(database):
    with psycopg.connect(database, autocommit=True) as conn:
        connection_id = connection(conn, user(conn), "openai", "default")
        refused = {"outcome": "give_up", "reason": "401", "code": "unauthorized"}
        for outcome, state in (
            (refused, "expired"),
            ({"outcome": "done", "answer": {}}, "connected"),
        ):
            value(conn, "accounts.check", connection_id=connection_id)
            (job,) = claim(conn, "openai")
            report(conn, job, **outcome)
            assert status(conn, connection_id).state == state


@pytest.mark.parametrize(
    ("tokens", "disconnected", "why"),
    [
        pytest.param({}, False, "failed: The connection has no access token yet.", id="no token"),
        pytest.param(
            {"access": "a"}, True, "skipped: The connection is disconnected.", id="disconnected"
        ),
    ],
)
def test_what_is_not_checked(database, tokens, disconnected, why):
    with psycopg.connect(database, autocommit=True) as conn:
        connection_id = connection(conn, user(conn), tokens=tokens)
        value(conn, "accounts.check", connection_id=connection_id)
        if disconnected:
            value(conn, "accounts.disconnect", connection_id=connection_id)
        (job,) = claim(conn, "shopify")
        prepared = value(conn, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)
        assert prepared == {"call": False, "why": why}


@pytest.mark.parametrize(
    ("service", "stored", "age", "asked", "state"),
    [
        pytest.param(
            "shopify", {}, "1 day", 0, "expired", id="a token that cannot be renewed is expired"
        ),
        pytest.param("shopify", DAY_TOKEN, "1 day", 1, "connected", id="another is renewed"),
        pytest.param(
            "shopify",
            DAY_TOKEN,
            "9 minutes",
            0,
            "connected",
            id="a call that was under way when it was renewed says nothing",
        ),
    ],
)
def test_a_refused_token(database, service, stored, age, asked, state):
    with psycopg.connect(database, autocommit=True) as conn:
        connection_id = connection(conn, user(conn), service, **stored)
        conn.execute("update accounts.secrets set stored_at = stored_at - %s::interval", [age])
        for _ in range(2):
            value(
                conn,
                "accounts.note_call",
                connection_id=connection_id,
                ok=False,
                error="unauthorized: The token was not accepted.",
            )
        assert len(claim(conn, service)) == asked
        assert status(conn, connection_id).state == state
