"""Shopify's Admin GraphQL.

Every write here sets an absolute value or upserts by our handle, so a repeat does no harm: a call
without an answer is tried again. Documents are in ``documents/``; they ask for nothing that is not
used. Facts: https://shopify.dev/docs/api/admin-graphql, …/api/usage/limits, …/api/usage/response-codes
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from workers.credentials import Credentials
from workers.http import Json, Request, Stop, body_of, handler, retry_after, send
from workers.outcome import Done, GiveUp, Outcome, Throttle, TryLater

FOLDER = Path(__file__).with_name("documents")
LINE = (FOLDER / "line.graphql").read_text()
DOCUMENTS = {
    path.stem: path.read_text() + (LINE if "...Line" in path.read_text() else "")
    for path in sorted(FOLDER.glob("*.graphql"))
    if path.stem != "line"
}
OPTION, ONLY_VALUE = "Title", "Default Title"
"""What Shopify calls the one option, and its one value, of a product without variants."""


# --- the call ------------------------------------------------------------------------------------


@dataclass
class Session:
    """One handler's calls to one shop; ``throttle`` is the bucket after the last, with their cost."""

    credentials: Credentials
    http: httpx.AsyncClient
    throttle: Throttle | None = field(default=None, init=False)

    async def ask(self, document: str, **variables: Json) -> Json:
        """The data that the named document gets."""
        shop = self.credentials
        response = await send(
            self.http,
            "POST",
            f"{shop.base_url}/admin/api/{shop.api_version}/graphql.json",
            headers={"X-Shopify-Access-Token": shop.access or ""},
            json={"query": DOCUMENTS[document], "variables": variables},
        )
        spent = self.throttle.cost if self.throttle else 0.0
        data, self.throttle = read_graphql(response, spent)
        return data

    def done(self, answer: Json) -> Done:
        return Done(answer, self.throttle)


def read_graphql(response: httpx.Response, spent: float = 0) -> tuple[Json, Throttle | None]:
    """The data, and the bucket with the cost of this call and of those before (``spent``).

    Stops unless everything that was asked is there: by status, by ``errors``, by ``userErrors``.
    """
    read_status(response)
    body = body_of(response)
    if not isinstance(body, dict):
        raise Stop(TryLater(None, "The answer is no JSON.", "server_error"))
    throttle = read_throttle(body, spent)
    errors = body.get("errors")
    if errors:
        raise Stop(refused(errors, throttle))
    if not isinstance(body.get("data"), dict):
        raise Stop(TryLater(None, "The answer has no data.", "server_error"))
    for name, payload in body["data"].items():
        if isinstance(payload, dict) and payload.get("userErrors"):
            raise Stop(user_error(name, payload["userErrors"][0]))
    return body["data"], throttle


def read_status(response: httpx.Response) -> None:
    status = response.status_code
    if status < 300:
        return
    if status in (401, 403):
        raise Stop(GiveUp(f"The shop does not accept our token ({status}).", "unauthorized"))
    if status == 404:
        reason = "There is no such shop, or it does not speak this version."
        raise Stop(GiveUp(reason, "not_found"))
    if status == 429:
        reason = "The shop asks to slow down."
        wait = retry_after(response.headers)
        raise Stop(TryLater(wait, reason, "throttled", pause_key=True))
    if status == 408 or status >= 500:
        wait = retry_after(response.headers)
        raise Stop(TryLater(wait, f"The shop answered {status}.", "server_error"))
    raise Stop(GiveUp(f"The shop answered {status}.", "invalid_request"))


def read_throttle(body: Mapping[str, Any], spent: float) -> Throttle | None:
    cost = body.get("extensions", {}).get("cost")
    if not cost:
        return None
    bucket = cost["throttleStatus"]
    # What was asked for is only set aside; what it took is null where the shop turned it away.
    took = cost.get("actualQueryCost")
    return Throttle(
        available=bucket["currentlyAvailable"],
        maximum=bucket["maximumAvailable"],
        restore_rate=bucket["restoreRate"],
        cost=spent + (cost["requestedQueryCost"] if took is None else took),
    )


