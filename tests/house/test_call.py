"""The one door from Python to SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from db import call as door
from db import database as databases
from db.errors import BY_CODE, Refused

Db = psycopg.Connection[Any]
AN_ID = UUID("00000000-0000-0000-0000-000000000001")

ECHO = """
create function shops.echo(p_given {type}, p_other integer default 0)
returns table (given {type}, other integer)
language sql stable as 'select p_given, p_other'
"""


@dataclass(frozen=True)
class Echo:
    given: Any


@pytest.mark.parametrize(
    ("type", "given", "back"),
    [
        pytest.param("integer", 1, 1, id="a small number where the function takes integer"),
        pytest.param("bigint", 1, 1, id="a small number where it takes bigint"),
        pytest.param("bigint", 2**40, 2**40, id="a large number"),
        pytest.param("numeric", Decimal("29.99"), Decimal("29.99"), id="money"),
        pytest.param("text", "O'Neil: 100 % \\ {}", "O'Neil: 100 % \\ {}", id="a text"),
        pytest.param("text", None, None, id="nothing"),
        pytest.param("uuid", str(AN_ID), AN_ID, id="an id as text"),
        pytest.param("uuid", AN_ID, AN_ID, id="an id"),
        pytest.param("interval", timedelta(minutes=5), timedelta(minutes=5), id="a duration"),
        pytest.param(
            "timestamptz",
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2026, 1, 1, tzinfo=UTC),
            id="a moment",
        ),
        pytest.param("jsonb", {"a": [1, None, "ü"]}, {"a": [1, None, "ü"]}, id="a dict is jsonb"),
        pytest.param("jsonb", Jsonb([1, 2]), [1, 2], id="a wrapped list is jsonb"),
        pytest.param("jsonb[]", [{"a": 1}, {}], [{"a": 1}, {}], id="dicts are an array of jsonb"),
        pytest.param("bigint[]", [1, 2**40], [1, 2**40], id="a list is an array"),
        pytest.param("text[]", [], [], id="an empty list"),
        pytest.param("text[]", ["a", None, "b,c"], ["a", None, "b,c"], id="texts and a null"),
        pytest.param("uuid[]", [str(AN_ID)], [AN_ID], id="ids as texts"),
    ],
)
def test_a_value_goes_there_and_back(type: str, given: Any, back: Any, db: Db) -> None:
    db.execute(ECHO.format(type=type).encode())
    assert door.call(db, "shops.echo", Echo, given=given) == [Echo(back)]
    typed = db.execute(door.text("shops.echo", given=given).encode()).fetchone()
    assert typed is not None
    assert typed[0] == back


@dataclass(frozen=True)
class Pair:
    other: int
    given: str


def test_columns_go_to_the_fields_of_their_name(db: Db) -> None:
    db.execute(ECHO.format(type="text").encode())
    assert door.call(db, "shops.echo", Pair, given="a", other=2) == [Pair(other=2, given="a")]


@dataclass(frozen=True)
class Missing:
    nothing: str


def test_a_field_that_is_no_column_is_an_error_of_the_database(db: Db) -> None:
    db.execute(ECHO.format(type="text").encode())
    with pytest.raises(psycopg.errors.UndefinedColumn), db.transaction():
        door.call(db, "shops.echo", Missing, given="a")


@pytest.mark.parametrize(
    ("returns", "body", "back"),
    [
        pytest.param("bigint", "select 7::bigint", 7, id="a number"),
        pytest.param("jsonb", """select '{"a": [1]}'::jsonb""", {"a": [1]}, id="a document"),
        pytest.param("text", "select null::text", None, id="null"),
        pytest.param("void", "select 1", None, id="nothing"),
        pytest.param("setof integer", "select 1 where false", None, id="no row"),
    ],
)
def test_one_value(returns: str, body: str, back: Any, db: Db) -> None:
    db.execute(f"create function shops.one() returns {returns} language sql as $${body}$$".encode())
    assert door.value(db, "shops.one") == back


VIEW = """
create view shops.letters as
select * from (values (1, 'a', null), (2, 'b', 'x'), (3, 'c', 'x')) as v (place, letter, mark)
"""


@dataclass(frozen=True)
class Letter:
    letter: str


@pytest.mark.parametrize(
    ("asked", "letters", "typed"),
    [
        pytest.param({}, "abc", "select * from shops.letters;", id="everything"),
        pytest.param(
            {"where": {"mark": "x"}},
            "bc",
            "select * from shops.letters where mark = 'x';",
            id="where a column is",
        ),
        pytest.param(
            {"where": {"mark": None}},
            "a",
            "select * from shops.letters where mark is null;",
            id="where a column is null",
        ),
        pytest.param(
            {"where": {"place": [1, 3], "letter": "c"}},
            "c",
            "select * from shops.letters where place = any('{1,3}'::int2[]) and letter = 'c';",
            id="where a column is any of a list, and another",
        ),
        pytest.param(
            {"order": "mark desc, place desc", "limit": 2},
            "ac",
            "select * from shops.letters order by mark desc, place desc limit 2;",
            id="in an order, so many",
        ),
    ],
)
def test_a_view(asked: dict[str, Any], letters: str, typed: str, db: Db) -> None:
    db.execute(VIEW)
    assert (
        "".join(row.letter for row in door.select(db, "shops.letters", Letter, **asked)) == letters
    )
    assert door.text_select("shops.letters", **asked) == typed


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"order": "letter; drop table x"}, id="in the order"),
        pytest.param({"order": "letter sideways"}, id="in the direction"),
        pytest.param({"where": {"letter = letter or true": 1}}, id="in a column"),
        pytest.param({"limit": "1; drop table x"}, id="in the limit"),
    ],
)
def test_what_is_no_name_never_reaches_the_database(asked: dict[str, Any], db: Db) -> None:
    with pytest.raises(ValueError):
        door.select(db, "shops.letters", Letter, **asked)


REFUSES = """
create function shops.refuse(p_code text) returns void language plpgsql as $$
begin
  raise exception using
    errcode = p_code, message = 'No.', detail = 'why=because', hint = 'Ask again.';
