"""Every kind of work has its handler, and what handlers send is what the services describe."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from sandbox.contract import SHOPIFY_VERSIONS, Graph
from tests.fixtures.specs import official
from workers.handlers import HANDLERS, TELLERS
from workers.shopify import DOCUMENTS


def test_every_kind_has_a_handler_and_every_handler_a_kind(db: psycopg.Connection[Any]) -> None:
    rows = db.execute("select k.kind from jobs.kinds as k where not k.in_sql").fetchall()
    assert {kind for (kind,) in rows} == HANDLERS.keys() | TELLERS.keys()


def test_what_is_done_in_sql_needs_none(db: psycopg.Connection[Any]) -> None:
    rows = db.execute("select k.kind from jobs.kinds as k where k.in_sql order by 1").fetchall()
    assert [kind for (kind,) in rows] == ["jobs.roll_up", "jobs.run_schedule"]


@pytest.mark.parametrize("version", SHOPIFY_VERSIONS)
def test_every_document_is_right_and_not_deprecated(version: str) -> None:
    graph = Graph.read(official(f"shopify/admin_{version}.json.gz"))
    wrong = {name: graph.document_errors(text) for name, text in DOCUMENTS.items()}
    assert {name: errors for name, errors in wrong.items() if errors} == {}
