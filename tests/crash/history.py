"""A shop whose products go through the whole pipeline, one kind of job at a time.

Every other kind is held at the door by a prepare function that says "later", so that a test knows
what the worker is doing when it kills it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

import psycopg

from db import database
from db.call import value
from db.server import Server
from tests.fixtures.accounts import KEY, connection, user
from tests.fixtures.sandbox import Sandbox
from tests.fixtures.wait import until

DOMAIN = "crash.myshopify.com"
PRODUCTS = 2
LEASE = "1.5"
SLOW = 700
NAME = "crash-worker"

HOLD = """
create function public.hold(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean)
returns jsonb language sql as $$ select '{"later": 0.2, "reason": "held"}'::jsonb $$
"""


@dataclass(frozen=True)
class Step:
    kind: str
    service: str
    operation: str
    """What the sandbox calls the request that takes the effect."""
    schedule: str | None = None
    """The schedule that begins the step, where no step before it does."""


STEPS = [
    Step("draw_design", "openai", "createImage", "product_creation"),
    Step("write_text", "openai", "createResponse"),
    Step("upload_design", "shopify", "stagedUploadsCreate"),
    Step("create_product", "shopify", "productSet"),
    Step("check_media", "shopify", "product"),
    Step("optimise_product", "openai", "createResponse", "product_optimize"),
    Step("update_product", "shopify", "productUpdate"),
    Step("publish_product", "shopify", "productUpdate+publishablePublish"),
    Step("pin_product", "pinterest", "pins/create", "pinterest_sync"),
]


class History:
    def __init__(self, server: Server, name: str, sandbox: Sandbox, log: IO[bytes]) -> None:
        """In the database ``name``; ``log`` gets what the workers have to say."""
        self.server = server
        self.url = server.url(name)
        self.worker_url = server.url(name, "autom_worker")
        self.sandbox = sandbox
        self.log = log
        self.worker: subprocess.Popen[bytes] | None = None
        self.conn = database.connect(self.url)
        self.user_id = user(self.conn, "basis")
        self._set_up()

    def _set_up(self) -> None:
        made: dict[str, Any] = {
            "user_id": self.user_id,
            "name": "Crash",
            "domain": DOMAIN,
        }
        shop_id = value(self.conn, "shops.create_shop", **made)
        opened = {
            "shopify": self.sandbox.open("shopify", DOMAIN, media_ms=50),
            "openai": self.sandbox.open("openai", "default"),
            "pinterest": self.sandbox.open("pinterest", "default"),
        }
        for service, account in opened.items():
            name = DOMAIN if service == "shopify" else "default"
            connection_id = connection(
                self.conn,
                self.user_id,
                service,
                name,
                base_url=self.sandbox.base_url(service, name),
                tokens={"access": account["access_token"]},
            )
            value(self.conn, "shops.attach", shop_id=shop_id, connection_id=connection_id)
        self.board_id = opened["pinterest"]["boards"][0]["id"]
        settings = {
            "creation_limit": PRODUCTS,
            "pinterest_board_id": self.board_id,
            "pin_spread_minutes": 0,
        }
        value(self.conn, "shops.configure", shop_id=shop_id, settings=settings)
        value(self.conn, "shops.add_niche", shop_id=shop_id, name="cats")
        self.conn.execute("update jobs.schedules set enabled = false")
        self.conn.execute(HOLD)
        self.conn.execute(
            "update jobs.kinds set prepare = 'public.hold' where kind = any(%s)",
            [[f"shops.{step.kind}" for step in STEPS]],
        )

    # --- one kind at a time ----------------------------------------------------------------------

    def begin(self, step: Step) -> None:
        if step.schedule:
            value(self.conn, "jobs.run_schedule", name=step.schedule)
        assert self.waiting(step) == PRODUCTS

    def let_in(self, step: Step, prepare: str | None = None) -> None:
        """Open the door to the kind, and see to it that there is a worker."""
        self.conn.execute(
            "update jobs.kinds set prepare = %s where kind = %s",
            [prepare or f"shops.prepare_{step.kind}", f"shops.{step.kind}"],
        )
        self.start()

    def waiting(self, step: Step) -> int:
        """Jobs of the kind that have not ended."""
        query = (
            "select (select count(*) from jobs.ready where kind = %(kind)s)"
            " + (select count(*) from jobs.running where kind = %(kind)s)"
            " + (select count(*) from jobs.scheduled where kind = %(kind)s)"
        )
        return int(self._one(query, kind=f"shops.{step.kind}"))

    def finish(self, step: Step) -> None:
        self.start()
        until(lambda: self.waiting(step) == 0, 40)

    # --- the worker ------------------------------------------------------------------------------

    def start(self) -> None:
        if self.worker is None:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.worker", self.worker_url, LEASE],
                env={**os.environ, "AUTOM_SECRET_KEYS": KEY, "PGAPPNAME": NAME},
                stderr=self.log,
            )

    def kill(self) -> None:
        """The process is gone at once, and so is what the server still did for it."""
        assert self.worker is not None
        self.worker.send_signal(signal.SIGKILL)
        self.worker.wait()
        self.worker = None
        self.conn.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = %s",
            [NAME],
        )

    def kill_postgres(self) -> None:
        pid = self.server.pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.server.pid not in (None, pid))
        until(self._reconnect)

    def _reconnect(self) -> bool:
        with suppress(psycopg.OperationalError):
            self.conn.close()
            self.conn = database.connect(self.url)
            return True
        return False

    def close(self) -> None:
        if self.worker is not None:
            self.kill()
        self.conn.close()

    # --- what it is doing ------------------------------------------------------------------------

    def handed_out(self, step: Step) -> int:
        """Requests of the kind that were prepared so far."""
        query = "select count(*) from jobs.effects as e join jobs.jobs as j using (job_id) where j.kind = %(kind)s"
        return int(self._one(query, kind=f"shops.{step.kind}"))

    def stands_in(self, function: str) -> bool:
        """The worker's call of a function waits for a lock of ours."""
        query = (
            "select count(*) from pg_stat_activity where application_name = %(name)s"
            " and wait_event_type = 'Lock' and query like '%%' || %(function)s || '%%'"
        )
        return bool(self._one(query, name=NAME, function=function))

    @contextmanager
    def locked(self, statement: str) -> Iterator[None]:
        """Hold what the statement locks, on a connection of its own."""
        with database.connect(self.url) as conn, conn.transaction():
            conn.execute(statement.encode())
            yield

    def _one(self, query: str, **arguments: Any) -> Any:
        row = self.conn.execute(query.encode(), arguments).fetchone()
        assert row is not None
        return row[0]

    # --- what must be true at the end ------------------------------------------------------------

    def proof(self) -> dict[str, Any]:
        """Everything twice: as the database knows it, and as the services do."""
        planned = self.conn.execute(
            "select handle, state, product_gid from shops.products order by handle"
        ).fetchall()
        pinned = self.conn.execute(
            "select y.external_id, y.state from shops.syncs as y order by y.external_id"
        ).fetchall()
        listed = self.sandbox.state("shopify")["products"]
        pins = self.sandbox.pins()
        return {
            "planned": [(handle, gid) for handle, _, gid in planned],
            "states": {state for _, state, _ in planned},
            "in the shop": sorted((p["handle"], p["gid"]) for p in listed),
            "shop says": {p["status"] for p in listed},
            "pinned": [external_id for external_id, _ in pinned],
            "pin states": {state for _, state in pinned},
            "on the board": sorted(pin["id"] for pin in pins if pin["board_id"] == self.board_id),
            "links": len({pin["link"] for pin in pins}),
            "quota": self._one(
                "select array[held, used] from shops.quota where user_id = %(u)s", u=self.user_id
            ),
            "open calls": self._one("select count(*) from shops.ai_calls where state = 'open'"),
            "wrong totals": self._one(
                "select (select count(*) from shops.quota_proof) + (select count(*) from shops.budget_proof)"
            ),
            "dead": self._one("select count(*) from jobs.dead"),
        }
