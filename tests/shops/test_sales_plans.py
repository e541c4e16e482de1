"""Sales of one shop are answered from its part of an index, however many other shops there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from db import database as databases
from db.server import Server
from tests.conftest import TEMPLATE
from tests.fixtures.clock import at
from tests.fixtures.shops import MORNING

Connection = psycopg.Connection[Any]

SHOPS, PRODUCTS, LINES = 200, 50, 500

FILL = """
set session_replication_role = replica;
insert into accounts.users (email) select 'seller' || i || '@example.com' from generate_series(1, %(shops)s) as i;
insert into accounts.subscriptions (user_id, plan, state, period_start)
select u.user_id, 'premium', 'active', '2026-01-01' from accounts.users as u;
insert into shops.shops (user_id, name, domain)
select u.user_id, 'Shop', replace(u.email, '@', '.') from accounts.users as u;
insert into shops.winner_rules (user_id, shop_id, version) select s.user_id, s.shop_id, 1 from shops.shops as s;
insert into shops.trackings (user_id, shop_id, read_up_to)
select s.user_id, s.shop_id, '2026-11-20 06:00+00' from shops.shops as s;
insert into shops.products (user_id, shop_id, origin, state, handle, sku, title, product_gid, shop_status, first_tracked_at)
select s.user_id, s.shop_id, 'imported', 'published', 'h' || i, 's' || i, 't' || i, 'g' || i, 'ACTIVE', '2026-09-01'
from shops.shops as s, generate_series(1, %(products)s) as i;
insert into shops.orders (user_id, shop_id, order_key, name, source, version, digest, test, created_at)
select s.user_id, s.shop_id, 'o' || i, 'o' || i, 'shop', '2026-11-20', '', false,
       timestamptz '2026-11-20 00:00+00' - make_interval(hours => i)
from shops.shops as s, generate_series(1, %(lines)s) as i;
insert into shops.order_lines
  (user_id, shop_id, order_id, line_no, product_id, quantity, current_quantity, total, created_at, test, currency)
