"""Pinterest's handlers against the sandbox, and what they make of every way to fail."""

from __future__ import annotations

import dataclasses
from typing import Any

import httpx
import pytest

from tests.fixtures.sandbox import Sandbox
from tests.workers.connections import connect, run
from workers import pinterest
from workers.credentials import Credentials
from workers.http import Stop
from workers.outcome import Done, GiveUp, TryLater, Unknown

LINK = "https://one.example/products/blue-cat?utm_content=p7"


@dataclasses.dataclass(frozen=True)
class Cats:
    credentials: Credentials
    board_id: str

    def pin(self, **given: Any) -> dict[str, Any]:
        return {
            "board_id": self.board_id,
            "title": "Blue Cat",
            "description": "A cat.",
            "link": LINK,
            "alt_text": "A blue cat",
            "image_url": "https://cdn.example.com/cat.png",
            "maybe_sent": False,
            **given,
        }


@pytest.fixture
def cats(sandbox: Sandbox) -> Cats:
    credentials = connect(sandbox, "pinterest", "cats")
    return Cats(credentials, sandbox.open("pinterest", "cats")["boards"][0]["id"])


async def pinned(http: httpx.AsyncClient, cats: Cats, **given: Any) -> Any:
    return await run("shops.pin_product", http, cats.credentials, **cats.pin(**given))


async def test_a_product_is_pinned(sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient) -> None:
    outcome = await pinned(http, cats)
    (pin,) = sandbox.pins()
    assert outcome == Done({"pin_id": pin["id"], "found": False})
    assert pin["board_id"] == cats.board_id
    assert (pin["link"], pin["title"]) == (LINK, "Blue Cat")
    assert (pin["description"], pin["alt_text"]) == ("A cat.", "A blue cat")


@pytest.mark.parametrize("fault", ["effect_then_timeout", "half_body", "500"])
async def test_a_pin_is_made_once_however_its_answer_was_lost(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient, fault: str
) -> None:
    sandbox.fault("pinterest", fault, operation="pins/create")
    lost = await pinned(http, cats)
    assert isinstance(lost, Unknown)
    outcome = await pinned(http, cats, maybe_sent=True)
    (pin,) = sandbox.pins()
    assert outcome == Done({"pin_id": pin["id"], "found": fault != "500"})


async def test_a_silence_is_unknown(sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient) -> None:
    sandbox.fault("pinterest", "effect_then_timeout", operation="pins/create", ms=60_000)
    http.timeout = httpx.Timeout(0.3)
    outcome = await pinned(http, cats)
    assert outcome == Unknown("No answer: ReadTimeout.", "timeout")


async def test_without_doubt_nothing_is_looked_up(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient
) -> None:
    await pinned(http, cats)
    await pinned(http, cats)
    assert len(sandbox.pins()) == 2
    assert sandbox.calls("pinterest") == {"pins/create": 2}


async def test_every_page_of_the_board_is_looked_at(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinterest, "PAGE", 2)
    await pinned(http, cats)
    oldest = sandbox.pins()[0]["id"]
    for n in range(5):
        await pinned(http, cats, link=f"{LINK}{n}")
    outcome = await pinned(http, cats, maybe_sent=True)
    assert outcome == Done({"pin_id": oldest, "found": True})
    assert sandbox.calls("pinterest")["boards/list_pins"] == 3


async def test_a_board_that_cannot_be_read_pins_nothing(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient
) -> None:
    sandbox.fault("pinterest", "500", operation="boards/list_pins")
    outcome = await pinned(http, cats, maybe_sent=True)
    assert isinstance(outcome, TryLater)
    assert sandbox.pins() == []


async def test_spam_is_never_repeated(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient
) -> None:
    sandbox.fault("pinterest", "spam_429", operation="pins/create")
    outcome = await pinned(http, cats)
    assert isinstance(outcome, GiveUp)
    assert outcome.code == "spam"


@pytest.mark.parametrize(("said", "after"), [("2.0", 2.0), ("30", 30.0), ("soon", None)], ids=str)
async def test_a_429_pauses_the_connection(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient, said: str, after: float | None
) -> None:
    sandbox.fault("pinterest", "429", operation="user_account/get", retry_after=said)
    outcome = await run("accounts.check_pinterest", http, cats.credentials)
    assert isinstance(outcome, TryLater)
    assert (outcome.code, outcome.after, outcome.pause_key) == ("throttled", after, True)


async def test_a_used_up_minute_says_how_long_it_lasts(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient
) -> None:
    for _ in range(201):
        outcome = await pinned(http, cats)
        if not isinstance(outcome, Done):
            break
    assert isinstance(outcome, TryLater)
    assert outcome.pause_key
    assert outcome.after is not None
    assert 0 < outcome.after <= 60
    assert len(sandbox.pins()) >= 100


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"board_id": "1"}, "not_found", id="a board that is gone"),
        pytest.param({"image_url": "none"}, "invalid_request", id="a picture that is nowhere"),
    ],
)
async def test_a_wrong_pin_is_given_up(
    cats: Cats, http: httpx.AsyncClient, change: dict[str, str], code: str
) -> None:
    outcome = await pinned(http, cats, **change)
    assert isinstance(outcome, GiveUp)
    assert outcome.code == code


