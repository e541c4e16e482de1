"""The work of a run does not grow with its shops, and what is asked of one shop is answered from indexes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from db import database as databases
from db.call import value
from db.server import Server
from tests.fixtures.clock import at
from tests.fixtures.shops import MORNING, plan, run, shop

# The jobs' ids and clock are made for each row; all else is called as often for many as for few.
FOR_EACH_ROW = {"jobs._due", "jobs.clock"}

FILL = """
set session_replication_role = replica;
insert into accounts.users (email) select 'large' || i || '@example.com' from generate_series(1, 1000) as i;
insert into accounts.subscriptions (user_id, plan, state, period_start)
select u.user_id, 'premium', 'active', '2026-01-01' from accounts.users as u;
insert into accounts.connections (user_id, service, account, state)
select u.user_id, s.service, 'default', 'connected' from accounts.users as u, accounts.services as s;
insert into shops.shops (user_id, name, domain)
select u.user_id, 'Shop', replace(u.email, '@', '.') from accounts.users as u;
insert into shops.shop_connections (user_id, shop_id, service, connection_id)
select s.user_id, s.shop_id, c.service, c.connection_id
from shops.shops as s join accounts.connections as c on c.user_id = s.user_id;
insert into shops.settings (user_id, shop_id, pinterest_board_id)
select s.user_id, s.shop_id, '1' from shops.shops as s;
insert into shops.boards (user_id, shop_id, board_id, name)
select s.user_id, s.shop_id, '1', 'Board' from shops.shops as s;
insert into shops.prompts (user_id, shop_id, type, version, body)
select s.user_id, s.shop_id, d.type, 1, d.body from shops.shops as s, shops.default_prompts as d;
insert into shops.niches (user_id, shop_id, name, slug)
select s.user_id, s.shop_id, 'n' || i, 'n' || i from shops.shops as s, generate_series(1, 5) as i;
insert into shops.products
  (user_id, shop_id, niche_id, origin, planned_on, state, quota_state, quota_month, handle, title,
   product_gid, image_url, shop_status, optimization_status)
select n.user_id, n.shop_id, n.niche_id, 'planned', date '2026-01-01' + i, 'published', 'used', '2026-01-01',
       'h-' || n.niche_id || '-' || i, 't', n.niche_id || '-' || i, 'https://cdn/1.png', 'ACTIVE', 'optimized'
from shops.niches as n, generate_series(1, 10) as i;
insert into shops.quota_months (user_id, month, used)
select u.user_id, '2026-01-01', 50 from accounts.users as u;
insert into shops.syncs
  (user_id, product_id, shop_id, platform, state, target, link, tag, external_id, ended_at)
