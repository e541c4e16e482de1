"""What becomes of a second job with the same unique key: throttled, put off, until claimed, staged."""

from __future__ import annotations

import itertools
import random
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import psycopg
import pytest

from db import errors
from db.call import value
from db.database import connect
from db.load import load
from tests.fixtures.clock import at
from tests.fixtures.jobs import claim, claim_one, complete, faults, kind, settle, where, worker
from tests.fixtures.races import clients, waits_for_a_lock
from tests.fixtures.wait import until

NOON = "2026-01-01 12:00+00"


@pytest.fixture
def conn(database):
    with connect(database) as conn:
        kind(conn)
        yield conn


@pytest.fixture
def noon(db):
    kind(db)
    at(db, NOON)
    return db


def enqueue(db, **arguments):
    return value(db, "jobs.enqueue", **({"kind": "t.plain", "unique_key": "u"} | arguments))


def after_noon(seconds):
    return datetime.fromisoformat(NOON) + timedelta(seconds=seconds)


def run_at(db, job_id):
    row = db.execute("select run_at from jobs.scheduled where job_id = %s", [job_id]).fetchone()
    return row and row[0].timestamp() - after_noon(0).timestamp()


def payload(db, job_id):
    return db.execute("select payload from jobs.jobs where job_id = %s", [job_id]).fetchone()[0]


# Of two, which payload and which time


@pytest.mark.parametrize(
    ("mode", "more", "times", "expected"),
    [
        pytest.param("ignore", {}, [5, 9], (1, 5), id="ignored, the first is left as it was"),
        pytest.param(
            "replace", {}, [5, 9], (2, 9), id="replaced, it has payload and time of the last"
        ),
        pytest.param("throttle", {}, [5, 9], (2, 5), id="throttled, it keeps its time"),
        pytest.param("throttle", {}, [None, 9], (2, None), id="throttled, it stays ready"),
        pytest.param("debounce", {}, [5, 9], (2, 9), id="debounced, it is put off"),
        pytest.param("debounce", {}, [9, 5], (2, 5), id="debounced, it may come sooner too"),
        pytest.param(
            "debounce",
            {"max_wait": timedelta(seconds=20)},
            [5, 15, 25],
            (3, 20),
            id="debounced, but no longer than it may be",
        ),
    ],
)
def test_of_many_with_one_key(noon, mode, more, times, expected):
    # Debounce counts from when the first was enqueued, by the clock that the test has set.
    ids = {
        enqueue(
            noon,
            payload={"n": n},
            run_at=None if time is None else after_noon(time),
            unique_mode=mode,
            **more,
        )
        for n, time in enumerate(times, 1)
    }
    (job_id,) = ids
    assert (payload(noon, job_id)["n"], run_at(noon, job_id)) == expected
    assert faults(noon) == []


def test_a_replaced_job_that_was_due_waits_again(noon):
    first = enqueue(noon)
    assert enqueue(noon, unique_mode="debounce", run_at=after_noon(5)) == first
    assert where(noon, first) == "scheduled"
    assert claim(noon, worker(noon)) == []


@pytest.mark.parametrize(
    ("mode", "more"),
    [
        pytest.param("replace", {}, id="replace"),
        pytest.param("throttle", {}, id="throttle"),
        pytest.param("debounce", {"run_at": NOON}, id="debounce"),
    ],
)
def test_one_that_runs_is_followed(noon, mode, more):
    first = enqueue(noon, payload={"n": 1})
    running = claim_one(noon, worker(noon))
    second = enqueue(noon, payload={"n": 2}, unique_mode=mode, **more)
    third = enqueue(noon, payload={"n": 3}, unique_mode=mode, **more)
    assert first != second == third
    assert complete(noon, running) == [first]
    assert claim_one(noon, worker(noon)).payload == {"n": 3}
    assert faults(noon) == []


def fail(db, job):
    settle(db, job, "try_later", reason="busy", after=0)


def keep_a_step(db, job):
    run = {"job_id": job.job_id, "run_no": job.run_no}
    value(db, "jobs.step", **run, step="pay")
    value(db, "jobs.keep_step", **run, step="pay", value={"for": 1})
    fail(db, job)


def sleep(db, job):
    value(db, "jobs.sleep", job_id=job.job_id, run_no=job.run_no, step="rest", **{"for": "1 h"})


