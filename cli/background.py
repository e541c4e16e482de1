"""What runs on in the background: one process for each name, known by a file in the data folder.

The process holds its file locked while it lives, however it ends, and writes its id there and
then, on a second line, that it is ready.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cli import exits
from cli.exits import Problem

READY = "ready"
AUTOM = "from cli.main import main; main()"


@contextmanager
def hold(name: str) -> Iterator[Callable[[], None]]:
    """Be the process of that name; call what this yields once others may count on it."""
    # Never closed here: its lock shall last as long as the process does.
    descriptor = os.open(_file(name), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Problem(
            f"autom {name} runs already, as process {pid(name)}.",
            f"Both would use {_file(name).parent}.",
            "autom down, or set AUTOM_HOME to another folder",
            exits.CONFLICT,
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    yield lambda: _tell(descriptor)
    _file(name).unlink(missing_ok=True)


def launch(name: str, arguments: Sequence[str]) -> int:
    """Start ``autom`` with these arguments, wait until it is ready; returns its process id."""
    if running := pid(name):
        raise Problem(f"autom {name} runs already, as process {running}.", code=exits.CONFLICT)
    with log(name).open("ab") as printed:
        began = printed.tell()
        process = subprocess.Popen(
            [sys.executable, "-c", AUTOM, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            start_new_session=True,
        )
    while READY not in _lines(name):
        if process.poll() is not None:
            said = log(name).read_bytes()[began:].decode(errors="replace")
            raise Problem(f"autom {name} did not start.", said.strip(), code=process.returncode)
        time.sleep(0.05)
    return process.pid


def stop(name: str) -> bool:
    """End it as Ctrl-C would and wait until it has ended; False if it does not run."""
    running = pid(name)
    if running is None:
        return False
    with _file(name).open() as file:
        os.kill(running, signal.SIGTERM)
        fcntl.flock(file, fcntl.LOCK_SH)
    return True


def pid(name: str) -> int | None:
    """The process of that name, if it lives."""
    try:
        with _file(name).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                # Nothing is there yet where it has only just begun.
                return int(file.readline() or 0) or None
    except FileNotFoundError:
        pass
    return None


def log(name: str) -> Path:
    """Where a process in the background prints."""
    return _file(name).with_suffix(".log")


def _file(name: str) -> Path:
    from db.server import data_folder

    folder = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.pid"


def _lines(name: str) -> list[str]:
    return _file(name).read_text().splitlines() if pid(name) else []


def _tell(descriptor: int) -> None:
    os.write(descriptor, f"{READY}\n".encode())
