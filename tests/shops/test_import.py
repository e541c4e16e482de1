"""Files of a shop's admin: every line is taken or reported with the reason."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from cli.importing import Imported, import_file
from db.call import call, value
from db.database import connect
from db.errors import ImportIsOver, NoSuchImport, NotAnExport
from db.server import Server
from tests.conftest import TEMPLATE
from tests.fixtures.clock import at
from tests.fixtures.sales import facts, import_text, line, on_sale, one, order, real, rejects, store
from tests.fixtures.shops import MORNING, Json, run, shop

Connection = psycopg.Connection[Any]
YESTERDAY = date(2026, 11, 19)

PRODUCTS = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Image Position,Status\n"
CUP = "cup,A cup,Title,Default Title,CUP,9.50,https://cdn/cup.jpg,1,active\n"
ORDERS = (
    "Name,Financial Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem sku,Lineitem discount,Cancelled at,Refunded Amount,Id\n"
)
BOUGHT = "#1,paid,EUR,2026-11-18 10:00:00 +0100,2,A cup,9.50,CUP,0,,,1\n"


# Real files


@dataclass(frozen=True)
class Retail:
    conn: Connection
    shop_id: UUID


@pytest.fixture(scope="module")
def imported(server: Server) -> Iterator[Retail]:
    """The gift shop's real products and orders, its last day shifted to yesterday."""
    products = real("retail/products_export.csv")
    orders = real("retail/orders_export.csv")
    url = server.create_database("autom_retail", TEMPLATE)
    with connect(url) as conn:
        at(conn, MORNING)
        here = shop(conn)
        _, read = import_file(conn, here.shop_id, "products", products)
        assert read == Imported(products=1846, orders=0, lines=1846, rejected=0)
        _, read = import_file(conn, here.shop_id, "orders", orders, last_day=YESTERDAY)
        assert read == Imported(products=0, orders=373, lines=7374, rejected=0)
        yield Retail(conn, here.shop_id)
    server.drop_database("autom_retail")


@pytest.fixture
def retail(imported: Retail) -> Iterator[Retail]:
    with imported.conn.transaction(force_rollback=True):
        yield imported


def test_all_of_a_real_shop_is_read(retail: Retail) -> None:
    query = "select unmatched, first_day, last_day from shops.imports where what = 'orders'"
    assert one(retail.conn, query) == (0, date(2026, 11, 17), YESTERDAY)