def await_event(db, job):
    value(db, "jobs.await_event", job_id=job.job_id, run_no=job.run_no, event="ready")


def send(outcome):
    def settle_as(db, job):
        db.execute(
            "insert into jobs.effects (job_id, sent_at, run_no, mode)"
            " values (%s, now(), %s, 'native_key')",
            [job.job_id, job.run_no],
        )
        settle(db, job, outcome, reason="busy", after=0)

    return settle_as


@pytest.mark.parametrize("mode", ["replace", "throttle", "debounce"])
@pytest.mark.parametrize(
    ("run", "is_changed"),
    [
        pytest.param(fail, True, id="failed, and did nothing"),
        pytest.param(send("try_later"), True, id="failed, and nothing was sent"),
        pytest.param(send("unknown"), False, id="may have sent its request"),
        pytest.param(keep_a_step, False, id="keeps a step"),
        pytest.param(sleep, False, id="sleeps"),
        pytest.param(await_event, False, id="waits for an event"),
    ],
)
def test_a_job_in_the_middle_of_its_work_keeps_its_payload(noon, run, is_changed, mode):
    """Else what it did for one payload would be taken for done for another."""
    first = enqueue(noon, payload={"film": 1})
    run(noon, claim_one(noon, worker(noon)))
    place = where(noon, first)
    second = enqueue(noon, payload={"film": 2}, unique_mode=mode, run_at=NOON)
    assert (second == first) == is_changed
    assert payload(noon, first) == {"film": 2 if is_changed else 1}
    assert is_changed or where(noon, first) == place
    assert enqueue(noon) == second
    assert faults(noon) == []


@pytest.mark.parametrize(
    ("mode", "more", "refusal"),
    [
        pytest.param("debounce", {}, errors.NoTimeToPutOff, id="debounce without a time"),
        pytest.param("no such", {}, errors.NoSuchUniqueMode, id="an unknown mode"),
        pytest.param(None, {}, errors.NoSuchUniqueMode, id="no mode"),
        pytest.param(
            "ignore", {"unique_until": "tomorrow"}, errors.NoSuchUniqueScope, id="an unknown end"
        ),
        pytest.param("ignore", {"unique_until": None}, errors.NoSuchUniqueScope, id="no end"),
    ],
)
def test_what_is_refused(noon, mode, more, refusal):
    with pytest.raises(refusal), noon.transaction():
        enqueue(noon, unique_mode=mode, **more)


# A window


def test_throttled_it_runs_once_a_window_and_the_last_payload_is_not_lost(noon):
    window = {"unique_mode": "throttle", "unique_for": timedelta(seconds=60)}
    w = worker(noon)
    ran = []
    # Asked for each ten seconds, for three minutes.
    for second in range(0, 180, 10):
        at(noon, after_noon(second))
        enqueue(noon, payload={"asked": second}, **window)
        for job in claim(noon, w, 10):
            ran.append((second, job.payload["asked"]))
            complete(noon, job)
    assert ran == [(0, 0), (60, 60), (120, 120)]
    at(noon, after_noon(200))
    assert [job.payload["asked"] for job in claim(noon, w)] == [170]
    assert faults(noon) == []


@pytest.mark.parametrize("mode", ["ignore", "throttle"])
def test_within_a_window_a_finished_job_still_holds_the_key(noon, mode):
    window = {"unique_mode": mode, "unique_for": timedelta(seconds=60)}
    first = enqueue(noon, **window)
    complete(noon, claim_one(noon, worker(noon)))
    second = enqueue(noon, **window)
    if mode == "ignore":
        assert second == first
    else:
        assert run_at(noon, second) == 60


# Until claimed


@pytest.mark.parametrize("mode", ["ignore", "replace", "throttle", "reject"])
def test_until_claimed_the_key_is_free_once_its_job_runs(noon, mode):
    scope = {"unique_until": "claimed", "unique_mode": mode}
    first = enqueue(noon, **scope)
    running = claim_one(noon, worker(noon))
    second = enqueue(noon, **scope)
    assert second != first
    complete(noon, running)
    assert enqueue(noon, unique_until="claimed") == second
    assert faults(noon) == []


