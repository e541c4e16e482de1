"""``autom demo``: a merchant's whole day at full speed, on real parts.

The day is the one of ``jobs.schedules``: each schedule is run as the clock would run it, and the
next begins when its run has ended. Between pinning and counting, the sandbox's customers buy.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import psycopg
import typer

from cli import exits
from cli.exits import Problem
from cli.output import Output
from cli.stage import Stage, stage, stop

BUSY = 0.03
"""Seconds between two looks at a run."""

PATIENCE = 300.0
"""Seconds after which a run that has not ended is given up."""

MAKING = ("product_creation", "product_optimize", "pinterest_sync")
COUNTING = ("sales_tracker", "winner_scaling")

Connection = psycopg.Connection[Any]

File = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, readable=True, metavar="FILE")
]


@dataclass(frozen=True)
class Run:
    """A row of jobs.runs."""

    run_id: int
    name: str
    status: str
    processed: int
    failed: int
    skipped: int
    duration: timedelta
    why: str | None


@dataclass(frozen=True)
class Shop:
    """A row of shops.overview."""

    shop_id: UUID
    shop: str
    domain: str
    plan: str


@dataclass(frozen=True)
class Funnel:
    """A row of shops.funnel."""

    shop: str
    niche: str | None
    planned: int
    made: int
    optimised: int
    published: int
    pinned: int
    winners: int
    failed: int


@dataclass(frozen=True)
class Quota:
    """A row of shops.quota."""

    plan: str
    monthly_limit: int | None
    held: int
    used: int


@dataclass(frozen=True)
class Pin:
    """A row of shops.sync_log."""

    link: str


@dataclass(frozen=True)
class Reading:
    """A row of shops.order_log."""

    shop: str
    state: str
    orders: int
    pages: int


@dataclass(frozen=True)
class Winner:
    """A row of shops.winner_candidates."""

    shop: str
    sku: str | None
    title: str | None
    units_7: int
    rule: str
    why: str


@dataclass(frozen=True)
class OnSale:
    """A row of shops.catalogue."""

    product_id: int
    handle: str


@dataclass
class Day:
    """What came of it."""

    seconds: float = 0
    imported: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("products", "orders", "lines", "rejected"), 0)
    )
    funnel: list[Funnel] = field(default_factory=list)
    quotas: list[Quota] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    winners: list[Winner] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        counted = ("planned", "made", "optimised", "published", "failed")
        return {
            "seconds": round(self.seconds, 2),
            "imported": self.imported,
            **{of: sum(getattr(row, of) for row in self.funnel) for of in counted},
            "pinned": len(self.pins),
            "quota": {of: sum(getattr(row, of) for row in self.quotas) for of in ("held", "used")},
            "winners": [
                {
                    "sku": winner.sku,
                    "title": winner.title,
                    "units_7d": winner.units_7,
                    "rule": winner.rule,
                    "why": winner.why,
                }
                for winner in self.winners
            ],
            "runs": [
                {of: getattr(run, of) for of in ("name", "status", "processed", "failed")}
                for run in self.runs
            ],
        }


def demo(
    out: Output,
    products: File = None,
    orders: File = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave all of it running.")] = False,
    end: Annotated[bool, typer.Option("--stop", help="End what --keep left running.")] = False,
) -> int:
    """Play a merchant's whole day, on a Postgres of its own and stand-ins for all services.

    $ autom demo
    $ autom demo --keep
    $ autom demo --products products_export.csv --orders orders_export.csv
    $ autom demo --json

    Two shops plan products within their quota, have them drawn and written, put them on sale and
    pin them; customers buy, and what sells well is found and scaled. --products and --orders play
    it with a shop of your own, from the files that a Shopify admin exports; its orders are moved by
    whole days, so that the last one is of yesterday. Nothing outside this machine is called.
    """
    if end:
        if not stop():
            raise Problem("No demo is running.", code=exits.NOT_FOUND)
        out.note("Stopped.")
        return exits.OK
    began = time.monotonic()
    with stage(keep) as here:
        day = play(out, here, products, orders)
        day.seconds = time.monotonic() - began
        show(out, day, here if keep else None)
    return (
        exits.OK
        if all(run.status in ("succeeded", "skipped") for run in day.runs)
        else exits.PARTLY
    )


def play(out: Output, here: Stage, products: Path | None, orders: Path | None) -> Day:
    """Open the shops, run the day's schedules one after the other, and collect what came of it."""
    from cli import samples
    from cli.keys import sealer
    from db import database
    from db.call import select

    day = Day()
    with database.connect(here.database_url) as conn, out.progress("The day", total=7) as progress:
        own = products is not None or orders is not None
        for sample in (samples.MERCHANT,) if own else samples.SHOPS:
            samples.open_shop(conn, here.sandbox, sealer(), sample)
        shops = select(conn, "shops.overview", Shop, order="shop")
        for what, path in (("products", products), ("orders", orders)):
            if path is not None:
                load(conn, shops[0].shop_id, what, path, day)
        progress.advance()

        for schedule in ("product_creation", "product_optimize", "pinterest_sync"):
            run(conn, schedule)
            progress.advance()
        if not own:
            for shop in shops:
                on_sale = select(
                    conn,
                    "shops.catalogue",
                    OnSale,
                    where={"shop_id": shop.shop_id, "shop_status": "ACTIVE"},
                    order="product_id",
                    limit=len(samples.PURCHASES),
                )
                samples.buy(here.sandbox, shop.domain, [product.handle for product in on_sale])
        run(conn, "sales_tracker")
        progress.advance()
        day.winners = select(
            conn,
            "shops.winner_candidates",
            Winner,
            where={"winner": True},
            order="units_7 desc, sku",
        )
        for schedule in ("winner_scaling", "product_optimize", "pinterest_sync"):
            run(conn, schedule)
        progress.advance(2)

        day.funnel = select(conn, "shops.funnel", Funnel, order="shop, niche")
        day.pins = select(conn, "shops.sync_log", Pin, where={"state": "done"})
        day.readings = select(conn, "shops.order_log", Reading, order="shop")
        day.quotas = select(conn, "shops.quota", Quota, order="plan")
        day.runs = select(conn, "jobs.runs", Run, order="run_id")
    return day