def sold_by_the_file() -> Counter[str]:
    """A few independent lines: units by stock keeping unit, cancelled and refunded orders left out.

    All of the file's three days are within the last seven once its last day is yesterday.
    """
    units: Counter[str] = Counter()
    with real("retail/orders_export.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row["Created at"]:
                counts = not row["Cancelled at"] and row["Financial Status"] != "refunded"
            if counts:
                units[row["Lineitem sku"]] += int(row["Lineitem quantity"])
    return units


def test_winners_of_real_orders_are_those_of_a_few_lines_of_python(retail: Retail) -> None:
    query = "select sku, units_7 from shops.winner_candidates where shop_id = %s and winner"
    winners = {
        sku: int(units) for sku, units in retail.conn.execute(query, [retail.shop_id]).fetchall()
    }
    expected = {sku: units for sku, units in sold_by_the_file().items() if units >= 5}
    assert winners == expected
    assert len(winners) > 1000


def test_a_run_makes_winners_of_all_of_them_and_says_why(retail: Retail) -> None:
    expected = {sku for sku, units in sold_by_the_file().items() if units >= 5}
    status, items, skipped, _ = run(retail.conn, "winner_scaling")
    assert (status, items, skipped) == ("succeeded", len(expected), 0)
    query = (
        "select p.sku, p.state, d.verdict, d.why from shops.decisions as d"
        " join shops.products as p using (user_id, product_id) where p.shop_id = %s"
    )
    decided = retail.conn.execute(query, [retail.shop_id]).fetchall()
    assert {sku for sku, *_ in decided} == expected
    assert {(state, verdict) for _, state, verdict, _ in decided} == {("winner", "winner")}
    assert all("net units in the last 7 days, of 5." in why for *_, why in decided)


def test_units_of_every_product_are_those_of_the_file(retail: Retail) -> None:
    query = "select sku, units_3 from shops.windows where shop_id = %s and units_3 > 0"
    units = {
        sku: int(number) for sku, number in retail.conn.execute(query, [retail.shop_id]).fetchall()
    }
    assert units == {sku: number for sku, number in sold_by_the_file().items() if number}


def test_importing_the_same_files_again_changes_no_fact(retail: Retail) -> None:
    before = [fact[:3] + fact[4:16] for fact in facts(retail.conn, retail.shop_id)]
    products = one(retail.conn, "select count(*) from shops.products")
    import_file(retail.conn, retail.shop_id, "products", real("retail/products_export.csv"))
    orders = real("retail/orders_export.csv")
    import_file(retail.conn, retail.shop_id, "orders", orders, last_day=YESTERDAY)
    assert [fact[:3] + fact[4:16] for fact in facts(retail.conn, retail.shop_id)] == before
    assert one(retail.conn, "select count(*) from shops.products") == products


def test_the_money_of_real_orders_adds_up(retail: Retail) -> None:
    """Each order's lines add up to its subtotal, as the file tells both."""
    with real("retail/orders_export.csv").open(encoding="utf-8-sig", newline="") as file:
        subtotals = {
            row["Name"]: round(float(row["Subtotal"]) * 100)
            for row in csv.DictReader(file)
            if row["Subtotal"]
        }
    query = (
        "select o.name, sum(l.total)::bigint from shops.orders as o"
        " join shops.order_lines as l using (user_id, shop_id, order_id) group by o.name"
    )
    assert dict(retail.conn.execute(query.encode()).fetchall()) == subtotals


@pytest.mark.parametrize(
    ("name", "read", "with_variants"),
    [
        pytest.param("apparel", (20, 22), 1, id="apparel: three sizes of one top"),
        pytest.param("home-and-garden", (20, 21), 1, id="home and garden: two pots"),
        pytest.param("jewelery", (20, 23), 3, id="jewelery: lines that only bring pictures"),
    ],
)
def test_sample_files_of_shopify(
    db: Connection, name: str, read: tuple[int, int], with_variants: int
) -> None:
    here = shop(db)
    path = real(f"shopify-samples/{name}.csv")
    _, imported = import_file(db, here.shop_id, "products", path)
    assert imported == Imported(products=read[0], orders=0, lines=read[1], rejected=0)
    with path.open(encoding="utf-8-sig", newline="") as file:
        handles = {row["Handle"] for row in csv.DictReader(file)}
    kept = db.execute(
        "select handle, price_minor, image_url, shop_status from shops.products"
    ).fetchall()
    assert {handle for handle, *_ in kept} == handles
    assert all(price > 0 and image for _, price, image, _ in kept)
    assert one(db, "select count(distinct product_id) from shops.variants") == with_variants


# Formats


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.encode("utf-8-sig"), id="a byte order mark"),
        pytest.param(
            lambda text: text.replace("\n", "\r\n").encode(), id="lines that end as on Windows"
        ),
        pytest.param(
            lambda text: text.replace(",", ";").encode(), id="semicolons, as spreadsheets write"
        ),
        pytest.param(lambda text: text.replace(",", "\t").encode(), id="tabs"),
        pytest.param(lambda text: turned_around(text).encode(), id="columns in another order"),
        pytest.param(
            lambda text: without(text, "Id", "Lineitem discount", "Refunded Amount").encode(),
            id="no optional columns",
        ),
        pytest.param(lambda text: (text + "\n\n,,,\n").encode(), id="empty lines at the end"),
        pytest.param(lambda text: text.rstrip("\n").encode(), id="no end of the last line"),
    ],
)
def test_a_file_may_be_written_in_many_ways(db: Connection, change: Any, tmp_path: Path) -> None:
    at(db, MORNING)
    here = shop(db)
    import_text(db, here, "products", PRODUCTS + CUP, tmp_path)
    _, read = import_text(db, here, "orders", change(ORDERS + BOUGHT), tmp_path)
    assert read == Imported(products=0, orders=1, lines=1, rejected=0)
    assert one(db, "select sku, units_3, gross_3 from shops.windows") == ("CUP", 2, 2)


