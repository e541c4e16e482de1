"""``autom bench shops``: planning, unsynced products and winners at scale.

What AutoM does, on sets, and beside it in the same run and database what is usual in its place: a
query for each row, and one query that lists the rows' ids.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from bench import world
from bench.report import Figure
from db import database
from db.server import temporary

Connection = psycopg.Connection[Any]
Say = Callable[[str], None]

TARGET_MS = 50
"""p95 of what is asked of one shop."""

ROW_BY_ROW = 5
"""Shops that a query for each product is measured on."""


@dataclass(frozen=True)
class Shop:
    user_id: UUID
    shop_id: UUID


def measure(quick: bool, say: Say) -> tuple[list[Figure], dict[str, str]]:
    """All figures, and the setting that they hold for. The world is made first, and thrown away."""
    size = world.QUICK if quick else world.FULL
    with temporary() as server:
        url = server.create_database("bench")
        database.migrate(url)
        say(f"making {size.products:,} products and {size.lines:,} order lines")
        began = time.perf_counter()
        world.build(url, size)
        built = time.perf_counter() - began
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as conn:
            counted = world.counts(conn)
            figures = []
            for figure in _figures(conn, 50 if quick else 200):
                say(figure.what)
                figures.append(figure)
        setting = {"postgres": str(server.major), "made in": f"{built:.0f} s"}
    return figures, setting | {name: f"{count:,}" for name, count in counted.items()}


def _figures(conn: Connection, some: int) -> Iterator[Figure]:
    shops = _shops(conn, some)
    yield from _planning(conn)
    yield from _unsynced(conn, shops)
    yield from _winners(conn, shops)


# Planning ----------------------------------------------------------------------------------------


def _planning(conn: Connection) -> Iterator[Figure]:
    """Twenty products for each shop, undone after each measurement."""
    conn.execute("create extension if not exists pg_stat_statements")
    conn.execute("set pg_stat_statements.track = 'all'")
    ids = [row[0] for row in conn.execute("select shop_id from shops.shops").fetchall()]
    few, many = len(ids) // 10, len(ids)

    with _counted(conn, ids[:few]) as for_few:
        conn.execute("select count(*) from shops.apply_creation()")
    with _counted(conn, ids) as for_many:
        conn.execute("select count(*) from shops.apply_creation()")
    with _counted(conn, ids) as one_by_one:
        for shop_id in ids:
            conn.execute("select count(*) from shops.apply_creation(null, %s)", [shop_id])

    what = "20 products planned for each of {:,} shops"
    yield _seconds(what.format(few), for_few.seconds)
    yield _seconds(what.format(many), for_many.seconds)
    yield _seconds("   a call for each shop", one_by_one.seconds)
    yield Figure(f"   statements for {few:,} shops", "statements", for_few.statements)
    yield Figure(
        f"   statements for {many:,} shops",
        "statements",
        for_many.statements,
        target="no more than for a tenth",
        met=for_many.statements <= for_few.statements,
    )
    yield Figure("   a call for each shop", "statements", one_by_one.statements)


@dataclass
class _Seen:
    seconds: float = 0
    statements: int = 0


@contextmanager
def _counted(conn: Connection, enabled: list[UUID]) -> Iterator[_Seen]:
    """Time and statements, those inside functions too; all of it is undone."""
    seen = _Seen()
    with conn.transaction(force_rollback=True):
        conn.execute("update shops.shops set enabled = shop_id = any (%s)", [enabled])
        before = _statements(conn)
        began = time.perf_counter()
        yield seen
        seen.seconds = time.perf_counter() - began
        # The counting itself is one.
        seen.statements = _statements(conn) - before - 1


def _statements(conn: Connection) -> int:
    """All that ran so far, but for the checks of foreign keys, which Postgres makes for each row."""
    query = (
        "select sum(s.calls)::bigint from pg_stat_statements as s"
        " join pg_database as d on d.oid = s.dbid and d.datname = current_database()"
        " where s.query !~* 'for key share of x$'"
    )
    (count,) = conn.execute(query.encode()).fetchone() or (0,)
    return int(count)


# Unsynced products -------------------------------------------------------------------------------

NEXT_PINS = "select u.product_id from shops.unsynced as u where u.shop_id = %s order by 1 limit 20"
EVERY_PIN = "select count(*) from shops.unsynced"
PINNED = "select y.product_id from shops.syncs as y where y.user_id = %s and y.shop_id = %s and y.state = 'done'"
NOT_LISTED = (
    "select p.product_id from shops.products as p"
    " where p.user_id = %s and p.shop_id = %s and p.shop_status = 'ACTIVE' and p.image_url is not null"
    " and p.product_id <> all (%s) order by 1 limit 20"
)
IS_PINNED = (
    "select exists (select from shops.syncs as y"
    " where y.user_id = %s and y.product_id = %s and y.state = 'done')"
)


def _unsynced(conn: Connection, shops: list[Shop]) -> Iterator[Figure]:
    def ids_listed(shop: Shop) -> None:
        pinned = [row[0] for row in _rows(conn, PINNED, shop.user_id, shop.shop_id)]
        _rows(conn, NOT_LISTED, shop.user_id, shop.shop_id, pinned)

    def one_by_one(shop: Shop) -> None:
        for product_id in _product_ids(conn, shop):
            _rows(conn, IS_PINNED, shop.user_id, product_id)

    yield _each(
        "20 unsynced products of a shop",
        shops,
        lambda shop: _rows(conn, NEXT_PINS, shop.shop_id),
        TARGET_MS,
    )
    yield _each("   ids listed in the query", shops, ids_listed)
    yield _each("   a query for each product", shops[:ROW_BY_ROW], one_by_one)
    yield _once("unsynced products of all shops", lambda: _rows(conn, EVERY_PIN))


# Winners -----------------------------------------------------------------------------------------

WINNERS = "select c.product_id, c.units_7, c.why from shops.winner_candidates as c where c.shop_id = %s and c.winner"
VERDICTS = "select c.* from shops.winner_candidates as c where c.shop_id = %s"
WINDOWS = "select w.* from shops.windows as w where w.shop_id = %s"
ALL_WINNERS = "select count(*) filter (where c.winner) from shops.winner_candidates as c"
ALL_VERDICTS = (
    "select count(*) filter (where c.sales_winner), count(*) filter (where c.buckets_winner),"
    " count(*) filter (where c.posterior_winner) from shops.winner_candidates as c"
)
SOLD = (
    "select coalesce(sum(l.net_units), 0) from shops.order_lines as l"
    " where l.user_id = %s and l.shop_id = %s and l.product_id = %s"
    " and l.created_at >= %s and l.created_at < %s"
)
SOLD_OF_LISTED = (
    "select l.product_id, sum(l.net_units) from shops.order_lines as l"
    " where l.user_id = %s and l.product_id = any (%s) and l.created_at >= %s and l.created_at < %s"
    " group by 1 having sum(l.net_units) >= 5"
)
WEEK = "select d.day_7, d.day_start from shops.sales_days as d where d.shop_id = %s"


def _winners(conn: Connection, shops: list[Shop]) -> Iterator[Figure]:
    def ids_listed(shop: Shop) -> None:
        (week,) = _rows(conn, WEEK, shop.shop_id)
        _rows(conn, SOLD_OF_LISTED, shop.user_id, _product_ids(conn, shop), *week)

    def one_by_one(shop: Shop) -> None:
        (week,) = _rows(conn, WEEK, shop.shop_id)
        for product_id in _product_ids(conn, shop):
            _rows(conn, SOLD, shop.user_id, shop.shop_id, product_id, *week)

    def shop_by_shop() -> None:
        for shop in _shops(conn):
            _rows(conn, WINNERS, shop.shop_id)

    def of(query: str) -> Callable[[Shop], object]:
        return lambda shop: _rows(conn, query, shop.shop_id)

    yield _each("winners of a shop", shops, of(WINNERS), TARGET_MS)
    yield _each("   ids listed in the query", shops, ids_listed)
    yield _each("   a query for each product", shops[:ROW_BY_ROW], one_by_one)
    yield _each("all three verdicts on a shop's products", shops, of(VERDICTS), TARGET_MS)
    yield _each("every window of a shop's products", shops, of(WINDOWS), TARGET_MS)
    yield _once("winners of all shops", lambda: _rows(conn, ALL_WINNERS))
    yield _once("   a query for each shop", shop_by_shop)
    yield _once("all three verdicts on all products", lambda: _rows(conn, ALL_VERDICTS))


# Measuring ---------------------------------------------------------------------------------------


def _each(
    what: str, shops: list[Shop], ask: Callable[[Shop], object], target_ms: int | None = None
) -> Figure:
    """How long it takes for one shop, over many shops."""
    ask(shops[0])
    times = []
    for shop in shops:
        began = time.perf_counter()
        ask(shop)
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    middle, late = (round(times[int(len(times) * share)], 1) for share in (0.5, 0.95))
    return Figure(
        what,
        "ms",
        middle,
        round(times[0], 1),
        round(times[-1], 1),
        late,
        None if target_ms is None else f"p95 < {target_ms} ms",
        None if target_ms is None else late < target_ms,
    )


def _once(what: str, ask: Callable[[], object]) -> Figure:
    began = time.perf_counter()
    ask()
    return _seconds(what, time.perf_counter() - began)


def _seconds(what: str, seconds: float) -> Figure:
    return Figure(what, "s", round(seconds, 2))


def _rows(conn: Connection, query: str, *arguments: Any) -> list[Any]:
    return conn.execute(query.encode(), list(arguments)).fetchall()


def _product_ids(conn: Connection, shop: Shop) -> list[int]:
    query = "select p.product_id from shops.products as p where p.user_id = %s and p.shop_id = %s"
    return [row[0] for row in _rows(conn, query, shop.user_id, shop.shop_id)]


def _shops(conn: Connection, some: int | None = None) -> list[Shop]:
    """Shops of all sizes, the same ones in each run."""
    query = "select z.user_id, z.shop_id from public.sizes as z order by z.number"
    shops = [Shop(*row) for row in _rows(conn, query)]
    return shops if some is None else random.Random(1).sample(shops, min(some, len(shops)))
