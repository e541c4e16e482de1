"""Winners: three rules side by side, decisions with all that they rest on, and when they end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.call import value
from db.errors import BadSetting, NoSuchProduct, NoSuchSetting
from tests.fixtures.clock import at
from tests.fixtures.sales import (
    DAY,
    known_up_to,
    line,
    on_sale,
    one,
    order,
    store,
    tracked_since,
)
from tests.fixtures.shops import MORNING, Shop, done, run, shop, work

Connection = psycopg.Connection[Any]


def sell(conn: Connection, here: Shop, product_id: int, days: dict[int, int]) -> None:
    """Units by how many days ago."""
    for ago, units in days.items():
        store(conn, here, order(line(conn, product_id, units), MORNING - ago * DAY))


def rules(conn: Connection, here: Shop, **changed: Any) -> int:
    version: int = value(conn, "shops.set_winner_rules", shop_id=here.shop_id, rules=changed)
    return version


def candidate(conn: Connection, product_id: int, *columns: str) -> Any:
    query = f"select {', '.join(columns)} from shops.winner_candidates where product_id = %s"
    return one(conn, query, product_id)


@pytest.fixture
def here(db: Connection) -> Shop:
    at(db, MORNING)
    here = shop(db)
    known_up_to(db, here, MORNING)
    return here


# The posterior


@pytest.mark.parametrize(
    ("units", "weeks", "probability"),
    [
        pytest.param(5, 1, 0.345, id="5 in a week"),
        pytest.param(5, 2, 0.046, id="5 in two weeks"),
        pytest.param(12, 2, 0.725, id="12 in two weeks"),
    ],
)
def test_the_posterior_of_the_book(
    db: Connection, units: int, weeks: int, probability: float
) -> None:
    found = value(db, "shops.probability_above", weekly_units=4.0, units=units, weeks=float(weeks))
    assert found == pytest.approx(probability, abs=0.0005)


def exactly(t: Fraction, units: int, weeks: Fraction, shape: int, expects: Fraction) -> float:
    """The formula in fractions: only e^(-z) is rounded, by decimals of 60 digits."""
    z = (shape / expects + weeks) * t
    terms, term = Fraction(0), Fraction(1)
    for i in range(shape + units):
        terms += term
        term = term * z / (i + 1)
    with localcontext() as context:
        context.prec = 60
        exponent = Decimal(-z.numerator) / Decimal(z.denominator)
        return float(exponent.exp() * Decimal(terms.numerator) / Decimal(terms.denominator))


@settings(max_examples=60, deadline=None)
@given(
    t=st.integers(1, 40).map(lambda n: Fraction(n, 4)),
    units=st.integers(0, 900),
    weeks=st.integers(1, 2000).map(lambda n: Fraction(n, 7)),
    shape=st.integers(1, 12),
    expects=st.integers(1, 40).map(lambda n: Fraction(n, 4)),
)
def test_the_posterior_is_exact(
    _shared: Connection, t: Fraction, units: int, weeks: Fraction, shape: int, expects: Fraction
) -> None:
    found = value(
        _shared,
        "shops.probability_above",
        weekly_units=float(t),
        units=units,
        weeks=float(weeks),
        prior_shape=shape,
        prior_weekly_units=float(expects),
    )
    assert found == pytest.approx(exactly(t, units, weeks, shape, expects), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("units", "weeks"),
    [(0, 1.0), (10, 2.0), (100, 500.0), (2_000, 500.0), (100_000, 10.0), (1_000_000, 52.0)],
)
def test_the_posterior_stays_a_probability(db: Connection, units: int, weeks: float) -> None:
    found = value(db, "shops.probability_above", weekly_units=4.0, units=units, weeks=weeks)
    assert 0 <= found <= 1
    assert found == (pytest.approx(1) if units / weeks > 6 else pytest.approx(found))


def test_the_units_that_are_needed_are_the_fewest(db: Connection) -> None:
    needed = value(db, "shops.units_needed", certainty=0.9, weekly_units=4.0, weeks=2.0)

    def probability(units: int) -> float:
        found: float = value(
            db, "shops.probability_above", weekly_units=4.0, units=units, weeks=2.0
        )
        return found

    assert probability(needed) >= 0.9 > probability(needed - 1)


# The rules


@pytest.mark.parametrize(
    ("days", "verdict"),
    [
        pytest.param({1: 5}, True, id="5 yesterday"),
        pytest.param({1: 4}, False, id="4 yesterday"),
        pytest.param({1: 2, 3: 2, 7: 1}, True, id="5 over seven days"),
        pytest.param({1: 4, 8: 9}, False, id="the eighth day does not count"),
        pytest.param({0: 9}, False, id="today does not count"),
        pytest.param({}, False, id="nothing sold"),
    ],
)
def test_the_rule_sales(db: Connection, here: Shop, days: dict[int, int], verdict: bool) -> None:
    product_id = on_sale(db, here)
    sell(db, here, product_id, days)
    units, margin, found = candidate(db, product_id, "units_7", "sales_margin", "sales_winner")
    assert (found, margin) == (verdict, units - 5)
    assert candidate(db, product_id, "winner, rule") == (verdict, "sales")


@pytest.mark.parametrize(
    ("days", "passed"),
    [
        pytest.param({1: 5, 5: 5, 9: 5}, 3, id="5 in 3, 10 in 7, 15 in 10 days"),
        pytest.param({1: 5, 5: 5}, 2, id="5 in 3, 10 in 7 days"),
        pytest.param({1: 5, 5: 5, 9: 5, 13: 5}, 4, id="all four"),
        pytest.param({13: 20}, 1, id="long ago"),
        pytest.param({1: 20}, 4, id="all yesterday"),
        pytest.param({5: 15}, 2, id="7 and 10 days"),
    ],
)
def test_the_rule_buckets(db: Connection, here: Shop, days: dict[int, int], passed: int) -> None:
    rules(db, here, winner_rule="buckets")
    product_id = on_sale(db, here)
    sell(db, here, product_id, days)
    found = candidate(
        db, product_id, "buckets_passed", "buckets_margin", "buckets_winner", "winner"
    )
    assert found == (passed, passed - 3, passed >= 3, passed >= 3)


@pytest.mark.parametrize(
    ("tracked", "units", "band", "verdict"),
    [
        pytest.param(14, 14, "promising", False, id="14 in two weeks are promising"),
        pytest.param(14, 17, "winner", True, id="17 in two weeks are a winner"),
        pytest.param(14, 8, "undecided", False, id="8 in two weeks say nothing yet"),
        pytest.param(14, 0, "loser", False, id="none in two weeks is a loser"),
        pytest.param(6, 60, "undecided", False, id="six days are too few, whatever was sold"),
        pytest.param(7, 0, "undecided", False, id="none in one week may come yet"),
    ],
)
def test_the_rule_posterior(
    db: Connection, here: Shop, tracked: int, units: int, band: str, verdict: bool
) -> None:
    rules(db, here, winner_rule="posterior")
    product_id = on_sale(db, here)
    tracked_since(db, product_id, datetime.fromisoformat("2026-11-20 00:00+01") - tracked * DAY)
    if units:
        sell(db, here, product_id, {2: units})
    assert candidate(db, product_id, "posterior_band", "winner") == (band, verdict)


def test_a_winner_leaves_only_below_keep_certainty(db: Connection, here: Shop) -> None:
    rules(db, here, winner_rule="posterior")
    new, old = on_sale(db, here), on_sale(db, here)
    db.execute("update shops.products set state = 'winner' where product_id = %s", [old])
    for product_id in (new, old):
        tracked_since(db, product_id, "2026-11-06 00:00+01")
        sell(db, here, product_id, {2: 14})
    columns = ("winner", "posterior_threshold", "posterior_band")
    assert candidate(db, new, *columns) == (False, Decimal("0.90"), "promising")
    assert candidate(db, old, *columns) == (True, Decimal("0.60"), "promising")


@pytest.mark.parametrize(
    ("columns", "plan", "why"),
    [
        pytest.param({"shop_status": "DRAFT"}, "premium", "It is not on sale.", id="a draft"),
        pytest.param(
            {"shop_status": None}, "premium", "It is not on sale.", id="nobody knows its status"
        ),
        pytest.param(
            {}, "basis", "The plan basis has no winner scaling.", id="a plan without winners"
        ),
        pytest.param({}, None, "The plan basis has no winner scaling.", id="no subscription"),
    ],
)
def test_sales_alone_make_no_winner(
    db: Connection, columns: dict[str, Any], plan: str | None, why: str
) -> None:
    at(db, MORNING)
    here = shop(db, plan=plan)
    known_up_to(db, here, MORNING)
    product_id = on_sale(db, here, **columns)
    tracked_since(db, product_id, "2026-11-01 00:00+01")
    sell(db, here, product_id, {1: 99})
    verdicts = ("sales_winner", "buckets_winner", "posterior_winner", "winner")
    assert candidate(db, product_id, *verdicts) == (False,) * 4
    assert candidate(db, product_id, "why") == why


@pytest.mark.parametrize(
    ("up_to", "fresh"),
    [
        pytest.param(None, False, id="never read"),
        pytest.param("2026-11-19 23:59:59+01", False, id="a second of yesterday is missing"),
        pytest.param("2026-11-20 00:00+01", True, id="to the end of yesterday"),
    ],
)
def test_what_is_not_known_to_the_end_of_yesterday_is_unknown(
    db: Connection, up_to: str | None, fresh: bool
) -> None:
    at(db, MORNING)
    here = shop(db)
    known_up_to(db, here, up_to)
    product_id = on_sale(db, here)
    sell(db, here, product_id, {1: 99})
    expected = True if fresh else None
    assert candidate(db, product_id, "winner", "sales_winner", "buckets_winner") == (expected,) * 3
    assert ("Unknown" in candidate(db, product_id, "why")) is not fresh


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        pytest.param({"winner_rule": "luck"}, BadSetting, id="a rule that nobody knows"),
        pytest.param({"min_buckets": 5}, BadSetting, id="five of four windows"),
        pytest.param(
            {"winner_certainty": 0.5}, BadSetting, id="a winner is less certain than one that stays"
        ),
        pytest.param({"raise_percent": 21}, BadSetting, id="more than 20 percent a step"),
        pytest.param({"winner_units": "many"}, BadSetting, id="a word for a number"),
        pytest.param({"winner_units": None}, BadSetting, id="nothing for a number"),
        pytest.param({"luck": 1}, NoSuchSetting, id="a name that nobody knows"),
        pytest.param({"version": 9}, NoSuchSetting, id="the version"),
    ],
)
def test_rules_that_cannot_be(
    db: Connection, here: Shop, changed: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        rules(db, here, **changed)


def test_rules_have_versions_and_saying_the_same_again_makes_none(
    db: Connection, here: Shop
) -> None:
    assert rules(db, here, winner_units=7) == 2
    assert rules(db, here, winner_units=7) == 2
    assert rules(db, here, winner_rule="buckets") == 3
    query = "select version, winner_units, winner_rule from shops.present_rules where shop_id = %s"
    assert one(db, query, here.shop_id) == (3, 7, "buckets")


def test_winner_rules_are_settings_too(db: Connection, here: Shop) -> None:
    settings = {"winner_units": 9, "creation_limit": 3}
    value(db, "shops.configure", shop_id=here.shop_id, settings=settings)
    query = (
        "select r.version, r.winner_units, s.creation_limit from shops.present_rules as r"
        " join shops.settings as s using (shop_id) where r.shop_id = %s"
    )
    assert one(db, query, here.shop_id) == (2, 9, 3)
    with pytest.raises(BadSetting) as refused:
        value(db, "shops.configure", shop_id=here.shop_id, settings={"winner_units": 0})
    assert refused.value.hint == "Give a whole number from 1."


# Decisions


def decide(conn: Connection, here: Shop, day: int = 0) -> list[tuple[str, str]]:
    """The run of a later day, with sales known until then: its verdicts and the products' states."""
    now = MORNING + day * DAY
    at(conn, now)
    known_up_to(conn, here, now)
    run(conn, "winner_scaling")
    return conn.execute(
        "select d.verdict, p.state from shops.decisions as d"
        " join shops.products as p using (user_id, product_id)"
        " where d.shop_id = %s and d.decided_on = %s order by d.product_id",
        [here.shop_id, now.date()],
    ).fetchall()


