"""Quota is held before money is spent, used when a product exists, given back when it fails: exactly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from db import database as databases
from db.call import value
from tests.fixtures.accounts import user
from tests.fixtures.clock import at
from tests.fixtures.shops import (
    MORNING,
    create,
    gave_up,
    plan,
    product,
    quota,
    shop,
    text,
    work,
)

PLANNERS = 50


@pytest.fixture
def seven_left(database):
    """Fifty shops of one user, each with a product to make today, and seven left this month."""
    with databases.connect(database) as conn:
        conn.execute(
            "update accounts.plans set products_per_month = 7, niches = null where plan = 'basis'"
        )
        owner = user(conn, "basis")
        yield owner, [shop(conn, owner, creation_limit=1).shop_id for _ in range(PLANNERS)]


def totals(url, owner) -> tuple[int, int]:
    with databases.connect(url) as conn:
        query = "select count(*), count(distinct handle) from shops.products where user_id = %s"
        made = conn.execute(query, [owner]).fetchone()[0]
        return made, conn.execute(
            "select held from shops.quota_months where user_id = %s", [owner]
        ).fetchone()[0]


def test_fifty_planners_on_seven_left_make_seven(database, seven_left):
    owner, shops = seven_left
    barrier = Barrier(PLANNERS)

    def planner(shop_id):
        with databases.connect(database) as conn:
            barrier.wait()
            return len(create(conn, shop_id))

    with ThreadPoolExecutor(PLANNERS) as pool:
        made = list(pool.map(planner, shops))
    assert sorted(made) == [0] * (PLANNERS - 7) + [1] * 7
    assert totals(database, owner) == (7, 7)


def test_reading_first_and_writing_then_would_make_more(database, seven_left):
    """The control: the same plan without the lock, as the predecessor did it."""
    owner, shops = seven_left
    barrier = Barrier(PLANNERS)

    def planner(shop_id):
        with databases.connect(database) as conn, conn.transaction():
            (row,) = plan(conn, shop_id=shop_id)
            barrier.wait()
            conn.execute(
                "select shops._plan_products(null, array[n.shop_id], array[n.niche_id], array[%s])"
                " from shops.niches as n where n.shop_id = %s",
                [row.how_many, shop_id],
            )

    with ThreadPoolExecutor(PLANNERS) as pool:
        list(pool.map(planner, shops))
    assert totals(database, owner) == (PLANNERS, PLANNERS)


def test_planners_of_many_users_never_deadlock(database):
    """All shops at once against one shop at a time, in whatever order."""
    with databases.connect(database) as conn:
        shops = [shop(conn, creation_limit=2) for _ in range(12)]

    def planner(number):
        with databases.connect(database) as conn:
            return len(create(conn, None if number % 3 == 0 else shops[number % 12].shop_id))

    with ThreadPoolExecutor(12) as pool:
        made = sum(pool.map(planner, range(24)))
    assert made == 24
    with databases.connect(database) as conn:
        assert {quota(conn, one.user_id) for one in shops} == {(2, 0)}


@pytest.fixture
def one(db):
    at(db, MORNING)
    return shop(db, plan="basis", creation_limit=1)


@pytest.mark.parametrize(
    ("kind", "held", "used", "failed_in"),
    [
        pytest.param("draw_design", 0, 0, "planned", id="while drawing: given back"),
        pytest.param("write_text", 0, 0, "drawn", id="while writing: given back"),
        pytest.param("upload_design", 0, 0, "written", id="while uploading: given back"),
        pytest.param("create_product", 0, 0, "uploaded", id="while creating: given back"),
        pytest.param("check_media", 0, 1, "created", id="once it exists: used"),
    ],
)
def test_a_product_that_fails(db, one, kind, held, used, failed_in):
    (product_id,) = create(db)
    work(db, **{kind: lambda request: gave_up("No.")})
    failed = product(db, product_id)
    assert (failed.state, failed.failed_in, failed.failed_reason) == ("failed", failed_in, "No.")
    assert quota(db, one.user_id) == (held, used)


def test_a_failure_is_seen_at_the_run_that_planned_it(db, one):
    run_id = value(db, "jobs.run_schedule", name="product_creation")
    work(db, draw_design=lambda request: gave_up("No."))
    query = "select run_id, error from shops.job_status where shop_id = %s and error is not null"
    assert db.execute(query, [one.shop_id]).fetchone() == (run_id, "No.")
    query = "select status, failed from jobs.runs where run_id = %s"
    assert db.execute(query, [run_id]).fetchone() == ("failed", 1)


def dead_job(db) -> int:
    (job_id,) = db.execute("select job_id from jobs.dead").fetchone()
    return job_id


def test_a_retried_product_holds_quota_again_and_comes_through(db, one):
    (product_id,) = create(db)
    work(db, create_product=lambda request: gave_up("No."))
    assert quota(db, one.user_id) == (0, 0)
    value(db, "jobs.retry", job_id=dead_job(db))
    worker = work(db)
    assert product(db, product_id).state == "created"
    assert quota(db, one.user_id) == (0, 1)
    # What was known is not paid for twice.
    assert worker.asked("draw_design") == worker.asked("write_text") == []


def test_a_retried_product_that_finds_the_month_used_up_stays_failed(db, one):
    (product_id,) = create(db)
    work(db, create_product=lambda request: gave_up("No."))
    db.execute(
        "update shops.quota_months set used = 100 where user_id = %s returning 1", [one.user_id]
    )
    value(db, "jobs.retry", job_id=dead_job(db))
    worker = work(db)
    assert worker.ended("create_product") == ["skipped: monthly_limit_reached"]
    assert product(db, product_id).state == "failed"


def test_a_cancelled_job_gives_its_products_quota_back(db, one):
    (product_id,) = create(db)
    (job_id,) = db.execute(
        "select job_id from jobs.ready where kind = 'shops.draw_design'"
    ).fetchone()
    value(db, "jobs.cancel", job_id=job_id, reason="Not this one.")
    cancelled = product(db, product_id)
    assert (cancelled.state, cancelled.failed_reason) == ("failed", "Not this one.")
    assert quota(db, one.user_id) == (0, 0)


def test_a_product_counts_in_the_month_it_was_planned_in(db):
    at(db, "2026-11-30 23:00+00")
    one = shop(db, creation_limit=1, time_zone="UTC")
    create(db)
    at(db, "2026-12-01 01:00+00")
    query = "select month::text, held, used from shops.quota_months where user_id = %s"
    assert db.execute(query, [one.user_id]).fetchall() == [("2026-11-01", 1, 0)]
    (row,) = plan(db, shop_id=one.shop_id)
    assert (row.how_many, row.quota_left) == (1, 499)


def test_a_refused_text_costs_its_attempts_and_gives_the_quota_back(db, one):
    (product_id,) = create(db)
    worker = work(db, write_text=lambda request: text(title="x" * 71))
    assert len(worker.asked("write_text")) == 4
    assert product(db, product_id).failed_reason == "The title has 71 characters; 70 are allowed."
    assert quota(db, one.user_id) == (0, 0)


def test_the_proof_sees_a_total_that_is_wrong(db, one):
    create(db)
    db.execute("update shops.quota_months set held = held + 1")
    assert db.execute("select held, held_by_products from shops.quota_proof").fetchall() == [(2, 1)]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("quota_state = 'none', quota_month = null", id="planned without quota"),
        pytest.param("quota_state = 'used'", id="used before it exists"),
        pytest.param(
            "state = 'failed', failed_in = 'planned', failed_reason = 'x'",
            id="failed, still holding",
        ),
        pytest.param(
            "state = 'failed', failed_in = 'planned', quota_state = 'released'",
            id="failed without a reason",
        ),
    ],
)
def test_a_product_cannot_be_at_odds_with_its_quota(db, one, change):
    create(db)
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute(f"update shops.products set {change}".encode())
