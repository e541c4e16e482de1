"""Own, other, nobody: the proof for every table, role and verb, and that the proof would notice.

The database is owned by a role that is no superuser, as on RDS or Supabase, so that the owner's own
policies are tried too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from db import database
from db.server import Server
from tests import row_security
from tests.row_security import (
    CALLABLE_BY_TENANTS,
    OWNER,
    ROLES,
    SCHEMAS,
    STAFF,
    TENANTS,
    Cell,
    Table,
    columns_granted,
    probe,
    tables,
)

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def _filled(server: Server) -> Iterator[Connection]:
    with database.connect(server.url()) as conn:
        conn.execute(f"create role {OWNER} login nosuperuser nobypassrls".encode())
        conn.execute(f"create database autom_owned owner {OWNER}".encode())
    database.migrate(server.url("autom_owned", OWNER))
    with database.connect(server.url("autom_owned")) as conn:
        row_security.fill(conn)
        conn.execute(row_security.PROBE)
        yield conn
    server.drop_database("autom_owned")


@pytest.fixture
def filled(_filled: Connection) -> Iterator[Connection]:
    """The database with three users' rows in every tenant's table; rolled back after."""
    with _filled.transaction(force_rollback=True):
        yield _filled


def grant_everything(conn: Connection) -> None:
    for schema in SCHEMAS:
        grantees = ", ".join(ROLES)
        conn.execute(f"grant usage on schema {schema} to {grantees}".encode())
        conn.execute(f"grant all on all tables in schema {schema} to {grantees}".encode())


def wrong(conn: Connection, chosen: list[Table], *, policies_alone: bool) -> list[Cell]:
    return [
        cell
        for table in chosen
        for cell in probe(conn, table, policies_alone=policies_alone)
        if cell.got != cell.expected
    ]


def of_tenants(conn: Connection) -> list[Table]:
    return [table for table in tables(conn) if table.is_tenants]


def test_the_policies_alone_keep_every_user_to_his_own_rows(filled):
    grant_everything(filled)
    assert [str(cell) for cell in wrong(filled, of_tenants(filled), policies_alone=True)] == []


def test_rights_and_policies_together_let_through_what_is_written_and_no_more(filled):
    assert [str(cell) for cell in wrong(filled, of_tenants(filled), policies_alone=False)] == []


def test_every_right_on_every_table_is_written(db):
    differ = [
        f"{table.name}: {verb} for {role} on {sorted(have)}, not {sorted(wanted)}"
        for table in tables(db)
        for role in ROLES
        for verb in ("select", "insert", "update", "delete")
        if (have := granted(db, table, role, verb))
        != (wanted := columns_granted(table, role, verb))
    ]
    assert differ == []


def granted(conn: Connection, table: Table, role: str, verb: str) -> set[str]:
    if verb == "delete":
        row = conn.execute(
            "select has_table_privilege(%s, %s, 'delete')", [role, table.name]
        ).fetchone()
        return set(table.columns) if row == (True,) else set()
    rows = conn.execute(
        "select c from unnest(%s::text[]) as c where has_column_privilege(%s, %s, c, %s)",
        [table.columns, role, table.name, verb],
    )
    return {name for (name,) in rows.fetchall()}


def test_no_role_of_ours_may_truncate_or_refer_to_a_table(db):
    rows = db.execute(
        "select c.oid::regclass, r.role from pg_class as c, unnest(%s::text[]) as r (role)"
        " where c.relnamespace::regnamespace::text = any (%s) and c.relkind in ('r', 'p')"
        " and has_table_privilege(r.role, c.oid, 'truncate, references, trigger')",
        [list(ROLES), SCHEMAS],
    )
    assert rows.fetchall() == []


def test_row_security_is_forced_on_every_tenants_table(db):
    rows = db.execute(
        "select c.oid::regclass::text from pg_class as c"
        " where c.oid::regclass::text = any (%s) and not (c.relrowsecurity and c.relforcerowsecurity)",
        [[table.name for table in of_tenants(db)]],
    )
    assert rows.fetchall() == []


def test_every_policy_names_its_roles_and_asks_for_the_caller_once_a_query(db):
    rows = db.execute(
        "select p.polname from pg_policy as p"
        " where 0 = any (p.polroles)"
        " or concat(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))"
        "   ~ '(?<!SELECT )accounts\\.current_user_id'"
    )
    assert rows.fetchall() == []


def test_the_index_finds_a_tenants_own_rows(db):
    grant_everything(db)
    db.execute("set local enable_seqscan = off")
    db.execute("set local enable_bitmapscan = off")
    db.execute("set local role authenticated")
    without = []
    for table in of_tenants(db):
        plan = db.execute(f"explain select * from {table.name}".encode()).fetchall()
        if not any("Index Cond: (user_id = " in line for (line,) in plan):
            without.append(table.name)
    assert without == []


def test_a_view_that_a_tenant_may_read_looks_with_his_own_eyes(db):
    rows = db.execute(
        "select c.oid::regclass::text from pg_class as c, unnest(%s::text[]) as r (role)"
        " where c.relkind in ('v', 'm') and c.relnamespace::regnamespace::text = any (%s)"
        " and has_any_column_privilege(r.role, c.oid, 'select')"
        " and not coalesce(c.reloptions @> '{security_invoker=true}', false)",
        [[*TENANTS, "anon"], SCHEMAS],
    )
    assert rows.fetchall() == []


def test_a_tenant_may_call_what_is_written_and_no_more(db):
    rows = db.execute(
        "select distinct p.oid::regprocedure::text from pg_proc as p, unnest(%s::text[]) as r (role)"
        " where p.pronamespace::regnamespace::text = any (%s)"
        " and has_function_privilege(r.role, p.oid, 'execute')",
        [[*TENANTS, "anon"], SCHEMAS],
    )
    assert {name for (name,) in rows.fetchall()} == CALLABLE_BY_TENANTS


def test_what_a_tenant_may_call_lends_him_no_right(db):
    rows = db.execute(
        "select p.oid::regprocedure::text from pg_proc as p"
        " where p.oid::regprocedure::text = any (%s) and p.prosecdef",
        [list(CALLABLE_BY_TENANTS)],
    )
    assert rows.fetchall() == []


def mutants(conn: Connection) -> Iterator[tuple[Table, str, sql.Composed]]:
    """Each way to break one policy: drop it, let it see all, let it write all, open it to all."""
    by_name = {table.name: table for table in tables(conn)}
    rows = conn.execute(
        "select c.oid::regclass::text, c.relname, p.polname, p.polcmd, p.polqual is not null,"
        " p.polwithcheck is not null, pg_get_expr(p.polqual, p.polrelid)"
        " from pg_policy as p join pg_class as c on c.oid = p.polrelid order by 1, 3"
    ).fetchall()
    for name, _, policy, _, has_using, has_check, using in rows:
        table = by_name[name]
        on = sql.SQL("{} on {}").format(sql.Identifier(policy), sql.SQL(name))
        yield table, f"drop {policy}", sql.SQL("drop policy {}").format(on)
        yield table, f"open {policy} to all", sql.SQL("alter policy {} to public").format(on)
        if has_using and using != "true":
            changed = sql.SQL("alter policy {} using (true)").format(on)
            yield table, f"let {policy} see all", changed
        if has_check and using != "true":
            changed = sql.SQL("alter policy {} with check (true)").format(on)
            yield table, f"let {policy} write all", changed


def test_whoever_breaks_a_policy_is_told(filled):
    grant_everything(filled)
    unnoticed = []
    tried = 0
    for table, name, change in mutants(filled):
        with filled.transaction(force_rollback=True):
            filled.execute(change)
            if not any(
                cell.got != cell.expected for cell in probe(filled, table, policies_alone=True)
            ):
                unnoticed.append(name)
        tried += 1
    assert tried >= 3 * len(of_tenants(filled))
    assert unnoticed == []


def test_whoever_turns_row_security_off_is_told(filled):
    grant_everything(filled)
    for table in of_tenants(filled):
        with filled.transaction(force_rollback=True):
            filled.execute(f"alter table {table.name} disable row level security".encode())
            assert wrong(filled, [table], policies_alone=True), table.name


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("verb", ["select", "insert", "update", "delete"])
def test_whoever_grants_more_is_told(filled, role, verb):
    unnoticed = []
    for table in tables(filled):
        if columns_granted(table, role, verb) == set(table.columns):
            continue
        with filled.transaction(force_rollback=True):
            filled.execute(f"grant {verb} on {table.name} to {role}".encode())
            if granted(filled, table, role, verb) == columns_granted(table, role, verb):
                unnoticed.append(table.name)
    assert unnoticed == []


def test_a_new_table_that_nobody_protects_is_told(filled):
    filled.execute(
        "create table accounts.notes (user_id uuid not null, note_id bigint not null, body text)"
    )
    (table,) = (table for table in tables(filled) if table.name == "accounts.notes")
    for user_id in row_security.USERS:
        filled.execute("insert into accounts.notes values (%s, 1, 'a note')", [user_id])
    told = wrong(filled, [table], policies_alone=False)
    assert {cell.role for cell in told} >= set(STAFF)
    grant_everything(filled)
    assert wrong(filled, [table], policies_alone=True)