async def test_boards_are_all_read(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    names = [f"Board {n}" for n in range(251)]
    credentials = connect(sandbox, "pinterest", "many", boards=names)
    outcome = await run("shops.list_boards", http, credentials)
    assert isinstance(outcome, Done)
    assert [board["name"] for board in outcome.answer["boards"]] == names


# --- campaigns -----------------------------------------------------------------------------------


async def test_a_budget_is_raised(sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient) -> None:
    (campaign,) = sandbox.state("pinterest")["campaigns"]
    wanted = {
        "ad_account_id": campaign["ad_account_id"],
        "campaign_id": campaign["id"],
        "daily_spend_cap": 12_000_000,
    }
    for _ in range(2):
        outcome = await run("shops.raise_budget", http, cats.credentials, **wanted)
        assert outcome == Done({"campaign_id": campaign["id"], "daily_spend_cap": 12_000_000})
    assert sandbox.state("pinterest")["campaigns"][0]["daily_spend_cap"] == 12_000_000
    sandbox.fault("pinterest", "effect_then_timeout")
    assert isinstance(await run("shops.raise_budget", http, cats.credentials, **wanted), TryLater)


async def test_a_campaign_is_paused_however_often(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient
) -> None:
    (campaign,) = sandbox.state("pinterest")["campaigns"]
    wanted = {"ad_account_id": campaign["ad_account_id"], "campaign_id": campaign["id"]}
    for _ in range(2):
        outcome = await run("shops.pause_campaign", http, cats.credentials, **wanted)
        assert outcome == Done({"campaign_id": campaign["id"], "status": "PAUSED"})
    assert sandbox.state("pinterest")["campaigns"][0]["status"] == "PAUSED"


async def test_a_batch_that_is_200_may_have_failed(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient
) -> None:
    (campaign,) = sandbox.state("pinterest")["campaigns"]
    outcome = await run(
        "shops.raise_budget",
        http,
        cats.credentials,
        ad_account_id=campaign["ad_account_id"],
        campaign_id="1",
        daily_spend_cap=1,
    )
    assert outcome == GiveUp("Pinterest refuses: Campaign not found.", "not_found")


# --- connections ---------------------------------------------------------------------------------


async def test_a_connection_is_checked(cats: Cats, http: httpx.AsyncClient) -> None:
    outcome = await run("accounts.check_pinterest", http, cats.credentials)
    assert isinstance(outcome, Done)
    assert outcome.answer["granted_scopes"] is None
    assert outcome.answer["account"]["username"] == "cats"


async def test_tokens_are_renewed_and_sealed(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient
) -> None:
    kept: dict[str, str] = {}

    def seal(field: str, text: str) -> str:
        kept[field] = text
        return f"v1.sealed.{field}"

    credentials = dataclasses.replace(cats.credentials, seal=seal)
    outcome = await run("accounts.refresh_pinterest", http, credentials)
    assert isinstance(outcome, Done)
    assert outcome.answer | {"scopes": []} == {
        "access": "v1.sealed.access",
        "refresh": "v1.sealed.refresh",
        "expires_in": 2592000,
        "refresh_expires_in": 5184000,
        "scopes": [],
    }
    assert "pins:write" in outcome.answer["scopes"]
    assert not any(token in repr(outcome) for token in kept.values())
    renewed = dataclasses.replace(cats.credentials, access=kept["access"], refresh=kept["refresh"])
    assert isinstance(await run("shops.list_boards", http, renewed), Done)
    spent = await run("accounts.refresh_pinterest", http, cats.credentials)
    assert isinstance(spent, GiveUp)
    assert spent.code == "unauthorized"


async def test_a_renewal_without_an_answer_is_unknown(
    sandbox: Sandbox, cats: Cats, http: httpx.AsyncClient
) -> None:
    sandbox.fault("pinterest", "effect_then_timeout", operation="oauth/token")
    assert isinstance(await run("accounts.refresh_pinterest", http, cats.credentials), Unknown)


async def test_a_missing_scope_is_unauthorized(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    credentials = connect(sandbox, "pinterest", "cats", scopes=["pins:read"])
    outcome = await run("shops.list_boards", http, credentials)
    assert isinstance(outcome, GiveUp)
    assert outcome.code == "unauthorized"


# --- reading answers, without a network ----------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "repeatable", "outcome"),
    [
        pytest.param(
            httpx.Response(201, text="<html>"),
            False,
            Unknown("Pinterest answered 201: nothing that can be read", "server_error"),
            id="a good status and nothing to read, after a write",
        ),
        pytest.param(
            httpx.Response(200, text="<html>"),
            True,
            TryLater(None, "Pinterest answered 200: nothing that can be read", "server_error"),
            id="the same after a read",
        ),
        pytest.param(
            httpx.Response(429, json={"code": 8, "message": "Slow down"}),
            False,
            TryLater(None, "Pinterest answered 429: Slow down", "throttled", pause_key=True),
            id="a 429 that names no time",
        ),
        pytest.param(
            httpx.Response(429, json={"message": "Marked as SPAM"}),
            False,
            GiveUp("Pinterest takes it for spam: Marked as SPAM", "spam"),
            id="spam in the message itself",
        ),
    ],
)
def test_reading_an_answer(response: httpx.Response, repeatable: bool, outcome: Any) -> None:
    with pytest.raises(Stop) as stop:
        pinterest.read(response, repeatable)
    assert stop.value.outcome == outcome


@pytest.mark.parametrize(
    "item",
    [
        {"exceptions": {"code": 2, "message": "Not allowed"}},
        {"exceptions": [{"code": 2, "message": "Not allowed"}], "data": {"id": "1"}},
    ],
    ids=["one exception", "a list of them"],
)
def test_exceptions_come_in_two_forms(item: dict[str, Any]) -> None:
    with pytest.raises(Stop) as stop:
        pinterest.read_campaign({"items": [item]})
    assert stop.value.outcome == GiveUp("Pinterest refuses: Not allowed", "invalid_request")
