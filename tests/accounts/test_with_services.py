"""Connections with the services themselves: the handlers, over sockets, against the sandbox."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from cli import exits
from cli.main import main
from db import database as databases
from db.call import avalue, value
from sandbox import base_urls
from tests.fixtures.accounts import KEY, connection, user
from tests.fixtures.wait import until
from workers.handlers import HANDLERS
from workers.http import client
from workers.outcome import Done, Outcome
from workers.seal import Sealer
from workers.tokens import resolver

SEALER = Sealer([KEY])
LOCK = "for no key update of c"
FAR = "2999-01-01 00:00+00"


def connect(conn: psycopg.Connection[Any], sandbox: Any, service: str, *secrets: str) -> UUID:
    """A connection to an account of the sandbox that holds those of its secrets."""
    account = "acme.myshopify.com" if service == "shopify" else "ann"
    opened = sandbox.open(service, account)
    names = {"access": "access_token", "refresh": "refresh_token", "client_secret": "client_secret"}
    return connection(
        conn,
        user(conn),
        service,
        account,
        base_url=base_urls(sandbox.url)[service],
        client_id=opened.get("client_id"),
        sealer=SEALER,
        tokens={name: opened[names[name]] for name in secrets},
    )


def lend(url: str) -> Any:
    @asynccontextmanager
    async def connected() -> Any:
        conn = await databases.aconnect(url)
        try:
            yield conn
        finally:
            await conn.close()

    return connected


async def act(url: str, kind: str, connection_id: UUID) -> Outcome:
    """Call the service as the connection."""
    credentials = await resolver(lend(url), SEALER)(connection_id)
    async with client() as http:
        return await HANDLERS[kind]({}, credentials, http)


async def renew(url: str, kind: str, connection_id: UUID, job_id: int) -> Outcome | None:
    """What a worker does with a renewal; None where it was told not to go out."""
    payload = {"connection_id": str(connection_id), "asked_at": FAR}
    async with lend(url)() as conn:
        prepared = await avalue(
            conn, "accounts.prepare_refresh", job_id=job_id, payload=payload, maybe_sent=False
        )
        if "request" not in prepared:
            return None
        outcome = await act(url, kind, connection_id)
        result = {"state": "done"} if isinstance(outcome, Done) else {"state": "failed"}
        await avalue(
            conn,
            "accounts.settle_refresh",
            job_id=job_id,
            payload=payload,
            result=outcome.to_json() | result,
        )
        return outcome


async def test_eight_that_would_renew_spend_one_refresh_token(database, sandbox):
    with databases.connect(database) as conn:
        connection_id = connect(conn, sandbox, "pinterest", "access", "refresh", "client_secret")
    before = await resolver(lend(database), SEALER)(connection_id)

    outcomes = await asyncio.gather(
        *(renew(database, "accounts.refresh_pinterest", connection_id, n) for n in range(8))
    )

    assert [type(outcome) for outcome in outcomes if outcome] == [Done]
    assert sandbox.calls("pinterest") == {"oauth/token": 1}
    after = await resolver(lend(database), SEALER)(connection_id)
    assert before.access != after.access and before.refresh != after.refresh
    assert isinstance(await act(database, "accounts.check_pinterest", connection_id), Done)


async def test_negative_control_without_the_row_lock_they_spend_more(fresh_database, sandbox):
    with databases.connect(fresh_database) as conn:
        connection_id = connect(conn, sandbox, "pinterest", "access", "refresh", "client_secret")
        ((definition,),) = conn.execute(
            "select pg_get_functiondef('accounts.prepare_refresh'::regproc)"
        ).fetchall()
        assert definition.count(LOCK) == 1
        # All have looked before the first of them writes.
        conn.execute(
            definition.replace(LOCK, "")
            .replace(
                "update accounts.connections",
                "perform pg_sleep(0.3);\n  update accounts.connections",
            )
            .encode()
        )

    outcomes = await asyncio.gather(
        *(renew(fresh_database, "accounts.refresh_pinterest", connection_id, n) for n in range(8))
    )

    assert sum(outcome is not None for outcome in outcomes) > 1
    assert sandbox.calls("pinterest")["oauth/token"] > 1
    assert any(outcome and not isinstance(outcome, Done) for outcome in outcomes), (
        "the refresh token works once: who came second was refused"
    )


async def test_a_shop_with_an_app_and_no_token_gets_one(database, sandbox):
    with databases.connect(database) as conn:
        connection_id = connect(conn, sandbox, "shopify", "client_secret")
        assert conn.execute("select count(*) from accounts.refresh_due").fetchone() == (1,)
        assert isinstance(await renew(database, "accounts.refresh_shopify", connection_id, 1), Done)
        row = conn.execute(
            "select state, alert, expires_at - jobs.clock() between '23 hours' and '24 hours'"
            " from accounts.connections_status"
        ).fetchone()
    assert row == ("connected", None, True)
    assert isinstance(await act(database, "accounts.check_shopify", connection_id), Done)


@pytest.mark.parametrize("service", ["shopify", "pinterest", "openai"])
async def test_a_check_says_whose_account_it_is(database, sandbox, service):
    with databases.connect(database) as conn:
        connection_id = connect(conn, sandbox, service, "access")
        outcome = await act(database, f"accounts.check_{service}", connection_id)
        assert isinstance(outcome, Done)
        value(
            conn,
            "accounts.settle_check",
            job_id=1,
            payload={"connection_id": str(connection_id)},
            result=outcome.to_json() | {"state": "done"},
        )
        row = conn.execute(
            "select alert, last_good_call_at is not null, missing_scopes"
            " from accounts.connections_status"
        ).fetchone()
    assert row == (None, True, [])


def test_a_worker_checks_and_renews_and_the_command_line_tells(
    database, sandbox, monkeypatch, capfd
):
    monkeypatch.setenv("AUTOM_DATABASE_URL", database)
    monkeypatch.setenv("AUTOM_SECRET_KEYS", KEY)
    with databases.connect(database) as conn:
        connection_id = connect(conn, sandbox, "shopify", "client_secret")
        worker = subprocess.Popen([Path(sys.executable).with_name("autom"), "work"])
        try:
            # No token yet, so the check fails, and the renewal gets one.
            assert autom("connect", "check", str(connection_id)) == exits.AUTH_NEEDED
            value(conn, "accounts.refresh", connection_id=connection_id)
            until(lambda: state(conn) == ("connected",))
            assert autom("connect", "check", "acme.myshopify.com") == exits.OK
        finally:
            worker.terminate()
            worker.wait(20)
        noted = conn.execute("select last_good_call_at is not null from accounts.connections")
        assert noted.fetchone() == (True,)
    said = capfd.readouterr()
    assert sandbox.open("shopify", "acme.myshopify.com")["client_secret"] not in said.out + said.err


def autom(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def state(conn: psycopg.Connection[Any]) -> tuple[Any, ...] | None:
    return conn.execute("select state from accounts.connections_status").fetchone()
