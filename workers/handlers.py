"""Which function does which kind of job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from workers import alerts, openai_api, pinterest, shopify
from workers.http import Handler
from workers.outcome import Outcome

HANDLERS: dict[str, Handler] = {
    "accounts.check_openai": openai_api.check,
    "accounts.check_pinterest": pinterest.check,
    "accounts.check_shopify": shopify.check,
    "accounts.refresh_pinterest": pinterest.refresh,
    "accounts.refresh_shopify": shopify.refresh,
    "shops.check_media": shopify.check_media,
    "shops.create_product": shopify.create_product,
    "shops.draw_design": openai_api.draw_design,
    "shops.list_boards": pinterest.list_boards,
    "shops.list_collections": shopify.list_collections,
    "shops.optimise_product": openai_api.write_text,
    "shops.pause_campaign": pinterest.pause_campaign,
    "shops.pin_product": pinterest.pin_product,
    "shops.publish_product": shopify.publish_product,
    "shops.raise_budget": pinterest.raise_budget,
    "shops.read_orders": shopify.read_orders,
    "shops.update_product": shopify.update_product,
    "shops.upload_design": shopify.upload_design,
    "shops.write_text": openai_api.write_text,
}

TELLERS: dict[str, Callable[[Any, None, httpx.AsyncClient], Awaitable[Outcome]]] = {
    "jobs.send_mail": alerts.send_mail,
    "jobs.send_slack": alerts.send_slack,
}
"""Handlers of kinds that go through no user's connection."""
