"""A product's way through the pipeline, in SQL alone: a made-up worker has the services' answers."""

from __future__ import annotations

import pytest

from tests.fixtures.clock import at
from tests.fixtures.shops import (
    MORNING,
    create,
    product,
    quota,
    run,
    shop,
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
