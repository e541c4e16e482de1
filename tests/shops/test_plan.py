"""What a run of product_creation plans, and why it plans nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.call import value
from tests.fixtures.accounts import user
from tests.fixtures.clock import at
from tests.fixtures.shops import MORNING, connect, create, gave_up, plan, run, shop, work

RULES = settings(
    max_examples=60,
    deadline=None,
    # Each example undoes what it did.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def limit_niche(db, one, name, daily_limit):
    value(db, "shops.add_niche", shop_id=one.shop_id, name=name, daily_limit=daily_limit)


def shares(db, one) -> dict[str, int]:
    return {row.niche: row.how_many for row in plan(db, shop_id=one.shop_id) if row.niche}


@pytest.mark.parametrize(
    ("limit", "niches", "split"),
    [
        pytest.param(20, 3, [7, 7, 6], id="what is left goes to one niche each"),
        pytest.param(5, 8, [1, 1, 1, 1, 1], id="fewer than niches is fine"),
        pytest.param(0, 4, [], id="nothing makes nothing"),
        pytest.param(4, 4, [1, 1, 1, 1], id="one each"),
        pytest.param(100, 1, [100], id="all to the only one"),
    ],
)
def test_a_number_is_split_exactly(db, limit, niches, split):
    at(db, MORNING)
    one = shop(db, niches=[f"n{i}" for i in range(niches)], creation_limit=limit)
    assert sorted(shares(db, one).values(), reverse=True) == split


@RULES
@given(
    limit=st.integers(0, 100),
    caps=st.lists(st.none() | st.integers(0, 30), min_size=1, max_size=9),
    day=st.integers(0, 400),
)
def test_every_split_is_exact_and_even(db, limit, caps, day):
    with db.transaction(force_rollback=True):
        at(db, MORNING + timedelta(day))
        one = shop(db, plan="vip", niches=[], creation_limit=limit)
        for number, cap in enumerate(caps):
            limit_niche(db, one, f"n{number}", cap)
        got = shares(db, one)

    room = [limit if cap is None else min(cap, limit) for cap in caps]
    made = [got.get(f"n{number}", 0) for number in range(len(caps))]
    assert sum(made) == min(limit, sum(room))
    assert all(share <= most for share, most in zip(made, room, strict=True))
    # Whoever has room left is at most one behind whoever got the most.
    unfilled = [share for share, most in zip(made, room, strict=True) if share < most]
    assert not unfilled or max(made) - min(unfilled) <= 1


@pytest.mark.parametrize(("limit", "niches"), [(20, 3), (5, 8), (7, 5), (1, 4)])
def test_the_remainder_goes_round_from_day_to_day(db, limit, niches):
    at(db, MORNING)
    one = shop(db, niches=[f"n{i}" for i in range(niches)], creation_limit=limit)
    total = dict.fromkeys((f"n{i}" for i in range(niches)), 0)
    for day in range(niches):
        at(db, MORNING + timedelta(day))
        for niche, how_many in shares(db, one).items():
            total[niche] += how_many
    assert set(total.values()) == {limit}


def test_a_higher_priority_comes_first_in_the_round(db):
    at(db, MORNING)
    one = shop(db, niches=["a", "b"], creation_limit=1)
    value(db, "shops.add_niche", shop_id=one.shop_id, name="c", priority=10)
    first = []
    for day in range(3):
        at(db, MORNING + timedelta(day))
        first += shares(db, one)
    assert "".join(first) in "cabcab"


def test_the_quota_is_shared_by_the_users_shops(db):
    at(db, MORNING)
    owner = user(db, "basis")
    shops_ = [shop(db, owner, niches=[name], creation_limit=60) for name in ("a", "b", "c")]
    planned = plan(db, user_id=owner)
    assert sorted(row.how_many for row in planned) == [33, 33, 34]
    assert {row.quota_left for row in planned} == {0}
    assert {row.shop_id for row in planned} == {one.shop_id for one in shops_}


def test_a_shop_that_gets_nothing_of_the_last_quota_says_so(db):
    at(db, MORNING)
    owner = user(db, "basis")
    for name in ("a", "b"):
        shop(db, owner, niches=[name])
    db.execute(
        "insert into shops.quota_months (user_id, month, used) values (%s, '2026-11-01', 99)",
        [owner],
    )
    assert sorted((row.how_many, row.why) for row in plan(db, user_id=owner)) == [
        (0, "monthly_limit_reached"),
        (1, "1 of 20 wanted today; the month has 1 left"),
    ]


def test_unlimited_is_never_used_up(db):
    at(db, MORNING)
    one = shop(db, plan="vip")
    db.execute(
        "insert into shops.quota_months (user_id, month, used) values (%s, '2026-11-01', 100000)",
        [one.user_id],
    )
    (row,) = plan(db, user_id=one.user_id)
    assert (row.how_many, row.quota_left) == (20, None)


def test_a_smaller_plan_keeps_the_niches_that_come_first(db):
    at(db, MORNING)
    one = shop(db, plan="premium", niches=[f"n{i}" for i in range(8)])
    value(db, "shops.add_niche", shop_id=one.shop_id, name="n7", priority=1)
    value(db, "accounts.subscribe", user_id=one.user_id, plan="basis")
    assert set(shares(db, one)) == {"n0", "n1", "n2", "n3", "n7"}


def set_up(db, **how):
    return shop(db, **how)


def no_niche_left(db):
    one = shop(db, niches=["a"])
    db.execute(
        "select shops.remove_niche(niche_id) from shops.niches where shop_id = %s", [one.shop_id]
    )
    return one


def subscription_ended(db):
    return shop(
        db,
        user(
            db,
            "premium",
            period_end=MORNING - timedelta(days=1),
            period_start=MORNING - timedelta(days=31),
        ),
    )


def month_used_up(db):
    one = shop(db, plan="basis")
    db.execute(
        "insert into shops.quota_months (user_id, month, held, used) values (%s, '2026-11-01', 1, 99)",
        [one.user_id],
    )
    return one


def never_configured(db):
    one = shop(db)
    db.execute("delete from shops.settings where shop_id = %s", [one.shop_id])
    return one


def token_ran_out(db):
    one = shop(db, services=["shopify"])
    connect(db, one, "openai", good=False)
    return one


def scope_missing(db):
    one = shop(db)
    db.execute(
        "update accounts.connections set scopes = '{read_orders}' where user_id = %s and service = 'shopify'",
        [one.user_id],
    )
    return one


def planned_today(db):
    one = shop(db)
    create(db, one.shop_id)
    return one


def niches_had_theirs(db):
    one = shop(db)
    limit_niche(db, one, "cats", 0)
    return one


def budget_spent(db):
    one = shop(db)
    value(db, "shops.set_budget", user_id=one.user_id, monthly=0)
    return one


@pytest.mark.parametrize(
    ("reason", "made"),
    [
        pytest.param("disabled", lambda db: shop(db, enabled=False), id="switched off"),
        pytest.param(
            "not_connected", lambda db: shop(db, services=["openai"]), id="no shop system"
        ),
        pytest.param("not_connected", token_ran_out, id="a token ran out"),
        pytest.param("not_connected", scope_missing, id="a scope was not granted"),
        pytest.param("no_settings", never_configured, id="nobody decided yet"),
        pytest.param("no_niches", lambda db: shop(db, niches=[]), id="no niche"),
        pytest.param("no_niches", no_niche_left, id="no active niche"),
        pytest.param("no_subscription", lambda db: shop(db, plan=None), id="never subscribed"),
        pytest.param("no_subscription", subscription_ended, id="the subscription ended"),
        pytest.param("monthly_limit_reached", month_used_up, id="the month is used up"),
        pytest.param("daily_limit_reached", lambda db: shop(db, creation_limit=0), id="none a day"),
        pytest.param("daily_limit_reached", niches_had_theirs, id="each niche has its limit"),
        pytest.param("already_planned", planned_today, id="an earlier run did it"),
        pytest.param("budget_reached", budget_spent, id="no money for models"),
    ],
)
def test_a_shop_without_work_says_why(db, reason, made):
    at(db, MORNING)
    one = made(db)
    (row,) = plan(db, shop_id=one.shop_id)
    assert (row.niche, row.how_many, row.why) == (None, 0, reason)

    assert run(db, "product_creation") == ("skipped", 0, 1, f"{reason}: 1")
    query = (
        "select status, items, skip_reason from shops.job_status"
        " where shop_id = %s and job = 'product_creation'"
    )
    assert db.execute(query, [one.shop_id]).fetchone() == ("skipped", 0, reason)


def test_no_shop_at_all_is_a_reason_too(db):
    assert run(db, "product_creation") == ("skipped", 0, 0, "no_shops")


def test_the_run_does_exactly_what_the_plan_says(db):
    at(db, MORNING)
    one = shop(db, niches=["a", "b", "c"])
    two = shop(db, niches=["d"], creation_limit=3)
    shop(db, enabled=False)
    planned = plan(db)
    status, items, skipped, why = run(db, "product_creation")
    assert (status, items, skipped, why) == ("running", 23, 1, "disabled: 1")
    query = (
        "select r.shop_id, n.name, p.how_many, p.why, p.quota_left from shops.creation_plans as p"
        " join shops.shop_runs as r using (user_id, shop_run_id)"
        " left join shops.niches as n using (user_id, niche_id)"
    )
    kept = db.execute(query).fetchall()
    assert sorted(map(str, kept)) == sorted(
        str((row.shop_id, row.niche, row.how_many, row.why, row.quota_left)) for row in planned
    )
    query = "select count(*), count(distinct handle), min(quota_state) from shops.products"
    assert db.execute(query).fetchone() == (23, 23, "held")
    assert sorted(shares(db, one)) == [] and sorted(shares(db, two)) == []


def test_what_failed_is_planned_again_the_same_day(db):
    at(db, MORNING)
    one = shop(db, creation_limit=2)
    create(db)
    work(db, draw_design=lambda request: gave_up("No."))
    (row,) = plan(db, shop_id=one.shop_id)
    assert (row.how_many, row.quota_left) == (2, 498)


def test_the_day_is_the_shops_own(db):
    at(db, "2026-11-20 22:30+00")
    one = shop(db, time_zone="Asia/Bangkok", creation_limit=2)
    create(db)
    at(db, "2026-11-21 06:00+00")
    assert plan(db, shop_id=one.shop_id)[0].why == "already_planned"
    at(db, "2026-11-21 17:00+00")
    assert plan(db, shop_id=one.shop_id)[0].how_many == 2


def test_a_product_keeps_the_prompts_it_was_planned_with(db):
    at(db, MORNING)
    one = shop(db, creation_limit=1)
    create(db)
    value(db, "shops.set_prompt", shop_id=one.shop_id, type="image", body="Something else: {niche}")
    (asked,) = work(db).asked("draw_design")
    assert asked["prompt"] == "Create a design for cats"


def test_what_runs_decided_is_kept_for_a_hundred_days(db):
    at(db, MORNING)
    one = shop(db, creation_limit=1)
    for days in (0, 99, 101):
        at(db, MORNING + timedelta(days))
        run(db, "product_creation")
    query = "select ran_at from shops.shop_runs where shop_id = %s order by 1"
    kept = [ran_at - MORNING for (ran_at,) in db.execute(query, [one.shop_id]).fetchall()]
    assert kept == [timedelta(99), timedelta(101)]


def test_a_tenant_sees_the_plan_of_his_own_shops(db):
    at(db, MORNING)
    mine, _others = shop(db), shop(db)
    db.execute(
        "select set_config('request.jwt.claims', %s, true)", [f'{{"sub": "{mine.user_id}"}}']
    )
    with db.transaction(force_rollback=True):
        db.execute("set local role authenticated")
        assert {row.shop_id for row in plan(db)} == {mine.shop_id}
