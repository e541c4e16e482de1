"""One alert for one thing: opened once, kept up to date, told once a channel, over by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from db.call import value
from db.database import connect
from db.errors import NoSuchAlert, NoSuchChannel, NoSuchRule, NotAChannel
from tests.fixtures.alerts import (
    alerts,
    another_rule,
    channel,
    deliveries,
    errors,
    news,
    rule,
    watch,
    wrong,
)
from tests.fixtures.clock import at
from tests.fixtures.jobs import Claimed, claim, claim_one, kind, settle, where, worker

NOON = "2026-01-01 12:00+00"


def later(minutes: float) -> str:
    return f"2026-01-01 12:{int(minutes):02}:{round(minutes % 1 * 60):02}+00"


@pytest.fixture
def noon(db):
    at(db, NOON)
    return db


# An alert's life


def test_a_thing_that_stays_wrong_is_one_alert(noon):
    rule(noon)
    wrong(noon, "a")
    assert watch(noon) == 1
    at(noon, later(1))
    wrong(noon, "a", times=7)
    watch(noon)
    rows = noon.execute(
        "select about, times, first_seen, last_seen - first_seen, state from jobs.alerts_status"
    ).fetchall()
    assert [(row[0], row[1], row[3].total_seconds(), row[4]) for row in rows] == [
        ("a", 7, 60, "open")
    ]


@pytest.mark.parametrize(
    ("gone_for", "state"),
    [
        pytest.param(4.9, "open", id="not found for less than clear_after, it goes on"),
        pytest.param(5, "resolved", id="not found for clear_after, it is over"),
    ],
)
def test_an_alert_ends_by_itself(noon, gone_for, state):
    rule(noon, clear_after="5 min")
    wrong(noon, "a")
    watch(noon)
    wrong(noon)
    at(noon, later(gone_for))
    watch(noon)
    assert alerts(noon) == {"a": state}


def test_what_comes_back_after_its_end_is_a_new_alert(noon):
    rule(noon, clear_after="1 min")
    for minute in (0, 10):
        at(noon, later(minute))
        wrong(noon, "a")
        watch(noon)
        wrong(noon)
        at(noon, later(minute + 2))
        watch(noon)
    assert noon.execute("select count(*) from jobs.alerts").fetchone() == (2,)


def test_a_rule_that_is_disabled_has_no_alerts(noon):
    rule(noon)
    wrong(noon, "a")
    watch(noon)
    noon.execute("update jobs.alert_rules set enabled = false")
    at(noon, later(0.5))
    watch(noon)
    assert alerts(noon) == {"a": "resolved"}


def test_a_rule_that_fails_ends_nothing_and_stops_no_other(noon):
    rule(noon, "first", clear_after="0")
    wrong(noon, "a")
    watch(noon)
    noon.execute("update jobs.alert_rules set function = 'test_alerts.fail'")
    another_rule(noon, "second")
    wrong(noon, "b")
    at(noon, later(30))
    watch(noon)
    assert alerts(noon) == {"a": "open", "b": "open"}
    assert errors(noon) == {"first": "the rule is broken (P0001)"}


def test_a_rule_that_fails_is_an_alert_itself(noon):
    rule(noon, "broken")
    noon.execute("update jobs.alert_rules set function = 'test_alerts.fail'")
    another_rule(noon, "trouble", function="jobs.alert_clock_trouble")
    watch(noon)
    assert alerts(noon) == {"rule broken": "open"}


def test_a_rule_that_finds_a_thousand_things_opens_five_hundred_alerts(noon):
    rule(noon)
    noon.execute(
        "insert into test_alerts.found select 'a' || n, '', 1 from generate_series(1, 1000) as n"
    )
    assert watch(noon) == 500


def test_six_clocks_at_once_open_one_alert(database):
    with connect(database) as conn:
        rule(conn)
        wrong(conn, "a")
        channel(conn, "ops")

    def tick(_):
        with connect(database) as conn:
            conn.execute("select jobs._watch()")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(tick, range(18)))
    with connect(database) as conn:
        assert conn.execute("select count(*) from jobs.alerts").fetchone() == (1,)
        assert news(conn, "ops") == ["opened a"]
        assert len(deliveries(conn)) == 1


def test_without_the_index_the_same_thing_would_be_two_alerts(noon):
    """The control of the test above: nothing else keeps two clocks from opening two."""
    noon.execute("drop index jobs.alerts_open_idx")
    rule(noon)
    wrong(noon, "a")
    watch(noon)
    assert "no unique or exclusion constraint" in errors(noon)["test_rule"]


# Who is told


@pytest.mark.parametrize(
    ("columns", "of_rule", "told"),
    [
        pytest.param({}, {}, True, id="a channel is told of every rule"),
        pytest.param({"enabled": False}, {}, False, id="a disabled channel is told nothing"),
        pytest.param({"min_severity": "critical"}, {}, False, id="what is below it is not told"),
        pytest.param(
            {"min_severity": "critical"}, {"severity": "critical"}, True, id="what reaches it is"
        ),
        pytest.param({}, {"channels": ["other"]}, False, id="a rule may name other channels"),
        pytest.param({}, {"channels": ["ops"]}, True, id="a rule may name this channel"),
        pytest.param({}, {"of_channels": True}, True, id="a channel hears what is of others"),
    ],
)
def test_who_is_told(noon, columns, of_rule, told):
    rule(noon, **of_rule)
    channel(noon, "ops", **columns)
    wrong(noon, "a")
    watch(noon)
    assert news(noon, "ops") == (["opened a"] if told else [])
    assert len(deliveries(noon)) == int(told)


def test_a_channel_is_not_told_that_it_is_deaf(noon):
    rule(noon, of_channels=True)
    channel(noon, "ops")
    channel(noon, "mail")
    wrong(noon, "ops")
    watch(noon)
    assert (news(noon, "ops"), news(noon, "mail")) == ([], ["opened ops"])


def test_an_alert_is_told_once_and_its_end_once(noon):
    rule(noon, clear_after="1 min")
    channel(noon, "ops")
    wrong(noon, "a")
    for minute in (0, 1, 2):
        at(noon, later(minute))
        watch(noon)
    assert news(noon, "ops") == ["opened a"]
    wrong(noon)
    for minute in (4, 5, 6):
        at(noon, later(minute))
        watch(noon)
    assert news(noon, "ops") == ["opened a", "resolved a"]


def test_a_storm_is_one_delivery(noon):
    rule(noon)
    channel(noon, "ops")
    wrong(noon, *(f"a{number:03}" for number in range(300)))
    watch(noon)
    at(noon, later(1))
    wrong(noon, *(f"b{number:03}" for number in range(300)))
    watch(noon)
    assert len(deliveries(noon)) == 1
    _, request = taken(noon)
    sections = [block["text"]["text"] for block in request["blocks"]]
    assert len(sections) == 22
    assert sections[0] == "AutoM: warning: test_rule, a000 and 599 more"
    assert sections[-1] == "And 580 more: autom alerts ls"


def test_deliveries_have_a_rate(noon):
    """However many there are to make: three at once, then one in ten seconds."""
    channel(noon, "ops")
    for _ in range(5):
        value(noon, "jobs.test_channel", channel="ops")
    worker_id = worker(noon)
    sent = []
    for second in range(0, 30, 2):
        at(noon, later(second / 60))
        for job in claim(noon, worker_id, limit=10, queue="alerts"):
            settle(noon, job)
            sent.append(second)
    assert sent == [0, 2, 4, 10, 20]


def taken(noon) -> tuple[Claimed, dict]:
    job = claim_one(noon, worker(noon), queue="alerts")
    prepared = value(noon, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)
    return job, prepared.get("request", prepared)


def test_what_comes_up_while_a_delivery_is_under_way_is_the_next_one(noon):
    rule(noon)
    channel(noon, "ops")
    wrong(noon, "a")
    watch(noon)
    job, _ = taken(noon)
    wrong(noon, "a", "b")
    at(noon, later(1))
    watch(noon)
    settle(noon, job)
    watch(noon)
    _, request = taken(noon)
    assert request["text"] == "AutoM: warning: test_rule, b"


def test_a_delivery_that_is_tried_again_tells_all_that_is_new_by_then(noon):
    rule(noon)
    channel(noon, "ops")
    wrong(noon, "a")
    watch(noon)
    job, _ = taken(noon)
    settle(noon, job, "try_later", reason="busy", after=10)
    wrong(noon, "a", "b")
    at(noon, later(1))
    watch(noon)
    again, request = taken(noon)
    assert again.job_id == job.job_id
    assert request["text"] == "AutoM: warning: test_rule, a and 1 more"


def test_text_of_others_cannot_format_a_slack_message(noon):
    rule(noon)
    channel(noon, "ops")
    wrong(noon, "<!channel> & co")
    watch(noon)
    _, request = taken(noon)
    said = request["blocks"][1]["text"]["text"]
    assert "&lt;!channel&gt; &amp; co is wrong." in said
    assert "<" not in said


def test_a_delivery_with_nothing_to_tell_is_skipped(noon):
    channel(noon, "ops")
    noon.execute("""select jobs.enqueue('jobs.send_slack', '{"channel": "ops"}')""")
    _, prepared = taken(noon)
    assert prepared["why"] == "skipped: There is nothing new."


def test_a_channel_disabled_meanwhile_is_told_nothing(noon):
    rule(noon)
    channel(noon, "ops")
    wrong(noon, "a")
    watch(noon)
    noon.execute("update jobs.alert_channels set enabled = false")
    _, prepared = taken(noon)
    assert prepared["why"].startswith("skipped")


# What failed to arrive


def failing(noon, outcome: str = "give_up") -> int:
    rule(noon)
    another_rule(
        noon, "deaf_channel", function="jobs.alert_deaf_channels", span="1 day", of_channels=True
    )
    another_rule(noon, "job_failed", function="jobs.alert_dead_jobs", span="1 day")
    another_rule(noon, "repeated", function="jobs.alert_repeated_errors", span="1 day", bound=1)
    channel(noon, "slack")
    channel(noon, "mail", kind="jobs.send_mail", mail_from="a@b.c", mail_to=["d@e.f"])
    wrong(noon, "a")
    watch(noon)
    for _ in range(2):
        job, _ = taken(noon)
        if job.kind == "jobs.send_slack":
            settle(noon, job, outcome, reason="no_service", code="not_found")
            lost = job.job_id
        else:
            settle(noon, job)
    return lost


def test_a_channel_that_cannot_hear_is_told_of_by_the_others_only(noon):
    failing(noon)
    at(noon, later(1))
    watch(noon)
    assert alerts(noon) == {"a": "open", "slack": "open"}
    assert news(noon, "slack") == ["opened a"]
    assert news(noon, "mail") == ["opened a", "opened slack"]


def test_deliveries_that_fail_never_breed_deliveries(noon):
    """Every delivery of two channels fails for an hour, and a new thing goes wrong every minute."""
    failing(noon)
    worker_id, made = worker(noon), 0
    for minute in range(1, 60):
        at(noon, later(minute))
        wrong(noon, "a", f"at {minute}")
        watch(noon)
        for job in claim(noon, worker_id, limit=50, queue="alerts"):
            made += 1
            value(noon, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)
            settle(noon, job, "give_up", reason="no_service")
    assert made <= 2 * 59
    assert set(alerts(noon)) == {"a", "slack", "mail", *(f"at {minute}" for minute in range(1, 60))}
    assert news(noon, "slack").count("opened mail") == 1
    assert news(noon, "mail").count("opened slack") == 1
    assert "opened slack" not in news(noon, "slack")


def test_a_channel_that_hears_again_is_no_alert_any_more(noon):
    failing(noon)
    at(noon, later(1))
    watch(noon)
    wrong(noon, "a", "b")
    at(noon, later(2))
    watch(noon)
    for _ in range(2):
        job, _ = taken(noon)
        settle(noon, job)
    at(noon, later(10))
    watch(noon)
    assert alerts(noon)["slack"] == "resolved"


def test_the_end_is_not_told_to_who_never_heard_of_the_beginning(noon):
    failing(noon)
    wrong(noon)
    at(noon, later(10))
    watch(noon)
    assert "resolved a" not in news(noon, "slack")
    assert "resolved a" in news(noon, "mail")


def test_a_delivery_that_may_have_arrived_is_not_made_again(noon):
    job_id = failing(noon, "unknown")
    assert where(noon, job_id) == "ended"
    at(noon, later(1))
    watch(noon)
    assert alerts(noon)["slack"] == "open"
    assert [job for job in deliveries(noon) if job == job_id] == []


def test_a_dead_delivery_can_be_retried_by_a_person(noon):
    job_id = failing(noon)
    value(noon, "jobs.retry", job_id=job_id)
    at(noon, later(1))
    _, request = taken(noon)
    assert request["text"] == "AutoM: warning: test_rule, a"


# Silence


def alert_id(noon) -> int:
    return noon.execute("select max(alert_id) from jobs.alerts").fetchone()[0]


def test_a_silenced_alert_is_watched_and_not_told(noon):
    rule(noon)
    wrong(noon, "a")
    watch(noon)
    value(noon, "jobs.silence_alert", alert_id=alert_id(noon), until=later(30), reason="known")
    channel(noon, "ops")
    at(noon, later(29))
    watch(noon)
    assert (alerts(noon), news(noon, "ops")) == ({"a": "silenced"}, [])


def test_a_silence_ends_by_itself(noon):
    rule(noon)
    channel(noon, "ops")
    wrong(noon, "a", "b")
    value(noon, "jobs.silence_rule", rule="test_rule", until=later(30))
    watch(noon)
    assert news(noon, "ops") == []
    at(noon, later(30))
    watch(noon)
    assert news(noon, "ops") == ["opened a", "opened b"]


def test_a_silence_can_be_ended(noon):
    rule(noon)
    channel(noon, "ops")
    wrong(noon, "a")
    value(noon, "jobs.silence_rule", rule="test_rule", until=later(30))
    watch(noon)
    value(noon, "jobs.silence_rule", rule="test_rule", until=None)
    watch(noon)
    assert news(noon, "ops") == ["opened a"]


def test_a_silence_is_of_the_thing_not_of_its_alert(noon):
    rule(noon, clear_after="1 min")
    channel(noon, "ops")
    wrong(noon, "a")
    watch(noon)
    value(noon, "jobs.silence_alert", alert_id=alert_id(noon), until=later(50))
    wrong(noon)
    at(noon, later(5))
    watch(noon)
    wrong(noon, "a", "b")
    at(noon, later(10))
    watch(noon)
    assert news(noon, "ops") == ["opened a", "opened b"]
    assert alerts(noon) == {"a": "silenced", "b": "open"}


@pytest.mark.parametrize(
    ("function", "arguments", "refusal", "code"),
    [
        pytest.param(
            "jobs.silence_alert",
            {"alert_id": 0, "until": None},
            NoSuchAlert,
            "JQ021",
            id="an alert that is not there cannot be silenced",
        ),
        pytest.param(
            "jobs.silence_rule",
            {"rule": "none", "until": None},
            NoSuchRule,
            "JQ020",
            id="a rule that is not there cannot be silenced",
        ),
        pytest.param(
            "jobs.test_channel",
            {"channel": "none"},
            NoSuchChannel,
            "JQ022",
            id="a channel that is not there cannot be tested",
        ),
        pytest.param(
            "jobs.set_alert_rule",
            {"rule": "horizon_held", "channels": ["gud"]},
            NoSuchChannel,
            "JQ022",
            id="a rule cannot tell a channel that is not there",
        ),
        pytest.param(
            "jobs.set_alert_rule",
            {"rule": "horizon_held", "channels": [None]},
            NoSuchChannel,
            "JQ022",
            id="a rule cannot tell no channel",
        ),
    ],
)
def test_refusals(db, function, arguments, refusal, code):
    with pytest.raises(refusal) as refused:
        value(db, function, **arguments)
    assert refused.value.code == code


SLACK = {"channel": "ops", "sends": "slack", "url_from": "AUTOM_ALERT_SLACK_URL"}
MAIL = {
    "channel": "ops",
    "sends": "mail",
    "url_from": "AUTOM_ALERT_MAIL_URL",
    "mail_from": "me@example.com",
    "mail_to": ["ann@example.com"],
}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(SLACK, id="slack"),
        pytest.param(MAIL, id="mail"),
        pytest.param(MAIL | {"mail_to": ["a.b+c@x.y", "root@localhost"]}, id="mail to several"),
    ],
)
def test_a_channel_can_be(db, given):
    value(db, "jobs.set_alert_channel", **given)
    value(db, "jobs.set_alert_channel", **given, min_severity="critical")
    assert db.execute("select sends, min_severity from jobs.alert_channels_status").fetchall() == [
        (given["sends"], "critical")
    ]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        pytest.param({"channel": "Ops secret"}, "p_channel", id="a name with a space"),
        pytest.param({"sends": "secret"}, "p_sends", id="what nobody can send"),
        pytest.param({"url_from": "https://x.y/secret"}, "p_url_from", id="the secret itself"),
        pytest.param({"url_from": None}, "p_url_from", id="no setting"),
        pytest.param({"url_from": "AUTOM_SECRET"}, "p_url_from", id="a setting of others"),
        pytest.param({"mail_from": None}, "p_mail_from", id="from nobody"),
        pytest.param({"mail_from": "secret <a@b>"}, "p_mail_from", id="from a name"),
        pytest.param({"mail_to": None}, "p_mail_to", id="to nobody"),
        pytest.param({"mail_to": []}, "p_mail_to", id="to an empty list"),
        pytest.param({"mail_to": [None]}, "p_mail_to", id="to an empty place"),
        pytest.param({"mail_to": ["a@b", "secret"]}, "p_mail_to", id="to what is no address"),
        pytest.param({"mail_to": ["c@d\nBcc: secret@f"]}, "p_mail_to", id="to a header"),
        pytest.param({"mail_to": ["c@d\n"]}, "p_mail_to", id="to a line"),
        pytest.param({"min_severity": "secret"}, "p_min_severity", id="a severity of nobody"),
    ],
)
def test_a_channel_cannot_be(db, given, wrong):
    with pytest.raises(NotAChannel) as refused, db.transaction():
        value(db, "jobs.set_alert_channel", **MAIL | given)
    assert wrong in refused.value.detail
    assert "secret" not in str(refused.value)
    assert db.execute("select count(*) from jobs.alert_channels").fetchone() == (0,)


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        pytest.param({"bound": float("nan")}, "bound_is_a_number", id="no number"),
        pytest.param({"bound": float("inf")}, "bound_is_a_number", id="without end"),
        pytest.param({"bound": -1}, "bound_is_a_number", id="below nothing"),
        pytest.param({"span": "-1 h"}, "span_is_not_below_0", id="a time that runs backwards"),
        pytest.param({"clear_after": "-1 h"}, "wait_before_they_clear", id="over before it began"),
        pytest.param({"severity": "grave"}, "severity_is_known", id="a severity of nobody"),
    ],
)
def test_a_rule_cannot_be(db, given, constraint):
    with pytest.raises(psycopg.errors.CheckViolation, match=constraint), db.transaction():
        value(db, "jobs.set_alert_rule", rule="horizon_held", **given)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        pytest.param(
            {"url_from": "AUTOM_SECRET_KEYS"},
            "alert_channels_url_is_in_a_setting_of_theirs",
            id="a channel cannot send another secret of the worker anywhere",
        ),
        pytest.param(
            {"kind": "jobs.send_mail"},
            "alert_channels_mail_has_addresses",
            id="mail needs addresses",
        ),
        pytest.param(
            {"kind": "jobs.run_schedule"},
            "alert_channels_send_by_a_kind_of_ours",
            id="a channel sends by a kind that delivers",
        ),
    ],
)
def test_channels_that_are_refused(db, columns, constraint):
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        channel(db, "ops", **columns)
    assert refused.value.diag.constraint_name == constraint


def test_the_failing_path_sends_nothing(noon):
    """That a job dies is noted by the next look of the clock, not by who saw it die."""
    channel(noon, "ops")
    name = kind(noon, max_attempts=1)
    value(noon, "jobs.enqueue", kind=name)
    settle(noon, claim_one(noon, worker(noon)), "give_up", reason="no")
    assert (alerts(noon), deliveries(noon)) == ({}, [])
    noon.execute("select jobs.tick()")
    assert alerts(noon) == {"t.plain": "open"}
    assert len(deliveries(noon)) == 1
