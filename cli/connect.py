"""``autom connect``: connections to outside services."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from time import monotonic, sleep
from typing import Annotated, Any
from uuid import UUID

import typer

from cli import exits, user
from cli.app import MOST, App, Group
from cli.context import Change, Session
from cli.exits import Problem
from cli.keys import sealer


class Field(StrEnum):
    """A secret of a connection."""

    ACCESS = "access"
    REFRESH = "refresh"
    CLIENT_SECRET = "client_secret"


SHOWN = "email service account state alert expires_at last_good_call_at"
Which = Annotated[
    str,
    typer.Argument(
        metavar="CONNECTION",
        help="The account, as autom connect ls shows it, or the connection_id.",
    ),
]


class _Services(Group):
    """What is no verb here is a service to connect."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        verb = args and (args[0] in self.commands or args[0].startswith("-"))
        return super().resolve_command(ctx, args if verb else ["to", *args])


app = App("Connect the accounts of users at outside services.", cls=_Services)


@dataclass(frozen=True)
class Connection:
    """A row of accounts.connections_status."""

    email: str
    service: str
    account: str
    state: str
    alert: str | None
    scopes: list[str] | None
    missing_scopes: list[str]
    expires_at: datetime | None
    refresh_expires_at: datetime | None
    last_good_call_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    connection_id: UUID
    user_id: UUID


@app.command()
def to(
    session: Change,
    service: Annotated[
        str, typer.Argument(help="shopify, openai or pinterest: see accounts.services.")
    ],
    who: Annotated[str, typer.Option("--user", help="E-mail address or user_id.")],
    account: Annotated[
        str, typer.Option(help="The service's own name of the account.")
    ] = "default",
    secret: Annotated[
        list[Field] | None, typer.Option(help="Which secrets to ask for; access if not given.")
    ] = None,
    client_id: Annotated[str | None, typer.Option(help="Public id of the OAuth app.")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Call this address, not the service's own.")
    ] = None,
    expires_in: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, metavar="SECONDS", help="How long the access token lives."),
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope that was granted; may be repeated.")
    ] = None,
) -> None:
    """Connect a user's account at a service: autom connect SERVICE.

    $ autom connect shopify --user ann@example.com --account acme.myshopify.com
    $ autom connect openai --user ann@example.com < key.txt
    $ autom connect shopify --user ann@example.com --account acme.myshopify.com --client-id 1a2b --secret client_secret

    Secrets are sealed before they are stored. They come from AUTOM_ACCESS, AUTOM_REFRESH and
    AUTOM_CLIENT_SECRET, else a terminal is asked, else standard input has a line for each; never
    from the command line, which every user of this machine can read.
    """
    if session.sql:
        session.note("Tokens are sealed for the connection's id: only this command can store them.")
    owner = user.find(session, who)
    asked = {
        "user_id": owner.user_id,
        "service": service,
        "account": account,
        "base_url": base_url,
        "client_id": client_id,
    }
    if session.sql:
        session.value("accounts.open_connection", **asked)
    seal = sealer(session.database)
    given = {str(name): _secret(name) for name in secret or [Field.ACCESS]}
    with session.connection.transaction():
        connection_id = session.value("accounts.open_connection", **asked)
        tokens = {name: seal.seal(connection_id, name, text) for name, text in given.items()}
        session.value(
            "accounts.store_tokens",
            connection_id=connection_id,
            **({"access": None} | tokens),
            scopes=scope,
            expires_at=expires_in and session.now + timedelta(seconds=expires_in),
        )
    session.record(_find(session, str(connection_id)), "connection_id service account state alert")


@app.command()
def ls(
    session: Session,
    who: Annotated[str | None, typer.Option("--user", help="Only those of this user.")] = None,
    service: Annotated[str | None, typer.Option(help="Only those to this service.")] = None,
    alerts: Annotated[
        bool, typer.Option("--alerts", help="Only those that need a person.")
    ] = False,
) -> int:
    """List connections, and what is wrong with them.

    $ autom connect ls
    $ autom connect ls --user ann@example.com --json
    $ autom connect ls --alerts || mail-somebody

    With --alerts the exit code is 7 where there is one.
    """
    where: dict[str, Any] = {"service": service} if service else {}
    if who:
        where["user_id"] = user.find(session, who).user_id
    rows = session.select(
        "accounts.connections_status", Connection, where, "email, service, account"
    )
    if alerts:
        rows = [row for row in rows if row.alert]
    session.table(rows, Connection, SHOWN, "No connections.")
    return exits.AUTH_NEEDED if alerts and rows else exits.OK