def test_who_passes_becomes_a_winner_and_stays_one(db: Connection, here: Shop) -> None:
    product_id = on_sale(db, here)
    sell(db, here, product_id, {1: 5})
    assert decide(db, here) == [("winner", "winner")]
    assert decide(db, here, 1) == [("kept", "winner")]


def test_a_product_that_fails_has_no_decision(db: Connection, here: Shop) -> None:
    sell(db, here, on_sale(db, here), {1: 4})
    assert decide(db, here) == []
    query = "select status, skip_reason from shops.job_status where shop_id = %s and job = 'winner_scaling'"
    assert one(db, query, here.shop_id) == ("skipped", "no_winners")


def test_a_day_is_decided_once(db: Connection, here: Shop) -> None:
    product_id = on_sale(db, here)
    sell(db, here, product_id, {1: 5})
    before = decide(db, here)
    decisions = one(db, "select count(*) from shops.decisions")
    intents = one(db, "select count(*) from shops.scaling_intents")
    assert decide(db, here) == before
    assert one(db, "select count(*) from shops.decisions") == decisions
    assert one(db, "select count(*) from shops.scaling_intents") == intents
    query = "select skip_reason from shops.job_status where shop_id = %s and job = 'winner_scaling'"
    assert one(db, query, here.shop_id) == "already_decided"


