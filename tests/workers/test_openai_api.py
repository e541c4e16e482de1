"""OpenAI's handlers against the sandbox, and what they make of every way to fail."""

from __future__ import annotations

import base64
import dataclasses
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.fixtures.sandbox import Sandbox
from tests.workers.connections import connect, run
from workers import openai_api
from workers.credentials import Credentials
from workers.http import Stop
from workers.outcome import Done, GiveUp, TryLater, Unknown

DESIGN = {
    "model": "gpt-image-2",
    "prompt": "Create a design for Vintage Bikes",
    "size": "1024x1536",
    "quality": "low",
}
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 70},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["title", "tags"],
    "additionalProperties": False,
}
TEXT = {
    "model": "gpt-6-luna",
    "instructions": "You write for a shop.",
    "input": "Create a title for Vintage Bikes",
    "schema_name": "product_text",
    "schema": SCHEMA,
}


@pytest.fixture
def key(sandbox: Sandbox) -> Credentials:
    return connect(sandbox, "openai", "default")


async def answer(kind: str, http: httpx.AsyncClient, key: Credentials, /, **request: Any) -> Any:
    outcome = await run(kind, http, key, **request)
    assert isinstance(outcome, Done), outcome
    return outcome.answer


async def test_a_design_is_drawn(key: Credentials, http: httpx.AsyncClient) -> None:
    drawn = await answer("shops.draw_design", http, key, **DESIGN)
    image = Image.open(io.BytesIO(base64.b64decode(drawn["image_base64"])))
    assert (image.size, drawn["media_type"]) == ((1024, 1536), "image/png")
    assert drawn["usage"]["output_tokens"] == 408
    assert drawn["usage"]["input_tokens"] > 0
    assert drawn["request_id"].startswith("req_")


@pytest.mark.parametrize("kind", ["shops.write_text", "shops.optimise_product"])
async def test_a_text_is_written(key: Credentials, http: httpx.AsyncClient, kind: str) -> None:
    written = await answer(kind, http, key, **TEXT)
    assert set(written["output"]) == {"title", "tags"}
    assert "Bikes" in written["output"]["title"]
    assert (written["refusal"], written["invalid"]) == (None, None)
    assert written["usage"].keys() == {"input_tokens", "output_tokens"}
    assert all(tokens > 0 for tokens in written["usage"].values())
    assert written["request_id"].startswith("req_")


async def test_a_refusal_is_an_answer_that_was_paid(
    sandbox: Sandbox, key: Credentials, http: httpx.AsyncClient
) -> None:
    sandbox.fault("openai", "refusal")
    written = await answer("shops.write_text", http, key, **TEXT)
    assert written["refusal"].startswith("I'm sorry")
    assert (written["output"], written["invalid"]) == (None, None)
    assert written["usage"]["output_tokens"] > 0


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("not_json", "The text is no JSON."),
        ("wrong_shape", "is a required property"),
        ("cut_short", "The text is not complete: max_output_tokens."),
    ],
)
async def test_an_invalid_output_is_an_answer_that_was_paid(
    sandbox: Sandbox, key: Credentials, http: httpx.AsyncClient, how: str, says: str
) -> None:
    sandbox.fault("openai", "invalid_output", how=how)
    written = await answer("shops.write_text", http, key, **TEXT)
    assert says in written["invalid"]
    assert (written["output"], written["refusal"]) == (None, None)
    assert written["usage"]["output_tokens"] > 0


async def test_a_picture_that_is_none_is_paid_too(
    sandbox: Sandbox, key: Credentials, http: httpx.AsyncClient
) -> None:
    sandbox.fault("openai", "invalid_output")
    drawn = await answer("shops.draw_design", http, key, **DESIGN)
    assert base64.b64decode(drawn["image_base64"]) == b"no picture"
    assert drawn["usage"]["output_tokens"] == 408


async def test_a_refused_prompt_is_given_up(
    sandbox: Sandbox, key: Credentials, http: httpx.AsyncClient
) -> None:
    sandbox.fault("openai", "refusal")
    outcome = await run("shops.draw_design", http, key, **DESIGN)
    assert isinstance(outcome, GiveUp)
    assert outcome.code == "refused"


async def test_a_connection_is_checked(key: Credentials, http: httpx.AsyncClient) -> None:
    found = await answer("accounts.check_openai", http, key)
    assert found["granted_scopes"] == []
    assert {"gpt-6-luna", "gpt-image-2"} <= set(found["account"]["models"])


# --- every way to fail ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        pytest.param("429", ("throttled", 2.0, True), id="429"),
        pytest.param("500", ("server_error", None, False), id="500"),
    ],
)
@pytest.mark.parametrize(("kind", "request_"), [("draw_design", DESIGN), ("write_text", TEXT)])
async def test_a_fault_is_tried_later(
    sandbox: Sandbox,
    key: Credentials,
    http: httpx.AsyncClient,
    kind: str,
    request_: dict[str, Any],
    fault: str,
    wanted: tuple[str, float | None, bool],
) -> None:
    sandbox.fault("openai", fault)
    outcome = await run(f"shops.{kind}", http, key, **request_)
    assert isinstance(outcome, TryLater)
    assert (outcome.code, outcome.after, outcome.pause_key) == wanted
    assert await answer(f"shops.{kind}", http, key, **request_)


