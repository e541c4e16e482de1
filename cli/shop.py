"""``autom shop``: shops, what they make, and what sells."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from cli import exits, user
from cli.app import MOST, MOST_ID, App
from cli.context import Change, Session, known
from cli.exits import Problem
from cli.output import Progress

app = App("Shops: add and set them up, plan and make products, see what sells and why.")


@dataclass(frozen=True)
class Shop:
    """A row of shops.overview."""

    shop: str
    domain: str
    plan: str | None
    enabled: bool
    niches: int
    in_work: int
    drafts: int
    published: int
    winners: int
    failed: int
    last_job: str | None
    last_status: str | None
    last_reason: str | None
    last_run_at: datetime | None
    shop_id: UUID
    user_id: UUID


@dataclass(frozen=True)
class Planned:
    """A row of shops.plan_creation."""

    shop: str
    niche: str | None
    how_many: int
    why: str | None
    quota_left: int | None


@dataclass(frozen=True)
class Made(Planned):
    """A row of shops.apply_creation."""

    products: list[int]


@dataclass(frozen=True)
class Step:
    """A row of shops.explain."""

    step: str
    value: str | None
    threshold: str | None
    ok: bool | None
    note: str | None


@dataclass(frozen=True)
class Product:
    """A row of shops.catalogue."""

    product_id: int
    shop: str
    niche: str | None
    state: str
    state_since: datetime
    title: str | None
    price_minor: int | None
    currency: str
    shop_status: str | None
    note: str | None
    link: str


@dataclass(frozen=True)
class Candidate:
    """A row of shops.winner_candidates."""

    product_id: int
    shop: str
    sku: str | None
    title: str | None
    units_7: int
    winner: bool | None
    rule: str
    why: str
    sales_winner: bool | None
    buckets_winner: bool | None
    posterior_band: str
    probability: float | None


@dataclass(frozen=True)
class Opened:
    """A row of shops.open_shop."""

    shop_id: UUID
    service: str
    account: str | None
    why: str | None


@dataclass(frozen=True)
class Reject:
    """A row of shops.import_rejects."""

    line_no: int
    reason: str


@dataclass(frozen=True)
class Imported:
    """What a file held."""

    file: str
    products: int
    orders: int
    lines: int
    rejected: int


Which = Annotated[
    str,
    typer.Argument(
        metavar="SHOP",
        help="Its name, domain or shop_id.",
        autocompletion=known("shops.overview", Shop, "domain", "shop"),
    ),
]
Only = Annotated[
    str | None,
    typer.Argument(
        metavar="[SHOP]",
        help="Only this one: its name, domain or shop_id.",
        autocompletion=known("shops.overview", Shop, "domain", "shop"),
    ),
]
ProductId = Annotated[int, typer.Argument(max=MOST_ID, metavar="PRODUCT", help="The product_id.")]
File = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, readable=True, metavar="FILE")
]


@app.command()
def add(
    session: Change,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    who: Annotated[str, typer.Option("--user", help="The owner: e-mail address or user_id.")],
    domain: Annotated[str, typer.Option(help="The storefront's host name.")],
    niche: Annotated[
        list[str] | None, typer.Option(help="A niche to make products for; may be repeated.")
    ] = None,
) -> None:
    """Add a shop with the default settings, and use its owner's connections.

    $ autom shop add "Paw and Co" --user ann@example.com --domain paw.myshopify.com --niche Corgis --niche "Cat yoga"

    A service of which the owner has one connection is attached at once; of several, autom shop
    attach names one. The same owner and domain are the same shop.
    """
    owner = user.find(session, who)
    opened = session.call(
        "shops.open_shop",
        Opened,
        user_id=owner.user_id,
        name=name,
        domain=domain,
        niches=niche or [],
    )
    session.record(find(session, str(opened[0].shop_id)), "shop_id shop domain plan niches")
    for row in opened:
        session.note(f"{row.service}: {row.why or f'uses {row.account}'}")


@app.command()
def ls(session: Session) -> None:
    """List shops, their products by state, and how their last run went.

    $ autom shop ls
    $ autom shop ls --json
    """
    rows = session.select("shops.overview", Shop, order="shop, domain")
    session.table(
        rows,
        Shop,
        "shop domain plan niches in_work drafts published winners failed last_job last_status last_reason",
        "No shops: autom shop add.",
    )


@app.command("set")
def configure(
    session: Change,
    which: Which,
    settings: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help="Settings and what they become.")
    ],
) -> None:
    """Change settings of a shop.

    $ autom shop set paw.myshopify.com creation_limit=10 auto_publish=false
    $ autom shop set paw.myshopify.com pinterest_board_id=1092849083210

    A wrong name is answered with all there are; psql's \\d+ shops.settings says what each means.
    """
    shop = find(session, which)
    session.value("shops.configure", shop_id=shop.shop_id, settings=dict(map(_setting, settings)))
    session.note(f"{shop.shop}: {', '.join(settings)}")


@app.command()
def attach(
    session: Change,
    which: Which,
    connection: Annotated[UUID, typer.Argument(help="A connection_id of autom connect ls.")],
) -> None:
    """Make a shop use a connection, in place of the one of that service before.

    $ autom shop attach paw.myshopify.com 0b2c4f0e-7a51-4c39-9d0c-0f4f5b8f2a11
    """
    shop = find(session, which)
    session.value("shops.attach", shop_id=shop.shop_id, connection_id=connection)
    session.note(f"{shop.shop} uses {connection}.")


@app.command()
def niche(
    session: Change,
    which: Which,
    name: Annotated[str, typer.Argument(help="The niche.")],
    priority: Annotated[int, typer.Option(min=-MOST, max=MOST, help="Higher ones come first.")] = 0,
    daily_limit: Annotated[
        int | None,
        typer.Option(max=MOST, help="Products a day at most; no limit of its own if not given."),
    ] = None,
) -> None:
    """Add a niche to a shop, or change it.

    $ autom shop niche paw.myshopify.com "Rescue dogs" --priority 5 --daily-limit 4
    """
    shop = find(session, which)
    session.value(
        "shops.add_niche",
        shop_id=shop.shop_id,
        name=name,
        priority=priority,
        daily_limit=daily_limit,
    )
    session.note(f"{shop.shop} makes products for {name}.")


@app.command()
def plan(session: Session, which: Only = None) -> None:
    """Say what today's creation would make, niche by niche, and why not more.

    $ autom shop plan
    $ autom shop plan paw.myshopify.com --json

    autom shop create makes exactly this.
    """
    rows = session.call("shops.plan_creation", Planned, shop_id=_id(session, which))
    session.table(rows, Planned, empty="No shops: autom shop add.")


@app.command()
def create(session: Change, which: Only = None) -> None:
    """Make today's products: reserve their quota and hand their work to the workers.

    $ autom shop create paw.myshopify.com
    $ autom shop create --dry-run

    The schedule product_creation does the same each morning. What was made today already is not
    made again.
    """
    rows = session.call("shops.apply_creation", Made, shop_id=_id(session, which))
    session.table(rows, Made, "shop niche how_many why quota_left", "No shops: autom shop add.")
    session.note(
        f"{sum(len(row.products) for row in rows)} products are on their way; autom shop ls shows how far."
    )


@app.command()
def products(
    session: Session,
    which: Only = None,
    state: Annotated[str | None, typer.Option(help="Only those: see shops.product_states.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, help="At most so many, the newest first.")
    ] = 50,
) -> None:
    """List products.

    $ autom shop products paw.myshopify.com
    $ autom shop products --state failed --json
    """
    shop_id = _id(session, which)
    where: dict[str, Any] = ({"shop_id": shop_id} if shop_id else {}) | (
        {"state": state} if state else {}
    )
    rows = session.select("shops.catalogue", Product, where, "product_id desc", limit)
    session.table(rows, Product, "product_id shop niche state title note", "No products.")


@app.command()
def winners(
    session: Session,
    which: Only = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, help="At most so many, the best first.")
    ] = 50,
) -> None:
    """List what sells, with the verdicts of all three rules side by side.

    $ autom shop winners
    $ autom shop winners paw.myshopify.com --json

    winner is the verdict of the shop's own rule; no verdict means that facts are missing.
    """
    shop_id = _id(session, which)
    rows = session.select(
        "shops.winner_candidates",
        Candidate,
        {"shop_id": shop_id} if shop_id else {},
        "units_7 desc, product_id",
        limit,
    )
    session.table(
        rows,
        Candidate,
        "product_id title units_7 winner sales_winner buckets_winner posterior_band why",
        "Nothing is on sale.",
    )


@app.command()
def explain(session: Session, product: ProductId) -> None:
    """Explain one product: its state, its sales, each condition, and what would flip the verdict.

    $ autom shop explain 42
    """
    session.table(session.call("shops.explain", Step, product_id=product), Step)


@app.command("import")
def import_(
    session: Change,
    which: Which,
    products: File = None,
    orders: File = None,
    last_day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Move the orders by whole days, so that the last one is of this day.",
        ),
    ] = None,
) -> int:
    """Import the products and orders that a Shopify admin exports.

    $ autom shop import paw.myshopify.com --products products_export.csv --orders orders_export.csv

    Lines that cannot be read are listed with the reason, all others count; the same file again
    changes nothing. With such lines the exit code is 5.
    """
    from cli.importing import import_file

    files = [(what, path) for what, path in (("products", products), ("orders", orders)) if path]
    if not files:
        raise Problem(
            "There is nothing to import.", next="give --products or --orders", code=exits.USAGE
        )
    shop = find(session, which)
    if session.sql:
        session.value("shops.begin_import", shop_id=shop.shop_id, what=files[0][0], file="FILE")
    imported, rejects = [], 0
    for what, path in files:
        with session.progress(path.name, total=100) as bar:
            import_id, read = import_file(
                session.connection,
                shop.shop_id,
                what,
                path,
                last_day=last_day.date() if last_day else None,
                progress=partial(_reach, bar),
            )
        imported.append(Imported(path.name, read.products, read.orders, read.lines, read.rejected))
        rejects += read.rejected
        bad = session.select(
            "shops.import_rejects", Reject, {"import_id": import_id}, "line_no", limit=20
        )
        for row in bad:
            session.note(f"{path.name}, line {row.line_no}: {row.reason}")
        if read.rejected > len(bad):
            session.note(f"… and {read.rejected - len(bad)} more: shops.import_rejects")
    session.table(imported, Imported)
    return exits.PARTLY if rejects else exits.OK


def find(session: Session, which: str) -> Shop:
    """The shop of that name, domain or id, looked up even where the command only prints its SQL."""
    from db.call import select

    tries: list[dict[str, Any]] = [{"domain": which.lower()}, {"shop": which}]
    with suppress(ValueError):
        tries = [{"shop_id": UUID(which)}]
    for where in tries:
        rows = select(session.connection, "shops.overview", Shop, where)
        if len(rows) > 1:
            raise Problem(
                f"Several shops are called {which}.",
                ", ".join(f"{row.domain} {row.shop_id}" for row in rows),
                "give the shop_id",
                exits.USAGE,
            )
        if rows:
            return rows[0]
    raise Problem("No such shop.", which, "autom shop ls", exits.NOT_FOUND)


def _id(session: Session, which: str | None) -> UUID | None:
    return find(session, which).shop_id if which else None


def _reach(bar: Progress, share: float) -> None:
    bar.reach(int(share * 100))


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Problem(
            f"{text} sets nothing.", next="write NAME=VALUE, as creation_limit=10", code=exits.USAGE
        )
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
