"""The house style, asked of the files: what can be seen without a server.

``./autom check`` runs this; ``test_house_rules.py`` asks the catalogue for the rest. Each rule here
has a text that it must find fault with.
"""

from __future__ import annotations

import ast
import itertools
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pglast import parse_plpgsql, parse_sql
from pglast.parser import ParseError

from db import code, errors
from db.migrations import VERSIONS

HOUSE = code.ROOT.parent
FUNCTIONS = sorted(code.ROOT.glob("functions/*/*.sql"))
VIEWS = sorted(code.ROOT.glob("views/*/*.sql"))
POLICIES = sorted(code.ROOT.glob("policies/*.sql"))
REVISIONS = sorted(VERSIONS.glob("*.sql"))
CODE = [*FUNCTIONS, *VIEWS, *POLICIES]
OUTSIDE = [path for room in ("workers", "cli", "web") for path in HOUSE.glob(f"{room}/**/*.py")]

MAY_USE = {"jobs": {"jobs"}, "accounts": {"jobs", "accounts"}, "shops": set(code.SCHEMAS)}
CLASS_OF = {"jobs": "JQ", "accounts": "US", "shops": "SH"}
"""A schema raises its own refusals and those of the schemas that it may use."""
TABLES = {
    name
    for path in REVISIONS
    for name in re.findall(r"^create table (\w+\.\w+)", path.read_text(), re.MULTILINE)
}


def name_of(path: Path) -> str:
    return str(path.relative_to(HOUSE))


@pytest.mark.parametrize("path", [*CODE, *REVISIONS], ids=name_of)
def test_a_file_parses(path: Path) -> None:
    text = path.read_text()
    parse_sql(text)
    if "language plpgsql" in text:
        try:
            parse_plpgsql(text)
        except ParseError as error:
            # It knows no types of ours; a server looks at these when they are applied.
            if "only supports pg_catalog and public" not in str(error):
                raise


def without_comments(text: str) -> str:
    text = re.sub(r"--.*", "", text)
    return re.sub(r"(?ms)^comment on .*?';$", "", text)


def schema_of(path: Path) -> str:
    return path.stem if path.parent.name == "policies" else path.parent.name


