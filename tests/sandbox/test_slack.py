"""The stand-in for Slack is as strict as Slack."""

from __future__ import annotations

import httpx
import pytest

TEXT = {"type": "mrkdwn", "text": "said"}


@pytest.fixture
def hook(sandbox) -> str:
    return sandbox.open("slack", "ops")["webhook_url"]


def test_a_webhook_asked_for_again_is_the_same(sandbox, hook):
    assert sandbox.open("slack", "ops")["webhook_url"] == hook
    assert sandbox.open("slack", "other")["webhook_url"] != hook


def test_a_message_is_kept_by_its_channel(sandbox, hook):
    answer = httpx.post(hook, json={"text": "said"})
    assert (answer.status_code, answer.text) == (200, "ok")
    assert sandbox.state("slack")["messages"] == [{"channel": "ops", "text": "said"}]


def test_an_address_that_was_never_given_out_is_no_service(hook):
    answer = httpx.post(hook + "X", json={"text": "said"})
    assert (answer.status_code, answer.text) == (404, "no_service")


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        pytest.param({"blocks": []}, "text: missing", id="text is what notifications show"),
        pytest.param({"text": "a", "channel": "b"}, "channel: unknown key", id="an unknown key"),
        pytest.param(
            {"text": "a", "blocks": [{"type": "divider"}] * 51},
            "blocks: not a list of at most 50",
            id="too many blocks",
        ),
        pytest.param(
            {"text": "a", "blocks": [{"type": "heading"}]},
            "blocks[0]: no block of type 'heading'",
            id="a block that there is not",
        ),
        pytest.param(
            {"text": "a", "blocks": [{"type": "header", "text": TEXT}]},
            "blocks[0].text: not of type plain_text",
            id="a header with formatting",
        ),
        pytest.param(
            {"text": "a", "blocks": [{"type": "header", "text": {**TEXT, "type": "plain_text"}}]},
            None,
            id="a header in plain text is taken",
        ),
        pytest.param(
            {"text": "a", "blocks": [{"type": "section", "text": {**TEXT, "text": "a" * 3001}}]},
            "blocks[0].text: not 1 to 3000 characters",
            id="a section that is too long",
        ),
        pytest.param(
            {"text": "a", "blocks": [{"type": "section", "text": {**TEXT, "text": "a" * 3000}}]},
            None,
            id="the longest section is taken",
        ),
        pytest.param(
            {"text": "a", "blocks": [{"type": "section"}]},
            "blocks[0]: neither text nor fields",
            id="a section of nothing",
        ),
    ],
)
def test_what_slack_takes(sandbox, hook, message, problem):
    answer = httpx.post(hook, json=message)
    seen = [said.partition("post_message: ")[2] for said in sandbox.seen()]
    assert answer.status_code == (400 if problem else 200)
    assert len(seen) == bool(problem)
    assert not problem or seen[0].startswith(problem)