def lives(conn: Connection, here: Shop, days: Iterable[str]) -> list[str]:
    """Verdicts of day after day: + sells enough, - does not, ? sales are not known."""
    product_id = on_sale(conn, here)
    verdicts = []
    for number, day in enumerate(days):
        now = MORNING + number * DAY
        at(conn, now)
        conn.execute("delete from shops.orders where shop_id = %s", [here.shop_id])
        if day == "+":
            store(conn, here, order(line(conn, product_id, 5), now - DAY))
        known_up_to(conn, here, now - 2 * DAY if day == "?" else now)
        run(conn, "winner_scaling")
        # A pass that reads again would go on into the next day.
        conn.execute("delete from shops.order_passes")
        row = conn.execute(
            "select verdict from shops.decisions where product_id = %s and decided_on = %s",
            [product_id, now.date()],
        ).fetchone()
        verdicts.append(row[0] if row else "none")
    return verdicts


@pytest.mark.parametrize(
    ("days", "verdicts"),
    [
        pytest.param(
            "+-------+",
            "winner" + " failing" * 6 + " ended winner",
            id="it ends on the seventh failing day",
        ),
        pytest.param(
            "+------+-",
            "winner" + " failing" * 6 + " kept failing",
            id="a good day starts the count anew",
        ),
        pytest.param(
            "+---???----",
            "winner" + " failing" * 3 + " none" * 3 + " failing" * 3 + " ended",
            id="unknown days do not count",
        ),
        pytest.param(
            "+" + "?" * 9 + "-",
            "winner" + " none" * 9 + " failing",
            id="unknown never ends a winner",
        ),
        pytest.param("--+", "none none winner", id="it begins when it passes"),
    ],
)
def test_a_winner_ends_when_it_fails_for_seven_days(
    db: Connection, here: Shop, days: str, verdicts: str
) -> None:
    assert lives(db, here, days) == verdicts.split()