def long_lines(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > 100:
            yield f"line {number} has {len(line)} characters"


def not_what_the_path_says(path: Path, text: str) -> Iterator[str]:
    kind = "(?:function|procedure)" if "functions" in path.parts else "view"
    made = re.findall(rf"(?m)^create or replace {kind} (\S+?)(?:\(| |$)", text)
    if made != [f"{path.parent.name}.{path.stem}"]:
        yield f"makes {made}"


def out_of_order(path: Path, text: str) -> Iterator[str]:
    """Definition, comment, grants."""
    places = [
        match.start() if match else len(text)
        for match in (
            re.search(r"(?m)^create or replace", text),
            re.search(r"(?m)^comment on (function|procedure|view)", text),
            re.search(r"(?m)^grant", text),
        )
    ]
    if places != sorted(places) or places[1] == len(text):
        yield "not in the order definition, comment, grants"


def silent_about_volatility(path: Path, text: str) -> Iterator[str]:
    if not re.search(r"(?m)^(immutable|stable|volatile)\b|^create or replace procedure", text):
        yield "does not say immutable, stable or volatile"


CLOCKS = re.compile(
    r"\b(now|transaction_timestamp|statement_timestamp|clock_timestamp|timeofday)\s*\("
    r"|\b(current_timestamp|current_date|current_time|localtimestamp|localtime)\b"
)


def another_clock(path: Path, text: str) -> Iterator[str]:
    for found in CLOCKS.finditer(without_comments(text)):
        # The kernel's ids, partitions and heartbeats go by the machine's time.
        if found[1] != "clock_timestamp" or schema_of(path) != "jobs":
            yield f"uses {found[0]}: time is jobs.clock()"


def a_catch_all(path: Path, text: str) -> Iterator[str]:
    """The kernel may: it runs functions of others, and one that fails must not stop the rest."""
    if schema_of(path) != "jobs" and re.search(r"\bwhen\s+others\b", without_comments(text)):
        yield "catches when others"


def badly_named_variables(path: Path, text: str) -> Iterator[str]:
    for indent, block in re.findall(r"(?ms)^( *)declare$(.*?)^ *begin$", text):
        for name in re.findall(rf"(?m)^{indent}  (\w+) ", block):
            if not name.startswith("v_"):
                yield f"variable {name} does not start with v_"
    results = re.findall(r"(?ms)^returns table \((.*?)\)$", text)
    for name in re.findall(r"\bfor(?:each)? (\w+) (?:in|slice)\b.*loop", text):
        if not name.startswith("v_") and not any(name in result for result in results):
            yield f"variable {name} does not start with v_"


def used(text: str) -> set[tuple[str, str]]:
    names = "|".join(code.SCHEMAS)
    return set(re.findall(rf"(?<![\w.'])({names})\.(\w+)", without_comments(text)))


def reaches_up(path: Path, text: str) -> Iterator[str]:
    for schema, name in used(text):
        if schema not in MAY_USE[schema_of(path)]:
            yield f"{schema_of(path)} may not use {schema}.{name}"


def reads_anothers_table(path: Path, text: str) -> Iterator[str]:
    for schema, name in used(text):
        if schema != schema_of(path) and f"{schema}.{name}" in TABLES:
            yield f"{schema}.{name} is a table of another schema"


def calls_anothers_helper(path: Path, text: str) -> Iterator[str]:
    for schema, name in used(text):
        if schema != schema_of(path) and name.startswith("_"):
            yield f"{schema}.{name} is a helper of another schema"


def raises_what_has_no_class(path: Path, text: str) -> Iterator[str]:
    for found in re.findall(r"errcode\s*=\s*'(\w{5})'", text):
        if found not in errors.BY_CODE:
            yield f"{found} has no class in db/errors.py"
        if found[:2] not in {CLASS_OF[schema] for schema in MAY_USE[schema_of(path)]}:
            yield f"{found} is a refusal of a schema that {schema_of(path)} does not use"


def index_that_says_nothing(path: Path, text: str) -> Iterator[str]:
    lines = ["", *text.splitlines()]
    for above, line in itertools.pairwise(lines):
        if re.match(r"create (unique )?index", line) and not above.startswith("--"):
            yield f"no comment says what it serves: {line}"


@dataclass(frozen=True)
class Rule:
    """Finds fault with a text; must find it with ``bad`` as the text of ``at``."""

    find: Callable[[Path, str], Iterator[str]]
    where: list[Path]
    bad: str
    at: str = "functions/accounts/bad.sql"


RULES = {
    "lines end at 100 characters": Rule(long_lines, [*CODE, *REVISIONS], "x" * 101),
    "path and name agree, one a file": Rule(
        not_what_the_path_says, [*FUNCTIONS, *VIEWS], "create or replace function accounts.other("
    ),
    "definition, comment, grants": Rule(
        out_of_order, [*FUNCTIONS, *VIEWS], "create or replace function accounts.bad()\ngrant"
    ),
    "volatility is said": Rule(silent_about_volatility, FUNCTIONS, "language sql\nas"),
    "time is jobs.clock()": Rule(another_clock, CODE, "select now()"),
    "no exception is caught blindly": Rule(a_catch_all, CODE, "exception\n  when others then"),
    "variables start with v_": Rule(
        badly_named_variables, FUNCTIONS, "declare\n  amount bigint := 0;\nbegin\n"
    ),
    "loop variables start with v_": Rule(badly_named_variables, FUNCTIONS, "for i in 1..2 loop"),
    "a schema uses those below it": Rule(reaches_up, CODE, "select shops.plan_creation()"),
    "no schema reads another's tables": Rule(
        reads_anothers_table,
        CODE,
        "select * from accounts.users as u",
        at="functions/shops/bad.sql",
    ),
    "no schema calls another's helpers": Rule(
        calls_anothers_helper, CODE, "select jobs._promote(1)"
    ),
    "each errcode has its class": Rule(raises_what_has_no_class, CODE, "errcode = 'US999'"),
    "each errcode is of its schema or below": Rule(
        raises_what_has_no_class, CODE, "errcode = 'SH001'"
    ),
    "an index says what it serves": Rule(
        index_that_says_nothing, REVISIONS, "\ncreate index on accounts.users (email);"
    ),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_file_keeps_the_rule(rule: Rule) -> None:
    found = [
        f"{name_of(path)}: {fault}"
        for path in rule.where
        for fault in rule.find(path, path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_rule_finds_fault(rule: Rule) -> None:
    assert list(rule.find(code.ROOT / rule.at, rule.bad))


def test_each_class_of_refusal_is_raised_somewhere() -> None:
    text = "".join(path.read_text() for path in FUNCTIONS)
    assert {known for known in errors.BY_CODE if f"'{known}'" not in text} == set()


DOORS = {"execute", "executemany", "copy", "stream"}


def sql_beside_the_door(source: str) -> Iterator[str]:
    """``db.call`` is the only way to the database; nobody else hands it text."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in DOORS:
                yield f"line {node.lineno}: {ast.unparse(node)[:60]}"


@pytest.mark.parametrize("path", OUTSIDE, ids=name_of)
def test_there_is_no_sql_outside_the_database(path: Path) -> None:
    assert list(sql_beside_the_door(path.read_text())) == []


def test_sql_outside_the_database_is_found() -> None:
    assert list(sql_beside_the_door("conn.execute('select 1')"))


LOCK = (HOUSE / "requirements.lock").read_text()


def test_the_lock_has_what_the_project_needs() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    names = {re.split(r"[\[<>=!~;]", line)[0].strip().lower() for line in asked}
    locked = {re.split(r"[\[=]", line)[0] for line in re.findall(r"(?m)^\S+==", LOCK)}
    assert names - locked == set()


def test_the_lock_names_no_host_and_every_hash() -> None:
    assert not re.search(r"https?://|--(index|extra|find)", LOCK)
    assert all(line.endswith("\\") for line in re.findall(r"(?m)^\S+==.*$", LOCK))
