"""Tokens are renewed in time, and by one at a time: Pinterest's refresh token works once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from db import database as databases
from db.call import call, value
from tests.fixtures.accounts import KEY, connection, user
from tests.fixtures.clock import at
from tests.fixtures.wait import until
from workers.seal import Sealer
from workers.tokens import Sealed, opened

NOW = "2026-03-10 12:00+00"
LATER = "2026-03-10 12:00:01+00"
MOMENT = datetime.fromisoformat(LATER)
DAY = 86_400
FAR = "2999-01-01 00:00+00"
SEALER = Sealer([KEY])
TOKENS = {"access": "access 1", "refresh": "refresh 1"}


def pinterest(conn: psycopg.Connection[Any], **stored: Any) -> UUID:
    stored = {"tokens": TOKENS, "expires_at": "2026-03-11 00:00+00"} | stored
    return connection(conn, user(conn), "pinterest", "default", sealer=SEALER, **stored)


def prepare(
    conn: psycopg.Connection[Any],
    connection_id: UUID,
    job_id: int = 1,
    asked_at: str = NOW,
    function: str = "accounts.prepare_refresh",
) -> dict[str, Any]:
    payload = {"connection_id": str(connection_id), "asked_at": asked_at}
    answer: dict[str, Any] = value(conn, function, job_id=job_id, payload=payload, maybe_sent=False)
    return answer


def settle(
    conn: psycopg.Connection[Any], connection_id: UUID, job_id: int = 1, **result: Any
) -> Any:
    payload = {"connection_id": str(connection_id)}
    return value(conn, "accounts.settle_refresh", job_id=job_id, payload=payload, result=result)


def renewed(connection_id: UUID, number: int) -> dict[str, Any]:
    """The answer of a handler that got the tokens of that number."""
    return {
        "access": SEALER.seal(connection_id, "access", f"access {number}"),
        "refresh": SEALER.seal(connection_id, "refresh", f"refresh {number}"),
        "expires_in": 30 * DAY,
        "refresh_expires_in": 60 * DAY,
        "scopes": ["pins:read", "pins:write"],
    }


def held(conn: psycopg.Connection[Any], connection_id: UUID) -> tuple[str | None, str | None]:
    (row,) = call(conn, "accounts.credentials", Sealed, connection_id=connection_id)
    credentials = opened(row, SEALER)
    return credentials.access, credentials.refresh


def state(conn: psycopg.Connection[Any], connection_id: UUID) -> tuple[Any, ...]:
    row = conn.execute(
        "select state, refresh_job_id, last_error from accounts.connections where connection_id = %s",
        [connection_id],
    ).fetchone()
    assert row is not None
    return row


def test_a_renewal_replaces_both_tokens_and_what_goes_with_them(db):
    at(db, NOW)
    connection_id = pinterest(db)
    at(db, LATER)
    asked = prepare(db, connection_id, asked_at=LATER)
    assert asked == {"request": {}, "connection_id": str(connection_id)}
    assert state(db, connection_id) == ("connected", 1, None)

    assert settle(db, connection_id, state="done", answer=renewed(connection_id, 2)) is None
    assert held(db, connection_id) == ("access 2", "refresh 2")
    assert state(db, connection_id) == ("connected", None, None)
    assert db.execute(
        "select expires_at, refresh_expires_at, scopes from accounts.connections"
    ).fetchone() == (MOMENT + timedelta(30), MOMENT + timedelta(60), ["pins:read", "pins:write"])


def test_of_many_that_would_renew_one_goes_out_and_the_others_see_it(db):
    at(db, NOW)
    connection_id = pinterest(db)
    at(db, LATER)
    assert "request" in prepare(db, connection_id, 1, asked_at=LATER)
    assert prepare(db, connection_id, 2, asked_at=LATER) == {"skip": "Job 1 is renewing it."}
    assert "request" in prepare(db, connection_id, 1, asked_at=LATER), (
        "a further attempt of the same job"
    )
    settle(db, connection_id, 2, state="skipped", reason="Job 1 is renewing it.")
    assert state(db, connection_id)[1] == 1, "who was skipped does not end the other's turn"
    at(db, "2026-03-10 12:00:02+00")
    settle(db, connection_id, 1, state="done", answer=renewed(connection_id, 2))
    assert prepare(db, connection_id, 3, asked_at=LATER) == {
        "skip": "It was renewed after this was asked for."
    }
    assert "request" in prepare(db, connection_id, 4, asked_at="2026-03-10 12:00:03+00")


def test_a_turn_that_nobody_ended_is_over_after_a_while(db):
    at(db, NOW)
    connection_id = pinterest(db)
    assert "request" in prepare(db, connection_id, 1, asked_at=LATER)
    at(db, "2026-03-10 12:10+00")
    assert "request" in prepare(db, connection_id, 2, asked_at=LATER)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        pytest.param(
            lambda db, c: value(db, "accounts.disconnect", connection_id=c),
            {"skip": "The connection is disconnected."},
            id="disconnected",
        ),
        pytest.param(
            lambda db, c: db.execute("delete from accounts.secrets where field = 'refresh'"),
            {"give_up": "There is nothing to renew it with: connect it again."},
            id="nothing to renew it with",
        ),
        pytest.param(
            lambda db, c: db.execute("delete from accounts.connections"),
            {"give_up": "The connection is gone."},
            id="gone",
        ),
    ],
)
def test_what_cannot_be_renewed(db, change, answer):
    at(db, NOW)
    connection_id = pinterest(db)
    change(db, connection_id)
    assert prepare(db, connection_id, asked_at=LATER) == answer


@pytest.mark.parametrize(
    ("result", "after"),
    [
        pytest.param(
            {"state": "failed", "code": "unauthorized", "reason": "Refused."},
            ("expired", None, "Refused."),
            id="refused for good: a person must connect it again",
        ),
        pytest.param(
            {"state": "failed", "code": "server_error", "reason": "500 eight times."},
            ("connected", None, "500 eight times."),
            id="the service was down: the next schedule tries again",
        ),
        pytest.param(
            {"state": "unknown", "reason": "No answer."},
            ("connected", None, "No answer."),
            id="no answer",
        ),
        pytest.param(
            {"state": "cancelled", "reason": "By hand."},
            ("connected", None, None),
            id="cancelled",
        ),
    ],
)
def test_a_renewal_that_did_not_come_to_pass(db, result, after):
    at(db, NOW)
    connection_id = pinterest(db)
    prepare(db, connection_id, asked_at=LATER)
    assert settle(db, connection_id, **result) is None
    assert state(db, connection_id) == after
    assert held(db, connection_id) == ("access 1", "refresh 1")


@pytest.mark.parametrize("access", [None, "pina_a_token_in_clear"])
def test_an_answer_without_a_sealed_token_is_refused(db, access):
    at(db, NOW)
    connection_id = pinterest(db)
    prepare(db, connection_id, asked_at=LATER)
    answer = renewed(connection_id, 2) | {"access": access}
    assert settle(db, connection_id, state="done", answer=answer) == {
        "give_up": "The answer has no sealed access token."
    }
    settle(db, connection_id, state="failed", reason="The answer has no sealed access token.")
    assert held(db, connection_id) == ("access 1", "refresh 1")


def test_who_disconnects_while_it_is_renewed_stays_disconnected(db):
    at(db, NOW)
    connection_id = pinterest(db)
    prepare(db, connection_id, asked_at=LATER)
    value(db, "accounts.disconnect", connection_id=connection_id)
    settle(db, connection_id, state="done", answer=renewed(connection_id, 2))
    assert state(db, connection_id) == ("revoked", None, None)
    assert db.execute("select count(*) from accounts.secrets").fetchone() == (0,)


def test_of_eight_at_once_one_goes_out(database):
    together = Barrier(8)

    def ask(job_id: int) -> bool:
        with databases.connect(database) as conn:
            together.wait()
            return "request" in prepare(conn, connection_id, job_id, FAR)

    with databases.connect(database) as conn, ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            connection_id = pinterest(conn)
            assert sum(pool.map(ask, range(8))) == 1


def waits(conn: psycopg.Connection[Any], pid: int) -> bool:
    row = conn.execute(
        "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", [pid]
    ).fetchone()
    return row == (True,)


@pytest.mark.parametrize(
    ("lock", "goes_out"),
    [
        pytest.param("for no key update of c", False, id="the row lock lets it see the first"),
        pytest.param("", True, id="negative control: without the lock two go out"),
    ],
)
def test_a_second_that_asks_before_the_first_has_committed(fresh_database, lock, goes_out):
    def ask() -> bool:
        return "request" in prepare(second, connection_id, 2, FAR)

    with (
        databases.connect(fresh_database) as watcher,
        databases.connect(fresh_database) as first,
        databases.connect(fresh_database) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        text = "select pg_get_functiondef('accounts.prepare_refresh'::regproc)"
        ((definition,),) = watcher.execute(text).fetchall()
        assert definition.count("for no key update of c") == 1
        watcher.execute(definition.replace("for no key update of c", lock).encode())
        connection_id = pinterest(watcher)

        with first.transaction():
            assert "request" in prepare(first, connection_id, 1, FAR)
            asked = pool.submit(ask)
            until(lambda: waits(watcher, second.info.backend_pid))
        assert asked.result() is goes_out


def test_nobody_renews_what_is_nobodys(db):
    assert prepare(db, uuid4()) == {"give_up": "The connection is gone."}
