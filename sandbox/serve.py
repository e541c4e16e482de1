"""The sandbox's process: ``python -m sandbox.run``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from typing import Any

import uvicorn

from sandbox import base_urls
from sandbox.app import create_app
from sandbox.contract import SpecsMissing


class Server(uvicorn.Server):
    """Says where it is as soon as it can be asked."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            url = f"http://{host}:{port}"
            ready: dict[str, Any] = {"url": url, "control": f"{url}/_control", **base_urls(url)}
            print(json.dumps(ready), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.run", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the parent")
    asked = parser.parse_args()
    # Named TCP, for asyncio turns Nagle's waiting off only then: 40 ms an answer.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", asked.port))
        app = create_app()
    except (SpecsMissing, OSError) as error:
        sys.exit(str(error))
    if asked.until_stdin_closes:
        threading.Thread(target=end_with_stdin, daemon=True).start()
    config = uvicorn.Config(
        app, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    with contextlib.suppress(KeyboardInterrupt):
        Server(config).run([listening])


def end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
