"""Who may do what with whose rows: the few lines that say it, and the probe that tries all of it.

Every table of ours is taken from the catalogue, and every tenant's table (one with a ``user_id``)
gets a row of each of three users. Then each verb is tried by each role, on behalf of the first user
and on behalf of nobody. Twice, for either way alone would hide faults of the other:

* by the policies alone, with every right granted;
* as it is, with the rights that there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

SCHEMAS = ["jobs", "accounts", "shops"]
OWNER = "autom_owner"
TENANTS = ("authenticated", "autom_web")
STAFF = ("autom_operator", "autom_reader", "service_role")
ROLES = (*TENANTS, *STAFF, "anon", "autom_worker")
WRITES = ("insert", "update", "delete")

Rights = dict[str, str]
"""Role to "own" or "all" rows; a role that is not there reaches none."""

# Whose rows a role reads in any tenant's table, and the only writes there are.
READS: Rights = dict.fromkeys(TENANTS, "own") | dict.fromkeys(STAFF, "all")
WRITTEN: dict[tuple[str, str], Rights] = {
    ("accounts.users", "update"): dict.fromkeys(TENANTS, "own"),
}
# The columns that this is about, where it is not about all.
COLUMNS: dict[tuple[str, str], set[str]] = {
    ("accounts.users", "update"): {"name"},
    ("accounts.secrets", "select"): {"user_id", "connection_id", "field", "key_id", "stored_at"},
}
# Where rows come in by COPY, which no function can do: who loads them there, and takes them away.
LOADED_BY = {"jobs.staging": ("autom_worker", "autom_operator")}
# The tables whose own rows a tenant is granted to read; staff is granted them all.
READ_BY_TENANTS = {
    "accounts.users",
    "accounts.subscriptions",
    "accounts.connections",
    "shops.ai_calls",
    "shops.boards",
    "shops.budget_months",
    "shops.budgets",
    "shops.campaigns",
    "shops.collections",
    "shops.creation_plans",
    "shops.decisions",
    "shops.designs",
    "shops.import_lines",
    "shops.import_rejects",
    "shops.imports",
    "shops.niches",
    "shops.order_lines",
    "shops.order_passes",
    "shops.orders",
    "shops.platform_stops",
    "shops.products",
    "shops.prompts",
    "shops.quota_months",
    "shops.refunds",
    "shops.scaling_intents",
    "shops.settings",
    "shops.shop_connections",
    "shops.shop_runs",
    "shops.shops",
    "shops.syncs",
    "shops.texts",
    "shops.trackings",
    "shops.variants",
    "shops.winner_rules",
}
# The tables of no tenant that everyone may read.
SHARED = {
    "accounts.plans",
    "accounts.services",
    "shops.default_prompts",
    "shops.models",
    "shops.plan_budgets",
    "shops.platforms",
    "shops.product_moves",
    "shops.product_states",
    "shops.steps",
}

# What a tenant or a stranger may call.
CALLABLE_BY_TENANTS = {
    "jobs.clock()",
    "accounts.current_user_id()",
    "shops._day(uuid,uuid)",
    "shops._midnight(date,text)",
    "shops._month()",
    "shops._more(bigint,text)",
    "shops._rules(uuid,uuid)",
    "shops.explain(bigint)",
    "shops.plan_creation(uuid,uuid)",
    "shops.probability_above(double precision,bigint,double precision,integer,double precision)",
    "shops.units_needed(double precision,double precision,double precision,integer,double precision)",
}

ATTEMPTS = ("select", "insert", "insert for another", "update", "update to another", "delete")
CALLERS = ("a user", "nobody")
USERS = [f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2, 3)]
ME, ANOTHER, _ = USERS

DENIED = "denied"


class Table(NamedTuple):
    name: str
    is_tenants: bool
    columns: list[str]
    required: dict[str, str]
    """Columns that an insert has to fill, and an expression that fills each."""


@dataclass(frozen=True)
class Cell:
    table: str
    role: str
    attempt: str
    caller: str
    expected: str
    got: str

    def __str__(self) -> str:
        who = f"{self.role} on behalf of {self.caller}"
        return f"{self.table}: {self.attempt} by {who}: {self.got}, not {self.expected}"


def tables(conn: psycopg.Connection[Any]) -> list[Table]:
    return [Table(*row) for row in conn.execute(_TABLES, [SCHEMAS]).fetchall()]


def fill(conn: psycopg.Connection[Any]) -> None:
    """Give each tenant's table its three rows. That they make no sense is no matter here, so all
    constraints and triggers go first."""
    for (statement,) in conn.execute(_LOOSEN, {"schemas": SCHEMAS}).fetchall():
        conn.execute(statement)
    conn.execute("set session_replication_role = replica")
    for table in tables(conn):
        if table.is_tenants:
            conn.execute(f"delete from {table.name}".encode())
            for user_id in USERS:
                conn.execute(_insert(table, user_id).encode())


def probe(conn: psycopg.Connection[Any], table: Table, *, policies_alone: bool) -> Iterator[Cell]:
    """Try all of one tenant's table. What an attempt does is undone."""
    for role in (*ROLES, OWNER):
        for attempt in ATTEMPTS:
            statement = _statement(table, attempt, policies_alone)
            for caller in CALLERS:
                wanted = _by_policy(table, role, attempt, caller)
                if not policies_alone and not _is_granted(table, role, attempt):
                    wanted = DENIED
                user_id = ME if caller == "a user" else ""
                row = conn.execute(
                    "select public.probe(%s, %s, %s)", [role, user_id, statement]
                ).fetchone()
                assert row is not None
                yield Cell(table.name, role, attempt, caller, wanted, row[0])