def turned_around(text: str) -> str:
    return "\n".join(",".join(reversed(row.split(","))) for row in text.splitlines()) + "\n"


def without(text: str, *columns: str) -> str:
    rows = [row.split(",") for row in text.splitlines()]
    kept = [place for place, name in enumerate(rows[0]) if name not in columns]
    return "\n".join(",".join(row[place] for place in kept) for row in rows) + "\n"


@pytest.mark.parametrize(
    ("what", "header"),
    [
        pytest.param("products", "Name,Created at\n", id="orders given for products"),
        pytest.param("orders", PRODUCTS, id="products given for orders"),
        pytest.param("orders", "", id="an empty file"),
        pytest.param("products", "\x89PNG\r\n", id="a picture"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    db: Connection, what: str, header: str, tmp_path: Path
) -> None:
    with pytest.raises(NotAnExport) as refused:
        import_text(db, shop(db), what, header, tmp_path)
    assert refused.value.code == "SH025"
    assert one(db, "select count(*) from shops.imports") == 0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(",No handle,,,,1.00,,,", "It has no Handle.", id="no handle"),
        pytest.param("mug,,,,MUG,1.00,,,", "The first line of mug has no Title.", id="no title"),
        pytest.param(
            'mug,Mug,,,MUG,"1,00",,,',
            "The Variant Price is no amount of EUR: 1,00.",
            id="a comma in the price",
        ),
        pytest.param(
            "mug,Mug,,,MUG,1.005,,,",
            "The Variant Price is no amount of EUR: 1.005.",
            id="half a cent",
        ),
        pytest.param(
            "mug,Mug,,,MUG,1.00,,,sold",
            "The Status is none of active, draft, archived and unlisted: sold.",
            id="a status of its own",
        ),
        pytest.param(
            "mug,Mug,,,MUG,1.00,,,active,more",
            "It has more cells than the header.",
            id="a cell too many",
        ),
        pytest.param(b"mug,M\xfcg,,,MUG,1.00,,,active", "It is not in UTF-8.", id="Latin 1"),
        pytest.param(
            "cup,A cup,Title,Default Title,CUP,9.50,,,active",
            "It repeats line 2.",
            id="the same product again",
        ),
    ],
)
def test_a_bad_line_of_products_is_reported_and_the_rest_is_taken(
    db: Connection, bad: str | bytes, reason: str, tmp_path: Path
) -> None:
    line = bad if isinstance(bad, bytes) else bad.encode()
    text = PRODUCTS.encode() + CUP.encode() + line + b"\npot,A pot,,,POT,3.00,,,active\n"
    import_id, read = import_text(db, shop(db), "products", text, tmp_path)
    assert (read.products, read.rejected) == (2, 1)
    assert rejects(db, import_id) == {3: reason}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(
            ",paid,EUR,2026-11-18 10:00:00 +0100,1,X,1.00,,,,,", "It has no Name.", id="no name"
        ),
        pytest.param(
            "#2,paid,EUR,,1,X,1.00,,,,,",
            "Order #2 begins on line 3 without a readable Created at: none.",
            id="no day",
        ),
        pytest.param(
            "#2,paid,EUR,18.11.2026,1,X,1.00,,,,,",
            "Order #2 begins on line 3 without a readable Created at: 18.11.2026.",
            id="a day of another kind",
        ),
        pytest.param(
            "#2,paid,EUR,2026-11-31 10:00:00 +0100,1,X,1.00,,,,,",
            "Order #2 begins on line 3 without a readable Created at: 2026-11-31 10:00:00 +0100.",
            id="a day that is none",
        ),
        pytest.param(
            "#2,paid,EUR,2026-11-18 10:00:00,1,X,1.00,,,,,",
            "Order #2 begins on line 3 without a readable Created at: 2026-11-18 10:00:00.",
            id="a time without a zone",
        ),
        pytest.param(
            "#2,paid,EUR,2026-11-18 10:00:00 +0100,1,X,1.00,,,yes,,",
            "Order #2 has an unreadable Cancelled at: yes.",
            id="cancelled some time",
        ),
        pytest.param(
            "#2,paid,Euro,2026-11-18 10:00:00 +0100,1,X,1.00,,,,,",
            "Order #2 has no readable Currency: EURO.",
            id="no currency",
        ),
        pytest.param(
            "#2,paid,EUR,2026-11-18 10:00:00 +0100,0,X,1.00,,,,,",
            "The Lineitem quantity is no whole number above 0: 0.",
            id="nothing bought",
        ),
        pytest.param(
            "#2,paid,EUR,2026-11-18 10:00:00 +0100,1.5,X,1.00,,,,,",
            "The Lineitem quantity is no whole number above 0: 1.5.",
            id="half a unit",
        ),
        pytest.param(
            "#2,paid,EUR,2026-11-18 10:00:00 +0100,-1,X,1.00,,,,,",
            "The Lineitem quantity is no whole number above 0: -1.",
            id="less than nothing",
        ),
        pytest.param(
            "#2,paid,EUR,2026-11-18 10:00:00 +0100,1,,1.00,,,,,",
            "It has neither Lineitem name nor Lineitem sku.",
            id="nobody knows what",
        ),
        pytest.param(
            "#2,paid,EUR,2026-11-18 10:00:00 +0100,1,X,free,,,,,",
            "The Lineitem price is no amount of EUR: free.",
            id="no price",
        ),
        pytest.param(
            "#2,paid,JPY,2026-11-18 10:00:00 +0100,1,X,1.50,,,,,",
            "The Lineitem price is no amount of JPY: 1.50.",
            id="half a yen",
        ),
        pytest.param(
            "#2,paid,EUR,2026-11-18 10:00:00 +0100,1,X,1.00,,2.00,,,",
            "The Lineitem discount is more than the price.",
            id="money back",
        ),
    ],
)
def test_a_bad_line_of_orders_is_reported_and_the_rest_is_taken(
    db: Connection, bad: str, reason: str, tmp_path: Path
) -> None:
    at(db, MORNING)
    here = shop(db)
    last = "#3,paid,EUR,2026-11-18 10:00:00 +0100,1,X,1.00,,,,,\n"
    import_id, read = import_text(db, here, "orders", f"{ORDERS}{BOUGHT}{bad}\n{last}", tmp_path)
    assert (read.orders, read.lines, read.rejected) == (2, 2, 1)
    assert rejects(db, import_id) == {3: reason}


