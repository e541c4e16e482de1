"""Who gets which job: urgent first, keys in turn, never more than the limits allow."""

from __future__ import annotations

from collections import Counter

import pytest

from db import errors
from db.call import call, value
from tests.fixtures.clock import at
from tests.fixtures.jobs import claim, claim_one, complete, kind, settle, where, worker
from workers.line import Batch


def enqueue(db, name="t.plain", **arguments):
    return value(db, "jobs.enqueue", kind=name, **arguments)


def enqueue_keys(db, keys: str, **arguments):
    """One job for each letter, which is its key; ``.`` has none."""
    return value(
        db,
        "jobs.enqueue_many",
        kind="t.plain",
        payloads=[{"n": n} for n in range(len(keys))],
        keys=[None if key == "." else key for key in keys],
        **arguments,
    )


def limit(db, key="*", **columns):
    row = {"queue": "default", "key": key} | columns
    db.execute(
        f"insert into jobs.limits ({', '.join(row)}) values ({', '.join(['%s'] * len(row))})",
        list(row.values()),
    )


def keys(jobs) -> str:
    return "".join(job.key or "." for job in jobs)


@pytest.fixture
def line(db):
    kind(db)
    return db


def test_first_come_first_served(line):
    ids = enqueue_keys(line, ".....")
    w = worker(line)
    assert [claim_one(line, w).job_id for _ in ids] == ids


def test_urgent_before_idle(line):
    urgency = {enqueue(line, priority=p): p for p in (3, 1, 2, 0, 1)}
    got = [urgency[job.job_id] for job in claim(line, worker(line), 10)]
    assert got in ([0, 1, 1, 2, 3], [3, 2, 1, 1, 0])


def test_the_idle_are_not_left_for_ever(db):
    kind(db)
    value(db, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 400, priority=0)
    idle = enqueue(db, priority=3)
    w = worker(db)
    claims = next(n for n in range(400) if claim_one(db, w).job_id == idle)
    assert claims < 390


def test_every_run_has_its_own_number(line):
    enqueue(line)
    w = worker(line)
    numbers = []
    for _ in range(3):
        job = claim_one(line, w)
        numbers.append(job.run_no)
        value(line, "jobs.release_many", job_ids=[job.job_id], run_nos=[job.run_no])
    assert numbers == [1, 2, 3]


def test_only_the_queue_asked_for(line):
    kind(line, "t.other", "other")
    enqueue(line, "t.other")
    w = worker(line)
    assert claim(line, w) == []
    assert len(claim(line, w, queue="other")) == 1


@pytest.mark.parametrize("p_limit", [0, -1])
def test_nobody_who_wants_none_gets_one(line, p_limit):
    enqueue(line)
    assert claim(line, worker(line), p_limit) == []


def test_a_worker_that_never_signed_on_gets_nothing(line):
    enqueue(line)
    with pytest.raises(errors.WorkerGone), line.transaction():
        claim(line, 424242)


def test_a_worker_that_signed_off_gets_nothing(line):
    w = worker(line)
    value(line, "jobs.stop_worker", worker_id=w)
    with pytest.raises(errors.WorkerGone), line.transaction():
        claim(line, w)


# Keys in turn


def test_one_of_each_key_before_two_of_any(line):
    enqueue_keys(line, "aaaaaabbc.")
    assert sorted(keys(claim(line, worker(line), 4))) == sorted("abc.")


def test_the_turn_goes_on_behind_the_last_key(line):
    enqueue_keys(line, "abcdefabcdef")
    w = worker(line)
    first = claim(line, w, 4)
    second = claim(line, w, 2, turn={"2": first[-1].key})
    assert keys(first) + keys(second) == "abcdef"


def test_what_runs_already_counts_as_had(line):
    enqueue_keys(line, "aaa")
    w = worker(line)
    claim(line, w, 2)
    enqueue_keys(line, "bbb")
    assert Counter(keys(claim(line, w, 2))) == {"b": 2}


def test_what_one_key_leaves_the_others_get(line):
    enqueue_keys(line, "aaaaaaaab")
    assert Counter(keys(claim(line, worker(line), 8))) == {"a": 7, "b": 1}


def test_shares_go_by_weight(line):
    enqueue_keys(line, "a" * 20 + "b" * 20)
    limit(line, "a", weight=3)
    assert Counter(keys(claim(line, worker(line), 8))) == {"a": 6, "b": 2}


