"""The shops that the demo plays with: made as an operator makes them, connected to the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from db.call import value
from sandbox.control import Control
from sandbox.run import Running
from workers.seal import Sealer


@dataclass(frozen=True)
class Sample:
    """A user with a plan and one shop."""

    name: str
    email: str
    plan: str
    account: str
    """The shop's name at Shopify; its storefront has the same one."""
    niches: tuple[str, ...]

    @property
    def domain(self) -> str:
        return f"{self.account}.myshopify.com"


SHOPS = (
    Sample(
        "Nordlicht Prints",
        "nora@example.com",
        "basis",
        "nordlicht-prints",
        ("Northern lights", "Hiking", "Camper vans"),
    ),
    Sample(
        "Paw and Co",
        "paul@example.com",
        "premium",
        "paw-and-co",
        ("Corgis", "Cat yoga", "Rescue dogs", "Aquarium fish"),
    ),
)

MERCHANT = Sample(
    "My shop",
    "merchant@example.com",
    "premium",
    "my-shop",
    ("Best sellers", "Gifts", "Home"),
)
"""Who the files of ``--products`` and ``--orders`` belong to."""

PURCHASES = ((1, 3), (2, 2), (4, 2), (6, 1)), ((1, 2), (3, 2), (5, 1)), ((2, 1), (5, 1)), ((3, 1),)
"""What customers buy of a shop's first products: (days ago, quantity) of each order."""


def open_shop(
    conn: psycopg.Connection[Any], services: Running, sealer: Sealer, sample: Sample
) -> UUID:
    """Add the user and the shop, connected to all services; the shop's id."""
    control = Control(services.url)
    user_id = value(conn, "accounts.create_user", email=sample.email, name=sample.name)
    value(conn, "accounts.subscribe", user_id=user_id, plan=sample.plan)
    shop_id: UUID = value(
        conn, "shops.create_shop", user_id=user_id, name=sample.name, domain=sample.domain
    )
    board = ""
    for service in ("shopify", "openai", "pinterest"):
        account = sample.domain if service == "shopify" else sample.account
        # A shop's pictures are ready at once, for nobody wants to watch it wait.
        opened = control.open(service, account, **({"media_ms": 0} if service == "shopify" else {}))
        connection_id = value(
            conn,
            "accounts.open_connection",
            user_id=user_id,
            service=service,
            account=account,
            base_url=services.base_url(service, account),
            client_id=opened.get("client_id"),
        )
        sealed = {
            field: opened.get(name) and sealer.seal(connection_id, field, opened[name])
            for field, name in (
                ("access", "access_token"),
                ("refresh", "refresh_token"),
                ("client_secret", "client_secret"),
            )
        }
        seconds = opened.get("expires_in")
        value(
            conn,
            "accounts.store_tokens",
            connection_id=connection_id,
            expires_at=seconds and datetime.now(UTC) + timedelta(seconds=seconds),
            **sealed,
        )
        value(conn, "shops.attach", shop_id=shop_id, connection_id=connection_id)
        board = opened["boards"][0]["id"] if service == "pinterest" else board
    # A day in seconds: what Pinterest gets over hours goes out at once.
    settings = {"pinterest_board_id": board, "pin_spread_minutes": 0}
    value(conn, "shops.configure", shop_id=shop_id, settings=settings)
    for place, niche in enumerate(reversed(sample.niches)):
        value(conn, "shops.add_niche", shop_id=shop_id, name=niche, priority=place)
    control.close()
    return shop_id


def buy(services: Running, domain: str, handles: list[str]) -> int:
    """Customers order the first of these products, on days of the past week; returns orders."""
    control = Control(services.url)
    orders = [
        {"product": handle, "quantity": quantity, "days_ago": days}
        for handle, purchases in zip(handles, PURCHASES, strict=False)
        for days, quantity in purchases
    ]
    # What must not count.
    orders += [
        {"product": handle, "quantity": 9, "days_ago": 2, what: True}
        for handle, what in zip(handles[2:], ("cancelled", "test"), strict=False)
    ]
    placed = control.orders(domain, orders)
    control.close()
    return len(placed)