def test_a_rejected_line_is_named_by_its_place_in_the_file(db: Connection, tmp_path: Path) -> None:
    """Titles may go over several lines; what counts is where a person finds it in an editor."""
    text = 'Handle,Title\ncup,"A\ncup"\n,\n,nobody\n'
    import_id, _ = import_text(db, shop(db), "products", text, tmp_path)
    assert rejects(db, import_id) == {5: "It has no Handle."}


def test_a_bad_line_of_an_order_leaves_its_others(db: Connection, tmp_path: Path) -> None:
    at(db, MORNING)
    text = ORDERS + BOUGHT + "#1,,,,many,Mug,1.00,,,,,\n#1,,,,1,Pot,1.00,,,,,\n"
    import_id, read = import_text(db, shop(db), "orders", text, tmp_path)
    assert (read.orders, read.lines) == (1, 2)
    assert list(rejects(db, import_id)) == [3]


def test_an_order_whose_first_line_is_bad_is_rejected_as_a_whole(
    db: Connection, tmp_path: Path
) -> None:
    text = ORDERS + "#1,paid,EUR,soon,1,Cup,1.00,,,,,\n#1,,,,1,Pot,1.00,,,,,\n"
    import_id, read = import_text(db, shop(db), "orders", text, tmp_path)
    assert (read.orders, read.lines, read.rejected) == (0, 0, 2)
    assert set(rejects(db, import_id).values()) == {
        "Order #1 begins on line 2 without a readable Created at: soon."
    }


