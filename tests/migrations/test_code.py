"""Functions, views, triggers, policies and grants are what the files say, whatever was before."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db import code, database, schema
from db.server import Server

Db = psycopg.Connection[Any]
New = Callable[[], str]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code in which a test may change a file."""
    for kind in ("functions", "views", "policies"):
        shutil.copytree(code.ROOT / kind, tmp_path / kind)
    return tmp_path


def write(tree: Path, path: str, text: str) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


def names(db: Db, query: str) -> set[str]:
    return {name for (name,) in db.execute(query.encode()).fetchall()}


FUNCTIONS = """
select p.pronamespace::regnamespace || '.' || p.proname from pg_proc as p
where p.pronamespace::regnamespace::text in ('jobs', 'accounts', 'shops')
"""
VIEWS = """
select c.relnamespace::regnamespace || '.' || c.relname from pg_class as c
where c.relkind in ('v', 'm') and c.relnamespace::regnamespace::text in ('jobs', 'accounts', 'shops')
"""
OVERLOADS = "select n from (" + FUNCTIONS + ") as f (n) group by n having count(*) > 1"


def test_the_catalogue_is_the_files(db: Db) -> None:
    made = {(file.path.parts[-3], file.name) for file in code.files()}
    functions = {name for kind, name in made if kind == "functions"}
    assert names(db, FUNCTIONS) == functions | set(code.MADE_BY_REVISIONS)
    assert names(db, VIEWS) == {name for kind, name in made if kind == "views"}
    assert names(db, OVERLOADS) == set()


def test_to_apply_every_file_again_changes_nothing(server: Server, new: New, at_head: str) -> None:
    name = new()
    database.migrate(server.url(name))
    with database.connect(server.url(name)) as conn, conn.transaction():
        code.forget(conn)
        assert code.apply(conn)
    assert schema.dump(server, name) == at_head


def test_code_that_is_as_the_files_say_is_left_alone(db: Db) -> None:
    assert not code.apply(db)


A_FUNCTION = (
    "create or replace function shops.{}() returns integer language sql stable as 'select 1';"
)
A_VIEW = "create or replace view shops.{} as select 1 as n;"
A_TRIGGER = """
create or replace function shops.tg_stale() returns trigger language plpgsql as 'begin return new; end';
create or replace trigger stale before insert on shops.shops for each row execute function shops.tg_stale();
"""


@pytest.mark.parametrize(
    ("path", "text", "there"),
    [
        pytest.param(
            "functions/shops/stale.sql",
            A_FUNCTION.format("stale"),
            "select to_regproc('shops.stale')",
            id="a function",
        ),
        pytest.param(
            "views/shops/stale.sql",
            A_VIEW.format("stale"),
            "select to_regclass('shops.stale')",
            id="a view",
        ),
        pytest.param(
            "functions/shops/tg_stale.sql",
            A_TRIGGER,
            "select (select oid from pg_trigger where tgname = 'stale')",
            id="a trigger and its function",
        ),
        pytest.param(
            "policies/shops.sql",
            "create policy stale on shops.shops using (true);",
            "select (select oid from pg_policy where polname = 'stale')",
            id="a policy",
        ),
        pytest.param(
            "policies/shops.sql",
            "grant delete on shops.shops to autom_reader;",
            "select true where has_table_privilege('autom_reader', 'shops.shops', 'delete')",
            id="a right",
        ),
    ],
)
def test_what_no_file_makes_any_more_goes(
    path: str, text: str, there: str, db: Db, tree: Path
) -> None:
    file = tree / path
    before = file.read_text() if file.exists() else ""
    write(tree, path, before + "\n" + text)
    assert code.apply(db, tree)
    assert found(db, there)
    assert code.apply(db)
    assert not found(db, there)


def found(db: Db, query: str) -> bool:
    row = db.execute(query.encode()).fetchone()
    return bool(row and row[0])


def test_a_changed_signature_replaces_the_old_one(db: Db, tree: Path) -> None:
    path = "functions/shops/stale.sql"
    write(tree, path, A_FUNCTION.format("stale"))
    code.apply(db, tree)
    write(tree, path, A_FUNCTION.format("stale").replace("()", "(p_more integer)"))
    code.apply(db, tree)
    assert names(db, "select oid::regprocedure::text from pg_proc where proname = 'stale'") == {
        "shops.stale(integer)"
    }


