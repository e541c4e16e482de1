"""The statements of docs/sales.md work, in the order in which they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg

from db.call import value
from tests.fixtures.accounts import connection, user
from tests.fixtures.clock import at
from tests.fixtures.sales import DAY, known_up_to, line, on_sale, one, order, store
from tests.fixtures.shops import MORNING, Shop, run

Connection = psycopg.Connection[Any]
GUIDE = Path(__file__).parents[2] / "docs" / "sales.md"


def gifts(conn: Connection) -> Shop:
    """A shop with a winner and a connection to Pinterest."""
    at(conn, MORNING)
    user_id = user(conn)
    domain = "gifts.example.com"
    shop_id = value(conn, "shops.create_shop", user_id=user_id, name="Gifts", domain=domain)
    here = Shop(user_id, shop_id, domain)
    connection_id = connection(conn, user_id, "pinterest", "default")
    value(conn, "shops.attach", shop_id=shop_id, connection_id=connection_id)
    store(conn, here, order(line(conn, on_sale(conn, here), 6), MORNING - DAY))
    known_up_to(conn, here, MORNING)
    run(conn, "winner_scaling")
    return here


def test_the_statements_of_the_guide_work(db: Connection) -> None:
    here = gifts(db)
    blocks = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    assert len(blocks) == 12
    for block in blocks:
        db.execute(block)
    assert one(db, "select sku from shops.products where handle = 'cup'") == "CUP"
    query = "select version, winner_rule from shops.present_rules where shop_id = %s"
    assert one(db, query, here.shop_id) == (2, "buckets")


def test_the_guide_says_what_the_functions_say(db: Connection) -> None:
    text = GUIDE.read_text()
    for call, answer in re.findall(
        r"select (shops\.probability_above\(.*?\));\s+-- ([0-9.]+)", text
    ):
        assert round(one(db, f"select {call}"), 3) == float(answer)


def test_the_guide_names_every_rule_with_its_default(db: Connection) -> None:
    text = GUIDE.read_text()
    at(db, MORNING)
    defaults = one(
        db, "select to_jsonb(r) from shops.winner_rules as r where shop_id = %s", gifts(db).shop_id
    )
    for name, default in re.findall(r"`(\w+)` \((\d[\d.]*)\)", text):
        assert float(defaults[name]) == float(default), name
    for name in ("target_weekly_units", "break_even_weekly_units", "raise_day_limit_minor"):
        assert f"`{name}`" in text


def test_the_guide_names_every_verdict_and_action(db: Connection) -> None:
    text = GUIDE.read_text()
    for constraint in ("decisions_verdict_is_known", "scaling_intents_action_is_known"):
        query = "select pg_get_constraintdef(oid) from pg_constraint where conname = %s"
        for name in re.findall(r"'(\w+)'", one(db, query, constraint)):
            assert f"| `{name}` |" in text
