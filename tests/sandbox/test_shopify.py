"""The Shopify stand-in answers as Shopify does, and refuses what Shopify refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.fixtures.sandbox import Sandbox
from tests.sandbox.shop import DOMAIN, UPSERT, Client, product

ORDERS = """
query Orders($n: Int!, $after: String, $q: String) {
  orders(first: $n, after: $after, query: $q, sortKey: UPDATED_AT) {
    nodes {
      id name createdAt updatedAt cancelledAt test displayFinancialStatus
      lineItems(first: 5) {
        nodes { id quantity currentQuantity discountedTotalSet { shopMoney { amount } } }
        pageInfo { hasNextPage endCursor }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
STAGE = """
mutation Stage($input: [StagedUploadInput!]!) {
  stagedUploadsCreate(input: $input) {
    stagedTargets { url resourceUrl parameters { name value } }
    userErrors { field message }
  }
}
"""
MEDIA = """
query Media($id: ID!) {
  product(id: $id) {
    media(first: 10) { nodes { status ... on MediaImage { image { url } mediaErrors { code } } } }
  }
}
"""
PUBLISH = """
mutation Publish($id: ID!, $input: [PublicationInput!]!) {
  publishablePublish(id: $id, input: $input) {
    publishable { resourcePublicationsCount(onlyPublished: false) { count } }
    userErrors { field message }
  }
}
"""
UPDATE = """
mutation Update($p: ProductUpdateInput!) {
  productUpdate(product: $p) {
    product { id status tags collections(first: 5) { nodes { id } } }
    userErrors { field message }
  }
}
"""
STOCK = """
mutation Stock($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { changes { name delta } }
    userErrors { field message code }
  }
}
"""


@pytest.fixture
def shop(sandbox: Sandbox) -> Client:
    return Client(sandbox, media_ms=0)


def test_a_connection_can_be_tested(shop: Client) -> None:
    found = shop.ask(
        "query { shop { myshopifyDomain currencyCode } currentAppInstallation { accessScopes "
        "{ handle } } publicApiVersions { handle supported } }"
    )
    assert found["shop"] == {"myshopifyDomain": DOMAIN, "currencyCode": "EUR"}
    assert {"handle": "2026-10", "supported": True} in found["publicApiVersions"]
    assert {"handle": "write_products"} in found["currentAppInstallation"]["accessScopes"]


# --- products ------------------------------------------------------------------------------------


def test_a_product_is_made_once_by_its_handle(sandbox: Sandbox, shop: Client) -> None:
    first = shop.upsert("blue-cat", tags=["cat", "blue"])
    again = shop.upsert("blue-cat", title="Blue Cat II", tags=["cat"])
    assert first["product"]["id"] == again["product"]["id"]
    assert first["product"]["variants"] == again["product"]["variants"]
    (made,) = sandbox.products().values()
    assert (made["title"], made["tags"], made["sets"]) == ("Blue Cat II", ["cat"], 2)


def test_lists_that_are_left_out_stay(shop: Client) -> None:
    shop.upsert("blue-cat", tags=["cat"])
    assert shop.upsert("blue-cat")["product"]["tags"] == ["cat"]


def test_a_product_is_found_by_handle_and_by_custom_id(shop: Client) -> None:
    key = {"namespace": "app", "key": "id", "value": "7"}
    custom = {"namespace": "app", "key": "id", "value": "7"}
    given = product("by-custom", metafields=[key | {"type": "id"}])
    made = shop.ask(UPSERT, identifier={"customId": custom}, input=given)["productSet"]["product"]
    again = shop.ask(UPSERT, identifier={"customId": custom}, input=given)["productSet"]["product"]
    assert made["id"] == again["id"]
    query = "query Find($i: ProductIdentifierInput!) { productByIdentifier(identifier: $i) { id } }"
    assert shop.ask(query, i={"handle": "by-custom"})["productByIdentifier"]["id"] == made["id"]
    assert shop.ask(query, i={"handle": "nobody"})["productByIdentifier"] is None


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param({"title": ""}, "INVALID_PRODUCT", id="a title may not be blank"),
        pytest.param({"title": "x" * 256}, "INVALID_PRODUCT", id="a title has 255 characters"),
        pytest.param({"tags": ["a,b"]}, "INVALID_PRODUCT", id="a tag has no comma"),
        pytest.param({"handle": "other"}, "INPUT_MISMATCH", id="the handle is the identifier's"),
        pytest.param({"handle": None}, "MISSING_FIELD_REQUIRED", id="the handle may not be null"),
        pytest.param(
            {"productOptions": None, "variants": None}, None, id="options may be left out together"
        ),
        pytest.param(
            {"collections": ["gid://shopify/Collection/1"]},
            "INVALID_INPUT",
            id="a collection must be there",
        ),
    ],
)
def test_product_set_refuses(shop: Client, given: dict[str, Any], code: str | None) -> None:
    payload = shop.upsert("blue-cat", **given)
    assert [error["code"] for error in payload["userErrors"]] == ([code] if code else [])


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        pytest.param("handle", "MISSING_FIELD_REQUIRED", id="the identifier's field"),
        pytest.param("title", "INVALID_PRODUCT", id="a new product's title"),
        pytest.param("productOptions", "PRODUCT_OPTIONS_INPUT_MISSING", id="options of variants"),
        pytest.param("variants", "VARIANTS_INPUT_MISSING", id="variants of options"),
    ],
)
def test_product_set_misses(sandbox: Sandbox, shop: Client, missing: str, code: str) -> None:
    given = product("blue-cat")
    del given[missing]
    found = shop.ask(UPSERT, identifier={"handle": "blue-cat"}, input=given)["productSet"]
    assert [error["code"] for error in found["userErrors"]] == [code]
    assert sandbox.products() == {}


