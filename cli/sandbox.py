"""``autom sandbox``: stand-ins for the outside services, on this machine."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Annotated, Any

import typer

from cli.exits import Problem
from cli.output import Output


def sandbox(
    out: Output,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")
    ] = 8600,
) -> None:
    """Start stand-ins for Shopify, OpenAI and Pinterest, until Ctrl-C.

    $ autom sandbox
    $ autom sandbox --port 0 --json

    They keep state, want tokens, count limits and refuse what the real services refuse. The base
    URLs are what a connection is given with: autom connect … --base-url
    """
    # A service manager stops it as a person does.
    signal.signal(signal.SIGTERM, _interrupt)
    from sandbox import base_urls
    from sandbox.run import NotStarted, start

    try:
        running = start(port)
    except NotStarted as error:
        why = str(error)
        raise Problem("The sandbox did not start.", why, _help(why, port)) from None
    with running, suppress(KeyboardInterrupt):
        addresses = {"url": running.url, **base_urls(running.url)}
        if out.as_json:
            out.document(addresses)
        else:
            for name, address in addresses.items():
                out.line(f"{name:<11}{address}" if out.human else f"{name}\t{address}")
        out.note(
            f"\nOpen {running.url} to see what is made in it.\n"
            "{account} is the shop's domain; tokens: docs/sandbox.md, then autom connect --help.\n"
            "Ctrl-C ends it, and what it holds is gone."
        )
        running.process.wait()
        raise Problem("The sandbox has ended by itself.")
    out.note("Stopped.")


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _help(why: str, port: int) -> str | None:
    if "in use" in why:
        return f"another one may be running on port {port}: take --port 0 for a free port"
    return None
