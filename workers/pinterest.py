"""Pinterest v5.

A pin has no key of ours: after an unknown outcome its board is read first, and our link tells
whether it is there. Facts: https://developers.pinterest.com/docs/api/v5; a 429 about spam must
never be repeated: https://github.com/pinterest/api-quickstart
"""

from __future__ import annotations

from typing import Any

import httpx

from workers.credentials import Credentials
from workers.http import Json, Request, Stop, body_of, handler, retry_after, send
from workers.outcome import Done, GiveUp, Outcome, TryLater, Unknown

PAGE = 250
"""The largest page Pinterest gives."""


async def ask(
    http: httpx.AsyncClient,
    credentials: Credentials,
    method: str,
    path: str,
    *,
    repeatable: bool = True,
    **given: Any,
) -> Json:
    """A good answer's body; any other stops the handler.

    Where a repeat would harm (not ``repeatable``), an answer of 5xx, and one that cannot be read,
    leave it unknown whether it was done.
    """
    response = await send(
        http,
        method,
        f"{credentials.base_url}{path}",
        headers={"Authorization": f"Bearer {credentials.access}"},
        repeatable=repeatable,
        **given,
    )
    return read(response, repeatable)


def read(response: httpx.Response, repeatable: bool) -> Json:
    status, body = response.status_code, body_of(response)
    if status < 300 and isinstance(body, dict):
        return body
    told = body if isinstance(body, dict) else {}
    reason = f"Pinterest answered {status}: {told.get('message', 'nothing that can be read')}"
    if status < 300 or status >= 500:
        if not repeatable:
            raise Stop(Unknown(reason, "server_error"))
        raise Stop(TryLater(retry_after(response.headers), reason, "server_error"))
    if status == 429:
        raise Stop(slow_down(response, told, reason))
    codes = {401: "unauthorized", 403: "unauthorized", 404: "not_found"}
    raise Stop(GiveUp(reason, codes.get(status, "invalid_request")))


def slow_down(response: httpx.Response, told: Json, reason: str) -> Outcome:
    words = f"{told.get('message', '')} {told.get('message_detail', '')}"
    if "spam" in words.lower():
        return GiveUp(f"Pinterest takes it for spam: {words.strip()}", "spam")
    wait = retry_after(response.headers)
    if wait is None:
        reset = response.headers.get("x-ratelimit-reset", "")
        wait = float(reset) if reset.isdigit() else None
    return TryLater(wait, reason, "throttled", pause_key=True)


async def pages(
    http: httpx.AsyncClient, credentials: Credentials, path: str, limit: Any = None
) -> list[Json]:
    """All items of a list; ``limit`` (an item -> bool) ends the reading where it is true."""
    found: list[Json] = []
    query: dict[str, str | int] = {"page_size": PAGE}
    while True:
        page = await ask(http, credentials, "GET", path, params=query)
        found += page["items"]
        if not page.get("bookmark") or (limit and any(map(limit, page["items"]))):
            return found
        query["bookmark"] = page["bookmark"]


# --- connections ---------------------------------------------------------------------------------


@handler
async def check(request: Request, credentials: Credentials, http: httpx.AsyncClient) -> Outcome:
    """Read whose token this is. Pinterest tells its scopes only when it gives a token.

    Done:   {"granted_scopes": None, "account": {"id", "username", "type"}}
    GiveUp: unauthorized.
    """
    user = await ask(http, credentials, "GET", "/user_account")
    account = {"id": user.get("id"), "username": user["username"], "type": user.get("account_type")}
    return Done({"granted_scopes": None, "account": account})


@handler
async def refresh(request: Request, credentials: Credentials, http: httpx.AsyncClient) -> Outcome:
    """New tokens for the refresh token, which is spent by this.

    Done:    {"access": sealed, "refresh": sealed, "expires_in": s, "refresh_expires_in": s, "scopes"}
    Unknown: no answer came; the old refresh token may be gone.
    GiveUp:  unauthorized, when the refresh token or the app's secret is not accepted.
    """
    response = await send(
        http,
        "POST",
        f"{credentials.base_url}/oauth/token",
        auth=(credentials.client_id or "", credentials.client_secret or ""),
        data={"grant_type": "refresh_token", "refresh_token": credentials.refresh or ""},
        repeatable=False,
    )
    if response.status_code == 400:
        raise Stop(GiveUp("Pinterest does not take the refresh token.", "unauthorized"))
    return Done(read_tokens(read(response, repeatable=False), credentials))


