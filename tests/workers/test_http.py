"""What the one HTTP client makes of answers and of no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.workers.connections import sealed
from workers import http as http_module
from workers.credentials import Credentials
from workers.http import Stop, client, handler, retry_after, send, told
from workers.outcome import Done, GiveUp, Outcome, TryLater, Unknown

SECRETS = {"access": "shpat_secret", "refresh": "pinr.secret", "client_secret": "shpss_secret"}
CREDENTIALS = Credentials(
    service="shopify", account="one", base_url="http://127.0.0.1:9", seal=sealed, **SECRETS
)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="nothing is said"),
        pytest.param({"retry-after": "7"}, 7.0, id="whole seconds"),
        pytest.param({"retry-after": "2.0"}, 2.0, id="seconds with a point"),
        pytest.param({"retry-after": " 1.5 "}, 1.5, id="spaces around"),
        pytest.param({"retry-after": "0"}, 0.0, id="at once"),
        pytest.param({"retry-after-ms": "250", "retry-after": "9"}, 0.25, id="milliseconds"),
        pytest.param(
            {
                "retry-after": "Fri, 20 Nov 2026 12:00:30 GMT",
                "date": "Fri, 20 Nov 2026 12:00:00 GMT",
            },
            30.0,
            id="a date, measured by the answer's own",
        ),
        pytest.param(
            {
                "retry-after": "Fri, 20 Nov 2026 11:00:00 GMT",
                "date": "Fri, 20 Nov 2026 12:00:00 GMT",
            },
            0.0,
            id="a date that is over",
        ),
        pytest.param({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, None, id="a date alone"),
        pytest.param({"retry-after": "soon"}, None, id="no number and no date"),
        pytest.param({"retry-after": "-3"}, None, id="a negative number"),
        pytest.param({"retry-after": "inf"}, None, id="for ever"),
        pytest.param({"retry-after": "nan"}, None, id="not a number"),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(httpx.Headers(headers)) == seconds


def test_a_reason_holds_no_secret_and_is_short() -> None:
    reason = f"got {SECRETS['access']}, {SECRETS['refresh']} and {SECRETS['client_secret']}" * 50
    shown = told(reason, CREDENTIALS)
    assert not any(secret in shown for secret in SECRETS.values())
    assert len(shown) == 500


@pytest.mark.parametrize(
    "outcome",
    [
        TryLater(1.0, "The shop said shpat_secret.", "throttled", pause_key=True),
        GiveUp("The shop said shpat_secret.", "invalid_request"),
        Unknown("The shop said shpat_secret."),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
@pytest.mark.parametrize("raised", [True, False], ids=["stopped", "returned"])
async def test_what_a_handler_ends_with_holds_no_secret(outcome: Outcome, raised: bool) -> None:
    @handler
    async def ends(
        request: Mapping[str, Any], credentials: Credentials, http: httpx.AsyncClient
    ) -> Outcome:
        if raised:
            raise Stop(outcome)
        return outcome

    async with client() as http:
        shown = await ends({}, CREDENTIALS, http)
    assert "shpat_secret" not in repr(shown)
    assert "The shop said …." in repr(shown)
    assert type(shown) is type(outcome)


async def listening(reply: bytes | None) -> tuple[asyncio.Server, str]:
    """A server that takes the request, then says ``reply`` and hangs up; None: keeps silent."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if reply is None:
            await reader.read()
        else:
            writer.write(reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        pytest.param(None, "timeout", id="silence"),
        pytest.param(b"", "server_error", id="a connection that is cut"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "server_error", id="half"
        ),
        pytest.param(b"nonsense\r\n\r\n", "server_error", id="no HTTP"),
    ],
)
@pytest.mark.parametrize("repeatable", [True, False])
async def test_no_answer(reply: bytes | None, code: str, repeatable: bool) -> None:
    server, url = await listening(reply)
    async with server, client() as http:
        with pytest.raises(Stop) as stop:
            await send(http, "POST", url, repeatable=repeatable, timeout=0.3)
    outcome = stop.value.outcome
    assert type(outcome) is (TryLater if repeatable else Unknown)
    assert isinstance(outcome, TryLater | Unknown)
    assert outcome.code == code


async def test_what_was_never_sent_may_always_be_sent_again() -> None:
    server, url = await listening(b"")
    server.close()
    await server.wait_closed()
    async with client() as http:
        with pytest.raises(Stop) as stop:
            await send(http, "POST", url, repeatable=False)
    assert isinstance(stop.value.outcome, TryLater)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        pytest.param("http://one:port/", {}, id="an address that is none"),
        pytest.param("http://127.0.0.1:9/", {"x": "tökén"}, id="a token that no header takes"),
    ],
)
async def test_what_cannot_be_sent_is_given_up(url: str, headers: dict[str, str]) -> None:
    async with client() as http:
        with pytest.raises(Stop) as stop:
            await send(http, "POST", url, headers=headers)
    assert isinstance(stop.value.outcome, GiveUp)
    assert "tökén" not in repr(stop.value.outcome)


async def test_no_log_line_holds_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server, url = await listening(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
    async with server, client() as http:
        await send(http, "GET", url, headers={"Authorization": "Bearer shpat_secret"})
    assert caplog.records
    assert "shpat_secret" not in caplog.text


def test_the_client_repeats_nothing_and_follows_nothing() -> None:
    assert client().follow_redirects is False
    assert http_module.TIMEOUT.as_dict().keys() == {"connect", "read", "write", "pool"}
    assert None not in http_module.TIMEOUT.as_dict().values()


def test_outcomes_are_what_settle_takes() -> None:
    assert Done({"a": 1}).to_json()["outcome"] == "done"
    assert TryLater(None, "x", pause_key=True).to_json()["pause_key"] is True
