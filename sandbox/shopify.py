"""Shopify: the Admin GraphQL endpoint, tokens, staged uploads and the CDN of every shop.

Facts: https://shopify.dev/docs/api/usage/response-codes, …/usage/limits, …/usage/access-scopes;
a token of the client credentials grant lives 24 hours.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLError, OperationDefinitionNode
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.contract import SHOPIFY_VERSIONS, Graph
from sandbox.faults import Fault
from sandbox.service import Json, Reply, World, deliver, digest, encoded, loaded, read_body
from sandbox.shopify_cost import MOST_PER_QUERY, Bucket, actual_cost, requested_cost
from sandbox.shopify_graph import SCHEMA, Document, Root, document, run
from sandbox.shopify_shop import ALL_SCOPES, Shop, Upload

TOKEN_SECONDS = 86399


@dataclass
class Account:
    """One shop and its one app."""

    shop: Shop
    bucket: Bucket = field(default_factory=Bucket)
    expiring: dict[str, float] = field(default_factory=dict)
    """Tokens of the client credentials grant, and when they end."""
    lifetime: float = TOKEN_SECONDS

    @property
    def permanent_token(self) -> str:
        return f"shpat_{digest('shopify', self.shop.domain)[:32]}"

    @property
    def client_id(self) -> str:
        return digest("shopify app")[:32]

    @property
    def client_secret(self) -> str:
        return f"shpss_{digest('shopify app secret')[:32]}"

    def accepts(self, token: str) -> bool:
        return token == self.permanent_token or time.time() < self.expiring.get(token, 0)


@dataclass(frozen=True)
class Asked:
    """A GraphQL request: its document, the operation it runs, and that operation's root fields."""

    text: str
    document: Document
    operation: OperationDefinitionNode
    name: str | None
    variables: dict[str, Any]

    @property
    def fields(self) -> str:
        nodes = self.operation.selection_set.selections
        return "+".join(node.name.value for node in nodes if isinstance(node, FieldNode))