def test_many_keys_are_all_reached(line):
    names = [f"shop-{n:04}" for n in range(300)]
    value(line, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 300, keys=names)
    w, turn, got = worker(line), {}, []
    while jobs := claim(line, w, 50, turn=turn):
        got += [job.key for job in jobs]
        turn = {"2": jobs[-1].key}
    assert sorted(got) == names


def served(line, claims, room=1, turn=None, between=lambda: None):
    """How many jobs of each key get their turn, each done at once."""
    w, turn, got = worker(line), turn or {}, Counter()
    for _ in range(claims):
        jobs = claim(line, w, room, turn=turn)
        turn |= {str(job.priority): job.key for job in jobs}
        got.update(job.key for job in jobs)
        complete(line, *jobs)
        between()
    return got


def test_an_urgent_key_that_trickles_leaves_the_others_their_turn(line):
    enqueue_keys(line, "abcdefghij" * 9)
    got = served(line, 80, between=lambda: enqueue(line, key="e", priority=0))
    assert got["e"] > 40
    enqueue_keys(line, "abcdefghij" * 9)
    value(line, "jobs.pause", queue="default", key="e")
    got = served(line, 90)
    assert set(got) == set("abcdfghij") and max(got.values()) - min(got.values()) <= 1


# Of so many claims the share lies six times as far from these bounds as it spreads by chance.


@pytest.mark.parametrize(
    ("weights", "room", "claims", "of", "low", "high"),
    [
        pytest.param({"b": 2}, 1, 450, "b", 230, 370, id="of two with one place twice as often"),
        pytest.param({"a": 0.5, "b": 0.25}, 1, 450, "a", 230, 370, id="with weights below one"),
        pytest.param({"b": 1.5}, 1, 450, "b", 190, 345, id="of two with one place half again"),
        pytest.param({"b": 2}, 3, 60, "b", 120, 120, id="of two with three places two"),
        pytest.param({"c": 3}, 2, 250, "d", 12, 88, id="a neighbour of a heavy one as the others"),
    ],
)
def test_who_weighs_more_gets_more_turns(line, weights, room, claims, of, low, high):
    names = "abcdefgh" if "c" in weights else "ab"
    for name in names:
        value(
            line,
            "jobs.enqueue_many",
            kind="t.plain",
            payloads=[{}] * 500,
            keys=[name] * 500,
        )
    for key, weight in weights.items():
        limit(line, key, weight=weight)
    assert low <= served(line, claims, room)[of] <= high


def test_who_weighs_less_gets_a_turn_now_and_then(line):
    enqueue_keys(line, "abcdefghijkl" * 40)
    limit(line, "c", weight=0.5)
    assert 2 <= served(line, 40, 10)["c"] <= 38


@pytest.mark.parametrize(
    "hold_up",
    [
        pytest.param(
            "insert into jobs.pauses (queue, key) select 'default', 'p' || n"
            " from generate_series(1, 200) as n",
            id="paused",
        ),
        pytest.param(
            "insert into jobs.rests (queue, key, until) select 'default', 'p' || n, 'infinity'"
            " from generate_series(1, 200) as n",
            id="told to wait",
        ),
        pytest.param(
            "insert into jobs.limits (queue, key, max_running) select 'default', 'p' || n, 0"
            " from generate_series(1, 200) as n",
            id="at their limit",
        ),
        pytest.param(
            "insert into jobs.limits (queue, key, rate) select 'default', 'p' || n, 1e-9"
            " from generate_series(1, 200) as n;"
            "insert into jobs.buckets (queue, key, claim_no, owed, at)"
            " select 'default', 'p' || n, 1, 1, jobs.clock() from generate_series(1, 200) as n",
            id="out of tokens",
        ),
    ],
)
def test_many_that_are_held_up_let_the_others_pass(line, hold_up):
    names = [f"p{n}" for n in range(1, 201)]
    value(line, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 200, keys=names)
    enqueue(line, key="zzz")
    line.execute(hold_up)
    assert claim_one(line, worker(line)).key == "zzz"


def test_a_claim_for_many_takes_one_of_each_of_many_keys(line):
    names = [f"shop-{n:04}" for n in range(300)]
    value(line, "jobs.enqueue_many", kind="t.plain", payloads=[{}] * 300, keys=names)
    assert len(claim(line, worker(line), 500)) == 300


