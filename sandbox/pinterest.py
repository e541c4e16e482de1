"""Pinterest v5: OAuth refresh, boards, pins, ad accounts and campaigns.

Facts: https://github.com/pinterest/api-description (v5) for shapes, scopes and rate categories;
https://github.com/pinterest/api-quickstart for the 429 about spam.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.faults import Fault
from sandbox.service import (
    Exchange,
    Json,
    Operation,
    Refused,
    Reply,
    RestService,
    Window,
    World,
    digest,
    number,
)

ACCESS_SECONDS = 30 * 86400
REFRESH_SECONDS = 60 * 86400
PER_MINUTE = {"org_read": 1000, "org_write": 100, "ads_read": 1000, "ads_write": 400}
ALL_SCOPES = (
    "ads:read",
    "ads:write",
    "boards:read",
    "boards:write",
    "pins:read",
    "pins:write",
    "user_accounts:read",
)
PINS_READ = ("boards:read", "pins:read")
PINS_WRITE = ("boards:read", "boards:write", "pins:read", "pins:write")


@dataclass(frozen=True)
class Rule:
    """What an operation costs and needs; ``tests/sandbox`` holds it against the specification."""

    category: str
    scopes: tuple[str, ...] = ()


RULES = {
    "oauth/token": Rule("org_read"),
    "user_account/get": Rule("org_read", ("user_accounts:read",)),
    "boards/list": Rule("org_read", ("boards:read",)),
    "boards/list_pins": Rule("org_read", PINS_READ),
    "pins/create": Rule("org_write", PINS_WRITE),
    "pins/list": Rule("org_read", PINS_READ),
    "pins/get": Rule("org_read", PINS_READ),
    "ad_accounts/list": Rule("ads_read", ("ads:read",)),
    "campaigns/list": Rule("ads_read", ("ads:read",)),
    "campaigns/update": Rule("ads_write", ("ads:write",)),
}


@dataclass
class Account:
    name: str
    scopes: tuple[str, ...]
    lifetime: float
    opened_at: float
    generation: int = 1
    expires_at: float = 0
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    pins: dict[str, dict[str, Any]] = field(default_factory=dict)
    campaigns: dict[str, dict[str, Any]] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)

    @property
    def ad_account_id(self) -> str:
        return number("ad account", self.name)

    @property
    def access(self) -> str:
        return f"pina_{digest('access', self.name, self.generation)[:40]}"

    @property
    def refresh(self) -> str:
        return f"pinr.{digest('refresh', self.name, self.generation)[:40]}"

    @property
    def client_id(self) -> str:
        return number("pinterest app")[:7]

    @property
    def client_secret(self) -> str:
        return digest("pinterest app secret")[:40]

    def tokens(self) -> dict[str, Json]:
        return {
            "access_token": self.access,
            "refresh_token": self.refresh,
            "expires_in": int(self.lifetime),
            "refresh_token_expires_in": REFRESH_SECONDS,
            "scope": " ".join(self.scopes),
        }


class Pinterest(RestService):
    name = "pinterest"
    root = "/pinterest/v5"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.accounts: dict[str, Account] = {}
        self._made = 0

    # --- control ---------------------------------------------------------------------------------

    def open(self, asked: Mapping[str, Any]) -> dict[str, Json]:
        """An account with its boards and campaigns; asked again, the same one."""
        name = str(asked["account"])
        account = self.accounts.get(name)
        if account is None:
            account = Account(name, ALL_SCOPES, ACCESS_SECONDS, time.time())
            account.expires_at = account.opened_at + account.lifetime
            self.accounts[name] = account
            for board in asked.get("boards", ["Our designs", "Gift ideas"]):
                self._add_board(account, board)
            for campaign in asked.get("campaigns", [{"name": "Always on"}]):
                self._add_campaign(account, campaign)
        if "scopes" in asked:
            account.scopes = tuple(sorted(asked["scopes"]))
        if "expires_in" in asked:
            account.lifetime = float(asked["expires_in"])
            account.expires_at = time.time() + account.lifetime
        return {
            **account.tokens(),
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "boards": [{"id": b["id"], "name": b["name"]} for b in account.boards.values()],
            "ad_account_id": account.ad_account_id,
            "campaigns": [{"id": c["id"], "name": c["name"]} for c in account.campaigns.values()],
        }

    def state(self) -> dict[str, Json]:
        accounts = self.accounts.values()
        return {
            "boards": [b | {"account": a.name} for a in accounts for b in a.boards.values()],
            "pins": [p | {"account": a.name} for a in accounts for p in a.pins.values()],
            "campaigns": [c | {"account": a.name} for a in accounts for c in a.campaigns.values()],
        }

    def reset(self) -> None:
        self.accounts.clear()
        self._made = 0

    def _add_board(self, account: Account, name: str) -> None:
        board_id = number("board", account.name, name)
        account.boards[board_id] = {
            "id": board_id,
            "name": name,
            "privacy": "PUBLIC",
            "owner": {"username": account.name},
            "created_at": stamp(),
        }

    def _add_campaign(self, account: Account, asked: Mapping[str, Any]) -> None:
        campaign_id = number("campaign", account.name, asked["name"])
        account.campaigns[campaign_id] = {
            "id": campaign_id,
            "ad_account_id": account.ad_account_id,
            "name": asked["name"],
            "status": asked.get("status", "ACTIVE"),
            "objective_type": "WEB_CONVERSION",
            "daily_spend_cap": asked.get("daily_spend_cap", 10_000_000),
            "lifetime_spend_cap": None,
            "is_campaign_budget_optimization": True,
            "created_time": int(time.time()),
            "updated_time": int(time.time()),
            "type": "campaign",
        }

    # --- how it answers --------------------------------------------------------------------------

    @property
    def operations(self) -> list[Operation]:
        campaigns = "/ad_accounts/{ad_account_id}/campaigns"
        return [
            Operation("oauth/token", "POST", "/oauth/token", self._refresh),
            Operation("user_account/get", "GET", "/user_account", self._known(self._user)),
            Operation("boards/list", "GET", "/boards", self._known(self._boards)),
            Operation(
                "boards/list_pins", "GET", "/boards/{board_id}/pins", self._known(self._board_pins)
            ),
            Operation("pins/create", "POST", "/pins", self._known(self._create_pin)),
            Operation("pins/list", "GET", "/pins", self._known(self._pins)),
            Operation("pins/get", "GET", "/pins/{pin_id}", self._known(self._pin)),
            Operation("ad_accounts/list", "GET", "/ad_accounts", self._known(self._ad_accounts)),
            Operation("campaigns/list", "GET", campaigns, self._known(self._campaigns)),
            Operation("campaigns/update", "PATCH", campaigns, self._known(self._update_campaigns)),
        ]

    def invalid(self, messages: list[str]) -> Reply:
        return error(400, 1, f"Invalid request: {'; '.join(messages)[:500]}")

    def failure(self, fault: Fault) -> Reply | None:
        if fault.kind == "429":
            reply = error(429, 8, "You have exceeded your rate limit. Try again later.")
            reply.headers["Retry-After"] = str(fault.options.get("retry_after", "2.0"))
            return reply
        if fault.kind == "spam_429":
            reply = error(429, 9, "This request was blocked.")
            reply.body["message_detail"] = "Blocked because this looks like spam."
            return reply
        if fault.kind == "500":
            return error(500, 0, "Something went wrong on our end.")
        if fault.kind == "unauthorized":
            return unauthenticated().reply
        return None

    def decorate(self, exchange: Exchange, reply: Reply) -> None:
        account = self._account_of(exchange.bearer)
        category = RULES[exchange.operation].category
        if account is not None and category in account.windows:
            window = account.windows[category]
            reply.headers |= {
                "x-ratelimit-limit": str(window.limit),
                "x-ratelimit-remaining": str(window.remaining),
                "x-ratelimit-reset": str(window.seconds_left),
            }

    def _known(self, act: Callable[[Account, Exchange], Reply]) -> Callable[[Exchange], Reply]:
        """First the token, its scopes and its rate, then ``act``."""

        def guarded(exchange: Exchange) -> Reply:
            rule = RULES[exchange.operation]
            account = self._account_of(exchange.bearer)
            if account is None or time.time() >= account.expires_at:
                raise unauthenticated()
            missing = [scope for scope in rule.scopes if scope not in account.scopes]
            if missing:
                raise Refused(error(403, 3, f"Authorization failed: missing {missing}"))
            window = account.windows.setdefault(rule.category, Window(PER_MINUTE[rule.category]))
            if not window.take():
                raise Refused(error(429, 8, "You have exceeded your rate limit. Try again later."))
            return act(account, exchange)

        return guarded

    def _account_of(self, token: str | None) -> Account | None:
        return next((a for a in self.accounts.values() if token and a.access == token), None)

    # --- operations ------------------------------------------------------------------------------

    def _refresh(self, exchange: Exchange) -> Reply:
        """A refresh token works once: the answer brings the next."""
        form = exchange.body
        if form["grant_type"] != "refresh_token":
            return error(400, 1, "The sandbox only refreshes tokens.")
        known = next(
            (a for a in self.accounts.values() if a.refresh == form.get("refresh_token")), None
        )
        if known is None:
            return error(401, 2, "Authentication failed.")
        if exchange.request.headers.get("authorization") != basic(known):
            return error(401, 2, "Authentication failed.")
        known.generation += 1
        known.expires_at = time.time() + known.lifetime
        return Reply(
            200,
            known.tokens()
            | {
                "response_type": "refresh_token",
                "token_type": "bearer",
                "refresh_token_expires_at": int(time.time()) + REFRESH_SECONDS,
            },
        )

    def _user(self, account: Account, exchange: Exchange) -> Reply:
        body = {
            "id": number("user", account.name),
            "username": account.name,
            "account_type": "BUSINESS",
            "board_count": len(account.boards),
            "pin_count": len(account.pins),
        }
        return Reply(200, body)

    def _boards(self, account: Account, exchange: Exchange) -> Reply:
        boards = [
            board | {"pin_count": sum(p["board_id"] == board["id"] for p in account.pins.values())}
            for board in account.boards.values()
        ]
        return Reply(200, page(boards, exchange))

    def _board_pins(self, account: Account, exchange: Exchange) -> Reply:
        board = account.boards.get(exchange.path["board_id"])
        if board is None:
            return error(404, 40, "Board not found.")
        pins = [pin for pin in newest_first(account) if pin["board_id"] == board["id"]]
        return Reply(200, page(pins, exchange))

    def _pins(self, account: Account, exchange: Exchange) -> Reply:
        return Reply(200, page(newest_first(account), exchange))

    def _pin(self, account: Account, exchange: Exchange) -> Reply:
        pin = account.pins.get(exchange.path["pin_id"])
        return error(404, 50, "Pin not found.") if pin is None else Reply(200, pin)

    def _create_pin(self, account: Account, exchange: Exchange) -> Reply:
        asked = exchange.body
        board = account.boards.get(asked.get("board_id", ""))
        if board is None:
            return error(404, 40, "Board not found.")
        link = asked.get("link")
        if link is not None and urlsplit(link).scheme not in ("http", "https"):
            return error(400, 1, f"Invalid link: {link[:80]}")
        source = asked.get("media_source", {})
        if source.get("source_type") != "image_url":
            return error(400, 1, "The sandbox takes pins with an image_url only.")
        image = self._fetched(exchange, source["url"])
        if image is None:
            return error(400, 235, "Sorry! We could not fetch the image.")
        self._made += 1
        pin_id = number("pin", account.name, self._made)
        account.pins[pin_id] = {
            "id": pin_id,
            "board_id": board["id"],
            "board_owner": {"username": account.name},
            "created_at": stamp(),
            "creative_type": "REGULAR",
            "is_owner": True,
            "title": asked.get("title"),
            "description": asked.get("description"),
            "link": link,
            "alt_text": asked.get("alt_text"),
            "media": {
                "media_type": "image",
                "images": {"1200x": {"url": source["url"], "width": 1200, "height": None}},
            },
        }
        return Reply(201, account.pins[pin_id])

    def _fetched(self, exchange: Exchange, url: str) -> str | None:
        """The address, if a picture is there. Of the sandbox's own addresses it knows; others it
        cannot reach and believes."""
        parts = urlsplit(url)
        if parts.netloc == exchange.request.url.netloc:
            return url if parts.path in self.world.images else None
        return url if parts.scheme in ("http", "https") and parts.netloc else None

    def _ad_accounts(self, account: Account, exchange: Exchange) -> Reply:
        found = {
            "id": account.ad_account_id,
            "name": f"{account.name} ads",
            "country": "DE",
            "currency": "EUR",
            "owner": {"username": account.name, "id": number("user", account.name)},
            "permissions": ["OWNER"],
        }
        return Reply(200, page([found], exchange))

    def _campaigns(self, account: Account, exchange: Exchange) -> Reply:
        self._own(account, exchange)
        wanted = exchange.query.get("campaign_ids")
        found = [c for c in account.campaigns.values() if wanted is None or c["id"] in wanted]
        return Reply(200, page(found, exchange))

    def _update_campaigns(self, account: Account, exchange: Exchange) -> Reply:
        """Each item has its own verdict; the answer is 200 even when all of them failed."""
        self._own(account, exchange)
        items = [self._update_campaign(account, asked) for asked in exchange.body]
        return Reply(200, {"items": items})

    def _update_campaign(self, account: Account, asked: dict[str, Any]) -> dict[str, Json]:
        campaign = account.campaigns.get(asked["id"])
        if campaign is None or asked["ad_account_id"] != account.ad_account_id:
            return {"exceptions": [{"code": 2, "message": "Campaign not found."}]}
        changed = campaign | asked
        if changed["daily_spend_cap"] and changed["lifetime_spend_cap"]:
            message = "daily_spend_cap and lifetime_spend_cap cannot be set at the same time."
            return {"data": campaign, "exceptions": [{"code": 2, "message": message}]}
        campaign.update(changed, updated_time=int(time.time()))
        return {"data": campaign, "exceptions": []}

    def _own(self, account: Account, exchange: Exchange) -> None:
        if exchange.path["ad_account_id"] != account.ad_account_id:
            raise Refused(error(403, 29, "You are not permitted to access that resource."))


def error(status: int, code: int, message: str) -> Reply:
    return Reply(status, {"code": code, "message": message})


def unauthenticated() -> Refused:
    return Refused(error(401, 2, "Authentication failed."))


def basic(account: Account) -> str:
    pair = f"{account.client_id}:{account.client_secret}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def newest_first(account: Account) -> list[dict[str, Any]]:
    return list(reversed(account.pins.values()))


def page(items: Iterable[dict[str, Any]], exchange: Exchange) -> dict[str, Json]:
    """One page; the bookmark is opaque and null at the end."""
    rows = list(items)
    size = int(exchange.query.get("page_size", ["25"])[-1])
    bookmark = exchange.query.get("bookmark", [""])[-1]
    start = 0
    if bookmark:
        try:
            start = int(base64.urlsafe_b64decode(bookmark))
        except ValueError:
            raise Refused(error(400, 1, "Invalid bookmark.")) from None
    after = start + size
    more = base64.urlsafe_b64encode(str(after).encode()).decode() if after < len(rows) else None
    return {"items": rows[start:after], "bookmark": more}
