"""Every call of a model is allowed by the budget before it is made, and its cost recorded after."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from db import database as databases
from db.call import value
from tests.fixtures.clock import at
from tests.fixtures.jobs import Claimed, claim, claim_one, worker
from tests.fixtures.shops import (
    MORNING,
    PNG,
    create,
    done,
    gave_up,
    product,
    quota,
    shop,
    work,
)

PICTURE = 90_000
"""Ceiling of a picture in medium quality."""


@pytest.fixture
def one(db):
    at(db, MORNING)
    return shop(db, creation_limit=1)


def budget(db, one) -> tuple[int, int]:
    assert db.execute("select * from shops.budget_proof").fetchall() == []
    query = "select held, spent from shops.budget where user_id = %s"
    return db.execute(query, [one.user_id]).fetchone()


def calls(db) -> list[tuple[str, int | None]]:
    return db.execute("select state, cost from shops.ai_calls order by ai_call_id").fetchall()


def begin(db, kind="shops.draw_design") -> tuple[Claimed, dict]:
    """Claim and prepare a job; nobody settles it."""
    job = claim_one(db, worker(db), queue="openai")
    assert job.kind == kind
    return job, value(db, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)


def test_a_call_holds_its_ceiling_and_then_costs_what_it_used(db, one):
    create(db)
    job, prepared = begin(db)
    assert prepared["call"] and budget(db, one) == (PICTURE, 0)
    usage = {"input_tokens": 50, "output_tokens": 1500}
    outcome = done(image_base64=PNG, usage=usage, request_id="req_1")
    value(db, "jobs.settle", job_id=job.job_id, run_no=job.run_no, outcome=outcome.to_json())
    # 50 x 5 + 1500 x 30 millionths of a dollar.
    assert budget(db, one) == (0, 45_250)
    query = (
        "select calls, input_tokens, output_tokens, cost from shops.api_costs where shop_id = %s"
    )
    assert db.execute(query, [one.shop_id]).fetchone() == (1, 50, 1500, 45_250)


def test_nothing_is_spent_above_the_budget(db, one):
    value(db, "shops.set_budget", user_id=one.user_id, monthly=PICTURE - 1)
    (product_id,) = create(db)
    worker = work(db)
    assert worker.asked("draw_design") == []
    failed = product(db, product_id)
    assert (failed.state, failed.failed_reason) == ("failed", "budget_reached")
    assert quota(db, one.user_id) == (0, 0) and budget(db, one) == (0, 0)


def test_no_number_of_workers_overspends(database):
    with databases.connect(database) as conn:
        one = shop(conn, creation_limit=8)
        value(conn, "shops.set_budget", user_id=one.user_id, monthly=3 * PICTURE)
        create(conn)
        jobs = claim(conn, worker(conn), 8, queue="openai")
    assert len(jobs) == 8
    barrier = Barrier(8)

    def prepare(job):
        with databases.connect(database) as conn:
            barrier.wait()
            return value(conn, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)["call"]

    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(prepare, jobs))
    assert allowed.count(True) == 3
    with databases.connect(database) as conn:
        assert budget(conn, one) == (3 * PICTURE, 0)


@pytest.mark.parametrize(
    ("outcome", "recorded"),
    [
        pytest.param(
            gave_up("No such model.", "invalid_request"), ("not_charged", 0), id="refused"
        ),
        pytest.param(gave_up("Cut off.", "timeout"), ("unknown", PICTURE), id="cut off"),
        pytest.param(done(image_base64="x", usage=None), ("paid", PICTURE), id="without usage"),
    ],
)
def test_an_end_costs(db, one, outcome, recorded):
    create(db)
    job, _ = begin(db)
    value(db, "jobs.settle", job_id=job.job_id, run_no=job.run_no, outcome=outcome.to_json())
    assert calls(db) == [recorded]
    assert budget(db, one) == (0, recorded[1])


def test_a_call_whose_worker_was_lost_for_good_counts_as_its_ceiling(db, one):
    create(db)
    begin(db)
    db.execute("update jobs.kinds set max_attempts = 1")
    db.execute("update jobs.workers set stopped_at = jobs.clock()")
    value(db, "jobs.reap")
    assert calls(db) == [("unknown", PICTURE)]
    assert quota(db, one.user_id) == (0, 0)


def test_an_attempt_that_nobody_heard_of_again_counts_as_its_ceiling(db, one):
    create(db)
    job, _ = begin(db)
    unknown = {"outcome": "unknown", "reason": "The line broke."}
    value(db, "jobs.settle", job_id=job.job_id, run_no=job.run_no, outcome=unknown)
    work(db)
    assert calls(db)[:2] == [("unknown", PICTURE), ("paid", 45_250)]
    query = "select calls, unknown, repeated from shops.api_costs where task = 'image'"
    assert db.execute(query).fetchone() == (2, 1, 1)


def test_an_attempt_that_was_turned_away_costs_nothing(db, one):
    create(db)
    job, _ = begin(db)
    later = {
        "outcome": "try_later",
        "reason": "Too many requests.",
        "after": 1,
        "code": "throttled",
    }
    value(db, "jobs.settle", job_id=job.job_id, run_no=job.run_no, outcome=later)
    work(db)
    assert calls(db)[:2] == [("not_charged", 0), ("paid", 45_250)]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("('text', 'x', 'any', null, null, 100, false)", id="without a price"),
        pytest.param("('text', 'x', 'any', 0, 0, 100, false)", id="at no price"),
        pytest.param("('text', 'x', 'any', 10, null, 100, false)", id="with half a price"),
        pytest.param("('text', 'x', 'any', 10, 10, 0, false)", id="without a ceiling"),
    ],
)
def test_a_paid_model_must_have_a_price(db, row):
    with pytest.raises(psycopg.errors.CheckViolation, match="models_paid_have_a_price"):
        db.execute(
            "insert into shops.models"
            " (task, model, quality, input_per_million, output_per_million, ceiling, is_free)"
            f" values {row}".encode()
        )


def test_a_shop_uses_the_model_its_settings_name(db, one):
    db.execute(
        "insert into shops.models (task, model, quality, per_image, ceiling) values ('image', 'house', 'any', 500, 500)"
    )
    value(db, "shops.configure", shop_id=one.shop_id, settings={"image_model": "house"})
    create(db)
    (asked,) = work(db).asked("draw_design")
    assert (asked["model"], asked["quality"]) == ("house", "auto")
    assert calls(db)[0] == ("paid", 500)


def test_a_model_that_was_switched_off_is_not_asked(db, one):
    db.execute("update shops.models set enabled = false, is_default = false where task = 'image'")
    (product_id,) = create(db)
    worker = work(db)
    assert worker.asked("draw_design") == [] and product(db, product_id).failed_reason == "no_model"


@pytest.mark.parametrize(("plan", "monthly"), [("basis", 25_000_000), ("vip", 1_000_000_000)])
def test_the_plan_says_what_may_be_spent(db, plan, monthly):
    one = shop(db, plan=plan)
    query = "select monthly from shops.budget where user_id = %s"
    assert db.execute(query, [one.user_id]).fetchone() == (monthly,)
    value(db, "shops.set_budget", user_id=one.user_id, monthly=7)
    assert db.execute(query, [one.user_id]).fetchone() == (7,)
    value(db, "shops.set_budget", user_id=one.user_id, monthly=None)
    assert db.execute(query, [one.user_id]).fetchone() == (monthly,)
