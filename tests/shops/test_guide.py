"""The statements of docs/shops.md work, in the order in which they stand there."""

from __future__ import annotations

import re
from pathlib import Path

from db.call import value
from tests.fixtures.accounts import connection

GUIDE = Path(__file__).parents[2] / "docs" / "shops.md"


def test_the_statements_of_the_guide_work(db):
    ann = value(db, "accounts.create_user", email="ann@example.com", name="Ann")
    value(db, "accounts.subscribe", user_id=ann, plan="premium")
    for service, account in (("shopify", "cats.myshopify.com"), ("openai", "default")):
        connection(db, ann, service, account)
    blocks = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    assert len(blocks) == 7
    for block in blocks:
        db.execute(block)
    query = "select niche, how_many from shops.plan_creation()"
    assert db.execute(query).fetchall() == [("Sleepy cats", 10)]


def test_the_guide_names_every_setting_and_every_reason(db):
    text = GUIDE.read_text()
    columns = db.execute(
        "select attname from pg_attribute where attrelid = 'shops.settings'::regclass and attnum > 0"
        " and attname not in ('user_id', 'shop_id', 'configured_at')"
    ).fetchall()
    assert [name for (name,) in columns if f"`{name}`" not in text] == []
    source = db.execute(
        "select prosrc from pg_proc where oid = 'shops.plan_creation'::regproc"
    ).fetchone()[0]
    reasons = re.findall(r"then '([a-z_]+)'", source)
    assert len(reasons) == 9
    assert [reason for reason in reasons if f"`{reason}`" not in text] == []