def load(conn: Connection, shop_id: UUID, what: str, path: Path, day: Day) -> None:
    from cli.importing import import_file

    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    _, read = import_file(conn, shop_id, what, path, last_day=yesterday)
    day.imported[what] = getattr(read, what)
    day.imported["rejected"] += read.rejected
    if what == "orders":
        day.imported["lines"] = read.lines


def run(conn: Connection, schedule: str) -> None:
    """Run a schedule and wait until all of its work is done."""
    from db.call import select, value

    run_id = value(conn, "jobs.run_schedule", name=schedule)
    until = time.monotonic() + PATIENCE
    while select(conn, "jobs.runs", Run, where={"run_id": run_id, "status": "running"}):
        if time.monotonic() > until:
            raise Problem(
                f"The run of {schedule} has not ended after {PATIENCE:.0f} s.",
                "Its jobs wait for something.",
                "autom demo --keep, then look with autom jobs ls",
                exits.TIMEOUT,
            )
        time.sleep(BUSY)


def show(out: Output, day: Day, kept: Stage | None) -> None:
    if out.as_json:
        out.document(day.document())
        return
    if any(day.imported.values()):
        out.heading("Imported")
        out.line(", ".join(f"{count:,} {what}" for what, count in day.imported.items()))
    out.heading("Products, by shop and niche")
    out.table(
        day.funnel, Funnel, "shop niche planned made optimised published pinned winners failed"
    )
    out.heading("Quota of the month")
    out.table(day.quotas, Quota)
    out.heading("Orders read")
    out.table(day.readings, Reading)
    out.heading("Winners")
    out.table(day.winners, Winner, "shop title units_7 why", empty="No product sells well enough.")
    out.heading("Runs")
    out.table(day.runs, Run, "name status processed failed skipped duration why")
    out.note(f"\nThe whole day took {day.seconds:.1f} s.")
    if kept is None:
        out.note(
            "Nothing is left of it. To look around in it, with ./autom shop and ./autom psql: "
            "./autom demo --keep"
        )
        return
    out.note(
        "It runs on. Look further:\n"
        "  ./autom status\n"
        "  ./autom psql\n"
        f"  {kept.sandbox.url}  what the shops and boards show\n"
        "  ./autom demo --stop"
    )