def test_until_claimed_the_key_is_not_held_again_by_one_that_failed(noon):
    first = enqueue(noon, unique_until="claimed")
    settle(noon, claim_one(noon, worker(noon)), "try_later", reason="busy", after=60)
    assert where(noon, first) == "scheduled"
    second = enqueue(noon, unique_until="claimed")
    assert second != first
    assert faults(noon) == []


def test_until_claimed_the_one_that_waits_is_not_claimed_before_the_caller_has_committed(
    conn, database
):
    """Else it might run without seeing what the caller did, and no other would come."""
    first = enqueue(conn, unique_until="claimed")
    w = worker(conn)
    with connect(database) as other, other.transaction():
        assert enqueue(other, unique_until="claimed") == first
        assert claim(conn, w) == []
    assert claim_one(conn, w).job_id == first


def test_until_finished_nothing_is_promised_to_who_is_ignored(conn, database):
    """The control: without the promise the job may be claimed, and the caller does not hold it up."""
    first = enqueue(conn)
    with connect(database) as other, other.transaction():
        assert enqueue(other) == first
        assert claim_one(conn, worker(conn)).job_id == first


def test_until_claimed_a_claim_that_has_not_committed_is_waited_for(conn, database):
    first = enqueue(conn, unique_until="claimed")
    with connect(database) as claiming, connect(database) as asking, ThreadPoolExecutor(1) as pool:
        with claiming.transaction():
            claim_one(claiming, worker(conn))
            asked = pool.submit(enqueue, asking, unique_until="claimed")
            until(lambda: waits_for_a_lock(conn, asking.info.backend_pid))
        assert asked.result() != first
    assert faults(conn) == []


def causes_missed(conn, database):
    """Each cause is a row, and asks for a job that looks at the rows: how many did theirs not see?"""
    conn.execute("drop schema if exists test_unique cascade")
    conn.execute("create schema test_unique create table causes (n integer primary key)")
    asked, numbers = {}, itertools.count()

    def meet(number, own):
        if number < 3:
            for n in itertools.islice(numbers, 60):
                with own.transaction():
                    own.execute("insert into test_unique.causes values (%s)", [n])
                    job_id = enqueue(own, unique_until="claimed")
                    # Time in which the job could be claimed although this is not committed.
                    own.execute("select pg_sleep(0.003)")
                asked[n] = job_id
            return {}
        w, saw = worker(own), {}
        while len(asked) < 180 or own.execute("select 1 from jobs.ready").fetchone():
            for job in claim(own, w, 1):
                rows = own.execute("select n from test_unique.causes").fetchall()
                saw[job.job_id] = {n for (n,) in rows}
                complete(own, job)
        return saw

    with clients(database, 4) as each:
        saw = each(meet)[3]
    return sum(n not in saw[job_id] for n, job_id in asked.items())


def test_until_claimed_every_cause_is_seen_by_a_run_after_it(conn, database):
    assert causes_missed(conn, database) == 0
    assert faults(conn) == []


def test_without_the_lock_a_cause_would_be_missed(fresh_database):
    with connect(fresh_database) as conn:
        kind(conn)
        (text,) = conn.execute("select pg_get_functiondef('jobs._stand_still'::regproc)").fetchone()
        conn.execute(re.sub("for share( of r)?", "", text).encode())
        assert causes_missed(conn, fresh_database) > 0


# Many at once


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        pytest.param("ignore", [0, 1, 2], id="ignored, the first of a key is enqueued"),
        pytest.param("replace", [3, 4, 2], id="replaced, the last"),
        pytest.param("throttle", [3, 4, 2], id="throttled, the last"),
    ],
)
def test_many_with_the_same_keys_among_them(noon, mode, kept):
    ids = value(
        noon,
        "jobs.enqueue_many",
        kind="t.plain",
        payloads=[{"n": n} for n in range(5)],
        unique_keys=["a", "b", "c", "a", "b"],
        unique_mode=mode,
    )
    assert ids == [ids[kept[0]], ids[kept[1]], ids[kept[2]], ids[kept[0]], ids[kept[1]]]
    assert sorted(job.payload["n"] for job in claim(noon, worker(noon), 10)) == sorted(kept)
    assert faults(noon) == []


