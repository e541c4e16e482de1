"""The OpenAI stand-in, asked with OpenAI's own client."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from sandbox import writing
from tests.fixtures.sandbox import Sandbox

TEXT_MODEL = "gpt-6-luna"
IMAGE_MODEL = "gpt-image-2"
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 40},
        "description": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
    },
    "required": ["title", "description", "tags"],
    "additionalProperties": False,
}


def form(schema: dict[str, Any] | None = None, strict: bool = True) -> Any:
    wanted = SCHEMA if schema is None else schema
    return {
        "format": {"type": "json_schema", "name": "product", "strict": strict, "schema": wanted}
    }


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    key = sandbox.open("openai", "shop")["access_token"]
    url = sandbox.base_url("openai")
    with openai.OpenAI(api_key=key, base_url=url, max_retries=0, timeout=10) as client:
        yield client


def respond(client: openai.OpenAI, text: Any = None, **given: Any) -> Any:
    asked = {"model": TEXT_MODEL, "input": "Create a title for Vintage Bikes", **given}
    return client.responses.create(**asked, text=form() if text is None else text)


def test_models_are_listed(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert TEXT_MODEL in names
    assert IMAGE_MODEL in names
    assert "dall-e-3" not in names


def test_text_keeps_the_schema_and_the_subject(client: openai.OpenAI) -> None:
    answer = respond(client, instructions="You write for a shop.")
    written = json.loads(answer.output_text)
    assert answer.status == "completed"
    assert set(written) == {"title", "description", "tags"}
    assert "Bikes" in written["title"]
    assert len(written["title"]) <= 40
    assert 0 < len(written["tags"]) <= 3
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0


def test_asked_again_a_model_says_something_else(sandbox: Sandbox, client: openai.OpenAI) -> None:
    titles = [json.loads(respond(client).output_text)["title"] for _ in range(10)]
    assert len(set(titles)) == 10
    sandbox.reset()
    sandbox.open("openai", "shop")
    assert json.loads(respond(client).output_text)["title"] == titles[0]


def test_a_picture_is_really_drawn(sandbox: Sandbox, client: openai.OpenAI) -> None:
    answer = client.images.generate(
        model=IMAGE_MODEL, prompt="Create a design for Cats", size="1024x1536", quality="low"
    )
    assert answer.data is not None
    assert answer.usage is not None
    raw = base64.b64decode(answer.data[0].b64_json or "")
    image = Image.open(io.BytesIO(raw))
    assert (image.format, image.size) == ("PNG", (1024, 1536))
    assert len(image.getcolors() or []) == 4
    assert len(raw) < 60_000
    assert answer.usage.output_tokens == 408
    assert sandbox.state("openai")["images"] == 1


def test_answers_carry_ids_and_limits(client: openai.OpenAI) -> None:
    raw = client.models.with_raw_response.list()
    assert raw.headers["x-request-id"].startswith("req_")
    assert int(raw.headers["x-ratelimit-remaining-requests"]) < int(
        raw.headers["x-ratelimit-limit-requests"]
    )


@pytest.mark.parametrize("model", ["gpt-3", "dall-e-3", "gpt-image-1"])
def test_an_unknown_or_retired_model_is_404(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as refusal:
        client.images.generate(model=model, prompt="x")
    assert refusal.value.code == "model_not_found"


def test_a_model_does_its_own_kind_of_work_only(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.images.generate(model=TEXT_MODEL, prompt="x")
    with pytest.raises(openai.BadRequestError):
        respond(client, model=IMAGE_MODEL)


def test_a_wrong_key_is_401(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-wrong").models.list()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"additionalProperties": True}, "additionalProperties", id="open objects"),
        pytest.param({"required": ["title"]}, "required", id="optional properties"),
        pytest.param({"type": "array"}, "must be an object", id="a list at the root"),
    ],
)
def test_strict_output_does_not_take(
    client: openai.OpenAI, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=says):
        respond(client, form({**SCHEMA, **change}))


def test_strict_output_must_be_asked_for(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        respond(client, form(strict=False))


@pytest.mark.parametrize(
    "size", ["512x512", "1792x1024"], ids=["a size of older models", "another one"]
)
def test_a_size_must_be_one_of_the_models(client: openai.OpenAI, size: Any) -> None:
    with pytest.raises(openai.BadRequestError):
        client.images.generate(model=IMAGE_MODEL, prompt="x", size=size)


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        pytest.param(
            "/images/generations",
            {"model": IMAGE_MODEL, "prompt": "x", "prompt_strength": 1},
            "prompt_strength: unknown key",
            id="a key nobody knows",
        ),
        pytest.param(
            "/images/generations", {"model": IMAGE_MODEL}, "'prompt' is a required", id="no prompt"
        ),
        pytest.param(
            "/images/generations",
            {"model": IMAGE_MODEL, "prompt": "x", "n": 0},
            "$.n",
            id="too few pictures",
        ),
        pytest.param(
            "/responses",
            {"model": TEXT_MODEL, "input": "x", "temperature": 3},
            "temperature",
            id="too warm",
        ),
        pytest.param(
            "/responses",
            {"model": TEXT_MODEL, "input": "x", "text": {"format": {"type": "json_schema"}}},
            "$.text.format",
            id="a schema without a name",
        ),
        pytest.param(
            "/responses",
            {
                "model": TEXT_MODEL,
                "input": "x",
                "text": {"format": form()["format"] | {"stict": True}},
            },
            "stict: unknown key",
            id="a key nobody knows, deep inside",
        ),
    ],
)
def test_a_wrong_body_is_a_violation(
    sandbox: Sandbox, client: openai.OpenAI, path: str, body: dict[str, Any], says: str
) -> None:
    headers = {"Authorization": f"Bearer {client.api_key}"}
    url = sandbox.base_url("openai") + path
    answer = httpx.post(url, json=body, headers=headers)
    assert answer.status_code == 400
    assert any(says in line for line in sandbox.seen()), sandbox.seen()


def test_a_query_parameter_nobody_knows_is_a_violation(
    sandbox: Sandbox, client: openai.OpenAI
) -> None:
    url = sandbox.base_url("openai") + "/models?limit=3"
    headers = {"Authorization": f"Bearer {client.api_key}"}
    assert httpx.get(url, headers=headers).status_code == 400
    assert "query parameter limit is unknown" in sandbox.seen()[0]


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param("429", openai.RateLimitError, id="429"),
        pytest.param("insufficient_quota", openai.RateLimitError, id="no money"),
        pytest.param("500", openai.InternalServerError, id="500"),
        pytest.param("unauthorized", openai.AuthenticationError, id="401"),
        pytest.param("half_body", openai.APIConnectionError, id="half an answer"),
        pytest.param("effect_then_timeout", openai.APIConnectionError, id="no answer"),
    ],
)
def test_a_fault(
    sandbox: Sandbox, client: openai.OpenAI, fault: str, error: type[Exception]
) -> None:
    sandbox.fault("openai", fault)
    with pytest.raises(error):
        respond(client)
    assert respond(client).status == "completed"


def test_a_429_says_when(sandbox: Sandbox, client: openai.OpenAI) -> None:
    sandbox.fault("openai", "429", retry_after="7.5")
    with pytest.raises(openai.RateLimitError) as refusal:
        respond(client)
    assert refusal.value.response.headers["retry-after"] == "7.5"


def test_a_refusal_is_no_text(sandbox: Sandbox, client: openai.OpenAI) -> None:
    sandbox.fault("openai", "refusal", times=2)
    (message,) = respond(client).output
    assert message.content[0].type == "refusal"
    with pytest.raises(openai.BadRequestError) as refusal:
        client.images.generate(model=IMAGE_MODEL, prompt="x")
    assert refusal.value.code == "moderation_blocked"


@pytest.mark.parametrize("how", ["not_json", "cut_short"])
def test_invalid_output_is_no_json(sandbox: Sandbox, client: openai.OpenAI, how: str) -> None:
    sandbox.fault("openai", "invalid_output", how=how)
    answer = respond(client)
    assert answer.status == ("incomplete" if how == "cut_short" else "completed")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.output_text)


def test_invalid_output_may_be_json_of_another_shape(
    sandbox: Sandbox, client: openai.OpenAI
) -> None:
    sandbox.fault("openai", "invalid_output", how="wrong_shape")
    assert set(json.loads(respond(client).output_text)) == {"answer"}


# --- what it writes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "good"),
    [
        pytest.param({"type": "string", "maxLength": 12}, lambda t: 0 < len(t) <= 12, id="short"),
        pytest.param({"type": "string", "minLength": 300}, lambda t: len(t) >= 300, id="long"),
        pytest.param({"enum": ["a", "b"]}, lambda t: t in "ab", id="one of a list"),
        pytest.param({"const": 3}, lambda t: t == 3, id="a constant"),
        pytest.param({"type": "integer", "minimum": 5}, lambda t: t == 5, id="a number"),
        pytest.param({"type": ["string", "null"]}, lambda t: isinstance(t, str), id="or null"),
        pytest.param({"anyOf": [{"type": "boolean"}]}, lambda t: t is True, id="any of"),
        pytest.param(
            {"type": "array", "minItems": 9, "items": {"type": "string"}},
            lambda t: len(t) == 9 == len(set(t)),
            id="a list of at least nine",
        ),
        pytest.param(
            {"$ref": "#/$defs/x", "$defs": {"x": {"type": "null"}}}, lambda t: t is None, id="a ref"
        ),
    ],
)
def test_writing_fills(schema: dict[str, Any], good: Any) -> None:
    assert good(writing.fill(schema, writing.subject("Create a title for Cats"), "title"))


@pytest.mark.parametrize(
    ("prompt", "phrase"),
    [
        ("Create a title for Vintage Motorcycles", "Vintage Motorcycles"),
        ("Write well.\nNiche: Katzen & Kaffee\nTitle: Made for you", "Katzen Kaffee"),
        ("Draw something bold", "Draw something bold"),
        ("for", "Something New"),
    ],
)
def test_the_subject_of_a_prompt(prompt: str, phrase: str) -> None:
    assert writing.subject(prompt).phrase == phrase


@pytest.mark.parametrize("words", ["Cats", "Vintage Bikes", "Donaudampfschifffahrt " * 4])
def test_a_prompt_has_many_short_titles(words: str) -> None:
    titles = {writing.title(writing.subject(f"Niche: {words}", turn)) for turn in range(42)}
    assert len(titles) == 42
    assert max(map(len, titles)) <= 60
    assert not any(title.startswith("Vintage Vintage") for title in titles)
