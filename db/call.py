"""The one door from Python to SQL: a function is called, a view is read, both by name.

Arguments go by name and get the prefix ``p_``; rows come back as frozen dataclasses whose fields
are the columns asked for; a refusal comes back as its class of ``db.errors``::

    jobs = call(conn, "jobs.claim", Job, worker="w1", limit=10)
    job_id = value(conn, "jobs.enqueue", kind="shops.draw_design", payload={"product_id": 1})
    dead = select(conn, "jobs.dead", Dead, where={"kind": "shops.draw_design"}, limit=20)

A dict is sent as jsonb, a list as an array (of jsonb where it holds dicts); wrap a list that is
itself one JSON value in ``Jsonb``. The connection decides about the transaction: each call is its
own on an autocommit connection, and part of the caller's where one is open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db.errors import refusal

Row = TypeVar("Row")
Connection = psycopg.Connection[Any]
AsyncConnection = psycopg.AsyncConnection[Any]
Where = Mapping[str, Any]

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_VOID = 2278
_json = json.JSONEncoder().encode


def call(conn: Connection, function: str, row: type[Row], /, **arguments: Any) -> list[Row]:
    """Call a function that returns rows."""
    with _refusals(), conn.cursor(row_factory=class_row(row)) as cursor:
        query = _asked(function, row, tuple(arguments))
        return cursor.execute(query, _sent_all(arguments)).fetchall()


def value(conn: Connection, function: str, /, **arguments: Any) -> Any:
    """Call a function that returns one value; None where it returns nothing."""
    with _refusals(), conn.cursor() as cursor:
        cursor.execute(_asked(function, None, tuple(arguments)), _sent_all(arguments))
        return _scalar(cursor, cursor.fetchone())


def select(
    conn: Connection,
    view: str,
    row: type[Row],
    /,
    where: Where | None = None,
    order: str | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Read a view. In ``where`` None asks for null and a list for any of its items.

    ``order`` is columns parted by commas, each with an optional ``desc``.
    """
    with _refusals(), conn.cursor(row_factory=class_row(row)) as cursor:
        query = _select(view, _columns(row), where or {}, order, limit, _hole)
        return cursor.execute(query, _sent_all(where or {})).fetchall()


async def acall(
    conn: AsyncConnection, function: str, row: type[Row], /, **arguments: Any
) -> list[Row]:
    """``call`` on an asynchronous connection."""
    with _refusals():
        async with conn.cursor(row_factory=class_row(row)) as cursor:
            query = _asked(function, row, tuple(arguments))
            await cursor.execute(query, _sent_all(arguments))
            return await cursor.fetchall()


async def avalue(conn: AsyncConnection, function: str, /, **arguments: Any) -> Any:
    """``value`` on an asynchronous connection."""
    with _refusals():
        async with conn.cursor() as cursor:
            query = _asked(function, None, tuple(arguments))
            await cursor.execute(query, _sent_all(arguments))
            return _scalar(cursor, await cursor.fetchone())


async def aselect(
    conn: AsyncConnection,
    view: str,
    row: type[Row],
    /,
    where: Where | None = None,
    order: str | None = None,
    limit: int | None = None,
) -> list[Row]:
    """``select`` on an asynchronous connection."""
    with _refusals():
        async with conn.cursor(row_factory=class_row(row)) as cursor:
            query = _select(view, _columns(row), where or {}, order, limit, _hole)
            await cursor.execute(query, _sent_all(where or {}))
            return await cursor.fetchall()


def text(function: str, /, **arguments: Any) -> str:
    """The line that a person types in psql to make this call."""
    return _call(function, _ALL, arguments, _literal).as_string(None) + ";"


def text_select(
    view: str,
    /,
    where: Where | None = None,
    order: str | None = None,
    limit: int | None = None,
) -> str:
    """The line that a person types in psql to read this view."""
    return _select(view, _ALL, where or {}, order, limit, _literal).as_string(None) + ";"


def text_each(
    function: str, view: str, column: str, /, where: Where | None = None, **arguments: Any
) -> str:
    """The line that a person types to make a call for each row of a view, with its ``column``."""
    named = [
        sql.SQL("{} => {}").format(_name(f"p_{column}"), _name(column)),
        *_named(arguments, _literal),
    ]
    parts = [
        sql.SQL("select {}({}) from {}").format(
            _qualified(function), sql.SQL(", ").join(named), _qualified(view)
        ),
        *_where(where or {}, _literal),
    ]
    return sql.SQL(" ").join(parts).as_string(None) + ";"


