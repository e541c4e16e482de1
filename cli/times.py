"""Times as people type them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import typer

UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
LONGEST = 36500 * UNITS["d"]
SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)")


def span(text: str) -> timedelta:
    """``30s``, ``45m``, ``2h``, ``1d``, and several together: ``1h30m``."""
    parts = SPAN.findall(text)
    if not parts or SPAN.sub("", text).strip():
        raise typer.BadParameter(f"{text!r} is no length of time: 30s, 45m, 2h, 1d, 1h30m")
    seconds = sum(float(count) * UNITS[unit] for count, unit in parts)
    if seconds > LONGEST:
        raise typer.BadParameter(f"{text!r} is too long: 36500d at most, which is a hundred years")
    return timedelta(seconds=seconds)


def moment(text: str) -> datetime:
    """A time to come: ``2h`` from now, ``14:30`` by the local clock, or an ISO date and time."""
    now = datetime.now().astimezone()
    if SPAN.match(text):
        return now + span(text)
    if clock := re.fullmatch(r"(\d{1,2}):(\d\d)", text):
        at = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return at if at > now else at + timedelta(days=1)
    try:
        at = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time: 2h, 14:30, 2026-11-21T06:00") from None
    if at <= now:
        raise typer.BadParameter(f"{text!r} is over")
    return at
