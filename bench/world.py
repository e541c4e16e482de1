"""A world of shops to measure in: users, shops, products, syncs, orders and their lines, made by SQL.

Shops are of all sizes, from a tenth of the usual to almost twice that, and few products sell most.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Size:
    shops: int
    products: int
    lines: int

    @property
    def lines_a_product(self) -> float:
        return self.lines / self.products


FULL = Size(shops=1_000, products=1_000_000, lines=10_000_000)
QUICK = Size(shops=100, products=20_000, lines=200_000)

BUILDERS = 2
"""Connections that fill the large tables side by side."""

SHOPS = """
set session_replication_role = replica;
insert into accounts.users (email)
select 'merchant' || i || '@example.com' from generate_series(1, %(shops)s) as i;
insert into accounts.subscriptions (user_id, plan, state, period_start)
select u.user_id, 'vip', 'active', date_trunc('month', jobs.clock()) from accounts.users as u;
insert into accounts.connections (user_id, service, account, state, scopes)
select u.user_id, s.service, 'default', 'connected', s.needed_scopes
from accounts.users as u, accounts.services as s;
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
insert into shops.winner_rules (user_id, shop_id, version)
select s.user_id, s.shop_id, 1 from shops.shops as s;
insert into shops.trackings (user_id, shop_id, read_up_to)
select s.user_id, s.shop_id, jobs.clock() from shops.shops as s;

create table public.sizes as
select s.user_id, s.shop_id, s.number, s.products,
       sum(s.products) over (order by s.number) - s.products as before
from (
  select s.user_id, s.shop_id, row_number() over () as number,
         -- From a tenth to nineteen tenths of the mean, so that they add up to what was asked.
         floor(%(products)s * (row_number() over ()) / %(shops)s.0 * (0.1 + 0.9 * (row_number() over ()) / %(shops)s.0))::bigint
         - floor(%(products)s * (row_number() over () - 1) / %(shops)s.0 * (0.1 + 0.9 * (row_number() over () - 1) / %(shops)s.0))::bigint
           as products
  from shops.shops as s
) as s;
analyze;
"""

PRODUCTS = """
insert into shops.products (
  user_id, product_id, shop_id, niche_id, origin, planned_on, state, quota_state, quota_month,
  handle, sku, title, product_gid, image_url, shop_status, optimization_status, first_tracked_at
)
overriding system value
select z.user_id, z.before + i, z.shop_id, n.niche_id, 'planned', date '2026-01-01', 'published',
       'used', date '2026-01-01', 'design-' || z.before + i, 'POD-' || z.before + i,
       'A design with the number ' || z.before + i, 'gid://shopify/Product/' || z.before + i,
       'https://cdn.example.com/' || z.before + i || '.png', 'ACTIVE', 'optimized',
       jobs.clock() - interval '80 days' * random()
from public.sizes as z
join (
  select n.user_id, array_agg(n.niche_id) as niches from shops.niches as n group by n.user_id
) as k on k.user_id = z.user_id
cross join generate_series(1, z.products) as i
cross join lateral (select k.niches[1 + i %% 5]) as n (niche_id)
where z.number %% %(builders)s = %(builder)s
order by z.user_id;

-- Nine of ten products are pinned.
insert into shops.syncs
  (user_id, product_id, shop_id, platform, state, target, link, tag, external_id, queued_at, ended_at)
select z.user_id, z.before + i, z.shop_id, 'pinterest', 'done', '1',
       'https://example.com/products/design-' || z.before + i, 'autom-' || z.before + i, '1',
       jobs.clock() - interval '30 days', jobs.clock() - interval '30 days'
from public.sizes as z
cross join generate_series(1, z.products) as i
where z.number %% %(builders)s = %(builder)s and i %% 10 <> 0;
"""

ORDERS = """
-- Four lines an order, of the last ninety days; one in twenty was cancelled.
insert into shops.orders
  (user_id, shop_id, order_key, name, source, version, digest, financial_status, currency, test,
   cancelled_at, created_at)
