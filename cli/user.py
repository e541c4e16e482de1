"""``autom user``: users and what they may do."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

import typer

from cli import exits
from cli.app import App
from cli.context import Change, Session
from cli.exits import Problem

app = App("Users and what they may do.")

State = Literal["trialing", "active", "past_due", "canceled"]
Who = Annotated[str, typer.Argument(metavar="USER", help="E-mail address or user_id.")]


@dataclass(frozen=True)
class User:
    """A row of accounts.overview."""

    email: str
    name: str | None
    plan: str
    active: bool
    why: str
    connections: int
    alerts: int
    user_id: UUID
    created_at: datetime


@app.command()
def add(
    session: Change,
    email: Annotated[str, typer.Argument(help="The e-mail address.")],
    name: Annotated[str | None, typer.Option(help="What to call the user.")] = None,
    plan: Annotated[str | None, typer.Option(help="Subscribe to this plan too.")] = None,
) -> None:
    """Add a user, and print the user_id.

    $ autom user add ann@example.com
    $ autom user add ann@example.com --name Ann --plan premium
    """
    user_id = uuid4()
    with session.together(), nullcontext() if session.sql else session.connection.transaction():
        session.value("accounts.create_user", email=email, name=name, user_id=user_id)
        if plan is not None:
            session.value("accounts.subscribe", user_id=user_id, plan=plan)
    session.record(find(session, str(user_id)), "user_id email plan why")


@app.command()
def ls(
    session: Session,
    plan: Annotated[str | None, typer.Option(help="Only users of this plan.")] = None,
    inactive: Annotated[
        bool, typer.Option("--inactive", help="Only those who may do nothing.")
    ] = False,
) -> None:
    """List users, what they may do, and why.

    $ autom user ls
    $ autom user ls --plan vip
    $ autom user ls --inactive --json
    """
    where = {"plan": plan} if plan else {}
    rows = session.select(
        "accounts.overview", User, where | ({"active": False} if inactive else {}), "email"
    )
    session.table(rows, User, "email name plan active why connections alerts", "No users.")


@app.command()
def subscribe(
    session: Change,
    who: Who,
    plan: Annotated[str, typer.Argument(help="basis, premium or vip: see accounts.plans.")],
    state: Annotated[State, typer.Option(help="How the subscription is.")] = "active",
    until: Annotated[
        datetime | None, typer.Option(help="End of the period; open if not given.")
    ] = None,
) -> None:
    """Say what a user's subscription is now.

    $ autom user subscribe ann@example.com vip
    $ autom user subscribe ann@example.com premium --state trialing --until 2026-12-31
    $ autom user subscribe ann@example.com premium --state canceled

    Another plan ends the present one. The same plan is changed as it stands, so to say the same
    again changes nothing.
    """
    user = find(session, who)
    session.value(
        "accounts.subscribe",
        user_id=user.user_id,
        plan=plan,
        state=state,
        period_end=until and until.astimezone(),
    )
    session.record(find(session, str(user.user_id)), "email plan active why")


def find(session: Session, who: str) -> User:
    """The user of that address or id, looked up even where the command only prints its SQL."""
    from db.call import select

    try:
        where: dict[str, UUID | str] = {"user_id": UUID(who)}
    except ValueError:
        where = {"email": who.lower()}
    rows = select(session.connection, "accounts.overview", User, where)
    if not rows:
        raise Problem("No such user.", who, "autom user ls", exits.NOT_FOUND)
    return rows[0]
