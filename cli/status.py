"""``autom status``: the house on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cli.alerts import Alert
from cli.context import Session
from cli.jobs import counted
from cli.output import duration
from cli.queue import Held, Queue
from cli.runs import Run
from cli.schedule import Schedule, Worker

RUNS = 5
"""Last runs that are shown."""

SHOPS = 10
"""Shops that are shown."""

ALERTS = 5
"""Open alerts that are shown, the worst first."""

QUIET = timedelta(seconds=30)
"""A clock that has not ticked for so long has stopped."""

NEVER = timedelta(days=3650)
"""The age of a tick that never was: it is counted from 1970."""


@dataclass(frozen=True)
class Database:
    """Which database this is."""

    name: str
    host: str
    server: str


@dataclass(frozen=True)
class Metric:
    """A row of jobs.metrics."""

    value: float


@dataclass(frozen=True)
class Shop:
    """A row of shops.overview."""

    user_id: UUID
    shop: str
    plan: str | None
    enabled: bool
    in_work: int
    drafts: int
    published: int
    winners: int
    failed: int
    last_job: str | None
    last_status: str | None
    last_run_at: datetime | None


@dataclass(frozen=True)
class Quota:
    """A row of shops.quota."""

    user_id: UUID
    held: int
    used: int
    quota_left: int | None


@dataclass(frozen=True)
class Connection:
    """A row of accounts.connections_status."""

    service: str
    account: str
    state: str
    alert: str | None


@dataclass(frozen=True)
class ShopRow:
    """A shop with what is left of its owner's month."""

    shop: str
    plan: str | None
    enabled: bool
    in_work: int
    drafts: int
    published: int
    winners: int
    failed: int
    quota_used: int
    quota_held: int
    quota_left: int | None


@dataclass(frozen=True)
class Attention:
    """Something that wants a person."""

    what: str
    next: str


@dataclass(frozen=True)
class Status:
    """All of it."""

    database: Database
    tick_age: timedelta
    workers: list[Worker]
    queues: list[Queue]
    held: list[Held]
    schedules: list[Schedule]
    runs: list[Run]
    shops: list[ShopRow]
    connections: list[Connection]
    alerts: list[Alert]
    attention: list[Attention]


def status(session: Session) -> None:
    """Show how the house is: workers, queues, last runs, shops, and what wants a person.

    $ autom status
    $ autom status --json | jq .attention
    $ watch -n 5 autom status
    """
    now = _read(session)
    if not session.human:
        session.document(asdict(now))
        return
    _print(session, now)


def _read(session: Session) -> Status:
    with session.together():
        ticks = session.select("jobs.metrics", Metric, {"metric": "jobs_tick_age_seconds"})
        workers = session.select("jobs.workers_status", Worker, order="worker_id")
        queues = session.select("jobs.queues_status", Queue, order="queue")
        held = session.select("jobs.held", Held, order="queue, key")
        schedules = session.select("jobs.schedule_status", Schedule, order="schedule")
        runs = session.select("jobs.runs", Run, order="run_id desc", limit=RUNS)
        shops = session.select("shops.overview", Shop, order="shop", limit=SHOPS)
        owners = [shop.user_id for shop in shops]
        quotas = session.select("shops.quota", Quota, {"user_id": owners})
        connections = session.select(
            "accounts.connections_status", Connection, order="service, account"
        )
        alerts = session.select(
            "jobs.alerts_status",
            Alert,
            {"state": "open"},
            order="grade desc, first_seen desc, alert_id desc",
        )
    info = session.connection.info
    left = {quota.user_id: quota for quota in quotas}
    found: dict[str, Any] = {
        "database": Database(info.dbname, info.host, _version(info.server_version)),
        "tick_age": timedelta(seconds=ticks[0].value),
        "workers": workers,
        "queues": queues,
        "held": held,
        "schedules": schedules,
        "runs": runs,
        "shops": [_shop(shop, left.get(shop.user_id)) for shop in shops],
        "connections": [connection for connection in connections if connection.alert],
        "alerts": alerts,
    }
    return Status(**found, attention=list(_attention(**found)))


