"""The Pinterest stand-in answers as Pinterest v5 does, and refuses what Pinterest refuses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.openapi import Rest
from sandbox.pinterest import RULES, Pinterest
from sandbox.service import World
from tests.fixtures.sandbox import Sandbox
from tests.fixtures.specs import official

PICTURE = {"source_type": "image_url", "url": "https://cdn.example.com/cat.png"}


class Client:
    def __init__(self, sandbox: Sandbox, **settings: Any) -> None:
        self.account = sandbox.open("pinterest", "cats", **settings)
        self.board_id = self.account["boards"][0]["id"] if self.account["boards"] else ""
        self.http = httpx.Client(base_url=sandbox.base_url("pinterest"), timeout=10, verify=False)
        self.token = self.account["access_token"]

    def send(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.request(method, path, headers=headers, **given)

    def pin(self, **given: Any) -> httpx.Response:
        return self.send("POST", "/pins", json=self.wanted(**given))

    def wanted(self, **given: Any) -> dict[str, Any]:
        link = "https://one.example/products/blue-cat"
        pin = {"board_id": self.board_id, "title": "Cat", "link": link, "media_source": PICTURE}
        return {**pin, **given}

    def refresh(self, token: str, **change: str) -> httpx.Response:
        pair = {key: self.account[key] for key in ("client_id", "client_secret")} | change
        form = {"grant_type": "refresh_token", "refresh_token": token}
        auth = (pair["client_id"], pair["client_secret"])
        return self.http.post("/oauth/token", data=form, auth=auth)


@pytest.fixture
def cats(sandbox: Sandbox) -> Client:
    return Client(sandbox)


def test_a_connection_can_be_tested(cats: Client) -> None:
    assert cats.send("GET", "/user_account").json()["username"] == "cats"
    accounts = cats.send("GET", "/ad_accounts").json()["items"]
    assert [row["id"] for row in accounts] == [cats.account["ad_account_id"]]


def test_boards_come_page_by_page(sandbox: Sandbox) -> None:
    cats = Client(sandbox, boards=[f"Board {n}" for n in range(5)])
    names, bookmark = [], None
    while True:
        query = {"page_size": "2"} | ({"bookmark": bookmark} if bookmark else {})
        page = cats.send("GET", "/boards", params=query).json()
        names += [board["name"] for board in page["items"]]
        bookmark = page["bookmark"]
        if bookmark is None:
            break
    assert names == ["Board 0", "Board 1", "Board 2", "Board 3", "Board 4"]


def test_a_pin_is_on_its_board_newest_first(sandbox: Sandbox, cats: Client) -> None:
    first, second = cats.pin(title="One"), cats.pin(title="Two")
    assert (first.status_code, second.status_code) == (201, 201)
    pins = cats.send("GET", f"/boards/{cats.board_id}/pins").json()["items"]
    assert [pin["title"] for pin in pins] == ["Two", "One"]
    assert cats.send("GET", f"/pins/{pins[1]['id']}").json() == pins[1]
    assert [pin["link"] for pin in sandbox.pins()] == [cats.wanted()["link"]] * 2


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        pytest.param({"board_id": "1"}, 404, 40, id="a board of nobody"),
        pytest.param({"link": "ftp://x/y"}, 400, 1, id="a link that is none"),
        pytest.param(
            {"media_source": {"source_type": "image_url", "url": "cat.png"}},
            400,
            235,
            id="a picture that is nowhere",
        ),
    ],
)
def test_a_pin_is_refused(cats: Client, change: dict[str, Any], status: int, code: int) -> None:
    answer = cats.pin(**change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_picture_of_the_shop_must_be_there(sandbox: Sandbox, cats: Client) -> None:
    missing = {"source_type": "image_url", "url": f"{sandbox.url}/shopify/x/files/none.png"}
    assert cats.pin(media_source=missing).json()["code"] == 235


def test_a_refresh_token_works_once(cats: Client) -> None:
    first = cats.refresh(cats.account["refresh_token"])
    assert first.status_code == 200
    renewed = first.json()
    assert cats.send("GET", "/boards").status_code == 401
    cats.token = renewed["access_token"]
    assert cats.send("GET", "/boards").status_code == 200
    assert cats.refresh(cats.account["refresh_token"]).status_code == 401
    assert cats.refresh(renewed["refresh_token"]).status_code == 200


def test_a_refresh_needs_the_apps_secret(cats: Client) -> None:
    assert cats.refresh(cats.account["refresh_token"], client_secret="x").status_code == 401


def test_an_access_token_ends(sandbox: Sandbox) -> None:
    assert Client(sandbox, expires_in=0).send("GET", "/boards").status_code == 401


def test_a_missing_scope_is_403(sandbox: Sandbox) -> None:
    cats = Client(sandbox, scopes=["boards:read", "pins:read"])
    assert cats.send("GET", "/boards").status_code == 200
    answer = cats.pin()
    assert answer.status_code == 403
    assert "pins:write" in answer.json()["message"]


def test_pins_have_a_rate(cats: Client) -> None:
    answers = [cats.pin() for _ in range(3)]
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert answers[0].headers["x-ratelimit-limit"] == "100"
    assert 0 < int(answers[0].headers["x-ratelimit-reset"]) <= 60
    assert left in ([99, 98, 97], [99, 98, 99], [99, 99, 98])  # the minute may turn in between


# --- campaigns -----------------------------------------------------------------------------------


def test_a_batch_has_a_verdict_for_each(sandbox: Sandbox, cats: Client) -> None:
    ads, (campaign,) = cats.account["ad_account_id"], cats.account["campaigns"]
    known = {"id": campaign["id"], "ad_account_id": ads}
    wanted = [
        {**known, "daily_spend_cap": 12_000_000},
        {"id": "1", "ad_account_id": ads, "daily_spend_cap": 1},
        {**known, "lifetime_spend_cap": 1},
    ]
    path = f"/ad_accounts/{ads}/campaigns"
    answer = cats.send("PATCH", path, json=wanted)
    assert answer.status_code == 200
    verdicts = [len(item["exceptions"]) for item in answer.json()["items"]]
    assert verdicts == [0, 1, 1]
    (row,) = cats.send("GET", path, params={"campaign_ids": campaign["id"]}).json()["items"]
    assert row["daily_spend_cap"] == 12_000_000
    assert sandbox.state("pinterest")["campaigns"][0]["daily_spend_cap"] == 12_000_000


def test_another_ad_account_is_403(cats: Client) -> None:
    assert cats.send("GET", "/ad_accounts/123/campaigns").status_code == 403


# --- the contract --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"titel": "Cat"}, "$.titel: unknown key", id="a key nobody knows"),
        pytest.param({"title": "x" * 101}, "$.title", id="a title above 100 characters"),
        pytest.param({"description": "x" * 801}, "$.description", id="a long description"),
        pytest.param({"board_id": "my board"}, "$.board_id", id="an id that is no number"),
        pytest.param(
            {"media_source": {**PICTURE, "alt": "x"}},
            "$.media_source.alt: unknown key",
            id="a key nobody knows, inside",
        ),
        pytest.param(
            {"media_source": {"source_type": "image_url"}}, "$.media_source", id="no address"
        ),
        pytest.param(
            {"media_source": {"source_type": "picture", "url": "https://x/y"}},
            "$.media_source",
            id="a kind nobody knows",
        ),
    ],
)
def test_a_wrong_pin_is_a_violation(
    sandbox: Sandbox, cats: Client, change: dict[str, Any], says: str
) -> None:
    assert cats.pin(**change).status_code == 400
    assert any(says in line for line in sandbox.seen()), sandbox.seen()
    assert sandbox.pins() == []


@pytest.mark.parametrize(
    ("method", "path", "given", "says"),
    [
        pytest.param(
            "GET", "/boards", {"params": {"pagesize": "5"}}, "pagesize", id="a query name"
        ),
        pytest.param("GET", "/boards", {"params": {"page_size": "251"}}, "251", id="a large page"),
        pytest.param("GET", "/boards", {"params": {"page_size": "x"}}, "page_size", id="no number"),
        pytest.param("GET", "/boards/mine/pins", {}, "board_id", id="a path parameter"),
        pytest.param("GET", "/boards", {"json": {}}, "takes no body", id="a body where none is"),
        pytest.param("POST", "/pins", {}, "body is missing", id="no body"),
        pytest.param("POST", "/pins", {"data": {"a": "b"}}, "content type", id="a form for JSON"),
        pytest.param("POST", "/pins", {"content": b"{"}, "the body is not", id="half a body"),
        pytest.param("PATCH", "/ad_accounts/1/campaigns", {"json": []}, "$", id="an empty batch"),
        pytest.param(
            "PATCH",
            "/ad_accounts/1/campaigns",
            {"json": [{"id": "1", "daily_spend_cap": 5}]},
            "ad_account_id",
            id="a campaign without its account",
        ),
        pytest.param(
            "POST",
            "/oauth/token",
            {"data": {"grant_type": "refresh_token"}},
            "refresh_token",
            id="a refresh without a token: the discriminator's schema counts",
        ),
        pytest.param("DELETE", "/pins", {}, "does not exist", id="a method nobody knows"),
    ],
)
def test_a_wrong_request_is_a_violation(
    sandbox: Sandbox, cats: Client, method: str, path: str, given: dict[str, Any], says: str
) -> None:
    assert cats.send(method, path, **given).status_code in (400, 404)
    assert any(says in line for line in sandbox.seen()), sandbox.seen()


def test_scopes_and_rates_are_the_specifications() -> None:
    spec = Rest.read(official("pinterest/openapi.json.gz"))
    world: Any = World
    for operation in Pinterest(world).operations:
        described = spec.operation(operation.method, operation.path)
        rule = RULES[operation.name]
        wanted = described["security"][0].get("pinterest_oauth2", [])
        assert described["operationId"] == operation.name
        assert described["x-ratelimit-category"] == rule.category, operation.name
        assert sorted(wanted) == sorted(rule.scopes), operation.name


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status"), [("429", 429), ("500", 500), ("unauthorized", 401), ("spam_429", 429)]
)
def test_a_fault_comes_instead_of_the_pin(
    sandbox: Sandbox, cats: Client, fault: str, status: int
) -> None:
    sandbox.fault("pinterest", fault, operation="pins/create")
    answer = cats.pin()
    assert answer.status_code == status
    assert ("spam" in answer.text) == (fault == "spam_429")
    assert sandbox.pins() == []
    assert cats.pin().status_code == 201


@pytest.mark.parametrize("fault", ["half_body", "effect_then_timeout"])
def test_the_pin_is_there_though_the_connection_was_cut(
    sandbox: Sandbox, cats: Client, fault: str
) -> None:
    sandbox.fault("pinterest", fault)
    with pytest.raises(httpx.RemoteProtocolError):
        cats.pin()
    assert len(sandbox.pins()) == 1
