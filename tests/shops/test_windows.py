"""Windows of sales: whole days of the shop's time zone, net units, over facts and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.clock import at
from tests.fixtures.sales import DAY, iso, line, mutate, on_sale, one, order, store, tracked_since
from tests.fixtures.shops import shop

Connection = psycopg.Connection[Any]
NOW = "2026-11-20 09:00+00"  # 10:00 in Berlin


def windows(conn: Connection, product_id: int, what: str = "units") -> tuple[int, ...]:
    columns = ", ".join(f"{what}_{days}" for days in (3, 7, 10, 14))
    return tuple(
        map(
            int, one(conn, f"select {columns} from shops.windows where product_id = %s", product_id)
        )
    )


EDGES = [
    pytest.param("2026-11-19 23:00+01", (1, 1, 1, 1), id="yesterday counts in every window"),
    pytest.param("2026-11-20 00:00+01", (0, 0, 0, 0), id="today is not over and does not count"),
    pytest.param("2026-11-19 23:59:59.999+01", (1, 1, 1, 1), id="the last moment of yesterday"),
    pytest.param("2026-11-17 00:00+01", (1, 1, 1, 1), id="the first moment of 3 days"),
    pytest.param("2026-11-16 23:59:59+01", (0, 1, 1, 1), id="a second before 3 days"),
    pytest.param("2026-11-13 00:00+01", (0, 1, 1, 1), id="the first moment of 7 days"),
    pytest.param("2026-11-12 23:59:59+01", (0, 0, 1, 1), id="a second before 7 days"),
    pytest.param("2026-11-10 00:00+01", (0, 0, 1, 1), id="the first moment of 10 days"),
    pytest.param("2026-11-09 23:59:59+01", (0, 0, 0, 1), id="a second before 10 days"),
    pytest.param("2026-11-06 00:00+01", (0, 0, 0, 1), id="the first moment of 14 days"),
    pytest.param("2026-11-05 23:59:59+01", (0, 0, 0, 0), id="a second before 14 days"),
    pytest.param("2026-11-19 23:30+00", (0, 0, 0, 0), id="yesterday in UTC is today in Berlin"),
    pytest.param(
        "2026-11-12 23:30+00", (0, 1, 1, 1), id="8 days ago in UTC is 7 days ago in Berlin"
    ),
]


@pytest.mark.parametrize(
    ("ordered_at", "units"),
    EDGES,
)
def test_a_window_is_the_last_whole_days(
    db: Connection, ordered_at: str, units: tuple[int, ...]
) -> None:
    at(db, NOW)
    here = shop(db)
    product_id = on_sale(db, here)
    store(db, here, order(line(db, product_id), ordered_at))
    assert windows(db, product_id) == units


NET = [
    pytest.param({}, {}, 4, id="what was bought counts"),
    pytest.param({"cancelled_at": iso(NOW)}, {}, 0, id="a cancelled order does not"),
    pytest.param({"test": True}, {}, 0, id="a test does not"),
    pytest.param({}, {"current_quantity": 1}, 1, id="what went back does not"),
    pytest.param({"financial_status": "REFUNDED"}, {"current_quantity": 0}, 0, id="all went back"),
    pytest.param({"financial_status": "PENDING"}, {}, 4, id="an order that is not paid yet counts"),
]


@pytest.mark.parametrize(
    ("of_order", "of_line", "net"),
    NET,
)
def test_units_are_net_and_gross_stands_beside(
    db: Connection, of_order: dict[str, Any], of_line: dict[str, Any], net: int
) -> None:
    at(db, NOW)
    here = shop(db)
    product_id = on_sale(db, here)
    store(db, here, order(line(db, product_id, 4, **of_line), "2026-11-19 12:00+01", **of_order))
    assert windows(db, product_id) == (net,) * 4
    assert windows(db, product_id, "gross") == (4,) * 4


FIRST_DAYS = [
    pytest.param("2026-10-20 11:59:59+02", 0, 0, id="before tracking nothing counts"),
    pytest.param("2026-10-20 12:00+02", 1, 1, id="the first moment of tracking counts"),
    pytest.param("2026-10-27 10:59:59+01", 1, 1, id="7 times 24 hours, though clocks went back"),
    pytest.param("2026-10-27 11:00+01", 0, 1, id="after them it is lifetime only"),
    pytest.param("2026-11-20 00:00+01", 0, 0, id="lifetime ends where today begins"),
]


@pytest.mark.parametrize(("ordered_at", "first", "lifetime"), FIRST_DAYS)
def test_the_first_days_are_24_hours_each(
    db: Connection, ordered_at: str, first: int, lifetime: int
) -> None:
    at(db, NOW)
    here = shop(db)
    product_id = on_sale(db, here)
    tracked_since(db, product_id, "2026-10-20 12:00+02")
    store(db, here, order(line(db, product_id), ordered_at))
    query = "select first_units, lifetime_units from shops.windows where product_id = %s"
    assert one(db, query, product_id) == (first, lifetime)


def test_the_shops_day_begins_before_the_one_of_utc(db: Connection) -> None:
    check_zone(
        db,
        "Europe/Berlin",
        datetime(2026, 11, 19, 23, 30, tzinfo=UTC),
        [datetime(2026, 11, 19, 20, tzinfo=UTC), datetime(2026, 11, 16, 22, tzinfo=UTC)],
    )


def test_a_product_that_is_not_tracked_has_no_lifetime(db: Connection) -> None:
    here = shop(db)
    product_id = on_sale(db, here)
    query = (
        "select first_units, lifetime_units, tracked_days from shops.windows where product_id = %s"
    )
    assert one(db, query, product_id) == (None, None, None)


ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Auckland",
    # Here summer time begins or ends at midnight: a day without one, a day with two.
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
)


def expected(moments: list[datetime], zone: str, now: datetime) -> tuple[int, ...]:
    """A few independent lines: which calendar day was it there?"""
    tz = ZoneInfo(zone)
    ages = [(now.astimezone(tz).date() - moment.astimezone(tz).date()).days for moment in moments]
    return tuple(sum(1 <= age <= days for age in ages) for days in (3, 7, 10, 14))


def check_zone(conn: Connection, zone: str, now: datetime, moments: list[datetime]) -> None:
    at(conn, now)
    here = shop(conn, time_zone=zone)
    product_id = on_sale(conn, here)
    store(conn, here, *(order(line(conn, product_id), moment) for moment in moments))
    assert windows(conn, product_id) == expected(moments, zone, now)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    zone=st.sampled_from(ZONES),
    now=st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31)),
    minutes=st.lists(st.integers(0, 16 * 24 * 60), min_size=1, max_size=20),
)
def test_days_are_those_of_the_shops_calendar(
    db: Connection, zone: str, now: datetime, minutes: list[int]
) -> None:
    now = now.replace(tzinfo=UTC)
    with db.transaction(force_rollback=True):
        check_zone(db, zone, now, [now - timedelta(minutes=past) for past in minutes])


CLOCK_CHANGES = [
    pytest.param(
        "Europe/Berlin", datetime(2026, 3, 29), id="clocks go forward in the night in Berlin"
    ),
    pytest.param(
        "Europe/Berlin", datetime(2026, 10, 25), id="clocks go back in the night in Berlin"
    ),
    pytest.param("America/Havana", datetime(2026, 3, 8), id="midnight is left out in Havana"),
    pytest.param("America/Havana", datetime(2026, 11, 1), id="midnight strikes twice in Havana"),
    pytest.param("Africa/Cairo", datetime(2026, 4, 24), id="midnight is left out in Cairo"),
    pytest.param(
        "Africa/Cairo", datetime(2026, 10, 30), id="an hour before midnight is twice in Cairo"
    ),
]


@pytest.mark.parametrize(("zone", "day"), CLOCK_CHANGES)
@pytest.mark.parametrize("days_later", [1, 3, 4, 7, 8])
def test_every_quarter_hour_around_a_change_of_the_clocks(
    db: Connection, zone: str, day: datetime, days_later: int
) -> None:
    midnight = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    around = [midnight + timedelta(minutes=15 * step) for step in range(-12, 13)]
    check_zone(db, zone, midnight + days_later * DAY + timedelta(hours=9), around)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param("views/shops/windows.sql", "l.net_units", "l.quantity", id="gross units"),
        pytest.param(
            "functions/shops/_day.sql",
            "at time zone s.time_zone",
            "at time zone 'UTC'",
            id="today in UTC",
        ),
        pytest.param(
            "functions/shops/_day.sql",
            "t.today - 7, s.time_zone",
            "t.today - 7, 'UTC'",
            id="days of UTC",
        ),
        pytest.param("functions/shops/_day.sql", "t.today - 3,", "t.today - 2,", id="one day less"),
        pytest.param(
            "views/shops/windows.sql",
            "    and l.created_at < d.day_start\n",
            "",
            id="today counted too",
        ),
        pytest.param(
            "views/shops/windows.sql",
            ">= d.day_7",
            "> d.day_7",
            id="a window open at its beginning",
        ),
        pytest.param(
            "views/shops/windows.sql",
            "least(d.day_14, p.first_tracked_at)",
            "d.day_14",
            id="a lifetime of 14 days",
        ),
        pytest.param(
            "views/shops/windows.sql",
            "least(d.day_14, p.first_tracked_at)",
            "p.first_tracked_at",
            id="no windows before tracking",
        ),
        pytest.param(
            "functions/shops/_midnight.sql",
            "when ((p_day",
            "when false and ((p_day",
            id="the second midnight",
        ),
    ],
)
def test_these_tests_notice(db: Connection, file: str, old: str, new: str) -> None:
    mutate(db, file, old, new)
    with pytest.raises(AssertionError):
        for test, values in CHECKS:
            with db.transaction(force_rollback=True):
                test(db, *values)


CHECKS: list[tuple[Any, tuple[Any, ...]]] = [
    *((test_a_window_is_the_last_whole_days, case.values) for case in EDGES),
    *((test_units_are_net_and_gross_stands_beside, case.values) for case in NET),
    *((test_the_first_days_are_24_hours_each, case.values) for case in FIRST_DAYS),
    (test_the_shops_day_begins_before_the_one_of_utc, ()),
    *(
        (test_every_quarter_hour_around_a_change_of_the_clocks, (*case.values, days_later))
        for case in CLOCK_CHANGES
        for days_later in (1, 3, 7)
    ),
]