def test_jobs_wait_while_their_kind_is_gone(line):
    enqueue(line, kind(line, "t.gone"), key="a")
    enqueue(line, key="a")
    line.execute("delete from jobs.kinds where kind = 't.gone'")
    w = worker(line)
    assert [job.kind for job in claim(line, w, 10)] == ["t.plain"]
    kind(line, "t.gone")
    assert claim_one(line, w).kind == "t.gone"


# Limits


@pytest.mark.parametrize(
    ("max_running", "running", "more"),
    [
        pytest.param(None, 0, 5, id="without a limit all"),
        pytest.param(3, 0, 3, id="up to the limit"),
        pytest.param(3, 2, 1, id="what runs counts"),
        pytest.param(2, 2, 0, id="at the limit none"),
        pytest.param(0, 0, 0, id="a limit of none is a stop"),
    ],
)
@pytest.mark.parametrize("whose", ["a", "*"])
def test_at_once_of_a_key(line, max_running, running, more, whose):
    w = worker(line)
    enqueue_keys(line, "a" * running)
    assert len(claim(line, w, 10)) == running
    limit(line, whose, max_running=max_running)
    enqueue_keys(line, "a" * 5)
    assert len(claim(line, w, 10)) == more


def test_a_key_with_its_own_limit_does_not_heed_the_general_one(line):
    limit(line, "*", max_running=1)
    limit(line, "a", max_running=3)
    enqueue_keys(line, "aaaabbbb....")
    assert Counter(keys(claim(line, worker(line), 100))) == {"a": 3, "b": 1, ".": 4}


def test_a_place_is_free_when_a_job_has_ended(line):
    limit(line, max_running=1)
    enqueue_keys(line, "aa")
    w = worker(line)
    first = claim_one(line, w)
    assert claim(line, w) == []
    complete(line, first)
    assert len(claim(line, w)) == 1


def test_a_limit_may_change_at_any_time(line):
    limit(line, max_running=1)
    enqueue_keys(line, "aaaa")
    w = worker(line)
    assert len(claim(line, w, 10)) == 1
    line.execute("update jobs.limits set max_running = 3")
    assert len(claim(line, w, 10)) == 2
    line.execute("delete from jobs.limits")
    assert len(claim(line, w, 10)) == 1


def test_at_once_of_a_whole_queue(line):
    line.execute("update jobs.queues set max_running = 3 where queue = 'default'")
    enqueue_keys(line, "aabb....")
    w = worker(line)
    assert len(claim(line, w, 2)) == 2
    assert len(claim(line, w, 10)) == 1
    assert claim(line, w, 10) == []


@pytest.mark.parametrize(
    ("then", "more"),
    [
        pytest.param("00:00", 0, id="at once none"),
        pytest.param("00:00.1", 1, id="after a tenth one"),
        pytest.param("00:00.35", 3, id="after a third three"),
        pytest.param("01:00", 5, id="after a minute the burst, not more"),
    ],
)
def test_a_rate_lets_through_a_burst_and_then_so_many_a_second(line, then, more):
    limit(line, rate=10, burst=5)
    enqueue_keys(line, "a" * 20)
    at(line, "2026-01-01 12:00:00+00")
    w = worker(line)
    assert len(claim(line, w, 3)) == 3
    assert len(claim(line, w, 10)) == 2
    assert claim(line, w, 10) == []
    at(line, f"2026-01-01 12:{then}+00")
    assert len(claim(line, w, 10)) == more


@pytest.mark.parametrize(
    ("then", "more"),
    [
        pytest.param("00:00", 0, id="at once none"),
        pytest.param("00:00.35", 3, id="after a third three"),
        pytest.param("01:00", 5, id="after a minute the burst, not more"),
    ],
)
def test_a_rate_of_a_whole_queue_counts_the_jobs_of_all_keys(line, then, more):
    line.execute("update jobs.queues set rate = 10, burst = 5 where queue = 'default'")
    enqueue_keys(line, "abc....aaabbb...")
    at(line, "2026-01-01 12:00:00+00")
    w = worker(line)
    assert len(claim(line, w, 3)) == 3
    assert len(claim(line, w, 10)) == 2
    assert claim(line, w, 10) == []
    at(line, f"2026-01-01 12:{then}+00")
    assert len(claim(line, w, 10)) == more


