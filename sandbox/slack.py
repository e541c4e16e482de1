"""Slack's incoming webhooks: a secret address for each channel that takes text and blocks.

Slack publishes no OpenAPI for them, so the rules of its pages are written out here.
Sources: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults import Fault
from sandbox.service import Reply, World, deliver, digest

OPERATION = "post_message"
BURST, A_SECOND = 5, 1.0
"""One message a second, short bursts of more."""

KEYS = {"text", "blocks", "attachments", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media"}
BLOCKS: dict[str, set[str]] = {
    "header": {"text"},
    "section": {"text", "fields", "accessory"},
    "context": {"elements"},
    "divider": set(),
}
"""What a block of each type may hold beside ``type`` and ``block_id``; the types that we know."""
LONGEST = {"header": 150, "section": 3000, "context": 3000}

REFUSALS = {
    "no_service": 404,
    "channel_is_archived": 410,
    "action_prohibited": 403,
    "invalid_token": 403,
}


@dataclass
class Hook:
    channel: str
    path: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    tokens: float = BURST
    seen_at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        now = time.monotonic()
        self.tokens = min(BURST, self.tokens + (now - self.seen_at) * A_SECOND)
        self.seen_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Slack:
    name = "slack"

    def __init__(self, world: World) -> None:
        self.world = world
        self.hooks: dict[str, Hook] = {}

    def open(self, asked: Mapping[str, Any], url: str) -> dict[str, Any]:
        """The webhook of a channel, ``account``."""
        channel = str(asked["account"])
        secret = digest("slack", channel).upper()
        path = f"/slack/services/T{secret[:8]}/B{secret[8:16]}/{secret[16:40]}"
        self.hooks.setdefault(path, Hook(channel, path))
        return {"webhook_url": url + path}

    def state(self) -> dict[str, Any]:
        return {
            "messages": [
                {"channel": hook.channel, **message}
                for hook in self.hooks.values()
                for message in hook.messages
            ]
        }

    def reset(self) -> None:
        self.hooks.clear()

    def routes(self) -> list[Route]:
        return [Route("/slack/services/{team}/{app}/{secret}", self._post, methods=["POST"])]

    async def _post(self, request: Request) -> Response:
        raw = await request.body()
        fault = self.world.faults.take(self.name, OPERATION)
        reply = self._reply(request, raw, fault)
        return await deliver(self.world.journal, self.name, OPERATION, reply, fault)

    def _reply(self, request: Request, raw: bytes, fault: Fault | None) -> Reply:
        if fault and (instead := failure(fault)):
            return instead
        hook = self.hooks.get(request.url.path)
        if hook is None:
            return plain(404, "no_service")
        if not hook.take():
            return plain(429, "rate_limited", {"Retry-After": "1"})
        try:
            message = json.loads(raw)
        except ValueError:
            message = None
        wrong = ["the body is no JSON object"] if not isinstance(message, dict) else []
        wrong += list(problems(message)) if isinstance(message, dict) else []
        if wrong:
            self.world.journal.violate(self.name, OPERATION, "request", wrong)
            return plain(400, "invalid_blocks" if message else "invalid_payload")
        assert isinstance(message, dict)
        hook.messages.append(message)
        return plain(200, "ok")


def plain(status: int, text: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, text, {"content-type": "text/plain; charset=utf-8", **(headers or {})})


def failure(fault: Fault) -> Reply | None:
    if fault.kind == "429":
        after = str(fault.options.get("retry_after", "2.0"))
        return plain(429, "rate_limited", {"Retry-After": after})
    if fault.kind == "500":
        return plain(500, "rollup_error")
    kind = "invalid_token" if fault.kind == "unauthorized" else fault.kind
    return plain(REFUSALS[kind], kind) if kind in REFUSALS else None


def problems(message: Mapping[str, Any]) -> Iterator[str]:
    """What Slack would refuse, or show otherwise than it was meant."""
    for key in sorted(set(message) - KEYS):
        yield f"{key}: unknown key"
    text, blocks = message.get("text"), message.get("blocks", [])
    if not isinstance(text, str) or not text:
        yield "text: missing; notifications show it"
    elif len(text) > 40_000:
        yield "text: longer than 40000 characters"
    if not isinstance(blocks, list) or len(blocks) > 50:
        yield "blocks: not a list of at most 50"
        return
    for place, block in enumerate(blocks):
        for problem in block_problems(block):
            yield f"blocks[{place}]{problem}"


def block_problems(block: Any) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in BLOCKS:
        yield f": no block of type {kind!r}"
        return
    for key in sorted(set(block) - BLOCKS[kind] - {"type", "block_id"}):
        yield f".{key}: unknown key"
    if kind == "section" and not ({"text", "fields"} & set(block)):
        yield ": neither text nor fields"
    if kind == "header" and "text" not in block:
        yield ".text: missing"
    texts = [block["text"]] if "text" in block else []
    texts += [*block.get("fields", []), *block.get("elements", [])]
    allowed = ("plain_text",) if kind == "header" else ("plain_text", "mrkdwn")
    for text in texts:
        yield from (f".{problem}" for problem in text_problems(text, allowed, LONGEST[kind]))


def text_problems(text: Any, allowed: tuple[str, ...], longest: int) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in allowed:
        yield f"text: not of type {' or '.join(allowed)}"
        return
    said = text.get("text")
    if not isinstance(said, str) or not 1 <= len(said) <= longest:
        yield f"text: not 1 to {longest} characters"
    for key in sorted(set(text) - {"type", "text", "emoji", "verbatim"}):
        yield f"text.{key}: unknown key"