@pytest.mark.parametrize("handle", ["Blue-Cat", "blue cat", "-blue", "blue--cat"])
def test_a_handle_is_one_that_shopify_would_keep(shop: Client, handle: str) -> None:
    assert shop.upsert(handle)["userErrors"][0]["code"] == "INVALID_PRODUCT"


def test_a_variant_names_values_that_its_options_list(shop: Client) -> None:
    variant = {"optionValues": [{"optionName": "Title", "name": "Large"}], "price": "1.00"}
    payload = shop.upsert("blue-cat", variants=[variant])
    assert payload["userErrors"][0]["code"] == "OPTION_VALUE_DOES_NOT_EXIST"


def test_an_update_joins_and_leaves_collections(sandbox: Sandbox, shop: Client) -> None:
    made = shop.upsert("blue-cat")["product"]
    gid = sandbox.state("shopify")["collections"][0]["gid"]
    joined = shop.ask(UPDATE, p={"id": made["id"], "status": "ACTIVE", "collectionsToJoin": [gid]})
    assert joined["productUpdate"]["product"]["collections"]["nodes"] == [{"id": gid}]
    left = shop.ask(UPDATE, p={"id": made["id"], "collectionsToLeave": [gid]})
    assert left["productUpdate"]["product"]["collections"]["nodes"] == []
    gone = shop.ask(UPDATE, p={"id": "gid://shopify/Product/1", "title": "x"})["productUpdate"]
    assert gone["userErrors"][0]["message"] == "Product does not exist"


def test_prices_change_by_variant(shop: Client) -> None:
    made = shop.upsert("blue-cat")["product"]
    query = (
        "mutation P($id: ID!, $v: [ProductVariantsBulkInput!]!) { productVariantsBulkUpdate"
        "(productId: $id, variants: $v) { productVariants { price compareAtPrice } "
        "userErrors { field message code } } }"
    )
    variant = {"id": made["variants"]["nodes"][0]["id"], "price": "19.9", "compareAtPrice": "25"}
    found = shop.ask(query, id=made["id"], v=[variant])["productVariantsBulkUpdate"]
    assert found["productVariants"] == [{"price": "19.90", "compareAtPrice": "25.00"}]
    wrong = shop.ask(query, id=made["id"], v=[{"id": "gid://shopify/ProductVariant/1"}])
    codes = [error["code"] for error in wrong["productVariantsBulkUpdate"]["userErrors"]]
    assert codes == ["PRODUCT_VARIANT_DOES_NOT_EXIST"]


def test_publishing_is_the_same_twice(sandbox: Sandbox, shop: Client) -> None:
    made = shop.upsert("blue-cat", status="ACTIVE")["product"]
    nodes = shop.ask("query { publications(first: 20) { nodes { id } } }")["publications"]["nodes"]
    wanted = [{"publicationId": node["id"]} for node in nodes]
    for _ in range(2):
        found = shop.ask(PUBLISH, id=made["id"], input=wanted)["publishablePublish"]
        assert found["publishable"]["resourcePublicationsCount"]["count"] == len(wanted) == 2
    nowhere = [{"publicationId": "gid://shopify/Publication/1"}]
    assert shop.ask(PUBLISH, id=made["id"], input=nowhere)["publishablePublish"]["userErrors"]


