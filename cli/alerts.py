"""``autom alerts``: what is wrong, and who is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Annotated

import typer

from cli import exits
from cli.app import MOST, MOST_ID, App
from cli.context import Change, Session, known
from cli.exits import Problem
from cli.times import moment

SETTING = re.compile(r"AUTOM_ALERT_[A-Z0-9_]+")

app = App("Alerts: what is wrong, and who is told.")


@dataclass(frozen=True)
class Alert:
    """A row of jobs.alerts_status."""

    alert_id: int
    rule: str
    about: str
    severity: str
    state: str
    said: str
    times: int
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    silenced_until: datetime | None
    silenced_why: str | None
    told: list[str]


@dataclass(frozen=True)
class Rule:
    """A row of jobs.alert_rules_status."""

    rule: str
    severity: str
    bound: float
    span: timedelta
    enabled: bool
    open: int
    silenced_until: datetime | None
    channels: list[str] | None
    clear_after: timedelta
    error: str | None
    function: str
    description: str


@dataclass(frozen=True)
class Channel:
    """A row of jobs.alert_channels_status."""

    channel: str
    sends: str
    url_from: str
    mail_to: list[str] | None
    min_severity: str
    enabled: bool
    untold: int
    last_outcome: str | None
    last_at: datetime | None
    last_reason: str | None
    description: str


Name = Annotated[
    str,
    typer.Argument(
        metavar="CHANNEL",
        help="Which channel.",
        autocompletion=known("jobs.alert_channels_status", Channel, "channel"),
    ),
]
Wait = Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait for the result.")]


@app.command()
def ls(
    session: Session,
    all: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="This many at most.")] = 50,
) -> None:
    """List what is wrong, the newest first.

    $ autom alerts ls
    $ autom alerts ls --all --columns first_seen,resolved_at,rule,about
    $ autom alerts ls --json | jq '.[] | select(.severity == "critical")'
    """
    where = {} if all else {"state": ["open", "silenced"]}
    found = session.select(
        "jobs.alerts_status", Alert, where, order="first_seen desc, alert_id desc", limit=limit
    )
    session.table(
        found,
        Alert,
        "alert_id severity rule about state first_seen times? said",
        "Nothing is wrong.",
        fold=True,
    )


@app.command()
def silence(
    session: Change,
    which: Annotated[
        str, typer.Argument(metavar="ALERT_ID|RULE", help="One alert, or all of a rule.")
    ],
    until: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="2h, 14:30, or 2026-11-21T06:00."),
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Tell again.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; others see it.")] = None,
) -> None:
    """Tell nobody of an alert, or of all that a rule finds, for a while.

    $ autom alerts silence 12 --until 2h --reason "the supplier knows"
    $ autom alerts silence old_ready --until 06:00
    $ autom alerts silence old_ready --end

    It is still watched and listed. What is still wrong when the silence is over is told then.
    """
    if end == (until is not None):
        raise Problem("Say either --until or --end.", code=exits.USAGE)
    asked = {"until": until, **({"reason": reason} if reason else {})}
    if which.isdecimal():
        if int(which) > MOST_ID:
            raise typer.BadParameter(f"{which} is not the number of an alert: autom alerts ls")
        session.value("jobs.silence_alert", alert_id=int(which), **asked)
        where = {"alert_id": int(which)}
        rows = session.select("jobs.alerts_status", Alert, where)
        session.table(rows, Alert, "alert_id rule about state silenced_until silenced_why")
    else:
        session.value("jobs.silence_rule", rule=which, **asked)
        rules = session.select("jobs.alert_rules_status", Rule, {"rule": which})
        session.table(rules, Rule, "rule open silenced_until")


@app.command()
def rules(session: Session) -> None:
    """List what is worth an alert.

    $ autom alerts rules
    $ autom alerts rules --columns rule,bound,span,description
    """
    found = session.select("jobs.alert_rules_status", Rule, order="rule")
    session.table(
        found, Rule, "rule severity bound span enabled open silenced_until? error description"
    )


@app.command()
def channels(session: Session) -> None:
    """List who is told, and how that went last.

    $ autom alerts channels
    """
    found = session.select("jobs.alert_channels_status", Channel, order="channel")
    session.table(
        found,
        Channel,
        "channel sends url_from min_severity enabled untold last_outcome last_at last_reason",
        "Nobody is told of alerts: autom alerts channel --help",
    )


@app.command()
def channel(
    session: Change,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    slack: Annotated[
        str | None, typer.Option(metavar="SETTING", help="Variable that holds a webhook's URL.")
    ] = None,
    mail: Annotated[
        str | None, typer.Option(metavar="SETTING", help="Variable that holds a server's URL.")
    ] = None,
    sender: Annotated[str | None, typer.Option("--from", help="Who mails come from.")] = None,
    to: Annotated[list[str] | None, typer.Option(help="Who gets mails; may be repeated.")] = None,
    at_least: Annotated[str, typer.Option(help="info, warning or critical.")] = "info",
    off: Annotated[bool, typer.Option("--off", help="Do not tell it anything.")] = False,
) -> None:
    """Say where alerts are told; the same name again changes it.

    $ autom alerts channel ops --slack AUTOM_ALERT_SLACK_URL
    $ autom alerts channel night --mail AUTOM_ALERT_MAIL_URL --from me@example.com --to ann@example.com

    SETTING is the name of an environment variable of the workers, which begins with AUTOM_ALERT_.
    What it holds never is in the database: https://hooks.slack.com/services/…, or
    smtps://user:password@mail.example.com, or smtp://… for STARTTLS.
    """
    setting = slack or mail
    if setting is None or (slack and mail):
        raise Problem("Say either --slack or --mail.", code=exits.USAGE)
    if not SETTING.fullmatch(setting):
        # Not repeated: it may be the webhook itself, pasted.
        raise Problem(
            f"{'--slack' if slack else '--mail'} takes the name of a variable, not what it holds.",
            "The URL is a secret. It belongs in the environment of the workers.",
            "name it AUTOM_ALERT_…, in capitals: autom alerts channel --help",
            exits.USAGE,
        )
    if mail and not (sender and to):
        raise Problem("A mail needs --from and --to.", code=exits.USAGE)
    given = {"mail_from": sender, "mail_to": to or None} if mail else {}
    session.value(
        "jobs.set_alert_channel",
        channel=name,
        sends="slack" if slack else "mail",
        url_from=setting,
        **given,
        min_severity=at_least,
        enabled=not off,
    )
    found = session.select("jobs.alert_channels_status", Channel, {"channel": name})
    session.table(found, Channel, "channel sends url_from mail_to min_severity enabled")


@app.command()
def test(session: Session, name: Name, wait: Wait = 30) -> None:
    """Have a worker send a message to a channel, and say how that went.

    $ autom alerts test ops
    $ autom alerts test ops --wait 0

    The exit code is 1 where it did not arrive, 8 where it has not been tried in time.
    """
    job_id = session.value("jobs.test_channel", channel=name)
    if not wait:
        session.line(str(job_id))
        return
    deadline = monotonic() + wait
    while not (found := session.select("jobs.finished", Ended, {"job_id": job_id})):
        if monotonic() > deadline:
            raise Problem(
                f"{name} has not been told yet.",
                f"Job {job_id} waits for a worker, or for its next attempt.",
                f"autom jobs show {job_id}",
                exits.TIMEOUT,
            )
        sleep(0.1)
    if found[0].state != "done":
        raise Problem(f"{name} was not told.", found[0].reason, f"autom jobs show {job_id}")
    session.line(f"{name} was told.")


@dataclass(frozen=True)
class Ended:
    """A row of jobs.finished."""

    job_id: int
    state: str
    reason: str | None
