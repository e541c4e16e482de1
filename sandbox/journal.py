"""What was asked of the sandbox: calls counted, and requests that no real service would take."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Violation:
    """A request (or an answer of ours) that breaks the service's contract."""

    service: str
    operation: str
    side: str
    message: str


@dataclass
class Journal:
    """Counts by service and operation; ``answered`` by status as well, 0 for a cut connection."""

    calls: dict[str, Counter[str]] = field(default_factory=dict)
    answered: dict[str, Counter[str]] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)

    def note(self, service: str, operation: str, status: int) -> None:
        self.calls.setdefault(service, Counter())[operation] += 1
        self.answered.setdefault(service, Counter())[f"{operation} {status}"] += 1

    def violate(self, service: str, operation: str, side: str, messages: list[str]) -> None:
        self.violations.extend(Violation(service, operation, side, text) for text in messages)

    def of(self, service: str) -> dict[str, Any]:
        return {
            "calls": dict(self.calls.get(service, {})),
            "answered": dict(self.answered.get(service, {})),
        }

    def clear(self) -> None:
        self.calls.clear()
        self.answered.clear()
        self.violations.clear()

    def listed(self) -> list[dict[str, str]]:
        return [asdict(violation) for violation in self.violations]