_ALL = sql.SQL("*")
Holes = Callable[[str, Any], sql.Composable]


def _hole(name: str, argument: Any) -> sql.Composable:
    return sql.Placeholder(name)


def _literal(name: str, argument: Any) -> sql.Composable:
    return sql.Literal(_sent(argument))


def _sent(argument: Any) -> Any:
    if isinstance(argument, dict):
        return Jsonb(argument)
    if isinstance(argument, list | tuple):
        if argument and all(type(item) is dict for item in argument):
            return _array_of_json(argument)
        return [_sent(item) for item in argument]
    return argument


def _array_of_json(items: Sequence[dict[str, Any]]) -> str:
    """An array of jsonb as Postgres reads it: several times faster than to let the driver do it."""
    texts = (_json(item).replace("\\", r"\\").replace('"', r"\"") for item in items)
    return "{" + ",".join(f'"{text}"' for text in texts) + "}"


def _sent_all(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _sent(argument) for name, argument in arguments.items()}


def _compose(function: str, row: type[Any] | None, names: tuple[str, ...]) -> bytes:
    columns = _ALL if row is None else _columns(row)
    return _call(function, columns, dict.fromkeys(names), _hole).as_bytes(None)


_asked: Callable[..., bytes] = lru_cache(maxsize=1024)(_compose)
"""The query of a call depends on no argument, and to compose it takes as long as to send it."""


def _call(
    function: str, columns: sql.Composable, arguments: Mapping[str, Any], hole: Holes
) -> sql.Composed:
    return sql.SQL("select {} from {}({})").format(
        columns, _qualified(function), sql.SQL(", ").join(_named(arguments, hole))
    )


def _named(arguments: Mapping[str, Any], hole: Holes) -> list[sql.Composable]:
    return [
        sql.SQL("{} => {}").format(_name(f"p_{name}"), hole(name, argument))
        for name, argument in arguments.items()
    ]


def _select(
    view: str,
    columns: sql.Composable,
    where: Where,
    order: str | None,
    limit: int | None,
    hole: Holes,
) -> sql.Composed:
    parts = [
        sql.SQL("select {} from {}").format(columns, _qualified(view)),
        *_where(where, hole),
    ]
    if order:
        terms = [_term(term) for term in order.split(",")]
        parts.append(sql.SQL("order by {}").format(sql.SQL(", ").join(terms)))
    if limit is not None:
        parts.append(sql.SQL("limit {}").format(sql.Literal(int(limit))))
    return sql.SQL(" ").join(parts)


def _where(where: Where, hole: Holes) -> list[sql.Composable]:
    if not where:
        return []
    tests = [_test(name, wanted, hole) for name, wanted in where.items()]
    return [sql.SQL("where {}").format(sql.SQL(" and ").join(tests))]


def _test(name: str, wanted: Any, hole: Holes) -> sql.Composed:
    if wanted is None:
        return sql.SQL("{} is null").format(_name(name))
    shape = "{} = any({})" if isinstance(wanted, list | tuple) else "{} = {}"
    return sql.SQL(shape).format(_name(name), hole(name, wanted))


def _term(term: str) -> sql.Composed:
    column, _, direction = term.strip().partition(" ")
    if direction not in ("", "asc", "desc"):
        raise ValueError(f"order by what: {term!r}")
    return sql.SQL(" ").join([_name(column), *([sql.SQL(direction)] if direction else [])])


def _columns(row: type[Any]) -> sql.Composable:
    return sql.SQL(", ").join(_name(field.name) for field in fields(row))


def _qualified(name: str) -> sql.Composed:
    schema, _, rest = name.partition(".")
    return sql.SQL(".").join((_name(schema), _name(rest)))


def _name(name: str) -> sql.Composable:
    """Names are ours, never a user's, and need no quotes; anything else is a mistake."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name: {name!r}")
    return sql.SQL(name)


def _scalar(cursor: psycopg.Cursor[Any] | psycopg.AsyncCursor[Any], row: Any) -> Any:
    # Not cursor.description, which makes a Column of each column.
    if row is None or cursor.pgresult is None or cursor.pgresult.ftype(0) == _VOID:
        return None
    return row[0]


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        if refused := refusal(error):
            raise refused from error
        raise
