"""Every kind of work has its handler, and what handlers send is what the services describe."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from sandbox.contract import SHOPIFY_VERSIONS, Graph
from tests.fixtures.specs import official
from workers.handlers import HANDLERS
from workers.shopify import DOCUMENTS

KINDS = """
select k.kind
from jobs.kinds as k
where k.queue in ('openai', 'pinterest', 'shopify')
"""


def test_every_kind_of_an_outside_service_has_a_handler(db: psycopg.Connection[Any]) -> None:
    kinds = {kind for (kind,) in db.execute(KINDS).fetchall()}
    assert kinds <= set(HANDLERS), "kinds without a handler"


@pytest.mark.parametrize("version", SHOPIFY_VERSIONS)
def test_every_document_is_right_and_not_deprecated(version: str) -> None:
    graph = Graph.read(official(f"shopify/admin_{version}.json.gz"))
    wrong = {name: graph.document_errors(text) for name, text in DOCUMENTS.items()}
    assert {name: errors for name, errors in wrong.items() if errors} == {}