select p.user_id, p.product_id, p.shop_id, 'pinterest', 'done', '1', 'l', 't', 'e', jobs.clock()
from shops.products as p
where p.product_id % 10 <> 0;
set session_replication_role = origin;
analyze
"""


def calls(conn: psycopg.Connection[Any], schedule: str) -> dict[str, int]:
    """How often each function of ours was called while a schedule ran."""
    query = (
        "select schemaname || '.' || funcname, calls from pg_stat_xact_user_functions"
        " where schemaname in ('shops', 'jobs')"
    )
    conn.execute("set local track_functions = 'all'")
    before = dict(conn.execute(query).fetchall())
    value(conn, "jobs.run_schedule", name=schedule)
    after = dict(conn.execute(query).fetchall())
    return {
        name: count - before.get(name, 0)
        for name, count in after.items()
        if count != before.get(name, 0)
    }


@pytest.mark.parametrize("schedule", ["product_creation", "product_optimize", "pinterest_sync"])
def test_a_run_calls_as_many_statements_for_many_shops_as_for_few(db, schedule):
    at(db, MORNING)
    counted = []
    for _ in range(2):
        for _ in range(10):
            one = shop(db, creation_limit=2)
            db.execute(
                "insert into shops.products (user_id, shop_id, niche_id, origin, planned_on, state, quota_state,"
                " quota_month, handle, product_gid, image_url, shop_status, optimization_status)"
                " select user_id, shop_id, niche_id, 'planned', '2026-01-01', 'planned', 'held', '2026-01-01',"
                " 'h', 'g', 'u', 'ACTIVE', 'pending' from shops.niches where shop_id = %s",
                [one.shop_id],
            )
        db.execute("set local session_replication_role = replica")
        db.execute(
            "update shops.products set state = 'created', quota_state = 'used' where handle = 'h'"
        )
        db.execute("set local session_replication_role = origin")
        with db.transaction(force_rollback=True):
            counted.append(calls(db, schedule))
    few, many = counted
    assert sum(few.values()) > 5
    differ = {name: (few.get(name), many[name]) for name in many if few.get(name) != many[name]}
    assert set(differ) <= FOR_EACH_ROW


@pytest.fixture(scope="module")
def _large(server: Server) -> Iterator[psycopg.Connection[Any]]:
    with databases.connect(server.create_database("autom_large", "autom_template")) as conn:
        conn.execute(FILL)
        at(conn, MORNING)
        yield conn
    server.drop_database("autom_large")


@pytest.fixture
def large(_large) -> Iterator[psycopg.Connection[Any]]:
    """A thousand shops with fifty products each, nine of ten pinned."""
    with _large.transaction(force_rollback=True):
        yield _large


def some_shop(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    row = conn.execute("select shop_id, user_id from shops.shops offset 500 limit 1").fetchone()
    assert row is not None
    return {"shop_id": row[0], "user_id": row[1]}


def touched(node: dict[str, Any]) -> dict[str, float]:
    """Rows that a plan looked at in the largest tables, thrown away or not."""
    rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    table = node.get("Relation Name")
    found = {table: rows} if table in ("products", "syncs") else {}
    for child in node.get("Plans", []):
        for name, count in touched(child).items():
            found[name] = found.get(name, 0) + count
    return found


@pytest.mark.parametrize("named", ["shop_id", "user_id"])
def test_unsynced_looks_at_one_shops_products_only(large, named):
    query = (
        "explain (analyze, format json)"
        f" select * from shops.unsynced where {named} = %s order by product_id limit 20"
    )
    (answer,) = large.execute(query.encode(), [some_shop(large)[named]]).fetchone()
    assert max(touched(answer[0]["Plan"]).values()) <= 50


def test_stuck_does_not_look_at_products_that_may_stay(large):
    (answer,) = large.execute("explain (analyze, format json) select * from shops.stuck").fetchone()
    assert touched(answer[0]["Plan"]) == {"products": 0}


def nested_plans(conn: psycopg.Connection[Any], call) -> list[dict[str, Any]]:
    """The plans of the statements inside the functions that ``call`` calls."""
    heard: list[dict[str, Any]] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        said = notice.message_primary or ""
        if "plan:" in said:
            heard.append(json.loads(said.partition("plan:")[2])["Plan"])

    conn.execute("load 'auto_explain'")
    conn.execute("set local auto_explain.log_analyze = on")
    conn.execute("set local auto_explain.log_min_duration = 0")
    conn.execute("set local auto_explain.log_nested_statements = on")
    conn.execute("set local auto_explain.log_format = json")
    conn.execute("set local client_min_messages = log")
    conn.add_notice_handler(hear)
    try:
        call()
    finally:
        conn.remove_notice_handler(hear)
        conn.execute("set local auto_explain.log_min_duration = -1")
    return heard


@pytest.mark.parametrize("whole", [False, True], ids=["one shop", "all shops"])
def test_a_plan_looks_at_todays_products_only(large, whole):
    scope = {} if whole else {"shop_id": some_shop(large)["shop_id"]}
    planned = []
    plans = nested_plans(large, lambda: planned.extend(plan(large, **scope)))
    assert sum(row.how_many for row in planned) == (20_000 if whole else 20)
    assert sum(touched(each).get("products", 0) for each in plans) == 0


def test_a_thousand_shops_get_their_twenty_products(large):
    """The time is a bound that only a plan gone wrong breaks: it takes a second or two."""
    started = time.monotonic()
    assert run(large, "product_creation")[1] == 20_000
    assert time.monotonic() - started < 20
    assert large.execute("select * from shops.quota_proof").fetchall() == []
    query = "select count(*), count(distinct handle), count(distinct user_id) from shops.products where state = 'planned'"
    assert large.execute(query).fetchone() == (20_000, 20_000, 1000)