# Products


def test_lines_of_a_handle_are_one_product_with_variants_and_pictures(
    db: Connection, tmp_path: Path
) -> None:
    text = (
        PRODUCTS
        + "top,A top,Size,Small,TOP-S,10.00,https://cdn/2.jpg,2,active\n"
        + "top,,,Large,TOP-L,12.00,https://cdn/1.jpg,1,\n"
        + "top,,,,,,https://cdn/3.jpg,3,\n"
    )
    _, read = import_text(db, shop(db), "products", text, tmp_path)
    assert (read.products, read.lines) == (1, 2)
    query = "select handle, sku, price_minor, image_url from shops.products"
    assert one(db, query) == ("top", "TOP-S", 1000, "https://cdn/1.jpg")
    variants = db.execute(
        "select variant_no, sku, title, price_minor from shops.variants"
    ).fetchall()
    assert variants == [(1, "TOP-S", "Small", 1000), (2, "TOP-L", "Large", 1200)]


def test_two_products_may_be_called_by_one_handle(db: Connection, tmp_path: Path) -> None:
    """A shop numbers the second; what makes it another one is that it repeats a variant."""
    text = PRODUCTS + CUP + CUP.replace("CUP", "cup")
    _, read = import_text(db, shop(db), "products", text, tmp_path)
    assert read.products == 2
    kept = db.execute("select handle, sku from shops.products order by 1").fetchall()
    assert kept == [("cup", "CUP"), ("cup-1", "cup")]


@pytest.mark.parametrize(
    ("cells", "state", "shop_status"),
    [
        pytest.param("true,active", "published", "ACTIVE", id="on sale"),
        pytest.param("true,draft", "created", "DRAFT", id="a draft"),
        pytest.param("false,archived", "archived", "ARCHIVED", id="archived"),
        pytest.param("true,unlisted", "published", "UNLISTED", id="unlisted"),
        pytest.param("false,", "created", "DRAFT", id="not published, in a file without a status"),
        pytest.param("true,", "published", "ACTIVE", id="published, in a file without a status"),
        pytest.param(",", "published", "ACTIVE", id="nothing is said"),
    ],
)
def test_a_product_begins_in_the_state_that_the_file_tells(
    db: Connection, cells: str, state: str, shop_status: str, tmp_path: Path
) -> None:
    import_text(
        db, shop(db), "products", f"Handle,Title,Published,Status\ncup,Cup,{cells}\n", tmp_path
    )
    query = "select state, shop_status, origin, quota_state from shops.products"
    assert one(db, query) == (state, shop_status, "imported", "none")


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        pytest.param("draft", "active", "published", id="a draft went on sale"),
        pytest.param("active", "archived", "archived", id="it was archived"),
        pytest.param("archived", "active", "published", id="it came back"),
        pytest.param("archived", "draft", "archived", id="an archived one became a draft"),
        pytest.param(
            "active", "draft", "published", id="it went off sale: the shop's status says so"
        ),
    ],
)
def test_a_later_file_brings_a_product_up_to_date(
    db: Connection, before: str, after: str, state: str, tmp_path: Path
) -> None:
    here = shop(db)
    import_text(db, here, "products", PRODUCTS + CUP.replace("active", before), tmp_path)
    newer = CUP.replace("active", after).replace("9.50", "8.00").replace("A cup", "A mug")
    import_text(db, here, "products", PRODUCTS + newer, tmp_path)
    query = "select state, shop_status, title, price_minor from shops.products"
    assert one(db, query) == (state, after.upper(), "A mug", 800)


def test_a_product_that_autom_made_is_left_as_it_is(db: Connection, tmp_path: Path) -> None:
    here = shop(db)
    value(db, "shops.apply_creation", shop_id=here.shop_id)
    handle, before = one(db, "select handle, to_jsonb(p) from shops.products as p limit 1")
    import_text(db, here, "products", PRODUCTS + CUP.replace("cup,", f"{handle},"), tmp_path)
    query = "select to_jsonb(p) from shops.products as p where p.handle = %s"
    assert one(db, query, handle) == before