def test_products_are_searched_and_sorted(shop: Client) -> None:
    query = (
        "query P($q: String) { products(first: 5, query: $q, sortKey: TITLE, reverse: true) "
        "{ nodes { handle } } }"
    )
    shop.upsert("blue-cat", status="ACTIVE", tags=["cats"])
    shop.upsert("red-cat", tags=["cats"])
    shop.upsert("dog", status="ACTIVE")

    def found(text: str) -> list[str]:
        return [node["handle"] for node in shop.ask(query, q=text)["products"]["nodes"]]

    assert found("tag:cats") == ["red-cat", "blue-cat"]
    assert found("status:active") == ["dog", "blue-cat"]
    assert found("tag:cats AND status:active") == ["blue-cat"]
    (error,) = shop.errors(query, q="colour:red")
    assert "does not know the search term" in error["message"]


# --- files ---------------------------------------------------------------------------------------


def staged(shop: Client, method: str = "POST") -> dict[str, Any]:
    asked = {
        "filename": "cat.png",
        "mimeType": "image/png",
        "resource": "IMAGE",
        "httpMethod": method,
    }
    return dict(shop.ask(STAGE, input=[asked])["stagedUploadsCreate"]["stagedTargets"][0])


def upload(target: dict[str, Any], content: bytes, **change: str) -> httpx.Response:
    fields = {p["name"]: p["value"] for p in target["parameters"]} | change
    return httpx.post(target["url"], data=fields, files={"file": ("cat.png", content, "image/png")})


def test_a_picture_goes_from_the_staged_upload_to_the_cdn(sandbox: Sandbox) -> None:
    shop = Client(sandbox, media_polls=1, media_ms=0)
    content = b"\x89PNG\r\n\x1a\n--not the boundary--\r\n\x00"
    target = staged(shop)
    assert upload(target, content).status_code == 201
    file = {"originalSource": target["resourceUrl"], "contentType": "IMAGE", "alt": "A cat"}
    made = shop.upsert("blue-cat", files=[file])["product"]
    assert made["media"]["nodes"][0]["status"] == "PROCESSING"
    (ready,) = shop.ask(MEDIA, id=made["id"])["product"]["media"]["nodes"]
    assert ready["status"] == "READY"
    assert httpx.get(ready["image"]["url"]).content == content
    assert shop.upsert("blue-cat")["product"]["media"]["nodes"] == [ready]


def test_a_picture_goes_up_as_a_plain_body_too(shop: Client) -> None:
    target = staged(shop, "PUT")
    answer = httpx.put(target["url"], content=b"png", headers={"Content-Type": "image/png"})
    assert answer.status_code == 200


def test_media_take_time(sandbox: Sandbox) -> None:
    shop = Client(sandbox, media_ms=3600_000)
    target = staged(shop)
    upload(target, b"png")
    file = {"originalSource": target["resourceUrl"], "contentType": "IMAGE"}
    made = shop.upsert("blue-cat", files=[file])["product"]
    (slow,) = shop.ask(MEDIA, id=made["id"])["product"]["media"]["nodes"]
    assert (slow["status"], slow["image"]) == ("PROCESSING", None)


def test_media_from_nowhere_fail(shop: Client) -> None:
    file = {"originalSource": f"{shop.base_url}/staged/tmp/none/cat.png", "contentType": "IMAGE"}
    made = shop.upsert("blue-cat", files=[file])["product"]
    (failed,) = shop.ask(MEDIA, id=made["id"])["product"]["media"]["nodes"]
    assert failed["status"] == "FAILED"
    assert failed["mediaErrors"] == [{"code": "IMAGE_DOWNLOAD_FAILURE"}]


@pytest.mark.parametrize(
    ("change", "content"),
    [
        pytest.param({"x-goog-signature": "0"}, b"png", id="a wrong signature"),
        pytest.param({"content-type": "image/jpeg"}, b"png", id="a type that was not staged"),
        pytest.param({}, b"", id="no content"),
    ],
)
def test_the_upload_target_refuses(
    sandbox: Sandbox, shop: Client, change: dict[str, str], content: bytes
) -> None:
    assert upload(staged(shop), content, **change).status_code == 403
    assert len(sandbox.seen()) == 1


# --- orders --------------------------------------------------------------------------------------