def test_a_rate_is_not_used_up_by_what_was_not_claimed(line):
    limit(line, rate=1, burst=3)
    enqueue_keys(line, "ab")
    at(line, "2026-01-01 12:00:00+00")
    w = worker(line)
    assert len(claim(line, w, 100)) == 2
    enqueue_keys(line, "aaab")
    assert Counter(keys(claim(line, w, 100))) == {"a": 2, "b": 1}


def test_a_rate_of_one_key_is_no_other_keys_matter(line):
    limit(line, "a", rate=1)
    enqueue_keys(line, "aabb")
    assert Counter(keys(claim(line, worker(line), 100))) == {"a": 1, "b": 2}


def test_a_bound_counts_what_runs_already(line):
    enqueue_keys(line, "." * 6)
    w = worker(line)
    claim(line, w, 2)
    line.execute("update jobs.queues set max_running = 3 where queue = 'default'")
    assert len(claim(line, w, 10)) == 1
    line.execute("update jobs.queues set max_running = null where queue = 'default'")
    assert len(claim(line, w, 2)) == 2
    line.execute("update jobs.queues set max_running = 6 where queue = 'default'")
    assert len(claim(line, w, 10)) == 1


@pytest.mark.parametrize("whose", ["of a key", "of the queue"])
def test_a_changed_rate_holds_from_the_next_claim_on(line, whose):
    if whose == "of a key":
        limit(line, "a", rate=1, burst=60)
    else:
        line.execute("update jobs.queues set rate = 1, burst = 60 where queue = 'default'")
    enqueue_keys(line, "a" * 99)
    at(line, "2026-01-01 12:00:00+00")
    w = worker(line)
    assert len(claim(line, w, 99)) == 60
    line.execute("update jobs.limits set rate = 10")
    line.execute("update jobs.queues set rate = 10 where rate is not null")
    at(line, "2026-01-01 12:00:02+00")
    assert len(claim(line, w, 99)) == 20
    line.execute("update jobs.limits set rate = 0.5")
    line.execute("update jobs.queues set rate = 0.5 where rate is not null")
    assert claim(line, w, 99) == []
    at(line, "2026-01-01 12:00:06+00")
    assert len(claim(line, w, 99)) == 2


def test_what_a_rate_has_earned_back_is_not_kept(line):
    limit(line, "a", rate=1, burst=5)
    limit(line, "b", rate=0.001, burst=5)
    line.execute("update jobs.queues set rate = 1, burst = 10 where queue = 'default'")
    enqueue_keys(line, "aabb")
    at(line, "2026-01-01 12:00:00+00")
    assert len(claim(line, worker(line), 9)) == 4
    at(line, "2026-01-01 12:00:04+00")
    line.execute("select jobs._retain()")
    assert line.execute("select key from jobs.buckets").fetchall() == [("b",)]


# Pauses


def test_a_paused_queue_gives_nothing_until_it_is_resumed(line):
    enqueue_keys(line, ".a")
    w = worker(line)
    value(line, "jobs.pause", queue="default", reason="stocktaking")
    assert claim(line, w, 10) == []
    value(line, "jobs.resume", queue="default")
    assert len(claim(line, w, 10)) == 2


def test_a_paused_key_lets_the_others_pass(line):
    enqueue_keys(line, "aabb")
    w = worker(line)
    value(line, "jobs.pause", queue="default", key="a")
    assert keys(claim(line, w, 10)) == "bb"
    value(line, "jobs.resume", queue="default", key="a")
    assert keys(claim(line, w, 10)) == "aa"


@pytest.mark.parametrize("pause", ["jobs.pause", "jobs.penalise"])
def test_a_pause_can_have_an_end(line, pause):
    enqueue_keys(line, "ab")
    at(line, "2026-01-01 12:00+00")
    w = worker(line)
    value(line, pause, queue="default", key="a", until="2026-01-01 12:05+00")
    assert keys(claim(line, w, 10)) == "b"
    at(line, "2026-01-01 12:05+00")
    assert keys(claim(line, w, 10)) == "a"


def test_a_penalty_without_a_key_is_the_whole_queues(line):
    enqueue_keys(line, "a.")
    at(line, "2026-01-01 12:00+00")
    w = worker(line)
    value(line, "jobs.penalise", queue="default", key="", until="2026-01-01 12:05+00")
    assert claim(line, w, 10) == []
    held = line.execute("select queue, key, held_by from jobs.held").fetchall()
    assert held == [("default", None, "service")]
    at(line, "2026-01-01 12:05+00")
    assert len(claim(line, w, 10)) == 2


