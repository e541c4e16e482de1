"""What every stand-in shares: one request's way from the wire to the answer.

Order: specification, faults, then the service's own rules (token, rate, effect), then the answer
is held against the specification as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sandbox.contract import Specs
from sandbox.faults import Fault, Faults
from sandbox.journal import Journal

Json = Any


@dataclass
class World:
    """All that the stand-ins have in common."""

    specs: Specs
    journal: Journal = field(default_factory=Journal)
    faults: Faults = field(default_factory=Faults)
    images: dict[str, bytes] = field(default_factory=dict)
    """What the CDN serves, by path: a pin's picture must be one of these."""

    def reset(self) -> None:
        self.journal.clear()
        self.faults.clear()
        self.images.clear()


@dataclass
class Reply:
    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The service says no; ``reply`` is how it says so."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True)
class Exchange:
    """One request, parsed."""

    request: Request
    operation: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: Json
    fault: Fault | None = None

    @property
    def bearer(self) -> str | None:
        scheme, _, token = self.request.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" and token else None

    def is_fault(self, kind: str) -> bool:
        return self.fault is not None and self.fault.kind == kind


Act = Callable[[Exchange], Reply]


@dataclass(frozen=True)
class Operation:
    """``name`` is the specification's operationId, ``path`` its template."""

    name: str
    method: str
    path: str
    act: Act


class RestService(ABC):
    """A service described by OpenAPI. A subclass says what it offers and how it refuses."""

    name: str
    root: str

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    @abstractmethod
    def operations(self) -> list[Operation]:
        """All that it can be asked."""

    @abstractmethod
    def invalid(self, messages: list[str]) -> Reply:
        """The answer to a request that breaks the specification."""

    @abstractmethod
    def failure(self, fault: Fault) -> Reply | None:
        """The answer of a fault that comes instead of the effect; None for the other faults."""

    @abstractmethod
    def decorate(self, exchange: Exchange, reply: Reply) -> None:
        """Headers that every answer carries."""

    def routes(self) -> list[Route]:
        return [
            Route(self.root + operation.path, self._endpoint(operation), methods=[operation.method])
            for operation in self.operations
        ]

    def _endpoint(self, operation: Operation) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            spec = await loaded(self.world.specs.loading(self.name))
            media_type, body, broken = await read_body(request)
            query = parse_qs(request.url.query, keep_blank_values=True)
            errors = list(broken)
            if spec is not None and not errors:
                errors = spec.request(
                    operation.method, operation.path, request.path_params, query, media_type, body
                )
            fault = self.world.faults.take(self.name, operation.name)
            exchange = Exchange(request, operation.name, request.path_params, query, body, fault)
            if errors:
                self.world.journal.violate(self.name, operation.name, "request", errors)
                reply = self.invalid(errors)
            else:
                reply = self._reply(exchange, operation.act)
            self.decorate(exchange, reply)
            if spec is not None:
                wrong = spec.response(operation.method, operation.path, reply.status, reply.body)
                self.world.journal.violate(self.name, operation.name, "answer", wrong)
            return await deliver(self.world.journal, self.name, operation.name, reply, fault)

        return endpoint

    def _reply(self, exchange: Exchange, act: Act) -> Reply:
        instead = self.failure(exchange.fault) if exchange.fault else None
        if instead is not None:
            return instead
        try:
            return act(exchange)
        except Refused as refused:
            return refused.reply


async def loaded(loading: Future[Any] | None) -> Any:
    """The specification, waited for; None when there is none."""
    if loading is None or loading.done():
        return loading.result() if loading else None
    return await asyncio.wrap_future(loading)


async def read_body(request: Request) -> tuple[str | None, Json, list[str]]:
    """Media type, parsed body, and what is wrong with it."""
    raw = await request.body()
    if not raw:
        return None, None, []
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if media_type == "application/x-www-form-urlencoded":
            form = parse_qs(raw.decode(), keep_blank_values=True, strict_parsing=True)
            return media_type, {key: values[-1] for key, values in form.items()}, []
        return media_type, json.loads(raw), []
    except ValueError:
        return media_type, None, [f"the body is not {media_type or 'declared'}"]


async def deliver(
    journal: Journal, service: str, operation: str, reply: Reply, fault: Fault | None
) -> Response:
    """The answer as the fault lets it through."""
    kind = fault.kind if fault else ""
    if kind == "effect_then_timeout":
        journal.note(service, operation, 0)
        return Cut(reply, fault.seconds if fault else 0, share=0.0)
    if kind == "half_body":
        journal.note(service, operation, 0)
        return Cut(reply, 0, share=0.5)
    if kind == "slow" and fault:
        await asyncio.sleep(fault.seconds)
    journal.note(service, operation, reply.status)
    return encoded(reply)


def encoded(reply: Reply) -> Response:
    if isinstance(reply.body, str):
        return Response(reply.body, reply.status, reply.headers)
    return Response(
        json.dumps(reply.body), reply.status, reply.headers, media_type="application/json"
    )


class Cut(Response):
    """Stays silent for ``seconds``, sends ``share`` of the answer and closes the connection.

    ASGI has no word for that, so ``sandbox.app`` leaves uvicorn's transport in the scope.
    """

    def __init__(self, reply: Reply, seconds: float, share: float) -> None:
        whole = encoded(reply)
        super().__init__(None, whole.status_code)
        self.raw_headers = whole.raw_headers
        self.body = whole.body[: int(len(bytes(whole.body)) * share)]
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone(receive), self.seconds)
            return
        if self.body:
            start = {"type": "http.response.start", "status": self.status_code}
            await send({**start, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
        scope["sandbox.transport"].close()
        await gone(receive)


async def gone(receive: Receive) -> None:
    """Until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


@dataclass
class Window:
    """So many requests in a minute of the clock."""

    limit: int
    used: int = 0
    minute: int = -1

    def take(self) -> bool:
        minute = int(time.time() // 60)
        if minute != self.minute:
            self.minute, self.used = minute, 0
        self.used += 1
        return self.used <= self.limit

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def seconds_left(self) -> int:
        return 60 - int(time.time() % 60)


def digest(*words: object) -> str:
    """A stable name for something made up: the same words give the same text."""
    return hashlib.sha256(":".join(map(str, words)).encode()).hexdigest()


def number(*words: object) -> str:
    """A stable id of 18 digits."""
    return str(10**17 + int(digest(*words), 16) % (9 * 10**17))