# Orders


@pytest.mark.parametrize(
    ("status", "cancelled", "refunded", "units"),
    [
        pytest.param("paid", "", "", 2, id="a paid order counts"),
        pytest.param("pending", "", "", 2, id="one that is not paid yet too"),
        pytest.param("paid", "2026-11-18 11:00:00 +0100", "", 0, id="a cancelled one does not"),
        pytest.param("refunded", "", "19.00", 0, id="a refunded one does not"),
        pytest.param(
            "partially_refunded", "", "5.00", 2, id="nobody knows what went back of a part"
        ),
    ],
)
def test_cancelled_and_refunded_orders_do_not_count(
    db: Connection, status: str, cancelled: str, refunded: str, units: int, tmp_path: Path
) -> None:
    at(db, MORNING)
    here = shop(db)
    text = f"{ORDERS}#1,{status},EUR,2026-11-18 10:00:00 +0100,2,A cup,9.50,CUP,0,{cancelled},{refunded},1\n"
    import_text(db, here, "products", PRODUCTS + CUP, tmp_path)
    _, read = import_text(db, here, "orders", text, tmp_path)
    assert (read.orders, read.lines) == (1, 1)
    assert one(db, "select units_3, gross_3 from shops.windows") == (units, 2)
    query = "select coalesce(sum(amount), 0)::bigint from shops.refunds"
    assert one(db, query) == (int(float(refunded) * 100) if refunded else 0)


@pytest.mark.parametrize(
    ("zone", "moment", "last_day", "shifted"),
    [
        pytest.param(
            "Europe/Berlin",
            "2010-12-03 17:28:00 +0000",
            "2026-11-19",
            "2026-11-19 18:28+01",
            id="the hour of the day stays",
        ),
        pytest.param(
            "Europe/Berlin",
            "2010-07-03 23:30:00 +0000",
            "2026-11-19",
            "2026-11-19 01:30+01",
            id="the day is the shop's, from summer to winter",
        ),
        pytest.param(
            "America/New_York",
            "2010-12-04 03:00:00 +0000",
            "2026-07-01",
            "2026-07-01 22:00-04",
            id="yesterday in New York, from winter to summer",
        ),
        pytest.param(
            "Europe/Berlin",
            "2010-12-03 02:30:00 +0100",
            "2026-03-29",
            "2026-03-29 03:30+02",
            id="an hour that is left out that day",
        ),
    ],
)
def test_days_are_shifted_whole(
    db: Connection, zone: str, moment: str, last_day: str, shifted: str, tmp_path: Path
) -> None:
    at(db, MORNING)
    here = shop(db, time_zone=zone)
    text = f"{ORDERS}#1,paid,EUR,{moment},1,A cup,9.50,CUP,0,,,1\n"
    day = date.fromisoformat(last_day)
    import_id, _ = import_text(db, here, "orders", text, tmp_path, last_day=day)
    assert one(db, "select created_at from shops.orders") == datetime.fromisoformat(shifted)
    assert one(db, "select last_day from shops.imports where import_id = %s", import_id) == day


def test_lines_that_nobody_knows_are_kept_and_reported(db: Connection, tmp_path: Path) -> None:
    at(db, MORNING)
    here = shop(db)
    import_id, read = import_text(db, here, "orders", ORDERS + BOUGHT, tmp_path)
    assert read.lines == 1
    assert one(db, "select unmatched from shops.imports where import_id = %s", import_id) == 1
    import_text(db, here, "products", PRODUCTS + CUP, tmp_path)
    assert one(db, "select sku, units_3 from shops.windows") == ("CUP", 2)