def test_the_longer_penalty_counts(line):
    enqueue_keys(line, "a")
    at(line, "2026-01-01 12:00+00")
    w = worker(line)
    for until in ("12:05", "12:01"):
        value(line, "jobs.penalise", queue="default", key="a", until=f"2026-01-01 {until}+00")
    at(line, "2026-01-01 12:02+00")
    assert claim(line, w, 10) == []


# What the worker reads


def test_an_exchange_reports_and_claims_in_one(line):
    ids = enqueue_keys(line, "....")
    w = worker(line)
    (first,) = call(
        line,
        "jobs.exchange",
        Batch,
        worker_id=w,
        job_ids=[],
        run_nos=[],
        results=None,
        queue="default",
        limit=3,
    )
    assert first.job_ids == ids[:3]
    assert first.run_nos == [1, 1, 1]
    assert first.payloads == [{"n": 0}, {"n": 1}, {"n": 2}]
    (second,) = call(
        line,
        "jobs.exchange",
        Batch,
        worker_id=w,
        job_ids=first.job_ids,
        run_nos=first.run_nos,
        results=None,
        queue="default",
        limit=3,
    )
    assert second.job_ids == ids[3:]
    assert [where(line, job_id) for job_id in ids] == ["ended"] * 3 + ["running"]
    assert (
        call(
            line,
            "jobs.exchange",
            Batch,
            worker_id=w,
            job_ids=second.job_ids,
            run_nos=second.run_nos,
            results=None,
            queue="default",
            limit=3,
        )
        == []
    )


KEY_RATE = "insert into jobs.limits (queue, key, rate, burst) values ('default', '*', 10, 2)"
QUEUE_RATE = "update jobs.queues set rate = 10, burst = 2 where queue = 'default'"
REST = "select jobs.penalise('default', 'a', jobs.clock() + interval '30 s')"


@pytest.mark.parametrize(
    ("held_up_by", "jobs", "again_in"),
    [
        pytest.param(KEY_RATE, "aaa", 0.1, id="the rate of a key"),
        pytest.param(KEY_RATE, "aaab", 0.1, id="the rate of one key of two"),
        pytest.param(KEY_RATE, "aa", None, id="nothing, for none is left"),
        pytest.param(QUEUE_RATE, "ab.", 0.1, id="the rate of the queue"),
        pytest.param(QUEUE_RATE, "a.", None, id="nothing, for none is left in the queue"),
        pytest.param(REST, "ab", 30, id="a service's Retry-After"),
        pytest.param("select", "ab", None, id="nothing"),
    ],
)
def test_who_gets_less_is_told_when_to_come_again(line, held_up_by, jobs, again_in):
    at(line, "2026-01-01 12:00:00+00")
    line.execute(held_up_by)
    enqueue_keys(line, jobs)
    (batch,) = call(
        line,
        "jobs.exchange",
        Batch,
        worker_id=worker(line),
        job_ids=[],
        run_nos=[],
        results=None,
        queue="default",
        limit=10,
    )
    assert batch.again_in == again_in


def test_a_poll_names_the_queues_with_ready_jobs(line):
    kind(line, "t.other", "other")
    poll = "select queues from jobs.poll('{default,other}')"
    assert line.execute(poll).fetchone() == ([],)
    enqueue(line, "t.other")
    enqueue(line, run_at="2099-01-01")
    assert line.execute(poll).fetchone() == (["other"],)


def test_of_those_who_poll_one_is_the_clock(line):
    value(line, "jobs.tick")
    line.execute("select setval('jobs.last_tick', 1)")
    poll = "select ticked from jobs.poll('{default}')"
    assert [line.execute(poll).fetchone() for _ in range(3)] == [(True,), (False,), (False,)]


def test_a_due_job_joins_at_the_end_of_its_line(line):
    at(line, "2026-01-01 12:00+00")
    delayed = enqueue(line, run_at="2026-01-01 12:01+00")
    at(line, "2026-01-01 12:02+00")
    value(line, "jobs.tick")
    fresh = enqueue(line)
    assert [job.job_id for job in claim(line, worker(line), 10)] == [delayed, fresh]


def test_a_retry_comes_after_those_who_wait(line):
    first, second = enqueue_keys(line, "..")
    w = worker(line)
    settle(line, claim_one(line, w), "try_later", reason="busy", after=0)
    assert [job.job_id for job in claim(line, w, 10)] == [second, first]
