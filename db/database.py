"""The database that AutoM works in: connect to it, see whether it may be used, bring it to head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from db import code
from db.server import MINIMUM

if TYPE_CHECKING:
    from alembic.config import Config

# alembic is imported where an upgrade needs it: it takes a second, every command connects.

PATIENCE = 10
"""Seconds to wait for a server that does not answer, unless the URL says ``connect_timeout``."""


class Unusable(Exception):
    """This database cannot be used as it is: what is wrong, why, and what to do, in one sentence."""


@dataclass(frozen=True)
class Step:
    """A revision and what it is about."""

    revision: str
    title: str


@dataclass(frozen=True)
class State:
    """Where a database stands."""

    chain: list[Step]
    """All that there are, first to last."""
    done: int
    """How many of them it has behind it; 0 where nothing of AutoM is there."""
    code_differs: bool

    @property
    def pending(self) -> list[Step]:
        return self.chain[self.done :]

    @property
    def current(self) -> bool:
        return not self.pending and not self.code_differs

    def steps(self, to: str) -> tuple[list[Step], bool]:
        """What lies between here and a revision, and whether the way there leads back."""
        places = {"base": 0, "head": len(self.chain)}
        places |= {step.revision: place for place, step in enumerate(self.chain, start=1)}
        if to not in places:
            raise Unusable(f"There is no revision {to}: there are {', '.join(places)}.")
        if (there := places[to]) < self.done:
            return self.chain[there : self.done][::-1], True
        return self.chain[self.done : there], False


def connect(url: str, **options: Any) -> psycopg.Connection[Any]:
    """A connection whose every call is its own transaction; right for PgBouncer too."""
    return psycopg.connect(url, autocommit=True, prepare_threshold=None, **options)


@contextmanager
def looking(url: str, seconds: float, **options: Any) -> Iterator[psycopg.Connection[Any]]:
    """A transaction in which a statement that takes longer is given up."""
    with connect(url, **options) as conn, conn.transaction():
        conn.execute("select set_config('statement_timeout', %s, true)", [f"{seconds}s"])
        yield conn


async def aconnect(url: str, **options: Any) -> psycopg.AsyncConnection[Any]:
    """``connect`` for asynchronous code."""
    return await psycopg.AsyncConnection.connect(
        url, autocommit=True, prepare_threshold=None, **options
    )


def reach(url: str) -> psycopg.Connection[Any]:
    """``connect`` to a database that a person named. Raises ``Unusable`` where there is no way."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # What libpq says here quotes the URL, and with it the password.
        raise Unusable(
            "AUTOM_DATABASE_URL is not the URL of a PostgreSQL database: write it as"
            " postgresql://user:password@host:5432/database."
        ) from None
    try:
        patience = {} if "connect_timeout" in given else {"connect_timeout": PATIENCE}
        return connect(url, client_encoding="utf8", **patience)
    except psycopg.OperationalError as error:
        raise Unusable(
            f"There is no way to the database {given.get('dbname', '')} on"
            f" {given.get('host') or given.get('hostaddr') or 'this machine'} ({_reason(error)}):"
            " see that the server runs and knows this user, password and database name."
        ) from None


def check(url: str) -> State:
    """See whether an upgrade may begin here. Changes nothing; raises ``Unusable``."""
    with reach(url) as conn, conn.transaction():
        facts = _facts(conn)
        for refusal in (
            too_old(facts.version),
            _wrong_encoding(facts),
            _read_only(facts),
            _occupied(facts),
            _short_of_rights(facts),
        ):
            if refusal:
                raise Unusable(refusal)
        return _state(facts)


def migrate(url: str, to: str = "head") -> None:
    """Bring the database to a revision; at head, its code to the files. Raises ``Unusable``."""
    from alembic import command

    try:
        check(url)
        command.upgrade(_alembic(url, "upgrade"), to)
    except psycopg.errors.LockNotAvailable as error:
        raise Unusable(
            "The upgrade waited 5 seconds for a lock that another session holds and changed"
            " nothing: run it again, or end that session (select * from pg_stat_activity)."
        ) from error
    except psycopg.errors.DependentObjectsStillExist as error:
        leaning = (error.diag.message_detail or str(error)).replace("\n", ", ")
        raise Unusable(
            "Something that is not AutoM's leans on what the upgrade replaces, so it changed"
            f" nothing ({leaning}): drop that, upgrade, and make it again."
        ) from error


def downgrade(url: str, to: str) -> None:
    """Take the database back to a revision; ``base`` leaves nothing."""
    from alembic import command

    command.downgrade(_alembic(url, "downgrade"), to)


def too_old(version: int) -> str | None:
    """Why a server of this ``server_version_num`` cannot be used, or None."""
    if version // 10000 >= MINIMUM:
        return None
    old = f"{version // 10000}.{version % 10000}"
    return (
        f"The server is PostgreSQL {old} and AutoM needs {MINIMUM} or newer: upgrade it, name"
        " another in AUTOM_DATABASE_URL, or unset that to use the embedded one."
    )


