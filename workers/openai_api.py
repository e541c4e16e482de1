"""OpenAI: pictures and structured text, over its plain HTTP interface.

A repeat costs money, not correctness. A call without an answer is Unknown, for it may have been paid
for: the database counts it so, and tries again. The model, its instructions and the schema come with
the request. Facts: https://platform.openai.com/docs/api-reference,
…/docs/guides/structured-outputs, …/docs/guides/error-codes
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from workers.credentials import Credentials
from workers.http import Json, Request, Stop, body_of, handler, retry_after, send
from workers.outcome import Done, GiveUp, Outcome, TryLater

REFUSALS = frozenset({"moderation_blocked", "content_policy_violation"})


async def ask(
    http: httpx.AsyncClient, credentials: Credentials, method: str, path: str, body: Json = None
) -> httpx.Response:
    """A good answer; any other stops the handler."""
    response = await send(
        http,
        method,
        f"{credentials.base_url}{path}",
        headers={"Authorization": f"Bearer {credentials.access}"},
        repeatable=method == "GET",
        **({} if body is None else {"json": body}),
    )
    if response.status_code >= 300:
        raise Stop(refused(response))
    if not isinstance(body_of(response), dict):
        raise Stop(TryLater(None, "The answer is no JSON.", "server_error"))
    return response


def refused(response: httpx.Response) -> Outcome:
    status = response.status_code
    body = body_of(response)
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code, reason = error.get("code"), f"OpenAI answered {status}: {error.get('message', '')}"
    if status in (401, 403):
        # Its message repeats a part of the key.
        return GiveUp(f"OpenAI does not accept our key ({status}).", "unauthorized")
    if status == 429 and code == "insufficient_quota":
        return GiveUp(reason, "insufficient_quota")
    if status == 429:
        return TryLater(retry_after(response.headers), reason, "throttled", pause_key=True)
    if status in (408, 409) or status >= 500:
        return TryLater(retry_after(response.headers), reason, "server_error")
    if code in REFUSALS:
        return GiveUp(reason, "refused")
    return GiveUp(reason, "not_found" if status == 404 else "invalid_request")


@handler
async def check(request: Request, credentials: Credentials, http: httpx.AsyncClient) -> Outcome:
    """Read which models the key may use; a key has no scopes.

    Done:   {"granted_scopes": [], "account": {"models": [str]}}
    GiveUp: unauthorized.
    """
    response = await ask(http, credentials, "GET", "/models")
    models = sorted(model["id"] for model in response.json()["data"])
    return Done({"granted_scopes": [], "account": {"models": models}})


@handler
async def draw_design(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Draw one picture.

    Request: model, prompt, size "1024x1536", quality
    Done:    {"image_base64", "media_type", "usage": {"input_tokens", "output_tokens", …}, "request_id"};
             it was paid for, so whether it is a picture is looked at where the cost is kept
    GiveUp:  refused (the prompt), not_found (the model), insufficient_quota, unauthorized.
    """
    wanted = {name: request[name] for name in ("model", "prompt", "size", "quality")}
    response = await ask(http, credentials, "POST", "/images/generations", wanted)
    return Done(read_picture(response))


def read_picture(response: httpx.Response) -> Json:
    body = response.json()
    data = body.get("data") or [{}]
    return {
        "image_base64": data[0].get("b64_json") or "",
        "media_type": f"image/{body.get('output_format') or 'png'}",
        "usage": body.get("usage") or {},
        "request_id": response.headers.get("x-request-id"),
    }


@handler
async def write_text(
    request: Request, credentials: Credentials, http: httpx.AsyncClient
) -> Outcome:
    """Have a text written in the shape of a JSON schema.

    Request: model, instructions, input, schema_name, schema
    Done:    {"output": {…} | None, "refusal": str | None, "invalid": str | None,
             "usage": {"input_tokens", "output_tokens"}, "request_id"}; exactly one of the first three.
             A refusal and an invalid output were paid for, so they are answers; what follows is
             not decided here.
    GiveUp:  not_found (the model), insufficient_quota, unauthorized, invalid_request.
    """
    response = await ask(http, credentials, "POST", "/responses", text_wanted(request))
    return Done(read_text(response, request["schema"]))


def text_wanted(request: Request) -> Json:
    return {
        "model": request["model"],
        "instructions": request["instructions"],
        "input": request["input"],
        "store": False,
        "text": {
            "format": {
                "type": "json_schema",
                "name": request["schema_name"],
                "schema": request["schema"],
                "strict": True,
            }
        },
    }


def read_text(response: httpx.Response, schema: Mapping[str, Any]) -> Json:
    body = response.json()
    if body.get("status") == "failed":
        why = (body.get("error") or {}).get("message", "no reason given")
        raise Stop(TryLater(None, f"OpenAI failed: {why}", "server_error"))
    usage = body.get("usage") or {}
    answer: dict[str, Json] = {"output": None, "refusal": None, "invalid": None}
    parts = [
        part
        for item in body.get("output", [])
        if item.get("type") == "message"
        for part in item.get("content", [])
    ]
    refusal = next((part["refusal"] for part in parts if part["type"] == "refusal"), None)
    if refusal is not None:
        answer["refusal"] = refusal
    elif body.get("status") != "completed":
        why = (body.get("incomplete_details") or {}).get("reason")
        answer["invalid"] = f"The text is not complete: {why or body.get('status')}."
    else:
        text = "".join(part["text"] for part in parts if part["type"] == "output_text")
        answer["output"], answer["invalid"] = checked(text, schema)
    return {
        **answer,
        "usage": {name: usage.get(name, 0) for name in ("input_tokens", "output_tokens")},
        "request_id": response.headers.get("x-request-id"),
    }


def checked(text: str, schema: Mapping[str, Any]) -> tuple[Json, str | None]:
    """What the text says, or why it is not what the schema wants."""
    try:
        output = json.loads(text)
    except json.JSONDecodeError:
        return None, "The text is no JSON."
    error = next(Draft202012Validator(schema).iter_errors(output), None)
    if error is not None:
        return None, f"{error.json_path}: {error.message[:200]}"
    return output, None