@pytest.mark.parametrize("fault", ["half_body", "effect_then_timeout"])
@pytest.mark.parametrize(("kind", "request_"), [("draw_design", DESIGN), ("write_text", TEXT)])
async def test_a_call_without_an_answer_may_have_been_paid_for(
    sandbox: Sandbox,
    key: Credentials,
    http: httpx.AsyncClient,
    kind: str,
    request_: dict[str, Any],
    fault: str,
) -> None:
    sandbox.fault("openai", fault)
    outcome = await run(f"shops.{kind}", http, key, **request_)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "server_error"


async def test_no_money_is_given_up(
    sandbox: Sandbox, key: Credentials, http: httpx.AsyncClient
) -> None:
    sandbox.fault("openai", "insufficient_quota")
    outcome = await run("shops.draw_design", http, key, **DESIGN)
    assert isinstance(outcome, GiveUp)
    assert outcome.code == "insufficient_quota"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"model": "dall-e-3"}, "not_found", id="a retired model"),
        pytest.param({"model": "gpt-6-luna"}, "invalid_request", id="a model that cannot draw"),
        pytest.param({"size": "512x512"}, "invalid_request", id="a size there is not"),
    ],
)
async def test_a_wrong_request_is_given_up(
    key: Credentials, http: httpx.AsyncClient, change: dict[str, str], code: str
) -> None:
    outcome = await run("shops.draw_design", http, key, **{**DESIGN, **change})
    assert isinstance(outcome, GiveUp)
    assert outcome.code == code


async def test_a_wrong_key_is_unauthorized(key: Credentials, http: httpx.AsyncClient) -> None:
    wrong = dataclasses.replace(key, access="sk-wrong")
    outcome = await run("accounts.check_openai", http, wrong)
    assert outcome == GiveUp("OpenAI does not accept our key (401).", "unauthorized")


# --- reading answers, without a network ----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        pytest.param(
            401,
            {"message": "Incorrect API key provided: sk-ab***yz"},
            GiveUp("OpenAI does not accept our key (401).", "unauthorized"),
            id="a key, of which nothing is repeated",
        ),
        pytest.param(
            409,
            {"message": "x"},
            TryLater(None, "OpenAI answered 409: x", "server_error"),
            id="409",
        ),
        pytest.param(
            400,
            {"message": "x", "code": "content_policy_violation"},
            GiveUp("OpenAI answered 400: x", "refused"),
            id="a prompt against the rules",
        ),
        pytest.param(
            502, None, TryLater(None, "OpenAI answered 502: ", "server_error"), id="no JSON at all"
        ),
    ],
)
def test_reading_a_refusal(status: int, error: Any, outcome: Any) -> None:
    body = {"json": {"error": error}} if error else {"text": "<html>"}
    assert openai_api.refused(httpx.Response(status, **body)) == outcome  # type: ignore[arg-type]


def response(**given: Any) -> httpx.Response:
    text = {"type": "output_text", "text": '{"title": "x", "tags": []}'}
    message = {"type": "message", "content": [text]}
    body = {"status": "completed", "output": [{"type": "reasoning"}, message], "usage": {}}
    return httpx.Response(200, json={**body, **given})


def test_what_the_model_thought_is_passed_over() -> None:
    read = openai_api.read_text(response(), SCHEMA)
    assert read["output"] == {"title": "x", "tags": []}
    assert read["usage"] == {"input_tokens": 0, "output_tokens": 0}


def test_a_failed_response_is_tried_later() -> None:
    failed = response(status="failed", error={"code": "server_error", "message": "x"}, output=[])
    with pytest.raises(Stop) as stop:
        openai_api.read_text(failed, SCHEMA)
    assert stop.value.outcome == TryLater(None, "OpenAI failed: x", "server_error")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param('{"title": "x", "tags": []}', None, id="right"),
        pytest.param("", "The text is no JSON.", id="nothing"),
        pytest.param("[]", "$: [] is not of type 'object'", id="another type"),
        pytest.param('{"title": "x"}', "$: 'tags' is a required property", id="a part missing"),
        pytest.param(
            '{"title": 1, "tags": []}', "$.title: 1 is not of type 'string'", id="a number"
        ),
        pytest.param(
            '{"title": "x", "tags": [], "x": 1}',
            "$: Additional properties are not allowed ('x' was unexpected)",
            id="more than asked",
        ),
    ],
)
def test_an_output_is_held_against_its_schema(text: str, why: str | None) -> None:
    assert openai_api.checked(text, SCHEMA)[1] == why
