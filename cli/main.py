"""``autom``: how a person works with AutoM."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

import typer
from typer.completion import get_completion_inspect_parameters
from typer.core import TyperGroup

from cli import exits
from cli.app import App, Command, Group
from cli.errors import report

VERBS: dict[str, dict[str, tuple[str, str]]] = {
    "Run it": {
        "demo": ("cli.demo:demo", "A merchant's whole day, with stand-ins for all services."),
        "up": ("cli.up:up", "The database, its upgrade, clock and workers; until Ctrl-C."),
        "down": ("cli.up:down", "End what autom up --detach left running."),
        "work": ("cli.work:work", "A worker: claim jobs, call the outside services, report."),
        "sandbox": ("cli.sandbox:sandbox", "Stand-ins for Shopify, OpenAI and Pinterest."),
    },
    "Look": {
        "status": ("cli.status:status", "How everything is, and what wants a person."),
        "jobs": ("cli.jobs:app", "Jobs: list, show, retry, cancel."),
        "queue": ("cli.queue:app", "Queues: what waits and runs in them; pause, resume."),
        "runs": ("cli.runs:runs", "Runs of schedules: what each did."),
        "alerts": ("cli.alerts:app", "What is wrong: list, silence, test who is told."),
        "schedule": ("cli.schedule:app", "Schedules: when each runs; run one now, pause, resume."),
    },
    "Users and shops": {
        "shop": ("cli.shop:app", "Shops: set them up, plan and make products, see what sells."),
        "user": ("cli.user:app", "Users and what they may do."),
        "connect": ("cli.connect:app", "Connections to outside services, and their keys."),
    },
    "Look after it": {
        "migrate": ("cli.migrate:migrate", "Bring the database to this release."),
        "doctor": ("cli.doctor:doctor", "What is wrong here, and what puts it right."),
        "bench": ("cli.bench:bench", "How fast it is, here."),
        "psql": ("cli.psql:psql", "psql in the right database."),
        "completion": ("cli.completion:completion", "Teach the shell to complete commands."),
    },
}
"""Every verb, by its section of ``autom --help``: module:attribute, and what it does.

The attribute is an ``App`` of verbs or one function. Modules are imported only when they are used,
so that help and completion answer at once.
"""

COMPLETING = "_AUTOM_COMPLETE"
"""Set by the shell when it asks what may come next."""

EXITS = "Exit codes:\n" + "\n".join(
    f"  {code:>3}  {meaning}" for code, meaning in exits.MEANING.items()
)


class _Verbs(Group):
    """Knows all verbs by name, and one of them when it is used."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._where: dict[str, str] = {}
        for verbs in VERBS.values():
            for name, (where, help) in verbs.items():
                self.add_command(Command(name, help=help))
                self._where[name] = where

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and load(name, self._where[name]), rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, self._where))
        for section, verbs in filter(all, VERBS.items()):
            with formatter.section(section):
                formatter.write_dl([(name.ljust(width), help) for name, (_, help) in verbs.items()])


def load(name: str, where: str) -> Any:
    """The command that ``module:attribute`` stands for."""
    module, _, attribute = where.partition(":")
    verb = getattr(importlib.import_module(module), attribute)
    if isinstance(verb, App):
        verb.info.name = name
        return typer.main.get_group(verb)
    alone = App(help="")
    alone.command(name, context_settings=getattr(verb, "context_settings", None))(verb)
    return typer.main.get_command(alone)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"autom {version('autom')}")
        raise typer.Exit


def command() -> TyperGroup:
    """The whole command line."""
    app = App("Run a merchant's automation from one Postgres.", cls=_Verbs, epilog=EXITS)

    @app.callback()
    def autom(
        version: Annotated[
            bool,
            typer.Option(
                "--version", callback=_version, is_eager=True, help="Say which AutoM this is."
            ),
        ] = False,
    ) -> None:
        """Run a merchant's automation from one Postgres."""

    if COMPLETING in os.environ:
        # Only this makes Typer's shells known to it.
        get_completion_inspect_parameters()
    return typer.main.get_group(app)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The program ``autom``."""
    try:
        code = command().main(arguments, prog_name="autom", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        code = report(error)
    if code == exits.INTERRUPTED:
        print("autom: interrupted.", file=sys.stderr)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read along has seen enough. Python would complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