select z.user_id, z.shop_id, 'gid://shopify/Order/' || z.number * 1000000 + i, '#' || i, 'shop', m.moment,
       decode(md5(i::text), 'hex'), 'paid', 'EUR', false,
       case when i %% 20 = 0 then m.moment end, m.moment
from public.sizes as z
cross join generate_series(1, ceil(z.products * %(lines_a_product)s / 4)::bigint) as i
cross join lateral (select jobs.clock() - interval '90 days' * random() where i > 0) as m (moment)
where z.number %% %(builders)s = %(builder)s;

insert into shops.order_lines
  (user_id, shop_id, order_id, line_no, product_id, quantity, current_quantity, total, unit_price,
   created_at, cancelled_at, test, currency, line_gid, product_gid, sku, title)
select o.user_id, o.shop_id, o.order_id, l.line_no, p.product_id, 1, 1, 1999, 1999,
       o.created_at, o.cancelled_at, false, 'EUR', 'gid://shopify/LineItem/' || o.order_id * 10 + l.line_no,
       'gid://shopify/Product/' || p.product_id, 'POD-' || p.product_id,
       'A design with the number ' || p.product_id
from public.sizes as z
join shops.orders as o on o.user_id = z.user_id and o.shop_id = z.shop_id
cross join generate_series(1, 4) as l (line_no)
cross join lateral (
  select z.before + 1 + floor(z.products * random() ^ 2)::bigint where l.line_no > 0
) as p (product_id)
where z.number %% %(builders)s = %(builder)s;
"""

INDEXES = """
select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
from pg_index as i
where i.indrelid = any (array['shops.products', 'shops.syncs', 'shops.orders', 'shops.order_lines']::regclass[])
  and not exists (select from pg_constraint as c where c.conindid = i.indexrelid)
"""


def build(url: str, size: Size) -> None:
    """Fill an empty database that is at head. Indexes come after the rows."""
    with _connect(url) as conn:
        conn.execute((SHOPS % {"shops": size.shops, "products": size.products}).encode())
        indexes = conn.execute(INDEXES.encode()).fetchall()
        for name, _ in indexes:
            conn.execute(f"drop index {name}".encode())
        _side_by_side(url, PRODUCTS, size)
        _side_by_side(url, ORDERS, size)
        with ThreadPoolExecutor(BUILDERS) as pool:
            list(pool.map(lambda index: _run(url, index[1]), indexes))
        conn.execute(
            "select setval('shops.products_product_id_seq', max(p.product_id)) from shops.products as p"
        )
        conn.execute("vacuum analyze")


def counts(conn: Connection) -> dict[str, int]:
    """Rows of the large tables, and the size of the database in bytes."""
    found = conn.execute(
        "select (select count(*) from shops.shops), (select count(*) from shops.products),"
        " (select count(*) from shops.orders), (select count(*) from shops.order_lines),"
        " pg_database_size(current_database())"
    ).fetchone()
    assert found is not None
    return dict(zip(("shops", "products", "orders", "lines", "bytes"), found, strict=True))


def _side_by_side(url: str, statements: str, size: Size) -> None:
    jobs = [
        statements
        % {
            "builders": BUILDERS,
            "builder": builder,
            "lines_a_product": size.lines_a_product,
        }
        for builder in range(BUILDERS)
    ]
    with ThreadPoolExecutor(BUILDERS) as pool:
        list(pool.map(_run, itertools.repeat(url), jobs))


def _run(url: str, statements: str) -> None:
    with _connect(url) as conn:
        conn.execute(statements.encode())


def _connect(url: str) -> Connection:
    conn: Connection = psycopg.connect(url, autocommit=True)
    # No triggers and foreign keys for rows that are right by the way they are made.
    conn.execute("set session_replication_role = replica")
    conn.execute("set maintenance_work_mem = '512MB'")
    conn.execute("set jit = off")
    return conn
