"""Sealed tokens on their way to the handlers, and from an old key to a new one."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import psycopg

from db.call import acall, avalue, call, value
from workers.credentials import Credentials
from workers.outcome import Done, GiveUp, Outcome
from workers.seal import Sealer, SealError

Connect = Callable[[], AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]]
"""Lends a connection, as ``Link.use`` does."""

Handler = Callable[[Any, Credentials, httpx.AsyncClient], Awaitable[Outcome]]
Noted = Callable[[Any, Credentials | None, httpx.AsyncClient], Awaitable[Outcome]]

log = logging.getLogger("autom.tokens")


class NoCredentials(Exception):
    """This connection cannot be called as: it is gone, disconnected, or its tokens do not open."""


@dataclass(frozen=True)
class Sealed:
    """A row of ``accounts.credentials``."""

    connection_id: UUID
    service: str
    account: str
    base_url: str
    api_version: str | None
    client_id: str | None
    access: str | None
    refresh: str | None
    client_secret: str | None


def resolver(connect: Connect, sealer: Sealer) -> Callable[[UUID], Awaitable[Credentials]]:
    """Reads and opens a connection's credentials just before each call; keeps none of them."""

    async def resolve(connection_id: UUID) -> Credentials:
        async with connect() as conn:
            rows = await acall(conn, "accounts.credentials", Sealed, connection_id=connection_id)
        if not rows:
            raise NoCredentials(f"Connection {connection_id} is gone or disconnected.")
        try:
            return opened(rows[0], sealer)
        except SealError as error:
            raise NoCredentials(str(error)) from error

    return resolve


def opened(row: Sealed, sealer: Sealer) -> Credentials:
    def clear(name: str, sealed: str | None) -> str | None:
        return None if sealed is None else sealer.unseal(row.connection_id, name, sealed)

    return Credentials(
        service=row.service,
        account=row.account,
        base_url=row.base_url,
        api_version=row.api_version,
        client_id=row.client_id,
        access=clear("access", row.access),
        refresh=clear("refresh", row.refresh),
        client_secret=clear("client_secret", row.client_secret),
        seal=functools.partial(sealer.seal, row.connection_id),
        connection_id=row.connection_id,
    )


def noted(handlers: Mapping[str, Handler], connect: Connect) -> dict[str, Noted]:
    """The same handlers, with each call noted at the connection that it went through."""

    def around(handler: Handler) -> Noted:
        @functools.wraps(handler)
        async def call_and_note(
            request: Any, credentials: Credentials | None, http: httpx.AsyncClient
        ) -> Outcome:
            if credentials is None:
                return GiveUp("The job names no connection to call through.", "no_connection")
            outcome = await handler(request, credentials, http)
            if credentials.connection_id is not None:
                await _note(connect, credentials.connection_id, outcome)
            return outcome

        return call_and_note

    return {kind: around(handler) for kind, handler in handlers.items()}


async def _note(connect: Connect, connection_id: UUID, outcome: Outcome) -> None:
    error = None
    if not isinstance(outcome, Done):
        error = ": ".join(filter(None, (outcome.code, outcome.reason)))
    try:
        async with connect() as conn:
            await avalue(
                conn,
                "accounts.note_call",
                connection_id=connection_id,
                ok=error is None,
                error=error,
            )
    except psycopg.Error as failure:
        # What the call brought must reach jobs.settle, whatever becomes of this note.
        log.warning("connection %s: its last call was not noted: %s", connection_id, failure)


@dataclass(frozen=True)
class Secret:
    """A row of ``accounts.sealed_by_other_keys``."""

    user_id: UUID
    connection_id: UUID
    field: str
    sealed: str


@dataclass
class Rotation:
    """What ``rotate`` did. A secret that does not open is left as it is, and told here."""

    resealed: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate(conn: psycopg.Connection[Any], sealer: Sealer, batch: int = 500) -> Rotation:
    """Seal with the first key whatever another key sealed, page by page; safe to stop and repeat."""
    done = Rotation()
    after: dict[str, Any] = {}
    while page := call(
        conn, "accounts.sealed_by_other_keys", Secret, key_id=sealer.key_id, limit=batch, **after
    ):
        last = page[-1]
        after = {
            "after_user_id": last.user_id,
            "after_connection_id": last.connection_id,
            "after_field": last.field,
        }
        ready: list[tuple[Secret, str]] = []
        for secret in page:
            try:
                text = sealer.unseal(secret.connection_id, secret.field, secret.sealed)
            except SealError as error:
                done.unreadable.append(str(error))
            else:
                ready.append((secret, sealer.seal(secret.connection_id, secret.field, text)))
        done.resealed += value(
            conn,
            "accounts.reseal",
            connection_ids=[secret.connection_id for secret, _ in ready],
            fields=[secret.field for secret, _ in ready],
            old=[secret.sealed for secret, _ in ready],
            new=[resealed for _, resealed in ready],
        )
    return done
