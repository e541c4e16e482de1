"""What the demo plays on: a Postgres of its own, the sandbox and a worker.

All of it ends with the demo, however that ends; or it is left running, in a data folder of its own.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli import background
from cli.context import EMBEDDED, demo_folder
from db import database
from db.server import Server, embedded, real_home
from sandbox import run as sandbox


@dataclass(frozen=True)
class Stage:
    """Where everything is."""

    home: Path
    """AUTOM_HOME of the stage."""
    database_url: str
    sandbox: sandbox.Running


@contextmanager
def stage(keep: bool) -> Iterator[Stage]:
    """An empty stage. AUTOM_HOME leads to it, for whatever else this process does."""
    home = demo_folder() if keep else Path(tempfile.mkdtemp(prefix="autom-demo-"))
    os.environ.pop("AUTOM_DATABASE_URL", None)
    os.environ["AUTOM_HOME"] = str(home)
    if keep:
        _stop(home)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True, mode=0o700)
        # Root's is not inside.
        shutil.rmtree(real_home(home / "postgres"), ignore_errors=True)
    try:
        with ExitStack() as held:
            with ThreadPoolExecutor(2) as pool:
                services = pool.submit(sandbox.start, held=not keep)
                if keep:
                    background.launch("up", ["up"])
                    url = embedded().url(EMBEDDED)
                else:
                    server = Server(home / "postgres", durable=False, keep=False)
                    started = pool.submit(held.enter_context, server)
                    # Meanwhile: these take as long to load as the server to start.
                    for module in (
                        "alembic.command",
                        "sqlalchemy",
                        "workers.handlers",
                        "workers.runner",
                    ):
                        importlib.import_module(module)
                    started.result()
                    url = server.ensure_database(EMBEDDED)
                    database.migrate(url)
                    held.enter_context(_worker(server.url(EMBEDDED, "autom_worker")))
                running = services.result()
            if keep:
                _note(home).write_text(json.dumps({"url": running.url, "pid": running.process.pid}))
            else:
                held.callback(running.stop)
            yield Stage(home, url, running)
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def stop() -> bool:
    """End what an earlier demo left running; False if there is nothing."""
    home = demo_folder()
    os.environ["AUTOM_HOME"] = str(home)
    return _stop(home)


def _stop(home: Path) -> bool:
    stopped = background.stop("up")
    with suppress(FileNotFoundError, ProcessLookupError, httpx.HTTPError):
        there = json.loads(_note(home).read_text())
        # By now the number may be another process's: only if the sandbox answers, it is this one's.
        httpx.get(f"{there['url']}/_control/violations").raise_for_status()
        os.kill(there["pid"], signal.SIGTERM)
        stopped = True
        ends_by = time.monotonic() + 5
        while time.monotonic() < ends_by:
            os.kill(there["pid"], 0)
            time.sleep(0.02)
    _note(home).unlink(missing_ok=True)
    return stopped


def _note(home: Path) -> Path:
    return home / "sandbox.json"


@contextmanager
def _worker(url: str) -> Iterator[None]:
    """A worker in a thread: it cannot outlive this process."""
    from cli.work import equipment
    from workers.runner import Worker

    began = threading.Event()
    loop = asyncio.new_event_loop()
    worker: list[Worker] = []

    async def serve() -> None:
        worker.append(Worker(url, *equipment(url)))
        began.set()
        await worker[0].run()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    began.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(worker[0].stop)
        thread.join()
        loop.close()