def columns_granted(table: Table, role: str, verb: str) -> set[str]:
    """The columns that a role should have the right for; for delete, all or none."""
    if role == OWNER:
        rights = True
    elif role in LOADED_BY.get(table.name, ()):
        rights = verb != "update"
    elif verb != "select":
        rights = role in WRITTEN.get((table.name, verb), {})
    elif not table.is_tenants:
        rights = table.name in SHARED
    else:
        rights = role in STAFF or (role in TENANTS and table.name in READ_BY_TENANTS)
    if not rights:
        return set()
    return (
        set(table.columns) if role == OWNER else COLUMNS.get((table.name, verb), set(table.columns))
    )


def _is_granted(table: Table, role: str, attempt: str) -> bool:
    granted = columns_granted(table, role, attempt.split()[0])
    match attempt:
        case "insert" | "insert for another":
            return {"user_id", *table.required} <= granted
        case "select" | "update to another":
            return "user_id" in granted
        case _:
            return bool(granted)


def _by_policy(table: Table, role: str, attempt: str, caller: str) -> str:
    """What the policies let through: the rows reached, by their users' numbers or counted."""
    verb = attempt.split()[0]
    rights = READS if verb == "select" else WRITTEN.get((table.name, verb), {})
    whose = "all" if role == OWNER else rights.get(role)
    reached = {"all": "123", "own": "1" if caller == "a user" else ""}.get(whose or "", "")
    match attempt:
        case "select":
            return reached
        case "insert":
            return "1" if reached else DENIED
        case "insert for another":
            return "1" if whose == "all" else DENIED
        case "update to another" if whose == "own" and reached:
            return DENIED
        case _:
            return str(len(reached))


def _statement(table: Table, attempt: str, policies_alone: bool) -> str:
    match attempt:
        case "select":
            return (
                f"select string_agg(right(user_id::text, 1), '' order by user_id) from {table.name}"
            )
        case "insert":
            return _insert(table, ME)
        case "insert for another":
            return _insert(table, ANOTHER)
        case "update to another":
            return f"update {table.name} set user_id = '{ANOTHER}'"
        case "update":
            columns = COLUMNS.get((table.name, "update"), {"user_id"})
            if policies_alone or "user_id" in columns:
                return f"update {table.name} set user_id = '{ME}'"
            return f"update {table.name} set {min(columns)} = default"
        case _:
            return f"delete from {table.name}"


def _insert(table: Table, user_id: str) -> str:
    columns = ", ".join(("user_id", *table.required))
    values = ", ".join((f"'{user_id}'", *table.required.values()))
    return f"insert into {table.name} ({columns}) values ({values})"


PROBE = """
create function public.probe(p_role text, p_user_id text, p_statement text)
returns text
language plpgsql
as $$
declare
  v_result text;
begin
  perform set_config('request.jwt.claims',
                     case when p_user_id <> '' then jsonb_build_object('sub', p_user_id)::text end,
                     true);
  execute format('set local role %I', p_role);
  if p_statement like 'select%' then
    execute p_statement into v_result;
  else
    execute p_statement;
    get diagnostics v_result = row_count;
  end if;
  -- Nothing that is tried here stays, the role included.
  raise exception using errcode = 'RB000', message = coalesce(v_result, '');
exception
  when sqlstate 'RB000' then
    return sqlerrm;
  when insufficient_privilege then
    return 'denied';
end;
$$
"""

_TABLES = """
select c.oid::regclass::text,
       bool_or(a.attname = 'user_id'),
       array_agg(a.attname::text order by a.attnum),
       coalesce(
         jsonb_object_agg(a.attname, case
           when t.typcategory = 'A' then '''{}'''
           when t.typcategory = 'S' then 'md5(random()::text)'
           when t.typcategory = 'N' then '(random() * 30000)::integer'
           when t.typcategory = 'B' then 'false'
           when t.typcategory = 'D' then 'current_date + (random() * 30000)::integer'
           when t.typcategory = 'T' then '''1 day'''
           when t.typname = 'uuid' then 'gen_random_uuid()'
           else '''{}'''
         end) filter (
           where a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attname <> 'user_id'
         ),
         '{}'
       )
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type as t on t.oid = a.atttypid
where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace::regnamespace::text = any (%s)
group by c.oid
order by c.oid::regclass::text
"""

_LOOSEN = """
select format('alter table %%s drop constraint if exists %%I cascade', r.conrelid::regclass, r.conname)
from pg_constraint as r
where r.contype in ('c', 'f', 'p', 'u', 'x') and r.coninhcount = 0 and r.conrelid <> 0
  and r.connamespace::regnamespace::text = any (%(schemas)s)
union all
select format('drop index if exists %%s', i.indexrelid::regclass)
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
where i.indisunique and not c.relispartition and c.relnamespace::regnamespace::text = any (%(schemas)s)
  and not exists (select from pg_constraint as r where r.conindid = i.indexrelid)
"""
