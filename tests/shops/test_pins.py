"""What goes to Pinterest, when, and what a pin says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db.call import value
from tests.fixtures.clock import at
from tests.fixtures.shops import (
    BOARD,
    MORNING,
    connect,
    done,
    gave_up,
    run,
    shop,
    text,
    work,
)
from workers.outcome import Unknown

DAY = timedelta(days=1)


def published(db, one, count: int = 1, **columns) -> list[int]:
    """Products on sale, as if imported."""
    values = {
        "title": "A cat",
        "description": "<p>It sits.</p>",
        "image_url": "https://cdn/1.png",
        "shop_status": "ACTIVE",
    } | columns
    names = ", ".join(values)
    holes = ", ".join(["%s"] * len(values))
    rows = db.execute(
        f"insert into shops.products (user_id, shop_id, origin, state, handle, {names})"
        " select %s, %s, 'imported', 'published', 'cat-' || n || '-' || coalesce((select max(product_id)"
        f" from shops.products), 0), {holes} from generate_series(1, %s) as n"
        " returning product_id".encode(),
        [one.user_id, one.shop_id, *values.values(), count],
    )
    return sorted(product_id for (product_id,) in rows.fetchall())


def pins(db) -> list[tuple[int, str, str | None]]:
    query = "select product_id, state, reason from shops.syncs order by sync_id"
    return db.execute(query).fetchall()


@pytest.fixture
def one(db):
    at(db, MORNING)
    return shop(db)


@pytest.mark.parametrize(
    ("changed", "obstacle"),
    [
        pytest.param({"enabled": False}, "disabled", id="switched off"),
        pytest.param({"board": None}, "no_board", id="no board chosen"),
        pytest.param({"plan": None}, "no_subscription", id="no subscription"),
        pytest.param({"services": ["openai"]}, "not_connected", id="no connection"),
        pytest.param({"pin_limit": 0}, "daily_limit_reached", id="no pins wanted"),
    ],
)
def test_a_shop_that_pins_nothing_says_why(db, changed, obstacle):
    at(db, MORNING)
    published(db, shop(db, **changed))
    assert run(db, "pinterest_sync") == ("skipped", 0, 1, f"{obstacle}: 1")


def test_the_plan_says_where_products_may_go(db, one):
    published(db, one)
    db.execute("update accounts.plans set platforms = '{meta}' where plan = 'premium'")
    assert run(db, "pinterest_sync")[3] == "not_in_plan: 1"


def test_a_board_that_is_not_there_is_looked_for(db):
    at(db, MORNING)
    one = shop(db)
    published(db, one)
    work(db, list_boards=lambda request: done(boards=[]))
    assert run(db, "pinterest_sync")[3] == "board_unknown: 1"
    work(db, list_boards=lambda request: done(boards=[{"id": BOARD, "name": "Cats"}]))
    assert run(db, "pinterest_sync")[1] == 1


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"shop_status": "DRAFT"}, id="a draft"),
        pytest.param({"shop_status": "ARCHIVED"}, id="one that is archived"),
        pytest.param({"image_url": None}, id="one without a picture"),
    ],
)
def test_only_active_products_with_a_picture_are_pinned(db, one, columns):
    published(db, one, **columns)
    assert run(db, "pinterest_sync")[3] == "nothing_unsynced: 1"


def test_twenty_a_run_the_oldest_first_and_a_hundred_a_day(db, one):
    made = published(db, one, 150)
    for hours in range(0, 20, 4):
        at(db, MORNING + timedelta(hours=hours / 4))
        assert run(db, "pinterest_sync")[1] == 20
    assert [product_id for product_id, _, _ in pins(db)] == made[:100]
    at(db, MORNING + timedelta(hours=10))
    assert run(db, "pinterest_sync")[3] == "daily_limit_reached: 1"
    at(db, MORNING + DAY)
    assert run(db, "pinterest_sync")[1] == 20


@pytest.mark.parametrize(
    ("count", "settings", "minutes"),
    [
        pytest.param(1, {}, [0], id="one goes at once"),
        pytest.param(5, {}, [0, 48, 96, 144, 192], id="five over four hours"),
        pytest.param(30, {}, list(range(0, 240, 12)), id="a full run ends before the next"),
        pytest.param(3, {"pin_spread_minutes": 60}, [0, 20, 40], id="over an hour"),
        pytest.param(30, {"pin_limit": 2}, [0, 120], id="a small run takes its time as well"),
        pytest.param(4, {"pin_spread_minutes": 0}, [0] * 4, id="all at once"),
    ],
)
def test_pins_of_a_run_are_spread(db, count, settings, minutes):
    at(db, MORNING)
    one = shop(db, **{"pin_spread_minutes": 240, **settings})
    published(db, shop(db, pin_spread_minutes=240), 7)  # somebody else's change nothing
    published(db, one, count)
    run(db, "pinterest_sync")
    when = db.execute(
        "select extract(epoch from a.since - %s) / 60 from jobs.active as a"
        " join shops.syncs as y on y.sync_id = (a.payload ->> 'sync_id')::bigint"
        " where a.kind = 'shops.pin_product' and y.shop_id = %s order by y.product_id",
        [MORNING, one.shop_id],
    ).fetchall()
    assert [int(minute) for (minute,) in when] == minutes


def test_a_pin_says_what_fits(db, one):
    (product_id,) = published(
        db, one, title="A cat " * 30, description="<p>It &amp; <b>sits</b>.</p>" + "word " * 200
    )
    run(db, "pinterest_sync")
    (asked,) = work(db).asked("pin_product")
    assert len(asked["title"]) <= 100 and asked["title"].endswith("A…")
    assert len(asked["description"]) <= 500
    assert asked["description"].startswith("It & sits . word")
    assert len(asked["alt_text"]) <= 500 and asked["board_id"] == BOARD
    assert asked["link"].startswith(f"https://{one.domain}/products/cat-")
    assert asked["link"].endswith(f"utm_content=autom-{product_id}")
    assert (asked["image_url"], asked["maybe_sent"]) == ("https://cdn/1.png", False)


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        pytest.param("A cat", 5, "A cat", id="what fits stays"),
        pytest.param("A cat sits", 9, "A cat…", id="cut after a word"),
        pytest.param("Katzenbilder", 5, "Katz…", id="a long word is cut"),
        pytest.param("<b>A</b>\n&lt;cat&gt;", 99, "A <cat>", id="markup goes"),
    ],
)
def test_text_is_cut_to_fit(db, text, most, cut):
    assert db.execute("select shops._plain(%s, %s)", [text, most]).fetchone() == (cut,)


def test_a_pin_without_the_providers_id_is_none(db, one):
    (product_id,) = published(db, one)
    run(db, "pinterest_sync")
    work(db, hours=30, pin_product=lambda request: done(pin_id=None, found=False))
    assert pins(db) == [(product_id, "failed", "The answer names no pin.")]


def test_what_failed_is_tried_by_later_runs_three_times_in_all(db, one):
    published(db, one)
    for day in range(3):
        at(db, MORNING + day * DAY)
        assert run(db, "pinterest_sync")[1] == 1
        work(db, pin_product=lambda request: gave_up("No.", "invalid_request"))
    at(db, MORNING + 3 * DAY)
    assert run(db, "pinterest_sync")[3] == "nothing_unsynced: 1"
    assert [state for _, state, _ in pins(db)] == ["failed", "failed", "given_up"]


def cut_off(request):
    return Unknown("The line broke.")


def test_a_pin_that_may_be_there_is_looked_for_first(db, one):
    published(db, one)
    run(db, "pinterest_sync")
    answers = iter([cut_off(None), done(pin_id="7", found=True)])
    worker = work(db, pin_product=lambda request: next(answers))
    assert [asked["maybe_sent"] for asked in worker.asked("pin_product")] == [False, True]
    assert len({asked["link"] for asked in worker.asked("pin_product")}) == 1
    query = "select state, external_id from shops.syncs"
    assert db.execute(query).fetchall() == [("done", "7")]


def test_a_link_that_may_be_there_goes_again_after_a_week_and_is_looked_for(db, one):
    (product_id,) = published(db, one)
    run(db, "pinterest_sync")
    work(db, hours=30, pin_product=cut_off)
    assert pins(db) == [(product_id, "unknown", "The line broke.")]
    at(db, MORNING + 7 * DAY - timedelta(minutes=1))
    assert run(db, "pinterest_sync")[3] == "nothing_unsynced: 1"
    at(db, MORNING + 7 * DAY + timedelta(minutes=1))
    assert run(db, "pinterest_sync")[1] == 1
    (asked,) = work(db).asked("pin_product")
    assert asked["maybe_sent"] is True


def test_a_pinned_link_is_never_pinned_again(db, one):
    published(db, one)
    run(db, "pinterest_sync")
    work(db)
    at(db, MORNING + 100 * DAY)
    assert run(db, "pinterest_sync")[3] == "nothing_unsynced: 1"


def test_spam_stops_the_shop_until_somebody_lets_it_go_on(db, one):
    made = published(db, one, 3)
    run(db, "pinterest_sync")
    work(db, pin_product=lambda request: gave_up("This looks like spam.", "spam"))
    states = [(state, reason) for _, state, reason in pins(db)]
    # The first one is told; whatever was claimed with it may be told as well, the rest is not sent.
    assert states[0] == ("failed", "This looks like spam.")
    query = "select obstacle, note from shops.platform_status where shop_id = %s"
    assert db.execute(query, [one.shop_id]).fetchone() == ("stopped", "This looks like spam.")
    at(db, MORNING + DAY)
    assert run(db, "pinterest_sync")[3] == "stopped: 1"

    assert value(db, "shops.resume_platform", shop_id=one.shop_id, platform="pinterest") is True
    assert run(db, "pinterest_sync")[1] == len(made)
    work(db)
    assert [state for _, state, _ in pins(db)][-3:] == ["done"] * 3


def test_what_waits_when_the_shop_is_stopped_is_not_sent(db, one):
    published(db, one, 20)
    run(db, "pinterest_sync")
    worker = work(db, pin_product=lambda request: gave_up("This looks like spam.", "spam"))
    # Two a key at once.
    assert len(worker.asked("pin_product")) <= 2
    assert worker.ended("pin_product").count("skipped: stopped") >= 18


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        pytest.param(
            "update shops.products set shop_status = 'ARCHIVED'", "not_active", id="archived"
        ),
        pytest.param(
            "update shops.products set image_url = null", "no_picture", id="without picture"
        ),
        pytest.param("update shops.shops set enabled = false", "disabled", id="switched off"),
        pytest.param("delete from shops.boards", "board_unknown", id="its board gone"),
    ],
)
def test_a_pin_that_is_not_wanted_any_more_is_skipped(db, one, meanwhile, reason):
    (product_id,) = published(db, one)
    run(db, "pinterest_sync")
    db.execute(meanwhile.encode())
    worker = work(db, list_boards=lambda request: done(boards=[]))
    assert worker.asked("pin_product") == []
    assert pins(db) == [(product_id, "skipped", reason)]


def test_another_shops_connection_changes_nothing(db, one):
    two = shop(db, services=["shopify", "openai"])
    published(db, one)
    published(db, two)
    assert run(db, "pinterest_sync")[1:] == (1, 1, "not_connected: 1")
    connect(db, two, "pinterest")
    assert run(db, "pinterest_sync")[1:] == (1, 1, "nothing_unsynced: 1")


def test_the_funnel_counts_what_ever_got_there(db):
    at(db, MORNING)
    one = shop(db, creation_limit=3)
    value(db, "jobs.run_schedule", name="product_creation")
    answers = iter([gave_up("No.")])
    work(db, write_text=lambda request: next(answers, None) or text())
    value(db, "jobs.run_schedule", name="product_optimize")
    work(db)
    run(db, "pinterest_sync")
    work(db)
    query = "select planned, made, optimised, published, pinned, failed from shops.funnel where shop_id = %s"
    assert db.execute(query, [one.shop_id]).fetchone() == (3, 2, 2, 2, 2, 1)
    query = (
        "select in_work, drafts, published, failed, last_job from shops.overview where shop_id = %s"
    )
    assert db.execute(query, [one.shop_id]).fetchone() == (0, 0, 2, 1, "pinterest_sync")