def test_an_ended_winner_is_published_again(db: Connection, here: Shop) -> None:
    rules(db, here, winner_ends_after_days=1)
    lives(db, here, "+-")
    assert (
        one(db, "select state from shops.products where shop_id = %s", here.shop_id) == "published"
    )


def test_a_decision_keeps_all_that_it_rests_on(db: Connection, here: Shop) -> None:
    product_id = on_sale(db, here)
    sell(db, here, product_id, {1: 4, 5: 3, 12: 9})
    decide(db, here)
    rule, version, inputs, conditions, why = one(
        db,
        "select rule, rules_version, inputs, conditions, why from shops.decisions where product_id = %s",
        product_id,
    )
    assert (rule, version) == ("sales", 1)
    units = [inputs[f"units_{days}"] for days in (3, 7, 10, 14)]
    assert (units, inputs["state"], inputs["plan"]) == ([4, 7, 7, 16], "published", "premium")
    of = {(each["rule"], each["condition"]): each for each in conditions}
    assert of["sales", "units in 7 days"] == {
        "rule": "sales",
        "condition": "units in 7 days",
        "value": "7",
        "threshold": "5",
        "margin": 2,
        "pass": True,
    }
    assert len(of) == 11
    assert (
        why
        == "7 net units in the last 7 days, of 5. It would flip with 3 fewer net units in 7 days."
    )


def test_stale_sales_are_read_before_anything_is_decided(db: Connection) -> None:
    """In New York yesterday ends at 05:00 UTC, after sales_tracker ran."""
    nine = MORNING.replace(hour=9)
    at(db, nine)
    here = shop(db, time_zone="America/New_York")
    known_up_to(db, here, MORNING.replace(hour=2))
    product_id = on_sale(db, here)
    sold = order(line(db, product_id, 6), "2026-11-20 04:30+00:00")

    assert run(db, "winner_scaling")[:2] == ("running", 1)
    assert one(db, "select count(*) from shops.decisions") == 0
    work(db, read_orders=lambda request: done(orders=[sold], has_next=False))

    assert (
        one(db, "select verdict from shops.decisions where product_id = %s", product_id) == "winner"
    )
    query = (
        "select status, items from shops.job_status where shop_id = %s and job = 'winner_scaling'"
    )
    assert one(db, query, here.shop_id) == ("succeeded", 1)


