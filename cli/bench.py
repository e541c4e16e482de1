"""``autom bench``: how fast it is, here."""

from __future__ import annotations

import importlib
import time
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from cli.exits import Problem
from cli.output import Output

What = Literal["queue", "shops", "chaos"]


def bench(
    out: Output,
    what: Annotated[
        What,
        typer.Argument(
            help="queue: jobs in, through and out. shops: the rules. chaos: all is killed."
        ),
    ],
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller and once; within a minute.")
    ] = False,
    seconds: Annotated[float, typer.Option(help="How long the chaos lasts.")] = 600,
    seed: Annotated[
        int | None, typer.Option(help="Which chaos; any, if none is named.", show_default=False)
    ] = None,
) -> None:
    """Measure, on a Postgres of its own.

    $ autom bench queue
    $ autom bench queue --quick
    $ autom bench shops --json > shops.json
    $ autom bench chaos --seconds 60 --seed 7

    The document has the setting too: figures from two machines, or two runs, are not comparable
    without it. docs/benchmarks.md, docs/queue.md and docs/sales.md have a run each. The chaos ends
    with exit code 1 where something was lost, done by a stale worker, or over its limit.
    """
    from bench.report import Figure, machine

    began = time.monotonic()
    setting = machine()
    options = {"seconds": seconds, "seed": seed} if what == "chaos" else {}
    figures, more = importlib.import_module(f"bench.{what}").measure(quick, out.note, **options)
    setting |= more | {"seconds": f"{time.monotonic() - began:.0f}"}
    if out.as_json:
        out.document({"setting": setting, "figures": [asdict(figure) for figure in figures]})
    else:
        out.table(figures, Figure)
        out.note("\n" + ", ".join(f"{name} {value}" for name, value in setting.items()))
    if what == "chaos" and any(figure.met is False for figure in figures):
        raise Problem("The queue did not come through it whole.")
