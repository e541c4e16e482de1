"""Replaceable code: functions/, views/ and policies/ hold the present text, and nothing else does.

``apply`` runs the files after the last revision, in the revision's transaction: schema by schema,
functions before views before policies, by name. A file whose first line is ``-- needs: jobs.ready``
comes after the one it names. What a file made once and no file makes now is stale, and dropped
with ``restrict``: an upgrade that would strand something fails by name. Every right comes from a
file too, so the pass first takes all of ours back.

``create or replace`` keeps parameters, result and columns as they are. Where a file changes those,
what stands there is dropped first, together with what of ours leans on it, which is made after it
by its own files; what is not ours and leans on any of that makes the upgrade fail by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).parent
SCHEMAS = ("jobs", "accounts", "shops")
ROLES = (
    "autom_worker",
    "autom_web",
    "autom_operator",
    "autom_reader",
    "anon",
    "authenticated",
    "service_role",
)
MADE_BY_REVISIONS = ("jobs.clock",)
"""Functions that column defaults use: they are state, and no file makes them."""

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class File:
    """One file of code; ``name`` is ``jobs.claim`` for functions/jobs/claim.sql."""

    path: Path
    name: str
    text: str

    @property
    def kind(self) -> str:
        return {"functions": "routine", "views": "view"}.get(self.path.parts[-3], "policies")

    @property
    def needs(self) -> list[str]:
        first, _, _ = self.text.partition("\n")
        word, _, names = first.partition("needs:")
        return names.replace(",", " ").split() if word.strip() == "--" else []


def files(root: Path = ROOT) -> list[File]:
    """Every file, in the order in which it is applied."""
    return list(_after_what_they_need(list(_by_name(root))))


def digest(files: list[File], root: Path = ROOT) -> str:
    """What the code adds up to: differs whenever a file comes, goes or changes."""
    sha = hashlib.sha256()
    for file in files:
        sha.update(f"{file.path.relative_to(root).as_posix()}\0{file.text}\0".encode())
    return sha.hexdigest()


def apply(conn: Connection, root: Path = ROOT) -> bool:
    """Bring the code to the files inside the caller's transaction; False where it was so already."""
    present = files(root)
    wanted = digest(present, root)
    conn.execute(_BOOKKEEPING)
    if conn.execute("select digest from autom.code").fetchone() == (wanted,):
        return False
    conn.execute("set local check_function_bodies = off")
    conn.execute(_revoke_everything())
    before = _objects(conn)
    standing = {(each.kind, each.maker) for each in before}
    for file in present:
        try:
            if (file.kind, file.name) in standing:
                _run_over(conn, file)
            else:
                conn.execute(file.text.encode())
        except psycopg.Error as error:
            error.add_note(f"while applying {file.path.relative_to(root)}")
            raise
    _drop(conn, before & _objects(conn))
    conn.execute("set local check_function_bodies = on")
    _validate(conn)
    conn.execute(
        "insert into autom.code (digest) values (%s)"
        " on conflict (only_row) do update set digest = excluded.digest",
        [wanted],
    )
    return True


def forget(conn: Connection) -> None:
    """The files no longer describe this database: the next upgrade to head applies its own."""
    conn.execute(_BOOKKEEPING)
    conn.execute("delete from autom.code")


@dataclass(frozen=True)
class _Object:
    kind: str
    maker: str
    """What the file that makes it is called; nothing where its name does not say."""
    name: str
    version: str
    """Changes with every create or replace."""


def _by_name(root: Path) -> Iterator[File]:
    for schema in SCHEMAS:
        paths = [
            *sorted((root / "functions" / schema).glob("*.sql")),
            *sorted((root / "views" / schema).glob("*.sql")),
            root / "policies" / f"{schema}.sql",
        ]
        for path in filter(Path.exists, paths):
            name = path.stem if path.parent.name == "policies" else f"{schema}.{path.stem}"
            yield File(path, name, path.read_text())


def _after_what_they_need(files: list[File]) -> Iterator[File]:
    makers: dict[str, list[File]] = {name: [] for name in MADE_BY_REVISIONS}
    for file in files:
        makers.setdefault(file.name, []).append(file)
    done: set[Path] = set()

    def visit(file: File, path: tuple[str, ...]) -> Iterator[File]:
        if file.path in done:
            return
        if file.name in path:
            raise ValueError(f"files need each other in a circle: {' -> '.join(path)}")
        for need in file.needs:
            if need not in makers:
                raise ValueError(f"{file.path} needs {need}, which no file makes")
            for maker in makers[need]:
                yield from visit(maker, (*path, file.name))
        done.add(file.path)
        yield file

    for file in files:
        yield from visit(file, ())


def _revoke_everything() -> bytes:
    schemas, roles = ", ".join(SCHEMAS), ", ".join(("public", *ROLES))
    return "".join(
        f"revoke all on {what} {schemas} from {roles};\n"
        for what in (
            "all tables in schema",
            "all sequences in schema",
            "all routines in schema",
            "schema",
        )
    ).encode()


def _run_over(conn: Connection, file: File) -> None:
    """What stands there and cannot be replaced makes way, with what of ours leans on it."""
    with suppress(*_IN_THE_WAY), conn.transaction():
        conn.execute(file.text.encode())
        if file.kind == "view" or conn.execute(_IS_ALONE, file.name.split(".")).fetchone() == (1,):
            return
    _drop(conn, _objects(conn, _LEANING, kind=file.kind, maker=file.name))
    conn.execute(file.text.encode())


