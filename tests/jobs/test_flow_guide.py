"""The lines of docs/flow.md work, in the order in which they stand there."""

from __future__ import annotations

from db.code import ROOT
from tests.fixtures.guides import play


def test_the_guide_works(db):
    assert play(db, (ROOT.parent / "docs" / "flow.md").read_text()) == 10
