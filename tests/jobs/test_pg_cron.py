"""pg_cron ticks: proved on a real one. Everything else about schedules needs no pg_cron."""

from __future__ import annotations

import pytest

from db import cron
from db.database import connect
from tests.fixtures.required import need
from tests.fixtures.wait import until


@pytest.fixture
def cron_url(server):
    with connect(server.url()) as conn:
        loaded = conn.execute("select current_setting('cron.database_name', true)").fetchone()[0]
    need("pg_cron", bool(loaded), f"PostgreSQL {server.major} has no pg_cron")
    yield server.url(loaded)
    with connect(server.url(loaded)) as conn:
        conn.execute("select cron.unschedule(jobid) from cron.job where jobname like 'autom %'")


def entries(cron_url):
    with connect(cron_url) as conn:
        rows = conn.execute(
            "select jobid, jobname, schedule, command, database, active from cron.job"
            " order by jobid"
        )
        return rows.fetchall()


def test_installing_again_changes_nothing(fresh_database, cron_url):
    assert [entry.change for entry in cron.install(fresh_database)] == ["new", "new"]
    once = entries(cron_url)
    assert [entry.change for entry in cron.install(fresh_database)] == ["unchanged", "unchanged"]
    assert entries(cron_url) == once


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param("schedule => '5 5 * * *'", id="its times"),
        pytest.param("command => 'select 1'", id="what it runs"),
        pytest.param("database => 'postgres'", id="where it runs"),
        pytest.param("active => false", id="turned off"),
    ],
)
def test_what_changed_is_put_right_and_nothing_else_touched(fresh_database, cron_url, changed):
    cron.install(fresh_database)
    with connect(cron_url) as conn:
        # By other names, though they begin as ours do.
        for name in ("somebody else's", "autom backup of mine"):
            conn.execute("select cron.schedule(%s, '0 3 1 1 *', 'select 1')", [name])
        as_it_was = entries(cron_url)
        query = (
            f"select cron.alter_job(jobid, {changed}) from cron.job where jobname ~ '^autom tick '"
        )
        conn.execute(query.encode())
        assert entries(cron_url) != as_it_was
        assert [entry.change for entry in cron.install(fresh_database)] == ["changed", "unchanged"]
        assert entries(cron_url) == as_it_was
        conn.execute("select cron.unschedule('somebody else''s')")


def test_what_pg_cron_wrote_down_of_our_runs_is_dropped_after_a_day(fresh_database, cron_url):
    tick, tidy = cron.install(fresh_database)
    with connect(cron_url) as conn, conn.transaction(force_rollback=True):
        assert tidy.database == conn.info.dbname
        conn.execute("select cron.schedule('autom backup of mine', '0 3 1 1 *', 'select 1')")
        conn.execute(
            "insert into cron.job_run_details (jobid, command, username, start_time, end_time)"
            " select j.jobid, 'of a test', current_user, now() - t.ago, now() - t.ago"
            " from cron.job as j, unnest('{23 h, 25 h}'::interval[]) as t (ago)"
        )
        conn.execute(tidy.command.encode())
        left = conn.execute(
            "select j.jobname, count(*) from cron.job_run_details as r"
            " join cron.job as j using (jobid) where r.command = 'of a test' group by j.jobname"
        )
        assert dict(left.fetchall()) == {tick.name: 1, tidy.name: 1, "autom backup of mine": 2}


def test_two_databases_of_one_server_both_tick(fresh_database, database, cron_url):
    names = {entry.name for url in (fresh_database, database) for entry in cron.install(url)}
    assert len(names) == 4
    assert {name for _, name, *_ in entries(cron_url)} == names


def test_pg_cron_really_ticks(fresh_database, cron_url):
    with connect(fresh_database) as conn:
        assert conn.execute("select is_called from jobs.last_tick").fetchone() == (False,)
        entry, _ = cron.install(fresh_database)
        until(lambda: conn.execute("select is_called from jobs.last_tick").fetchone()[0], 150)
        before = conn.execute("select last_value from jobs.last_tick").fetchone()
        # Each second, though this pg_cron may know minutes only.
        until(lambda: conn.execute("select last_value from jobs.last_tick").fetchone() != before, 5)
    with connect(cron_url) as conn:
        ran = conn.execute(
            "select status from cron.job_run_details where command = %s and database = %s",
            [entry.command, entry.database],
        ).fetchall()
    assert ran and ("failed",) not in ran
