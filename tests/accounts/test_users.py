"""Users, subscriptions and what they entitle to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from db import database as databases
from db.call import select, value
from db.errors import DuplicateUser, NoSuchSubscription, NoSuchUser
from tests.fixtures.accounts import user
from tests.fixtures.clock import at

NOW = "2026-03-10 12:00+00"
BEFORE, AFTER = "2026-03-01 00:00+00", "2026-04-01 00:00+00"


@dataclass(frozen=True)
class Entitlement:
    plan: str
    active: bool
    products_per_month: int | None
    niches: int | None
    winner_scaling: bool
    advanced_analytics: bool
    platforms: list[str] | None
    why: str


@dataclass(frozen=True)
class Subscription:
    subscription_id: int
    plan: str
    state: str
    period_start: datetime
    period_end: datetime | None


BASIS = (100, 5, False, False, ["pinterest"])
PREMIUM = (500, 15, True, False, ["pinterest", "meta"])
VIP = (None, None, True, True, None)
NOTHING = (0, 0, False, False, [])


def entitlement(conn: psycopg.Connection[Any], user_id: UUID) -> Entitlement:
    (row,) = select(conn, "accounts.entitlements", Entitlement, where={"user_id": user_id})
    return row


def may(row: Entitlement) -> tuple[Any, ...]:
    return (
        row.products_per_month,
        row.niches,
        row.winner_scaling,
        row.advanced_analytics,
        row.platforms,
    )


def subscriptions(conn: psycopg.Connection[Any], user_id: UUID) -> list[Subscription]:
    return select(
        conn,
        "accounts.subscriptions",
        Subscription,
        where={"user_id": user_id},
        order="subscription_id",
    )


@pytest.mark.parametrize(
    ("subscription", "active", "rights", "why"),
    [
        pytest.param(
            {"plan": "basis"}, True, BASIS, "The basis subscription is active.", id="basis"
        ),
        pytest.param(
            {"plan": "premium", "period_end": AFTER},
            True,
            PREMIUM,
            "The premium subscription is active until 2026-04-01.",
            id="premium, its period running",
        ),
        pytest.param(
            {"plan": "vip"}, True, VIP, "The vip subscription is active.", id="vip is unlimited"
        ),
        pytest.param(
            {"plan": "premium", "state": "trialing"},
            True,
            PREMIUM,
            "The premium subscription is trialing.",
            id="a trial counts",
        ),
        pytest.param(
            {"plan": "gold"},
            True,
            BASIS,
            "The plan gold is not known: what basis may do is granted.",
            id="an unknown plan is basis",
        ),
        pytest.param(
            {"plan": None}, False, NOTHING, "There is no subscription.", id="no subscription"
        ),
        pytest.param(
            {"plan": "vip", "state": "past_due"},
            False,
            NOTHING,
            "The payment for the vip subscription is past due.",
            id="not paid",
        ),
        pytest.param(
            {"plan": "vip", "period_start": "2026-02-01 00:00+00", "period_end": BEFORE},
            False,
            NOTHING,
            "The period of the vip subscription ended on 2026-03-01.",
            id="the period is over",
        ),
        pytest.param(
            {"plan": "vip", "period_start": BEFORE, "period_end": NOW},
            False,
            NOTHING,
            "The period of the vip subscription ended on 2026-03-10.",
            id="the period ends this very moment",
        ),
        pytest.param(
            {"plan": "vip", "period_start": AFTER},
            False,
            NOTHING,
            "The vip subscription starts on 2026-04-01.",
            id="the period is to come",
        ),
    ],
)
def test_what_a_subscription_entitles_to(db, subscription, active, rights, why):
    at(db, NOW)
    row = entitlement(db, user(db, **subscription))
    assert (row.active, may(row), row.why) == (active, rights, why)


def test_without_a_row_for_basis_nothing_is_granted(db):
    user_id = user(db, "gold")
    db.execute("delete from accounts.plans where plan = 'basis'")
    row = entitlement(db, user_id)
    assert (row.active, may(row)) == (False, NOTHING)
    assert row.why == "accounts.plans has no row basis to fall back to."


def test_another_limit_is_a_row(db):
    user_id = user(db, "premium")
    db.execute("update accounts.plans set products_per_month = 750 where plan = 'premium'")
    assert entitlement(db, user_id).products_per_month == 750


def test_an_email_address_belongs_to_one_user_however_it_is_written(db):
    value(db, "accounts.create_user", email="ann@example.com")
    with pytest.raises(DuplicateUser):
        value(db, "accounts.create_user", email="Ann@Example.com")


def test_a_user_may_bring_the_id_it_has_elsewhere(db):
    user_id = uuid4()
    assert value(db, "accounts.create_user", email="a@b.example", user_id=user_id) == user_id
    with pytest.raises(DuplicateUser):
        value(db, "accounts.create_user", email="c@d.example", user_id=user_id)


@pytest.mark.parametrize("email", ["", "ann", "ann@", "@example.com", "a nn@example.com"])
def test_what_is_no_address_is_refused(db, email):
    with pytest.raises(psycopg.errors.CheckViolation, match="users_email_is_an_address"):
        value(db, "accounts.create_user", email=email)


def test_nobody_cannot_subscribe(db):
    with pytest.raises(NoSuchUser):
        value(db, "accounts.subscribe", user_id=uuid4(), plan="basis")


def test_saying_the_same_again_changes_nothing(db):
    user_id = user(db, "premium", period_start=BEFORE, period_end=AFTER)
    once = subscriptions(db, user_id)
    value(
        db,
        "accounts.subscribe",
        user_id=user_id,
        plan="premium",
        period_start=BEFORE,
        period_end=AFTER,
    )
    assert subscriptions(db, user_id) == once


def test_another_plan_ends_the_present_one(db):
    user_id = user(db, "basis")
    value(db, "accounts.subscribe", user_id=user_id, plan="vip")
    assert [(s.plan, s.state) for s in subscriptions(db, user_id)] == [
        ("basis", "canceled"),
        ("vip", "active"),
    ]
    assert entitlement(db, user_id).plan == "vip"


@pytest.mark.parametrize(
    ("then", "start", "end"),
    [
        pytest.param("2026-03-31 00:00+00", BEFORE, AFTER, id="is kept while it runs"),
        pytest.param(
            "2026-04-02 00:00+00", "2026-04-02 00:00+00", None, id="starts anew once it is over"
        ),
    ],
)
def test_a_period_not_given(db, then, start, end):
    user_id = user(db, "premium", period_start=BEFORE, period_end=AFTER)
    at(db, then)
    value(db, "accounts.subscribe", user_id=user_id, plan="premium")
    (row,) = subscriptions(db, user_id)
    moments = [
        None if moment is None else datetime.fromisoformat(moment) for moment in (start, end)
    ]
    assert [row.period_start, row.period_end] == moments


def test_a_subscription_is_canceled_at_once_and_only_its_own_plan(db):
    at(db, NOW)
    user_id = user(db, "basis")
    first = value(db, "accounts.subscribe", user_id=user_id, plan="premium")
    late = value(db, "accounts.subscribe", user_id=user_id, plan="basis", state="canceled")
    assert late < first and entitlement(db, user_id).active

    for _ in range(2):
        said = value(db, "accounts.subscribe", user_id=user_id, plan="premium", state="canceled")
        assert said == first
    row = entitlement(db, user_id)
    assert (row.active, row.why) == (
        False,
        "The premium subscription was canceled on 2026-03-10.",
    )
    with pytest.raises(NoSuchSubscription):
        value(db, "accounts.subscribe", user_id=user_id, plan="vip", state="canceled")


def test_eight_subscribes_at_once_leave_one_live_subscription(database):
    with databases.connect(database) as conn:
        user_id = user(conn, None)

    def subscribe(number: int) -> int:
        with databases.connect(database) as conn:
            plan = ("basis", "premium")[number % 2]
            return int(value(conn, "accounts.subscribe", user_id=user_id, plan=plan))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(subscribe, range(8)))
    with databases.connect(database) as conn:
        live = [s for s in subscriptions(conn, user_id) if s.state != "canceled"]
    assert len(live) == 1


def test_two_live_subscriptions_cannot_be_written_past_the_function(db):
    user_id = user(db, "basis")
    with pytest.raises(psycopg.errors.UniqueViolation, match="subscriptions_are_live_once"):
        db.execute(
            "insert into accounts.subscriptions (user_id, plan, state, period_start)"
            " values (%s, 'vip', 'active', now())",
            [user_id],
        )