def test_orders_show_what_customers_kept(sandbox: Sandbox, shop: Client) -> None:
    shop.upsert("blue-cat")
    sandbox.orders(
        DOMAIN,
        [
            {"product": "blue-cat", "quantity": 3, "days_ago": 2},
            {"product": "blue-cat", "quantity": 2, "days_ago": 1, "cancelled": True},
            {"product": "blue-cat", "quantity": 4, "days_ago": 1, "refunded": 1},
            {"product": "blue-cat", "test": True},
        ],
    )
    orders = shop.ask(ORDERS, n=10, q="updated_at:>='2026-01-01T00:00:00Z'")["orders"]["nodes"]
    rows = [
        (
            order["cancelledAt"] is not None,
            order["test"],
            order["displayFinancialStatus"],
            line["quantity"],
            line["currentQuantity"],
            line["discountedTotalSet"]["shopMoney"]["amount"],
        )
        for order in orders
        for line in order["lineItems"]["nodes"]
    ]
    assert rows == [
        (False, False, "PAID", 3, 3, "89.97"),
        (True, False, "VOIDED", 2, 0, "59.98"),
        (False, False, "PARTIALLY_REFUNDED", 4, 3, "119.96"),
        (False, True, "PAID", 1, 1, "29.99"),
    ]
    noon = datetime.now(UTC).date() - timedelta(days=2)
    assert orders[0]["createdAt"] == f"{noon}T12:00:00Z"


def test_a_changed_order_is_read_again(sandbox: Sandbox, shop: Client) -> None:
    shop.upsert("blue-cat")
    sold = {"product": "blue-cat", "quantity": 2, "updated_at": "2026-11-01T00:00:00Z"}
    (order,) = sandbox.orders(DOMAIN, [sold | {"created_at": "2026-11-01T00:00:00Z"}])
    since = "updated_at:>'2026-11-01T00:00:00Z'"
    assert shop.ask(ORDERS, n=10, q=since)["orders"]["nodes"] == []
    sandbox.orders(DOMAIN, [{"order": order["name"], "refunded": True}])
    (changed,) = shop.ask(ORDERS, n=10, q=since)["orders"]["nodes"]
    assert changed["displayFinancialStatus"] == "REFUNDED"


def test_orders_come_page_by_page(sandbox: Sandbox, shop: Client) -> None:
    shop.upsert("blue-cat")
    sandbox.orders(DOMAIN, [{"product": "blue-cat", "days_ago": n} for n in range(5)])
    seen, after = [], None
    while True:
        page = shop.ask(ORDERS, n=2, after=after)["orders"]
        seen += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["#1001", "#1002", "#1003", "#1004", "#1005"]


def test_lines_come_page_by_page(sandbox: Sandbox, shop: Client) -> None:
    shop.upsert("blue-cat")
    lines = [{"product": "blue-cat", "quantity": n} for n in range(1, 8)]
    sandbox.orders(DOMAIN, [{"lines": lines}])
    (order,) = shop.ask(ORDERS, n=1)["orders"]["nodes"]
    assert [line["quantity"] for line in order["lineItems"]["nodes"]] == [1, 2, 3, 4, 5]
    rest = shop.ask(
        "query Rest($id: ID!, $after: String) { order(id: $id) { lineItems(first: 5, after: $after)"
        " { nodes { quantity } pageInfo { hasNextPage } } } }",
        id=order["id"],
        after=order["lineItems"]["pageInfo"]["endCursor"],
    )["order"]["lineItems"]
    assert rest == {
        "nodes": [{"quantity": 6}, {"quantity": 7}],
        "pageInfo": {"hasNextPage": False},
    }


def test_old_orders_need_a_scope(sandbox: Sandbox) -> None:
    shop = Client(sandbox, scopes=["read_orders", "write_products"])
    shop.upsert("blue-cat")
    sandbox.orders(DOMAIN, [{"product": "blue-cat", "days_ago": n} for n in (1, 61)])
    assert len(shop.ask(ORDERS, n=10)["orders"]["nodes"]) == 1
    sandbox.open("shopify", DOMAIN, scopes=["read_orders", "read_all_orders"])
    assert len(shop.ask(ORDERS, n=10)["orders"]["nodes"]) == 2


@pytest.mark.parametrize("first", [0, 251])
def test_a_page_has_1_to_250(shop: Client, first: int) -> None:
    errors = shop.errors("query C($n: Int!) { collections(first: $n) { nodes { id } } }", n=first)
    assert "between 1 and 250" in errors[0]["message"]