def _shop(shop: Shop, quota: Quota | None) -> ShopRow:
    return ShopRow(
        shop=shop.shop,
        plan=shop.plan,
        enabled=shop.enabled,
        in_work=shop.in_work,
        drafts=shop.drafts,
        published=shop.published,
        winners=shop.winners,
        failed=shop.failed,
        quota_used=quota.used if quota else 0,
        quota_held=quota.held if quota else 0,
        quota_left=quota.quota_left if quota else None,
    )


def _attention(
    tick_age: timedelta,
    workers: list[Worker],
    queues: list[Queue],
    held: list[Held],
    schedules: list[Schedule],
    connections: list[Connection],
    alerts: list[Alert],
    **_: Any,
) -> Iterator[Attention]:
    waiting = sum(queue.ready for queue in queues)
    served = any(worker.alive for worker in workers)
    if not served:
        yield Attention(f"No worker is alive; ready: {counted(waiting)}.", "autom work")
    if tick_age > QUIET:
        yield Attention(
            f"The clock has stopped ({_ticked(tick_age)}): nothing fires.", "autom work"
        )
    for alert in alerts[:ALERTS]:
        yield Attention(f"{alert.said} ({alert.severity}: {alert.rule})", "autom alerts ls")
    if len(alerts) > ALERTS:
        yield Attention(f"Of alerts {len(alerts) - ALERTS:,} more are open.", "autom alerts ls")
    for queue in queues:
        if queue.dead:
            yield Attention(
                f"{queue.dead:,} dead in the queue {queue.queue}.",
                f"autom jobs ls --state dead --queue {queue.queue}",
            )
        if queue.ready and served and not queue.workers:
            yield Attention(
                f"No worker serves the queue {queue.queue}; ready: {counted(queue.ready)}.",
                "autom work",
            )
    for hold in held:
        if hold.held_by == "person":
            key = f" --key {hold.key}" if hold.key else ""
            yield Attention(
                f"{hold.queue}{key} is paused: {hold.reason or 'nobody said why'}.",
                f"autom queue resume {hold.queue}{key}",
            )
    for schedule in schedules:
        if schedule.last_status == "failed":
            yield Attention(
                f"{schedule.schedule} failed: {schedule.last_why or 'see its jobs'}",
                f"autom runs {schedule.last_run_id}",
            )
    for connection in connections:
        yield Attention(
            f"{connection.service} {connection.account}: {connection.alert}", "autom connect ls"
        )


def _print(session: Session, now: Status) -> None:
    alive = [worker for worker in now.workers if worker.alive]
    busy = sum(worker.running for worker in alive)
    session.lines(
        {
            "Database": f"{now.database.name} on {now.database.host}, {now.database.server}",
            "Clock": _ticked(now.tick_age),
            "Workers": f"{len(alive)} alive, {counted(busy)} in hand" if alive else "none",
        }
    )
    session.heading("Queues")
    session.table(
        now.queues, Queue, "queue ready oldest_ready scheduled? running dead workers paused"
    )
    session.heading("Last runs")
    session.table(
        now.runs, Run, "run_id name status started_at duration? processed failed why", "None yet."
    )
    session.heading("Shops")
    session.table(
        now.shops,
        ShopRow,
        "shop plan in_work? drafts? published winners failed? quota_used quota_left",
        "None yet: autom shop add",
    )
    session.heading("Wants a person")
    session.table(now.attention, Attention, empty="Nothing.", fold=True)


def _ticked(age: timedelta) -> str:
    return "it has never ticked" if age > NEVER else f"ticked {duration(age, 1)} ago"


def _version(number: int) -> str:
    return f"PostgreSQL {number // 10000}.{number % 10000}"
