"""Starts the sandbox: ``python -m sandbox.run --port 8600``, or ``start()`` for a process of its
own that ends with this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from sandbox import CHECKOUT, base_urls


class NotStarted(Exception):
    """The sandbox ended before it was ready; the message is what it said."""


@dataclass
class Running:
    """A sandbox process. ``url`` has no slash at its end."""

    url: str
    process: subprocess.Popen[bytes]

    def base_url(self, service: str, account: str = "") -> str:
        """Where a connection to ``service`` points; ``account`` is a shop's domain."""
        return base_urls(self.url)[service].replace("{account}", account)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()


def start(port: int = 0, environment: dict[str, str] | None = None, held: bool = True) -> Running:
    """A sandbox in a process of its own, ready to be asked. Port 0 takes a free one.

    One that is not ``held`` goes on when this process has ended. Raises NotStarted with its own
    words when it cannot start.
    """
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sandbox.run", "--port", str(port)),
            *(["--until-stdin-closes"] if held else []),
        ],
        stdin=subprocess.PIPE if held else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CHECKOUT,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    if not line:
        process.wait()
        raise NotStarted(process.stderr.read().decode().strip())
    threading.Thread(target=pass_on, args=[process.stderr], daemon=True).start()
    return Running(json.loads(line)["url"], process)


def pass_on(said: IO[bytes]) -> None:
    """What the process complains of is for whoever started it."""
    for line in said:
        sys.stderr.write(line.decode(errors="replace"))


if __name__ == "__main__":
    from sandbox.serve import main

    main()