@dataclass(frozen=True)
class _Facts:
    version: int
    encoding: str
    read_only: bool
    database: str
    role: str
    may_create_schemas: bool
    may_create_roles: bool
    lacks_roles: list[str]
    may_upgrade: bool
    """False where another role owns what an earlier upgrade made."""
    has_bookkeeping: bool
    foreign_tables: list[str]
    revision: str | None = None
    digest: str | None = None


def _reason(error: psycopg.OperationalError) -> str:
    """The last of what libpq tried, without its address and its advice."""
    lines = [line for line in str(error).splitlines() if not line.startswith(("\t", "Multiple"))]
    return lines[-1].rpartition("failed: ")[2].removeprefix("FATAL:  ").removeprefix("- ")


def _facts(conn: psycopg.Connection[Any]) -> _Facts:
    conn.execute("set local lock_timeout = '5s'")
    row = conn.execute(_FACTS, {"roles": list(code.ROLES)}).fetchone()
    assert row is not None
    facts = _Facts(*row)
    if not facts.has_bookkeeping:
        return facts
    return replace(
        facts,
        revision=_scalar(conn, "select version_num from autom.alembic_version"),
        digest=_scalar(conn, "select digest from autom.code"),
    )


def _scalar(conn: psycopg.Connection[Any], query: str) -> str | None:
    row = conn.execute(query.encode()).fetchone()
    return row[0] if row else None


def _wrong_encoding(facts: _Facts) -> str | None:
    if facts.encoding == "UTF8":
        return None
    return (
        f"The database {facts.database} stores text as {facts.encoding}, in which names from all"
        " countries have no place: create one with encoding 'UTF8' and use that."
    )


def _read_only(facts: _Facts) -> str | None:
    if not facts.read_only:
        return None
    return (
        f"The database {facts.database} is read-only, as a replica is: name the primary in"
        " AUTOM_DATABASE_URL (several hosts with target_session_attrs=read-write find it)."
    )


def _occupied(facts: _Facts) -> str | None:
    if facts.has_bookkeeping or not facts.foreign_tables:
        return None
    return (
        f"The database {facts.database} holds tables that are not AutoM's"
        f" ({', '.join(facts.foreign_tables)}), which an upgrade must not mix with: create an empty"
        " database and name that one in AUTOM_DATABASE_URL."
    )


def _short_of_rights(facts: _Facts) -> str | None:
    if not facts.may_create_schemas:
        return (
            f"The role {facts.role} may not create schemas in the database {facts.database}, which"
            " an upgrade does: let an administrator run"
            f" grant create on database {facts.database} to {facts.role};"
        )
    if facts.lacks_roles and not facts.may_create_roles:
        return (
            f"The role {facts.role} may not create the roles that AutoM's rights go to"
            f" ({', '.join(facts.lacks_roles)}): let an administrator run alter role {facts.role}"
            " createrole; or create them."
        )
    if not facts.may_upgrade:
        return (
            f"Another role than {facts.role} made what is in the database {facts.database}, and"
            " only its owner can upgrade it: name that role in AUTOM_DATABASE_URL."
        )
    return None


def _state(facts: _Facts) -> State:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_alembic("", "check"))
    chain = [Step(script.revision, script.doc) for script in scripts.walk_revisions()][::-1]
    revisions = [step.revision for step in chain]
    if facts.revision and facts.revision not in revisions:
        raise Unusable(
            f"The database {facts.database} is at revision {facts.revision}, which this AutoM does"
            " not know: a newer one upgraded it, so install that one."
        )
    return State(
        chain=chain,
        done=revisions.index(facts.revision) + 1 if facts.revision else 0,
        code_differs=facts.digest != code.digest(code.files()),
    )


def _alembic(url: str, name: str) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    config.set_main_option("path_separator", "os")
    config.attributes.update(url=url, command=name)
    return config


_FACTS = """
select current_setting('server_version_num')::integer,
       pg_catalog.pg_encoding_to_char(d.encoding),
       current_setting('transaction_read_only')::boolean,
       d.datname::text,
       current_user::text,
       pg_catalog.has_database_privilege(d.oid, 'create'),
       (select r.rolsuper or r.rolcreaterole from pg_catalog.pg_roles as r where r.rolname = current_user),
       array(select wanted.role from unnest(%(roles)s::text[]) as wanted (role)
             where not exists (select from pg_catalog.pg_roles as r where r.rolname = wanted.role)),
       coalesce((select pg_catalog.pg_has_role(n.nspowner, 'usage')
                 from pg_catalog.pg_namespace as n where n.nspname = 'autom'), true),
       pg_catalog.to_regclass('autom.alembic_version') is not null,
       -- Tables of extensions and of a hosting platform are nobody's data.
       array(select pg_catalog.format('%%I.%%I', n.nspname, c.relname)
             from pg_catalog.pg_class as c
             join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
             where c.relkind in ('r', 'p')
               and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
               and pg_catalog.pg_get_userbyid(c.relowner) !~ '^(supabase|rds|cloudsql|azure|neon)'
               and not exists (select from pg_catalog.pg_depend as e
                               where e.objid = c.oid and e.deptype = 'e')
             order by 1 limit 3)
from pg_catalog.pg_database as d
where d.datname = current_database()
"""
