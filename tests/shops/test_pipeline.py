"""A product's way through the pipeline, in SQL alone: a made-up worker has the services' answers."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb

from db.call import value
from tests.fixtures.clock import at
from tests.fixtures.shops import (
    MORNING,
    create,
    done,
    gave_up,
    product,
    quota,
    run,
    shop,
    text,
    work,
)


@pytest.fixture
def one(db):
    """A shop that plans one product."""
    at(db, MORNING)
    return shop(db, creation_limit=1)


def test_a_product_goes_all_the_way(db, one):
    (product_id,) = create(db)
    assert quota(db, one.user_id) == (1, 0)
    worker = work(db)
    made = product(db, product_id)
    assert (made.state, made.quota_state, made.shop_status) == ("created", "used", "DRAFT")
    assert quota(db, one.user_id) == (0, 1)
    assert worker.asked("draw_design") == [
        {
            "prompt": "Create a design for cats",
            "size": "1024x1536",
            "model": "gpt-image-2",
            "quality": "medium",
        }
    ]
    (asked,) = worker.asked("create_product")
    assert asked == {
        "handle": f"cats-{product_id}",
        "title": "A cat in space",
        "description_html": "<p>It floats.</p>",
        "tags": ["POD_NEW", "cats", "cat", "space"],
        "vendor": "POD AutoM",
        "price": "29.99",
        "sku": f"POD-{product_id}",
        "status": "DRAFT",
        "image": {"resource_url": f"https://staged/cats-{product_id}.png", "alt": "A cat in space"},
    }

    assert run(db, "product_optimize")[1:] == (1, 0, None)
    worker = work(db)
    published = product(db, product_id)
    assert (published.state, published.shop_status) == ("published", "ACTIVE")
    assert (published.title, published.optimization_status) == (
        "A cat floats in space",
        "optimized",
    )
    assert published.tags == ["cats", "cat", "space"]
    assert len(worker.asked("publish_product")) == 1

    assert run(db, "pinterest_sync")[1] == 1
    worker = work(db)
    (pin,) = worker.asked("pin_product")
    assert pin["link"] == (
        f"https://{one.domain}/products/cats-{product_id}"
        f"?utm_source=pinterest&utm_medium=social&utm_content=autom-{product_id}"
    )
    assert run(db, "pinterest_sync")[1:] == (0, 1, "nothing_unsynced: 1")
    assert db.execute("select state, count(*) from shops.syncs group by 1").fetchall() == [
        ("done", 1)
    ]


LONG = " ".join(["word"] * 201)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param({"output": {"title": "A cat", "description": "It sits."}}, None, id="good"),
        pytest.param(
            {"output": {"title": "x" * 70, "description": " ".join(["word"] * 200)}},
            None,
            id="just short enough",
        ),
        pytest.param({"refusal": "I cannot."}, "The model refused: I cannot.", id="a refusal"),
        pytest.param(
            {"invalid": "no JSON"}, "The answer is not in its form: no JSON", id="another form"
        ),
        pytest.param({}, "There is no answer.", id="nothing"),
        pytest.param({"output": ["A cat"]}, "There is no answer.", id="a list"),
        pytest.param(
            {"output": {"title": " ", "description": "It sits."}},
            "The title is empty.",
            id="an empty title",
        ),
        pytest.param({"output": {"description": "It sits."}}, "The title is empty.", id="no title"),
        pytest.param(
            {"output": {"title": 7, "description": "x"}},
            "The title is empty.",
            id="a number for a title",
        ),
        pytest.param(
            {"output": {"title": "x" * 71, "description": "It sits."}},
            "The title has 71 characters; 70 are allowed.",
            id="an overlong title",
        ),
        pytest.param(
            {"output": {"title": "A cat", "description": ""}},
            "The description is empty.",
            id="an empty description",
        ),
        pytest.param(
            {"output": {"title": "A cat", "description": LONG}},
            "The description has 201 words; 200 are allowed.",
            id="an overlong description",
        ),
        pytest.param(
            {"output": {"title": "A cat", "description": "30 x 40 cm of joy."}},
            'The text states "40 cm", which nobody told.',
            id="an invented size",
        ),
        pytest.param(
            {"output": {"title": "A cat", "description": "Printed on Polyester."}},
            'The text states "polyester", which nobody told.',
            id="an invented material",
        ),
        pytest.param(
            {"output": {"title": "A cat", "description": "Printed on Cotton."}},
            None,
            id="a material that was told",
        ),
    ],
)
def test_a_text_is_checked(db, answer, problem):
    query = "select shops._text_problem(%s, 'Niche: cats on cotton')"
    assert db.execute(query, [Jsonb(answer)]).fetchone() == (problem,)


def test_a_text_that_is_good_at_the_second_try_is_taken(db, one):
    (product_id,) = create(db)
    answers = iter(
        [done(refusal="I cannot.", usage={"input_tokens": 100, "output_tokens": 10}), text()]
    )
    work(db, write_text=lambda request: next(answers))
    assert product(db, product_id).state == "created"
    query = "select state, cost from shops.ai_calls where task = 'text' order by ai_call_id"
    # 100 x 0.75 + 10 x 4.50, then 200 x 0.75 + 100 x 4.50; millionths of a dollar.
    assert db.execute(query).fetchall() == [("paid", 120), ("paid", 600)]


def test_an_optimisation_that_fails_is_not_published(db, one):
    (product_id,) = create(db)
    work(db)
    run(db, "product_optimize")
    worker = work(db, optimise_product=lambda request: done(refusal="I cannot.", usage={}))
    failed = product(db, product_id)
    assert (failed.state, failed.optimization_status) == ("failed", "failed")
    assert failed.failed_reason == "The model refused: I cannot."
    assert worker.asked("publish_product") == []
    # It exists in the shop, so its quota stays used.
    assert quota(db, one.user_id) == (0, 1)


def test_an_optimised_text_is_paid_for_once(db, one):
    (product_id,) = create(db)
    work(db)
    run(db, "product_optimize")
    work(db, update_product=lambda request: gave_up("No."))
    assert run(db, "product_optimize")[1:] == (0, 1, "nothing_to_optimise: 1")
    (job_id,) = db.execute("select job_id from jobs.dead").fetchone()
    value(db, "jobs.retry", job_id=job_id)
    worker = work(db)
    assert worker.asked("optimise_product") == []
    assert product(db, product_id).state == "published"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"image_base64": "###"}, id="no base64"),
        pytest.param({"image_base64": "aGVsbG8="}, id="no picture"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_is_no_picture_is_tried_again(db, one, answer):
    (product_id,) = create(db)
    worker = work(db, draw_design=lambda request: done(**answer))
    assert len(worker.asked("draw_design")) == 5
    assert product(db, product_id).failed_reason == "The answer is no picture."


def test_a_picture_that_is_not_ready_is_asked_for_again_and_no_attempt_is_lost(db, one):
    (product_id,) = create(db)
    states = iter(["UPLOADED", *["PROCESSING"] * 10, "READY"])

    def media(request):
        return done(media=[{"status": next(states), "url": "https://cdn/1.png"}])

    worker = work(db, check_media=media)
    assert worker.ended("check_media") == ["scheduled"] * 11 + ["done"]
    assert product(db, product_id).image_url == "https://cdn/1.png"


@pytest.mark.parametrize(
    ("media", "reason"),
    [
        pytest.param(
            [{"status": "FAILED", "errors": ["too large"]}],
            'The shop cannot use the picture: ["too large"]',
            id="one the shop cannot use",
        ),
        pytest.param(
            [{"status": "PROCESSING"}],
            "The shop did not get the picture ready within an hour.",
            id="one that is never ready",
        ),
        pytest.param(
            [], "The shop did not get the picture ready within an hour.", id="none at all"
        ),
    ],
)
def test_a_bad_picture_fails_the_product(db, one, media, reason):
    (product_id,) = create(db)
    work(db, check_media=lambda request: done(media=media))
    assert product(db, product_id).failed_reason == reason


def test_active_in_no_channel_is_not_published(db, one):
    (product_id,) = create(db)
    work(db)
    run(db, "product_optimize")
    work(db, publish_product=lambda request: done(status="ACTIVE", published_to=0))
    assert product(db, product_id).failed_reason == "The product is in no sales channel."


def switch_off(db, one):
    value(db, "shops.configure", shop_id=one.shop_id, settings={"enabled": False})


def disconnect(db, one):
    db.execute(
        "update accounts.connections set state = 'expired' where user_id = %s", [one.user_id]
    )


@pytest.mark.parametrize(
    ("obstacle", "reason"),
    [
        pytest.param(switch_off, "disabled", id="switched off"),
        pytest.param(disconnect, "not_connected", id="disconnected"),
    ],
)
def test_work_waits_for_a_person_but_not_for_ever(db, one, obstacle, reason):
    (product_id,) = create(db)
    obstacle(db, one)
    worker = work(db, hours=5)
    assert set(worker.ended("draw_design")) == {f"scheduled: {reason}"}
    assert product(db, product_id).state == "planned"
    work(db, hours=7)
    assert product(db, product_id).failed_reason == reason
    assert quota(db, one.user_id) == (0, 0)


@pytest.mark.parametrize(
    ("minor", "currency", "text_of_it"),
    [(2999, "EUR", "29.99"), (5, "EUR", "0.05"), (2999, "JPY", "2999"), (2999, "KWD", "2.999")],
)
def test_a_price_is_written_as_its_currency_has_it(db, minor, currency, text_of_it):
    row = db.execute("select shops._price_text(%s, %s)", [minor, currency]).fetchone()
    assert row == (text_of_it,)


def test_a_description_is_never_markup(db):
    given = "Cats & dogs <script>\n\nNext\nline"
    row = db.execute("select shops._paragraphs(%s)", [given]).fetchone()
    assert row == ("<p>Cats &amp; dogs &lt;script&gt;</p><p>Next<br>line</p>",)
