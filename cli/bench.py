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
    seconds: Annotated[
        float | None,
        typer.Option(
            help="How long the chaos lasts, else 600; or each row of the queue's that does, else 60.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Which chaos; any, if none is named.", show_default=False)
    ] = None,
    row: Annotated[
        list[int] | None,
        typer.Option(help="Of the queue only this row; several times.", show_default=False),
    ] = None,
) -> None:
    """Measure, on a Postgres of its own.

    $ autom bench queue
    $ autom bench queue --quick
    $ autom bench queue --row 20 --seconds 21600
    $ autom bench shops --json > shops.json
    $ autom bench chaos --seconds 60 --seed 7

    The document has the setting too: figures from two machines, or two runs, are not comparable
    without it. docs/benchmarks.md, docs/queue.md and docs/sales.md have a run each. The chaos ends
    with exit code 1 where something was lost, done by a stale worker, or over its limit.
    """
    from bench.report import Figure, machine

    began = time.monotonic()
    setting = machine()
    options: dict[What, dict[str, object]] = {
        "queue": {"seconds": seconds, "only": row or ()},
        "shops": {},
        "chaos": {"seconds": seconds or 600, "seed": seed},
    }
    figures, more = importlib.import_module(f"bench.{what}").measure(
        quick, out.note, **options[what]
    )
    if not figures:
        raise Problem(
            f"No row {', '.join(map(str, row or []))} was measured.",
            "--quick leaves out those above 7, and row 12 is autom bench chaos.",
            "docs/benchmarks.md has them all.",
        )
    setting |= more | {"seconds": f"{time.monotonic() - began:.0f}"}
    if out.as_json:
        out.document({"setting": setting, "figures": [asdict(figure) for figure in figures]})
    else:
        out.table(figures, Figure)
        out.note("\n" + ", ".join(f"{name} {value}" for name, value in setting.items()))
    if what == "chaos" and any(figure.met is False for figure in figures):
        raise Problem("The queue did not come through it whole.")
