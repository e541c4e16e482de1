"""The measurements of shops measure what they say; how fast is not for a test to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bench import shops, world
from db.database import connect
from db.server import Server
from tests.conftest import TEMPLATE

Connection = psycopg.Connection[Any]
SMALL = world.Size(shops=20, products=600, lines=6_000)


@pytest.fixture(scope="module")
def conn(server: Server) -> Iterator[Connection]:
    url = server.create_database("autom_bench", TEMPLATE)
    world.build(url, SMALL)
    with connect(url) as conn:
        yield conn
    server.drop_database("autom_bench")


def one(conn: Connection, query: str, *arguments: Any) -> Any:
    row = conn.execute(query.encode(), list(arguments)).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def test_the_world_is_as_large_as_it_was_asked_for(conn: Connection) -> None:
    counted = world.counts(conn)
    assert (counted["shops"], counted["products"]) == (SMALL.shops, SMALL.products)
    assert counted["lines"] == pytest.approx(SMALL.lines, rel=0.05)


def test_shops_are_of_all_sizes(conn: Connection) -> None:
    query = (
        "select min(n), max(n) from"
        " (select count(*) as n from shops.products group by shop_id) as counted"
    )
    smallest, largest = one(conn, query)
    assert smallest < 10 < 50 < largest


def test_every_row_of_the_world_could_be_real(conn: Connection) -> None:
    """They were made without checks: every foreign key is looked at again."""
    keys = conn.execute(
        "select c.conname, c.conrelid::regclass::text, pg_get_constraintdef(c.oid)"
        " from pg_constraint as c where c.contype = 'f' and c.connamespace = 'shops'::regnamespace"
    ).fetchall()
    with conn.transaction(force_rollback=True):
        for name, table, definition in keys:
            conn.execute(f"alter table {table} drop constraint {name}".encode())
            conn.execute(f"alter table {table} add constraint {name} {definition}".encode())


def test_indexes_are_those_of_the_migration(conn: Connection, server: Server) -> None:
    query = (
        "select array_agg(i.indexdef order by i.indexdef) from pg_indexes as i"
        " where i.schemaname = 'shops'"
    )
    with connect(server.create_database("autom_indexes", TEMPLATE)) as fresh:
        assert one(conn, query) == one(fresh, query)
    server.drop_database("autom_indexes")


def test_all_is_measured_and_undone(conn: Connection) -> None:
    before = one(conn, "select count(*) from shops.products")
    figures = {figure.what: figure for figure in shops._figures(conn, 10)}
    assert len(figures) >= 14
    assert all(figure.median >= 0 for figure in figures.values())
    assert figures["   statements for 20 shops"].met
    one_by_one = figures["   a call for each shop"]
    assert one_by_one.unit == "statements"
    assert one_by_one.median >= 20 * 20
    assert one(conn, "select count(*) from shops.products") == before


def test_each_way_finds_the_same(conn: Connection) -> None:
    """The ways that are measured beside each other must answer alike, or they prove nothing."""
    for shop in shops._shops(conn):
        (week,) = shops._rows(conn, shops.WEEK, shop.shop_id)
        ids = shops._product_ids(conn, shop)
        winners = {row[0] for row in shops._rows(conn, shops.WINNERS, shop.shop_id)}
        listed = {
            row[0] for row in shops._rows(conn, shops.SOLD_OF_LISTED, shop.user_id, ids, *week)
        }
        singly = {
            product_id
            for product_id in ids
            if shops._rows(conn, shops.SOLD, shop.user_id, shop.shop_id, product_id, *week)[0][0]
            >= 5
        }
        assert winners == listed == singly
        pinned = [row[0] for row in shops._rows(conn, shops.PINNED, shop.user_id, shop.shop_id)]
        unlisted = shops._rows(conn, shops.NOT_LISTED, shop.user_id, shop.shop_id, pinned)
        assert shops._rows(conn, shops.NEXT_PINS, shop.shop_id) == unlisted
