"""Slack and mail: what each answer means, what arrives, and that no secret is ever told."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.fixtures.mail import AWAY
from workers import alerts
from workers.outcome import Done, GiveUp, TryLater, Unknown

SLACK = {
    "url_from": "AUTOM_ALERT_SLACK_URL",
    "text": "AutoM: warning: old_ready, shopify",
    "blocks": [
        {"type": "header", "text": {"type": "plain_text", "text": "AutoM: warning"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "It has waited."}},
    ],
}
MAIL = {
    "url_from": "AUTOM_ALERT_MAIL_URL",
    "from": "autom@example.com",
    "to": ["ops@example.com", "ann@example.com"],
    "subject": "AutoM: kritisch: größer als erwartet",
    "text": "Zu groß.\n.\nNoch eine Zeile.",
    "date": "Fri, 20 Nov 2026 10:00:00 +0000",
    "message_id": 261120000000042,
}


@pytest.fixture
def hook(sandbox, monkeypatch):
    url = sandbox.open("slack", "ops")["webhook_url"]
    monkeypatch.setenv("AUTOM_ALERT_SLACK_URL", url)
    return url


async def slack(http, **changed):
    return await alerts.send_slack({**SLACK, **changed}, None, http)


async def mail(http, **changed):
    return await alerts.send_mail({**MAIL, **changed}, None, http)


# Slack


async def test_a_message_arrives_in_slack(sandbox, hook, http):
    assert await slack(http) == Done({})
    (message,) = sandbox.state("slack")["messages"]
    assert (message["channel"], message["text"]) == ("ops", SLACK["text"])


@pytest.mark.parametrize(
    ("fault", "options", "outcome"),
    [
        pytest.param(
            "429",
            {"retry_after": "7"},
            TryLater(7, "Slack answered 429: rate_limited", "throttled", pause_key=True),
            id="too many: the whole channel waits as long as Slack says",
        ),
        pytest.param(
            "500",
            {},
            TryLater(None, "Slack answered 500: rollup_error", "server_error"),
            id="a fault of Slack's own is tried again",
        ),
        pytest.param(
            "no_service",
            {},
            GiveUp("Slack answered 404: no_service", "not_found"),
            id="a webhook that was removed is final",
        ),
        pytest.param(
            "channel_is_archived",
            {},
            GiveUp("Slack answered 410: channel_is_archived", "not_found"),
            id="an archived channel is final",
        ),
        pytest.param(
            "action_prohibited",
            {},
            GiveUp("Slack answered 403: action_prohibited", "unauthorized"),
            id="what an admin forbids is final",
        ),
        pytest.param(
            "effect_then_timeout",
            {},
            Unknown("No answer: RemoteProtocolError.", "server_error"),
            id="a message without an answer may have arrived",
        ),
    ],
)
async def test_what_slack_answers(sandbox, hook, http, fault, options, outcome):
    sandbox.fault("slack", fault, **options)
    assert await slack(http) == outcome


async def test_a_message_that_slack_does_not_take_is_final(sandbox, hook, http):
    answer = await slack(http, blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": ""}}])
    assert answer == GiveUp("Slack answered 400: invalid_blocks", "invalid_request")
    assert sandbox.seen() == [
        "slack post_message: blocks[0].text: not 1 to 3000 characters",
    ]


async def test_a_burst_beyond_slacks_rate_is_told_to_wait(sandbox, hook, http):
    outcomes = [await slack(http) for _ in range(6)]
    assert outcomes[:5] == [Done({})] * 5
    assert isinstance(outcomes[5], TryLater) and outcomes[5].pause_key


# Where to


@pytest.mark.parametrize(
    ("send", "setting", "text", "outcome"),
    [
        pytest.param(
            slack,
            "AUTOM_ALERT_SLACK_URL",
            None,
            TryLater(None, "This worker has no AUTOM_ALERT_SLACK_URL.", "no_setting"),
            id="a worker without the setting leaves it to another",
        ),
        pytest.param(
            slack,
            "AUTOM_ALERT_SLACK_URL",
            "http://hooks.slack.com/services/secret",
            GiveUp("AUTOM_ALERT_SLACK_URL is no https URL.", "invalid_request"),
            id="a webhook is not called in clear",
        ),
        pytest.param(
            slack,
            "AUTOM_ALERT_SLACK_URL",
            "secret",
            GiveUp("AUTOM_ALERT_SLACK_URL is no URL of https or http.", "invalid_request"),
            id="a setting that is no URL is not told",
        ),
        pytest.param(
            mail,
            "AUTOM_ALERT_MAIL_URL",
            "smtp://user:secret@host:port",
            GiveUp("AUTOM_ALERT_MAIL_URL is no URL of smtps or smtp.", "invalid_request"),
            id="a port that is no number is not told",
        ),
    ],
)
async def test_settings(http, monkeypatch, send, setting, text, outcome):
    monkeypatch.delenv(setting, raising=False)
    if text:
        monkeypatch.setenv(setting, text)
    assert await send(http) == outcome


async def test_no_other_setting_is_read(http, monkeypatch):
    monkeypatch.setenv("AUTOM_SECRET_KEYS", "https://example.com")
    outcome = await slack(http, url_from="AUTOM_SECRET_KEYS")
    assert outcome == GiveUp("AUTOM_SECRET_KEYS is no setting of alerts.", "invalid_request")


# Mail


@pytest.mark.parametrize(
    ("tls", "host", "scheme", "encrypted"),
    [
        pytest.param("smtps", AWAY, "smtps", True, id="TLS from the first byte"),
        pytest.param("starttls", AWAY, "smtp", True, id="STARTTLS"),
        pytest.param("starttls", "127.0.0.1", "smtp", True, id="STARTTLS to this machine too"),
        pytest.param("none", "127.0.0.1", "smtp", False, id="in clear to this machine only"),
    ],
)
async def test_a_mail_arrives(mail_server, http, monkeypatch, tls, host, scheme, encrypted):
    server = mail_server(tls, host)
    monkeypatch.setenv("AUTOM_ALERT_MAIL_URL", server.url(scheme))
    assert await mail(http) == Done({"refused": []})
    (got,) = server.mails
    assert (got["Subject"], got["Message-ID"], got["Auto-Submitted"]) == (
        MAIL["subject"],
        "<autom.261120000000042@example.com>",
        "auto-generated",
    )
    assert got.get_content().replace("\r\n", "\n").rstrip() == MAIL["text"]
    assert server.to == [MAIL["to"]]
    assert server.encrypted == [encrypted]


async def test_nothing_goes_in_clear_to_another_machine(mail_server, http, monkeypatch):
    server = mail_server("none", AWAY)
    monkeypatch.setenv("AUTOM_ALERT_MAIL_URL", server.url("smtp", "user:p%3Ass@"))
    outcome = await mail(http)
    assert isinstance(outcome, GiveUp) and "STARTTLS" in outcome.reason
    assert (server.mails, server.logins) == ([], [])


async def test_a_certificate_that_nobody_trusts_is_no_connection(mail_server, http, monkeypatch):
    server = mail_server()
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("AUTOM_ALERT_MAIL_URL", server.url("smtps", "user:p%3Ass@"))
    outcome = await mail(http)
    assert outcome == TryLater(None, "No connection: SSLCertVerificationError.", "server_error")
    assert server.logins == []


async def test_a_login(mail_server, http, monkeypatch):
    server = mail_server("starttls")
    monkeypatch.setenv("AUTOM_ALERT_MAIL_URL", server.url("smtp", "us%40er:p%3Ass@"))
    assert await mail(http) == Done({"refused": []})
    assert server.logins == [("us@er", "p:ss")]


async def test_a_refused_login_is_final_and_tells_no_password(mail_server, http, monkeypatch):
    server = mail_server("starttls")
    monkeypatch.setenv("AUTOM_ALERT_MAIL_URL", server.url("smtp", "user:wrong-secret@"))
    outcome = await mail(http)
    assert isinstance(outcome, GiveUp)
    assert outcome.code == "unauthorized"
    assert "wrong-secret" not in outcome.reason


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        pytest.param(
            {"MAIL": "451 busy"},
            TryLater(None, "The mail server answered 451: busy", "server_error"),
            id="a server that is busy is asked again",
        ),
        pytest.param(
            {"MAIL": "553 not you"},
            GiveUp("The mail server answered 553: not you", "invalid_request"),
            id="a sender that it does not want is final",
        ),
        pytest.param(
            {"ops@example.com": "550 no such user"},
            Done({"refused": ["ops@example.com"]}),
            id="one address of two that is wrong is told, and the other has it",
        ),
        pytest.param(
            {"ops@example.com": "550 no such user", "ann@example.com": "550 nor this"},
            GiveUp("The mail server answered 550: no such user", "invalid_request"),
            id="with no address left it is final",
        ),
        pytest.param(
            {"ops@example.com": "550 no such user", "ann@example.com": "450 later"},
            TryLater(None, "The mail server answered 450: later", "server_error"),
            id="with one that may be there later it is tried again",
        ),
        pytest.param(
            {"DATA": "452 full"},
            TryLater(None, "The mail server answered 452: full", "server_error"),
            id="a message that it cannot take now is tried again",
        ),
        pytest.param(
            {"DATA": "554 spam"},
            GiveUp("The mail server answered 554: spam", "invalid_request"),
            id="a message that it does not want is final",
        ),
        pytest.param(
            {"DATA": "hang up"},
            Unknown("No answer to the message: SMTPServerDisconnected.", "timeout"),
            id="a message without an answer may have arrived",
        ),
    ],
)
async def test_what_a_mail_server_answers(mail_server, http, monkeypatch, answers, outcome):
    server = mail_server()
    server.answers = answers
    monkeypatch.setenv("AUTOM_ALERT_MAIL_URL", server.url("smtps"))
    assert await mail(http) == outcome


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param(
            {"to": ["c@d\nBcc: e@f"]}, "The mail cannot be written", id="a line of its own"
        ),
        pytest.param(
            {"subject": "a\nBcc: e@f"}, "The mail cannot be written", id="a subject of two lines"
        ),
        pytest.param({"to": ["x@"]}, "The mail cannot be written", id="half an address"),
        pytest.param({"to": [None]}, "The mail cannot be written", id="no address"),
        pytest.param({"to": ["ä@example.com"]}, "cannot be told: Unicode", id="not in ASCII"),
    ],
)
async def test_what_cannot_be_written_is_final(mail_server, http, monkeypatch, changed, said):
    server = mail_server()
    monkeypatch.setenv("AUTOM_ALERT_MAIL_URL", server.url("smtps"))
    outcome = await mail(http, **changed)
    assert isinstance(outcome, GiveUp)
    assert said in outcome.reason
    assert server.mails == []


async def test_nobody_there_is_tried_again(http, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AUTOM_ALERT_MAIL_URL", f"smtp://127.0.0.1:{taken.getsockname()[1]}")
        outcome = await mail(http)
    assert outcome == TryLater(None, "No connection: ConnectionRefusedError.", "server_error")


async def test_a_server_that_says_nothing_holds_up_for_its_timeout_only(http, monkeypatch):
    monkeypatch.setattr(alerts, "SMTP_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        calls: list[object] = []
        threading.Thread(target=lambda: calls.append(silent.accept()), daemon=True).start()
        monkeypatch.setenv("AUTOM_ALERT_MAIL_URL", f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        outcome = await mail(http)
    assert outcome == TryLater(None, "No connection: SMTPServerDisconnected.", "server_error")
