"""How a run ends: done, once more, dead; and what prepare and settle have to say in it."""

from __future__ import annotations

import pytest

from db import errors
from db.call import value
from tests.fixtures.clock import at
from tests.fixtures.jobs import (
    asked,
    claim,
    claim_one,
    complete,
    ended,
    faults,
    kind,
    ruled,
    settle,
    told,
    where,
    worker,
)


def enqueue(db, name="t.ruled", payload=None, **arguments):
    return value(db, "jobs.enqueue", kind=name, payload=payload or {}, **arguments)


def prepare(db, job):
    return value(db, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)


def begun(db, payload=None, **columns):
    """A claimed and prepared job of a kind with rules."""
    ruled(db, **columns)
    enqueue(db, payload=payload)
    job = claim_one(db, worker(db))
    prepare(db, job)
    return job


def history(db, job):
    return db.execute(
        "select run_no, state, failures, code, reason, result from jobs.history"
        " where job_id = %s order by run_no",
        [job.job_id],
    ).fetchall()


# Done


def test_done_in_bulk(db):
    kind(db)
    for _ in range(3):
        enqueue(db, "t.plain")
    jobs = claim(db, worker(db), 10)
    assert sorted(complete(db, *jobs)) == sorted(job.job_id for job in jobs)
    assert [ended(db, job.job_id) for job in jobs] == ["done"] * 3
    assert db.execute("select * from jobs.active").fetchall() == []


def test_an_answer_is_kept(db):
    kind(db)
    enqueue(db, "t.plain")
    job = claim_one(db, worker(db))
    complete(db, job, results=[{"n": 1}])
    assert history(db, job) == [(1, "done", 0, None, None, {"n": 1})]


def test_an_answer_above_8_kb_is_not_kept(db):
    kind(db)
    enqueue(db, "t.plain")
    job = claim_one(db, worker(db))
    complete(db, job, results=["".join(chr(n) for n in range(0x4E00, 0x4E00 + 4000))])
    assert history(db, job) == [(1, "done", 0, None, None, None)]


def test_a_kind_that_settles_is_left_alone_in_bulk(db):
    ruled(db)
    enqueue(db)
    job = claim_one(db, worker(db))
    assert complete(db, job) == []
    assert where(db, job.job_id) == "running"


@pytest.mark.parametrize("change", [-1, 1])
def test_another_runs_number_ends_nothing(db, change):
    kind(db)
    enqueue(db, "t.plain")
    job = claim_one(db, worker(db))
    done = value(db, "jobs.complete_many", job_ids=[job.job_id], run_nos=[job.run_no + change])
    assert done == []
    assert where(db, job.job_id) == "running"


STALE = [
    pytest.param("complete", id="complete_many"),
    pytest.param("settle", id="settle"),
    pytest.param("prepare", id="prepare"),
    pytest.param("fail", id="fail"),
    pytest.param("snooze", id="snooze"),
    pytest.param("release", id="release_many"),
]


@pytest.mark.parametrize("verb", STALE)
def test_whoever_lost_a_job_changes_nothing(db, verb):
    """The run is taken away and given to another; then the first one reports."""
    ruled(db)
    job_id = enqueue(db, payload={"a": 1})
    first = claim_one(db, worker(db))
    value(db, "jobs.release_many", job_ids=[job_id], run_nos=[first.run_no])
    second = claim_one(db, worker(db))
    places = "select r.* from jobs.running as r"
    before = db.execute(places).fetchall(), db.execute("select * from jobs.history").fetchall()

    run = {"job_id": job_id, "run_no": first.run_no}
    many = {"job_ids": [job_id], "run_nos": [first.run_no]}
    answer = {
        "complete": lambda: value(db, "jobs.complete_many", **many),
        "settle": lambda: settle(db, first),
        "prepare": lambda: prepare(db, first)["why"],
        "fail": lambda: value(db, "jobs.fail", error="x", **run),
        "snooze": lambda: value(db, "jobs.snooze", until="2099-01-01", **run),
        "release": lambda: value(db, "jobs.release_many", **many),
    }[verb]()
    assert answer in ([], "stale")
    assert before == (
        db.execute(places).fetchall(),
        db.execute("select * from jobs.history").fetchall(),
    )
    assert told(db, job_id) == []
    assert settle(db, second) == "done"


