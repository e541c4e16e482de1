"""``autom user`` and ``autom connect``: what a person does with accounts."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from cli import exits
from cli.main import main
from db import database as databases
from db.call import call, value
from tests.fixtures.accounts import KEY, connection, user
from workers.seal import Sealer
from workers.tokens import Sealed, opened

SEALER = Sealer([KEY])
Autom = Callable[..., tuple[int, str, str]]


@pytest.fixture
def conn(database: str):
    with databases.connect(database) as conn:
        yield conn


@pytest.fixture
def autom(database: str, monkeypatch, capsys) -> Autom:
    """Run a command; its exit code, stdout and stderr. ``stdin`` is a text, never a terminal."""
    monkeypatch.setenv("AUTOM_DATABASE_URL", database)
    monkeypatch.setenv("AUTOM_SECRET_KEYS", KEY)

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def read(autom: Autom, *arguments: str) -> Any:
    code, out, _ = autom(*arguments, "--json")
    assert code == exits.OK
    return json.loads(out)


def tokens(conn: psycopg.Connection[Any], connection_id: str) -> tuple[str | None, ...]:
    (row,) = call(conn, "accounts.credentials", Sealed, connection_id=connection_id)
    credentials = opened(row, SEALER)
    return credentials.access, credentials.refresh, credentials.client_secret


def test_a_user_is_added_subscribed_and_listed(autom):
    added = read(autom, "user", "add", "Ann@Example.com", "--name", "Ann", "--plan", "premium")
    assert (added["email"], added["plan"]) == ("ann@example.com", "premium")
    autom("user", "add", "bob@example.com")
    assert [(row["email"], row["active"]) for row in read(autom, "user", "ls")] == [
        ("ann@example.com", True),
        ("bob@example.com", False),
    ]
    assert [row["email"] for row in read(autom, "user", "ls", "--inactive")] == ["bob@example.com"]

    until = ("--until", "2999-01-01")
    assert read(autom, "user", "subscribe", "bob@example.com", "vip", *until)["active"]
    assert [row["email"] for row in read(autom, "user", "ls", "--plan", "vip")] == [
        "bob@example.com"
    ]
    canceled = read(autom, "user", "subscribe", added["user_id"], "premium", "--state", "canceled")
    assert canceled["why"].startswith("The premium subscription was canceled on ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("user", "add", "ann@example.com"), exits.CONFLICT, id="there is one"),
        pytest.param(
            ("user", "subscribe", "nobody@example.com", "vip"), exits.NOT_FOUND, id="no such user"
        ),
        pytest.param(
            ("user", "subscribe", str(uuid4()), "vip"), exits.NOT_FOUND, id="no such user_id"
        ),
        pytest.param(
            ("connect", "openai", "--user", "nobody@example.com"),
            exits.NOT_FOUND,
            id="nobody cannot be connected",
        ),
        pytest.param(
            ("connect", "openai", "--user", "ann@example.com"), exits.USAGE, id="no token given"
        ),
        pytest.param(("connect", "check", "acme"), exits.NOT_FOUND, id="no such connection"),
        pytest.param(("connect", "rm", "acme", "--yes"), exits.NOT_FOUND, id="nothing to remove"),
    ],
)
def test_what_cannot_be_done_says_so_by_its_exit_code(autom, conn, arguments, code):
    value(conn, "accounts.create_user", email="ann@example.com")
    assert autom(*arguments)[0] == code
    assert conn.execute("select count(*) from accounts.connections").fetchone() == (0,)


def test_the_sql_of_a_command_does_what_the_command_does(autom, conn):
    code, out, _ = autom("user", "add", "ann@example.com", "--plan", "vip", "--sql")
    assert code == exits.OK and conn.execute("select 1 from accounts.users").fetchone() is None
    for line in out.splitlines():
        conn.execute(line.encode())
    assert conn.execute("select email, plan, active from accounts.overview").fetchall() == [
        ("ann@example.com", "vip", True)
    ]


def test_a_token_comes_from_standard_input_and_is_stored_sealed(autom, conn):
    value(conn, "accounts.create_user", email="ann@example.com")
    arguments = ("connect", "shopify", "--user", "ann@example.com", "--account", "a.myshopify.com")
    code, out, err = autom(*arguments, "--json", stdin="shpat_secret\n")
    assert code == exits.OK and "shpat_secret" not in out + err
    assert tokens(conn, json.loads(out)["connection_id"]) == ("shpat_secret", None, None)
    assert (
        b"shpat_secret"
        not in conn.execute(
            "select string_agg(s::text, '')::bytea from accounts.secrets as s"
        ).fetchone()[0]
    )


def test_more_secrets_come_line_by_line_or_from_the_environment(autom, conn, monkeypatch):
    value(conn, "accounts.create_user", email="ann@example.com")
    arguments = ("connect", "pinterest", "--user", "ann@example.com", "--client-id", "1")
    secrets = ("--secret", "access", "--secret", "refresh", "--secret", "client_secret")
    monkeypatch.setenv("AUTOM_REFRESH", "of the environment")
    code, out, _ = autom(*arguments, *secrets, "--expires-in", "60", "--json", stdin="a\nc\n")
    assert code == exits.OK
    connection_id = json.loads(out)["connection_id"]
    assert tokens(conn, connection_id) == ("a", "of the environment", "c")
    assert conn.execute(
        "select expires_at - jobs.clock() between '50 s' and '60 s' from accounts.connections"
    ).fetchone() == (True,)


def test_a_token_is_never_an_option(autom):
    code, _, err = autom("connect", "openai", "--user", "ann@example.com", "--token", "sk-1")
    assert (code, "sk-1" in err) == (exits.USAGE, False)


def test_alerts_make_an_exit_code(autom, conn):
    user_id = user(conn)
    connection(conn, user_id, "openai", "default")
    assert autom("connect", "ls", "--alerts")[0] == exits.OK
    connection(conn, user_id, "pinterest", "ann", scopes=["pins:read"])
    code, out, _ = autom("connect", "ls", "--alerts", "--json")
    assert code == exits.AUTH_NEEDED
    assert [row["account"] for row in json.loads(out)] == ["ann"]
    assert [row["account"] for row in read(autom, "connect", "ls", "--service", "openai")] == [
        "default"
    ]


def test_an_account_of_two_connections_is_named_by_its_id(autom, conn):
    ids = [connection(conn, user(conn), "openai", "default") for _ in range(2)]
    code, _, err = autom("connect", "rm", "default", "--yes")
    assert code == exits.FAILED and all(str(each) in err for each in ids)
    assert autom("connect", "rm", str(ids[0]), "--yes")[0] == exits.OK
    states = conn.execute("select connection_id, state from accounts.connections").fetchall()
    assert dict(states) == {ids[0]: "revoked", ids[1]: "connected"}


def test_removing_asks_first(autom, conn):
    connection(conn, user(conn), "openai", "default")
    assert autom("connect", "rm", "default")[0] == exits.USAGE
    assert conn.execute("select state from accounts.connections").fetchone() == ("connected",)


def test_a_check_without_a_worker_times_out_and_names_its_job(autom, conn):
    connection(conn, user(conn), "openai", "default")
    code, out, _ = autom("connect", "check", "default", "--wait", "0")
    assert code == exits.OK
    code, _, err = autom("connect", "check", "default", "--wait", "0.1")
    assert code == exits.TIMEOUT and out.strip() in err


def test_keys_are_rotated(autom, conn, monkeypatch):
    connection_id = connection(conn, user(conn), "openai", "default", tokens={"access": "a"})
    new = "n" * 32
    monkeypatch.setenv("AUTOM_SECRET_KEYS", f"{new},{KEY}")
    (row,) = read(autom, "connect", "rotate-keys")
    assert (row["key_id"], row["secrets"]) == (Sealer([new]).key_id, 1)
    (sealed,) = call(conn, "accounts.credentials", Sealed, connection_id=connection_id)
    assert opened(sealed, Sealer([new])).access == "a"

    monkeypatch.setenv("AUTOM_SECRET_KEYS", "l" * 32)
    code, _, err = autom("connect", "rotate-keys")
    assert code == exits.PARTLY and str(connection_id) in err


@pytest.mark.parametrize("keys", [None, "short"])
def test_without_a_good_key_nothing_is_stored(autom, conn, monkeypatch, keys):
    value(conn, "accounts.create_user", email="ann@example.com")
    monkeypatch.delenv("AUTOM_SECRET_KEYS")
    if keys:
        monkeypatch.setenv("AUTOM_SECRET_KEYS", keys)
    code, _, err = autom("connect", "openai", "--user", "ann@example.com", stdin="sk-1\n")
    assert code == exits.USAGE and "token_urlsafe" in err
    assert conn.execute("select 1 from accounts.connections").fetchone() is None
