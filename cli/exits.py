"""What the exit code of a command says, and the exception that ends one with it."""

from __future__ import annotations

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
CONFLICT = 4
PARTLY = 5
REFUSED = 6
AUTH_NEEDED = 7
TIMEOUT = 8
CHANGES = 10
INTERRUPTED = 130

MEANING = {
    OK: "ok",
    FAILED: "failed",
    USAGE: "wrong usage, or it needs --yes",
    NOT_FOUND: "not found",
    CONFLICT: "conflict with what is there",
    PARTLY: "partly done",
    REFUSED: "refused by a rule, a guard or a quota",
    AUTH_NEEDED: "a connection has to be made again",
    TIMEOUT: "waited too long",
    CHANGES: "--dry-run found something to do",
    INTERRUPTED: "interrupted",
}


class Problem(Exception):
    """Ends a command: what is wrong, why, what to do next, and the exit code."""

    def __init__(
        self, what: str, why: str | None = None, next: str | None = None, code: int = FAILED
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next = next
        self.code = code
