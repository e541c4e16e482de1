"""OpenAI: the model list, structured responses and pictures.

Facts: https://github.com/openai/openai-openapi for shapes; model names as the openai client 3.52
lists them; dall-e-2/3 were retired on 2026-05-12, gpt-image-1 on 2026-10-23.
"""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox import images, writing
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
)

TEXT_MODELS = (
    "gpt-6.1-sol",
    "gpt-6.1-terra",
    "gpt-6-astra",
    "gpt-6-sol",
    "gpt-6-luna",
    "gpt-5.6-sol",
    "gpt-5.6-terra",
    "gpt-5.6-luna",
    "gpt-5.5",
    "gpt-5.4",
    "gpt-5.4-mini",
)
IMAGE_MODELS = (
    "gpt-image-2",
    "gpt-image-2.5-sunburst",
    "gpt-image-2.5-flare",
    "gpt-image-2.6-sunburst",
    "gpt-image-2.6-flare",
    "gpt-image-1-mini",
)
SIZES = ("1024x1024", "1024x1536", "1536x1024")
QUALITIES = ("low", "medium", "high", "auto")
OUTPUT_TOKENS = {"low": 408, "medium": 1584, "high": 6240}
REQUESTS_PER_MINUTE = 5000


class OpenAI(RestService):
    name = "openai"
    root = "/openai/v1"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.keys: dict[str, str] = {}
        self.images = 0
        self.texts = 0
        self.tokens = 0
        self._window = Window(REQUESTS_PER_MINUTE)
        self._answers = 0
        self._turns: Counter[str] = Counter()

    # --- control ---------------------------------------------------------------------------------

    def open(self, asked: Mapping[str, Any]) -> dict[str, Json]:
        account = str(asked["account"])
        key = f"sk-proj-{digest('openai', account)[:48]}"
        self.keys[key] = account
        return {"access_token": key}

    def state(self) -> dict[str, Json]:
        return {"images": self.images, "texts": self.texts, "tokens": self.tokens}

    def reset(self) -> None:
        self.keys.clear()
        self.images = self.texts = self.tokens = self._answers = 0
        self._turns.clear()

    def _turn(self, prompt: str) -> int:
        """How often this was asked before: a model, too, answers differently each time."""
        self._turns[prompt] += 1
        return self._turns[prompt] - 1

    # --- how it answers --------------------------------------------------------------------------

    @property
    def operations(self) -> list[Operation]:
        return [
            Operation("listModels", "GET", "/models", self._known(self._models)),
            Operation("createResponse", "POST", "/responses", self._known(self._respond)),
            Operation("createImage", "POST", "/images/generations", self._known(self._image)),
        ]

    def invalid(self, messages: list[str]) -> Reply:
        return error(400, "invalid_request_error", None, "; ".join(messages)[:500])

    def failure(self, fault: Fault) -> Reply | None:
        if fault.kind == "429":
            reply = error(
                429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."
            )
            reply.headers["retry-after"] = str(fault.options.get("retry_after", "2.0"))
            return reply
        if fault.kind == "insufficient_quota":
            message = "You exceeded your current quota, please check your plan and billing details."
            return error(429, "insufficient_quota", "insufficient_quota", message)
        if fault.kind == "500":
            return error(500, "server_error", None, "The server had an error. Sorry about that!")
        if fault.kind == "unauthorized":
            return unauthenticated()
        return None

    def decorate(self, exchange: Exchange, reply: Reply) -> None:
        self._answers += 1
        reply.headers |= {
            "x-request-id": f"req_{digest('request', self._answers)[:32]}",
            "x-ratelimit-limit-requests": str(self._window.limit),
            "x-ratelimit-remaining-requests": str(self._window.remaining),
            "x-ratelimit-reset-requests": f"{self._window.seconds_left}s",
        }

    def _known(self, act: Callable[[Exchange], Reply]) -> Callable[[Exchange], Reply]:
        def guarded(exchange: Exchange) -> Reply:
            if exchange.bearer not in self.keys:
                return unauthenticated()
            if not self._window.take():
                reply = error(
                    429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."
                )
                reply.headers["retry-after"] = str(self._window.seconds_left)
                return reply
            return act(exchange)

        return guarded

    # --- operations ------------------------------------------------------------------------------

    def _models(self, exchange: Exchange) -> Reply:
        data = [
            {"id": name, "object": "model", "created": 1767225600, "owned_by": "openai"}
            for name in (*TEXT_MODELS, *IMAGE_MODELS)
        ]
        return Reply(200, {"object": "list", "data": data})

    def _respond(self, exchange: Exchange) -> Reply:
        asked = exchange.body
        model = offered(asked.get("model"), TEXT_MODELS)
        prompt = asked.get("input")
        if not isinstance(prompt, str) or not prompt.strip():
            raise Refused(invalid("input", "The sandbox takes input as one text."))
        form = asked.get("text", {}).get("format", {"type": "text"})
        if form["type"] == "json_schema":
            strict_schema(form)
        written = self._written(exchange, form, prompt)
        self.texts += 1
        usage = text_usage(f"{asked.get('instructions') or ''} {prompt}", json.dumps(written))
        self.tokens += usage["total_tokens"]
        cut_short = exchange.is_fault("invalid_output") and how(exchange) == "cut_short"
        return Reply(
            200,
            {
                "id": f"resp_{digest('response', self.texts, prompt)[:48]}",
                "object": "response",
                "created_at": int(time.time()),
                "status": "incomplete" if cut_short else "completed",
                "error": None,
                "incomplete_details": {"reason": "max_output_tokens"} if cut_short else None,
                "instructions": asked.get("instructions"),
                "max_output_tokens": asked.get("max_output_tokens"),
                "model": model,
                "output": [
                    {
                        "id": f"msg_{digest('message', self.texts, prompt)[:48]}",
                        "type": "message",
                        "status": "incomplete" if cut_short else "completed",
                        "role": "assistant",
                        "content": [written],
                    }
                ],
                "parallel_tool_calls": True,
                "tool_choice": "auto",
                "tools": [],
                "metadata": {},
                "temperature": 1.0,
                "top_p": 1.0,
                "text": {"format": form},
                "usage": usage,
            },
        )

    def _written(self, exchange: Exchange, form: Mapping[str, Any], prompt: str) -> dict[str, Json]:
        if exchange.is_fault("refusal"):
            return {"type": "refusal", "refusal": "I'm sorry, I can't help with that."}
        about = writing.subject(prompt, self._turn(prompt))
        if form["type"] == "json_schema":
            text = json.dumps(writing.fill(form["schema"], about), ensure_ascii=False)
        else:
            text = writing.sentence(about)
        if exchange.is_fault("invalid_output"):
            spoiled = {
                "not_json": f"Sure! Here you go: {text[:-1]}",
                "wrong_shape": json.dumps({"answer": text}),
                "cut_short": text[: len(text) // 2],
            }
            text = spoiled[how(exchange)]
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _image(self, exchange: Exchange) -> Reply:
        asked = exchange.body
        offered(asked.get("model"), IMAGE_MODELS)
        for name, values in (("size", SIZES), ("quality", QUALITIES)):
            if asked.get(name, values[0]) not in values:
                raise Refused(invalid(name, f"Invalid value: supported are {', '.join(values)}."))
        if asked.get("n", 1) != 1 or asked.get("output_format", "png") != "png":
            raise Refused(invalid("n", "The sandbox draws one PNG at a time."))
        if "response_format" in asked:
            raise Refused(invalid("response_format", "Unknown parameter: 'response_format'."))
        if exchange.is_fault("refusal"):
            message = "Your request was rejected by the safety system."
            raise Refused(error(400, "image_generation_user_error", "moderation_blocked", message))
        size, quality = asked.get("size", SIZES[0]), asked.get("quality", "auto")
        quality = "high" if quality == "auto" else quality
        drawn = images.draw(asked["prompt"], size, self._turn(asked["prompt"]))
        if exchange.is_fault("invalid_output"):
            drawn = b"no picture"
        self.images += 1
        words = tokens_of(asked["prompt"])
        self.tokens += words + OUTPUT_TOKENS[quality]
        return Reply(
            200,
            {
                "created": int(time.time()),
                "data": [{"b64_json": base64.b64encode(drawn).decode()}],
                "background": "opaque",
                "output_format": "png",
                "size": size,
                "quality": quality,
                "usage": {
                    "input_tokens": words,
                    "output_tokens": OUTPUT_TOKENS[quality],
                    "total_tokens": words + OUTPUT_TOKENS[quality],
                    "input_tokens_details": {"text_tokens": words, "image_tokens": 0},
                },
            },
        )


def offered(model: str | None, kind: tuple[str, ...]) -> str:
    if model in kind:
        return str(model)
    if model in TEXT_MODELS + IMAGE_MODELS:
        raise Refused(invalid("model", f"The model '{model}' does not do this."))
    message = f"The model '{model}' does not exist or you do not have access to it."
    raise Refused(error(404, "invalid_request_error", "model_not_found", message))


def strict_schema(form: Mapping[str, Any]) -> None:
    """With strict, every object lists all its properties as required and allows no others.

    Source: https://platform.openai.com/docs/guides/structured-outputs (supported schemas)
    """
    if not form.get("strict"):
        raise Refused(invalid("text.format.strict", "The sandbox wants strict structured output."))
    for at, part in objects(form["schema"], ()):
        where = f"In context={at}"
        if part.get("additionalProperties") is not False:
            message = f"{where}, 'additionalProperties' is required to be supplied and to be false."
        elif set(part.get("required", [])) != set(part.get("properties", {})):
            message = f"{where}, 'required' must include every key in properties."
        else:
            continue
        name = f"Invalid schema for response_format '{form['name']}': {message}"
        raise Refused(error(400, "invalid_request_error", "invalid_json_schema", name))
    if form["schema"].get("type") != "object":
        raise Refused(invalid("text.format.schema", "The root of the schema must be an object."))


def objects(
    schema: Mapping[str, Any], at: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if schema.get("type") == "object":
        yield at, schema
    for name, sub in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
        yield from objects(sub, (*at, name))
    if "items" in schema:
        yield from objects(schema["items"], (*at, "items"))
    for sub in schema.get("anyOf", []):
        yield from objects(sub, (*at, "anyOf"))


def how(exchange: Exchange) -> str:
    return str(exchange.fault.options.get("how", "not_json")) if exchange.fault else ""


def tokens_of(text: str) -> int:
    return max(1, len(text) // 4)


def text_usage(asked: str, written: str) -> dict[str, Any]:
    into, out = tokens_of(asked), tokens_of(written)
    return {
        "input_tokens": into,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": into + out,
    }


def error(
    status: int, kind: str, code: str | None, message: str, param: str | None = None
) -> Reply:
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return Reply(status, body)


def invalid(param: str, message: str) -> Reply:
    return error(400, "invalid_request_error", "invalid_value", message, param)


def unauthenticated() -> Reply:
    message = "Incorrect API key provided."
    return error(401, "invalid_request_error", "invalid_api_key", message)