# --- stock ---------------------------------------------------------------------------------------


def test_stock_is_set_once_for_a_key(shop: Client) -> None:
    made = shop.upsert("blue-cat")["product"]
    item = made["variants"]["nodes"][0]["inventoryItem"]["id"]
    place = shop.ask("query { locations(first: 1) { nodes { id } } }")["locations"]["nodes"][0][
        "id"
    ]

    def put(units: int, before: int | None, key: str) -> Any:
        line = {
            "inventoryItemId": item,
            "locationId": place,
            "quantity": units,
            "changeFromQuantity": before,
        }
        given = {"name": "available", "reason": "correction", "quantities": [line]}
        return shop.ask(STOCK, input=given, key=key)["inventorySetQuantities"]

    set_to_5 = put(5, None, "a")
    assert set_to_5["inventoryAdjustmentGroup"]["changes"] == [{"name": "available", "delta": 5}]
    assert put(5, None, "a") == set_to_5
    assert put(6, None, "a")["userErrors"][0]["code"] == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
    assert put(7, 4, "b")["userErrors"][0]["code"] == "CHANGE_FROM_QUANTITY_STALE"
    assert put(7, 5, "c")["userErrors"] == []


def test_stock_needs_the_idempotent_directive(shop: Client) -> None:
    given = {"name": "available", "reason": "correction", "quantities": []}
    (error,) = shop.errors(
        STOCK.replace("@idempotent(key: $key)", "").replace(", $key: String!", ""), input=given
    )
    assert "@idempotent directive is required" in error["message"]


# --- who may, and how much -----------------------------------------------------------------------


def test_a_wrong_token_is_401(sandbox: Sandbox, shop: Client) -> None:
    shop.token = "shpat_wrong"
    assert shop.send("query { shop { id } }").status_code == 401
    assert sandbox.state("shopify")["answered"] == {"shop 401": 1}


def test_one_shops_token_opens_no_other(sandbox: Sandbox, shop: Client) -> None:
    other = Client(sandbox, "two.myshopify.com")
    other.token = shop.token
    assert other.send("query { shop { id } }").status_code == 401


def test_a_missing_scope_is_access_denied(sandbox: Sandbox) -> None:
    shop = Client(sandbox, scopes=["read_products"])
    (error,) = shop.errors(UPSERT, identifier={"handle": "blue-cat"}, input=product("blue-cat"))
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert "`write_products`" in error["message"]
    assert error["path"] == ["productSet"]


@pytest.mark.parametrize("version", ["2024-01", "soon"])
def test_an_unknown_version_is_404(shop: Client, version: str) -> None:
    shop.version = version
    assert shop.send("query { shop { id } }").status_code == 404


def test_an_app_gets_a_token_for_a_day(sandbox: Sandbox, shop: Client) -> None:
    url = f"{shop.base_url}/admin/oauth/access_token"
    asked = {key: shop.account[key] for key in ("client_id", "client_secret")}
    granted = httpx.post(url, json={**asked, "grant_type": "client_credentials"}).json()
    assert granted["expires_in"] == 86399
    shop.token = granted["access_token"]
    assert shop.ask("query { shop { myshopifyDomain } }")
    wrong = {**asked, "client_secret": "x", "grant_type": "client_credentials"}
    assert httpx.post(url, json=wrong).json()["error"] == "invalid_client"
    sandbox.open("shopify", DOMAIN, expires_in=0)
    late = httpx.post(url, json={**asked, "grant_type": "client_credentials"}).json()
    shop.token = late["access_token"]
    assert shop.send("query { shop { id } }").status_code == 401