def _objects(conn: Connection, which: str = "", **arguments: str) -> set[_Object]:
    ours = {"schemas": list(SCHEMAS), "kept": list(MADE_BY_REVISIONS)}
    rows = conn.execute((_OBJECTS + (which or _ALL)).encode(), ours | arguments)
    return {_Object(*row) for row in rows.fetchall()}


def _drop(conn: Connection, stale: set[_Object]) -> None:
    """What goes together may lean on each other, so each kind goes in one statement."""
    for kind in ("policy", "trigger"):
        for name in sorted(each.name for each in stale if each.kind == kind):
            conn.execute(f"drop {kind} {name} restrict".encode())
    for kind in ("view", "routine"):
        if names := sorted(each.name for each in stale if each.kind == kind):
            conn.execute(f"drop {kind} {', '.join(names)} restrict".encode())


def _validate(conn: Connection) -> None:
    """Bodies were not looked at while the files went in, for they may name each other."""
    for oid, validator, name in conn.execute(_BODIES, {"schemas": list(SCHEMAS)}).fetchall():
        try:
            conn.execute(f"select pg_catalog.{validator}({oid})".encode())
        except psycopg.Error as error:
            error.add_note(f"while checking the body of {name}")
            raise


_BOOKKEEPING = """
create table if not exists autom.code (
  only_row boolean primary key default true,
  digest   text not null,
  constraint code_is_one_row check (only_row)
);
comment on table autom.code is
  'The checksum over the files of functions, views and policies that were applied last.';
"""

_IN_THE_WAY = (
    psycopg.errors.AmbiguousFunction,
    psycopg.errors.InvalidFunctionDefinition,
    psycopg.errors.InvalidTableDefinition,
    psycopg.errors.WrongObjectType,
)
"""A comment or grant finds two of a name; other parameters or results; columns; another kind."""

_IS_ALONE = """
select count(*)
from pg_catalog.pg_proc as p
where p.pronamespace = %s::pg_catalog.regnamespace and p.proname = %s
"""

_OBJECTS = """
with recursive objects (classid, objid, kind, maker, name, version) as (
  select p.tableoid, p.oid, 'routine',
         p.pronamespace::pg_catalog.regnamespace::text || '.' || p.proname,
         p.oid::pg_catalog.regprocedure::text, p.ctid::text
  from pg_catalog.pg_proc as p
  where p.pronamespace = any (%(schemas)s::pg_catalog.regnamespace[])
    and p.pronamespace::pg_catalog.regnamespace::text || '.' || p.proname <> all (%(kept)s)
  union all
  select c.tableoid, c.oid, 'view',
         c.relnamespace::pg_catalog.regnamespace::text || '.' || c.relname,
         c.oid::pg_catalog.regclass::text, r.ctid::text
  from pg_catalog.pg_class as c
  join pg_catalog.pg_rewrite as r on r.ev_class = c.oid and r.rulename = '_RETURN'
  where c.relkind = 'v' and c.relnamespace = any (%(schemas)s::pg_catalog.regnamespace[])
  union all
  select t.tableoid, t.oid, 'trigger', '',
         pg_catalog.format('%%I on %%s', t.tgname, t.tgrelid::pg_catalog.regclass), t.ctid::text
  from pg_catalog.pg_trigger as t
  join pg_catalog.pg_class as c on c.oid = t.tgrelid
  where not t.tgisinternal and t.tgparentid = 0
    and c.relnamespace = any (%(schemas)s::pg_catalog.regnamespace[])
  union all
  select p.tableoid, p.oid, 'policy', '',
         pg_catalog.format('%%I on %%s', p.polname, p.polrelid::pg_catalog.regclass), p.ctid::text
  from pg_catalog.pg_policy as p
  join pg_catalog.pg_class as c on c.oid = p.polrelid
  where c.relnamespace = any (%(schemas)s::pg_catalog.regnamespace[])
)"""

_ALL = """
select o.kind, o.maker, o.name, o.version from objects as o
"""

_LEANING = """,
leaning (classid, objid) as (
  select o.classid, o.objid from objects as o where o.kind = %(kind)s and o.maker = %(maker)s
  union
  -- It is a view's rule that leans on what the view reads.
  select coalesce(c.tableoid, d.classid), coalesce(c.oid, d.objid)
  from leaning as l
  join pg_catalog.pg_depend as d on d.refclassid = l.classid and d.refobjid = l.objid
  left join pg_catalog.pg_rewrite as r
    on r.tableoid = d.classid and r.oid = d.objid and r.rulename = '_RETURN'
  left join pg_catalog.pg_class as c on c.oid = r.ev_class
)
select o.kind, o.maker, o.name, o.version
from leaning as l
join objects as o on o.classid = l.classid and o.objid = l.objid
"""

_BODIES = """
select p.oid, v.proname, p.oid::pg_catalog.regprocedure::text
from pg_catalog.pg_proc as p
join pg_catalog.pg_language as l on l.oid = p.prolang
join pg_catalog.pg_proc as v on v.oid = l.lanvalidator
where p.pronamespace = any (%(schemas)s::pg_catalog.regnamespace[])
"""