class Shopify:
    name = "shopify"

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts: dict[str, Account] = {}

    # --- control ---------------------------------------------------------------------------------

    def open(self, asked: Mapping[str, Any], base_url: str) -> dict[str, Json]:
        """A shop with its app installed; asked again, the same one.

        Settings: scopes, collections (titles), currency, time_zone, media_ms, media_polls,
        bucket (points), restore_rate (points a second), expires_in (seconds, for new tokens).
        """
        domain = str(asked["account"])
        account = self.accounts.get(domain)
        if account is None:
            shop = Shop(domain, asked.get("scopes", ALL_SCOPES), self.world.images)
            account = Account(shop)
            self.accounts[domain] = account
            for title in asked.get("collections", ["Home page"]):
                account.shop.add_collection(title)
        shop = account.shop
        shop.base_url = base_url
        shop.scopes = set(asked.get("scopes", shop.scopes))
        shop.currency = asked.get("currency", shop.currency)
        shop.time_zone = asked.get("time_zone", shop.time_zone)
        shop.media_seconds = asked.get("media_ms", shop.media_seconds * 1000) / 1000
        shop.media_polls = asked.get("media_polls", shop.media_polls)
        account.lifetime = asked.get("expires_in", account.lifetime)
        if "bucket" in asked:
            account.bucket = Bucket(maximum=asked["bucket"], level=asked["bucket"])
        account.bucket.restore_rate = asked.get("restore_rate", account.bucket.restore_rate)
        return {
            "access_token": account.permanent_token,
            "client_id": account.client_id,
            "client_secret": account.client_secret,
        }

    def place_orders(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        domain = str(asked.get("shop"))
        if domain not in self.accounts:
            raise LookupError(f"there is no shop {domain}")
        shop = self.accounts[domain].shop
        placed = [shop.place_order(order) for order in asked.get("orders", [])]
        return [{"gid": order["id"], "name": order["name"]} for order in placed]

    def state(self) -> dict[str, Json]:
        found: dict[str, list[Any]] = {}
        for account in self.accounts.values():
            for name, rows in account.shop.state().items():
                found.setdefault(name, []).extend(rows)
        return dict(found)

    def reset(self) -> None:
        self.accounts.clear()

    def routes(self) -> list[Route]:
        shop = "/shopify/{shop}"
        return [
            Route(shop + "/admin/api/{version}/graphql.json", self.graphql, methods=["POST"]),
            Route(shop + "/admin/oauth/access_token", self.access_token, methods=["POST"]),
            Route(shop + "/staged", self.upload_form, methods=["POST"]),
            Route(shop + "/staged/{key:path}", self.upload_body, methods=["PUT"]),
            Route(shop + "/files/{name}", self.cdn, methods=["GET"]),
        ]

    # --- GraphQL ---------------------------------------------------------------------------------

    async def graphql(self, request: Request) -> Response:
        account = self.accounts.get(request.path_params["shop"])
        version = request.path_params["version"]
        if account is None or version not in SHOPIFY_VERSIONS:
            self.world.journal.note(self.name, "graphql", 404)
            return encoded(Reply(404, {"errors": "Not Found"}))
        official: Graph | None = await loaded(self.world.specs.loading(f"shopify {version}"))
        _, body, broken = await read_body(request)
        asked = understood(body) if not broken else Reply(400, {"errors": broken[0]})
        if isinstance(asked, Reply):
            self.world.journal.violate(self.name, "graphql", "request", [str(asked.body["errors"])])
            self.world.journal.note(self.name, "graphql", asked.status)
            return encoded(asked)
        wrong = self.violations(official, asked)
        self.world.journal.violate(self.name, asked.fields, "request", wrong)
        fault = self.world.faults.take(self.name, asked.fields)
        token = request.headers.get("x-shopify-access-token", "")
        reply = failure(fault)
        if reply is None and not account.accepts(token):
            reply = unauthorized()
        if reply is None:
            reply = self.executed(account, asked, throttled=is_kind(fault, "throttled"))
        reply.headers["X-Shopify-API-Version"] = version
        return await deliver(self.world.journal, self.name, asked.fields, reply, fault)

    def violations(self, official: Graph | None, asked: Asked) -> list[str]:
        """What Shopify would refuse or has deprecated; and what it knows but the sandbox does
        not, so that nobody takes a missing stand-in for a mistake of theirs."""
        own = [error.message for error in asked.document.errors]
        if official is None:
            return own
        wrong = list(official.document_errors(asked.text))
        if not wrong:
            wrong = official.variable_errors(asked.operation, asked.variables)
        return wrong or [f"Right, but the sandbox does not do it: {message}" for message in own]

    def executed(self, account: Account, asked: Asked, throttled: bool) -> Reply:
        if asked.document.errors:
            errors = [error.formatted for error in asked.document.errors]
            return Reply(200, {"errors": errors})
        bucket = account.bucket
        bucket.refill()
        cost = requested_cost(SCHEMA, asked.document.ast, asked.operation, asked.variables)
        if cost > MOST_PER_QUERY:
            return Reply(200, {"errors": [too_dear(cost)]})
        if throttled:
            bucket.level = 0
        if cost > bucket.level:
            return Reply(200, {"errors": [THROTTLED], "extensions": spent(bucket, cost, None)})
        root = Root(account.shop, SHOPIFY_VERSIONS)
        result = run(root, asked.document, asked.variables, asked.name)
        mutates = asked.operation.operation.value == "mutation"
        actual = cost if mutates else min(cost, actual_cost(result.data))
        bucket.level -= actual
        answer: dict[str, Json] = {"data": result.data, "extensions": spent(bucket, cost, actual)}
        if result.errors:
            answer["errors"] = [error.formatted for error in result.errors]
        return Reply(200, answer)

    # --- tokens ----------------------------------------------------------------------------------

    async def access_token(self, request: Request) -> Response:
        """The client credentials grant. Source: https://shopify.dev/docs/apps/build/
        authentication-authorization/access-tokens/client-credentials-grant"""
        fault = self.world.faults.take(self.name, "access_token")
        account = self.accounts.get(request.path_params["shop"])
        _, body, _ = await read_body(request)
        reply = failure(fault) or self.granted(account, body if isinstance(body, dict) else {})
        return await deliver(self.world.journal, self.name, "access_token", reply, fault)

    def granted(self, account: Account | None, body: Mapping[str, Any]) -> Reply:
        if account is None:
            return Reply(404, {"errors": "Not Found"})
        if body.get("grant_type") != "client_credentials":
            return refused("unsupported_grant_type", "The grant type must be client_credentials.")
        if (body.get("client_id"), body.get("client_secret")) != (
            account.client_id,
            account.client_secret,
        ):
            return refused("invalid_client", "The client id or secret is wrong.")
        token = f"shpat_{secrets.token_hex(16)}"
        account.expiring[token] = time.time() + account.lifetime
        scope = ",".join(sorted(account.shop.scopes))
        granted = {"access_token": token, "scope": scope, "expires_in": int(account.lifetime)}
        return Reply(200, granted)

    # --- files -----------------------------------------------------------------------------------

    async def upload_form(self, request: Request) -> Response:
        """As Google's storage takes a form: every parameter of the target, then the file."""
        fields, file = form_parts(request.headers.get("content-type", ""), await request.body())
        upload = self._upload(request, fields.get("key", ""))
        wrong = []
        if upload is None or fields.get("x-goog-signature") != upload.signature:
            wrong = ["the key is not one that was staged, or the signature is wrong"]
        elif fields.get("content-type") != upload.mime_type or upload.method != "POST":
            wrong = ["the parameters of the staged target must be sent as they are"]
        elif not file:
            wrong = ["there is no file in the form, or it is empty"]
        return await self._uploaded(upload, file, wrong, 201)

    async def upload_body(self, request: Request) -> Response:
        file = await request.body()
        upload = self._upload(request, request.path_params["key"])
        wrong = []
        signature = request.query_params.get("X-Goog-Signature")
        if upload is None or signature != upload.signature or upload.method != "PUT":
            wrong = ["the key is not one that was staged, or the signature is wrong"]
        elif request.headers.get("content-type") != upload.mime_type:
            wrong = [f"content type must be {upload.mime_type}, as staged"]
        return await self._uploaded(upload, file, wrong, 200)

    def _upload(self, request: Request, key: str) -> Upload | None:
        account = self.accounts.get(request.path_params["shop"])
        return account.shop.uploads.get(key) if account else None

    async def _uploaded(
        self, upload: Upload | None, file: bytes, wrong: list[str], status: int
    ) -> Response:
        fault = self.world.faults.take(self.name, "upload")
        self.world.journal.violate(self.name, "upload", "request", wrong)
        reply = failure(fault)
        if reply is None and wrong:
            reply = Reply(403, {"error": wrong[0]})
        if reply is None:
            if upload is not None:
                upload.content = file
            reply = Reply(status, {})
        return await deliver(self.world.journal, self.name, "upload", reply, fault)

    async def cdn(self, request: Request) -> Response:
        image = self.world.images.get(request.url.path)
        return Response(image, media_type="image/png") if image else Response(status_code=404)


THROTTLED = {
    "message": "Throttled",
    "extensions": {
        "code": "THROTTLED",
        "documentation": "https://shopify.dev/api/usage/rate-limits",
    },
}


def understood(body: Json) -> Asked | Reply:
    """The request, or why it is none."""
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return Reply(400, {"errors": {"query": "Required parameter missing or invalid"}})
    unknown = set(body) - {"query", "variables", "operationName"}
    if unknown:
        return Reply(400, {"errors": f"Unknown parameters: {', '.join(sorted(unknown))}"})
    text, variables = body["query"], body.get("variables") or {}
    try:
        parsed = document(text)
    except GraphQLError as error:
        return Reply(200, {"errors": [error.formatted]})
    operation = parsed.operation(body.get("operationName"))
    if operation is None:
        return Reply(200, {"errors": [{"message": "No operation, or several without a name"}]})
    return Asked(text, parsed, operation, body.get("operationName"), variables)


def failure(fault: Fault | None) -> Reply | None:
    if fault is None:
        return None
    if fault.kind == "429":
        headers = {"Retry-After": str(fault.options.get("retry_after", "2.0"))}
        return Reply(429, {"errors": "Exceeded 2 calls per second for api client."}, headers)
    if fault.kind == "500":
        return Reply(500, {"errors": "Internal Server Error"})
    return unauthorized() if fault.kind == "unauthorized" else None


def is_kind(fault: Fault | None, kind: str) -> bool:
    return fault is not None and fault.kind == kind


def unauthorized() -> Reply:
    message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
    return Reply(401, {"errors": message})


def refused(error: str, description: str) -> Reply:
    return Reply(400, {"error": error, "error_description": description})


def too_dear(cost: int) -> dict[str, Json]:
    limit = f"which exceeds the single query max cost limit ({MOST_PER_QUERY})"
    return {
        "message": f"Query cost is {cost}, {limit}.",
        "extensions": {"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": MOST_PER_QUERY},
    }


def spent(bucket: Bucket, requested: int, actual: int | None) -> dict[str, Json]:
    return {
        "cost": {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": bucket.status(),
        }
    }


def form_parts(content_type: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """The text fields of a multipart form, and its file."""
    boundary = content_type.partition("boundary=")[2].strip('"')
    fields: dict[str, str] = {}
    file = b""
    if not boundary:
        return fields, file
    for part in body.split(b"--" + boundary.encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = head.decode().partition('name="')[2].partition('"')[0]
        if b"filename=" in head:
            file = content.removesuffix(b"\r\n")
        else:
            fields[name] = content.removesuffix(b"\r\n").decode()
    return fields, file
