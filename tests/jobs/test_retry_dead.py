"""Dead letters by filter: which are retried, how fast, or discarded, and what is left; and how far a running job is."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from db import errors
from db.call import value
from db.database import connect
from tests.fixtures.clock import at
from tests.fixtures.jobs import claim, claim_one, ended, faults, kind, settle, where, worker
from tests.fixtures.races import clients

NOON = "2026-01-01 12:00+00"
TENANT = "00000000-0000-0000-0000-000000000007"


def dead(db, *reasons, name="t.plain", **arguments):
    """Jobs that died of these reasons."""
    ids = [value(db, "jobs.enqueue", kind=name, **arguments) for _ in reasons]
    queue = db.execute("select queue from jobs.kinds where kind = %s", [name]).fetchone()[0]
    jobs = claim(db, worker(db), len(reasons), queue=queue)
    for job, reason in zip(jobs, reasons, strict=True):
        settle(db, job, "give_up", reason=reason)
    return ids


def retry(db, **arguments):
    names = ", ".join(f"p_{name} => %({name})s" for name in arguments)
    return db.execute(
        "select job_id, extract(epoch from run_at - jobs.clock())::float8, held_by"
        f" from jobs.retry_dead({names})".encode(),
        arguments,
    ).fetchall()


@pytest.fixture
def noon(db):
    at(db, NOON)
    kind(db)
    kind(db, "t.other", "other")
    return db


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        pytest.param({}, [0, 1, 2, 3], id="all"),
        pytest.param({"kind": "t.other"}, [3], id="of a kind"),
        pytest.param({"queue": "default"}, [0, 1, 2], id="of a queue"),
        pytest.param({"reason": "%timeout%"}, [0, 2, 3], id="whose reason is like it"),
        pytest.param({"limit": 2}, [0, 1], id="the oldest only"),
        pytest.param({"kind": "t.other", "queue": "default"}, [], id="nobody fits both"),
    ],
)
def test_which_are_retried(noon, wanted, got):
    ids = dead(noon, "a timeout", "gone", "timeout b") + dead(noon, "timeout", name="t.other")
    plan = retry(noon, dry_run=True, **wanted)
    assert {where(noon, job_id) for job_id in ids} == {"ended"}
    assert retry(noon, **wanted) == plan == [(ids[n], 0, None) for n in got]
    assert [where(noon, job_id) == "ready" for job_id in ids] == [n in got for n in range(4)]
    assert retry(noon, **wanted) == [] or wanted == {"limit": 2}
    assert faults(noon) == []


def test_so_many_a_second(noon):
    ids = dead(noon, *["gone"] * 5)
    assert [seconds for _, seconds, _ in retry(noon, per_second=2)] == [0, 0.5, 1, 1.5, 2]
    assert [where(noon, job_id) for job_id in ids] == ["ready"] + ["scheduled"] * 4
    at(noon, "2026-01-01 12:00:02+00")
    assert len(claim(noon, worker(noon), 10)) == 5


def seconds(db, **arguments):
    return [when for _, when, _ in retry(db, **arguments)]


def test_so_many_a_second_hold_over_several_calls(noon):
    dead(noon, *["gone"] * 9)
    dead(noon, "gone", "gone", name="t.other")
    assert seconds(noon, per_second=2, limit=3, kind="t.plain") == [0, 0.5, 1]
    plan = seconds(noon, per_second=2, limit=3, queue="default", dry_run=True)
    assert seconds(noon, per_second=2, limit=3, queue="default") == plan == [1.5, 2, 2.5]
    assert seconds(noon, per_second=2, kind="t.other") == [0, 0.5]
    at(noon, "2026-01-01 12:00:10+00")
    noon.execute("select * from jobs.tick()")
    assert seconds(noon, per_second=1) == [0, 1, 2]


@pytest.mark.parametrize(
    "pace",
    [
        pytest.param(0, id="none at all"),
        pytest.param(-1, id="fewer than none"),
        pytest.param(1e-9, id="one in thirty years"),
        pytest.param(math.nan, id="no number"),
        pytest.param(math.inf, id="without end"),
    ],
)
def test_a_pace_that_is_none_is_refused(noon, pace):
    ids = dead(noon, "gone", "gone")
    with pytest.raises(errors.NoSuchPace), noon.transaction():
        value(noon, "jobs.retry_dead", per_second=pace)
    assert letters(noon) == ids


def test_those_of_a_key_or_a_tenant(noon):
    ann, bob = (f"00000000-0000-0000-0000-00000000000{n}" for n in range(2))
    ids = [dead(noon, "gone", tenant=who, key=key)[0] for who in (ann, bob) for key in "xy"]
    assert [job_id for job_id, _, _ in retry(noon, key="y", dry_run=True)] == [ids[1], ids[3]]
    assert [job_id for job_id, _, _ in retry(noon, tenant=bob, dry_run=True)] == ids[2:]
    assert [job_id for job_id, _, _ in retry(noon, tenant=bob, key="y")] == [ids[3]]


def test_whose_key_is_held_stays_dead(noon):
    (first,) = dead(noon, "gone", unique_key="u")
    (free,) = dead(noon, "gone")
    holder = value(noon, "jobs.enqueue", kind="t.plain", unique_key="u")
    plan = retry(noon, dry_run=True)
    assert retry(noon) == plan == [(first, None, holder), (free, 0, None)]
    assert retry(noon) == [(first, None, holder)]
    assert faults(noon) == []


def test_two_of_one_key_are_not_both_retried(noon):
    first, second = dead(noon, "gone", unique_key="u") + dead(noon, "gone", unique_key="u")
    assert retry(noon) == [(first, 0, None), (second, None, first)]
    assert faults(noon) == []


def test_retried_by_four_at_once_each_is_retried_once(database):
    with connect(database) as conn:
        kind(conn)
        ids = dead(conn, *["gone"] * 40)

        def again(_, own):
            return [job_id for job_id, _, _ in retry(own)]

        with clients(database, 4) as each:
            got = [job_id for some in each(again) for job_id in some]
        assert sorted(got) == ids
        assert faults(conn) == []


# Discarded


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        pytest.param({}, [0, 1, 2, 3], id="all"),
        pytest.param({"kind": "t.other"}, [3], id="of a kind"),
        pytest.param({"queue": "default"}, [0, 1, 2], id="of a queue"),
        pytest.param({"reason": "%timeout%"}, [0, 2, 3], id="whose reason is like it"),
        pytest.param({"key": "k"}, [0, 1], id="of a key"),
        pytest.param({"tenant": TENANT}, [2], id="of a tenant"),
        pytest.param({"older_than": "1 h"}, [0, 1, 2], id="that died longer ago"),
        pytest.param({"limit": 2}, [0, 1], id="the oldest only"),
        pytest.param({"kind": "t.other", "queue": "default"}, [], id="nobody fits both"),
    ],
)
def test_which_are_discarded(noon, wanted, got):
    ids = dead(noon, "a timeout", "gone", key="k")
    ids += dead(noon, "timeout b", tenant=TENANT)
    at(noon, "2026-01-01 14:00+00")
    ids += dead(noon, "timeout", name="t.other")
    assert value(noon, "jobs.discard_dead", dry_run=True, **wanted) == len(got)
    assert letters(noon) == ids
    assert value(noon, "jobs.discard_dead", **wanted) == len(got)
    assert letters(noon) == [job_id for n, job_id in enumerate(ids) if n not in got]
    assert {ended(noon, job_id) for job_id in ids} == {"failed"}
    assert faults(noon) == []


def letters(db):
    return [id for (id,) in db.execute("select job_id from jobs.dead order by job_id").fetchall()]


def test_one_is_discarded_once(noon):
    (job_id,) = dead(noon, "gone")
    assert value(noon, "jobs.discard", job_id=job_id) == "discarded"
    assert letters(noon) == []
    with pytest.raises(errors.NotDiscardable), noon.transaction():
        value(noon, "jobs.discard", job_id=job_id)
    with pytest.raises(errors.NotRetriable), noon.transaction():
        value(noon, "jobs.retry", job_id=job_id)
    with pytest.raises(errors.NoSuchJob), noon.transaction():
        value(noon, "jobs.discard", job_id=1)


def test_the_dead_of_a_batch_stay_until_it_has_ended_and_counted_them(noon):
    batch_id = value(noon, "jobs.open_batch", name="b")
    (job_id,) = dead(noon, "gone", batch_id=batch_id)
    with pytest.raises(errors.NotDiscardable), noon.transaction():
        value(noon, "jobs.discard", job_id=job_id)
    assert value(noon, "jobs.discard_dead") == 0
    value(noon, "jobs.close_batch", batch_id=batch_id)
    assert value(noon, "jobs.discard_dead") == 1
    ran = noon.execute("select failed from jobs.run_log where run_id = %s", [batch_id])
    assert ran.fetchone() == (1,)


def test_what_is_retried_just_now_is_not_discarded(database):
    with connect(database) as conn, connect(database) as other:
        kind(conn)
        first, _ = dead(conn, "gone", "gone")
        with other.transaction():
            value(other, "jobs.retry", job_id=first)
            assert value(conn, "jobs.discard_dead") == 1
        assert where(conn, first) == "ready"
        assert (letters(conn), faults(conn)) == ([], [])


# How far a job is


def progress(db):
    """The same wherever one looks."""
    looks = [f"select percent, note from jobs.{view}" for view in ("active", "whereabouts")]
    (said,) = {db.execute(look.encode()).fetchone() for look in looks}
    return said


def beat(db, worker_id, job, run_no=None, percent=50):
    said = [{"job_id": job.job_id, "run_no": run_no or job.run_no, "percent": percent, "note": "n"}]
    value(db, "jobs.heartbeat", worker_id=worker_id, progress=Jsonb(said))


def test_a_heartbeat_tells_how_far_a_job_is(noon):
    value(noon, "jobs.enqueue", kind="t.plain")
    w = worker(noon)
    job = claim_one(noon, w)
    assert progress(noon) == (None, None)
    beat(noon, w, job, percent=20)
    beat(noon, w, job, percent=50)
    assert progress(noon) == (50, "n")


def test_the_next_run_begins_at_nothing(noon):
    value(noon, "jobs.enqueue", kind="t.plain")
    w = worker(noon)
    job = claim_one(noon, w)
    beat(noon, w, job)
    value(noon, "jobs.release_many", job_ids=[job.job_id], run_nos=[job.run_no])
    assert progress(noon) == (None, None)
    claim_one(noon, w)
    assert progress(noon) == (None, None)
    noon.execute("select * from jobs.tick()")
    assert noon.execute("select * from jobs.progress").fetchall() == []


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(lambda db, w, job: beat(db, worker(db), job), id="by another worker"),
        pytest.param(lambda db, w, job: beat(db, w, job, run_no=9), id="of another run"),
    ],
)
def test_what_is_not_heard(noon, told):
    value(noon, "jobs.enqueue", kind="t.plain")
    w = worker(noon)
    told(noon, w, claim_one(noon, w))
    assert progress(noon) == (None, None)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        pytest.param({"percent": 100.00000000000001}, (100, None), id="a little above all"),
        pytest.param({"percent": 150, "note": "n"}, (100, "n"), id="far above all"),
        pytest.param({"percent": -5}, (0, None), id="below nothing"),
        pytest.param({"percent": "half"}, (None, None), id="a share that is no number"),
        pytest.param({"percent": [1], "note": {"n": 1}}, (None, '{"n": 1}'), id="a list"),
        pytest.param({"job_id": "x", "percent": 1}, (None, None), id="a job that is no number"),
        pytest.param({"job_id": [1], "percent": 1}, (None, None), id="a job that is a list"),
        pytest.param({"job_id": 10**30, "percent": 1}, (None, None), id="a job too large"),
        pytest.param({"run_no": 10**30, "percent": 1}, (None, None), id="a run too large"),
    ],
)
def test_what_cannot_be_read_costs_nobody_the_lease(noon, said, heard):
    value(noon, "jobs.enqueue", kind="t.plain")
    w = worker(noon)
    job = claim_one(noon, w)
    at(noon, "2026-01-01 12:30+00")
    told = [{"job_id": job.job_id, "run_no": job.run_no} | said]
    value(noon, "jobs.heartbeat", worker_id=w, progress=Jsonb(told))
    assert progress(noon) == heard
    leases = noon.execute("select lease_until - jobs.clock() from jobs.workers").fetchall()
    assert leases == [(timedelta(hours=1),)]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("50", id="a number"),
        pytest.param('{"percent": 50}', id="no list"),
        pytest.param('[1, "x", null, [{}]]', id="a list of anything"),
    ],
)
def test_what_is_no_progress_is_passed_over(noon, said):
    w = worker(noon)
    noon.execute("select from jobs.heartbeat(%s, %s::jsonb)", [w, said])
    assert noon.execute("select * from jobs.progress").fetchall() == []


def test_shares_that_no_float_can_hold(noon):
    value(noon, "jobs.enqueue", kind="t.plain")
    w = worker(noon)
    job = claim_one(noon, w)
    for share, shown in (("1e400", 100), ("-1e400", 0), ("1e-400", 0)):
        said = f'[{{"job_id": {job.job_id}, "run_no": {job.run_no}, "percent": {share}}}]'
        noon.execute("select from jobs.heartbeat(%s, %s::jsonb)", [w, said])
        assert progress(noon) == (shown, None)