@pytest.mark.parametrize("mode", ["replace", "throttle", "debounce"])
def test_many_find_holders_in_every_place(noon, mode):
    """Ready, due later, come back in line, parked, running, and nobody."""
    w = worker(noon)
    runs, back = enqueue(noon, unique_key="runs"), enqueue(noon, unique_key="back")
    jobs = {job.job_id: job for job in claim(noon, w, 2)}
    settle(noon, jobs[back], "try_later", reason="busy", after=0)
    ready = enqueue(noon, unique_key="ready")
    later = enqueue(noon, unique_key="later", run_at=after_noon(60))
    keys = ["later", "new", "ready", "runs", "back"]
    ids = value(
        noon,
        "jobs.enqueue_many",
        kind="t.plain",
        payloads=[{"key": key} for key in keys],
        unique_keys=keys,
        unique_mode=mode,
        run_at=after_noon(30),
    )
    assert [ids[0], ids[2], ids[4]] == [later, ready, back]
    assert runs not in ids
    assert complete(noon, jobs[runs]) == [runs]
    places = ["scheduled", "scheduled", "ready", "scheduled", "ready"]
    if mode != "throttle":
        places = ["scheduled"] * 5
    assert [where(noon, job_id) for job_id in ids] == places
    at(noon, after_noon(60))
    assert {job.payload["key"] for job in claim(noon, w, 10)} == set(keys)
    assert faults(noon) == []


@pytest.mark.parametrize("mode", ["throttle", "debounce"])
def test_one_key_asked_for_by_eight_makes_one_job(conn, database, mode):
    def ask(number, own):
        return enqueue(own, payload={"n": number}, unique_mode=mode, run_at=NOON)

    with clients(database, 8) as each:
        assert len(set(each(ask))) == 1
    assert conn.execute("select count(*) from jobs.ready").fetchone() == (1,)
    assert faults(conn) == []


def payloads_that_no_run_saw(conn, database, mode):
    """Of 300 payloads asked for, those that neither the job returned nor a later payload of it ran."""
    asked = {}

    def meet(number, own):
        if number == 0:
            for n in range(300):
                asked[n] = enqueue(own, payload={"n": n}, unique_mode=mode, run_at=NOON)
            asked[300] = None
            return []
        w, ran = worker(own), []
        while 300 not in asked or own.execute("select 1 from jobs.ready").fetchone():
            jobs = claim(own, w, 1)
            ran += [(job.job_id, job.payload["n"]) for job in jobs]
            complete(own, *jobs)
        return ran

    with clients(database, 3) as each:
        last = dict(sorted(itertools.chain.from_iterable(each(meet))))
    del asked[300]
    return [n for n, job_id in asked.items() if last[job_id] < n]


@pytest.mark.parametrize("mode", ["replace", "throttle", "debounce"])
def test_changed_and_claimed_at_once(conn, database, mode):
    assert payloads_that_no_run_saw(conn, database, mode) == []
    assert faults(conn) == []


def test_were_rows_only_locked_a_claim_under_way_would_run_the_payload_of_before(fresh_database):
    with connect(fresh_database) as conn:
        kind(conn)
        conn.execute(
            "create or replace function jobs._write_anew(p_job_ids bigint[]) returns void"
            " language sql as 'select'"
        )
        assert any(payloads_that_no_run_saw(conn, fresh_database, "throttle") for _ in range(10))


def deadlocks(conn, database, **arguments):
    """Three ask for twenty keys of sixty at a time, two do the work: how often did they block?"""

    def meet(number, own):
        own.execute("set deadlock_timeout = '20 ms'")
        found, jobs, w = 0, [], worker(own)
        for n in range(80):
            keys = random.Random(100 * number + n).choices(range(60), k=20)
            try:
                if number < 3:
                    enqueue_many(own, keys, **arguments)
                elif number == 3:
                    complete(own, *jobs)
                    jobs = claim(own, w, 30)
                else:
                    jobs = claim(own, w, 5)
                    for job in jobs:
                        settle(own, job, "give_up" if n % 2 else "done", reason="x")
            except psycopg.errors.DeadlockDetected:
                found += 1
        return found

    def enqueue_many(own, keys, **arguments):
        return value(
            own,
            "jobs.enqueue_many",
            kind="t.plain",
            payloads=[{}] * len(keys),
            unique_keys=[str(key) for key in keys],
            **arguments,
        )

    with clients(database, 5) as each:
        found = sum(each(meet))
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({}, id="ignored"),
        pytest.param({"unique_until": "claimed"}, id="ignored until claimed"),
        pytest.param({"unique_for": timedelta(milliseconds=5)}, id="ignored within a window"),
        pytest.param({"unique_mode": "replace"}, id="replaced"),
        pytest.param({"unique_mode": "replace", "unique_until": "claimed"}, id="until claimed"),
        pytest.param({"unique_mode": "debounce", "run_at": NOON}, id="debounced"),
        pytest.param(
            {"unique_mode": "throttle", "unique_for": timedelta(milliseconds=5)}, id="throttled"
        ),
    ],
)
def test_many_with_the_same_keys_at_once_do_not_wait_for_each_other(conn, database, arguments):
    assert deadlocks(conn, database, **arguments) == 0
    assert faults(conn) == []


