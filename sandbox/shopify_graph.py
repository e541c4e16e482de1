"""The GraphQL of the Shopify stand-in: root fields, their scopes, and what a query costs.

The schema is ``shopify.graphql``; a method named like a root field is its resolver.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    StringValueNode,
    VariableNode,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from sandbox.shopify_shop import (
    Node,
    Product,
    Shop,
    connection,
    number_of,
    parse_time,
    prices,
    rfc3339,
    utc_now,
)

SCHEMA: GraphQLSchema = build_schema(Path(__file__).with_name("shopify.graphql").read_text())
SEARCH = re.compile(r"(\w+):(>=|<=|>|<)?(?:'([^']*)'|\"([^\"]*)\"|(\S+))")
HANDLE = re.compile(r"[^\WA-Z]+(-[^\WA-Z]+)*")
ORDERS_VISIBLE = timedelta(days=60)


class Denied(GraphQLError):
    """The token lacks a scope; worded as Shopify does."""

    def __init__(self, field: str, scope: str) -> None:
        access = f"`{scope}` access scope."
        super().__init__(
            f"Access denied for {field} field. Required access: {access}",
            extensions={
                "code": "ACCESS_DENIED",
                "documentation": "https://shopify.dev/api/usage/access-scopes",
                "requiredAccess": access,
            },
        )


class Root:
    """Queries and mutations of one shop. Scopes as the official schema lists them."""

    def __init__(self, shop: Shop, versions: Sequence[str]) -> None:
        self._shop = shop
        self._versions = versions

    # --- queries ---------------------------------------------------------------------------------

    def shop(self, info: GraphQLResolveInfo) -> Node:
        domain = self._shop.domain
        return {
            "id": f"gid://shopify/Shop/{number_of(self._shop.location['id'])}",
            "name": domain.partition(".")[0],
            "myshopifyDomain": domain,
            "currencyCode": self._shop.currency,
            "ianaTimezone": self._shop.time_zone,
            "url": f"https://{domain}",
        }

    def currentAppInstallation(self, info: GraphQLResolveInfo) -> Node:
        scopes = [{"handle": scope} for scope in sorted(self._shop.scopes)]
        return {"id": "gid://shopify/AppInstallation/1", "accessScopes": scopes}

    def publicApiVersions(self, info: GraphQLResolveInfo) -> list[Node]:
        return [{"handle": v, "displayName": v, "supported": True} for v in self._versions]

    def collections(self, info: GraphQLResolveInfo, **args: Any) -> Node:
        self._need(info, "read_products")
        keys = {"ID": "id", "TITLE": "title", "UPDATED_AT": "updatedAt"}
        key = keys[args["sortKey"]]
        return connection(list(self._shop.collections.values()), args, lambda node: node[key])

    def publications(self, info: GraphQLResolveInfo, **args: Any) -> Node:
        self._need(info, "read_publications")
        return connection(list(self._shop.publications.values()), args)

    def locations(self, info: GraphQLResolveInfo, **args: Any) -> Node:
        self._need(info, "read_locations", "read_inventory")
        return connection([self._shop.location], args)

    def product(self, info: GraphQLResolveInfo, id: str) -> Node | None:
        self._need(info, "read_products")
        found = self._shop.products.get(id)
        return None if found is None else self._shop.product_node(found)

    def productByIdentifier(
        self, info: GraphQLResolveInfo, identifier: Mapping[str, Any]
    ) -> Node | None:
        self._need(info, "read_products")
        found = self._shop.identified(identifier)
        return None if found is None else self._shop.product_node(found)

    def products(self, info: GraphQLResolveInfo, **args: Any) -> Node:
        self._need(info, "read_products")
        keys: dict[str, Callable[[Product], Any]] = {
            "ID": lambda p: number_of(p.gid),
            "TITLE": lambda p: p.title,
            "CREATED_AT": lambda p: rfc3339(p.created_at),
            "UPDATED_AT": lambda p: rfc3339(p.updated_at),
        }
        fits: dict[str, Callable[[Product, str], bool]] = {
            "status": lambda p, wanted: p.status == wanted.upper(),
            "handle": lambda p, wanted: p.handle == wanted,
            "tag": lambda p, wanted: wanted in p.tags,
        }
        found = list(self._shop.products.values())
        for name, _, wanted in search(args.get("query"), fits):
            found = [p for p in found if fits[name](p, wanted)]
        page = connection(found, args, keys[args["sortKey"]], gid=lambda p: str(p.gid))
        return {**page, "nodes": [self._shop.product_node(p) for p in page["nodes"]]}

    def orders(self, info: GraphQLResolveInfo, **args: Any) -> Node:
        """Without read_all_orders, only the last 60 days are there."""
        self._need(info, "read_orders")
        found = list(self._shop.orders.values())
        if "read_all_orders" not in self._shop.scopes:
            first = utc_now() - ORDERS_VISIBLE
            found = [order for order in found if order["createdAt"] >= first]
        times = {"updated_at": "updatedAt", "created_at": "createdAt"}
        for name, sign, wanted in search(args.get("query"), times):
            bound, key = parse_time(wanted), times[name]
            found = [order for order in found if compare(order[key], sign, bound)]
        keys: dict[str, Callable[[Node], Any]] = {
            "ID": lambda order: number_of(order["id"]),
            "CREATED_AT": lambda order: rfc3339(order["createdAt"]),
            "PROCESSED_AT": lambda order: rfc3339(order["createdAt"]),
            "UPDATED_AT": lambda order: rfc3339(order["updatedAt"]),
        }
        page = connection(found, args, keys[args["sortKey"]])
        return {**page, "nodes": [self._shop.order_node(order) for order in page["nodes"]]}

    def order(self, info: GraphQLResolveInfo, id: str) -> Node | None:
        self._need(info, "read_orders")
        found = self._shop.orders.get(id)
        return None if found is None else self._shop.order_node(found)

    def inventoryItem(self, info: GraphQLResolveInfo, id: str) -> Node | None:
        self._need(info, "read_inventory", "read_products")
        variants = (v for product in self._shop.products.values() for v in product.variants)
        return next(
            ({"id": id, "sku": v["sku"], "tracked": True} for v in variants if v["item"] == id),
            None,
        )

    # --- mutations -------------------------------------------------------------------------------

    def stagedUploadsCreate(
        self, info: GraphQLResolveInfo, input: Sequence[Mapping[str, Any]]
    ) -> Node:
        targets = [self._shop.stage(asked) for asked in input]
        return {"stagedTargets": targets, "userErrors": []}

    def productSet(
        self,
        info: GraphQLResolveInfo,
        input: Mapping[str, Any],
        synchronous: bool,
        identifier: Mapping[str, Any] | None = None,
    ) -> Node:
        """An upsert. Lists that are given replace what was there; fields left out stay."""
        self._need(info, "write_products")
        if not synchronous:
            raise GraphQLError("The sandbox does productSet only with synchronous: true.")
        input = {name: value for name, value in input.items() if value is not None}
        known = self._shop.identified(identifier) if identifier else None
        wrong = self._wrong_identifier(identifier or {}, input, known) or wrong_variants(input)
        wrong = wrong or self._wrong_product(input, known, new=known is None)
        if wrong is not None:
            return {"product": None, "userErrors": [wrong]}
        product = known or self._shop.new_product(input)
        self._shop.write(product, input)
        if "productOptions" in input:
            product.options = [dict(option) for option in input["productOptions"]]
            product.variants = [
                self._shop.new_variant(product, given) for given in input["variants"]
            ]
        if "files" in input:
            product.media = [self._shop.new_media(given) for given in input["files"]]
        if "collections" in input:
            product.collections = list(input["collections"])
        if "metafields" in input:
            product.metafields = {
                (given.get("namespace", "app"), given["key"]): given["value"]
                for given in input["metafields"]
            }
        product.sets += 1
        return {"product": self._shop.product_node(product), "userErrors": []}

    def productUpdate(self, info: GraphQLResolveInfo, product: Mapping[str, Any]) -> Node:
        self._need(info, "write_products")
        known = self._shop.products.get(product.get("id", ""))
        if known is None:
            return {"product": None, "userErrors": [user_error(["id"], "Product does not exist")]}
        joins = {*product.get("collectionsToJoin", []), *product.get("collectionsToLeave", [])}
        wrong = self._wrong_product(product, known, new=False)
        if wrong is None and not joins <= set(self._shop.collections):
            wrong = user_error(["collectionsToJoin"], "Collection does not exist")
        if wrong is not None:
            wrong = {"field": wrong["field"], "message": wrong["message"]}
            return {"product": self._shop.product_node(known), "userErrors": [wrong]}
        self._shop.write(known, product)
        left = set(product.get("collectionsToLeave", []))
        known.collections = [gid for gid in known.collections if gid not in left]
        for gid in product.get("collectionsToJoin", []):
            if gid not in known.collections:
                known.collections.append(gid)
        return {"product": self._shop.product_node(known), "userErrors": []}

    def productVariantsBulkUpdate(
        self,
        info: GraphQLResolveInfo,
        productId: str,
        variants: Sequence[Mapping[str, Any]],
        allowPartialUpdates: bool,
    ) -> Node:
        self._need(info, "write_products")
        product = self._shop.products.get(productId)
        if product is None:
            wrong = user_error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
            return {"product": None, "productVariants": None, "userErrors": [wrong]}
        known = {variant["gid"]: variant for variant in product.variants}
        errors = []
        for index, given in enumerate(variants):
            at = ["variants", str(index), "id"]
            if given.get("id") not in known:
                code = "PRODUCT_VARIANT_DOES_NOT_EXIST"
                errors.append(user_error(at, "Product variant does not exist", code))
            elif given.get("price") is not None and Decimal(given["price"]) < 0:
                errors.append(user_error(at, "Price is negative", "NEGATIVE_PRICE_VALUE"))
        if not errors:
            for given in variants:
                known[given["id"]].update(prices(given))
            product.updated_at = utc_now()
        changed = [self._shop.variant_node(product, known[v["id"]]) for v in variants if not errors]
        return {
            "product": self._shop.product_node(product),
            "productVariants": changed,
            "userErrors": errors,
        }

    def publishablePublish(
        self, info: GraphQLResolveInfo, id: str, input: Sequence[Mapping[str, Any]]
    ) -> Node:
        self._need(info, "write_publications")
        product = self._shop.products.get(id)
        if product is None:
            wrong = user_error(["id"], "Publishable does not exist")
            return {"publishable": None, "userErrors": [wrong]}
        wanted = [given.get("publicationId") for given in input]
        for index, gid in enumerate(wanted):
            if gid not in self._shop.publications:
                at = ["input", str(index), "publicationId"]
                wrong = user_error(at, "Publication does not exist")
                return {"publishable": self._shop.product_node(product), "userErrors": [wrong]}
        product.published.update(str(gid) for gid in wanted)
        return {"publishable": self._shop.product_node(product), "userErrors": []}

    def inventorySetQuantities(self, info: GraphQLResolveInfo, input: Mapping[str, Any]) -> Node:
        """Absolute stock; needs ``@idempotent`` and, per line, ``changeFromQuantity`` (or null)."""
        self._need(info, "write_inventory")
        key = idempotency_key(info)
        if key is None:
            message = "The @idempotent directive is required for this mutation but was not provided"
            raise GraphQLError(message, extensions={"code": "BAD_REQUEST"})
        asked = json.dumps(input, sort_keys=True)
        if key in self._shop.done:
            before, answer = self._shop.done[key]
            if before == asked:
                return answer
            code = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
            return stock_refused("The key was used with other parameters", code, [])
        if input["name"] != "available":
            return stock_refused("The quantity name must be available", "INVALID_NAME", ["name"])
        changes = []
        for index, line in enumerate(input["quantities"]):
            at = ["quantities", str(index)]
            if "changeFromQuantity" not in line:
                message = "changeFromQuantity is required; null compares nothing"
                raise GraphQLError(message, extensions={"code": "BAD_REQUEST"})
            item, place = line["inventoryItemId"], line["locationId"]
            if self.inventoryItem(info, item) is None:
                return stock_refused("Unknown inventory item", "INVALID_INVENTORY_ITEM", at)
            if place != self._shop.location["id"]:
                return stock_refused("Unknown location", "INVALID_LOCATION", at)
            before_units = self._shop.stock.get((item, place), 0)
            if line["changeFromQuantity"] not in (None, before_units):
                code = "CHANGE_FROM_QUANTITY_STALE"
                return stock_refused("The quantity is not what it was", code, at)
            changes.append((item, place, line["quantity"], line["quantity"] - before_units))
        for item, place, units, _ in changes:
            self._shop.stock[item, place] = units
        group = {
            "id": self._shop.gid("InventoryAdjustmentGroup"),
            "reason": input["reason"],
            "changes": lambda info, **_: [
                {"name": "available", "delta": delta, "quantityAfterChange": units}
                for _, _, units, delta in changes
            ],
        }
        answer = {"inventoryAdjustmentGroup": group, "userErrors": []}
        self._shop.done[key] = (asked, answer)
        return answer

    # --- rules -----------------------------------------------------------------------------------

    def _need(self, info: GraphQLResolveInfo, *any_of: str) -> None:
        """One of these scopes; a scope to write includes the one to read."""
        held = self._shop.scopes
        writes = {scope.replace("read_", "write_") for scope in any_of}
        if held.isdisjoint({*any_of, *writes}):
            raise Denied(info.field_name, any_of[0])

    def _wrong_identifier(
        self, identifier: Mapping[str, Any], given: Mapping[str, Any], known: Product | None
    ) -> Node | None:
        """The field that identifies must be in the input too, with the same value."""
        if "id" in identifier and known is None:
            return user_error(["identifier"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
        if "handle" in identifier:
            if "handle" not in given:
                message = "The input field corresponding to the identifier is required."
                return user_error(["input"], message, "MISSING_FIELD_REQUIRED")
            if given["handle"] != identifier["handle"]:
                message = "The identifier value does not match the value in the input."
                return user_error(["input"], message, "INPUT_MISMATCH")
        if "customId" in identifier:
            custom = identifier["customId"]
            for field_ in given.get("metafields", []):
                if (field_.get("key"), field_.get("value")) == (custom["key"], custom["value"]):
                    return None
            message = "The input argument `metafields` must contain the `customId` value."
            return user_error(["input", "metafields"], message, "METAFIELD_MISMATCH")
        return None

    def _wrong_product(
        self, given: Mapping[str, Any], known: Product | None, new: bool
    ) -> Node | None:
        title, handle = given.get("title"), given.get("handle")
        if (new and title is None) or (title is not None and not title.strip()):
            return user_error(["input", "title"], "Title can't be blank", "INVALID_PRODUCT")
        if title is not None and len(title) > 255:
            message = "Title is too long (maximum is 255 characters)"
            return user_error(["input", "title"], message, "INVALID_PRODUCT")
        if handle is not None and not HANDLE.fullmatch(handle):
            return user_error(["input", "handle"], "Handle is invalid", "INVALID_PRODUCT")
        holder = self._shop.by_handle(handle) if handle else None
        if holder is not None and holder is not known:
            message = f"Handle '{handle}' already in use. Please provide a new handle."
            return user_error(["input", "handle"], message, "HANDLE_NOT_UNIQUE")
        tags = given.get("tags") or []
        if len(tags) > 250 or any(len(tag) > 255 or "," in tag for tag in tags):
            return user_error(["input", "tags"], "Tags are invalid", "INVALID_PRODUCT")
        if not set(given.get("collections", [])) <= set(self._shop.collections):
            message = "Collection does not exist"
            return user_error(["input", "collections"], message, "INVALID_INPUT")
        return None


def wrong_variants(given: Mapping[str, Any]) -> Node | None:
    """Options and variants come together, and a variant names values that the options list."""
    options, variants = given.get("productOptions"), given.get("variants")
    if options is None and variants is None:
        return None
    if options is None:
        message = "Must specify product options when updating variants."
        return user_error(["input", "productOptions"], message, "PRODUCT_OPTIONS_INPUT_MISSING")
    if not variants:
        message = "Must specify variants when updating options."
        return user_error(["input", "variants"], message, "VARIANTS_INPUT_MISSING")
    known = {option.get("name"): names(option) for option in options}
    for name, values in known.items():
        at = ["input", "productOptions"]
        if not values:
            message = f"Option {name} must have at least one value."
            return user_error(at, message, "OPTION_VALUES_MISSING")
    for index, variant in enumerate(variants):
        at = ["input", "variants", str(index), "optionValues"]
        for value in variant["optionValues"]:
            if value.get("optionName") not in known:
                return user_error(at, "Option does not exist", "OPTION_DOES_NOT_EXIST")
            if value.get("name") not in known[value["optionName"]]:
                message = "Option value does not exist"
                return user_error(at, message, "OPTION_VALUE_DOES_NOT_EXIST")
        if variant.get("price") is not None and Decimal(variant["price"]) < 0:
            return user_error(at[:3], "Price must be positive", "INVALID_VARIANT")
    return None


def names(option: Mapping[str, Any]) -> set[str]:
    return {value["name"] for value in option.get("values") or []}


def user_error(field: list[str], message: str, code: str | None = None) -> Node:
    return {"field": field, "message": message, "code": code}


def stock_refused(message: str, code: str, at: list[str]) -> Node:
    error = user_error(["input", *at], message, code)
    return {"inventoryAdjustmentGroup": None, "userErrors": [error]}


def idempotency_key(info: GraphQLResolveInfo) -> str | None:
    for directive in info.field_nodes[0].directives:
        if directive.name.value == "idempotent":
            value = directive.arguments[0].value
            if isinstance(value, StringValueNode):
                return value.value
            if isinstance(value, VariableNode):
                return str(info.variable_values[value.name.value])
    return None


def search(query: str | None, known: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The terms of Shopify's search text, joined by AND: (field, sign, value)."""
    for term in re.split(r"\s+AND\s+|\s+(?=\w+:)", query or ""):
        if not term:
            continue
        found = SEARCH.fullmatch(term)
        if found is None or found[1] not in known:
            raise GraphQLError(f"The sandbox does not know the search term {term!r}.")
        yield found[1], found[2] or "=", next(t for t in found.groups()[2:] if t is not None)


def compare(value: datetime, sign: str, bound: datetime) -> bool:
    return {
        ">=": value >= bound,
        ">": value > bound,
        "<=": value <= bound,
        "<": value < bound,
        "=": value == bound,
    }[sign]


# --- documents -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Document:
    """A text, parsed and validated once."""

    ast: DocumentNode
    errors: tuple[GraphQLError, ...]

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        return get_operation_ast(self.ast, name)


@cache
def document(text: str) -> Document:
    """Raises GraphQLError when the text is no GraphQL."""
    ast = parse(text)
    return Document(ast, tuple(validate(SCHEMA, ast)))


def run(
    root: Root, asked: Document, variables: dict[str, Any], name: str | None
) -> ExecutionResult:
    return execute_sync(SCHEMA, asked.ast, root, variable_values=variables, operation_name=name)
