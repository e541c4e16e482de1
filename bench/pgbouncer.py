"""A real PgBouncer in transaction mode, in front of a server on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

SETTINGS = """
[databases]
* = host={server} port=5432 user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_client_conn = 200
server_login_retry = 1
logfile = {folder}/log
"""


class PgBouncer:
    def __init__(self, url: str) -> None:
        """In front of the server of ``url``."""
        socket = Path(str(conninfo_to_dict(url)["host"]))
        self._folder = Path(tempfile.mkdtemp(prefix="autom-pgbouncer-"))
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(SETTINGS.format(server=socket, folder=self._folder))
        # The server's socket is for its own user only, and PgBouncer refuses to be root.
        shutil.chown(self._folder, socket.stat().st_uid)
        user = ["-u", socket.owner()] if os.geteuid() == 0 else []
        self._command = [str(PROGRAM), "-q", *user, str(settings)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def answers(self) -> bool:
        return (self._folder / ".s.PGSQL.6432").exists()

    def start(self) -> None:
        """Unless it runs."""
        if self._process and self._process.poll() is None:
            return
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, url: str) -> str:
        """The way to the same database that leads through here."""
        return make_conninfo(url, host=str(self._folder), port=6432)