def test_the_same_run_ends_once(db):
    job = begun(db)
    assert settle(db, job) == "done"
    assert settle(db, job) == "stale"
    assert len(told(db, job.job_id)) == 1


# Failures


def test_a_failure_waits_twice_as_long_each_time(db):
    kind(db, backoff_base="10 s", backoff_cap="35 s", max_attempts=9)
    job_id = enqueue(db, "t.plain")
    at(db, "2026-01-01 12:00+00")
    w = worker(db, lease="1 day")
    waits = []
    for _ in range(4):
        value(db, "jobs.retry", job_id=job_id) if waits else None
        settle(db, claim_one(db, w), "try_later", reason="busy")
        (wait,) = db.execute(
            "select extract(epoch from s.run_at - jobs.clock()) from jobs.scheduled as s"
        ).fetchone()
        waits.append(float(wait))
    for wait, base in zip(waits, [10, 20, 35, 35], strict=True):
        assert base * 0.5 <= wait <= base * 1.5


def test_a_failure_can_say_how_long(db):
    kind(db)
    enqueue(db, "t.plain")
    at(db, "2026-01-01 12:00+00")
    job = claim_one(db, worker(db))
    assert settle(db, job, "try_later", reason="busy", after=90) == "scheduled"
    assert db.execute(
        "select s.run_at = '2026-01-01 12:01:30+00', s.why, s.failures from jobs.scheduled as s"
    ).fetchone() == (True, "busy", 1)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        pytest.param("try_later", "failed", id="a failure fails it"),
        pytest.param("unknown", "unknown", id="an unknown end leaves it unknown"),
    ],
)
def test_after_the_last_attempt_it_is_dead(db, outcome, state):
    ruled(db, max_attempts=2, effect="natural")
    job_id = enqueue(db)
    w = worker(db)
    job = claim_one(db, w)
    assert settle(db, job, outcome, reason="first", after=0) == "ready"
    job = claim_one(db, w)
    assert settle(db, job, outcome, reason="second", code="busy") == state
    assert told(db, job_id) == [{"state": state, "reason": "second", "code": "busy"}]
    assert db.execute("select job_id, state, code, reason from jobs.dead").fetchall() == [
        (job_id, state, "busy", "second")
    ]
    assert faults(db) == []


def test_giving_up_needs_no_further_attempt(db):
    job = begun(db, max_attempts=9)
    assert settle(db, job, "give_up", reason="gone", code="not_found") == "failed"
    assert ended(db, job.job_id) == "failed"


def test_fail_and_snooze_by_hand(db):
    kind(db, max_attempts=2)
    enqueue(db, "t.plain")
    w = worker(db)

    def run():
        job = claim_one(db, w)
        return {"job_id": job.job_id, "run_no": job.run_no}

    assert value(db, "jobs.snooze", until="2020-01-01", reason="not yet", **run()) == "ready"
    assert value(db, "jobs.fail", error="busy", after="0 s", **run()) == "ready"
    assert value(db, "jobs.snooze", until="2099-01-01", **run()) == "scheduled"
    assert (
        value(
            db, "jobs.retry", job_id=db.execute("select job_id from jobs.scheduled").fetchone()[0]
        )
        == "ready"
    )
    assert value(db, "jobs.fail", error="no", retry=False, **run()) == "failed"


def test_an_outcome_that_is_none_is_refused(db):
    job = begun(db)
    with pytest.raises(errors.NoSuchOutcome), db.transaction():
        settle(db, job, "perhaps")


# Prepare


def test_prepare_asks_the_kind_for_the_request(db):
    ruled(db, timeout="90 s")
    enqueue(db, payload={"prepare": {"request": {"a": 1}, "connection_id": "c"}})
    assert prepare(db, claim_one(db, worker(db))) == {
        "call": True,
        "request": {"a": 1},
        "connection_id": "c",
        "maybe_sent": False,
        "timeout_s": 90,
    }


def test_a_kind_without_prepare_asks_for_its_payload(db):
    ruled(db, prepare=None)
    enqueue(db, payload={"a": 1})
    assert prepare(db, claim_one(db, worker(db)))["request"] == {"a": 1}


