"""Scaling: what follows from a winner, each step guarded, each stoppable, none by itself for ever."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from db.call import value
from db.errors import NoSuchCampaign, NoSuchIntent, NotTheOwnersConnection
from tests.fixtures.accounts import connection, user
from tests.fixtures.clock import at
from tests.fixtures.sales import DAY, known_up_to, line, on_sale, one, order, store
from tests.fixtures.shops import (
    MORNING,
    Json,
    Shop,
    done,
    gave_up,
    quota,
    run,
    shop,
    work,
)

Connection = psycopg.Connection[Any]
MILLION = 1_000_000


@pytest.fixture
def here(db: Connection) -> Shop:
    at(db, MORNING)
    return shop(db)


def made(conn: Connection, here: Shop) -> int:
    """A product that AutoM made and published."""
    value(conn, "shops.configure", shop_id=here.shop_id, settings={"creation_limit": 1})
    value(conn, "shops.apply_creation", shop_id=here.shop_id)
    work(conn)
    run(conn, "product_optimize")
    work(conn)
    query = "select product_id from shops.products where shop_id = %s and state = 'published'"
    product_id: int = one(conn, query, here.shop_id)
    return product_id


def win(conn: Connection, here: Shop, *product_ids: int, day: int = 0) -> None:
    """The products sell enough on the day before, and the run of that day finds out."""
    now = MORNING + day * DAY
    at(conn, now)
    for product_id in product_ids:
        store(conn, here, order(line(conn, product_id, 5), now - DAY))
    known_up_to(conn, here, now)
    run(conn, "winner_scaling")


def intents(conn: Connection, action: str, *columns: str) -> list[tuple[Any, ...]]:
    query = f"select {', '.join(columns)} from shops.scaling_intents where action = %s order by intent_id"
    return conn.execute(query.encode(), [action]).fetchall()


def rules(conn: Connection, here: Shop, **changed: Any) -> None:
    value(conn, "shops.set_winner_rules", shop_id=here.shop_id, rules=changed)


# Variations


def test_a_winner_gets_variations_from_its_niche(db: Connection, here: Shop) -> None:
    winner = made(db, here)
    win(db, here, winner)
    assert intents(db, "variations", "state", "how_many", "reason") == [("done", 3, None)]
    query = (
        "select count(*), min(niche_id) = max(niche_id), bool_and(origin = 'variation')"
        " from shops.products where parent_product_id = %s"
    )
    assert one(db, query, winner) == (3, True, True)
    assert quota(db, here.user_id) == (3, 1)
    work(db)
    assert quota(db, here.user_id) == (0, 4)


@pytest.mark.parametrize("type", ["image", "title", "description"])
def test_variations_are_made_from_the_winners_prompt(db: Connection, here: Shop, type: str) -> None:
    """What the shop asks for by now is for new products: it has yet to sell."""
    winner = made(db, here)
    body = "Something new for {niche}"
    value(db, "shops.set_prompt", shop_id=here.shop_id, type=type, body=body)
    win(db, here, winner)
    value(db, "shops.configure", shop_id=here.shop_id, settings={"creation_limit": 20})
    value(db, "shops.apply_creation", shop_id=here.shop_id)
    asked = (
        "select distinct p.origin, shops._prompt(p.user_id, p.product_id, %(type)s)"
        " from shops.products as p where p.product_id > %(winner)s order by 1"
    )
    (winners,) = db.execute(
        "select shops._prompt(%s, %s, %s)", [here.user_id, winner, type]
    ).fetchone() or ("",)
    assert db.execute(asked, {"type": type, "winner": winner}).fetchall() == [
        ("planned", "Something new for cats"),
        ("variation", winners),
    ]
    assert winners != "Something new for cats"


def test_variations_come_once_and_not_each_day(db: Connection, here: Shop) -> None:
    winner = made(db, here)
    for day in range(3):
        win(db, here, winner, day=day)
    assert len(intents(db, "variations", "intent_id")) == 1


@pytest.mark.parametrize(
    ("left", "planned"),
    [
        pytest.param(7, [3, 3, 1], id="the third gets what is left"),
        pytest.param(6, [3, 3, 0], id="the third gets none"),
        pytest.param(2, [2, 0, 0], id="the first gets what there is"),
        pytest.param(0, [0, 0, 0], id="nothing is left"),
    ],
)
def test_variations_stay_within_the_quota(
    db: Connection, here: Shop, left: int, planned: list[int]
) -> None:
    niche_id = one(db, "select niche_id from shops.niches where shop_id = %s", here.shop_id)
    winners = [on_sale(db, here, niche_id=niche_id) for _ in range(3)]
    db.execute(
        "insert into shops.quota_months (user_id, month, used) values (%s, '2026-11-01', %s)",
        [here.user_id, 500 - left],
    )
    win(db, here, *winners)
    found = intents(db, "variations", "how_many", "state", "reason")
    assert [how_many for how_many, *_ in found] == planned
    for how_many, state, reason in found:
        assert state == ("done" if how_many else "refused")
        assert reason == (None if how_many == 3 else "monthly_limit_reached")
    query = "select count(*) from shops.products where origin = 'variation'"
    assert one(db, query) == sum(planned)


def test_an_unlimited_quota_has_no_end(db: Connection) -> None:
    at(db, MORNING)
    here = shop(db, plan="vip")
    niche_id = one(db, "select niche_id from shops.niches where shop_id = %s", here.shop_id)
    win(db, here, *(on_sale(db, here, niche_id=niche_id) for _ in range(4)))
    assert intents(db, "variations", "how_many") == [(3,)] * 4


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        pytest.param(
            "update shops.products set niche_id = null",
            "no_niche",
            id="an imported product has no niche",
        ),
        pytest.param(
            "update shops.niches set active = false",
            "niche_not_active",
            id="its niche was given up",
        ),
        pytest.param(
            "delete from shops.settings", "no_settings", id="nobody decided about the shop"
        ),
        pytest.param(
            "delete from shops.shop_connections where service = 'openai'",
            "not_connected",
            id="nobody can draw",
        ),
        pytest.param(
            "update shops.plan_budgets set monthly = 0", "budget_reached", id="no money for designs"
        ),
    ],
)
def test_variations_that_cannot_be_say_why(
    db: Connection, here: Shop, prepare: str, reason: str
) -> None:
    niche_id = one(db, "select niche_id from shops.niches where shop_id = %s", here.shop_id)
    winner = on_sale(db, here, niche_id=niche_id)
    db.execute(prepare.encode())
    win(db, here, winner)
    assert intents(db, "variations", "how_many", "state", "reason") == [(0, "refused", reason)]


def test_no_variations_where_none_are_wanted(db: Connection, here: Shop) -> None:
    rules(db, here, variations_per_winner=0)
    win(db, here, on_sale(db, here))
    assert intents(db, "variations", "intent_id") == []


def test_stopping_variations_gives_their_quota_back(db: Connection, here: Shop) -> None:
    win(db, here, made(db, here))
    ((intent_id,),) = intents(db, "variations", "intent_id")
    assert quota(db, here.user_id) == (3, 1)
    assert value(db, "shops.stop_intent", intent_id=intent_id, reason="too many cats") == 3
    assert quota(db, here.user_id) == (0, 1)
    work(db)
    assert quota(db, here.user_id) == (0, 1)
    query = "select array_agg(distinct state) from shops.products where origin = 'variation'"
    assert one(db, query) == ["failed"]
    assert intents(db, "variations", "state", "reason") == [("stopped", "too many cats")]
    assert value(db, "shops.stop_intent", intent_id=intent_id) == 0


# Budgets


def pinterest(conn: Connection, here: Shop) -> UUID:
    query = "select connection_id from shops.shop_connections where shop_id = %s and service = 'pinterest'"
    connection_id: UUID = one(conn, query, here.shop_id)
    return connection_id


def campaign(
    conn: Connection, here: Shop, product_id: int, budget: int = 1000, currency: str = "EUR"
) -> int:
    campaign_id: int = value(
        conn,
        "shops.connect_campaign",
        product_id=product_id,
        connection_id=pinterest(conn, here),
        ad_account_id="549755885175",
        campaign_id=str(626735565838 + product_id),
        daily_budget=budget,
        currency=currency,
    )
    return campaign_id


def raised(request: Json) -> Json:
    return done(campaign_id=request["campaign_id"], daily_spend_cap=request["daily_spend_cap"])


def budget(conn: Connection, campaign_id: int) -> int:
    query = "select daily_budget from shops.campaigns where campaign_id = %s"
    found: int = one(conn, query, campaign_id)
    return found


@pytest.mark.parametrize(
    ("currency", "before", "after", "micro"),
    [
        pytest.param("EUR", 1000, 1200, 12 * MILLION, id="10.00 become 12.00 euros"),
        pytest.param("EUR", 999, 1198, 11_980_000, id="a cent is never rounded up"),
        pytest.param("JPY", 1000, 1200, 1200 * MILLION, id="1,000 become 1,200 yen"),
        pytest.param("KWD", 1000, 1200, 1_200_000, id="1.000 becomes 1.200 dinars"),
    ],
)
def test_a_winners_budget_rises_by_a_step(
    db: Connection, here: Shop, currency: str, before: int, after: int, micro: int
) -> None:
    winner = on_sale(db, here)
    campaign_id = campaign(db, here, winner, before, currency)
    win(db, here, winner)
    asked = work(db, raise_budget=raised).asked("raise_budget")
    assert [request["daily_spend_cap"] for request in asked] == [micro]
    assert budget(db, campaign_id) == after
    columns = ("state", "from_budget", "to_budget")
    assert intents(db, "raise_budget", *columns) == [("done", before, after)]


def test_a_budget_rests_after_each_step(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here)
    campaign_id = campaign(db, here, winner)
    budgets = []
    for day in range(7):
        win(db, here, winner, day=day)
        work(db, raise_budget=raised)
        budgets.append(budget(db, campaign_id))
    assert budgets == [1200, 1200, 1200, 1440, 1440, 1440, 1728]


@pytest.mark.parametrize(
    ("limits", "budgets", "expected"),
    [
        pytest.param(
            {"campaign_budget_limit_minor": 1100},
            [1000],
            [(1100, None)],
            id="the last step ends at the campaign's limit",
        ),
        pytest.param(
            {"campaign_budget_limit_minor": 1000},
            [1000],
            [(1000, "campaign_limit_reached")],
            id="at its limit it stays",
        ),
        pytest.param(
            {"raise_day_limit_minor": 500},
            [1000, 2000],
            [(1200, None), (2400, "day_limit_reached")],
            id="the shop's raises of a day have a limit",
        ),
        pytest.param(
            {"ads_budget_limit_minor": 3200},
            [1000, 2000],
            [(1200, None), (2400, "shop_limit_reached")],
            id="the shop's budgets together have a limit",
        ),
        pytest.param(
            {"ads_budget_limit_minor": 3199},
            [1000, 2000],
            [(1200, "shop_limit_reached"), (2400, "shop_limit_reached")],
            id="a cent too much for the first",
        ),
        pytest.param({"raise_percent": 5}, [1000], [(1050, None)], id="a smaller step"),
        pytest.param({"raise_percent": 5}, [19], [(19, "step_too_small")], id="less than a cent"),
        pytest.param({"raise_percent": 0}, [1000], [], id="no step at all"),
    ],
)
def test_limits_hold(
    db: Connection,
    here: Shop,
    limits: dict[str, int],
    budgets: list[int],
    expected: list[tuple[int, str | None]],
) -> None:
    rules(db, here, **limits)
    winners = [on_sale(db, here) for _ in budgets]
    for winner, cents in zip(winners, budgets, strict=True):
        campaign(db, here, winner, cents)
    win(db, here, *winners)
    assert intents(db, "raise_budget", "to_budget", "reason") == expected


def test_no_row_can_hold_a_step_of_more_than_20_percent(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here)
    campaign(db, here, winner)
    win(db, here, winner)
    with pytest.raises(psycopg.errors.CheckViolation, match="raise_at_most_20_percent"):
        db.execute(
            "update shops.scaling_intents set to_budget = 1201 where action = 'raise_budget'"
        )


def test_what_a_person_paused_is_never_touched(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here)
    campaign_id = campaign(db, here, winner)
    value(db, "shops.pause_campaign", campaign_id=campaign_id)
    for day in range(5):
        win(db, here, winner, day=day)
    assert not work(db, raise_budget=raised).asked("raise_budget")
    assert {reason for (reason,) in intents(db, "raise_budget", "reason")} == {"paused_by_user"}
    query = "select paused_by from shops.campaigns where campaign_id = %s"
    assert one(db, query, campaign_id) == "user"


def test_what_is_paused_in_the_meantime_is_not_raised(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here)
    campaign_id = campaign(db, here, winner)
    win(db, here, winner)
    value(db, "shops.pause_campaign", campaign_id=campaign_id)
    assert not work(db, raise_budget=raised).asked("raise_budget")
    assert intents(db, "raise_budget", "state", "reason") == [("refused", "paused_by_user")]


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        pytest.param(
            "update shops.shops set enabled = false", "disabled", id="the shop was stopped"
        ),
        pytest.param(
            "update shops.campaigns set daily_budget = 2000",
            "budget_changed",
            id="somebody changed the budget",
        ),
        pytest.param(
            "update shops.products set state = 'published'",
            "no_winner",
            id="it is no winner any more",
        ),
        pytest.param(
            "delete from shops.shop_connections where service = 'pinterest'",
            "not_connected",
            id="Pinterest was taken away",
        ),
    ],
)
def test_a_raise_looks_again_before_it_is_sent(
    db: Connection, here: Shop, meanwhile: str, reason: str
) -> None:
    winner = on_sale(db, here)
    campaign(db, here, winner)
    win(db, here, winner)
    db.execute(meanwhile.encode())
    assert not work(db, raise_budget=raised).asked("raise_budget")
    assert intents(db, "raise_budget", "state", "reason") == [("refused", reason)]


def test_a_stopped_raise_does_not_happen(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here)
    campaign_id = campaign(db, here, winner)
    win(db, here, winner)
    ((intent_id,),) = intents(db, "raise_budget", "intent_id")
    assert value(db, "shops.stop_intent", intent_id=intent_id) == 1
    assert not work(db, raise_budget=raised).asked("raise_budget")
    assert budget(db, campaign_id) == 1000
    assert intents(db, "raise_budget", "state") == [("stopped",)]


def test_a_raise_that_pinterest_refuses_changes_nothing(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here)
    campaign_id = campaign(db, here, winner)
    win(db, here, winner)
    work(db, raise_budget=lambda request: gave_up("no such campaign", "not_found"))
    assert budget(db, campaign_id) == 1000
    assert intents(db, "raise_budget", "state", "reason") == [("failed", "no such campaign")]


def test_an_answer_with_another_budget_is_not_believed(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here)
    campaign_id = campaign(db, here, winner)
    win(db, here, winner)
    work(db, hours=20, raise_budget=lambda request: done(campaign_id="1", daily_spend_cap=1))
    assert budget(db, campaign_id) == 1000
    assert intents(db, "raise_budget", "state") == [("failed",)]


def paused(request: Json) -> Json:
    return done(campaign_id=request["campaign_id"], status="PAUSED")


def another_campaign(conn: Connection, here: Shop, product_id: int) -> int:
    campaign_id: int = value(
        conn,
        "shops.connect_campaign",
        product_id=product_id,
        connection_id=pinterest(conn, here),
        ad_account_id="549755885175",
        campaign_id="1",
        daily_budget=500,
        currency="EUR",
    )
    return campaign_id


def test_the_campaigns_of_a_winner_that_ended_are_paused(db: Connection, here: Shop) -> None:
    rules(db, here, winner_ends_after_days=1)
    mine, other = on_sale(db, here), on_sale(db, here)
    running, untouched = campaign(db, here, mine), campaign(db, here, other)
    by_a_person = another_campaign(db, here, mine)
    value(db, "shops.pause_campaign", campaign_id=by_a_person)
    win(db, here, mine)
    work(db, raise_budget=raised)
    win(db, here, day=8)
    asked = work(db, pause_campaign=paused).asked("pause_campaign")
    assert asked == [{"ad_account_id": "549755885175", "campaign_id": str(626735565838 + mine)}]
    query = "select campaign_id, paused_by from shops.campaigns"
    assert dict(db.execute(query.encode()).fetchall()) == {
        running: "rule",
        by_a_person: "user",
        untouched: None,
    }
    assert intents(db, "pause", "state") == [("done",)]


def test_a_campaign_is_not_restarted_when_its_product_wins_again(
    db: Connection, here: Shop
) -> None:
    rules(db, here, winner_ends_after_days=1)
    winner = on_sale(db, here)
    campaign_id = campaign(db, here, winner)
    win(db, here, winner)
    work(db, raise_budget=raised)
    win(db, here, day=8)
    work(db, pause_campaign=paused)
    win(db, here, winner, day=9)
    assert work(db).runs == []
    assert intents(db, "raise_budget", "reason")[-1] == ("paused_by_rule",)
    value(db, "shops.resume_campaign", campaign_id=campaign_id)
    win(db, here, winner, day=10)
    assert len(work(db, raise_budget=raised).asked("raise_budget")) == 1


@pytest.mark.parametrize(
    ("meanwhile", "state", "reason"),
    [
        pytest.param(
            "update shops.products set state = 'winner'",
            "refused",
            "winner_again",
            id="it wins again",
        ),
        pytest.param(
            "update shops.campaigns set paused_by = 'user', paused_reason = 'me'",
            "refused",
            "paused_by_user",
            id="a person was faster",
        ),
        pytest.param(
            "delete from shops.shop_connections where service = 'pinterest'",
            "failed",
            "not_connected",
            id="Pinterest was taken away",
        ),
    ],
)
def test_a_pause_looks_again_before_it_is_sent(
    db: Connection, here: Shop, meanwhile: str, state: str, reason: str
) -> None:
    rules(db, here, winner_ends_after_days=1)
    winner = on_sale(db, here)
    campaign(db, here, winner)
    win(db, here, winner)
    work(db, raise_budget=raised)
    win(db, here, day=8)
    db.execute(meanwhile.encode())
    assert not work(db, pause_campaign=paused).asked("pause_campaign")
    assert intents(db, "pause", "state", "reason") == [(state, reason)]


def test_a_pause_that_pinterest_does_not_confirm_is_none(db: Connection, here: Shop) -> None:
    rules(db, here, winner_ends_after_days=1)
    winner = on_sale(db, here)
    campaign_id = campaign(db, here, winner)
    win(db, here, winner)
    work(db, raise_budget=raised)
    win(db, here, day=8)
    work(db, hours=20, pause_campaign=lambda request: done(campaign_id="1", status="ACTIVE"))
    assert (
        one(db, "select paused_by from shops.campaigns where campaign_id = %s", campaign_id) is None
    )
    assert intents(db, "pause", "state") == [("failed",)]


def test_a_campaign_is_connected_once_and_told_again(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here)
    assert campaign(db, here, winner, 1000) == campaign(db, here, winner, 2000)
    assert one(db, "select daily_budget from shops.campaigns") == 2000


def test_a_campaign_is_reached_by_its_owners_connection_only(db: Connection, here: Shop) -> None:
    stranger = connection(db, user(db), "pinterest", "default")
    with pytest.raises(NotTheOwnersConnection):
        value(
            db,
            "shops.connect_campaign",
            product_id=on_sale(db, here),
            connection_id=stranger,
            ad_account_id="1",
            campaign_id="1",
            daily_budget=1000,
            currency="EUR",
        )


@pytest.mark.parametrize(
    ("function", "arguments", "refusal"),
    [
        pytest.param("shops.pause_campaign", {"campaign_id": 0}, NoSuchCampaign, id="pause"),
        pytest.param("shops.resume_campaign", {"campaign_id": 0}, NoSuchCampaign, id="resume"),
        pytest.param("shops.stop_intent", {"intent_id": 0}, NoSuchIntent, id="stop"),
    ],
)
def test_what_is_not_there_is_refused(
    db: Connection, function: str, arguments: Json, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        value(db, function, **arguments)


# Platforms


def test_a_winner_goes_to_the_platforms_of_the_plan(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here, image_url="https://cdn/a.png")
    win(db, here, winner)
    assert intents(db, "expand", "target", "state") == [("pinterest", "open")]
    run(db, "pinterest_sync")
    work(db)
    win(db, here, winner, day=1)
    assert intents(db, "expand", "target", "state") == [("pinterest", "done")]


def test_a_platform_that_cannot_be_reached_says_why(db: Connection) -> None:
    at(db, MORNING)
    here = shop(db, services=("shopify", "openai"))
    win(db, here, on_sale(db, here))
    assert intents(db, "expand", "state", "reason") == [("refused", "not_connected")]


def test_a_winner_that_is_there_already_stays_as_it_is(db: Connection, here: Shop) -> None:
    winner = on_sale(db, here, image_url="https://cdn/a.png")
    run(db, "pinterest_sync")
    work(db)
    win(db, here, winner)
    assert intents(db, "expand", "intent_id") == []
