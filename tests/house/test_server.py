"""The embedded Postgres: whoever starts it, wherever it lives, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from db import server as servers
from db.server import Server, Unavailable
from tests.fixtures.required import need
from tests.fixtures.wait import until

PLAIN_USER = 65534

HOLD = """
import os, sys
from db.server import Server
home, user = sys.argv[1], int(sys.argv[2])
if user != os.geteuid():
    os.setgroups([]), os.setgid(user), os.setuid(user)
    sys.executable = "/usr/bin/python3"
server = Server(home).start()
print(server.url(), flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True)
class Holder:
    """A process that holds a server, and the server's URL."""

    process: subprocess.Popen[str]
    url: str

    def leave(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def hold(home: Path, user: int | None = None, **environment: str) -> Holder:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home), str(os.geteuid() if user is None else user)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
        env=os.environ | environment,
    )
    assert process.stdout
    return Holder(process, process.stdout.readline().strip())


# None of these folders is in pytest's own: as root, the server's user must reach them.


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A cluster that was started once: others are copies of it."""
    folder = Path(f"/tmp/autom made {os.getpid()}")
    with Server(folder) as server:
        execute(server.url(), "create table kept (n integer)")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def home(made: Path) -> Iterator[Path]:
    folder = Path(f"/tmp/autom house {os.getpid()}")
    subprocess.run(["cp", "-a", str(made), str(folder)], check=True)
    yield folder
    until(lambda: not processes_of(folder))
    shutil.rmtree(folder)


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement.encode())


def kept(url: str) -> list[int]:
    with psycopg.connect(url) as conn:
        return [n for (n,) in conn.execute("select n from kept order by n").fetchall()]


def processes_of(home: Path) -> list[str]:
    """What runs for ``home``: keepers name it in their arguments, servers work in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_text().replace("\0", " ")
            folder = os.readlink(process / "cwd")
        except OSError:
            continue
        if str(home) in arguments or folder.startswith(str(home)):
            found.append(f"{process.name} {arguments}")
    return [line for line in found if "pytest" not in line]


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param("with spaces", id="a path with spaces"),
        pytest.param('quote\'s "and" é', id="a path with quotes and an accent"),
        pytest.param("a,comma 100%", id="a path with what a URL and a list of hosts part by"),
        pytest.param("long" * 30, id="a path longer than a socket's may be"),
    ],
)
def test_it_runs_on(folder: str) -> None:
    home = Path("/tmp") / f"autom-{os.getpid()}" / folder
    try:
        with Server(home) as server:
            execute(server.url(), "create table kept (n integer)")
            execute(server.url(), "insert into kept values (1)")
        with Server(home) as server:
            assert kept(server.url()) == [1]
        assert not processes_of(home)
    finally:
        shutil.rmtree(home.parent)


def test_a_plain_user_starts_it(made: Path) -> None:
    need("plain_user", os.geteuid() == 0, "the whole suite runs as a plain user already")
    need("plain_user", os.path.exists("/usr/bin/python3"), "a Python that it can reach")
    copied = Server(made).bin.is_relative_to(servers.ROOT_STATE)
    need("plain_user", not copied, "a PostgreSQL that it can reach")
    home = Path(f"/tmp/autom plain {os.getpid()}")
    home.mkdir()
    os.chown(home, PLAIN_USER, PLAIN_USER)
    holder = hold(home, PLAIN_USER)
    execute(holder.url, "select 1")
    assert home.stat().st_uid == PLAIN_USER
    holder.leave()
    assert not processes_of(home)
    shutil.rmtree(home)


def test_roots_umask_does_not_shut_the_servers_user_out() -> None:
    need("root", os.geteuid() == 0, "only root runs the server as somebody else")
    above = Path(f"/tmp/autom umask {os.getpid()}")
    before = os.umask(0o077)
    try:
        with Server(above / "deep" / "home") as server:
            assert answers(server.url())
            assert server.home.is_relative_to(above)
    finally:
        os.umask(before)
        shutil.rmtree(above)


def test_root_gives_it_to_another_user(home: Path) -> None:
    need("root", os.geteuid() == 0, "only root must hand the server to somebody else")
    with Server(home) as server:
        assert server.pid
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0


def test_a_folder_that_the_servers_user_cannot_reach_gets_another_place(tmp_path: Path) -> None:
    need("root", os.geteuid() == 0, "only root runs the server as somebody else")
    tmp_path.chmod(0o700)
    with Server(tmp_path / "home") as server:
        execute(server.url(), "select 1")
        assert server.home.parent == servers.ROOT_STATE
    shutil.rmtree(server.home)


def test_two_run_side_by_side(home: Path) -> None:
    with Server(home) as one, servers.temporary() as other:
        execute(one.url(), "insert into kept values (1)")
        execute(other.url(), "create table kept (n integer)")
        assert (kept(one.url()), kept(other.url())) == ([1], [])


