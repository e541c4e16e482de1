"""The sandbox as a whole: its process, its control API, its page, its specifications."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from sandbox import CHECKOUT, images
from sandbox.contract import SHOPIFY_VERSIONS, Graph
from sandbox.control import Control, Refused
from sandbox.run import NotStarted, start
from sandbox.shopify_graph import SCHEMA
from tests.fixtures.sandbox import Sandbox
from tests.fixtures.specs import official
from tests.sandbox.shop import DOMAIN, Client


def test_it_ends_with_whoever_started_it() -> None:
    with start() as running:
        assert httpx.get(running.url).status_code == 200
        assert running.process.stdin is not None
        running.process.stdin.close()
        assert running.process.wait(10) is not None
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url)


def test_ctrl_c_ends_it_in_silence() -> None:
    command = [sys.executable, "-m", "sandbox.run"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()).keys() >= {"url", "shopify", "control"}
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=20)
    assert (process.returncode, out, said) == (0, b"", b"")


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(NotStarted, match="in use"):
            start(taken.getsockname()[1])


def test_required_specifications_must_be_there(tmp_path: Path) -> None:
    missing = {"AUTOM_SPECS": str(tmp_path), "AUTOM_REQUIRE_SPECS": "1"}
    with pytest.raises(NotStarted, match="is not there"):
        start(environment=missing)


def test_a_request_that_comes_first_is_checked_too() -> None:
    official("pinterest/openapi.json.gz")
    with start() as running:
        answer = httpx.post(f"{running.url}/pinterest/v5/pins", json={"titel": "x"}, timeout=60)
        assert "titel: unknown key" in answer.text
        assert len(Sandbox(running).seen()) == 1


def test_without_specifications_its_own_schema_holds(tmp_path: Path) -> None:
    bare = {"AUTOM_SPECS": str(tmp_path), "AUTOM_REQUIRE_SPECS": ""}
    with start(environment=bare) as running:
        box = Sandbox(running)
        assert httpx.get(f"{running.url}/_control/state").json()["specifications"] == []
        shop = Client(box)
        assert shop.upsert("blue-cat")["userErrors"] == []
        assert shop.send("query { shop { nam } }").json()["errors"]
        assert len(box.seen()) == 1
        box.close()


@pytest.mark.parametrize(
    ("service", "fault"),
    [("shopify", "refusal"), ("pinterest", "no such"), ("etsy", "500")],
)
def test_a_fault_must_be_known(sandbox: Sandbox, service: str, fault: str) -> None:
    with pytest.raises(Refused):
        sandbox.fault(service, fault)


def test_an_account_asked_for_again_is_the_same(sandbox: Sandbox) -> None:
    for service in ("shopify", "openai", "pinterest"):
        assert sandbox.open(service, "one") == sandbox.open(service, "one")
        assert sandbox.open(service, "one") != sandbox.open(service, "two")


@pytest.mark.parametrize(
    "orders",
    [
        pytest.param([{"product": "nobody"}], id="a product that is not there"),
        pytest.param([{"order": "#1"}], id="an order that is not there"),
    ],
)
def test_orders_are_of_what_is_there(sandbox: Sandbox, orders: Any) -> None:
    Client(sandbox)
    with pytest.raises(Refused, match="has no"):
        sandbox.orders(DOMAIN, orders)


def test_reset_forgets_everything(sandbox: Sandbox) -> None:
    shop = Client(sandbox)
    shop.upsert("blue-cat")
    sandbox.fault("shopify", "500", times=None)
    sandbox.reset()
    assert sandbox.state("shopify") == {"calls": {}, "answered": {}}
    assert shop.send("query { shop { id } }").status_code == 404
    assert Client(sandbox).ask("query { shop { id } }")


def test_a_person_can_look_at_what_was_made(sandbox: Sandbox) -> None:
    shop = Client(sandbox)
    shop.upsert("blue-cat", title="Blue <Cat>", status="ACTIVE")
    page = httpx.get(sandbox.url)
    assert page.headers["content-type"].startswith("text/html")
    assert "Blue &lt;Cat&gt;" in page.text
    assert "29.99" in page.text
    assert "against the contract" not in page.text


def test_the_page_shows_what_was_wrong(sandbox: Sandbox) -> None:
    Client(sandbox).send("query { shop { nam } }")
    assert "1 against the contract" in httpx.get(sandbox.url).text
    sandbox.seen()


def test_a_fault_of_the_sandbox_itself_is_not_silent(sandbox: Sandbox) -> None:
    key = sandbox.open("openai", "x")["access_token"]
    schema = {"type": "object", "additionalProperties": False, "required": ["a"]}
    schema["properties"] = {"a": {"$ref": "#/$defs/nowhere"}}
    form = {"type": "json_schema", "name": "x", "strict": True, "schema": schema}
    answer = httpx.post(
        sandbox.base_url("openai") + "/responses",
        json={"model": "gpt-6-luna", "input": "x", "text": {"format": form}},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 500
    assert "the sandbox broke: KeyError" in sandbox.seen()[0]


def test_a_body_that_is_no_json_is_told(sandbox: Sandbox) -> None:
    answer = httpx.post(f"{sandbox.url}/_control/accounts", content=b"{")
    assert (answer.status_code, answer.json()) == (400, {"error": "the body is no JSON"})


def test_the_control_says_what_it_did_not_understand(sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="service must be one of"):
        Control(sandbox.url).open("etsy", "x")


@pytest.mark.parametrize("size", ["1024x1024", "1024x1536", "1536x1024"])
@pytest.mark.parametrize("prompt", ["Cats", "", "ein sehr langer Text über Kaffee " * 20])
def test_a_prompt_always_gets_its_own_picture(prompt: str, size: str) -> None:
    drawn = images.draw(prompt, size)
    assert drawn == images.draw(prompt, size)
    assert drawn != images.draw(prompt, size, turn=1)
    assert drawn != images.draw(prompt + "x" if len(prompt) < 50 else "y", size)
    assert len(base64.b64encode(drawn)) < 100_000


# --- its own schema against the official one -----------------------------------------------------


@pytest.mark.parametrize("version", SHOPIFY_VERSIONS)
def test_its_own_schema_is_part_of_the_official_one(version: str) -> None:
    """Each type, field, argument and enum value that the sandbox knows is the official one."""
    theirs = Graph.read(official(f"shopify/admin_{version}.json.gz")).schema.type_map
    for name, own in SCHEMA.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(own):
            continue
        assert type(theirs[name]) is type(own), name
        other: Any = theirs[name]
        if isinstance(own, GraphQLEnumType):
            assert set(own.values) <= set(other.values), name
        if isinstance(own, GraphQLObjectType | GraphQLInterfaceType):
            for field, mine in own.fields.items():
                assert str(mine.type) == str(other.fields[field].type), f"{name}.{field}"
                assert other.fields[field].deprecation_reason is None, f"{name}.{field}"
                for arg, given in mine.args.items():
                    wanted = other.fields[field].args[arg]
                    assert str(given.type) == str(wanted.type), f"{name}.{field}({arg})"
                    assert given.default_value == wanted.default_value, f"{name}.{field}({arg})"
        if isinstance(own, GraphQLInputObjectType):
            for field, mine_input in own.fields.items():
                assert str(mine_input.type) == str(other.fields[field].type), f"{name}.{field}"
                assert other.fields[field].deprecation_reason is None, f"{name}.{field}"
