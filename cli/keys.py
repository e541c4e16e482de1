"""The keys that a command seals and opens with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli import exits
from cli.exits import Problem

if TYPE_CHECKING:
    from workers.seal import Sealer


def sealer(asked: str | None = None) -> Sealer:
    """Those of AUTOM_SECRET_KEYS; for the embedded database, else those of its data folder.

    ``asked`` is the database that the command line named, if it did.
    """
    from db.server import data_folder
    from workers.seal import HOW_TO_MAKE_A_KEY, KEY_FILE, Sealer, SealError

    embedded = not (asked or os.environ.get("AUTOM_DATABASE_URL"))
    try:
        return Sealer.from_environment(key_file=data_folder() / KEY_FILE if embedded else None)
    except SealError as error:
        raise Problem(str(error), next=HOW_TO_MAKE_A_KEY, code=exits.USAGE) from error
