"""How a verb is declared: a function whose docstring is its help and whose parameters its options.

::

    app = App("Users and what they may do.")

    @app.command()
    def ls(session: Session, plan: Annotated[str | None, typer.Option(help="Only this one.")] = None):
        \"\"\"List users.

        $ autom user ls
        $ autom user ls --plan vip

        Whatever else there is to say.
        \"\"\"

A parameter whose type is a dataclass of options, as ``cli.output.Output`` (a verb that prints) and
``cli.context.Session`` (one that works in the database) are, brings its fields as options, the first
parameter's last. What the function returns is the exit code, of which a bundle that is an ``Ending``
has the last word; None is 0. Lines that begin with ``$`` come first in the help.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field, fields, is_dataclass
from typing import Any, Protocol, get_type_hints, runtime_checkable

import typer
from typer.core import TyperCommand, TyperGroup

Verb = Callable[..., int | None]

MOST = 2**31 - 1
"""The largest integer of Postgres: a bound for whoever counts."""
MOST_ID = 2**63 - 1
"""The largest bigint: a bound for ids."""


@runtime_checkable
class Ending(Protocol):
    """A bundle that still has something to do when the verb is over."""

    def ended(self, code: int | None) -> int | None:
        """The exit code of the command, after the verb that returned ``code``."""
        ...


class Command(TyperCommand):
    """One verb. Its help says what it is, then examples, the rest, and last usage and options."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_said(self.help))
        self.format_usage(ctx, formatter)
        self.format_options(ctx, formatter)


class Group(TyperGroup):
    """Several verbs."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_said(self.help))
        self.format_usage(ctx, formatter)
        self.format_options(ctx, formatter)
        if self.epilog:
            formatter.write(f"\n{self.epilog}\n")


def _said(help: str | None) -> str:
    texts = inspect.cleandoc(help or "").split("\n\n")
    examples = [text for text in texts if text.startswith("$ ")]
    others = [text for text in texts if text not in examples]
    indented = [f"  {text.removeprefix('$ ')}".replace("\n$ ", "\n  ") for text in examples]
    return "".join(f"{text}\n\n" for text in (*others[:1], *indented, *others[1:]))


class App(typer.Typer):
    """The verbs of one noun."""

    def __init__(self, help: str, **options: Any) -> None:
        usual: dict[str, Any] = {"cls": Group, "add_completion": False, "no_args_is_help": True}
        super().__init__(help=help, rich_markup_mode=None, **(usual | options))

    def command(self, name: str | None = None, **options: Any) -> Callable[[Verb], Verb]:  # type: ignore[override]
        enter = super().command(name, **({"cls": Command} | options))

        def decorate(verb: Verb) -> Verb:
            enter(_flat(verb))
            return verb

        return decorate


def hands_on(verb: Verb) -> Verb:
    """What this verb does not know as an option of its own is an argument."""
    verb.context_settings = {"ignore_unknown_options": True}  # type: ignore[attr-defined]
    return verb


def _flat(verb: Verb) -> Verb:
    """The verb as Typer wants it: every field of a bundle of options is a parameter of its own."""
    hints = get_type_hints(verb, include_extras=True)
    bundles = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    own = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(verb).parameters.items()
        if name not in bundles
    ]
    names = {name: [field.name for field in _options(bundle)] for name, bundle in bundles.items()}

    @functools.wraps(verb)
    def flat(**given: Any) -> int | None:
        built = {
            name: bundle(**{field: given.pop(field) for field in names[name]})  # type: ignore[operator]
            for name, bundle in bundles.items()
        }
        code = verb(**built, **given)
        for bundle in built.values():
            if isinstance(bundle, Ending):
                code = bundle.ended(code)
        return code

    brought = [
        parameter for bundle in reversed(bundles.values()) for parameter in _parameters(bundle)
    ]
    shown = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *brought)
    ]
    flat.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return flat


def _parameters(bundle: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in _options(bundle)
    ]


def _options(bundle: Any) -> list[Field[Any]]:
    return [field for field in fields(bundle) if field.init]