@pytest.mark.parametrize(
    ("answer", "why", "state", "was_told"),
    [
        pytest.param(
            {"skip": "already there"},
            "skipped: already there",
            "skipped",
            [{"state": "skipped", "reason": "already there", "code": None}],
            id="skip ends it as skipped",
        ),
        pytest.param(
            {"give_up": "no board"},
            "failed: no board",
            "failed",
            [{"state": "failed", "reason": "no board", "code": None}],
            id="give up ends it as failed",
        ),
        pytest.param(
            {"done": 7}, "done", "done", [{"state": "done", "answer": 7}], id="done ends it as done"
        ),
        pytest.param(
            {"later": 60, "reason": "quota"}, "later: quota", "scheduled", [], id="later waits"
        ),
    ],
)
def test_prepare_can_say_that_there_is_nothing_to_call(db, answer, why, state, was_told):
    ruled(db)
    job_id = enqueue(db, payload={"prepare": answer})
    job = claim_one(db, worker(db))
    assert prepare(db, job) == {"call": False, "why": why}
    assert told(db, job_id) == was_told
    if state == "scheduled":
        assert where(db, job_id) == state
        assert db.execute("select failures, why from jobs.scheduled").fetchone() == (0, "quota")
    else:
        assert ended(db, job_id) == state
    assert db.execute("select * from jobs.effects").fetchall() == []
    assert faults(db) == []


def test_an_answer_that_is_none_is_refused(db):
    ruled(db)
    enqueue(db, payload={"prepare": {"perhaps": 1}})
    with pytest.raises(errors.NotPrepared), db.transaction():
        prepare(db, claim_one(db, worker(db)))


# Settle


def test_settle_is_told_the_answer_and_the_answer_is_not_kept_twice(db):
    job = begun(db)
    assert settle(db, job, answer={"id": 7}) == "done"
    assert told(db, job.job_id) == [{"state": "done", "answer": {"id": 7}}]
    assert history(db, job)[0][-1] is None


@pytest.mark.parametrize(
    ("replies", "said", "failures"),
    [
        pytest.param([{"later": 60, "reason": "bad"}], "scheduled", 1, id="later is a failure"),
        pytest.param(
            [{"later": None, "reason": "bad"}], "scheduled", 1, id="later without a time backs off"
        ),
        pytest.param([{"snooze": 5, "reason": "wait"}], "scheduled", 0, id="snooze is none"),
    ],
)
def test_settle_can_refuse_an_answer(db, replies, said, failures):
    job = begun(db, payload={"settle": replies})
    assert settle(db, job, answer=1) == said
    assert db.execute("select failures, why from jobs.scheduled").fetchone() == (
        failures,
        replies[0]["reason"],
    )
    value(db, "jobs.retry", job_id=job.job_id)
    again = claim_one(db, worker(db))
    assert settle(db, again, answer=2) == "done"
    assert [result["answer"] for result in told(db, job.job_id)] == [1, 2]


def test_settle_can_give_up(db):
    job = begun(db, payload={"settle": [{"give_up": "not a picture"}]})
    assert settle(db, job, answer=1) == "failed"
    assert told(db, job.job_id) == [
        {"state": "done", "answer": 1},
        {"state": "failed", "reason": "not a picture", "code": None},
    ]
    assert ended(db, job.job_id) == "failed"


def test_a_last_answer_refused_fails_the_job(db):
    job = begun(db, payload={"settle": [{"later": 1, "reason": "bad"}]}, max_attempts=1)
    assert settle(db, job, answer=1) == "failed"
    assert [result["state"] for result in told(db, job.job_id)] == ["done", "failed"]


def test_what_settle_wrote_stays_when_it_refuses(db):
    job = begun(db, payload={"settle": [{"snooze": 5, "reason": "wait"}]})
    settle(db, job, answer={"cost": 3})
    assert told(db, job.job_id) == [{"state": "done", "answer": {"cost": 3}}]


def test_a_settle_that_raises_keeps_the_job_running(db):
    job = begun(db, payload={"settle_raises": "a bug"})
    with pytest.raises(Exception, match="a bug"), db.transaction():
        settle(db, job)
    assert where(db, job.job_id) == "running"