@app.command()
def check(
    session: Session,
    which: Which,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for the result.")
    ] = 30,
) -> int:
    """Test a connection by one small call, made by a worker.

    $ autom connect check acme.myshopify.com
    $ autom connect check acme.myshopify.com --wait 0

    The exit code is 7 where a person must do something, 8 where no worker answered in time.
    """
    connection = _find(session, which)
    job_id = session.value("accounts.check", connection_id=connection.connection_id)
    if not wait:
        session.line(str(job_id))
        return exits.OK
    deadline = monotonic() + wait
    while not session.select("jobs.finished", _Finished, {"job_id": job_id}):
        if monotonic() > deadline:
            raise Problem(
                "The test has not come to an end.",
                f"Job {job_id} waits for a worker.",
                f"autom jobs show {job_id}",
                exits.TIMEOUT,
            )
        sleep(0.1)
    connection = _find(session, str(connection.connection_id))
    session.record(connection, f"{SHOWN} scopes last_error")
    return exits.AUTH_NEEDED if connection.alert else exits.OK


@app.command()
def rm(
    session: Change,
    which: Which,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Disconnect: forget the tokens. What was done through it stays.

    $ autom connect rm acme.myshopify.com
    """
    connection = _find(session, which)
    if not session.sql:
        session.confirm(
            f"Forget the tokens of {connection.service} {connection.account}?",
            yes or session.dry_run,
        )
    session.value("accounts.disconnect", connection_id=connection.connection_id)
    session.record(_find(session, str(connection.connection_id)), "service account state")


@app.command("rotate-keys")
def rotate_keys(session: Change) -> int:
    """Seal all secrets with the first key of AUTOM_SECRET_KEYS, so that older ones can go.

    $ autom connect rotate-keys

    It may be stopped and run again. The exit code is 5 where a secret could not be opened; those
    accounts have to be connected again.
    """
    from workers.tokens import rotate

    if session.sql:
        session.note("Secrets are sealed by this program: there is no SQL that does it.")
        return exits.USAGE
    seal = sealer(session.database)
    done = rotate(session.connection, seal)
    for told in done.unreadable:
        session.note(told)
    rows = session.select("accounts.keys_in_use", Key, order="key_id")
    session.table(rows, Key, empty="No secrets.")
    session.note(f"{done.resealed} sealed again; the first key is {seal.key_id}.")
    return exits.PARTLY if done.unreadable else exits.OK


@dataclass(frozen=True)
class Key:
    """A row of accounts.keys_in_use."""

    key_id: str
    secrets: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True)
class _Finished:
    job_id: int


def _find(session: Session, which: str) -> Connection:
    """The connection of that id or account, looked up even where only SQL is printed."""
    from db.call import select

    try:
        where: dict[str, UUID | str] = {"connection_id": UUID(which)}
    except ValueError:
        where = {"account": which}
    rows = select(session.connection, "accounts.connections_status", Connection, where)
    if not rows:
        raise Problem("No such connection.", which, "autom connect ls", exits.NOT_FOUND)
    if len(rows) > 1:
        named = "\n".join(f"{row.connection_id}  {row.email} {row.service}" for row in rows)
        raise Problem(
            f"{which} is the account of more than one connection.", named, "name it by its id"
        )
    return rows[0]


def _secret(name: Field) -> str:
    """From the environment, a terminal that does not show it, or a line of standard input."""
    variable = f"AUTOM_{name.upper()}"
    if text := os.environ.get(variable, "").strip():
        return text
    if sys.stdin.isatty():
        text = typer.prompt(f"{name} (not shown)", hide_input=True, err=True).strip()
    else:
        text = sys.stdin.readline().strip()
    if not text:
        raise Problem(
            f"There is no {name}.",
            "Neither the environment nor standard input has one.",
            f"set {variable}, or send it as a line of standard input",
            exits.USAGE,
        )
    return text
