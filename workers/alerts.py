"""Telling people: Slack incoming webhooks, and mail by SMTP.

The text comes prepared. Where to send it is a secret that only this process knows: a request names
the setting (``url_from``, an environment variable AUTOM_ALERT_…) that holds the URL.

=================================== =================================================================
``https://hooks.slack.com/…``       an incoming webhook
``smtps://user:password@host:465``  TLS from the first byte
``smtp://user:password@host:587``   STARTTLS, without which nothing is sent but to this very machine
=================================== =================================================================

A message that may have been sent is never sent again: without an answer its outcome is unknown.
"""

from __future__ import annotations

import asyncio
import os
import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP as LINES
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from workers.http import Request, Stop, retry_after, send
from workers.outcome import Done, GiveUp, Outcome, TryLater, Unknown

THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
SETTING = re.compile(r"AUTOM_ALERT_[A-Z0-9_]+")
SMTP_TIMEOUT = 20.0
"""Seconds that a mail server may take for one answer."""


async def send_slack(request: Request, credentials: None, http: httpx.AsyncClient) -> Outcome:
    """Post ``request["text"]`` and ``request["blocks"]`` to a webhook.

    Done:     {}; it answered 200 "ok".
    TryLater: 429, after ``Retry-After`` seconds and for the whole channel; 5xx; no connection.
    GiveUp:   400, 403, 404, 410 and any other answer: a repeat gets the same.
    Unknown:  no answer came.

    Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    """
    try:
        url = _setting(request, ("https", "http"))
        if url.scheme == "http" and url.hostname not in THIS_MACHINE:
            return GiveUp(f"{request['url_from']} is no https URL.", "invalid_request")
        message = {"text": request["text"], "blocks": request["blocks"]}
        answer = await send(http, "POST", url.geturl(), repeatable=False, json=message)
    except Stop as stop:
        return stop.outcome
    if answer.status_code == 200:
        return Done({})
    said = f"Slack answered {answer.status_code}: {answer.text[:100].strip()}"
    if answer.status_code == 429:
        return TryLater(retry_after(answer.headers) or 30, said, "throttled", pause_key=True)
    if answer.status_code >= 500:
        return TryLater(None, said, "server_error")
    codes = {403: "unauthorized", 404: "not_found", 410: "not_found"}
    return GiveUp(said, codes.get(answer.status_code, "invalid_request"))


async def send_mail(request: Request, credentials: None, http: httpx.AsyncClient) -> Outcome:
    """Mail ``request["text"]`` with ``subject``, ``from``, ``to``, ``date`` and ``message_id``.

    Done:     {"refused": [address, …]}; the server has it for all but these.
    TryLater: no connection, or an answer 4xx.
    GiveUp:   no TLS, a refused login, or an answer 5xx; every address refused, or of no form.
    Unknown:  the connection broke after the message had gone out.
    """
    try:
        url = _setting(request, ("smtps", "smtp"))
        message = message_of(request)
    except Stop as stop:
        return stop.outcome
    except (ValueError, TypeError, LookupError, MessageError) as error:
        return GiveUp(f"The mail cannot be written: {error}", "invalid_request")
    return await asyncio.to_thread(_deliver, url, message, request)


def message_of(request: Mapping[str, Any]) -> EmailMessage:
    """The mail. ``Auto-Submitted`` keeps absent people's servers from answering it."""
    message = EmailMessage(policy=LINES)
    message["From"] = request["from"]
    message["To"] = ", ".join(request["to"])
    message["Subject"] = request["subject"]
    message["Date"] = request["date"]
    message["Message-ID"] = f"<autom.{request['message_id']}@{request['from'].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(request["text"])
    return message


def _setting(request: Request, schemes: Sequence[str]) -> SplitResult:
    """The URL that the named setting of this process holds; never part of what is told of it."""
    name = request["url_from"]
    if not SETTING.fullmatch(name):
        raise Stop(GiveUp(f"{name} is no setting of alerts.", "invalid_request"))
    text = os.environ.get(name)
    if not text:
        raise Stop(TryLater(None, f"This worker has no {name}.", "no_setting"))
    try:
        url = urlsplit(text)
        usable = url.scheme in schemes and bool(url.hostname) and (url.port or True)
    except ValueError:
        usable = False
    if not usable:
        raise Stop(GiveUp(f"{name} is no URL of {' or '.join(schemes)}.", "invalid_request"))
    return url


def _deliver(url: SplitResult, message: EmailMessage, request: Request) -> Outcome:
    try:
        with _connected(url) as smtp:
            return _handed_over(smtp, message, request)
    except smtplib.SMTPResponseException as error:
        return _refused(error.smtp_code, error.smtp_error)
    except smtplib.SMTPNotSupportedError as error:
        return GiveUp(f"The mail server cannot do it: {error}", "invalid_request")
    except UnicodeError as error:
        # A host, login or address that no server can be told: all of it comes before the message.
        return GiveUp(f"The mail server cannot be told: {type(error).__name__}.", "invalid_request")
    except (OSError, smtplib.SMTPException) as error:
        return TryLater(None, f"No connection: {type(error).__name__}.", "server_error")


def _connected(url: SplitResult) -> smtplib.SMTP:
    """Logged in, by TLS. Certificates are checked against this machine's (SSL_CERT_FILE)."""
    host, trusted = url.hostname or "", ssl.create_default_context()
    smtp: smtplib.SMTP
    if url.scheme == "smtps":
        smtp = smtplib.SMTP_SSL(host, url.port or 465, timeout=SMTP_TIMEOUT, context=trusted)
    else:
        smtp = smtplib.SMTP(host, url.port or 587, timeout=SMTP_TIMEOUT)
    try:
        smtp.ehlo()
        if url.scheme == "smtp" and (smtp.has_extn("starttls") or host not in THIS_MACHINE):
            smtp.starttls(context=trusted)
            smtp.ehlo()
        if url.username:
            smtp.login(unquote(url.username), unquote(url.password or ""))
    except BaseException:
        smtp.close()
        raise
    return smtp


def _handed_over(smtp: smtplib.SMTP, message: EmailMessage, request: Request) -> Outcome:
    _accepted(*smtp.mail(request["from"]))
    answers = {address: smtp.rcpt(address) for address in request["to"]}
    refused = [address for address, (code, _) in answers.items() if code not in (250, 251)]
    if len(refused) == len(answers):
        # One that says "later" may let it through later.
        return _refused(*min(answers.values(), key=lambda answer: answer[0]))
    try:
        code, said = smtp.data(message.as_bytes())
    except smtplib.SMTPDataError:
        raise
    except (OSError, smtplib.SMTPException) as error:
        return Unknown(f"No answer to the message: {type(error).__name__}.", "timeout")
    return Done({"refused": refused}) if code == 250 else _refused(code, said)


def _accepted(code: int, said: bytes) -> None:
    if code != 250:
        raise smtplib.SMTPResponseException(code, said)


def _refused(code: int, said: bytes | str) -> Outcome:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    reason = f"The mail server answered {code}: {text[:200]}"
    if 400 <= code < 500:
        return TryLater(None, reason, "server_error")
    return GiveUp(reason, "unauthorized" if code in (530, 534, 535) else "invalid_request")