select o.user_id, o.shop_id, o.order_id, 1, p.product_id, 1, 1, 1000, o.created_at, false, 'EUR'
from shops.orders as o
join (
  select p.user_id, p.shop_id, p.product_id, row_number() over (partition by p.shop_id) as place
  from shops.products as p
) as p on p.user_id = o.user_id and p.shop_id = o.shop_id and p.place = o.order_id %% %(products)s + 1;
set session_replication_role = origin;
"""


@pytest.fixture(scope="module")
def _many(server: Server) -> Iterator[Connection]:
    with databases.connect(server.create_database("autom_sales", TEMPLATE)) as conn:
        conn.execute((FILL % {"shops": SHOPS, "products": PRODUCTS, "lines": LINES}).encode())
        conn.execute("vacuum analyze")
        at(conn, MORNING)
        yield conn
    server.drop_database("autom_sales")


@pytest.fixture
def many(_many: Connection) -> Iterator[Connection]:
    """Two hundred shops with fifty products and five hundred lines each."""
    with _many.transaction(force_rollback=True):
        yield _many


def some(conn: Connection) -> dict[str, Any]:
    row = conn.execute(
        "select user_id, shop_id, product_id from shops.products order by shop_id, product_id offset 4321 limit 1"
    ).fetchone()
    assert row is not None
    return dict(zip(("user_id", "shop_id", "product_id"), row, strict=True))


def plan_of(conn: Connection, query: str, arguments: dict[str, Any]) -> dict[str, Any]:
    explain = f"explain (analyze, buffers, format json) {query}"
    row = conn.execute(explain.encode(), arguments).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def nodes(conn: Connection, query: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    found, left = [], [plan_of(conn, query, arguments)]
    while left:
        node = left.pop()
        found.append(node)
        left += node.get("Plans", [])
    return found


def rows(node: dict[str, Any]) -> float:
    gone = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    looked_at: float = (node["Actual Rows"] + gone) * node["Actual Loops"]
    return looked_at


def check(conn: Connection, query: str, most_lines: int, most_products: int) -> None:
    """Facts come from the index alone, of what was asked for and nothing else."""
    plan = nodes(conn, query, some(conn))
    of = {
        table: [node for node in plan if node.get("Relation Name") == table]
        for table in ("order_lines", "products")
    }
    assert {node["Node Type"] for node in of["order_lines"]} == {"Index Only Scan"}
    assert "Seq Scan" not in {node["Node Type"] for node in of["products"]}
    assert sum(map(rows, of["order_lines"])) <= most_lines
    assert sum(map(rows, of["products"])) <= most_products


QUERIES = [
    pytest.param(
        "select * from shops.windows where shop_id = %(shop_id)s",
        LINES,
        PRODUCTS,
        id="windows of a shop",
    ),
    pytest.param(
        "select * from shops.windows where user_id = %(user_id)s",
        LINES,
        PRODUCTS,
        id="windows of a user",
    ),
    pytest.param(
        "select * from shops.windows where shop_id = %(shop_id)s and product_id = %(product_id)s",
        LINES // PRODUCTS,
        1,
        id="windows of a product",
    ),
    pytest.param(
        "select * from shops.windows where product_id = %(product_id)s",
        LINES // PRODUCTS,
        PRODUCTS,
        id="windows of a product, no shop said",
    ),
    pytest.param(
        "select * from shops.winner_candidates where shop_id = %(shop_id)s",
        LINES,
        PRODUCTS,
        id="candidates of a shop",
    ),
    pytest.param(
        "select * from shops.winner_candidates where shop_id = %(shop_id)s and winner",
        LINES,
        PRODUCTS,
        id="winners of a shop",
    ),
    pytest.param(
        "select * from shops.winner_candidates where product_id = %(product_id)s and shop_id = %(shop_id)s",
        LINES // PRODUCTS,
        1,
        id="one candidate",
    ),
    pytest.param(
        "select * from shops.winner_conditions where product_id = %(product_id)s and shop_id = %(shop_id)s",
        LINES // PRODUCTS,
        1,
        id="conditions of a product",
    ),
]


@pytest.mark.parametrize(("query", "most_lines", "most_products"), QUERIES)
def test_sales_come_from_the_index(
    many: Connection, query: str, most_lines: int, most_products: int
) -> None:
    check(many, query, most_lines, most_products)


def pages(conn: Connection, query: str) -> int:
    plan = plan_of(conn, query, some(conn))
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize(
    ("query", "most"),
    [
        pytest.param("windows where shop_id = %(shop_id)s", 6 * PRODUCTS, id="windows"),
        pytest.param(
            "winner_candidates where shop_id = %(shop_id)s", 6 * PRODUCTS, id="candidates"
        ),
        pytest.param("winner_candidates", 6 * PRODUCTS * SHOPS, id="all candidates"),
    ],
)
def test_a_product_costs_a_few_pages(many: Connection, query: str, most: int) -> None:
    pages(many, f"select * from shops.{query}")  # reads the catalogue
    assert pages(many, f"select * from shops.{query}") <= most


def test_what_was_sold_before_tracking_is_not_read(many: Connection) -> None:
    """But for the last 14 days: windows do not ask since when a product is tracked."""
    here = some(many)
    many.execute(
        "update shops.products set first_tracked_at = '2026-11-19' where shop_id = %(shop_id)s",
        here,
    )
    check(
        many, "select * from shops.windows where shop_id = %(shop_id)s", 7 * PRODUCTS, 2 * PRODUCTS
    )


def test_each_shops_days_are_computed_once(many: Connection) -> None:
    """Time zones are dear: their part of the plan runs once for a shop, not for each product."""
    query = "select * from shops.winner_candidates where shop_id = %(shop_id)s"
    calls = {
        node["Function Name"]: node["Actual Loops"]
        for node in nodes(many, query, some(many))
        if node["Node Type"] == "Function Scan"
    }
    assert calls == {"_day": 1, "_rules": 1}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(
            "select l.product_id, sum(l.net_units) from shops.order_lines as l"
            " where l.created_at > timestamptz '2026-11-13' and l.shop_id::text = %(shop_id)s::text group by 1",
            id="the shop compared as text",
        ),
        pytest.param(
            "select p.product_id, sum(l.net_units) from shops.products as p"
            " join shops.order_lines as l using (product_id) where p.shop_id = %(shop_id)s group by 1",
            id="joined by product alone",
        ),
        pytest.param(
            "select l.sku, sum(l.net_units) from shops.order_lines as l"
            " where l.user_id = %(user_id)s and l.shop_id = %(shop_id)s and l.sku = 's1' group by 1",
            id="found by what no index has",
        ),
    ],
)
def test_these_tests_notice(many: Connection, query: str) -> None:
    with pytest.raises(AssertionError):
        check(many, query, LINES, PRODUCTS)


def test_all_shops_are_read_in_one_go(many: Connection) -> None:
    """No plan may look at a line more than once, whatever the planner thinks of a shop's size."""
    plan = nodes(many, "select * from shops.winner_candidates", {})
    lines = [node for node in plan if node.get("Relation Name") == "order_lines"]
    assert sum(map(rows, lines)) <= SHOPS * LINES
