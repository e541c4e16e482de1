"""``--dry-run``: the same SQL, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli import exits
from db import database as databases
from tests.cli.test_help import LEAVES
from tests.fixtures.accounts import KEY
from tests.fixtures.cli import autom
from tests.fixtures.shops import Shop, shop

PRODUCTS = "Handle,Title,Variant SKU,Variant Price\ncup,A cup,CUP,9.50\nmug,A mug,MUG,12.00\n"

ROWS = """
select c.oid::regclass::text,
       (xpath('/table/row', query_to_xml('table ' || c.oid::regclass, true, false, '')))::text
from pg_class as c
where c.relkind in ('r', 'p') and not c.relispartition
  and c.relnamespace::regnamespace::text = any (array['jobs', 'accounts', 'shops'])
"""

WITHOUT = {
    "demo": "has a database of its own",
    "up": "runs until it is ended",
    "down": "ends processes",
    "work": "runs until it is ended",
    "sandbox": "runs until it is ended",
    "bench": "has a database of its own",
    "psql": "hands on",
    "connect check": "is a question to a service",
    "alerts test": "is a message to a person",
}
READS = {
    *("completion", "doctor", "runs", "status"),
    *("jobs ls", "jobs show", "queue ls", "queue held", "schedule ls", "schedule next"),
    *("alerts ls", "alerts rules", "alerts channels", "user ls", "connect ls"),
    *("shop ls", "shop plan", "shop products", "shop winners", "shop explain"),
}


@pytest.mark.parametrize(
    "verb",
    [
        pytest.param(verb, id=name)
        for name, verb in LEAVES
        if name not in READS and name not in WITHOUT
    ],
)
def test_every_verb_that_writes_can_be_run_dry(verb: Any) -> None:
    assert "--dry-run" in {name for option in verb.params for name in option.opts}


def test_verbs_without_it_are_all_known() -> None:
    assert READS | set(WITHOUT) <= {name for name, _ in LEAVES}


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection[Any]]:
    with databases.connect(database) as conn:
        yield conn


@pytest.fixture
def here(conn: psycopg.Connection[Any]) -> Shop:
    return shop(conn)


def rows(conn: psycopg.Connection[Any]) -> dict[str, str]:
    return dict(conn.execute(ROWS).fetchall())


CHANGES = {
    "user add bob@example.com --plan basis": "accounts.users: 1 new",
    "user subscribe USER vip": "accounts.subscriptions: 1 new",
    "shop add B --user USER --domain b.example.com": "shops.shops: 1 new",
    "shop set SHOP creation_limit=3": "shops.settings: 1 new, 1 gone",
    "shop niche SHOP Dogs": "shops.niches: 1 new",
    "shop create SHOP": "shops.products: 20 new",
    "shop import SHOP --products FILE": "shops.products: 2 new",
    "connect openai --user USER": "accounts.connections: ",
    "connect rm SHOPIFY": "accounts.connections: 1 changed",
    "queue pause openai": "jobs.pauses: 1 new",
    "schedule pause winner_scaling": "jobs.schedules: 1 changed",
    "schedule run product_creation": "shops.products: 20 new",
    "alerts silence old_ready --until 2h": "jobs.alert_silences: 1 new",
}


@pytest.mark.parametrize(("line", "told"), CHANGES.items(), ids=CHANGES)
def test_a_dry_run_does_it_says_so_and_keeps_nothing(
    conn: psycopg.Connection[Any],
    here: Shop,
    database: str,
    tmp_path: Path,
    line: str,
    told: str,
) -> None:
    file = tmp_path / "products.csv"
    file.write_text(PRODUCTS)
    names = {
        "USER": str(here.user_id),
        "SHOP": here.domain,
        "FILE": str(file),
        "SHOPIFY": f"{here.domain.partition('.')[0]}.myshopify.com",
    }
    command = [names.get(word, word) for word in line.split()]
    asked = {"AUTOM_SECRET_KEYS": KEY, "AUTOM_ACCESS": "sk-1"}
    before = rows(conn)

    dry = autom(*command, "--dry-run", database=database, environment=asked)
    assert dry.code == exits.CHANGES, dry.err
    assert "A dry run: nothing of this was kept." in dry.err
    assert told in dry.err
    assert rows(conn) == before

    done = autom(
        *command, *(["--yes"] if "rm" in command else []), database=database, environment=asked
    )
    assert done.code == exits.OK, done.err
    assert rows(conn) != before
    assert len(done.out.splitlines()) == len(dry.out.splitlines())


def test_where_nothing_would_change_it_says_so(here: Shop, database: str) -> None:
    done = autom("queue", "resume", "openai", "--dry-run", database=database)
    assert done.code == exits.OK
    assert done.err.endswith("\nNothing to change.\n")


def test_a_refusal_is_one_in_a_dry_run_too(here: Shop, database: str) -> None:
    done = autom("shop", "set", here.domain, "creation_limit=1000", "--dry-run", database=database)
    assert done.code == exits.REFUSED
    assert "0 to 100" in done.err


def test_nobody_waits_for_a_dry_run(database: str) -> None:
    done = autom("schedule", "run", "product_creation", "--dry-run", "--wait", database=database)
    assert done.code == exits.USAGE
