"""What a handler reports: how one call to an outside service went. The database decides what follows.

::

    Outcome
    ├── Done       it happened, and this is the answer
    ├── TryLater   it did not happen, and another attempt may help
    ├── GiveUp     it did not happen, and never will
    └── Unknown    it was sent, and nobody knows
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Throttle:
    """What a service says is left of its cost budget; ``restore_rate`` is points a second."""

    available: float
    maximum: float
    restore_rate: float
    cost: float
    """What this call cost."""


@dataclass(frozen=True)
class Done:
    answer: Any = None
    """JSON; what the kind's settle function gets."""
    throttle: Throttle | None = None

    def to_json(self) -> dict[str, Any]:
        return {"outcome": "done", "answer": self.answer, "throttle": _json(self.throttle)}


@dataclass(frozen=True)
class TryLater:
    after: float | None
    """Seconds; None waits as the kind backs off."""
    reason: str
    code: str | None = None
    pause_key: bool = False
    """The service turns all of this connection away for ``after`` seconds: costs no attempt."""
    throttle: Throttle | None = None
    unbegun: bool = False
    """Nothing was tried, for a reason of this worker's own: costs no attempt."""

    def to_json(self) -> dict[str, Any]:
        return {
            "outcome": "try_later",
            "after": self.after,
            "reason": self.reason,
            "code": self.code,
            "pause_key": self.pause_key,
            "unbegun": self.unbegun,
            "throttle": _json(self.throttle),
        }


@dataclass(frozen=True)
class GiveUp:
    reason: str
    code: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"outcome": "give_up", "reason": self.reason, "code": self.code}


@dataclass(frozen=True)
class Unknown:
    reason: str
    code: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"outcome": "unknown", "reason": self.reason, "code": self.code}


Outcome = Done | TryLater | GiveUp | Unknown


def _json(throttle: Throttle | None) -> dict[str, float] | None:
    return None if throttle is None else asdict(throttle)
