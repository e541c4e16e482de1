"""History is kept by the day: made ahead, found by the id alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from db.call import value
from db.database import connect
from tests.fixtures.jobs import faults, kind
from tests.fixtures.wait import until


def partitions(db, table="jobs"):
    rows = db.execute(
        "select c.relname from pg_inherits as i join pg_class as c on c.oid = i.inhrelid"
        " where i.inhparent = %s::regclass order by 1",
        [f"jobs.{table}"],
    )
    return [name for (name,) in rows.fetchall()]


def test_a_tick_makes_three_days_ahead(db):
    db.execute("select jobs.tick()")
    days = db.execute(
        "select to_char((now() at time zone 'UTC')::date + d, 'YYYYMMDD')"
        " from generate_series(1, 3) as d"
    ).fetchall()
    for table in ("jobs", "history", "effects"):
        wanted = sorted([f"{table}_default", *(f"{table}_{day}" for (day,) in days)])
        assert partitions(db, table) == wanted


def test_a_second_tick_makes_none(db):
    db.execute("select jobs.tick()")
    assert value(db, "jobs._make_partitions", days=3) == 0


def test_a_job_on_its_way_while_the_clock_begins_arrives(fresh_database):
    """Had the tick made today's partition, the default one would be closed to this job."""
    with connect(fresh_database) as conn, connect(fresh_database) as other:
        kind(conn)
        conn.execute("begin")
        conn.execute("lock table jobs.jobs_default in share mode")
        with ThreadPoolExecutor(1) as pool:
            job_id = pool.submit(value, other, "jobs.enqueue", kind="t.plain")
            until(lambda: waits(conn, other.info.backend_pid))
            conn.execute("select jobs.tick()")
            conn.execute("commit")
            assert job_id.result() is not None
        assert faults(conn) == []


def waits(conn, pid):
    row = conn.execute(
        "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", [pid]
    ).fetchone()
    return row == (True,)


def test_tomorrow_goes_to_its_own_partition(db):
    db.execute("select jobs.tick()")
    row = db.execute(
        "insert into jobs.effects (job_id, sent_at, run_no)"
        " select jobs._first_id_of(now() + interval '1 day') + 1, now(), 1"
        " returning tableoid::regclass::text"
    ).fetchone()
    assert row[0].startswith("jobs.effects_20")


def test_a_new_partition_has_the_indexes_and_the_settings(db):
    db.execute("select jobs.tick()")
    rows = db.execute(
        "select count(*) from pg_indexes where schemaname = 'jobs' and tablename ~ '^jobs_2'"
    )
    assert rows.fetchone() == (6,)
    fill = db.execute(
        "select distinct c.reloptions from pg_class as c where c.relname ~ '^effects_2' and c.relkind = 'r'"
    )
    assert fill.fetchall() == [(["fillfactor=70"],)]


def test_a_job_is_looked_for_in_its_own_day_only(db):
    kind(db)
    db.execute("select jobs.tick()")
    job_id = value(db, "jobs.enqueue", kind="t.plain")
    plan = "\n".join(
        line
        for (line,) in db.execute(
            f"explain select * from jobs.jobs where job_id = {job_id}".encode()
        )
    )
    assert plan.count("Scan") == 1
