"""Keeps one embedded Postgres running while somebody holds it: a process of its own.

``db.server`` starts it by path, with the plan as its argument; it prints ``ready`` once the server
answers. It makes the cluster where there is none, starts the server again if that is killed, and
stops it when its holder has ended, however that ended: the pipe on its standard input closes.
Several keepers may hold one server; the last to leave stops it.

Two files guard this. Who starts or stops holds ``turn`` alone; each keeper shares ``holders``, so
whoever can have that one alone was the last. The kernel lets go of both when a process is killed.

Standard library only, for it starts at the head of every command and every test session.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import locale
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

NO_PROCESS = 2**22 + 1
"""Above the highest process id that Linux and macOS give."""

LARGEST_LOG = 10_000_000
"""Bytes; a larger one is set aside at the next start."""

SAFE = {"max_connections": "200", "listen_addresses": "", "port": "5432", "cluster_name": "autom"}

FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "4GB",
}


class Failed(Exception):
    """A program of PostgreSQL ended badly; says what it printed."""


@dataclass(frozen=True)
class Plan:
    """Which cluster to keep, and how."""

    home: str
    socket: str
    bin: str
    major: int
    uid: int
    gid: int
    durable: bool
    """False trades every safety for speed."""
    keep: bool
    """False removes ``home`` in the end."""

    @property
    def data(self) -> Path:
        return Path(self.home, f"pg{self.major}")

    @property
    def log(self) -> Path:
        return Path(self.home, f"pg{self.major}.log")

    @property
    def turn(self) -> Path:
        return Path(self.home, "turn")

    @property
    def holders(self) -> Path:
        return Path(self.home, "holders")

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Postmaster:
    """What a running server says of itself in its postmaster.pid."""

    pid: int
    socket: str
    status: str
    """``starting``, ``ready``, ``standby`` or ``stopping``."""

    @property
    def answers(self) -> bool:
        return self.status in ("ready", "standby")


def postmaster(data: Path) -> Postmaster | None:
    """The server that runs on ``data``. A file left by a killed one may name anybody's process."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 8 or not _works_in(int(lines[0]), data):
        return None
    return Postmaster(int(lines[0]), lines[4], lines[7].strip())


def run(plan: Plan, program: str, *arguments: str) -> str:
    """Run one of PostgreSQL's programs as the server's user; returns what it printed."""
    done = subprocess.run(
        [f"{plan.bin}/{program}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **_circumstances(plan),
    )
    printed: str = done.stdout
    if done.returncode:
        raise Failed(f"{program} failed: {printed}")
    return printed


def main(plan: Plan) -> None:
    released = _Release()
    _make_folders(plan)
    with plan.holders.open("a") as holders:
        with _turn(plan):
            try:
                _start(plan)
            except (Failed, OSError):
                _clear(plan)
                raise
            fcntl.flock(holders, fcntl.LOCK_SH)
        # The holder may have ended while the server started; then the pipe is closed at both ends.
        with contextlib.suppress(BrokenPipeError):
            os.write(sys.stdout.fileno(), b"ready\n")
        while not released.within(1.0):
            if postmaster(plan.data) is None:
                with _turn(plan), contextlib.suppress(Failed, OSError):
                    _start(plan)
        with _turn(plan):
            if _is_the_last(holders):
                _stop(plan)


class _Release:
    """The end of the holder, or a signal that asks this process to end."""

    def __init__(self) -> None:
        self._signalled, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: None)

    def within(self, seconds: float) -> bool:
        return bool(select.select([sys.stdin, self._signalled], [], [], seconds)[0])


def _circumstances(plan: Plan) -> dict[str, Any]:
    # PGPORT and its like are meant for some other server.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
    identity = {"user": plan.uid, "group": plan.gid, "extra_groups": []}
    return {
        "env": environment | {"LC_ALL": "C"},
        "cwd": "/",
        **(identity if os.geteuid() == 0 else {}),
    }


def _make_folders(plan: Plan) -> None:
    for folder in {plan.home, plan.socket}:
        for parent in reversed(Path(folder).parents):
            if not parent.exists():
                parent.mkdir()
                if os.geteuid() == 0:
                    # The server's user has to get through, whatever root's umask says.
                    parent.chmod(0o755)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if os.lstat(folder).st_uid not in (os.geteuid(), plan.uid) or os.path.islink(folder):
            raise Failed(f"{folder} belongs to somebody else")
        if os.geteuid() == 0:
            os.chown(folder, plan.uid, plan.gid)
        # The only guard of a socket that asks for no password.
        os.chmod(folder, 0o700)


