"""Switches that make a service fail the way real ones do.

==================== ==============================================================================
429                  too many requests; ``retry_after`` (text, sent as it is; default "2.0")
500                  the service's own server error; nothing was done
slow                 answers as always, after ``ms`` milliseconds (default 1000)
half_body            does it, then cuts the connection in the middle of the answer
effect_then_timeout  does it, stays silent for ``ms`` (default 0) and cuts the connection
unauthorized         401, whatever the token
insufficient_quota   OpenAI: 429 that no waiting cures
refusal              OpenAI: the model refuses
invalid_output       OpenAI: text that is no JSON; ``how`` = "not_json", "wrong_shape", "cut_short"
throttled            Shopify: HTTP 200 with the error THROTTLED and an empty bucket
spam_429             Pinterest: 429 with a message about spam, never to be repeated
no_service           Slack: 404, the webhook was removed
channel_is_archived  Slack: 410
action_prohibited    Slack: 403, an admin has forbidden it
==================== ==============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVERYWHERE = frozenset({"429", "500", "slow", "half_body", "effect_then_timeout", "unauthorized"})
ONLY = {
    "openai": frozenset({"insufficient_quota", "refusal", "invalid_output"}),
    "shopify": frozenset({"throttled"}),
    "pinterest": frozenset({"spam_429"}),
    "slack": frozenset({"no_service", "channel_is_archived", "action_prohibited"}),
}


class UnknownFault(ValueError):
    """No such fault for this service."""


@dataclass
class Fault:
    """``kind`` for the next ``times`` calls (None: until cleared) of ``operation`` (None: any)
    after ``skip`` calls went through."""

    service: str
    kind: str
    operation: str | None = None
    times: int | None = 1
    skip: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return float(self.options.get("ms", 1000 if self.kind == "slow" else 0)) / 1000


class Faults:
    def __init__(self) -> None:
        self.armed: list[Fault] = []

    def arm(self, asked: Mapping[str, Any]) -> Fault:
        options = dict(asked)
        service, kind = str(options.pop("service", "")), str(options.pop("fault", ""))
        if service not in ONLY:
            raise UnknownFault(f"no service {service!r}: one of {', '.join(sorted(ONLY))}")
        if kind not in EVERYWHERE | ONLY[service]:
            known = ", ".join(sorted(EVERYWHERE | ONLY[service]))
            raise UnknownFault(f"{service} has no fault {kind!r}: one of {known}")
        fault = Fault(
            service,
            kind,
            operation=options.pop("operation", None),
            times=options.pop("times", 1),
            skip=options.pop("skip", 0),
            options=options,
        )
        self.armed.append(fault)
        return fault

    def take(self, service: str, operation: str) -> Fault | None:
        """The fault for this call, spent by it; the oldest one that fits."""
        for fault in self.armed:
            if fault.service != service or fault.operation not in (None, operation):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self.armed.remove(fault)
            return fault
        return None

    def clear(self) -> None:
        self.armed.clear()
