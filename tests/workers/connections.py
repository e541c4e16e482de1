"""Credentials of accounts that the sandbox knows."""

from __future__ import annotations

from typing import Any

import httpx

from tests.fixtures.sandbox import Sandbox
from workers.credentials import Credentials
from workers.handlers import HANDLERS
from workers.outcome import Outcome

SHOP = "one.myshopify.com"
TOKENS = ("access_token", "refresh_token", "client_secret")


def sealed(field: str, text: str) -> str:
    """Stands for the real seal: a text that neither holds nor shows the token."""
    return f"v1.test.{field}{len(text)}"


def connect(sandbox: Sandbox, service: str, account: str = SHOP, **settings: Any) -> Credentials:
    opened = sandbox.open(service, account, **settings)
    return Credentials(
        service=service,
        account=account,
        base_url=sandbox.base_url(service, account),
        api_version="2026-10" if service == "shopify" else None,
        client_id=opened.get("client_id"),
        access=opened["access_token"],
        refresh=opened.get("refresh_token"),
        client_secret=opened.get("client_secret"),
        seal=sealed,
    )


async def run(
    kind: str, http: httpx.AsyncClient, credentials: Credentials, /, **request: Any
) -> Outcome:
    """What the kind's handler makes of the request; no secret may be in it."""
    outcome = await HANDLERS[kind](request, credentials, http)
    for secret in (credentials.access, credentials.refresh, credentials.client_secret):
        assert not secret or secret not in repr(outcome.to_json())
    return outcome
