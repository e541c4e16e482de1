"""The house style, asked from the catalogue: no query may find anything.

Every rule has its negative control: what it must find once that was made. What can be asked of the
files alone is in ``house/test_files.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from db import code
from db.database import connect
from tests.fixtures.required import need

Db = psycopg.Connection[Any]


@dataclass(frozen=True)
class Rule:
    """A query for names that break the rule; ``breach`` makes ``culprit`` one of them."""

    says: str
    query: str
    breach: str
    culprit: str


RULES = [
    Rule(
        "a foreign key has a full index that leads with it",
        """
        select c.conrelid::regclass || '.' || c.conname
        from pg_constraint as c
        where c.contype = 'f' and c.conparentid = 0 and c.connamespace = any (ours)
          and not exists (
            select from pg_index as i
            where i.indrelid = c.conrelid and i.indpred is null and i.indisvalid
              and (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] @> c.conkey
          )
        """,
        "create table shops.bad (shop_id uuid constraint bad_fkey references shops.shops (shop_id))",
        "shops.bad.bad_fkey",
    ),
    Rule(
        "a partial index does not serve a foreign key",
        """
        select c.conrelid::regclass || '.' || c.conname
        from pg_constraint as c
        where c.contype = 'f' and c.conparentid = 0 and c.connamespace = any (ours)
          and not exists (
            select from pg_index as i
            where i.indrelid = c.conrelid and i.indpred is null and i.indisvalid
              and (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] @> c.conkey
          )
        """,
        "create table shops.bad (shop_id uuid constraint bad_fkey references shops.shops (shop_id));"
        " create index on shops.bad (shop_id) where shop_id is not null",
        "shops.bad.bad_fkey",
    ),
    Rule(
        "every schema, table and view has a comment",
        """
        select c.oid::regclass::text
        from pg_class as c
        where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and c.relnamespace = any (ours)
          and obj_description(c.oid, 'pg_class') is null
        union all
        select n.nspname::text from pg_namespace as n
        where n.oid = any (ours) and obj_description(n.oid, 'pg_namespace') is null
        """,
        "create table shops.bad (n integer)",
        "shops.bad",
    ),
    Rule(
        "every function has a comment",
        """
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace = any (ours) and obj_description(p.oid, 'pg_proc') is null
        """,
        "create function shops.bad() returns integer language sql stable as 'select 1'",
        "shops.bad()",
    ),
    Rule(
        "nothing may be executed by public",
        """
        select p.oid::regprocedure::text
        from pg_proc as p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where p.pronamespace = any (ours) and a.grantee = 0
        """,
        "create function shops.bad() returns integer language sql stable as 'select 1';"
        " grant execute on function shops.bad to public",
        "shops.bad()",
    ),
    Rule(
        "a new function may not be executed by public",
        """
        select 'default privileges'
        where not exists (
          select from pg_default_acl as d
          where d.defaclobjtype = 'f' and d.defaclnamespace = 0
            and not exists (select from aclexplode(d.defaclacl) as a where a.grantee = 0)
        )
        """,
        "alter default privileges grant execute on functions to public",
        "default privileges",
    ),
    Rule(
        "nothing may be read or written by public",
        """
        select c.oid::regclass::text from pg_class as c, aclexplode(c.relacl) as a
        where c.relnamespace = any (ours) and a.grantee = 0
        """,
        "grant select on shops.shops to public",
        "shops.shops",
    ),
    Rule(
        "time has a zone",
        """
        select c.oid::regclass || '.' || a.attname
        from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = any (ours)
          and a.atttypid in ('timestamp'::regtype, 'time'::regtype, 'timestamp[]'::regtype)
        """,
        "create table shops.bad (at timestamp)",
        "shops.bad.at",
    ),
    Rule(
        "the time of an argument or a result has a zone",
        """
        select p.oid::regprocedure::text
        from pg_proc as p, unnest(p.prorettype || coalesce(p.proallargtypes, p.proargtypes)) as t
        where p.pronamespace = any (ours) and t in ('timestamp'::regtype, 'time'::regtype)
        """,
        "create function shops.bad(p_at timestamp) returns integer language sql stable as 'select 1'",
        "shops.bad(timestamp without time zone)",
    ),
    Rule(
        "text has no length, a closed list is a check, money has a currency",
        """
        select c.oid::regclass || '.' || a.attname
        from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_type as t on t.oid = a.atttypid
        where c.relkind in ('r', 'p') and c.relnamespace = any (ours)
          and (t.typname in ('varchar', 'bpchar', 'json', 'money', 'float4') or t.typtype = 'e')
        """,
        "create table shops.bad (name varchar(20))",
        "shops.bad.name",
    ),
    Rule(
        "every security definer pins its search_path",
        """
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace = any (ours) and p.prosecdef
          and not coalesce(p.proconfig, '{}') && array['search_path=pg_catalog, pg_temp']
        """,
        "create function shops.bad() returns integer language sql stable security definer"
        " as 'select 1'",
        "shops.bad()",
    ),
    Rule(
        "a function that a tenant may call is pinned too",
        """
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace = any (ours) and p.prolang <> (select oid from pg_language where lanname = 'sql')
          -- A procedure with settings may not commit, and to commit is what procedures are for.
          and p.prokind <> 'p'
          -- Asked of each of a million products, where the setting takes longer than its arithmetic.
          and p.oid::regproc::text <> 'shops.probability_above'
          and not coalesce(p.proconfig, '{}') && array['search_path=pg_catalog, pg_temp']
        """,
        "create function shops.bad() returns void language plpgsql as 'begin end'",
        "shops.bad()",
    ),
    Rule(
        "no default, check, index or generated column uses code that is replaced",
        """
        select distinct pg_describe_object(d.classid, d.objid, 0) from pg_depend as d
        join pg_proc as p on d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
        where p.pronamespace = any (ours) and p.oid::regproc::text <> all (%(revisions)s)
          and d.classid in ('pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_class'::regclass)
        """,
        "create function shops.bad() returns integer language sql immutable as 'select 1';"
        " create table shops.worse (n integer default shops.bad())",
        "default value for column n of table shops.worse",
    ),
    Rule(
        "no function returns a table's row type",
        """
        select p.oid::regprocedure::text
        from pg_proc as p
        join pg_type as t on t.oid = p.prorettype
        join pg_class as c on c.oid = t.typrelid and c.relkind in ('r', 'p')
        where p.pronamespace = any (ours) and not p.proname ^@ '_'
        """,
        "create function shops.bad() returns setof shops.shops language sql stable"
        " as 'select * from shops.shops'",
        "shops.bad()",
    ),
    Rule(
        "an argument starts with p_, a result's column does not",
        """
        select distinct p.oid::regprocedure::text
        from pg_proc as p
        left join unnest(p.proargnames) with ordinality as a (name, place) on true
        where p.pronamespace = any (ours)
          and (coalesce(p.proargmodes[a.place], 'i') in ('i', 'b', 'v'))
              is distinct from (coalesce(a.name, '') ^@ 'p_' or a.name is null and p.pronargs = 0)
          and not (a.name is null and p.pronargs = 0)
        """,
        "create function shops.bad(amount integer) returns integer language sql stable"
        " as 'select amount'",
        "shops.bad(integer)",
    ),
    Rule(
        "a trigger function, and nothing else, starts with tg_",
        """
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace = any (ours) and (p.prorettype = 'trigger'::regtype) <> (p.proname ^@ 'tg_')
        """,
        "create function shops.bad() returns trigger language plpgsql as 'begin return new; end'",
        "shops.bad()",
    ),
    Rule(
        "a constraint is a sentence, not the name that Postgres makes up",
        """
        select c.conrelid::regclass || '.' || c.conname
        from pg_constraint as c
        where c.connamespace = any (ours) and c.conparentid = 0 and c.conislocal
          and (c.contype = 'c' and c.conname ~ '_check[0-9]*$'
               or c.contype = 'u' and c.conname ~ '_key[0-9]*$')
        """,
        "create table shops.bad (n integer check (n > 0))",
        "shops.bad.bad_n_check",
    ),
]


def offences(db: Db, rule: Rule) -> set[str]:
    schemas = ", ".join(f"'{schema}'::regnamespace::oid" for schema in code.SCHEMAS)
    query = rule.query.replace("ours", f"array[{schemas}]")
    made_before = list(code.MADE_BY_REVISIONS)
    parameters = {"revisions": made_before} if "%(revisions)s" in query else None
    return {name for (name,) in db.execute(query.encode(), parameters).fetchall()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_the_house_keeps_the_rule(rule: Rule, db: Db) -> None:
    assert offences(db, rule) == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_the_rule_finds_a_breach(rule: Rule, db: Db) -> None:
    db.execute("set local search_path = ''")
    db.execute(rule.breach.encode())
    assert rule.culprit in offences(db, rule)


CHECKED = """
select f.functionid::regproc || ' line ' || coalesce(f.lineno, 0) || ': ' || f.message
from pg_proc as p
left join pg_trigger as t on t.tgfoid = p.oid and not t.tgisinternal and t.tgparentid = 0,
plpgsql_check_function_tb(
  p.oid, coalesce(t.tgrelid, 0), fatal_errors := false,
  oldtable := t.tgoldtable, newtable := t.tgnewtable
) as f
where p.prolang = (select oid from pg_language where lanname = 'plpgsql')
  and p.pronamespace::regnamespace::text = any (%s)
  and (p.prorettype <> 'trigger'::regtype or t.tgfoid is not null)
  -- The kernel hands each prepare and settle function the same arguments.
  and f.message !~ '^unused parameter'
"""


@pytest.fixture
def checker(fresh_database: str) -> Iterator[Db]:
    """A connection of its own on which plpgsql_check is there.

    Functions that it looked at must not be called in that session: their plans are broken then.
    """
    with connect(fresh_database) as conn:
        available = "select from pg_available_extensions where name = 'plpgsql_check'"
        has = conn.execute(available).fetchone()
        need("plpgsql_check", has is not None, "this PostgreSQL has no extension plpgsql_check")
        conn.execute("create extension plpgsql_check")
        yield conn


def test_plpgsql_check_finds_nothing(checker: Db) -> None:
    assert checker.execute(CHECKED, [list(code.SCHEMAS)]).fetchall() == []


def test_plpgsql_check_finds_a_breach(checker: Db) -> None:
    checker.execute(
        "create function shops.bad() returns integer language plpgsql as"
        " 'declare v_n integer; begin select s.nothing into v_n from shops.shops as s; return v_n; end'"
    )
    found = checker.execute(CHECKED, [list(code.SCHEMAS)]).fetchall()
    assert ("shops.bad line 1: column s.nothing does not exist",) in found