end;
$$
"""


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_a_refusal_is_its_class(code: str, db: Db) -> None:
    db.execute(REFUSES)
    with pytest.raises(BY_CODE[code]) as refused, db.transaction():
        door.value(db, "shops.refuse", code=code)
    assert isinstance(refused.value, Refused)
    assert (refused.value.code, str(refused.value)) == (code, "No.\nwhy=because\nAsk again.")


def test_what_is_no_refusal_stays_as_it_is(db: Db) -> None:
    with pytest.raises(psycopg.errors.UndefinedFunction), db.transaction():
        door.value(db, "shops.nothing_of_that_name")


@pytest.fixture
async def aconn(database: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await databases.aconnect(database) as conn:
        yield conn


async def test_the_asynchronous_twins(aconn: psycopg.AsyncConnection[Any]) -> None:
    async with aconn.transaction(force_rollback=True):
        await aconn.execute(ECHO.format(type="text").encode())
        await aconn.execute(VIEW)
        await aconn.execute(REFUSES)
        assert await door.acall(aconn, "shops.echo", Echo, given="a") == [Echo("a")]
        assert await door.avalue(aconn, "shops.echo", given="a") == "a"
        assert await door.aselect(aconn, "shops.letters", Letter, limit=1) == [Letter("a")]
        with pytest.raises(BY_CODE["JQ001"]):
            await door.avalue(aconn, "shops.refuse", code="JQ001")


def test_each_call_is_its_own_transaction_unless_one_is_open(database: str) -> None:
    with databases.connect(database) as conn, databases.connect(database) as other:
        door.value(conn, "jobs.pause", queue="default", reason="a test")
        assert paused(other)
        with conn.transaction(force_rollback=True):
            door.value(conn, "jobs.resume", queue="default")
            assert paused(other)
        assert paused(conn)


@dataclass(frozen=True)
class Queue:
    paused: bool


def paused(conn: Db) -> bool:
    (queue,) = door.select(conn, "jobs.queues_status", Queue, where={"queue": "default"})
    return queue.paused
