"""A real worker in a process of its own, but with a short lease, so that its death is soon known.

``python -m tests.crash.worker URL LEASE``; keys come from AUTOM_SECRET_KEYS as ever.
"""

from __future__ import annotations

import sys

from workers.handlers import HANDLERS
from workers.link import Link
from workers.runner import run
from workers.seal import Sealer
from workers.tokens import noted, resolver

if __name__ == "__main__":
    url, lease = sys.argv[1:]
    connect = Link(url).use
    resolve = resolver(connect, Sealer.from_environment())
    run(url, noted(HANDLERS, connect), resolve, lease=float(lease))