PRICE = """
create or replace function shops._price({parameters}) returns {result}
language sql stable as $$ select {body} $$;

comment on function shops._price is 'What it costs.';
grant execute on function shops._price to autom_worker;
"""
AT_FIRST = {"parameters": "p_units integer", "result": "bigint", "body": "p_units * 2::bigint"}
CHANGES = [
    pytest.param(
        {"parameters": "p_units integer, p_off integer default 1"},
        "shops._price(p_units integer, p_off integer) bigint",
        id="a new parameter with a default",
    ),
    pytest.param(
        {"parameters": "p_units bigint"},
        "shops._price(p_units bigint) bigint",
        id="a parameter of another type",
    ),
    pytest.param(
        {"parameters": "p_pieces integer", "body": "p_pieces * 2::bigint"},
        "shops._price(p_pieces integer) bigint",
        id="a parameter of another name",
    ),
    pytest.param(
        {"result": "numeric", "body": "p_units * 2::numeric"},
        "shops._price(p_units integer) numeric",
        id="another type of result",
    ),
    pytest.param(
        {"result": "table (amount bigint, currency text)", "body": "p_units * 2::bigint, 'EUR'"},
        "shops._price(p_units integer) TABLE(amount bigint, currency text)",
        id="other columns",
    ),
]
SIGNATURES = """
select p.oid::regproc || '(' || pg_get_function_identity_arguments(p.oid) || ') ' ||
       pg_get_function_result(p.oid)
from pg_proc as p
where p.proname = '_price'
"""
PRICES = """
create or replace view shops.prices as select f.* from shops._price(3) as f;
comment on view shops.prices is 'Prices.';
grant select on shops.prices to autom_reader;
"""
DEARER = "create or replace view shops._dearer as select p.* from shops.prices as p;"
RIGHTS = """
select has_function_privilege('autom_worker', p.oid, 'execute')
   and obj_description(p.oid, 'pg_proc') = 'What it costs.'
from pg_proc as p
where p.proname = '_price'
"""


def price(tree: Path, **changed: str) -> None:
    write(tree, "functions/shops/_price.sql", PRICE.format(**AT_FIRST | changed))


@pytest.mark.parametrize(("changed", "signature"), CHANGES)
def test_what_a_function_takes_and_gives_is_replaced(
    changed: dict[str, str], signature: str, db: Db, tree: Path
) -> None:
    price(tree)
    code.apply(db, tree)
    price(tree, **changed)
    code.apply(db, tree)
    assert names(db, SIGNATURES) == {signature}
    assert found(db, RIGHTS)


@pytest.mark.parametrize(("changed", "signature"), CHANGES)
def test_views_that_lean_on_it_are_made_again(
    changed: dict[str, str], signature: str, db: Db, tree: Path
) -> None:
    price(tree)
    write(tree, "views/shops/prices.sql", PRICES)
    write(tree, "views/shops/_dearer.sql", "-- needs: shops.prices\n" + DEARER)
    code.apply(db, tree)
    price(tree, **changed)
    code.apply(db, tree)
    assert names(db, SIGNATURES) == {signature}
    assert db.execute("select (d.*)::text from shops._dearer as d").fetchone() in [
        ("(6)",),
        ("(6,EUR)",),
    ]
    assert found(db, "select has_table_privilege('autom_reader', 'shops.prices', 'select')")


A_WATCH = """
create or replace function shops.tg_watch() returns trigger language plpgsql
as $$ begin return new; end; $$;
create or replace trigger watch before insert on shops.shops
for each row when (shops._price(1) is not null) execute function shops.tg_watch();
"""


def test_policies_that_lean_on_it_are_made_again(db: Db, tree: Path) -> None:
    policies = "select polname || ' on ' || polrelid::regclass from pg_policy"
    before = names(db, policies)
    path = "functions/accounts/current_user_id.sql"
    text = (code.ROOT / path).read_text()
    write(tree, path, text.replace("current_user_id()", "current_user_id(p_more text default '')"))
    code.apply(db, tree)
    assert names(db, policies) == before
    assert found(db, "select to_regprocedure('accounts.current_user_id()') is null")


def test_triggers_that_lean_on_it_are_made_again(db: Db, tree: Path) -> None:
    price(tree)
    write(tree, "functions/shops/tg_watch.sql", A_WATCH)
    code.apply(db, tree)
    price(tree, parameters="p_units integer, p_off integer default 1")
    code.apply(db, tree)
    watch = (
        "select pg_get_triggerdef(oid) like '%_price(1)%' from pg_trigger where tgname = 'watch'"
    )
    assert found(db, watch)


def test_columns_of_a_view_are_replaced(db: Db, tree: Path) -> None:
    price(tree)
    write(tree, "views/shops/prices.sql", PRICES)
    write(tree, "views/shops/_dearer.sql", "-- needs: shops.prices\n" + DEARER)
    code.apply(db, tree)
    write(tree, "views/shops/prices.sql", PRICES.replace("f.*", "'EUR' as currency, f.* "))
    code.apply(db, tree)
    assert db.execute("select (d.*)::text from shops._dearer as d").fetchone() == ("(EUR,6)",)


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        pytest.param(
            "shops._price(1)",
            "view theirs depends on function shops._price(integer)",
            id="on the function",
        ),
        pytest.param(
            "shops.prices",
            "view theirs depends on view shops.prices",
            id="on a view that leans on the function",
        ),
    ],
)
def test_what_is_not_ours_and_leans_on_it_stops_the_upgrade_by_name(
    reads: str, said: str, db: Db, tree: Path
) -> None:
    price(tree)
    write(tree, "views/shops/prices.sql", PRICES)
    code.apply(db, tree)
    before = names(db, SIGNATURES)
    db.execute(f"create view public.theirs as select * from {reads} as t (amount)".encode())
    price(tree, parameters="p_units integer, p_off integer default 1")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist) as refused, db.transaction():
        code.apply(db, tree)
    assert said in str(refused.value)
    assert refused.value.__notes__ == ["while applying functions/shops/_price.sql"]
    assert names(db, SIGNATURES) == before
    assert found(db, "select amount > 0 from public.theirs")


