"""Help is quick and begins with examples that hold; a shell completes what may come next."""

from __future__ import annotations

import os
import re
import resource
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import exits
from cli.main import EXITS, VERBS, command, load
from tests.fixtures.cli import AUTOM, autom

NAMES = [(name, where) for verbs in VERBS.values() for name, (where, _) in verbs.items()]


def leaves(name: str, verb: Any) -> Iterator[tuple[str, Any]]:
    """Every verb that does something, by its full name."""
    if not hasattr(verb, "commands"):
        yield name, verb
        return
    for part, below in verb.commands.items():
        yield from leaves(f"{name} {part}", below)


LEAVES = [leaf for name, where in NAMES for leaf in leaves(name, load(name, where))]
by_name = pytest.mark.parametrize("verb", [pytest.param(verb, id=name) for name, verb in LEAVES])


@pytest.mark.parametrize("name", [name for name, _ in NAMES])
def test_every_verb_that_is_named_is_there(name: str) -> None:
    done = autom(name, "--help")
    assert (done.code, done.err) == (exits.OK, "")
    assert f"Usage: autom {name}" in done.out


def examples(verb: Any) -> list[str]:
    return re.findall(r"^\s*\$ (.*)$", verb.help or "", re.MULTILINE)


@by_name
def test_help_begins_with_a_sentence_and_examples(verb: Any) -> None:
    first, then = verb.help.split("\n\n")[:2]
    assert first.endswith((".", "!", "?")), first
    assert then.lstrip().startswith("$ "), then


@by_name
def test_examples_in_help_can_be_typed(
    verb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is parsed by the real command line, up to the point where the verb would begin."""
    monkeypatch.chdir(tmp_path)
    calls = [call for example in examples(verb) for call in words(example)]
    assert calls
    for call in calls:
        for file in (word for word in call if word.endswith(".csv")):
            Path(file).touch()
        context = command().make_context("autom", list(call))
        while context._protected_args:
            rest = [*context._protected_args, *context.args]
            name, below, rest = context.command.resolve_command(context, rest)  # type: ignore[attr-defined]
            context = below.make_context(name, rest, parent=context)


def words(example: str) -> Iterator[list[str]]:
    """The arguments of each call of autom in a line of shell."""
    lexer = shlex.shlex(example, posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split = True
    call: list[str] | None = None
    for word in lexer:
        if set(word) <= set("|<>;&"):
            if call:
                yield call
            call = None
        elif call is not None:
            call.append(word)
        elif word == "autom":
            call = []
        elif inside := re.search(r"\$\(autom (.*)\)", word):
            yield from words(f"autom {inside[1]}")
    if call:
        yield call


def test_exit_codes_are_in_the_help() -> None:
    assert EXITS in autom("--help").out


def test_help_and_completion_do_not_wait_for_what_they_do_not_need() -> None:
    """Neither database nor tables nor migrations are imported; 0.3 s are kept, as CPU time."""
    heavy = ["psycopg", "rich", "alembic", "sqlalchemy", "httpx", "pydantic", "openai", "starlette"]
    checked = (
        "import sys, cli.main\n"
        "try: cli.main.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        f"sys.exit(' '.join(m for m in {heavy} if m in sys.modules) or 0)"
    )
    for arguments in (["--help"], ["jobs", "--help"], ["jobs", "ls", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", checked, *arguments], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert min(cpu_seconds([str(AUTOM), "--help"]) for _ in range(5)) < 0.3


def cpu_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        pytest.param("autom sta", {"status"}, id="a verb"),
        pytest.param("autom jobs re", {"retry"}, id="a verb of a noun"),
        pytest.param("autom jobs ls --st", {"--state"}, id="an option"),
        pytest.param("autom jobs ls --state de", {"dead"}, id="a state"),
        pytest.param("autom jobs ls --kind shops.pin_", {"shops.pin_product"}, id="a kind"),
        pytest.param("autom queue pause sho", {"shopify"}, id="a queue of this database"),
        pytest.param("autom schedule run product_c", {"product_creation"}, id="a schedule"),
        pytest.param("autom completion ", {"bash", "zsh", "fish"}, id="a shell"),
    ],
)
def test_the_shell_completes(database: str, typed: str, offered: set[str]) -> None:
    assert complete(typed, {"AUTOM_DATABASE_URL": database}) == offered


def test_completion_is_silent_where_there_is_no_database() -> None:
    assert complete("autom queue pause s", {"AUTOM_DATABASE_URL": "nonsense"}) == set()


def complete(typed: str, environment: dict[str, str]) -> set[str]:
    """What bash is offered, by the function that the script defines."""
    script = (
        f'eval "$({AUTOM} completion bash)"\n'
        f"COMP_WORDS=({typed}{' ' + repr('') if typed.endswith(' ') else ''})\n"
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
        "_autom_completion autom\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    path = f"{AUTOM.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, **environment},
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_their_script(shell: str) -> None:
    done = autom("completion", shell)
    assert (done.code, done.err) == (exits.OK, "")
    assert f"_AUTOM_COMPLETE=complete_{shell}" in done.out


@by_name
def test_a_whole_number_has_a_bound_that_the_database_can_hold(verb: Any) -> None:
    numbers = [option for option in verb.params if option.type.name.startswith("integer")]
    assert [option.name for option in numbers if getattr(option.type, "max", None) is None] == []


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("jobs ls --limit 99999999999", id="a limit"),
        pytest.param("jobs ls --before 99999999999999999999", id="a page"),
        pytest.param("jobs ls --run 99999999999999999999", id="a run"),
        pytest.param("jobs show 99999999999999999999", id="a job"),
        pytest.param("jobs cancel 1 99999999999999999999", id="one of several jobs"),
        pytest.param("runs 99999999999999999999", id="a run to be shown"),
        pytest.param("alerts silence 99999999999999999999 --until 2h", id="an alert"),
        pytest.param("schedule next -n 99999999999", id="a count"),
        pytest.param("queue pause openai --until 99999999999d", id="a time to come"),
        pytest.param(f"queue pause openai --until {'9' * 400}d", id="a time that no float holds"),
        pytest.param(
            "queue pause openai --until 9999-12-31T23:59-12", id="the end of the calendar"
        ),
        pytest.param("schedule run a --timeout 999999999999999d", id="a patience"),
        pytest.param("work --metrics-port 70000", id="a port"),
    ],
)
def test_a_number_that_is_too_large_is_wrong_usage(line: str) -> None:
    """Said before anybody looks for a database."""
    done = autom(*line.split())
    assert (done.code, done.out) == (exits.USAGE, "")
    assert "Invalid value" in done.err or "not the number of" in done.err
    assert "autom migrate" not in done.err
