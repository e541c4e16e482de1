"""What a verb prints: data on stdout, everything else on stderr.

The same rows are a table for a person, tab-separated values for a pipe (times and durations in full,
one line a row) and, with ``--json``, one document.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    from rich.text import Text

STYLES = {
    **dict.fromkeys(("failed", "dead", "unknown", "expired", "revoked", "lost"), "red"),
    **dict.fromkeys(("partly", "paused", "retry", "cancelling", "pending", "late"), "yellow"),
    **dict.fromkeys(("running", "ready"), "cyan"),
    **dict.fromkeys(("done", "succeeded", "connected"), "green"),
    **dict.fromkeys(("skipped", "cancelled", "scheduled", "disabled"), "dim"),
}
"""How a value that is one of these words looks on a terminal."""

LONG = 12
"""Characters beyond which a text gives way where the screen is narrow; numbers and times never do."""

ENOUGH = 18
"""Characters of a long text from which on a person sees what it is about."""

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
        fold: bool = False,
    ) -> None:
        """Print rows, which are dataclasses of the type ``of``.

        ``show`` names the columns that a table has, parted by spaces; those with a ``?`` are left out
        where the screen is narrow. ``--columns`` may ask for any field, and a JSON document has them
        all. ``empty`` is said where there is no row. Long texts are cut at the edge of the screen, or
        go over several lines with ``fold``.
        """
        names, may_go = self._names(of, show)
        if self.as_json:
            self.document([_picked(row, names) for row in rows])
            return
        if not rows:
            self.note(empty)
        if self.human and rows:
            self._print_table([_picked(row, names) for row in rows], may_go, fold)
        elif not self.human:
            head = [] if self.quiet else [names]
            cells = ([self._plain(getattr(row, name)) for name in names] for row in rows)
            self._write("".join("\t".join(line) + "\n" for line in (*head, *cells)))

    def record(self, row: Any, show: str | None = None) -> None:
        """Print one thing, a line a field; fields that are null only where no person reads."""
        names, _ = self._names(type(row), show)
        picked = _picked(row, names)
        if self.as_json:
            self.document(picked)
        elif self.human:
            self._print_record({name: v for name, v in picked.items() if v is not None})
        else:
            self._write("".join(f"{name}\t{self._plain(v)}\n" for name, v in picked.items()))

    def lines(self, facts: Mapping[str, str]) -> None:
        """Print named facts, a line each; for people only."""
        from rich.text import Text

        width = max(map(len, facts)) + 2
        for name, fact in facts.items():
            self._console.print(Text.assemble((name.ljust(width), "bold"), _visible(fact)))

    def document(self, value: Any) -> None:
        """Print a JSON document: times in UTC, durations in seconds."""
        self._write(json.dumps(value, default=_jsonable, indent=2, ensure_ascii=False) + "\n")

    def line(self, text: str = "") -> None:
        """Print a line of data."""
        self._write(text + "\n")

    def heading(self, text: str) -> None:
        """A title between two tables; an empty line where no person reads."""
        if self.human:
            self._console.print(f"\n[bold]{text}[/]")
        else:
            self.line()

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
        """Age and local time: ``3 min ago 14:02``, ``in 2 d 22 Nov 06:00``."""
        there = self._zoned(moment)
        distance = moment - self.now
        age = duration(abs(distance), units=1)
        if abs(distance) < timedelta(seconds=1):
            return f"now {there:%H:%M}"
        near = abs(distance) < timedelta(hours=12)
        clock = there.strftime("%H:%M" if near else "%-d %b %H:%M")
        return f"in {age} {clock}" if distance > timedelta(0) else f"{age} ago {clock}"

    def _zoned(self, moment: datetime) -> datetime:
        return moment.astimezone(UTC if self.utc else None)

    def _names(self, of: type[Any], show: str | None) -> tuple[list[str], list[str]]:
        """The columns to print, and those of them that may go."""
        every = [field.name for field in fields(of)]
        if self.columns is not None:
            asked = [name.strip() for name in self.columns.split(",")]
            if unknown := [name for name in asked if name not in every]:
                raise Problem(
                    f"There is no column {', '.join(unknown)} here.",
                    f"There are {', '.join(every)}.",
                    code=exits.USAGE,
                )
            return asked, []
        if self.as_json or show is None:
            return every, []
        may_go = [name.removesuffix("?") for name in show.split() if name.endswith("?")]
        return show.replace("?", "").split(), may_go

    def _plain(self, value: Any) -> str:
        if isinstance(value, datetime):
            return self._zoned(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if isinstance(value, timedelta):
            return f"{value.total_seconds():g}"
        return _words(value).translate({9: "\\t", 10: "\\n", 13: "\\r"})

    def _shown(self, value: Any) -> Text:
        from rich.text import Text

        if isinstance(value, datetime):
            return Text(self.time(value))
        text = duration(value) if isinstance(value, timedelta) else _words(value)
        return Text(_visible(text), style=STYLES.get(text, ""))

    def _print_table(
        self, rows: Sequence[Mapping[str, Any]], may_go: Sequence[str], fold: bool
    ) -> None:
        from rich.table import Table

        # A column without any value says nothing, unless it was asked for.
        columns = {
            name: _Column.of(name, [row[name] for row in rows], self._shown)
            for name in rows[0]
            if self.columns or any(row[name] is not None for row in rows)
        }
        first = next(iter(columns.values()))
        first.gives_way = False
        for name in reversed(may_go):
            if sum(column.needs + 2 for column in columns.values()) <= self._console.width + 2:
                break
            columns.pop(name, None)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns.values():
            table.add_column(
                column.head,
                justify="right" if column.counts else "left",
                vertical="top" if fold else "bottom",
                no_wrap=not column.gives_way,
            )
            for cell in column.cells:
                cell.no_wrap, cell.overflow = not fold, "fold" if fold else "ellipsis"
        for cells in zip(*(column.cells for column in columns.values()), strict=True):
            table.add_row(*cells)
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
class _Column:
    """A column of a table on a screen."""

    head: str
    """Its name, a word a line where that is narrower."""
    cells: list[Text]
    counts: bool
    """It holds numbers or lengths of time."""
    gives_way: bool
    """It holds long texts; what would be left of a number or a time is of no use."""

    @classmethod
    def of(cls, name: str, values: Sequence[Any], shown: Callable[[Any], Text]) -> _Column:
        cells = [shown(value) for value in values]
        room = max(cell.cell_len for cell in cells)
        return cls(
            name.replace("_", " " if len(name) <= room else "\n"),
            cells,
            all(type(v) in (int, float, timedelta, type(None)) for v in values),
            any(isinstance(v, str | dict | list) and len(_words(v)) > LONG for v in values),
        )

    @property
    def needs(self) -> int:
        """Characters that it cannot do without."""
        widest = max(cell.cell_len for cell in self.cells)
        head = max(map(len, self.head.split("\n")))
        return max(head, min(widest, ENOUGH) if self.gives_way else widest)


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


def duration(value: timedelta, units: int = 2) -> str:
    """The largest units of it: ``240 ms``, ``7.5 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d``."""
    seconds = value.total_seconds()
    if seconds < 0:
        return f"-{duration(-value, units)}"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95 and units > 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _units(whole, units, (60, "min"), (1, "s"))
    if whole < 86400:
        return _units(whole, units, (3600, "h"), (60, "min"))
    return _units(whole, units if whole < 10 * 86400 else 1, (86400, "d"), (3600, "h"))


def _units(seconds: int, units: int, large: tuple[int, str], small: tuple[int, str]) -> str:
    count, rest = divmod(seconds, large[0])
    tail = f" {rest // small[0]} {small[1]}" if units > 1 and rest >= small[0] else ""
    return f"{count} {large[1]}{tail}"


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