@contextlib.contextmanager
def _turn(plan: Plan) -> Iterator[None]:
    with plan.turn.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_the_last(holders: IO[str]) -> bool:
    try:
        fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start(plan: Plan) -> None:
    """Start the server if it is down; then wait, for a crash may take long to recover from."""
    launched: subprocess.Popen[bytes] | None = None
    while (running := postmaster(plan.data)) is None or not running.answers:
        if running is None and launched is None:
            launched = _launch(plan)
        elif launched and launched.poll() is not None:
            raise Failed(plan.log.read_text()[-1500:])
        time.sleep(0.02)


def _launch(plan: Plan) -> subprocess.Popen[bytes]:
    if not plan.data.exists():
        _initdb(plan)
    _bury_the_dead(plan)
    if plan.log.exists() and plan.log.stat().st_size > LARGEST_LOG:
        plan.log.replace(f"{plan.log}.1")
    settings = [f"--{name}={text}" for name, text in _settings(plan).items()]
    # Not by pg_ctl: it hands its arguments to a shell without quotes that hold.
    with plan.log.open("ab") as log:
        return subprocess.Popen(
            [f"{plan.bin}/postgres", "-D", str(plan.data), *settings],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **_circumstances(plan),
        )


def _stop(plan: Plan) -> None:
    if running := postmaster(plan.data):
        os.kill(running.pid, signal.SIGINT if plan.durable else signal.SIGQUIT)
    while postmaster(plan.data):
        time.sleep(0.02)
    _bury_the_dead(plan)
    _clear(plan)


def _clear(plan: Plan) -> None:
    if not plan.keep:
        shutil.rmtree(plan.home, ignore_errors=True)
    if plan.socket != plan.home:
        shutil.rmtree(plan.socket, ignore_errors=True)


def _initdb(plan: Plan) -> None:
    """In another folder first: a cluster that was made by half must not look like one."""
    unfinished = plan.data.with_name(f"unfinished-{plan.data.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    arguments = ["-D", str(unfinished), "-U", "postgres", "-A", "trust", "--encoding=UTF8"]
    run(plan, "initdb", *arguments, *_locale(plan.major), *([] if plan.durable else ["--no-sync"]))
    unfinished.rename(plan.data)


def _locale(major: int) -> list[str]:
    """Sorts alike on every machine, and still knows that É is a letter."""
    if major >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    for name in ("C.UTF-8", "en_US.UTF-8"):
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, name)
            return ["--locale=C", "--lc-collate=C", f"--lc-ctype={name}"]
    return ["--locale=C"]


def _settings(plan: Plan) -> dict[str, str]:
    libraries = Path(run(plan, "pg_config", "--pkglibdir").strip())
    settings = SAFE | {"unix_socket_directories": f'"{plan.socket}"'}
    preload = [
        name
        for name in ("pg_cron", "pg_stat_statements")
        if any((libraries / f"{name}.{suffix}").exists() for suffix in ("so", "dylib"))
    ]
    if preload:
        settings["shared_preload_libraries"] = ",".join(preload)
    if "pg_cron" in preload:
        settings |= {"cron.host": plan.socket, "cron.database_name": "postgres"}
    return settings if plan.durable else settings | FAST


def _bury_the_dead(plan: Plan) -> None:
    """Make way for a start after a postmaster was killed.

    Its children end by themselves unless they are busy. Its files name a process that somebody
    else may have by now, before which PostgreSQL would shrink back. The rest of postmaster.pid
    stays, for by it PostgreSQL sees whether a child still has the shared memory.
    """
    deadline = time.monotonic() + 5
    while orphans := _servers_on(plan.data):
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.02)
    Path(plan.socket, ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    file = plan.data / "postmaster.pid"
    if file.exists():
        _, _, rest = file.read_text().partition("\n")
        with file.open("r+") as rewritten:
            rewritten.write(f"{NO_PROCESS}\n{rest}")
            rewritten.truncate()


def _servers_on(data: Path) -> list[int]:
    """Postgres processes whose working folder is ``data``; none to be seen without /proc."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if _is_postgres(pid) and _works_in(pid, data)]


def _is_postgres(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False


def _works_in(pid: int, folder: Path) -> bool:
    """Whether the process lives and has ``folder`` as its working folder, as every server has."""
    if os.path.exists("/proc/self/cwd"):
        try:
            return os.readlink(f"/proc/{pid}/cwd") == str(folder)
        except OSError:
            return False
    command = ["ps", "-p", str(pid), "-o", "command="]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return str(folder) in asked.stdout


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    try:
        main(Plan(**given))
    except (Failed, OSError) as failed:
        print(failed, flush=True)
        sys.exit(1)
