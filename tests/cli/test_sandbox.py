"""``autom sandbox``: the stand-ins in the foreground."""

from __future__ import annotations

import json
import signal

import httpx
import pytest

from cli import exits
from tests.fixtures.cli import autom, begun


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_when_told(ending: signal.Signals) -> None:
    with begun("sandbox", "--port", "0") as command:
        assert command.stdout
        printed = [command.stdout.readline().rstrip("\n").split("\t") for _ in range(4)]
        address = dict(printed)["url"]
        assert httpx.get(f"{address}/_control/violations").json() == []
        assert dict(printed)["shopify"] == f"{address}/shopify/{{account}}"

        command.send_signal(ending)
        _, said = command.communicate(timeout=30)
    assert (command.returncode, said.splitlines()[-1]) == (exits.OK, "Stopped.")
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_a_port_that_is_taken_is_said() -> None:
    with begun("sandbox", "--port", "0", "--json", "--quiet") as command:
        assert command.stdout
        lines = iter(command.stdout.readline, "}\n")
        port = json.loads("".join(lines) + "}")["url"].rpartition(":")[2]
        second = autom("sandbox", "--port", port)
    assert (second.code, second.out) == (exits.FAILED, "")
    assert "The sandbox did not start." in second.err
    assert "take --port 0 for a free port" in second.err
