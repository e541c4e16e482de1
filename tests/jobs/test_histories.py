"""Whole histories, in any order: what must always be true stays true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from db import errors
from db.call import value
from tests.fixtures.clock import at
from tests.fixtures.jobs import claim, complete, faults, kind, ruled, settle, told, worker

KEYS = st.sampled_from([None, "a", "b"])
FINAL = {"done", "failed", "skipped", "cancelled", "unknown"}


class Queue(RuleBasedStateMachine):
    """Drives one queue as two workers, a clock, producers and an operator might."""

    conn = None

    def __init__(self) -> None:
        super().__init__()
        self.transaction = self.conn.transaction(force_rollback=True)
        self.transaction.__enter__()
        self.conn.execute(
            "create or replace function jobs._server_started() returns timestamptz language sql"
            " as $$ select '2000-01-01'::timestamptz $$; delete from jobs.schedules"
        )
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.pass_time(0)
        kind(self.conn, max_attempts=3, backoff_base="1 s")
        ruled(self.conn, max_attempts=2, effect="read_back", backoff_base="1 s")
        ruled(self.conn, "t.once", max_attempts=2, effect="at_most_once", backoff_base="1 s")
        self.conn.execute(
            "insert into jobs.limits (queue, key, max_running, rate, burst)"
            " values ('default', 'a', 2, null, 1), ('default', 'b', 3, 1, 2)"
        )
        self.workers = [worker(self.conn, "15 s"), worker(self.conn, "15 s")]
        self.job_ids = []
        self.claimed = []
        self.run_nos = {}

    def teardown(self) -> None:
        self.transaction.__exit__(None, None, None)

    def enqueued(self, job_id) -> None:
        if job_id not in self.job_ids:
            self.job_ids.append(job_id)

    def is_present(self, job) -> bool:
        return self.run_nos[job.job_id] == job.run_no

    @rule(
        name=st.sampled_from(["t.plain", "t.ruled", "t.once"]),
        key=KEYS,
        delay=st.sampled_from([None, 5]),
        priority=st.sampled_from([None, 0, 3]),
        unique_key=st.sampled_from([None, None, "u", "v"]),
        mode=st.sampled_from(["ignore", "replace"]),
        payload=st.sampled_from(
            [
                {},
                {"prepare": {"skip": "not wanted"}},
                {"prepare": {"later": 3, "reason": "quota"}},
                {"settle": [{"later": 1, "reason": "bad"}]},
                {"settle": [{"snooze": 1, "reason": "wait"}]},
                {"settle": [{"give_up": "worse"}]},
                {"settle_raises": "a bug"},
            ]
        ),
    )
    def enqueue(self, name, key, delay, priority, unique_key, mode, payload):
        self.enqueued(
            value(
                self.conn,
                "jobs.enqueue",
                kind=name,
                payload=payload,
                key=key,
                priority=priority,
                run_at=self.now + timedelta(seconds=delay) if delay else None,
                unique_key=unique_key,
                unique_mode=mode,
            )
        )

    @rule(which=st.integers(0, 1), limit=st.integers(1, 5))
    def claim(self, which, limit):
        try:
            with self.conn.transaction():
                jobs = claim(self.conn, self.workers[which], limit)
        except errors.WorkerGone:
            self.workers[which] = worker(self.conn, "15 s")
            return
        for job in jobs:
            assert job.run_no > self.run_nos.get(job.job_id, 0), "a run number is used twice"
            self.run_nos[job.job_id] = job.run_no
            self.claimed.append(job)

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def prepare(self, data):
        job = data.draw(st.sampled_from(self.claimed))
        value(self.conn, "jobs.prepare", job_id=job.job_id, run_no=job.run_no)

    @precondition(lambda self: self.claimed)
    @rule(
        data=st.data(),
        outcome=st.sampled_from(["done", "try_later", "give_up", "unknown"]),
        pause=st.booleans(),
    )
    def settle(self, data, outcome, pause):
        job = data.draw(st.sampled_from(self.claimed))
        try:
            with self.conn.transaction():
                said = settle(self.conn, job, outcome, reason="x", pause_key=pause, after=1)
                assert said == "stale" or self.is_present(job), "another's run was ended"
        except Exception as error:
            assert "a bug" in str(error) and outcome == "done"

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def complete(self, data):
        jobs = data.draw(st.lists(st.sampled_from(self.claimed), max_size=4))
        present = {job.job_id for job in jobs if self.is_present(job)}
        assert set(complete(self.conn, *jobs)) <= present, "another's run was ended"

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def give_back(self, data):
        job = data.draw(st.sampled_from(self.claimed))
        value(self.conn, "jobs.release_many", job_ids=[job.job_id], run_nos=[job.run_no])

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def snooze(self, data):
        job = data.draw(st.sampled_from(self.claimed))
        until = self.now + timedelta(seconds=2)
        value(self.conn, "jobs.snooze", job_id=job.job_id, run_no=job.run_no, until=until)

    @precondition(lambda self: self.job_ids)
    @rule(data=st.data())
    def cancel(self, data):
        value(self.conn, "jobs.cancel", job_id=data.draw(st.sampled_from(self.job_ids)))

    @precondition(lambda self: self.job_ids)
    @rule(data=st.data())
    def retry(self, data):
        try:
            with self.conn.transaction():
                value(self.conn, "jobs.retry", job_id=data.draw(st.sampled_from(self.job_ids)))
        except (errors.NotRetriable, errors.DuplicateJob):
            pass

    @rule(seconds=st.sampled_from([1, 5, 20, 200]))
    def pass_time(self, seconds):
        self.now += timedelta(seconds=seconds)
        at(self.conn, self.now)

    @rule(which=st.integers(0, 1))
    def beat(self, which):
        try:
            with self.conn.transaction():
                self.conn.execute("select * from jobs.heartbeat(%s)", [self.workers[which]])
        except Exception as error:
            assert "not signed on" in str(error)
            self.workers[which] = worker(self.conn, "15 s")

    @rule()
    def tick(self):
        failed = [row for row in self.conn.execute("select * from jobs.tick()") if row[2]]
        assert failed == []

    @invariant()
    def every_job_is_in_one_place(self):
        # A worker may be dead and not yet found so: what it holds is held by nobody for a while.
        assert [fault for fault in faults(self.conn) if fault[0] != "a job held by no worker"] == []

    @invariant()
    def limits_hold(self):
        rows = self.conn.execute("select key, count(*) from jobs.running group by key").fetchall()
        assert all(count <= {"a": 2, "b": 3}.get(key, 99) for key, count in rows)

    @invariant()
    def each_end_is_told_once(self):
        for job_id in self.job_ids:
            ends = self.conn.execute(
                "select h.state from jobs.history as h join jobs.jobs as j using (job_id)"
                " where job_id = %s and kind <> 't.plain' and h.state not in ('retry', 'lost')"
                " and not j.payload ? 'settle_raises' order by h.run_no",
                [job_id],
            ).fetchall()
            said = [r["state"] for r in told(self.conn, job_id)]
            # A "done" that the settle function refused is no end.
            finals = [state for state in said if state != "done"]
            assert finals == [state for (state,) in ends if state != "done"]
            assert said.count("done") >= [state for (state,) in ends].count("done")


def test_any_history(_shared):
    machine = type("Any", (Queue,), {"conn": _shared})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