@pytest.mark.parametrize(
    ("sku", "title"),
    [
        pytest.param("TOP-L", "whatever", id="by the unit of a variant"),
        pytest.param("", "A - top - Large", id="by the title of product and variant"),
    ],
)
def test_a_line_finds_the_product_of_its_variant(
    db: Connection, sku: str, title: str, tmp_path: Path
) -> None:
    at(db, MORNING)
    here = shop(db)
    products = (
        PRODUCTS + "top,A - top,Size,Small,TOP-S,10.00,,,active\ntop,,,Large,TOP-L,12.00,,,\n"
    )
    import_text(db, here, "products", products, tmp_path)
    text = f"{ORDERS}#1,paid,EUR,2026-11-18 10:00:00 +0100,2,{title},12.00,{sku},0,,,1\n"
    import_text(db, here, "orders", text, tmp_path)
    assert one(db, "select title, units_3 from shops.windows") == ("A - top", 2)


def test_what_the_shop_says_stays_against_a_file(db: Connection, tmp_path: Path) -> None:
    at(db, MORNING)
    here = shop(db)
    product_id = on_sale(db, here, sku="CUP", title="A cup")
    told = order(line(db, product_id, 7), "2026-11-18T09:00:00+00:00")
    import_text(db, here, "orders", ORDERS + BOUGHT, tmp_path)
    assert one(db, "select units_3 from shops.windows") == 2
    store(db, here, told | {"order_gid": "gid://shopify/Order/1"})
    assert one(db, "select units_3 from shops.windows") == 7
    import_text(db, here, "orders", ORDERS + BOUGHT, tmp_path)
    assert one(db, "select units_3, (select count(*) from shops.orders) from shops.windows") == (
        7,
        1,
    )


def test_imported_sales_are_known_to_the_end_of_their_last_day(
    db: Connection, tmp_path: Path
) -> None:
    at(db, MORNING)
    here = shop(db)
    import_text(db, here, "products", PRODUCTS + CUP, tmp_path)
    known = "select fresh, complete_up_to from shops.sales_days where shop_id = %s"
    import_text(db, here, "orders", ORDERS + BOUGHT, tmp_path)
    assert one(db, known, here.shop_id) == (False, datetime.fromisoformat("2026-11-19 00:00+01"))
    import_text(db, here, "orders", ORDERS + BOUGHT, tmp_path, last_day=YESTERDAY)
    assert one(db, known, here.shop_id) == (True, datetime.fromisoformat("2026-11-20 00:00+01"))
    today = YESTERDAY + timedelta(days=1)
    import_text(db, here, "orders", ORDERS + BOUGHT, tmp_path, last_day=today)
    assert one(db, known, here.shop_id) == (True, MORNING), "nobody knows what is still to come"


# The functions by themselves


def test_applying_twice_changes_nothing(db: Connection, tmp_path: Path) -> None:
    import_id, read = import_text(db, shop(db), "products", PRODUCTS + CUP, tmp_path)
    assert call(db, "shops.apply_import", Imported, import_id=import_id) == [read]


def test_an_import_that_is_over_takes_no_more_lines(db: Connection, tmp_path: Path) -> None:
    import_id, _ = import_text(db, shop(db), "products", PRODUCTS + CUP, tmp_path)
    cells: list[Json] = [{"Handle": "x"}]
    with pytest.raises(ImportIsOver) as refused:
        value(db, "shops.add_import_lines", import_id=import_id, line_nos=[9], cells=cells)
    assert refused.value.code == "SH024"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        pytest.param("shops.apply_import", {"import_id": 0}, id="apply"),
        pytest.param(
            "shops.add_import_lines", {"import_id": 0, "line_nos": [], "cells": []}, id="add lines"
        ),
    ],
)
def test_an_import_that_nobody_began(db: Connection, function: str, arguments: Json) -> None:
    with pytest.raises(NoSuchImport) as refused:
        value(db, function, **arguments)
    assert refused.value.code == "SH023"


def test_only_products_and_orders_are_imported(db: Connection) -> None:
    here = shop(db)
    with pytest.raises(NoSuchImport):
        value(db, "shops.begin_import", shop_id=here.shop_id, what="customers", file="x.csv")
