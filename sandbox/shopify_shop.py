"""One Shopify shop: what it holds, how that changes, and how it looks as GraphQL nodes.

A node holds values, or functions of ``info`` and the field's arguments, under the schema's names.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from sandbox.service import digest

Json = Any
Node = dict[str, Any]

MOST_PER_PAGE = 250

ALL_SCOPES = (
    "read_all_orders",
    "read_inventory",
    "read_locations",
    "read_orders",
    "read_products",
    "read_publications",
    "write_files",
    "write_inventory",
    "write_products",
    "write_publications",
)


@dataclass
class Media:
    gid: str
    source: str
    alt: str | None
    ready_at: float
    polls_left: int
    path: str | None
    """Where the CDN serves it; None when the source could not be read."""

    def status(self) -> str:
        if self.path is None:
            return "FAILED"
        return "READY" if self.polls_left <= 0 and time.time() >= self.ready_at else "PROCESSING"


@dataclass
class Upload:
    """A staged upload: first promised, then filled."""

    key: str
    filename: str
    mime_type: str
    method: str
    signature: str
    content: bytes | None = None


@dataclass
class Product:
    gid: str
    handle: str
    title: str
    created_at: datetime
    updated_at: datetime
    description_html: str = ""
    status: str = "ACTIVE"
    tags: list[str] = field(default_factory=list)
    vendor: str = ""
    product_type: str = ""
    options: list[dict[str, Any]] = field(default_factory=list)
    variants: list[dict[str, Any]] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    metafields: dict[tuple[str, str], str] = field(default_factory=dict)
    published: set[str] = field(default_factory=set)
    sets: int = 0
    """How often productSet wrote it: 1 is the creation."""


class Shop:
    """``images`` is where the CDN looks, by path."""

    def __init__(self, domain: str, scopes: Iterable[str], images: dict[str, bytes]) -> None:
        self.domain = domain
        self.images = images
        self.scopes = set(scopes)
        self.currency = "EUR"
        self.time_zone = "Europe/Berlin"
        self.base_url = ""
        self.media_seconds = 0.2
        self.media_polls = 0
        self.products: dict[str, Product] = {}
        self.collections: dict[str, Node] = {}
        self.publications: dict[str, Node] = {}
        self.orders: dict[str, Node] = {}
        self.uploads: dict[str, Upload] = {}
        self.stock: dict[tuple[str, str], int] = {}
        self.done: dict[str, tuple[str, Node]] = {}
        self._last = 0
        self.location = {"id": self.gid("Location"), "name": "Warehouse"}
        for title in ("Online Store", "Shop"):
            gid = self.gid("Publication")
            catalog = {"__typename": "AppCatalog", "id": self.gid("AppCatalog"), "title": title}
            self.publications[gid] = {"id": gid, "catalog": catalog}

    def gid(self, kind: str) -> str:
        self._last += 1
        start = int(digest(self.domain), 16) % 10**6 * 10**6
        return f"gid://shopify/{kind}/{start + self._last}"

    def add_collection(self, title: str) -> None:
        gid = self.gid("Collection")
        handle = re.sub(r"\W+", "-", title.lower()).strip("-")
        node = {"id": gid, "handle": handle, "title": title, "updatedAt": rfc3339(utc_now())}
        self.collections[gid] = node

    def by_handle(self, handle: str) -> Product | None:
        return next((p for p in self.products.values() if p.handle == handle), None)

    # --- orders, placed by the control API -------------------------------------------------------

    def place_order(self, asked: Mapping[str, Any]) -> Node:
        """A customer buys; with ``order`` (name or gid) an order that is there changes.

        Either way ``updatedAt`` is the present second: a reader by updated_at sees it next.
        """
        known = asked.get("order")
        if known is not None:
            order = next((o for o in self.orders.values() if known in (o["id"], o["name"])), None)
            if order is None:
                raise LookupError(f"{self.domain} has no order {known}")
        else:
            order = self._new_order(asked)
        moment = utc_now()
        if asked.get("cancelled"):
            order["cancelledAt"] = moment
            order["displayFinancialStatus"] = "VOIDED"
        refunded = asked.get("refunded", 0)
        for line in order["lines"]:
            left = line["quantity"] - line["refunded"]
            back = left if refunded is True or asked.get("cancelled") else min(left, int(refunded))
            line["refunded"] += back
        if refunded:
            whole = all(line["refunded"] == line["quantity"] for line in order["lines"])
            order["displayFinancialStatus"] = "REFUNDED" if whole else "PARTIALLY_REFUNDED"
        order["updatedAt"] = parse_time(asked["updated_at"]) if "updated_at" in asked else moment
        return order

    def _new_order(self, asked: Mapping[str, Any]) -> Node:
        moment = utc_now()
        if "created_at" in asked:
            created = parse_time(asked["created_at"])
        else:
            day = moment - timedelta(days=int(asked.get("days_ago", 0)))
            created = min(day.replace(hour=12, minute=0, second=0), moment)
        gid = self.gid("Order")
        order = {
            "id": gid,
            "name": f"#{1001 + len(self.orders)}",
            "createdAt": created,
            "cancelledAt": None,
            "test": bool(asked.get("test", False)),
            "displayFinancialStatus": "PAID",
            "lines": [self._new_line(line) for line in asked.get("lines", [asked])],
        }
        self.orders[gid] = order
        return order

    def _new_line(self, asked: Mapping[str, Any]) -> Node:
        wanted = str(asked["product"])
        product = self.products.get(wanted) or self.by_handle(wanted)
        if product is None:
            raise LookupError(f"{self.domain} has no product {wanted}")
        variant = product.variants[0]
        return {
            "id": self.gid("LineItem"),
            "product": product,
            "variant": variant,
            "quantity": int(asked.get("quantity", 1)),
            "refunded": 0,
            "price": variant["price"],
        }

    # --- what the control API shows --------------------------------------------------------------

    def state(self) -> dict[str, list[Node]]:
        return {
            "products": [self._product_state(product) for product in self.products.values()],
            "orders": [self._order_state(order) for order in self.orders.values()],
            "publications": [
                {"shop": self.domain, "gid": gid, "title": node["catalog"]["title"]}
                for gid, node in self.publications.items()
            ],
            "collections": [
                {"shop": self.domain, "gid": gid, "title": node["title"], "handle": node["handle"]}
                for gid, node in self.collections.items()
            ],
        }

    def _product_state(self, product: Product) -> Node:
        return {
            "shop": self.domain,
            "gid": product.gid,
            "handle": product.handle,
            "title": product.title,
            "description_html": product.description_html,
            "status": product.status,
            "tags": product.tags,
            "vendor": product.vendor,
            "variants": [{k: v[k] for k in ("gid", "sku", "price")} for v in product.variants],
            "media": [
                {
                    "status": m.status(),
                    "alt": m.alt,
                    "url": self.base_url + m.path if m.path else None,
                }
                for m in product.media
            ],
            "collections": product.collections,
            "published_to": sorted(product.published),
            "sets": product.sets,
        }

    def _order_state(self, order: Node) -> Node:
        return {
            "shop": self.domain,
            "gid": order["id"],
            "name": order["name"],
            "created_at": rfc3339(order["createdAt"]),
            "updated_at": rfc3339(order["updatedAt"]),
            "cancelled": order["cancelledAt"] is not None,
            "test": order["test"],
            "financial_status": order["displayFinancialStatus"],
            "lines": [
                {
                    "product": line["product"].handle,
                    "quantity": line["quantity"],
                    "current_quantity": line["quantity"] - line["refunded"],
                }
                for line in order["lines"]
            ],
        }

    # --- nodes -----------------------------------------------------------------------------------

    def product_node(self, product: Product) -> Node:
        online = product.published and product.status == "ACTIVE"
        address = f"https://{self.domain}/products/{product.handle}"
        return {
            "__typename": "Product",
            "id": product.gid,
            "handle": product.handle,
            "title": product.title,
            "descriptionHtml": product.description_html,
            "status": product.status,
            "tags": product.tags,
            "vendor": product.vendor,
            "productType": product.product_type,
            "createdAt": rfc3339(product.created_at),
            "updatedAt": rfc3339(product.updated_at),
            "onlineStoreUrl": address if online else None,
            "variants": lambda info, **args: connection(
                [self.variant_node(product, v) for v in product.variants], args
            ),
            "media": lambda info, **args: connection(
                [self.media_node(media) for media in product.media], args
            ),
            "collections": lambda info, **args: connection(
                [self.collections[gid] for gid in product.collections], args
            ),
            "resourcePublicationsCount": lambda info, onlyPublished: {
                "count": len(product.published) if online or not onlyPublished else 0,
                "precision": "EXACT",
            },
        }

    def variant_node(self, product: Product, variant: Node) -> Node:
        item = {"id": variant["item"], "sku": variant["sku"], "tracked": True}
        return {
            "id": variant["gid"],
            "title": " / ".join(variant["values"].values()),
            "price": variant["price"],
            "compareAtPrice": variant["compareAtPrice"],
            "sku": variant["sku"],
            "inventoryQuantity": self.stock.get((variant["item"], self.location["id"]), 0),
            "inventoryItem": item,
            "product": lambda info: self.product_node(product),
        }

    def media_node(self, media: Media) -> Node:
        status = media.status()
        media.polls_left -= 1
        failed = {
            "code": "IMAGE_DOWNLOAD_FAILURE",
            "message": "The image could not be downloaded",
            "details": None,
        }
        image = {"url": f"{self.base_url}{media.path}", "altText": media.alt}
        return {
            "__typename": "MediaImage",
            "id": media.gid,
            "status": status,
            "alt": media.alt,
            "mediaContentType": "IMAGE",
            "mediaErrors": [failed] if status == "FAILED" else [],
            "image": image | {"width": 1024, "height": 1536} if status == "READY" else None,
        }

    def order_node(self, order: Node) -> Node:
        return {
            **{k: rfc3339(v) if isinstance(v, datetime) else v for k, v in order.items()},
            "currencyCode": self.currency,
            "lineItems": lambda info, **args: connection(
                [self.line_node(line) for line in order["lines"]], args
            ),
        }

    def line_node(self, line: Node) -> Node:
        product, variant = line["product"], line["variant"]

        def money(units: int) -> Node:
            amount = Decimal(line["price"]) * units
            return {"shopMoney": {"amount": f"{amount:.2f}", "currencyCode": self.currency}}

        return {
            "id": line["id"],
            "title": product.title,
            "name": product.title,
            "sku": variant["sku"],
            "quantity": line["quantity"],
            "currentQuantity": line["quantity"] - line["refunded"],
            "product": self.product_node(product),
            "variant": self.variant_node(product, variant),
            "discountedTotalSet": lambda info, **_: money(line["quantity"]),
            "originalUnitPriceSet": money(1),
        }

    # --- writing ---------------------------------------------------------------------------------

    def stage(self, asked: Mapping[str, Any]) -> Node:
        """A place to upload one file to: by a form (POST) or as the plain body (PUT)."""
        key = f"tmp/{digest(self.domain, len(self.uploads))[:24]}/{asked['filename']}"
        upload = Upload(
            key, asked["filename"], asked["mimeType"], asked["httpMethod"], digest("sign", key)
        )
        self.uploads[key] = upload
        place = f"{self.base_url}/shopify/{self.domain}/staged"
        if upload.method == "PUT":
            url = f"{place}/{key}?X-Goog-Signature={upload.signature}"
            parameters = {"content_type": upload.mime_type, "acl": "private"}
        else:
            url = place
            parameters = {
                "content-type": upload.mime_type,
                "success_action_status": "201",
                "acl": "private",
                "key": key,
                "x-goog-signature": upload.signature,
            }
        return {
            "url": url,
            "resourceUrl": f"{place}/{key}",
            "parameters": [{"name": name, "value": text} for name, text in parameters.items()],
        }

    def identified(self, identifier: Mapping[str, Any]) -> Product | None:
        if "id" in identifier:
            return self.products.get(identifier["id"])
        if "handle" in identifier:
            return self.by_handle(identifier["handle"])
        custom = identifier["customId"]
        key = (custom.get("namespace") or "app", custom["key"])
        return next(
            (p for p in self.products.values() if p.metafields.get(key) == custom["value"]), None
        )

    def new_product(self, given: Mapping[str, Any]) -> Product:
        moment = utc_now()
        gid = self.gid("Product")
        handle = given.get("handle") or re.sub(r"\W+", "-", given["title"].lower()).strip("-")
        product = Product(gid, handle, given["title"], created_at=moment, updated_at=moment)
        default = {"optionValues": [{"optionName": "Title", "name": "Default Title"}]}
        product.variants = [self.new_variant(product, default)]
        self.products[gid] = product
        return product

    def write(self, product: Product, given: Mapping[str, Any]) -> None:
        names = {
            "title": "title",
            "descriptionHtml": "description_html",
            "status": "status",
            "vendor": "vendor",
            "productType": "product_type",
            "handle": "handle",
        }
        for key, name in names.items():
            if given.get(key) is not None:
                setattr(product, name, given[key])
        if given.get("tags") is not None:
            product.tags = sorted(set(given["tags"]), key=str.lower)
        product.updated_at = utc_now()

    def new_variant(self, product: Product, given: Mapping[str, Any]) -> Node:
        """The variant with these option values, as it was or new."""
        values = {value["optionName"]: value["name"] for value in given["optionValues"]}
        known = next((v for v in product.variants if v["values"] == values), None)
        variant = known or {
            "gid": self.gid("ProductVariant"),
            "item": self.gid("InventoryItem"),
            "values": values,
            "price": "0.00",
            "compareAtPrice": None,
            "sku": None,
        }
        variant.update(prices(given))
        if given.get("sku") is not None:
            variant["sku"] = given["sku"]
        return variant

    def new_media(self, given: Mapping[str, Any]) -> Media:
        """Only what was uploaded here can be read; anything else fails, as a dead link does."""
        source = given.get("originalSource", "")
        key = source.removeprefix(f"{self.base_url}/shopify/{self.domain}/staged/")
        upload = self.uploads.get(key)
        path = None
        if upload is not None and upload.content is not None:
            name = f"{digest(key)[:12]}_{upload.filename}"
            path = f"/shopify/{self.domain}/files/{name}"
            self.images[path] = upload.content
        return Media(
            gid=self.gid("MediaImage"),
            source=source,
            alt=given.get("alt"),
            ready_at=time.time() + self.media_seconds,
            polls_left=self.media_polls,
            path=path,
        )


def connection(
    rows: list[Any],
    args: Mapping[str, Any],
    key: Callable[[Any], Any] | None = None,
    gid: Callable[[Any], str] = lambda row: str(row["id"]),
) -> Node:
    """One page of ``rows``, in the order of ``key`` (None: as they are), by cursor.

    ``first`` must be asked for, 1 to 250.
    """
    first, backwards = args.get("first"), bool(args.get("reverse"))
    if first is None:
        raise GraphQLError("you must provide one of first or last")
    if not 0 < first <= MOST_PER_PAGE:
        raise GraphQLError(f"first must be between 1 and {MOST_PER_PAGE}")
    marked = [
        ([key(row) if key else index, number_of(gid(row))], row) for index, row in enumerate(rows)
    ]
    marked.sort(key=lambda pair: pair[0], reverse=backwards)
    if args.get("after"):
        after = cursor_mark(args["after"])
        marked = [pair for pair in marked if (pair[0] < after if backwards else pair[0] > after)]
    page = marked[:first]
    return {
        "nodes": [row for _, row in page],
        "pageInfo": {
            "hasNextPage": len(marked) > first,
            "hasPreviousPage": bool(args.get("after")),
            "startCursor": cursor(page[0][0]) if page else None,
            "endCursor": cursor(page[-1][0]) if page else None,
        },
    }


def cursor(mark: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(mark).encode()).decode()


def cursor_mark(text: str) -> list[Any]:
    try:
        mark = json.loads(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError):
        raise GraphQLError("Invalid cursor for current pagination sort.") from None
    return list(mark)


def prices(given: Mapping[str, Any]) -> Node:
    found = {key: given[key] for key in ("price", "compareAtPrice") if key in given}
    return {key: None if v is None else f"{Decimal(v):.2f}" for key, v in found.items()}


def number_of(gid: str) -> int:
    return int(gid.rpartition("/")[2])


def utc_now() -> datetime:
    """Shopify's times are whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
