"""Shopify's handlers against the sandbox, and what they make of every way to fail."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.images import draw
from tests.fixtures.sandbox import Sandbox
from tests.workers.connections import SHOP, connect, run
from workers import shopify
from workers.credentials import Credentials
from workers.http import Stop
from workers.outcome import Done, GiveUp, Throttle, TryLater

PICTURE = draw("Cats", "1024x1536")
DESIGN = {
    "filename": "cats.png",
    "media_type": "image/png",
    "image_base64": base64.b64encode(PICTURE).decode(),
}


def product(handle: str = "blue-cat", **given: Any) -> dict[str, Any]:
    return {
        "handle": handle,
        "title": "Blue Cat",
        "description_html": "<p>A cat.</p>",
        "tags": ["cats", "POD_NEW"],
        "vendor": "Paws",
        "price": "29.99",
        "sku": "CAT-1",
        "status": "DRAFT",
        "image": None,
        **given,
    }


@pytest.fixture
def shop(sandbox: Sandbox) -> Credentials:
    return connect(sandbox, "shopify", media_ms=0)


async def answer(kind: str, http: httpx.AsyncClient, shop: Credentials, /, **request: Any) -> Any:
    outcome = await run(kind, http, shop, **request)
    assert isinstance(outcome, Done), outcome
    assert outcome.throttle is not None
    return outcome.answer


# --- the way of a product ------------------------------------------------------------------------


async def test_a_product_goes_all_the_way(
    sandbox: Sandbox, shop: Credentials, http: httpx.AsyncClient
) -> None:
    uploaded = await answer("shops.upload_design", http, shop, **DESIGN)
    image = {"resource_url": uploaded["resource_url"], "alt": "A blue cat"}
    made = await answer("shops.create_product", http, shop, **product(image=image))
    assert (made["handle"], made["status"]) == ("blue-cat", "DRAFT")
    assert made["variant_gid"].startswith("gid://shopify/ProductVariant/")

    gid = made["product_gid"]
    (media,) = (await answer("shops.check_media", http, shop, product_gid=gid))["media"]
    assert (media["status"], media["errors"]) == ("READY", [])
    assert (await http.get(media["url"])).content == PICTURE

    words = {"title": "Blue Cat Tee", "description_html": "<p>Better.</p>", "tags": ["cats"]}
    updated = await answer("shops.update_product", http, shop, product_gid=gid, **words)
    assert updated == {"product_gid": gid, "status": "DRAFT"}

    published = await answer("shops.publish_product", http, shop, product_gid=gid)
    assert published == {"status": "ACTIVE", "published_to": 2}

    (row,) = sandbox.products().values()
    assert row["title"] == "Blue Cat Tee"
    assert row["variants"][0] | {"gid": ""} == {"gid": "", "sku": "CAT-1", "price": "29.99"}
    assert (row["status"], row["tags"], len(row["published_to"])) == ("ACTIVE", ["cats"], 2)
    assert (row["vendor"], row["media"][0]["alt"]) == ("Paws", "A blue cat")


async def test_a_product_made_twice_is_one(
    sandbox: Sandbox, shop: Credentials, http: httpx.AsyncClient
) -> None:
    uploaded = await answer("shops.upload_design", http, shop, **DESIGN)
    image = {"resource_url": uploaded["resource_url"], "alt": "A blue cat"}
    first = await answer("shops.create_product", http, shop, **product(image=image))
    again = await answer("shops.create_product", http, shop, **product(tags=["cats"]))
    assert again == first
    (row,) = sandbox.products().values()
    assert row["sets"] == 2
    assert (row["tags"], len(row["media"])) == (["cats"], 1)


async def test_media_say_where_they_are(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    shop = connect(sandbox, "shopify", media_ms=3_600_000)
    uploaded = await answer("shops.upload_design", http, shop, **DESIGN)
    image = {"resource_url": uploaded["resource_url"], "alt": ""}
    made = await answer("shops.create_product", http, shop, **product(image=image))
    (media,) = (await answer("shops.check_media", http, shop, product_gid=made["product_gid"]))[
        "media"
    ]
    assert media == {"status": "PROCESSING", "url": None, "errors": []}

    nowhere = {"resource_url": "https://nowhere.example/x.png", "alt": ""}
    bad = await answer("shops.create_product", http, shop, **product("bad", image=nowhere))
    (media,) = (await answer("shops.check_media", http, shop, product_gid=bad["product_gid"]))[
        "media"
    ]
    assert (media["status"], media["url"]) == ("FAILED", None)
    assert media["errors"][0].startswith("IMAGE_DOWNLOAD_FAILURE: ")


@pytest.mark.parametrize(
    ("kind", "request_", "code", "says"),
    [
        pytest.param(
            "shops.create_product",
            product(title=" "),
            "invalid_request",
            "productSet INVALID_PRODUCT at input.title",
            id="a blank title",
        ),
        pytest.param(
            "shops.update_product",
            {
                "product_gid": "gid://shopify/Product/1",
                "title": "x",
                "description_html": "",
                "tags": [],
            },
            "not_found",
            "Product does not exist",
            id="a product that is gone cannot be updated",
        ),
        pytest.param(
            "shops.publish_product",
            {"product_gid": "gid://shopify/Product/1"},
            "not_found",
            "does not exist",
            id="nor published",
        ),
        pytest.param(
            "shops.check_media",
            {"product_gid": "gid://shopify/Product/1"},
            "not_found",
            "gone",
            id="nor looked at",
        ),
    ],
)
async def test_a_refusal_of_the_shop_is_given_up(
    shop: Credentials,
    http: httpx.AsyncClient,
    kind: str,
    request_: dict[str, Any],
    code: str,
    says: str,
) -> None:
    outcome = await run(kind, http, shop, **request_)
    assert isinstance(outcome, GiveUp)
    assert outcome.code == code
    assert says in outcome.reason


# --- reading -------------------------------------------------------------------------------------


async def test_orders_are_read_page_by_page_with_all_their_lines(
    sandbox: Sandbox, shop: Credentials, http: httpx.AsyncClient
) -> None:
    await answer("shops.create_product", http, shop, **product())
    lines = [{"product": "blue-cat", "quantity": n} for n in range(1, 8)]
    bought = [{"lines": lines}, {"product": "blue-cat", "quantity": 2, "cancelled": True}]
    sandbox.orders(SHOP, [*bought, {"product": "blue-cat", "test": True, "days_ago": 3}])

    seen: list[Any] = []
    after = None
    while True:
        wanted = {"updated_since": "2026-01-01T00:00:00Z", "after": after, "page_size": 2}
        page = await answer("shops.read_orders", http, shop, **wanted)
        seen += page["orders"]
        after = page["end_cursor"]
        if not page["has_next"]:
            break
    assert [order["name"] for order in seen] == ["#1001", "#1002", "#1003"]
    assert [line["quantity"] for line in seen[0]["lines"]] == [1, 2, 3, 4, 5, 6, 7]
    assert len({line["line_gid"] for line in seen[0]["lines"]}) == 7
    assert seen[1]["cancelled_at"] is not None
    assert seen[2]["test"] is True
    (line,) = seen[1]["lines"]
    assert {key: line[key] for key in ("quantity", "current_quantity", "total", "currency")} == {
        "quantity": 2,
        "current_quantity": 0,
        "total": "59.98",
        "currency": "EUR",
    }
    assert (line["sku"], line["title"]) == ("CAT-1", "Blue Cat")
    assert line["product_gid"].startswith("gid://shopify/Product/")


async def test_a_page_of_55_orders_costs_less_than_a_query_may(
    shop: Credentials, http: httpx.AsyncClient
) -> None:
    wanted = {"updated_since": None, "after": None}
    page = await answer("shops.read_orders", http, shop, **wanted, page_size=55)
    assert page == {"orders": [], "has_next": False, "end_cursor": None}
    refused = await run("shops.read_orders", http, shop, **wanted, page_size=56)
    assert isinstance(refused, GiveUp)
    assert "exceeds the single query max cost" in refused.reason


async def test_collections_are_all_read(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    titles = [f"Collection {n:03}" for n in range(251)]
    shop = connect(sandbox, "shopify", collections=titles)
    found = (await answer("shops.list_collections", http, shop))["collections"]
    assert [row["title"] for row in found] == titles
    assert found[0]["handle"] == "collection-000"


# --- connections ---------------------------------------------------------------------------------


async def test_a_connection_is_checked(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    shop = connect(sandbox, "shopify", scopes=["write_products", "read_orders"])
    assert await answer("accounts.check_shopify", http, shop) == {
        "granted_scopes": ["read_orders", "write_products"],
        "account": {
            "name": "one",
            "domain": SHOP,
            "currency": "EUR",
            "time_zone": "Europe/Berlin",
        },
    }


async def test_a_token_is_renewed_and_sealed(
    sandbox: Sandbox, shop: Credentials, http: httpx.AsyncClient
) -> None:
    kept: dict[str, str] = {}

    def seal(field: str, text: str) -> str:
        kept[field] = text
        return f"v1.sealed.{field}"

    outcome = await run("accounts.refresh_shopify", http, dataclasses.replace(shop, seal=seal))
    assert isinstance(outcome, Done)
    assert outcome.answer["access"] == "v1.sealed.access"
    assert (outcome.answer["expires_in"], outcome.answer["refresh"]) == (86399, None)
    assert "write_products" in outcome.answer["scopes"]
    assert kept["access"] not in repr(outcome)
    renewed = dataclasses.replace(shop, access=kept["access"])
    assert await answer("shops.list_collections", http, renewed)


async def test_a_wrong_app_secret_is_unauthorized(
    shop: Credentials, http: httpx.AsyncClient
) -> None:
    wrong = dataclasses.replace(shop, client_secret="shpss_wrong")
    outcome = await run("accounts.refresh_shopify", http, wrong)
    assert outcome == GiveUp("The shop gives no token: invalid_client.", "unauthorized")


# --- every way to fail ---------------------------------------------------------------------------

LATER = {
    "429": lambda o: (o.after, o.code, o.pause_key) == (2.0, "throttled", True),
    "500": lambda o: (o.after, o.code, o.pause_key) == (None, "server_error", False),
    "half_body": lambda o: o.code == "server_error",
    "effect_then_timeout": lambda o: o.code == "server_error",
    "throttled": lambda o: o.code == "throttled" and o.pause_key and o.throttle is not None,
}


@pytest.mark.parametrize(("fault", "right"), LATER.items(), ids=LATER.keys())
async def test_a_fault_is_tried_later_and_ends_as_one_product(
    sandbox: Sandbox,
    shop: Credentials,
    http: httpx.AsyncClient,
    fault: str,
    right: Callable[[TryLater], bool],
) -> None:
    sandbox.fault("shopify", fault)
    outcome = await run("shops.create_product", http, shop, **product())
    assert isinstance(outcome, TryLater)
    assert right(outcome), outcome
    sandbox.open("shopify", SHOP, bucket=2000)
    await answer("shops.create_product", http, shop, **product())
    assert list(sandbox.products()) == ["blue-cat"]


async def test_a_slow_shop_is_waited_for(
    sandbox: Sandbox, shop: Credentials, http: httpx.AsyncClient
) -> None:
    sandbox.fault("shopify", "slow", ms=300)
    assert await answer("shops.create_product", http, shop, **product())


async def test_a_spent_bucket_says_when_there_is_enough_again(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    shop = connect(sandbox, "shopify", bucket=15, restore_rate=2)
    made = await run("shops.create_product", http, shop, **product("one"))
    assert isinstance(made, Done)
    assert made.throttle == Throttle(available=4, maximum=15, restore_rate=2, cost=11)
    refused = await run("shops.create_product", http, shop, **product("two"))
    assert isinstance(refused, TryLater)
    assert refused.after == pytest.approx(3.5)
    assert refused.throttle is not None
    assert refused.throttle.cost == 11


async def test_the_cost_of_several_calls_is_one(shop: Credentials, http: httpx.AsyncClient) -> None:
    gid = (await answer("shops.create_product", http, shop, **product()))["product_gid"]
    outcome = await run("shops.publish_product", http, shop, product_gid=gid)
    assert isinstance(outcome, Done)
    assert outcome.throttle is not None
    assert outcome.throttle.cost == 4 + 20


@pytest.mark.parametrize("operation", ["stagedUploadsCreate", "upload"])
@pytest.mark.parametrize("fault", ["429", "500", "half_body", "effect_then_timeout"])
async def test_both_steps_of_an_upload_are_tried_later(
    sandbox: Sandbox, shop: Credentials, http: httpx.AsyncClient, operation: str, fault: str
) -> None:
    sandbox.fault("shopify", fault, operation=operation)
    assert isinstance(await run("shops.upload_design", http, shop, **DESIGN), TryLater)
    assert await answer("shops.upload_design", http, shop, **DESIGN)


async def test_a_refused_upload_is_not_our_token(
    sandbox: Sandbox, shop: Credentials, http: httpx.AsyncClient
) -> None:
    sandbox.fault("shopify", "unauthorized", operation="upload")
    outcome = await run("shops.upload_design", http, shop, **DESIGN)
    assert outcome == GiveUp("The upload was refused with 401.", "invalid_request")


@pytest.mark.parametrize("kind", ["accounts.check_shopify", "shops.list_collections"])
async def test_a_wrong_token_is_unauthorized(
    shop: Credentials, http: httpx.AsyncClient, kind: str
) -> None:
    wrong = dataclasses.replace(shop, access="shpat_wrong")
    outcome = await run(kind, http, wrong)
    assert isinstance(outcome, GiveUp)
    assert outcome.code == "unauthorized"


async def test_a_missing_scope_is_unauthorized_and_named(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    shop = connect(sandbox, "shopify", scopes=["read_products"])
    outcome = await run("shops.create_product", http, shop, **product())
    assert isinstance(outcome, GiveUp)
    assert outcome.code == "unauthorized"
    assert "write_products" in outcome.reason


async def test_an_unknown_shop_is_not_found(shop: Credentials, http: httpx.AsyncClient) -> None:
    gone = dataclasses.replace(shop, base_url=shop.base_url + "x")
    outcome = await run("accounts.check_shopify", http, gone)
    assert isinstance(outcome, GiveUp)
    assert outcome.code == "not_found"


# --- reading answers, without a network ----------------------------------------------------------


def graphql(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        pytest.param(
            httpx.Response(200, text="<html>"),
            TryLater(None, "The answer is no JSON.", "server_error"),
            id="a page instead of JSON",
        ),
        pytest.param(
            graphql({"data": None}),
            TryLater(None, "The answer has no data.", "server_error"),
            id="no data",
        ),
        pytest.param(
            graphql({"errors": "Not Found"}),
            GiveUp("The shop refuses: Not Found", "invalid_request"),
            id="errors that are a text",
        ),
        pytest.param(
            graphql({"errors": [{"message": "x", "extensions": {"code": "TIMEOUT"}}]}),
            TryLater(None, "The shop refuses: x", "server_error"),
            id="a timeout inside Shopify",
        ),
        pytest.param(
            graphql({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}),
            TryLater(None, "The shop's points are spent.", "throttled", pause_key=True),
            id="throttled without a bucket",
        ),
        pytest.param(
            graphql({"data": {"a": None}, "errors": [{"message": "x"}]}),
            GiveUp("The shop refuses: x", "invalid_request"),
            id="half of the data and an error",
        ),
        pytest.param(
            graphql({}, 402),
            GiveUp("The shop answered 402.", "invalid_request"),
            id="a shop that is frozen",
        ),
        pytest.param(
            graphql({}, 503, **{"Retry-After": "4"}),
            TryLater(4.0, "The shop answered 503.", "server_error"),
            id="a service that says when it is back",
        ),
        pytest.param(
            graphql({"data": {"m": {"userErrors": [{"field": None, "message": "No."}]}}}),
            GiveUp("m: No.", "invalid_request"),
            id="a user error without field and code",
        ),
    ],
)
def test_reading_an_answer(response: httpx.Response, outcome: Any) -> None:
    with pytest.raises(Stop) as stop:
        shopify.read_graphql(response)
    assert stop.value.outcome == outcome


def test_a_line_of_a_deleted_product_is_read() -> None:
    money = {"shopMoney": {"amount": "1.0", "currencyCode": "EUR"}}
    node = {"id": "l", "title": "t", "sku": None, "quantity": 1, "currentQuantity": 1}
    line = shopify.read_line(
        {**node, "product": None, "variant": None, "discountedTotalSet": money}
    )
    assert (line["product_gid"], line["variant_gid"], line["sku"]) == (None, None, None)
