"""What a verb prints: data on stdout, everything else on stderr.

The same rows are a table for a person, tab-separated values for a pipe (times and durations in full,
one line a row) and, with ``--json``, one document.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from cli import exits
from cli.exits import Problem

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {
    **dict.fromkeys(("failed", "dead", "unknown", "expired", "revoked", "lost"), "red"),
    **dict.fromkeys(("partly", "paused", "retry", "cancelling", "pending", "late"), "yellow"),
    **dict.fromkeys(("running", "ready"), "cyan"),
    **dict.fromkeys(("done", "succeeded", "connected"), "green"),
    **dict.fromkeys(("skipped", "cancelled", "scheduled", "disabled"), "dim"),
}
"""How a value that is one of these words looks on a terminal."""

TEXT = 24
"""Characters from which on a column is text that may be wrapped; ids and names never are."""

PATIENCE = 10.0
"""Seconds between two lines of progress where there is no terminal."""


def _option(*names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, **more)


@dataclass(kw_only=True)
class Output:
    """How this command prints; its fields are options."""

    as_json: Annotated[bool, _option("--json", help="Print one JSON document.")] = False
    columns: Annotated[
        str | None, _option("--columns", metavar="A,B", help="Print these columns only.")
    ] = None
    quiet: Annotated[
        bool, _option("--quiet", "-q", help="No notes, no progress, no line of column names.")
    ] = False
    utc: Annotated[bool, _option("--utc", help="Times in UTC, not by this machine's clock.")] = (
        False
    )
    no_color: Annotated[bool, _option("--no-color", help="No colours; NO_COLOR=1 is the same.")] = (
        False
    )

    @property
    def now(self) -> datetime:
        """What ages are counted from."""
        return datetime.now(UTC)

    @property
    def human(self) -> bool:
        """Whether a person reads along."""
        return sys.stdout.isatty() and not self.as_json

    def table(
        self,
        rows: Sequence[Any],
        of: type[Any],
        show: str | None = None,
        empty: str = "Nothing.",
    ) -> None:
        """Print rows, which are dataclasses of the type ``of``.

        ``show`` names the columns that a table has, parted by spaces; ``--columns`` may ask for any
        field, and a JSON document has them all. ``empty`` is said where there is no row.
        """
        every = [field.name for field in fields(of)]
        names = self._asked(every) or (every if self.as_json or not show else show.split())
        if self.as_json:
            self.document([_picked(row, names) for row in rows])
            return
        if not rows:
            self.note(empty)
        if self.human and rows:
            self._print_table([_picked(row, names) for row in rows], names)
        elif not self.human:
            head = [] if self.quiet else [names]
            cells = ([self._plain(getattr(row, name)) for name in names] for row in rows)
            self._write("".join("\t".join(line) + "\n" for line in (*head, *cells)))

    def record(self, row: Any, show: str | None = None) -> None:
        """Print one thing, a line a field; fields that are null only where no person reads."""
        every = [field.name for field in fields(row)]
        names = self._asked(every) or (every if self.as_json or not show else show.split())
        picked = _picked(row, names)
        if self.as_json:
            self.document(picked)
        elif self.human:
            self._print_record({name: v for name, v in picked.items() if v is not None})
        else:
            self._write("".join(f"{name}\t{self._plain(v)}\n" for name, v in picked.items()))

    def document(self, value: Any) -> None:
        """Print a JSON document: times in UTC, durations in seconds."""
        self._write(json.dumps(value, default=_jsonable, indent=2, ensure_ascii=False) + "\n")

    def line(self, text: str = "") -> None:
        """Print a line of data."""
        self._write(text + "\n")

    def heading(self, text: str) -> None:
        """A title between two tables; for people only."""
        if self.human:
            self._console.print(f"\n[bold]{text}[/]")

    def note(self, text: str) -> None:
        """Say something that is not data."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def confirm(self, question: str, yes: bool) -> None:
        """Go on only if a person agrees. Without a terminal to ask on, ``--yes`` has to say so."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise Problem(question, "There is nobody to ask here.", "add --yes", exits.USAGE)
        if not typer.confirm(question, err=True):
            raise Problem("Nothing was done.")

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Progress]:
        """Show how far a long command is: a bar on a terminal, else a line each 10 s.

        ``total`` may be set later, or never::

            with out.progress("imported", total=len(lines)) as progress:
                for line in lines:
                    …
                    progress.advance()
        """
        if self.quiet:
            yield Progress(what, total)
        elif sys.stderr.isatty():
            with _Bar.shown(what, total, self._colourless) as bar:
                yield bar
        else:
            yield _Lines(what, total)

    def time(self, moment: datetime) -> str:
        """Age and local time: ``3 min ago  14:02``, ``in 2 d  22 Nov 06:00``."""
        there = self._zoned(moment)
        distance = (self.now - moment).total_seconds()
        age = duration(timedelta(seconds=abs(distance)))
        today = there.date() == self._zoned(self.now).date()
        clock = there.strftime("%H:%M" if today else "%-d %b %H:%M")
        return f"{age} ago {clock}" if distance >= 0 else f"in {age} {clock}"

    def _zoned(self, moment: datetime) -> datetime:
        return moment.astimezone(UTC if self.utc else None)

    def _asked(self, every: Sequence[str]) -> list[str] | None:
        if self.columns is None:
            return None
        names = [name.strip() for name in self.columns.split(",")]
        if unknown := [name for name in names if name not in every]:
            raise Problem(
                f"There is no column {', '.join(unknown)} here.",
                f"There are {', '.join(every)}.",
                code=exits.USAGE,
            )
        return names

    def _plain(self, value: Any) -> str:
        if isinstance(value, datetime):
            return self._zoned(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if isinstance(value, timedelta):
            return f"{value.total_seconds():g}"
        return _words(value).translate({9: "\\t", 10: "\\n", 13: "\\r"})

    def _shown(self, value: Any) -> Any:
        from rich.text import Text

        if isinstance(value, datetime):
            return Text(self.time(value))
        text = duration(value) if isinstance(value, timedelta) else _words(value)
        return Text(_visible(text), style=STYLES.get(text, ""))

    def _print_table(self, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in names:
            values = [row[name] for row in rows]
            wraps = any(isinstance(v, str) and len(v) > TEXT and " " in v for v in values)
            right = all(type(v) in (int, float, timedelta, type(None)) for v in values)
            table.add_column(
                name.replace("_", " "),
                justify="right" if right else "left",
                no_wrap=not wraps,
                overflow="fold" if wraps else "ellipsis",
            )
        for row in rows:
            table.add_row(*(self._shown(row[name]) for name in names))
        self._console.print(table)

    def _print_record(self, picked: Mapping[str, Any]) -> None:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in picked.items():
            table.add_row(name.replace("_", " "), self._shown(value))
        self._console.print(table)

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            # Who read along has seen enough; what Python still holds must go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit from None

    @property
    def _colourless(self) -> bool:
        return self.no_color or bool(os.environ.get("NO_COLOR"))

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return Console(no_color=self._colourless, highlight=False)


@dataclass
class Progress:
    """How far a command is. By itself it shows nothing."""

    what: str
    total: int | None = None
    done: int = 0

    def advance(self, by: int = 1) -> None:
        """``by`` more are done."""
        self.reach(self.done + by)

    def reach(self, done: int, total: int | None = None) -> None:
        """So many are done by now, of so many."""
        self.done = done
        self.total = self.total if total is None else total
        self.show()

    def show(self) -> None:
        pass


class _Lines(Progress):
    """A line each 10 s."""

    def __init__(self, what: str, total: int | None) -> None:
        super().__init__(what, total)
        self._began = self._said = time.monotonic()

    def show(self) -> None:
        now = time.monotonic()
        if now - self._said < PATIENCE:
            return
        self._said = now
        of = "" if self.total is None else f" of {self.total:,}"
        rate = self.done / (now - self._began)
        print(f"{self.what} {self.done:,}{of}, {rate:,.1f}/s", file=sys.stderr, flush=True)


class _Bar(Progress):
    """A bar that is gone when the work is done."""

    bar: Any
    task: Any

    @classmethod
    @contextmanager
    def shown(cls, what: str, total: int | None, colourless: bool) -> Iterator[_Bar]:
        from rich import progress
        from rich.console import Console

        class Rate(progress.ProgressColumn):
            def render(self, task: progress.Task) -> Any:
                from rich.text import Text

                return Text(f"{task.finished_speed or task.speed or 0:,.1f}/s")

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            progress.MofNCompleteColumn(),
            Rate(),
            progress.TimeRemainingColumn(compact=True),
        )
        console = Console(stderr=True, no_color=colourless)
        with progress.Progress(*columns, console=console, transient=True) as bar:
            self = cls(what, total)
            self.bar = bar
            self.task = bar.add_task(what, total=total)
            yield self

    def show(self) -> None:
        self.bar.update(self.task, completed=self.done, total=self.total)


def duration(value: timedelta) -> str:
    """The two largest units at most: ``240 ms``, ``7.5 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d``."""
    seconds = value.total_seconds()
    if seconds < 0:
        return f"-{duration(-value)}"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, below, smaller in (("min", 60, "s", 1), ("h", 3600, "min", 60)):
        if whole < size:
            return f"{whole} s"
        if whole < size * (60 if unit == "min" else 24):
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{whole // 86400} d"


def _picked(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return json.dumps(value, default=_jsonable, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return str(value)


def _visible(text: str) -> str:
    """A value from outside must not steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def _jsonable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
