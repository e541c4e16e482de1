"""When a cron expression fires: by hand for the rules, against cronsim for the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from db import errors
from db.call import value


def next_fire(db, cron, after, zone="UTC"):
    found = value(db, "jobs.next_fire", cron=cron, time_zone=zone, after=after)
    return None if found is None else found.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("cron", "after", "fires"),
    [
        pytest.param("* * * * *", "2026-01-01 12:00:00+00", "2026-01-01 12:01", id="each minute"),
        pytest.param("* * * * *", "2026-01-01 12:00:59+00", "2026-01-01 12:01", id="after, not at"),
        pytest.param("0 6 * * *", "2026-01-01 06:00+00", "2026-01-02 06:00", id="daily"),
        pytest.param("0 */4 * * *", "2026-01-01 05:00+00", "2026-01-01 08:00", id="each 4 hours"),
        pytest.param(
            "10-30/10 * * * *", "2026-01-01 12:11+00", "2026-01-01 12:20", id="a stepped range"
        ),
        pytest.param("5/20 * * * *", "2026-01-01 12:26+00", "2026-01-01 12:45", id="from, by"),
        pytest.param("3,1,2 * * * *", "2026-01-01 12:01+00", "2026-01-01 12:02", id="a list"),
        pytest.param("0 0 1 jan *", "2026-01-01 00:00+00", "2027-01-01 00:00", id="a month's name"),
        pytest.param(
            "0 0 * * MON", "2026-01-01 00:00+00", "2026-01-05 00:00", id="a weekday's name"
        ),
        pytest.param("0 0 * * 7", "2026-01-01 00:00+00", "2026-01-04 00:00", id="7 is Sunday"),
        pytest.param("0 0 * * 5-7", "2026-01-03 00:00+00", "2026-01-04 00:00", id="to Sunday"),
        pytest.param(
            "0 0 13 * 5", "2026-01-01 00:00+00", "2026-01-02 00:00", id="the 13th or a Friday"
        ),
        pytest.param(
            "0 0 */2 * 5", "2026-01-01 00:00+00", "2026-01-09 00:00", id="an odd day and a Friday"
        ),
        pytest.param("0 0 29 2 *", "2026-01-01 00:00+00", "2028-02-29 00:00", id="a leap day"),
        pytest.param(
            "0 0 29 2 *", "2097-01-01 00:00+00", "2104-02-29 00:00", id="over a year that is none"
        ),
        pytest.param("0 0 30 2 *", "2026-01-01 00:00+00", None, id="a day that never comes"),
        pytest.param("0 0 31 4,6 *", "2026-01-01 00:00+00", None, id="nor in April or June"),
    ],
)
def test_when_it_fires(db, cron, after, fires):
    assert next_fire(db, cron, after) == fires


BERLIN = "Europe/Berlin"  # 2026: forward on 29 March, 01:00 UTC; back on 25 October, 01:00 UTC


@pytest.mark.parametrize(
    ("cron", "zone", "after", "fires"),
    [
        pytest.param(
            "30 2 * * *",
            BERLIN,
            "2026-03-28 12:00+00",
            "2026-03-29 01:00",
            id="a time that is skipped comes when the clock has jumped",
        ),
        pytest.param(
            "30 2 * * *",
            BERLIN,
            "2026-03-29 01:00+00",
            "2026-03-30 00:30",
            id="and not again that day",
        ),
        pytest.param(
            "30 2 * * *",
            BERLIN,
            "2026-10-24 12:00+00",
            "2026-10-25 00:30",
            id="a time that is repeated comes the first time",
        ),
        pytest.param(
            "30 2 * * *", BERLIN, "2026-10-25 00:30+00", "2026-10-26 01:30", id="and not the second"
        ),
        pytest.param(
            "*/30 * * * *",
            BERLIN,
            "2026-10-25 00:30+00",
            "2026-10-25 01:00",
            id="half-hourly goes on through the repeated hour",
        ),
        pytest.param(
            "0 * * * *",
            BERLIN,
            "2026-03-29 00:00+00",
            "2026-03-29 01:00",
            id="hourly goes on over the skipped hour",
        ),
        pytest.param(
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03 00:00+00",
            "2026-10-03 15:30",
            id="where the clock jumps by half an hour",
        ),
        pytest.param(
            "0 6 * * *",
            "Asia/Kolkata",
            "2026-01-01 00:00+00",
            "2026-01-01 00:30",
            id="where it is half an hour off",
        ),
        pytest.param(
            "0 0 * * *",
            "America/Sao_Paulo",
            "2018-11-03 12:00+00",
            "2018-11-04 03:00",
            id="a midnight that is skipped",
        ),
    ],
)
def test_where_clocks_change(db, cron, zone, after, fires):
    assert next_fire(db, cron, after, zone) == fires


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "1-999999999 * * * *",
        "a * * * *",
        "* * * monday *",
        "1- * * * *",
        "1,,2 * * * *",
        "@reboot",
        "-5 * * * *",
    ],
)
def test_what_is_no_cron_expression(db, cron):
    with pytest.raises(errors.NotCron), db.transaction():
        next_fire(db, cron, "2026-01-01 00:00+00")


def field(low: int, high: int, names: list[str] | None = None) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(sorted)
    item = st.one_of(
        number.map(str),
        pair.map(lambda p: f"{p[0]}-{p[1]}"),
        # The library takes 5-5/2 for 5/2, that is 5-59/2.
        st.tuples(pair.filter(lambda p: p[0] < p[1]), st.integers(1, 20)).map(
            lambda p: f"{p[0][0]}-{p[0][1]}/{p[1]}"
        ),
        *([st.sampled_from(names)] if names else []),
    )
    return st.one_of(
        st.just("*"),
        st.just("*"),
        st.integers(1, 20).map(lambda step: f"*/{step}"),
        st.lists(item, min_size=1, max_size=3).map(",".join),
    )


MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
CRON = st.tuples(
    field(0, 59), field(0, 23), field(1, 28), field(1, 12, MONTHS), field(0, 6, DAYS)
).map(" ".join)
# Zones whose rules hold for years: the library and PostgreSQL may know releases of the zone data
# that differ, as they do on Morocco.
ZONES = [
    "UTC",
    BERLIN,
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
]
MOMENT = st.integers(0, 5 * 365 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def by_library(cron: str, after: datetime, zone: str) -> datetime:
    fires = CronSim(cron, after.astimezone(ZoneInfo(zone)))
    # Asked within an hour that is shown twice, it may answer with the first showing: the past.
    return next(at for at in (fire.astimezone(UTC) for fire in fires) if at > after)


@settings(max_examples=300, deadline=None)
@given(cron=CRON, after=MOMENT, zone=st.sampled_from(ZONES))
def test_it_fires_when_a_well_kept_library_says(_shared, cron, after, zone):
    expected = by_library(cron, after, zone)
    assert next_fire(_shared, cron, after, zone) == expected.strftime("%Y-%m-%d %H:%M")


# The hours around each change of the clocks, where chance alone would seldom look.
CHANGES = st.one_of(
    st.tuples(st.just(BERLIN), st.sampled_from(["2026-03-29 01:00", "2026-10-25 01:00"])),
    st.tuples(
        st.just("America/New_York"), st.sampled_from(["2026-03-08 07:00", "2026-11-01 06:00"])
    ),
    st.tuples(
        st.just("Pacific/Auckland"), st.sampled_from(["2026-04-04 14:00", "2026-09-26 14:00"])
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    change=CHANGES,
    minutes=st.integers(-240, 240),
    minute=field(0, 59),
    hour=st.one_of(st.just("*"), field(0, 4)),
)
def test_it_fires_as_the_library_says_when_clocks_change(_shared, change, minutes, minute, hour):
    zone, moment = change
    after = datetime.fromisoformat(moment + "+00:00") + timedelta(minutes=minutes)
    cron = f"{minute} {hour} * * *"
    expected = by_library(cron, after, zone)
    assert next_fire(_shared, cron, after, zone) == expected.strftime("%Y-%m-%d %H:%M")
