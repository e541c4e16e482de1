"""Orders are read page by page: each line a fact once, and the cursor moved by whole passes only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.call import value
from tests.fixtures.clock import at
from tests.fixtures.sales import (
    facts,
    iso,
    known_up_to,
    line,
    mutate,
    on_sale,
    one,
    order,
    pages,
    store,
)
from tests.fixtures.shops import MORNING, Json, Shop, done, gave_up, run, shop, work

Connection = psycopg.Connection[Any]
YESTERDAY = "2026-11-19 12:00+00"


def read_up_to(conn: Connection, here: Shop) -> datetime | None:
    row = conn.execute(
        "select read_up_to from shops.trackings where shop_id = %s", [here.shop_id]
    ).fetchone()
    return row[0] if row else None


def status(conn: Connection, here: Shop, job: str = "sales_tracker") -> tuple[Any, ...]:
    """(status, items, skip reason, error) of the last run in the shop."""
    query = "select status, items, skip_reason, error from shops.job_status where shop_id = %s and job = %s"
    answer: tuple[Any, ...] = one(conn, query, here.shop_id, job)
    return answer


# A pass


def test_a_pass_reads_page_after_page_and_then_moves_the_cursor(db: Connection) -> None:
    at(db, MORNING)
    here = shop(db)
    cat, dog = on_sale(db, here), on_sale(db, here)
    told = [order(line(db, product_id, 2), YESTERDAY) for product_id in (cat, dog, cat)]

    assert run(db, "sales_tracker")[:2] == ("running", 1)
    done_by = work(db, read_orders=pages(told[:2], told[2:], []))

    assert [request["after"] for request in done_by.asked("read_orders")] == [None, "1", "2"]
    assert read_up_to(db, here) == MORNING
    assert status(db, here) == ("succeeded", 3, None, None)
    query = "select sum(units_7) from shops.windows where shop_id = %s"
    assert one(db, query, here.shop_id) == 6


def check_partial_pass(conn: Connection) -> None:
    """A pass whose second page never comes."""
    at(conn, MORNING)
    here = shop(conn)
    product_id = on_sale(conn, here)
    known_up_to(conn, here, "2026-11-18 02:00+00")
    run(conn, "sales_tracker")
    first = [order(line(conn, product_id, 9), YESTERDAY)]
    work(conn, read_orders=pages(first, gave_up("the shop is gone", "not_found")))

    assert read_up_to(conn, here) == datetime(2026, 11, 18, 2, tzinfo=UTC)
    assert status(conn, here)[0] == "failed"
    assert "the shop is gone" in status(conn, here)[3]
    query = "select fresh, winner, sales_winner from shops.winner_candidates where product_id = %s"
    assert one(conn, query, product_id) == (False, None, None)
    assert run(conn, "winner_scaling")[1] == 1, "it reads again before it decides"
    assert one(conn, "select count(*) from shops.decisions") == 0


def test_a_pass_that_lacks_a_page_moves_nothing_and_decides_nothing(db: Connection) -> None:
    check_partial_pass(db)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param(
            "functions/shops/_end_pass.sql",
            "    where t.user_id = e.user_id and t.shop_id = e.shop_id and e.state = 'complete'\n  ),\n  -- Tracking",
            "    where t.user_id = e.user_id and t.shop_id = e.shop_id\n  ),\n  -- Tracking",
            id="a failed pass moves the cursor",
        ),
        pytest.param(
            "functions/shops/_day.sql",
            "coalesce(k.complete_up_to >= shops._midnight(t.today, s.time_zone), false)",
            "true",
            id="stale sales count as fresh",
        ),
    ],
)
def test_these_tests_notice(db: Connection, file: str, old: str, new: str) -> None:
    mutate(db, file, old, new)
    with pytest.raises(AssertionError):
        check_partial_pass(db)


def test_the_next_pass_begins_where_the_last_one_began(db: Connection) -> None:
    at(db, MORNING)
    here = shop(db)
    known_up_to(db, here, "2026-11-19 02:00:30+00")
    run(db, "sales_tracker")
    (request,) = work(db, read_orders=pages([])).asked("read_orders")
    assert request["updated_since"] == "2026-11-19T01:55:30Z"
    assert one(db, "select complete_up_to from shops.trackings") == MORNING


def test_the_first_pass_reads_the_last_60_days(db: Connection) -> None:
    at(db, MORNING)
    here = shop(db)
    assert value(db, "shops.read_orders", shop_id=here.shop_id)
    assert not value(db, "shops.read_orders", shop_id=here.shop_id), "one pass at a time"
    (request,) = work(db, read_orders=pages([])).asked("read_orders")
    assert request["updated_since"] == "2026-09-21T06:00:00Z"


GOOD_LINE = {"quantity": 2, "current_quantity": 1, "total": "12.50", "currency": "EUR"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param({"has_next": False}, "there is no list of orders", id="no orders"),
        pytest.param(
            {"orders": []}, "nobody knows whether a page follows", id="no word of a next page"
        ),
        pytest.param(
            {"orders": [], "has_next": True}, "no cursor for the next page", id="no cursor"
        ),
        pytest.param(
            {"orders": [{}], "has_next": False}, "order 1: no id", id="an order without an id"
        ),
        pytest.param({"created_at": "today"}, "order #7: no created_at", id="a time that is none"),
        pytest.param(
            {"created_at": "2026-02-30T10:00:00Z"},
            "order #7: no created_at",
            id="a day that is none",
        ),
        pytest.param({"test": None}, "order #7: no test flag", id="no test flag"),
        pytest.param({"lines": None}, "order #7: no list of lines", id="no lines"),
        pytest.param(
            {"lines": [GOOD_LINE | {"quantity": 1.5}]}, "line 1: no quantity", id="half a unit"
        ),
        pytest.param(
            {"lines": [GOOD_LINE | {"quantity": 0}]}, "line 1: no quantity", id="nothing sold"
        ),
        pytest.param(
            {"lines": [GOOD_LINE, GOOD_LINE | {"current_quantity": 3}]},
            "line 2: more units left",
            id="more left than sold",
        ),
        pytest.param(
            {"lines": [GOOD_LINE | {"total": "12.505"}]}, "line 1: no total", id="half a cent"
        ),
        pytest.param({"lines": [GOOD_LINE | {"total": "12,50"}]}, "line 1: no total", id="a comma"),
        pytest.param(
            {"lines": [GOOD_LINE | {"currency": None}]}, "line 1: no currency", id="no currency"
        ),
    ],
)
def test_half_a_page_is_never_kept(db: Connection, answer: Json, reason: str) -> None:
    at(db, MORNING)
    here = shop(db)
    if "orders" not in answer and "has_next" not in answer:
        bad = order([GOOD_LINE], YESTERDAY, name="#7") | answer
        answer = {"orders": [order([GOOD_LINE], YESTERDAY), bad], "has_next": False}
    run(db, "sales_tracker")
    work(db, hours=20, read_orders=lambda request: done(**answer))
    assert status(db, here)[0] == "failed"
    assert reason in status(db, here)[3]
    assert facts(db, here.shop_id) == []
    assert read_up_to(db, here) is None


def test_an_answer_that_is_not_whole_is_asked_for_again(db: Connection) -> None:
    at(db, MORNING)
    here = shop(db)
    answers = iter([done(orders=None), done(orders=[], has_next=False)])
    run(db, "sales_tracker")
    work(db, read_orders=lambda request: next(answers))
    assert status(db, here)[0] == "succeeded"
    assert read_up_to(db, here) == MORNING


@pytest.mark.parametrize(
    ("prepared", "reason"),
    [
        pytest.param({"plan": None}, "no_subscription", id="nobody pays"),
        pytest.param({"services": ["openai"]}, "not_connected", id="no shop to read"),
        pytest.param({"enabled": False}, "disabled", id="the owner stopped it"),
    ],
)
def test_a_shop_that_is_not_read_says_why(db: Connection, prepared: Json, reason: str) -> None:
    at(db, MORNING)
    here = shop(db, **prepared)
    assert run(db, "sales_tracker") == ("skipped", 0, 1, f"{reason}: 1")
    assert status(db, here) == ("skipped", 0, reason, None)


def test_a_shop_that_is_being_read_is_not_read_twice(db: Connection) -> None:
    at(db, MORNING)
    here = shop(db)
    run(db, "sales_tracker")
    run(db, "sales_tracker")
    assert status(db, here)[2] == "still_reading"
    assert one(db, "select count(*) from shops.order_passes") == 1


def test_a_pass_ends_when_its_shop_is_disabled(db: Connection) -> None:
    at(db, MORNING)
    here = shop(db)
    run(db, "sales_tracker")
    value(db, "shops.configure", shop_id=here.shop_id, settings={"enabled": False})
    work(db)
    assert status(db, here) == ("failed", 0, None, "disabled")


# Facts


def test_the_newest_version_wins_whatever_comes_last(db: Connection) -> None:
    here = shop(db)
    product_id = on_sale(db, here)
    sold = line(db, product_id, 5)
    old = order(sold, YESTERDAY)
    new = old | {"updated_at": "2026-11-20T01:00:00Z", "lines": [sold | {"current_quantity": 3}]}
    assert (store(db, here, new), store(db, here, old)) == (1, 0)
    assert one(db, "select net_units, quantity from shops.order_lines") == (3, 5)


def test_the_same_again_changes_nothing(db: Connection) -> None:
    here = shop(db)
    told = [order(line(db, on_sale(db, here), 2), YESTERDAY) for _ in range(3)]
    assert store(db, here, *told) == 3
    before = db.execute("select ctid, xmin, * from shops.order_lines order by 1").fetchall()
    assert store(db, here, *told, *told) == 0
    assert db.execute("select ctid, xmin, * from shops.order_lines order by 1").fetchall() == before


def test_a_line_that_was_taken_out_is_gone(db: Connection) -> None:
    here = shop(db)
    lines = [line(db, on_sale(db, here)) for _ in range(3)]
    told = order(lines, YESTERDAY)
    store(db, here, told)
    store(db, here, told | {"lines": lines[1:], "updated_at": iso(MORNING)})
    assert one(db, "select count(*) from shops.order_lines") == 2


def test_an_order_may_have_no_line(db: Connection) -> None:
    here = shop(db)
    assert store(db, here, order([], YESTERDAY)) == 1
    assert one(db, "select currency from shops.orders") is None


def test_what_goes_back_is_a_fact_of_its_own(db: Connection) -> None:
    here = shop(db)
    product_id = on_sale(db, here)
    store(
        db,
        here,
        order([line(db, product_id, 5, current_quantity=2), line(db, product_id)], YESTERDAY),
    )
    query = "select line_no, units, amount, told_at from shops.refunds"
    assert db.execute(query.encode()).fetchall() == [
        (1, 3, None, datetime(2026, 11, 19, 12, tzinfo=UTC))
    ]


@pytest.mark.parametrize(
    ("total", "currency", "minor"),
    [
        pytest.param("12.50", "EUR", 1250, id="euros have cents"),
        pytest.param("0.1", "EUR", 10, id="a tenth is ten cents, exactly"),
        pytest.param("1250", "JPY", 1250, id="yen have none"),
        pytest.param("1.250", "KWD", 1250, id="dinars have mills"),
        pytest.param("99999999.99", "USD", 9999999999, id="more than an integer holds"),
    ],
)
def test_money_is_minor_units(db: Connection, total: str, currency: str, minor: int) -> None:
    here = shop(db)
    store(db, here, order(line(db, on_sale(db, here), total=total, currency=currency), YESTERDAY))
    assert one(db, "select total, currency from shops.order_lines") == (minor, currency)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        pytest.param({}, True, id="by the shop's id"),
        pytest.param({"product_gid": None}, True, id="by stock keeping unit, where no id is told"),
        pytest.param(
            {"product_gid": None, "sku": None}, True, id="by title, where neither is told"
        ),
        pytest.param(
            {"product_gid": None, "sku": "other"}, True, id="by title, where nobody has the unit"
        ),
        pytest.param(
            {"product_gid": None, "sku": None, "title": "Another"}, False, id="nothing fits"
        ),
        pytest.param(
            {"product_gid": "gid://shopify/Product/0"},
            False,
            id="the shop's id is of another product",
        ),
        pytest.param(
            {"product_gid": None, "sku": " SKU-A ", "title": None},
            True,
            id="blanks around do not matter",
        ),
    ],
)
def test_a_line_finds_its_product(db: Connection, told: Json, found: bool) -> None:
    here = shop(db)
    product_id = on_sale(db, here, sku="SKU-A", title="A cup")
    store(db, here, order(line(db, product_id, 2, **told), YESTERDAY))
    assert one(db, "select product_id from shops.order_lines") == (product_id if found else None)


def test_a_line_that_several_products_fit_is_nobodys(db: Connection) -> None:
    here = shop(db)
    product_id, _ = (on_sale(db, here, sku="SAME", title="Same") for _ in range(2))
    store(db, here, order(line(db, product_id, product_gid=None), YESTERDAY))
    assert one(db, "select product_id from shops.order_lines") is None


def test_lines_of_another_shop_do_not_count_here(db: Connection) -> None:
    at(db, MORNING)
    here, there = shop(db), shop(db)
    mine = on_sale(db, here, sku="SAME")
    on_sale(db, there, sku="SAME")
    told = order(line(db, mine, product_gid=None), YESTERDAY)
    store(db, here, told)
    store(db, there, told)
    counted = db.execute("select shop_id, sum(units_7) from shops.windows group by 1").fetchall()
    assert sorted(counted) == sorted([(here.shop_id, 1), (there.shop_id, 1)])


# Whatever way the pages come, the facts are the same


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Json]], list[list[int]], list[list[int]]]:
    """Versions of some orders, and two ways in which pages of them may come."""
    versions = []
    for number in range(draw(st.integers(1, 3))):
        versions.append(
            [
                {
                    "order": number,
                    "minute": minute,
                    "units": draw(
                        st.lists(
                            st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=3
                        )
                    ),
                    "cancelled": draw(st.booleans()),
                    "test": draw(st.booleans()),
                }
                for minute in sorted(draw(st.sets(st.integers(0, 600), min_size=1, max_size=4)))
            ]
        )
    told = [version for each in versions for version in each]
    numbers = list(range(len(told)))
    ways = [
        draw(st.lists(st.lists(st.sampled_from(numbers), max_size=4), max_size=5))
        + [[number] for number in draw(st.permutations(numbers))]
        for _ in range(2)
    ]
    return told, *ways


def version(products: list[Json], told: Json) -> Json:
    created_at = datetime(2026, 11, 19, 8, tzinfo=UTC)
    return {
        "order_gid": f"gid://shopify/Order/{told['order']}",
        "name": f"#{told['order']}",
        "created_at": iso(created_at),
        "updated_at": iso(created_at + timedelta(minutes=told["minute"])),
        "cancelled_at": iso(created_at) if told["cancelled"] else None,
        "test": told["test"],
        "financial_status": "PAID",
        "lines": [
            products[place] | {"quantity": units, "current_quantity": min(units, left)}
            for place, (units, left) in enumerate(told["units"])
        ],
    }


def check_pages_in_any_order(conn: Connection, history: Any) -> None:
    told, one_way, other_way = history
    outcomes = []
    for way in (one_way, other_way):
        with conn.transaction(force_rollback=True):
            here = shop(conn)
            products = [
                line(
                    conn,
                    on_sale(conn, here, product_gid=f"gid://{n}", sku=f"S{n}"),
                    line_gid=f"L{n}",
                )
                for n in range(3)
            ]
            for page in way:
                store(conn, here, *(version(products, told[number]) for number in page))
            # Not when a refund was first told: that is when the first version with it was read.
            outcomes.append([(fact[:9], fact[10:-1]) for fact in facts(conn, here.shop_id)])
    assert outcomes[0] == outcomes[1]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories())
def test_pages_in_any_order_and_again_give_the_same_facts(db: Connection, history: Any) -> None:
    check_pages_in_any_order(db, history)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            "(k.source = p_source and t.version > k.version)",
            "(k.source = p_source)",
            id="whoever comes last wins",
        ),
        pytest.param(
            "(k.source = p_source and t.version > k.version)",
            "false",
            id="whoever comes first wins",
        ),
        pytest.param(
            "  delete from shops.order_lines as l\n",
            "  delete from shops.order_lines as l using (select where false) as nothing\n",
            id="lines stay",
        ),
    ],
)
def test_the_property_notices(db: Connection, old: str, new: str) -> None:
    mutate(db, "functions/shops/_store_orders.sql", old, new)
    first = {"order": 0, "minute": 0, "units": [(5, 5), (2, 2)], "cancelled": False, "test": False}
    later = first | {"minute": 9, "units": [(5, 1)]}
    with pytest.raises((AssertionError, psycopg.errors.UniqueViolation)):
        check_pages_in_any_order(db, ([first, later], [[0], [1]], [[1], [0]]))
