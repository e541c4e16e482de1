"""The owner is no superuser, as on RDS, Supabase or Cloud SQL, and the roles do not exist yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest

from db import database
from db.call import call, select, value
from db.server import SERVING_ROLES, temporary
from tests.fixtures.accounts import connection, user
from workers.seal import Sealer
from workers.tokens import Rotation, Sealed, rotate

OLD, NEW = Sealer(["o" * 32]), Sealer(["n" * 32, "o" * 32])


@dataclass(frozen=True)
class Entitled:
    user_id: UUID
    active: bool


@pytest.fixture(scope="module")
def owned() -> Iterator[str]:
    """A new cluster with a database that a plain owner migrated; the owner's URL."""
    with temporary() as server:
        with database.connect(server.url()) as conn:
            conn.execute(f"drop role if exists {', '.join(SERVING_ROLES)}".encode())
            conn.execute("create role landlord login createrole")
            conn.execute("create database autom owner landlord")
        url = server.url("autom", "landlord")
        database.migrate(url)
        yield url


@pytest.fixture
def owner(owned: str) -> Iterator[psycopg.Connection[Any]]:
    with database.connect(owned) as conn, conn.transaction(force_rollback=True):
        yield conn


def become(conn: psycopg.Connection[Any], role: str, user_id: UUID | None = None) -> None:
    conn.execute("reset role")
    conn.execute(
        "select set_config('request.jwt.claims', %s, true)",
        ["" if user_id is None else f'{{"sub": "{user_id}"}}'],
    )
    conn.execute(f"set local role {role}".encode())


def test_the_owner_is_bound_by_row_security_and_yet_does_his_work(owner):
    (bound,) = owner.execute(
        "select row_security_active('accounts.users') and not rolsuper and not rolbypassrls"
        " from pg_roles where rolname = current_user"
    ).fetchone()
    assert bound
    one, other = user(owner, "premium"), user(owner, None)
    assert select(owner, "accounts.entitlements", Entitled, order="active desc") == [
        Entitled(one, True),
        Entitled(other, False),
    ]
    connection_id = connection(owner, one, sealer=OLD)
    assert rotate(owner, NEW) == Rotation(resealed=1)
    (row,) = call(owner, "accounts.credentials", Sealed, connection_id=connection_id)
    assert NEW.unseal(connection_id, "access", row.access) == "a-token"


def test_each_role_reaches_through_the_functions_what_it_needs(owner):
    # PostgreSQL 16 and later let the maker of a role take it on only once he says so.
    for role in ("autom_operator", "autom_worker", "autom_reader", "authenticated", "anon"):
        owner.execute(f"grant {role} to landlord".encode())
    become(owner, "autom_operator")
    one, other = user(owner, "premium"), user(owner, "basis")
    connection_id = connection(owner, one, sealer=OLD)

    become(owner, "autom_worker")
    (row,) = call(owner, "accounts.credentials", Sealed, connection_id=connection_id)
    assert OLD.unseal(connection_id, "access", row.access) == "a-token"
    value(owner, "accounts.note_call", connection_id=connection_id, ok=True)

    for caller, seen in ((one, [one]), (other, [other]), (None, [])):
        become(owner, "authenticated", caller)
        rows = select(owner, "accounts.entitlements", Entitled)
        assert [row.user_id for row in rows] == seen

    become(owner, "autom_reader")
    assert len(select(owner, "accounts.overview", Entitled)) == 2


@pytest.mark.parametrize("role", ["autom_operator", "autom_reader", "authenticated", "anon"])
@pytest.mark.parametrize(
    "statement",
    [
        "select sealed from accounts.secrets",
        "select * from accounts.secrets",
        "select * from accounts.credentials(gen_random_uuid())",
        "select * from accounts.sealed_by_other_keys('', 1)",
    ],
)
def test_nobody_but_a_worker_gets_a_sealed_token(owner, role, statement):
    owner.execute(f"grant {role} to landlord".encode())
    become(owner, role)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(statement.encode())
