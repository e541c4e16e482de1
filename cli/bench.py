"""``autom bench``: how fast it is, here."""

from __future__ import annotations

import importlib
import time
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from cli.output import Output

What = Literal["queue", "shops"]


def bench(
    out: Output,
    what: Annotated[
        What, typer.Argument(help="queue: jobs in, through and out. shops: the rules.")
    ],
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller and once; within a minute.")
    ] = False,
) -> None:
    """Measure, on a Postgres of its own.

    $ autom bench queue
    $ autom bench queue --quick
    $ autom bench shops --json > shops.json

    The document has the setting too: figures from two machines, or two runs, are not comparable
    without it. docs/queue.md and docs/sales.md have a run each.
    """
    from bench.report import Figure, machine

    began = time.monotonic()
    setting = machine()
    figures, more = importlib.import_module(f"bench.{what}").measure(quick, out.note)
    setting |= more | {"seconds": f"{time.monotonic() - began:.0f}"}
    if out.as_json:
        out.document({"setting": setting, "figures": [asdict(figure) for figure in figures]})
        return
    out.table(figures, Figure)
    out.note("\n" + ", ".join(f"{name} {value}" for name, value in setting.items()))