def test_a_settle_that_raises_cannot_keep_a_job_from_ending(db):
    job = begun(db, payload={"settle_raises": "a bug"}, max_attempts=1)
    assert settle(db, job, "give_up", reason="gone") == "failed"
    (reason,) = db.execute("select reason from jobs.dead").fetchone()
    assert "gone" in reason and "a bug" in reason
    assert faults(db) == []


# What a service says of its limits


def blocked_for(db):
    row = db.execute(
        "select extract(epoch from r.until - jobs.clock())::float from jobs.rests as r"
    ).fetchone()
    return row and row[0]


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        pytest.param({"pause_key": True, "after": 30}, 30, id="pause_key, for as long as it says"),
        pytest.param({"pause_key": False, "after": 30}, None, id="a failure alone blocks nobody"),
        pytest.param(
            {"throttle": {"available": 100, "maximum": 1000, "restore_rate": 50, "cost": 200}},
            6,
            id="too little left, until twice the cost is back",
        ),
        pytest.param(
            {"throttle": {"available": 400, "maximum": 1000, "restore_rate": 50, "cost": 200}},
            None,
            id="enough left",
        ),
        pytest.param({"throttle": None}, None, id="nothing said"),
    ],
)
def test_a_key_rests_as_its_service_asks(db, outcome, seconds):
    ruled(db)
    at(db, "2026-01-01 12:00+00")
    enqueue(db, key="shop")
    job = claim_one(db, worker(db))
    settle(db, job, "try_later", reason="busy", **outcome)
    assert blocked_for(db) == seconds


def test_a_call_turned_away_costs_no_attempt(db):
    ruled(db, max_attempts=1)
    job_id = enqueue(db, key="shop")
    job = claim_one(db, worker(db))
    assert settle(db, job, "try_later", reason="429", pause_key=True, after=9) == "scheduled"
    assert db.execute("select failures from jobs.scheduled").fetchone() == (0,)
    assert told(db, job_id) == []


# What may have been sent


@pytest.mark.parametrize(
    ("first_outcome", "maybe_sent"),
    [
        pytest.param("unknown", True, id="an unknown end may have been sent"),
        pytest.param("try_later", False, id="a failure was not"),
    ],
)
def test_the_next_run_knows_whether_it_may_have_been_sent(db, first_outcome, maybe_sent):
    job = begun(db, effect="read_back")
    settle(db, job, first_outcome, reason="x", after=0)
    again = claim_one(db, worker(db))
    assert prepare(db, again)["maybe_sent"] is maybe_sent
    assert asked(db, job.job_id) == [False, maybe_sent]


def test_at_most_once_is_not_repeated_when_nobody_knows(db):
    job = begun(db, effect="at_most_once", max_attempts=9)
    assert settle(db, job, "unknown", reason="timeout") == "unknown"
    assert told(db, job.job_id) == [{"state": "unknown", "reason": "timeout", "code": None}]


def test_at_most_once_is_repeated_when_it_surely_did_not_happen(db):
    job = begun(db, effect="at_most_once", max_attempts=9)
    assert settle(db, job, "try_later", reason="refused", after=0) == "ready"
    assert prepare(db, claim_one(db, worker(db)))["call"] is True


def test_at_most_once_is_called_when_it_was_put_off_before(db):
    job = begun(db, effect="at_most_once")
    run = {"job_id": job.job_id, "run_no": job.run_no}
    assert value(db, "jobs.snooze", until="2020-01-01", **run) == "ready"
    again = claim_one(db, worker(db))
    reply = prepare(db, again)
    assert (reply["call"], reply["maybe_sent"]) == (True, False)


def test_each_request_is_written_down_before_it_goes_out(db):
    job = begun(db, effect="natural")
    select = "select run_no, mode, outcome from jobs.effects"
    assert db.execute(select).fetchall() == [(1, "natural", None)]
    settle(db, job)
    assert db.execute(select).fetchall() == [(1, "natural", "done")]


def test_prepare_may_be_asked_again_when_its_answer_was_lost(db):
    job = begun(db, effect="at_most_once")
    assert prepare(db, job) == {
        "call": True,
        "request": {},
        "connection_id": None,
        "maybe_sent": False,
        "timeout_s": 60,
    }
