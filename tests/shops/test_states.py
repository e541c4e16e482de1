"""A product moves only as shops.product_moves says."""

from __future__ import annotations

from itertools import pairwise

import psycopg
import pytest

from db.call import value
from db.errors import BadMove, NotOptimised, refusal
from tests.fixtures.clock import at
from tests.fixtures.shops import MORNING, create, product, shop, work

LIFE = ["planned", "drawn", "written", "uploaded", "created", "optimised", "published"]
BEFORE_PUBLISHED = LIFE[:-1]
ON_SALE = ["published", "winner", "loser"]

ALLOWED = {
    *pairwise(LIFE),
    *((state, "failed") for state in BEFORE_PUBLISHED),
    *(("failed", state) for state in BEFORE_PUBLISHED),
    *((one, other) for one in ON_SALE for other in ON_SALE if one != other),
    ("created", "published"),
    *((state, "archived") for state in ["created", "optimised", *ON_SALE]),
    ("archived", "published"),
}
STATES = [*LIFE, "winner", "loser", "archived", "failed"]


@pytest.fixture
def any_state(db):
    """A product that may be anything but for its moves: no other rule is left."""
    one = shop(db)
    rows = db.execute(
        "select conname from pg_constraint where conrelid = 'shops.products'::regclass and contype = 'c'"
    ).fetchall()
    for (name,) in rows:
        db.execute(f"alter table shops.products drop constraint {name}".encode())
    db.execute(
        "insert into shops.products (user_id, shop_id, origin, state, handle)"
        " values (%s, %s, 'imported', 'published', 'x')",
        [one.user_id, one.shop_id],
    )

    def put(state):
        db.execute("set local session_replication_role = replica")
        db.execute("update shops.products set state = %s", [state])
        db.execute("set local session_replication_role = origin")

    return put


def test_every_move_is_allowed_or_refused_as_written(db, any_state):
    got = set()
    for old in STATES:
        for new in STATES:
            if new == old:
                continue
            any_state(old)
            try:
                with db.transaction():
                    db.execute("update shops.products set state = %s", [new])
                got.add((old, new))
            except psycopg.Error as error:
                assert isinstance(refusal(error), BadMove)
    assert got == ALLOWED


def test_a_move_is_timed(db, any_state):
    at(db, MORNING)
    any_state("published")
    db.execute("update shops.products set state = 'winner'")
    assert db.execute("select state_since from shops.products").fetchone() == (MORNING,)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("origin", ["planned", "imported"])
def test_a_product_begins_where_its_origin_begins(db, any_state, origin, state):
    starts = {"planned": ["planned"], "imported": ["created", "published", "archived"]}
    insert = (
        "insert into shops.products (user_id, shop_id, origin, state, handle)"
        " select user_id, shop_id, %s, %s, 'y' from shops.shops"
    )
    if state in starts[origin]:
        db.execute(insert, [origin, state])
    else:
        with pytest.raises(psycopg.Error) as error, db.transaction():
            db.execute(insert, [origin, state])
        assert isinstance(refusal(error.value), BadMove)


def test_a_shop_that_publishes_by_hand_keeps_drafts(db):
    at(db, MORNING)
    shop(db, creation_limit=1, auto_publish=False)
    (product_id,) = create(db)
    work(db)
    with pytest.raises(NotOptimised), db.transaction():
        value(db, "shops.publish", product_id=product_id)
    value(db, "jobs.run_schedule", name="product_optimize")
    work(db)
    assert product(db, product_id).state == "optimised"
    value(db, "shops.publish", product_id=product_id)
    work(db)
    assert product(db, product_id).state == "published"


def test_what_stays_too_long_is_stuck_and_says_where(db):
    at(db, MORNING)
    one = shop(db, creation_limit=1)
    (product_id,) = create(db)
    at(db, "2026-11-20 11:59+00")
    assert db.execute("select * from shops.stuck").fetchall() == []
    at(db, "2026-11-20 12:01+00")
    query = "select shop_id, product_id, state from shops.stuck"
    assert db.execute(query).fetchall() == [(one.shop_id, product_id, "planned")]