def test_without_the_order_of_the_keys_they_would(fresh_database):
    with connect(fresh_database) as conn:
        kind(conn)
        (text,) = conn.execute(
            "select pg_get_functiondef('jobs._take_unique_keys'::regproc)"
        ).fetchone()
        conn.execute(text.replace("order by n.place\n  on", "order by random()\n  on").encode())
        assert any(deadlocks(conn, fresh_database, unique_mode="replace") for _ in range(5))


@pytest.fixture
def left(conn, database):
    """A job that ended while somebody asked for its key, who then thought better of it."""
    job_id = enqueue(conn)
    job = claim_one(conn, worker(conn))
    with connect(database) as other, other.transaction(force_rollback=True):
        enqueue(other, unique_mode="replace")
        settle(conn, job, "give_up", reason="x")
    assert conn.execute("select job_id from jobs.unfreed_keys").fetchall() == [(job_id,)]
    assert faults(conn) == []
    return job_id


@pytest.mark.parametrize("mode", ["ignore", "reject", "replace", "throttle"])
def test_a_key_that_could_not_be_let_go_of_is_free(conn, left, mode):
    after = enqueue(conn, unique_mode=mode)
    assert after != left
    assert where(conn, after) == "ready"
    assert faults(conn) == []


def test_the_tick_clears_up_keys_that_could_not_be_let_go_of(conn, left):
    for _ in range(2):
        conn.execute("select * from jobs.tick()")
    assert conn.execute("select * from jobs.unfreed_keys").fetchall() == []
    assert conn.execute("select * from jobs.unique_keys").fetchall() == []


def test_who_takes_its_key_again_holds_it(conn, left):
    value(conn, "jobs.retry", job_id=left)
    for _ in range(2):
        conn.execute("select * from jobs.tick()")
    assert enqueue(conn) == left
    assert faults(conn) == []


# Staged


def test_what_was_copied_is_put_in_line(db):
    kind(db)
    rows = [{"payload": {"n": n}, "key": f"k{n % 3}"} for n in range(25_000)]
    assert load(db, "t.plain", rows) == 25_000
    assert db.execute(
        "select count(*), count(distinct key), min(payload ->> 'n')::int, max((payload ->> 'n')::int)"
        " from jobs.jobs"
    ).fetchone() == (25_000, 3, 0, 24_999)
    assert db.execute("select * from jobs.staging").fetchall() == []
    assert faults(db) == []


def test_what_was_copied_is_unique_too(noon):
    first = enqueue(noon, unique_key="b", payload={"n": 0})
    rows = [{"payload": {"n": n}, "unique_key": key} for n, key in enumerate("abca", 1)]
    assert load(noon, "t.plain", rows, unique_mode="replace") == 4
    got = {job.payload["n"]: job.job_id for job in claim(noon, worker(noon), 10)}
    assert got.keys() == {2, 3, 4} and got[2] == first


def test_a_load_that_fails_leaves_nothing(conn):
    def rows():
        yield {"payload": {}}
        raise OSError("the file ends here")

    with pytest.raises(OSError):
        load(conn, "t.plain", rows())
    assert conn.execute("select * from jobs.staging").fetchall() == []
    assert conn.execute("select * from jobs.jobs").fetchall() == []


def test_two_loads_do_not_mix(conn, database):
    kind(conn, "t.other")

    def ask(number, own):
        name = "t.other" if number else "t.plain"
        return load(own, name, [{"payload": {"kind": name}}] * 3000)

    with clients(database, 2) as each:
        assert each(ask) == [3000, 3000]
    assert conn.execute(
        "select count(*) from jobs.jobs where payload ->> 'kind' <> kind"
    ).fetchone() == (0,)