def test_the_settings_of_another_server_do_not_confuse_it(home: Path) -> None:
    holder = hold(home, PGHOST="nowhere.invalid", PGPORT="1", PGDATABASE="none", PGUSER="nobody")
    assert kept(holder.url) == []
    holder.leave()


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(signal.SIGKILL, id="kill -9"),
        pytest.param(signal.SIGTERM, id="kill"),
        pytest.param(signal.SIGINT, id="Ctrl-C"),
    ],
)
def test_nothing_is_left_and_nothing_lost_after(ending: signal.Signals, home: Path) -> None:
    holder = hold(home)
    execute(holder.url, "insert into kept values (7)")
    os.killpg(holder.process.pid, ending)
    holder.process.wait()
    until(lambda: not processes_of(home))
    with Server(home) as server:
        assert kept(server.url()) == [7]


def test_a_killed_postmaster_comes_back(home: Path) -> None:
    with Server(home) as server:
        execute(server.url(), "insert into kept values (1)")
        first = server.pid
        assert first
        os.kill(first, signal.SIGKILL)
        until(lambda: server.pid not in (None, first))
        until(lambda: answers(server.url()))
        assert kept(server.url()) == [1]
    assert not processes_of(home)


def test_holder_and_postmaster_killed_together_leave_nothing(home: Path) -> None:
    holder = hold(home)
    execute(holder.url, "insert into kept values (1)")
    busy = psycopg.connect(holder.url)
    busy.execute("begin")
    postmaster = Server(home).pid
    assert postmaster
    os.kill(postmaster, signal.SIGKILL)
    holder.process.kill()
    holder.process.wait()
    until(lambda: not processes_of(home))
    with Server(home) as server:
        assert kept(server.url()) == [1]


def test_children_that_are_still_busy_do_not_hinder_the_next_start(home: Path) -> None:
    with Server(home) as server:
        busy = psycopg.connect(server.url(), autocommit=True)
        busy.execute(
            "create function spin() returns void language plpgsql as "
            "'begin for i in 1..2000000000 loop null; end loop; end'"
        )
        busy.pgconn.send_query(b"select spin()")
        first = server.pid
        assert first
        os.kill(first, signal.SIGKILL)
        until(lambda: server.pid not in (None, first))
        until(lambda: answers(server.url()))


def test_a_pid_file_may_name_somebody_elses_process(home: Path) -> None:
    """After a restart of the machine, a killed server's process id belongs to another program."""
    server = Server(home).start()
    file = server.home / f"pg{server.major}" / "postmaster.pid"
    left = file.read_text()
    server.stop()
    other = subprocess.Popen(["sleep", "60"], **identity_of(file.parent))
    _, _, rest = left.partition("\n")
    file.write_text(f"{other.pid}\n{rest}")
    os.chown(file, file.parent.stat().st_uid, file.parent.stat().st_gid)
    with Server(home) as server:
        assert kept(server.url()) == []
    assert other.poll() is None
    other.kill()
    other.wait()


def test_who_leaves_last_stops_it(home: Path) -> None:
    one, other = hold(home), hold(home)
    one.leave()
    execute(other.url, "insert into kept values (1)")
    assert kept(other.url) == [1]
    other.leave()
    assert not processes_of(home)


def test_many_may_start_it_at_once(home: Path) -> None:
    holders = [hold(home) for _ in range(4)]
    assert len({holder.url for holder in holders}) == 1
    for holder in holders:
        assert answers(holder.url)
        holder.leave()
    assert not processes_of(home)


def test_a_cluster_that_was_made_by_half_is_made_anew() -> None:
    with servers.temporary() as first:
        major = first.major
    home = Path(f"/tmp/autom half {os.getpid()}")
    (home / f"unfinished-pg{major}").mkdir(parents=True)
    (home / f"unfinished-pg{major}" / "PG_VERSION").write_text(str(major))
    with Server(home) as server:
        assert answers(server.url())
    shutil.rmtree(home)


def test_the_roles_that_serve_may_log_in(home: Path) -> None:
    with Server(home) as server:
        for role in servers.SERVING_ROLES:
            with psycopg.connect(server.url(user=role)) as conn:
                assert conn.execute("select current_user").fetchone() == (role,)


@pytest.mark.parametrize(
    ("programs", "data", "said"),
    [
        pytest.param("/nowhere", None, "There is no PostgreSQL 15 or newer", id="no PostgreSQL"),
        pytest.param(None, 14, "made by PostgreSQL 14, which is not here", id="another's data"),
    ],
)
def test_it_says_why_it_cannot_run(
    programs: str | None,
    data: int | None,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tmp_path.chmod(0o755)
    if programs:
        monkeypatch.setenv("AUTOM_PG_BIN", programs)
    if data:
        home = Path(f"/tmp/autom old {os.getpid()}")
        (home / f"pg{data}").mkdir(parents=True)
        (home / f"pg{data}" / "PG_VERSION").write_text(str(data))
    with pytest.raises(Unavailable, match=said):
        Server(home if data else tmp_path)
    if data:
        shutil.rmtree(home)


def answers(url: str) -> bool:
    try:
        execute(url, "select 1")
    except psycopg.OperationalError:
        return False
    return True


def identity_of(path: Path) -> dict[str, int]:
    if os.geteuid():
        return {}
    owner = path.stat()
    return {"user": owner.st_uid, "group": owner.st_gid}