def test_points_are_spent_and_come_back(sandbox: Sandbox) -> None:
    shop = Client(sandbox, bucket=25, restore_rate=0)
    first = shop.send(UPSERT, {"identifier": {"handle": "a"}, "input": product("a")}).json()
    cost = first["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (11, 11)
    assert cost["throttleStatus"]["currentlyAvailable"] == 14
    shop.upsert("b")
    refused = shop.send(UPSERT, {"identifier": {"handle": "c"}, "input": product("c")})
    assert refused.status_code == 200
    assert refused.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert refused.json()["extensions"]["cost"]["actualQueryCost"] is None
    assert set(sandbox.products()) == {"a", "b"}
    sandbox.open("shopify", DOMAIN, bucket=25)
    assert shop.upsert("c")["userErrors"] == []


def test_a_query_gives_back_what_it_did_not_use(shop: Client) -> None:
    shop.upsert("blue-cat")
    query = "query { products(first: 50) { nodes { id variants(first: 2) { nodes { id } } } } }"
    cost = shop.send(query).json()["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (252, 6)


def test_a_query_costs_at_most_1000(shop: Client) -> None:
    query = "query { products(first: 250) { nodes { id variants(first: 50) { nodes { id } } } } }"
    (error,) = shop.errors(query)
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"


# --- the contract --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "says"),
    [
        pytest.param("query { shop { nam } }", "Cannot query field 'nam'", id="an unknown field"),
        pytest.param("query { shop ", "Syntax Error", id="no GraphQL"),
        pytest.param(
            "query { collections(firs: 3) { nodes { id } } }", "Unknown argument", id="an argument"
        ),
        pytest.param(
            'mutation { collectionAddProducts(id: "gid://shopify/Collection/1", productIds: []) '
            "{ userErrors { message } } }",
            "is deprecated",
            id="a deprecated mutation",
        ),
        pytest.param(
            "query { product(id: 7.5) { id } }", "ID cannot represent", id="a wrong literal"
        ),
    ],
)
def test_a_wrong_document_is_a_violation(
    sandbox: Sandbox, shop: Client, query: str, says: str
) -> None:
    assert shop.send(query).json()["errors"]
    assert any(says in line for line in sandbox.seen()), sandbox.seen()


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"n": 1, "q": 7}, id="a variable of another type"),
        pytest.param({"n": 1, "extra": 7}, id="a variable nobody declared"),
        pytest.param({}, id="a variable left out"),
    ],
)
def test_wrong_variables_are_a_violation(
    sandbox: Sandbox, shop: Client, variables: dict[str, Any]
) -> None:
    shop.send(ORDERS, variables)
    assert len(sandbox.seen()) == 1


def test_a_field_of_an_input_that_nobody_knows_is_a_violation(
    sandbox: Sandbox, shop: Client
) -> None:
    given = product("blue-cat", titel="Blue Cat")
    assert shop.errors(UPSERT, identifier={"handle": "blue-cat"}, input=given)
    assert "titel" in sandbox.seen()[0]
    assert sandbox.products() == {}


def test_what_the_sandbox_does_not_do_is_said_so(sandbox: Sandbox, shop: Client) -> None:
    shop.send("query { shop { email } }")
    assert "the sandbox does not do it" in sandbox.seen()[0]


def test_an_unknown_address_is_a_violation(sandbox: Sandbox, shop: Client) -> None:
    assert httpx.get(f"{shop.base_url}/admin/api/2026-10/products.json").status_code == 404
    assert len(sandbox.seen()) == 1


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status"),
    [("429", 429), ("500", 500), ("unauthorized", 401), ("throttled", 200)],
)
def test_a_fault_comes_instead_of_the_effect(
    sandbox: Sandbox, shop: Client, fault: str, status: int
) -> None:
    sandbox.fault("shopify", fault, operation="productSet")
    shop.ask("query { shop { id } }")
    answer = shop.send(UPSERT, {"identifier": {"handle": "a"}, "input": product("a")})
    assert answer.status_code == status
    assert sandbox.products() == {}
    sandbox.open("shopify", DOMAIN, bucket=2000)
    assert shop.upsert("a")["userErrors"] == []


@pytest.mark.parametrize("fault", ["half_body", "effect_then_timeout"])
def test_the_effect_is_there_though_the_connection_was_cut(
    sandbox: Sandbox, shop: Client, fault: str
) -> None:
    sandbox.fault("shopify", fault)
    with pytest.raises(httpx.RemoteProtocolError):
        shop.upsert("blue-cat")
    assert list(sandbox.products()) == ["blue-cat"]
    assert sandbox.state("shopify")["answered"] == {"productSet 0": 1}


def test_a_silence_can_be_longer_than_a_client_waits(sandbox: Sandbox, shop: Client) -> None:
    sandbox.fault("shopify", "effect_then_timeout", ms=60_000)
    shop.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        shop.upsert("blue-cat")
    assert list(sandbox.products()) == ["blue-cat"]


def test_faults_can_wait_and_repeat(sandbox: Sandbox, shop: Client) -> None:
    sandbox.fault("shopify", "500", skip=1, times=2)
    statuses = [shop.send("query { shop { id } }").status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
