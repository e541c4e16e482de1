"""Whatever is killed, and whenever: each planned product is made once, pinned once, and counted once.

Real processes: the worker and Postgres die by SIGKILL in every step of the pipeline, at every point
at which a step can be interrupted.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db import database
from db.server import Server
from tests.crash.history import PRODUCTS, SLOW, STEPS, History, Step
from tests.fixtures.sandbox import Sandbox
from tests.fixtures.wait import until

pytestmark = pytest.mark.timeout(600)

_number = itertools.count(1)


@pytest.fixture(scope="module")
def durable() -> Iterator[Server]:
    """A server that keeps what it committed when it is killed, and a template owned by no superuser."""
    with Server(tempfile.mkdtemp(prefix="autom-crash-"), durable=True, keep=False) as server:
        with database.connect(server.url()) as conn:
            conn.execute("create role landlord login createrole")
            conn.execute("create database crash_template owner landlord")
        database.migrate(server.url("crash_template", "landlord"))
        yield server


@pytest.fixture
def history(durable: Server, sandbox: Sandbox, tmp_path: Path) -> Iterator[History]:
    name = f"crash_{next(_number)}"
    durable.create_database(name, "crash_template")
    with (tmp_path / "worker.log").open("wb") as log:
        history = History(durable, name, sandbox, log)
        yield history
        history.close()


def after_the_claim(history: History, step: Step) -> None:
    with history.locked("lock table accounts.services in access exclusive mode"):
        history.let_in(step)
        until(lambda: history.stands_in("jobs.prepare"))
        history.kill()


def after_prepare(history: History, step: Step) -> None:
    with history.locked("lock table accounts.secrets in access exclusive mode"):
        history.let_in(step)
        until(lambda: history.stands_in("accounts.credentials"))
        history.kill()


def after_the_effect(history: History, step: Step, prepare: str | None = None) -> None:
    before = history.sandbox.calls(step.service).get(step.operation, 0)
    history.sandbox.fault(step.service, "effect_then_timeout", operation=step.operation, ms=60_000)
    history.let_in(step, prepare)
    until(lambda: history.sandbox.calls(step.service).get(step.operation, 0) > before)
    history.kill()


def before_settle(history: History, step: Step) -> None:
    before = history.handed_out(step)
    history.sandbox.fault(step.service, "slow", operation=step.operation, ms=SLOW, times=PRODUCTS)
    history.let_in(step)
    until(lambda: history.handed_out(step) == before + PRODUCTS)
    rows = "shops.syncs" if step.kind == "pin_product" else "shops.products"
    with history.locked(f"select from {rows} for update"):
        until(lambda: history.stands_in("jobs.settle"))
        history.kill()


def postgres(history: History, step: Step) -> None:
    before = history.handed_out(step)
    history.sandbox.fault(step.service, "slow", operation=step.operation, ms=SLOW, times=PRODUCTS)
    history.let_in(step)
    until(lambda: history.handed_out(step) > before)
    history.kill_postgres()


@pytest.mark.parametrize(
    "interrupt", [after_the_claim, after_prepare, after_the_effect, before_settle, postgres]
)
def test_every_product_is_made_once(
    history: History, interrupt: Callable[[History, Step], None]
) -> None:
    for step in STEPS:
        history.begin(step)
        interrupt(history, step)
        history.finish(step)

    proof = history.proof()
    assert proof["states"] == {"published"} and proof["pin states"] == {"done"}
    assert len(proof["planned"]) == PRODUCTS
    assert proof["in the shop"] == proof["planned"]
    assert proof["shop says"] == {"ACTIVE"}
    assert proof["on the board"] == proof["pinned"]
    assert proof["links"] == len(proof["pinned"]) == PRODUCTS
    assert proof["quota"] == [0, PRODUCTS]
    assert (proof["open calls"], proof["wrong totals"], proof["dead"]) == (0, 0, 0)


FORGETFUL = """
create function public.forgetful(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean)
returns jsonb language sql as $$ select shops.prepare_pin_product(p_job_id, p_payload, false) $$
"""


def test_a_pin_that_is_not_looked_for_is_made_twice(history: History) -> None:
    """The control: the same crash, but nobody remembers that the pin may have been made."""
    *others, pin = STEPS
    for step in others:
        history.begin(step)
        history.let_in(step)
        history.finish(step)
    history.begin(pin)
    history.conn.execute(FORGETFUL)
    after_the_effect(history, pin, "public.forgetful")
    history.finish(pin)

    proof = history.proof()
    assert len(proof["pinned"]) == proof["links"] == PRODUCTS
    assert len(proof["on the board"]) > PRODUCTS
