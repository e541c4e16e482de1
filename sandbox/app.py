"""The whole sandbox as one ASGI application: the services, the control API, pages for people.

Control API, JSON in and out (none of the real services has anything like it):

    POST   /_control/accounts         {service, account, …} -> tokens; asked again, the same
    POST   /_control/faults           {service, fault, operation?, times?, skip?, …}; see faults.py
    DELETE /_control/faults
    GET    /_control/violations       requests that break an official specification, answers too
    DELETE /_control/violations
    GET    /_control/state            every service; /_control/state/{service} for one
    POST   /_control/orders           {shop, orders: [{product, quantity, days_ago, …}]}
    POST   /_control/reset            as if just started
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sandbox.contract import Specs
from sandbox.faults import UnknownFault
from sandbox.openai_api import OpenAI
from sandbox.pages import overview
from sandbox.pinterest import Pinterest
from sandbox.service import World
from sandbox.shopify import Shopify
from sandbox.slack import Slack

Endpoint = Callable[[Request], Awaitable[Response]]


class Sandbox(Starlette):
    """Leaves the connection's transport in the scope, for the faults that cut it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(send, "__self__", None)
        scope["sandbox.transport"] = getattr(cycle, "transport", None)
        await super().__call__(scope, receive, send)


def create_app(specs: Specs | None = None) -> Sandbox:
    """Raises SpecsMissing when specifications are required and not there."""
    world = World(specs or Specs())
    shopify, openai, pinterest = Shopify(world), OpenAI(world), Pinterest(world)
    slack = Slack(world)
    services: dict[str, Shopify | OpenAI | Pinterest | Slack] = {
        service.name: service for service in (shopify, openai, pinterest, slack)
    }

    async def accounts(request: Request) -> Response:
        asked = await request.json()
        service = asked.get("service")
        if service not in services or not asked.get("account"):
            return refused(f"service must be one of {', '.join(services)}; account is a name")
        if service in ("shopify", "slack"):
            reached = str(request.base_url).rstrip("/")
            return JSONResponse((shopify if service == "shopify" else slack).open(asked, reached))
        return JSONResponse((openai if service == "openai" else pinterest).open(asked))

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            world.faults.clear()
            return JSONResponse({})
        try:
            fault = world.faults.arm(await request.json())
        except UnknownFault as error:
            return refused(str(error))
        return JSONResponse({"armed": fault.kind, "service": fault.service})

    async def violations(request: Request) -> Response:
        if request.method == "DELETE":
            world.journal.violations.clear()
        return JSONResponse(world.journal.listed())

    async def states(request: Request) -> Response:
        found = {name: state_of(name) for name in services}
        return JSONResponse({**found, "specifications": world.specs.names})

    async def state(request: Request) -> Response:
        name = request.path_params["service"]
        return JSONResponse(state_of(name)) if name in services else refused(f"no service {name}")

    def state_of(name: str) -> dict[str, Any]:
        return {**services[name].state(), **world.journal.of(name)}

    async def orders(request: Request) -> Response:
        try:
            return JSONResponse({"orders": shopify.place_orders(await request.json())})
        except (LookupError, ValueError) as error:
            return refused(str(error))

    async def reset(request: Request) -> Response:
        for service in services.values():
            service.reset()
        world.reset()
        return JSONResponse({})

    async def home(request: Request) -> Response:
        states = {name: state_of(name) for name in services}
        return overview(states, world.journal.listed(), world.specs.names)

    async def broken(request: Request, error: Exception) -> Response:
        """A fault of the sandbox itself must fail the test that met it, not puzzle it."""
        what = f"the sandbox broke: {type(error).__name__}: {error}"
        world.journal.violate("sandbox", request.url.path, "answer", [what])
        return JSONResponse({"error": what}, 500)

    async def left(request: Request, error: Exception) -> Response:
        """The client was killed in the middle of its request: nobody's fault, and nobody listens."""
        return Response(status_code=499)

    async def unknown(request: Request) -> Response:
        for name in services:
            if request.url.path.startswith(f"/{name}/"):
                what = f"{request.method} {request.url.path} does not exist"
                world.journal.violate(name, "none", "request", [what])
        return JSONResponse({"errors": "Not Found"}, 404)

    control = [
        Route("/_control/accounts", accounts, methods=["POST"]),
        Route("/_control/faults", faults, methods=["POST", "DELETE"]),
        Route("/_control/violations", violations, methods=["GET", "DELETE"]),
        Route("/_control/state", states, methods=["GET"]),
        Route("/_control/state/{service}", state, methods=["GET"]),
        Route("/_control/orders", orders, methods=["POST"]),
        Route("/_control/reset", reset, methods=["POST"]),
    ]
    routes = [route for service in services.values() for route in service.routes()]
    anything = Route("/{path:path}", unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    return Sandbox(
        routes=[Route("/", home), *control, *routes, anything],
        exception_handlers={
            json.JSONDecodeError: no_json,
            ClientDisconnect: left,
            Exception: broken,
        },
    )


async def no_json(request: Request, error: Exception) -> Response:
    return refused("the body is no JSON")


def refused(message: str) -> JSONResponse:
    return JSONResponse({"error": message}, 400)
