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
        rows = conn.execute("select jobid, jobname, schedule, command, database from cron.job")
        return rows.fetchall()


def test_installing_again_changes_nothing(fresh_database, cron_url):
    assert [entry.change for entry in cron.install(fresh_database)] == ["new"]
    once = entries(cron_url)
    assert [entry.change for entry in cron.install(fresh_database)] == ["unchanged"]
    assert entries(cron_url) == once


def test_what_changed_is_changed_and_what_is_gone_removed(fresh_database, cron_url):
    (made,) = cron.install(fresh_database)
    with connect(cron_url) as conn:
        conn.execute(
            "select cron.alter_job(jobid, schedule => '5 5 * * *') from cron.job where jobname = %s",
            [made.name],
        )
        conn.execute(
            "select cron.schedule_in_database('autom of old', '* * * * *', 'select 1', %s)",
            [made.database],
        )
        conn.execute("select cron.schedule('somebody else''s', '* * * * *', 'select 1')")
    changes = {entry.name: entry.change for entry in cron.install(fresh_database)}
    assert changes == {made.name: "changed", "autom of old": "removed"}
    assert sorted(name for _, name, *_ in entries(cron_url)) == [made.name, "somebody else's"]
    with connect(cron_url) as conn:
        conn.execute("select cron.unschedule('somebody else''s')")


def test_two_databases_of_one_server_both_tick(fresh_database, database, cron_url):
    names = {entry.name for url in (fresh_database, database) for entry in cron.install(url)}
    assert len(names) == 2
    assert {name for _, name, *_ in entries(cron_url)} == names


def test_pg_cron_really_ticks(fresh_database, cron_url):
    with connect(fresh_database) as conn:
        assert conn.execute("select is_called from jobs.last_tick").fetchone() == (False,)
        (entry,) = cron.install(fresh_database)
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