def test_what_is_not_ours_stays_where_only_a_body_changes(db: Db, tree: Path) -> None:
    price(tree)
    write(tree, "views/shops/prices.sql", PRICES)
    code.apply(db, tree)
    db.execute("create view public.theirs as select * from shops.prices")
    price(tree, body="p_units * 5::bigint")
    code.apply(db, tree)
    assert db.execute("select t.* from public.theirs as t").fetchone() == (15,)


def test_stale_code_that_leans_on_stale_code_goes_with_it(db: Db, tree: Path) -> None:
    write(tree, "functions/shops/stale.sql", A_FUNCTION.format("stale"))
    write(
        tree,
        "views/shops/stale_one.sql",
        "create or replace view shops.stale_one as select shops.stale();",
    )
    write(
        tree,
        "views/shops/stale_too.sql",
        "create or replace view shops.stale_too as select * from shops.stale_one;",
    )
    code.apply(db, tree)
    code.apply(db)
    assert not found(db, "select to_regclass('shops.stale_too')")


def test_an_upgrade_that_would_strand_something_fails_by_name(db: Db, tree: Path) -> None:
    write(tree, "functions/shops/stale.sql", A_FUNCTION.format("stale"))
    code.apply(db, tree)
    db.execute("create view public.theirs as select shops.stale()")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist) as refused, db.transaction():
        code.apply(db)
    assert "view theirs depends on function shops.stale()" in str(refused.value)
    assert found(db, "select to_regproc('shops.stale')")


def test_a_body_that_is_wrong_is_named(db: Db, tree: Path) -> None:
    wrong = A_FUNCTION.format("stale").replace("select 1", "select nothing")
    write(tree, "functions/shops/stale.sql", wrong)
    with pytest.raises(psycopg.errors.UndefinedColumn) as refused, db.transaction():
        code.apply(db, tree)
    assert refused.value.__notes__ == ["while checking the body of shops.stale()"]


def test_a_file_that_does_not_run_is_named(db: Db, tree: Path) -> None:
    write(tree, "views/shops/stale.sql", "create view shops.stale as select nothing;")
    with pytest.raises(psycopg.errors.UndefinedColumn) as refused, db.transaction():
        code.apply(db, tree)
    assert refused.value.__notes__ == ["while applying views/shops/stale.sql"]


@pytest.mark.parametrize(
    ("files", "order"),
    [
        pytest.param(
            {"functions/jobs/b.sql": "", "functions/jobs/a.sql": ""},
            ["jobs.a", "jobs.b"],
            id="by name",
        ),
        pytest.param(
            {"functions/jobs/a.sql": "-- needs: jobs.b", "functions/jobs/b.sql": ""},
            ["jobs.b", "jobs.a"],
            id="after what it needs",
        ),
        pytest.param(
            {"views/jobs/a.sql": "", "functions/jobs/b.sql": "", "policies/jobs.sql": ""},
            ["jobs.b", "jobs.a", "jobs"],
            id="functions, views, policies",
        ),
        pytest.param(
            {"functions/accounts/a.sql": "", "policies/jobs.sql": ""},
            ["jobs", "accounts.a"],
            id="schema by schema",
        ),
        pytest.param(
            {"functions/jobs/a.sql": "-- needs: jobs.clock"},
            ["jobs.a"],
            id="a function of a revision is there already",
        ),
    ],
)
def test_files_go_in(files: dict[str, str], order: list[str], tmp_path: Path) -> None:
    for path, text in files.items():
        write(tmp_path, path, text)
    assert [file.name for file in code.files(tmp_path)] == order


@pytest.mark.parametrize(
    ("need", "said"),
    [
        pytest.param("jobs.b", "in a circle: jobs.a -> jobs.b", id="each other"),
        pytest.param("jobs.none", "needs jobs.none, which no file makes", id="what is not there"),
    ],
)
def test_files_that_cannot_be_put_in_order(need: str, said: str, tmp_path: Path) -> None:
    write(tmp_path, "functions/jobs/a.sql", f"-- needs: {need}")
    write(tmp_path, "functions/jobs/b.sql", "-- needs: jobs.a")
    with pytest.raises(ValueError, match=said):
        code.files(tmp_path)
