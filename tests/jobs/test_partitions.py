"""History is kept by the day: made ahead, found by the id alone."""

from __future__ import annotations

from db.call import value
from tests.fixtures.jobs import claim_one, complete, faults, kind, worker


def partitions(db, table="jobs"):
    rows = db.execute(
        "select c.relname from pg_inherits as i join pg_class as c on c.oid = i.inhrelid"
        " where i.inhparent = %s::regclass order by 1",
        [f"jobs.{table}"],
    )
    return [name for (name,) in rows.fetchall()]


def test_a_tick_makes_today_and_three_days_ahead(db):
    db.execute("select jobs.tick()")
    days = db.execute(
        "select to_char((now() at time zone 'UTC')::date + d, 'YYYYMMDD')"
        " from generate_series(0, 3) as d"
    ).fetchall()
    for table in ("jobs", "history", "effects"):
        wanted = sorted([f"{table}_default", *(f"{table}_{day}" for (day,) in days)])
        assert partitions(db, table) == wanted


def test_a_second_tick_makes_none(db):
    db.execute("select jobs.tick()")
    assert value(db, "jobs._make_partitions", days=3) == 0


def test_a_day_that_has_begun_in_the_default_partition_stays_there(db):
    kind(db)
    value(db, "jobs.enqueue", kind="t.plain")
    db.execute("select jobs.tick()")
    complete(db, claim_one(db, worker(db)))
    assert db.execute("select count(*) from jobs.jobs_default").fetchone() == (1,)
    assert len(partitions(db)) == 4
    assert faults(db) == []


def test_jobs_of_today_are_in_todays_partition(db):
    kind(db)
    db.execute("select jobs.tick()")
    value(db, "jobs.enqueue", kind="t.plain")
    complete(db, claim_one(db, worker(db)))
    for table in ("jobs", "history"):
        (partition,) = db.execute(
            f"select tableoid::regclass::text from jobs.{table}".encode()
        ).fetchone()
        assert partition.startswith(f"jobs.{table}_20")


def test_a_new_partition_has_the_indexes_and_the_settings(db):
    db.execute("select jobs.tick()")
    rows = db.execute(
        "select count(*) from pg_indexes where schemaname = 'jobs' and tablename ~ '^jobs_2'"
    )
    assert rows.fetchone() == (8,)
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
