"""One HTTP client for every service, and what its failures mean.

A handler is written as if all went well; whatever went wrong is raised as ``Stop`` with the outcome
it stands for, and ``handler`` returns that. No reason holds a secret: errors of the transport are
named by their type, and what a service said has the connection's tokens taken out.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from workers.credentials import Credentials
from workers.outcome import GiveUp, Outcome, TryLater, Unknown

Json = Any
Request = Mapping[str, Any]
Handler = Callable[[Request, Credentials, httpx.AsyncClient], Awaitable[Outcome]]

# A picture of high quality takes a service more than a minute; the kind's own limit is shorter
# where it should be.
TIMEOUT = httpx.Timeout(connect=5, read=180, write=60, pool=30)
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=20)
LONGEST_REASON = 500

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Stop(Exception):
    """Ends a handler with ``outcome``; it never leaves ``handler``."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


def client() -> httpx.AsyncClient:
    """For one worker process; it follows no redirects and repeats nothing by itself."""
    return httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS, headers={"User-Agent": "AutoM"})


def handler(function: Handler) -> Handler:
    """Return what the function returns, or the outcome it was stopped with, without secrets."""

    @functools.wraps(function)
    async def whole(request: Request, credentials: Credentials, http: httpx.AsyncClient) -> Outcome:
        try:
            outcome = await function(request, credentials, http)
        except Stop as stop:
            outcome = stop.outcome
        if isinstance(outcome, TryLater | GiveUp | Unknown):
            return dataclasses.replace(outcome, reason=told(outcome.reason, credentials))
        return outcome

    return whole


def told(reason: str, credentials: Credentials) -> str:
    """The reason as it may be shown: without tokens, and short."""
    for secret in (credentials.access, credentials.refresh, credentials.client_secret):
        if secret:
            reason = reason.replace(secret, "…")
    return reason[:LONGEST_REASON]


async def send(
    http: httpx.AsyncClient, method: str, url: str, *, repeatable: bool = True, **given: Any
) -> httpx.Response:
    """The answer, whatever its status.

    No answer stops the handler: TryLater where nothing was sent or a repeat is harmless
    (``repeatable``), else Unknown.
    """
    try:
        return await http.request(method, url, **given)
    except NOT_SENT as error:
        raise Stop(TryLater(None, unanswered(error), _code_of(error))) from None
    except httpx.TransportError as error:
        if repeatable:
            raise Stop(TryLater(None, unanswered(error), _code_of(error))) from None
        raise Stop(Unknown(unanswered(error), _code_of(error))) from None
    except (httpx.DecodingError, httpx.InvalidURL, UnicodeError) as error:
        reason = f"This cannot be sent or read: {type(error).__name__}."
        raise Stop(GiveUp(reason, "invalid_request")) from None


def unanswered(error: httpx.TransportError) -> str:
    return f"No answer: {type(error).__name__}."


def _code_of(error: httpx.TransportError) -> str:
    return "timeout" if isinstance(error, httpx.TimeoutException) else "server_error"


def body_of(response: httpx.Response) -> Json:
    """The answer's JSON; None when it is none."""
    try:
        return response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds that the service asks to wait: ``Retry-After-Ms``, or ``Retry-After`` as a number
    ("2", "2.0") or as a date, which is measured by the answer's own ``Date``."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    until, sent = _date(text), _date(headers.get("date"))
    return max(0.0, (until - sent).total_seconds()) if until and sent else None


def _number(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
