"""The examples of docs/coming-from.md work, in the order in which they stand there."""

from __future__ import annotations

from db.code import ROOT
from tests.fixtures.guides import play


def test_the_examples_work(db):
    assert play(db, (ROOT.parent / "docs" / "coming-from.md").read_text()) == 8