def refused(errors: Json, throttle: Throttle | None) -> Outcome:
    """The outcome of ``errors``: a list, in some refusals a bare text."""
    if not isinstance(errors, list):
        return GiveUp(f"The shop refuses: {errors}", "invalid_request")
    first = next((error for error in errors if isinstance(error, dict)), {})
    code = first.get("extensions", {}).get("code")
    reason = f"The shop refuses: {first.get('message', errors)}"
    if code == "THROTTLED":
        wait = None
        if throttle is not None:
            wait = max(0.0, (throttle.cost - throttle.available) / throttle.restore_rate)
        return TryLater(wait, "The shop's points are spent.", "throttled", True, throttle)
    if code in ("INTERNAL_SERVER_ERROR", "TIMEOUT"):
        return TryLater(None, reason, "server_error", throttle=throttle)
    return GiveUp(reason, "unauthorized" if code == "ACCESS_DENIED" else "invalid_request")


def user_error(name: str, error: Mapping[str, Any]) -> GiveUp:
    """A refusal by the rules of the shop, with Shopify's code and the field it names."""
    place = ".".join(error.get("field") or [])
    code = error.get("code") or ""
    told = " ".join(part for part in (name, code, place and f"at {place}") if part)
    gone = code.endswith(("NOT_FOUND", "DOES_NOT_EXIST")) or "does not exist" in error["message"]
    return GiveUp(f"{told}: {error['message']}", "not_found" if gone else "invalid_request")


# --- connections ---------------------------------------------------------------------------------


@handler
async def check(request: Request, credentials: Credentials, http: httpx.AsyncClient) -> Outcome:
    """Read the shop and what our token may do.

    Done:   {"granted_scopes": [str], "account": {"name", "domain", "currency", "time_zone"}}
    GiveUp: unauthorized.
    """
    session = Session(credentials, http)
    return session.done(read_check(await session.ask("check")))


def read_check(data: Json) -> Json:
    shop = data["shop"]
    return {
        "granted_scopes": [
            scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"]
        ],
        "account": {
            "name": shop["name"],
            "domain": shop["myshopifyDomain"],
            "currency": shop["currencyCode"],
            "time_zone": shop["ianaTimezone"],
        },
    }


@handler
async def refresh(request: Request, credentials: Credentials, http: httpx.AsyncClient) -> Outcome:
    """A new access token by the client credentials grant; it lives 24 hours, the old one stays good.

    Done:   {"access": sealed, "refresh": None, "expires_in": s, "refresh_expires_in": None, "scopes"}
    GiveUp: unauthorized, when the app's id or secret is wrong.

    Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant
    """
    response = await send(
        http,
        "POST",
        f"{credentials.base_url}/admin/oauth/access_token",
        json={
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "grant_type": "client_credentials",
        },
    )
    if response.status_code == 400:
        body = body_of(response)
        why = body.get("error") if isinstance(body, dict) else None
        raise Stop(GiveUp(f"The shop gives no token: {why}.", "unauthorized"))
    read_status(response)
    return Done(read_token(body_of(response), credentials))


def read_token(body: Json, credentials: Credentials) -> Json:
    if not isinstance(body, dict) or not body.get("access_token"):
        raise Stop(TryLater(None, "The answer has no token.", "server_error"))
    return {
        "access": credentials.seal("access", body["access_token"]),
        "refresh": None,
        "expires_in": body.get("expires_in"),
        "refresh_expires_in": None,
        "scopes": [scope for scope in body.get("scope", "").split(",") if scope],
    }


# --- products ------------------------------------------------------------------------------------