def read_tokens(body: Json, credentials: Credentials) -> Json:
    if not body.get("access_token"):
        raise Stop(Unknown("The answer has no token.", "server_error"))
    renewed = body.get("refresh_token")
    return {
        "access": credentials.seal("access", body["access_token"]),
        "refresh": credentials.seal("refresh", renewed) if renewed else None,
        "expires_in": body.get("expires_in"),
        "refresh_expires_in": body.get("refresh_token_expires_in"),
        "scopes": body.get("scope", "").replace(",", " ").split(),
    }


# --- boards and pins -----------------------------------------------------------------------------


@handler
async def list_boards(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Read every board.

    Done: {"boards": [{"id", "name"}]}
    """
    boards = await pages(http, credentials, "/boards")
    return Done({"boards": [{"id": board["id"], "name": board["name"]} for board in boards]})


@handler
async def pin_product(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Pin a product, unless an earlier run may have and its link is on the board.

    Request:  board_id, title, description, link, alt_text, image_url, maybe_sent
    Done:     {"pin_id", "found": whether it was there already}
    TryLater: 429.
    GiveUp:   spam (stop the shop), unauthorized, not_found (the board), invalid_request.
    Unknown:  it was sent and no answer came, or a 5xx.
    """
    if request["maybe_sent"]:
        pin_id = await found(request, credentials, http)
        if pin_id is not None:
            return Done({"pin_id": pin_id, "found": True})
    wanted = pin_wanted(request)
    pin = await ask(http, credentials, "POST", "/pins", json=wanted, repeatable=False)
    if not pin.get("id"):
        raise Stop(Unknown("The answer names no pin.", "server_error"))
    return Done({"pin_id": pin["id"], "found": False})


async def found(request: Request, credentials: Credentials, http: httpx.AsyncClient) -> str | None:
    """The pin of the board that carries our link."""

    def ours(pin: Json) -> bool:
        return bool(pin.get("link") == request["link"])

    path = f"/boards/{request['board_id']}/pins"
    pins = await pages(http, credentials, path, limit=ours)
    return next((str(pin["id"]) for pin in pins if ours(pin)), None)


def pin_wanted(request: Request) -> Json:
    return {
        "board_id": request["board_id"],
        "title": request["title"],
        "description": request["description"],
        "link": request["link"],
        "alt_text": request["alt_text"],
        "media_source": {"source_type": "image_url", "url": request["image_url"]},
    }


# --- campaigns -----------------------------------------------------------------------------------


@handler
async def raise_budget(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Set what a campaign may spend in a day; an absolute value, so a repeat does no harm.

    Request: ad_account_id, campaign_id, daily_spend_cap in micro currency (10_000_000 is 10.00)
    Done:    {"campaign_id", "daily_spend_cap"}
    GiveUp:  not_found or invalid_request: the batch is answered 200, each item has its exceptions.
    """
    data = await change_campaign(
        request, credentials, http, daily_spend_cap=request["daily_spend_cap"]
    )
    return Done({"campaign_id": data["id"], "daily_spend_cap": data["daily_spend_cap"]})


@handler
async def pause_campaign(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Stop a campaign from spending; nothing here ever starts one.

    Request: ad_account_id, campaign_id
    Done:    {"campaign_id", "status"}
    GiveUp:  not_found or invalid_request, as for raise_budget.
    """
    data = await change_campaign(request, credentials, http, status="PAUSED")
    return Done({"campaign_id": data["id"], "status": data["status"]})


async def change_campaign(
    request: Request, credentials: Credentials, http: httpx.AsyncClient, **wanted: Any
) -> Json:
    """The campaign as it is after the change."""
    account = request["ad_account_id"]
    change = {"id": request["campaign_id"], "ad_account_id": account, **wanted}
    path = f"/ad_accounts/{account}/campaigns"
    return read_campaign(await ask(http, credentials, "PATCH", path, json=[change]))


def read_campaign(body: Json) -> Json:
    item = (body.get("items") or [{}])[0]
    exceptions = item.get("exceptions") or []
    if isinstance(exceptions, dict):
        exceptions = [exceptions]
    if exceptions or not item.get("data"):
        message = exceptions[0].get("message") if exceptions else "no campaign in the answer"
        gone = "not found" in str(message).lower()
        reason = f"Pinterest refuses: {message}"
        raise Stop(GiveUp(reason, "not_found" if gone else "invalid_request"))
    return item["data"]
