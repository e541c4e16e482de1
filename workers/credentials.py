"""What a handler needs to call a service as one connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Where to call and with which tokens, in clear; ``repr`` shows none of them.

    ``seal(field, text)`` seals a new token for this connection, so that a handler's answer never
    holds one in clear; ``field`` is "access", "refresh" or "client_secret".
    """

    service: str
    account: str
    base_url: str
    seal: Callable[[str, str], str] = field(repr=False, compare=False)
    connection_id: UUID | None = None
    """Null where a test calls without a database."""
    api_version: str | None = None
    client_id: str | None = None
    access: str | None = field(default=None, repr=False)
    refresh: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