@handler
async def upload_design(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Put a picture where Shopify can take it from: a staged upload.

    Request: filename, media_type, image_base64
    Done:    {"resource_url": str}, what ``create_product`` takes
    """
    session = Session(credentials, http)
    content = base64.b64decode(request["image_base64"])
    staged = await session.ask("stage_upload", input=[staged_upload(request, len(content))])
    target = staged["stagedUploadsCreate"]["stagedTargets"][0]
    response = await send(
        http,
        "POST",
        target["url"],
        # Google's storage wants the parameters as fields of the form, and the file after them.
        data={parameter["name"]: parameter["value"] for parameter in target["parameters"]},
        files={"file": (request["filename"], content, request["media_type"])},
    )
    read_upload(response)
    return session.done({"resource_url": target["resourceUrl"]})


def staged_upload(request: Request, size: int) -> Json:
    return {
        "filename": request["filename"],
        "mimeType": request["media_type"],
        "fileSize": str(size),
        "resource": "IMAGE",
        "httpMethod": "POST",
    }


def read_upload(response: httpx.Response) -> None:
    """The storage is not the shop: its refusals say nothing about our token."""
    status = response.status_code
    if status in (408, 429) or status >= 500:
        wait = retry_after(response.headers)
        raise Stop(TryLater(wait, f"The upload was answered {status}.", "server_error"))
    if status >= 300:
        raise Stop(GiveUp(f"The upload was refused with {status}.", "invalid_request"))


@handler
async def create_product(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Make the product that has our handle, or make it what it should be.

    Request: handle, title, description_html, tags, vendor, price "29.99", sku, status, and image
             {"resource_url", "alt"} or None, which leaves the product's media alone
    Done:    {"product_gid", "variant_gid", "handle", "status"}
    GiveUp:  invalid_request with Shopify's code and field.
    """
    session = Session(credentials, http)
    handle = {"handle": request["handle"]}
    data = await session.ask("create_product", identifier=handle, input=product_input(request))
    product = data["productSet"]["product"]
    return session.done(
        {
            "product_gid": product["id"],
            "variant_gid": product["variants"]["nodes"][0]["id"],
            "handle": product["handle"],
            "status": product["status"],
        }
    )


def product_input(request: Request) -> Json:
    """productSet replaces every list it is given, so none is given that should stay."""
    wanted = {
        "handle": request["handle"],
        "title": request["title"],
        "descriptionHtml": request["description_html"],
        "tags": request["tags"],
        "vendor": request["vendor"],
        "status": request["status"],
        "productOptions": [{"name": OPTION, "values": [{"name": ONLY_VALUE}]}],
        "variants": [
            {
                "optionValues": [{"optionName": OPTION, "name": ONLY_VALUE}],
                "price": request["price"],
                "sku": request["sku"],
            }
        ],
    }
    image = request["image"]
    if image is not None:
        source = {"originalSource": image["resource_url"], "alt": image["alt"]}
        wanted["files"] = [{**source, "contentType": "IMAGE"}]
    return wanted


@handler
async def check_media(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Read how far Shopify is with a product's pictures.

    Request: product_gid
    Done:    {"media": [{"status": UPLOADED | PROCESSING | READY | FAILED, "url", "errors": [str]}]};
             url is the public address of a READY picture, else None
    GiveUp:  not_found.
    """
    session = Session(credentials, http)
    data = await session.ask("check_media", id=request["product_gid"])
    return session.done({"media": read_media(data)})


def read_media(data: Json) -> Json:
    if data["product"] is None:
        raise Stop(GiveUp("The product is gone.", "not_found"))
    return [
        {
            "status": node["status"],
            "url": (node.get("image") or {}).get("url"),
            "errors": [f"{e['code']}: {e['message']}" for e in node["mediaErrors"]],
        }
        for node in data["product"]["media"]["nodes"]
    ]


@handler
async def update_product(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Replace a product's words.

    Request: product_gid, title, description_html, tags (all of them: Shopify replaces the list)
    Done:    {"product_gid", "status"}
    GiveUp:  not_found, invalid_request.
    """
    session = Session(credentials, http)
    wanted = {
        "id": request["product_gid"],
        "title": request["title"],
        "descriptionHtml": request["description_html"],
        "tags": request["tags"],
    }
    data = await session.ask("update_product", product=wanted)
    product = data["productUpdate"]["product"]
    return session.done({"product_gid": product["id"], "status": product["status"]})


@handler
async def publish_product(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Make a product ACTIVE and visible on every sales channel of the shop.

    Request: product_gid
    Done:    {"status": "ACTIVE", "published_to": int}
    GiveUp:  not_found, for the product or for any channel.
    """
    session = Session(credentials, http)
    channels = (await session.ask("list_publications"))["publications"]["nodes"]
    if not channels:
        raise Stop(GiveUp("The shop has no sales channel to publish to.", "not_found"))
    data = await session.ask(
        "publish_product",
        id=request["product_gid"],
        publications=[{"publicationId": channel["id"]} for channel in channels],
    )
    count = data["publishablePublish"]["publishable"]["resourcePublicationsCount"]["count"]
    status = data["productUpdate"]["product"]["status"]
    return session.done({"status": status, "published_to": count})


# --- reading -------------------------------------------------------------------------------------


@handler
async def read_orders(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """One page of the orders that changed since a time, oldest change first.

    Request: updated_since (RFC 3339, or None for all), after (cursor or None), page_size. An order
             costs up to 18 points and a query at most 1,000: pages of 55 are the largest.
    Done:    {"orders": […], "has_next", "end_cursor"}; an order's lines are complete
    """
    session = Session(credentials, http)
    page = await session.ask("read_orders", **orders_wanted(request))
    orders = [read_order(node) for node in page["orders"]["nodes"]]
    for node, order in zip(page["orders"]["nodes"], orders, strict=True):
        lines = node["lineItems"]
        while lines["pageInfo"]["hasNextPage"]:
            cursor = lines["pageInfo"]["endCursor"]
            more = await session.ask("read_lines", id=node["id"], after=cursor)
            if more["order"] is None:
                raise Stop(TryLater(None, "An order went while it was read.", "server_error"))
            lines = more["order"]["lineItems"]
            order["lines"] += [read_line(line) for line in lines["nodes"]]
    info = page["orders"]["pageInfo"]
    return session.done(
        {"orders": orders, "has_next": info["hasNextPage"], "end_cursor": info["endCursor"]}
    )


def orders_wanted(request: Request) -> dict[str, Json]:
    since = request["updated_since"]
    return {
        "first": request["page_size"],
        "after": request["after"],
        "query": None if since is None else f"updated_at:>='{since}'",
    }


def read_order(node: Json) -> dict[str, Any]:
    return {
        "order_gid": node["id"],
        "name": node["name"],
        "created_at": node["createdAt"],
        "updated_at": node["updatedAt"],
        "cancelled_at": node["cancelledAt"],
        "test": node["test"],
        "financial_status": node["displayFinancialStatus"],
        "lines": [read_line(line) for line in node["lineItems"]["nodes"]],
    }


def read_line(node: Json) -> dict[str, Any]:
    """A line of a product that was deleted since names neither product nor variant."""
    money = node["discountedTotalSet"]["shopMoney"]
    return {
        "line_gid": node["id"],
        "product_gid": (node["product"] or {}).get("id"),
        "variant_gid": (node["variant"] or {}).get("id"),
        "sku": node["sku"],
        "title": node["title"],
        "quantity": node["quantity"],
        "current_quantity": node["currentQuantity"],
        "total": money["amount"],
        "currency": money["currencyCode"],
    }


@handler
async def list_collections(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Read every collection of the shop.

    Done: {"collections": [{"gid", "handle", "title"}]}
    """
    session = Session(credentials, http)
    found: list[Json] = []
    after = None
    while True:
        page = (await session.ask("list_collections", after=after))["collections"]
        found += [
            {"gid": node["id"], "handle": node["handle"], "title": node["title"]}
            for node in page["nodes"]
        ]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return session.done({"collections": found})