@pytest.mark.parametrize(
    ("prepared", "reason"),
    [
        pytest.param({"enabled": False}, "disabled", id="the owner stopped it"),
        pytest.param({"plan": None}, "no_subscription", id="nobody pays"),
        pytest.param({"plan": "basis"}, "no_winner_scaling", id="the plan has no winners"),
        pytest.param({"services": ()}, "sales_not_known", id="nobody can read the sales"),
    ],
)
def test_a_shop_without_decisions_says_why(
    db: Connection, prepared: dict[str, Any], reason: str
) -> None:
    at(db, MORNING)
    here = shop(db, **prepared)
    on_sale(db, here)
    assert run(db, "winner_scaling") == ("skipped", 0, 1, f"{reason}: 1")


def test_a_shop_that_sells_nothing_says_so(db: Connection) -> None:
    at(db, MORNING)
    shop(db)
    assert run(db, "winner_scaling") == ("skipped", 0, 1, "nothing_on_sale: 1")


def test_a_world_without_shops_says_so(db: Connection) -> None:
    assert run(db, "winner_scaling") == ("skipped", 0, 0, "no_shops")
    assert run(db, "sales_tracker") == ("skipped", 0, 0, "no_shops")


# Explain


def explained(conn: Connection, product_id: int) -> dict[str, tuple[Any, ...]]:
    rows = conn.execute("select * from shops.explain(%s)", [product_id]).fetchall()
    assert len(rows) <= 40, "one screen"
    return {step: rest for step, *rest in rows}


def test_explain_shows_the_conditions_and_what_would_flip_them(db: Connection, here: Shop) -> None:
    product_id = on_sale(db, here, title="A cup")
    tracked_since(db, product_id, "2026-11-06 00:00+01")
    sell(db, here, product_id, {1: 3, 9: 1})
    rows = explained(db, product_id)
    assert rows["product"][0] == "A cup"
    assert rows["state"][0] == "published"
    assert rows["net units"][0] == "3 / 3 / 4 / 4"
    assert rows["sales: units in 7 days"] == ["3", "5", False, "needs 2 more net units in 7 days"]
    assert (
        rows["buckets: units in 3 days"][3]
        == "needs 2 more net units in 3 days (not the shop's rule)"
    )
    assert "more net units since tracking" in rows["posterior: P(4 a week or more)"][3]
    assert rows["winner now"] == ["false", "sales", False, "3 net units in the last 7 days, of 5."]


def test_explain_shows_what_was_decided_and_done(db: Connection, here: Shop) -> None:
    product_id = on_sale(db, here)
    sell(db, here, product_id, {1: 5})
    decide(db, here)
    rows = explained(db, product_id)
    assert rows["decided 2026-11-20"][0] == "winner"
    assert rows["variations"][0] == "refused"
    assert "no_niche" in rows["variations"][3]


def test_explain_of_a_product_on_its_way(db: Connection, here: Shop) -> None:
    value(db, "shops.apply_creation", shop_id=here.shop_id)
    product_id = one(db, "select min(product_id) from shops.products")
    rows = explained(db, product_id)
    assert rows["state"][0] == "planned"
    assert rows["quota"][0] == "held"
    work(db)
    assert explained(db, product_id)["text"][0] == "paid"


def test_explain_of_nobodys_product(db: Connection) -> None:
    with pytest.raises(NoSuchProduct) as refused:
        value(db, "shops.explain", product_id=0)
    assert refused.value.code == "SH020"


@pytest.mark.parametrize(
    ("margin", "flip"),
    [
        pytest.param(-2, "2 more net units in 7 days", id="two are missing"),
        pytest.param(-1, "1 more net unit in 7 days", id="one is missing"),
        pytest.param(0, "1 fewer net unit in 7 days", id="just enough"),
        pytest.param(3, "4 fewer net units in 7 days", id="three more than enough"),
    ],
)
def test_what_would_flip_a_condition(db: Connection, margin: int, flip: str) -> None:
    assert value(db, "shops._more", margin=margin, what="net unit in 7 days") == flip
