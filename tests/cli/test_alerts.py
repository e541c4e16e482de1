"""``autom alerts``, with a worker that is a process of its own."""

from __future__ import annotations

import os
import subprocess

import pytest

from db.call import value
from db.database import connect
from tests.fixtures.accounts import KEY
from tests.fixtures.alerts import rule, watch, wrong
from tests.fixtures.cli import AUTOM, autom
from tests.fixtures.wait import until

SECRET = "https://hooks.slack.com/services/secret"
MAIL = ["channel", "ops", "--mail", "AUTOM_ALERT_MAIL_URL", "--from", "a@b"]


@pytest.fixture
def worker(database, sandbox, mail_server, certificate):
    """A worker that serves alerts, and the environment that it was given."""
    server = mail_server("starttls")
    environment = {
        "AUTOM_ALERT_SLACK_URL": sandbox.open("slack", "ops")["webhook_url"],
        "AUTOM_ALERT_MAIL_URL": server.url("smtp", "user:p%3Ass@"),
        "SSL_CERT_FILE": str(certificate),
        "AUTOM_SECRET_KEYS": KEY,
        "AUTOM_DATABASE_URL": database,
    }
    process = subprocess.Popen(
        [AUTOM, "work", "--queue", "alerts"],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    yield server
    process.terminate()
    _, said = process.communicate(timeout=30)
    for secret in ("/slack/services", "p%3Ass", "p:ss"):
        assert secret not in said, said


def channels(database: str) -> None:
    slack = autom("alerts", "channel", "ops", "--slack", "AUTOM_ALERT_SLACK_URL", database=database)
    assert slack.code == 0, slack.err
    mail = autom(
        *("alerts", "channel", "mail", "--mail", "AUTOM_ALERT_MAIL_URL"),
        *("--from", "autom@example.com", "--to", "ann@example.com"),
        database=database,
    )
    assert mail.code == 0, mail.err


def test_an_alert_reaches_slack_and_mail(database, sandbox, worker):
    channels(database)
    with connect(database) as conn:
        rule(conn, "old_ready", severity="critical", clear_after="0")
        wrong(conn, "shopify")
        watch(conn)
        until(lambda: worker.mails and sandbox.state("slack")["messages"])
        (message,) = sandbox.state("slack")["messages"]
        assert message["text"] == "AutoM: critical: old_ready, shopify"
        (mail,) = worker.mails
        assert mail["Subject"] == "AutoM: critical: old_ready, shopify"
        assert "shopify is wrong." in mail.get_content()
        listed = autom("alerts", "ls", database=database)
        (row,) = listed.rows
        assert (row["rule"], row["about"], row["state"]) == ("old_ready", "shopify", "open")

        wrong(conn)
        watch(conn)
        until(lambda: len(worker.mails) == 2 and len(sandbox.state("slack")["messages"]) == 2)
        assert worker.mails[1]["Subject"] == "AutoM: over: old_ready, shopify"
    assert autom("alerts", "ls", database=database).rows == []
    assert len(autom("alerts", "ls", "--all", database=database).rows) == 1


def test_a_channel_that_works_says_so(database, sandbox, worker):
    channels(database)
    done = autom("alerts", "test", "ops", database=database)
    assert (done.out, done.err) == ("ops was told.\n", "")
    assert autom("alerts", "test", "mail", database=database).out == "mail was told.\n"
    assert worker.mails[0]["Subject"] == "AutoM: a test"


def test_a_channel_that_does_not_work_says_why(database, sandbox, worker):
    channels(database)
    sandbox.fault("slack", "no_service")
    done = autom("alerts", "test", "ops", database=database)
    assert (done.code, done.out) == (1, "")
    assert "ops was not told." in done.err
    assert "404: no_service" in done.err


def test_without_a_worker_a_test_says_that_nobody_tried(database):
    channels(database)
    done = autom("alerts", "test", "ops", "--wait", "0.5", database=database)
    assert done.code == 8
    assert "autom jobs show" in done.err


def test_silence_and_its_end(database):
    with connect(database) as conn:
        rule(conn)
        wrong(conn, "a")
        watch(conn)
    (row,) = autom("alerts", "ls", database=database).rows
    done = autom(
        *("alerts", "silence", row["alert_id"], "--until", "2h", "--reason", "known"),
        database=database,
    )
    assert (done.rows[0]["state"], done.rows[0]["silenced_why"]) == ("silenced", "known")
    done = autom("alerts", "silence", row["alert_id"], "--end", database=database)
    assert done.rows[0]["state"] == "open"
    done = autom("alerts", "silence", "test_rule", "--until", "2h", database=database)
    assert done.rows[0]["silenced_until"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["silence", "12", "--until", "2h"], 3, id="an alert that is not there"),
        pytest.param(["silence", "none", "--until", "2h"], 3, id="a rule that is not there"),
        pytest.param(["silence", "12"], 2, id="a silence without an end"),
        pytest.param(["test", "none"], 3, id="a channel that is not there"),
        pytest.param(["channel", "ops"], 2, id="a channel of no kind"),
        pytest.param(["channel", "ops", "--slack", "HOME"], 2, id="a setting of somebody else"),
        pytest.param(["channel", "ops", "--slack", SECRET], 2, id="a webhook that was pasted"),
        pytest.param(["channel", "ops", "--mail", SECRET], 2, id="a server that was pasted"),
        pytest.param(["channel", "ops", "--mail", "AUTOM_ALERT_X"], 2, id="a mail of nobody"),
        pytest.param([*MAIL, "--to", "a@b", "--at-least", "grave"], 6, id="a severity of nobody"),
        pytest.param([*MAIL, "--to", "y"], 6, id="a mail to what is no address"),
        pytest.param([*MAIL, "--to", "c@d\nBcc: e@f"], 6, id="a mail with a header more"),
    ],
)
def test_refusals(database, arguments, code):
    done = autom("alerts", *arguments, database=database)
    assert (done.code, done.out) == (code, "")
    assert "services/secret" not in done.err
    assert "Failing row" not in done.err


def test_every_verb_says_its_sql(database):
    said = autom("alerts", "silence", "12", "--end", "--sql", database=database)
    assert said.out == "select * from jobs.silence_alert(p_alert_id => 12, p_until => NULL);\n"
    with connect(database) as conn:
        assert value(conn, "jobs._watch") >= 0
