"""What the hours bring to a queue: readers, kills, an outage, wrong clocks, and the hours themselves.

Each takes the seconds that it may last; what the project promises holds for any number of them.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from bench.queue_load import KIND, Fresh, held_snapshot, offer, quantile, unfinished, working
from bench.report import Figure
from db import cron, database
from db.call import value
from db.server import Server

Connection = psycopg.Connection[Any]

CLAIMERS, KEYS = 6, 200
WARM = 5.0
"""Seconds that do not count: workers make their plans."""

DOWN = 130.0
"""Seconds without a database: two full minutes are missed, whenever it begins."""

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def beside_readers(fresh: Fresh, folder: Path, rate: int, seconds: float) -> list[Figure]:
    """Three who read for long, one after the other, so that somebody always holds a snapshot."""
    hold = min(120.0, seconds / 2)
    with fresh() as (url, conn), working(url, folder) as (_, began), ExitStack() as stack:
        over = threading.Event()

        def read(first: float) -> None:
            over.wait(first)
            while not over.is_set():
                with held_snapshot(url):
                    over.wait(hold)

        for number in range(3):
            reader = threading.Thread(target=read, args=[number * hold / 3])
            reader.start()
            stack.callback(reader.join)
        stack.callback(over.set)
        depths = _sampled(url, "select count(*) from jobs.ready", stack)
        offered = offer(url, rate, seconds)
        ended = time.monotonic()
        while unfinished(conn):
            time.sleep(0.005)
        drained = time.monotonic() - ended
    late = [(at - offered[i]) / 1e6 for i, at in began() if i in offered]
    what = f"10. three readers of {hold:g} s, {rate} jobs/s"
    return [
        Figure(f"{what}, most in line", "jobs", max(depth for (depth,) in depths)),
        Figure(f"{what}, pickup p99", "ms", quantile(late, 0.99)),
        Figure(f"{what}, until none is left", "s", round(drained, 2)),
    ]


def limits_under_kills(fresh: Fresh, folder: Path, seconds: float) -> list[Figure]:
    """Six workers, two hundred keys that may each run one job of a second at a time.

    In the second half a worker is killed each five seconds. Nothing may ever run beside another of
    its key, be it by what the database says at any moment or by what the handlers wrote down.
    """
    with fresh() as (url, conn), ExitStack() as stack:
        conn.execute("insert into jobs.limits (queue, key, max_running) values ('bench', '*', 1)")
        jobs = int(KEYS * (seconds + 30))
        payloads = [{"i": i} for i in range(jobs)]
        keys = [f"shop-{i % KEYS}" for i in range(jobs)]
        for at in range(0, jobs, 5_000):
            some = slice(at, at + 5_000)
            value(conn, "jobs.enqueue_many", kind=KIND, payloads=payloads[some], keys=keys[some])
        conn.execute("analyze")
        claimers = [_Claimer(url, folder, number, stack) for number in range(CLAIMERS)]
        everybody = list(claimers)
        most = _sampled(url, MOST_OF_A_KEY, stack)
        time.sleep(WARM)
        began, half = _now(conn), seconds / 2
        time.sleep(half)
        calm = _now(conn)
        chance = random.Random(2026)
        until = time.monotonic() + half
        while time.monotonic() < until:
            victim = chance.randrange(CLAIMERS)
            claimers[victim].kill()
            claimers[victim] = _Claimer(url, folder, len(everybody), stack)
            everybody.append(claimers[victim])
            time.sleep(5)
        row = conn.execute(SLOTS_USED, {"began": began, "ended": calm, "slots": KEYS}).fetchone()
        lost = conn.execute("select count(*) from jobs.history where state = 'lost'").fetchone()
        assert row and lost
        kills = len(everybody) - CLAIMERS
        runs = [run for claimer in everybody for run in claimer.runs()]
        what = f"13. {CLAIMERS} workers, {KEYS} keys of one at a time"
        return [
            Figure(f"{what}, most at once of a key", "jobs", max(found for (found,) in most)),
            Figure(f"{what}, handlers beside another of their key", "", overlaps(runs)),
            Figure(f"{what}, slots used", "%", round(100 * row[0], 1)),
            Figure(f"{what}, runs lost to {kills} kills", "runs", lost[0]),
        ]


class _Claimer:
    """A worker of its own process, and what it did."""

    def __init__(self, url: str, folder: Path, number: int, stack: ExitStack) -> None:
        self._process, self._written = stack.enter_context(
            working(url, folder, 1000, f"claimer-{number}")
        )
        self._killed: int | None = None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._killed = time.monotonic_ns()

    def runs(self) -> list[tuple[int, int, int]]:
        """Each handler run: whose number, from when, to when; so far, or until the kill."""
        until = self._killed or time.monotonic_ns()
        written = self._written()
        ends = {~i: at for i, at in written if i < 0}
        return [(i, at, ends.get(i, until)) for i, at in written if i >= 0]


def overlaps(runs: list[tuple[int, int, int]]) -> int:
    """How many began before one of their key that began earlier had ended."""
    busy_until: dict[int, int] = {}
    found = 0
    for i, began, ended in sorted(runs, key=lambda run: run[1]):
        found += began < busy_until.get(i % KEYS, 0)
        busy_until[i % KEYS] = max(ended, busy_until.get(i % KEYS, 0))
    return found


def many_clocks(folder: Path, seconds: float) -> list[Figure]:
    """Two entries of pg_cron and four workers tick one database, which then is gone for a while."""
    server = Server(folder / "clocks")
    with ExitStack() as stack:
        server.start()
        stack.callback(lambda: server.stop())
        url = server.create_database("clocks")
        database.migrate(url)
        with database.connect(url) as conn:
            conn.execute(SCHEDULES)
        ticking = _two_of_pg_cron(url)
        for number in range(4):
            stack.enter_context(working(url, folder, 0, f"clock-{number}"))
        time.sleep(max(seconds, 65))
        server.stop()
        time.sleep(DOWN)
        server.start()
        time.sleep(65)
        with database.connect(url) as conn:
            row = conn.execute(CLOCKS).fetchone()
            assert row is not None
    fires, doubled, wrong, p50, p99 = row
    what = f"17. {ticking} of pg_cron and 4 workers"
    return [
        Figure(f"{what}, fires", "runs", fires),
        Figure(f"{what}, fired twice", "runs", doubled),
        Figure(f"{what}, schedules not caught up with as they say", "", wrong),
        Figure(f"{what}, late, p50", "s", round(p50, 2)),
        Figure(f"{what}, late, p99", "s", round(p99, 2)),
    ]


def wrong_clocks(fresh: Fresh, folder: Path) -> list[Figure]:
    """One worker's clock is ten minutes behind, the other's ten ahead."""
    if not FAKETIME.exists():
        return []
    jobs = 2_000
    with fresh() as (url, conn):
        with (
            working(url, folder, 5, "behind", _clock_off(-600)) as (_, behind),
            working(url, folder, 5, "ahead", _clock_off(600)) as (_, ahead),
        ):
            for i in range(jobs):
                conn.execute(IN_A_SECOND, {"kind": KIND, "i": i})
            while unfinished(conn) or _waiting(conn):
                time.sleep(0.05)
        row = conn.execute(PUNCTUAL).fetchone()
        assert row is not None
        done = {i for starts in (behind, ahead) for i, _ in starts() if i >= 0}
    early, p99, lost = row
    what = "18. clocks ten minutes off, a second's delay"
    return [
        Figure(f"{what}, jobs done", "jobs", len(done)),
        Figure(f"{what}, begun too early", "jobs", early),
        Figure(f"{what}, late, p99", "ms", round(p99, 1)),
        Figure(f"{what}, runs taken from a living worker", "runs", lost),
    ]


def soak(fresh: Fresh, folder: Path, rate: int, seconds: float) -> list[Figure]:
    """The same load all the time; what grows, and whether it slows down."""
    with fresh() as (url, conn), working(url, folder) as (_, began), ExitStack() as stack:
        sizes = _sampled(url, HOT, stack, each=2.0)
        offered = offer(url, rate, seconds)
        while unfinished(conn):
            time.sleep(0.005)
    first, last = min(offered.values()), max(offered.values())
    late = [(offered[i], (at - offered[i]) / 1e6) for i, at in began() if i in offered]
    begin = first + WARM * 1e9
    sixth = (last - begin) / 6

    def part(number: int) -> float:
        low = begin + number * sixth
        return quantile([ms for at, ms in late if low <= at <= low + sixth], 0.99)

    what = f"20. {rate:,} jobs/s for {seconds:g} s"
    return [
        Figure(f"{what}, pickup p99 of the first sixth", "ms", part(0)),
        Figure(f"{what}, pickup p99 of the last sixth", "ms", part(5)),
        Figure(f"{what}, hot tables, most", "MB", round(max(size for size, _ in sizes) / 1e6, 1)),
        Figure(f"{what}, dead rows, most at any time", "rows", max(dead for _, dead in sizes)),
    ]


def _sampled(url: str, query: str, stack: ExitStack, each: float = 0.1) -> list[tuple[Any, ...]]:
    """Rows of ``query``, one now and then until ``stack`` is left."""
    found: list[tuple[Any, ...]] = []
    over = threading.Event()

    def look() -> None:
        with database.connect(url) as conn:
            while not over.is_set():
                found.extend(conn.execute(query.encode()).fetchall())
                over.wait(each)

    looking = threading.Thread(target=look)
    looking.start()
    stack.callback(looking.join)
    stack.callback(over.set)
    return found


def _now(conn: Connection) -> Any:
    row = conn.execute("select clock_timestamp()").fetchone()
    return row[0] if row else None


def _waiting(conn: Connection) -> bool:
    row = conn.execute(
        "select exists (select from jobs.scheduled where queue = 'bench')"
    ).fetchone()
    return bool(row and row[0])


def _two_of_pg_cron(url: str) -> int:
    """Entries of pg_cron that tick the database: two, or none where there is no pg_cron."""
    try:
        entry, *_ = cron.install(url)
    except cron.NoCron:
        return 0
    with database.connect(url) as conn:
        home = conn.execute("select current_setting('cron.database_name')").fetchone()
        assert home is not None
    with database.connect(psycopg.conninfo.make_conninfo(url, dbname=home[0])) as conn:
        conn.execute(
            "select cron.schedule_in_database('the same again', %s, %s, %s)",
            [entry.schedule, entry.command, entry.database],
        )
    return 2


def _clock_off(seconds: int) -> dict[str, str]:
    """The environment of a process whose calendar is so far off."""
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": f"{seconds:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


MOST_OF_A_KEY = """
select coalesce(max(k.n), 0) from (select count(*) as n from jobs.running as r group by r.key) as k
"""

SLOTS_USED = """
select extract(epoch from sum(
         least(h.finished_at, %(ended)s::timestamptz)
         - greatest(h.started_at, %(began)s::timestamptz)
       ))::float8
       / (%(slots)s * extract(epoch from %(ended)s::timestamptz - %(began)s::timestamptz)::float8)
from jobs.history as h
where h.started_at < %(ended)s and h.finished_at > %(began)s
"""

SCHEDULES = """
insert into jobs.queues (queue, concurrency, description) values ('bench', 100, 'Measurements.');
insert into jobs.kinds (kind, queue, description) values ('bench.noop', 'bench', 'Does nothing.');
create function public.nothing() returns void language sql begin atomic; select; end;
insert into jobs.schedules (schedule, cron, function, catch_up, catch_max, description)
select 'bench_' || policy || '_' || n, '* * * * *', 'public.nothing', policy, 3, 'A measurement.'
from unnest(array['none', 'last', 'all']) as policy, generate_series(1, 20) as n;
"""

CLOCKS = """
with all_fires as (
  select f.schedule, f.fire_at, f.run_id,
         extract(epoch from f.fired_at - f.fire_at)::float8 as late
  from jobs.fires as f join jobs.schedules as s on s.schedule = f.schedule
  where s.schedule like 'bench%'
), doubled as (
  select count(*) as n
  from (
    select 1 from jobs.jobs as j
    where j.kind = 'jobs.run_schedule' and j.payload ->> 'schedule' like 'bench%'
    group by j.payload ->> 'schedule', j.payload ->> 'fire_at' having count(*) > 1
  ) as twice
), span as (
  select min(f.fire_at) as first, max(f.fire_at) as last from all_fires as f
), minutes as (
  select m.at, m.at in (select f.fire_at from all_fires as f where f.late < 5) as in_time
  from span, generate_series(span.first, span.last, interval '1 min') as m (at)
), wrong as (
  select count(*) as n
  from jobs.schedules as s
  where s.schedule like 'bench%'
    and (select count(f.run_id) from all_fires as f where f.schedule = s.schedule)
        <> (select count(*) filter (where m.in_time) from minutes as m)
           + case s.catch_up
               when 'none' then (select count(*) from all_fires as f
                                 where f.schedule = s.schedule and f.late between 5 and 60)
               when 'last' then 1
               else least(3, (select count(*) from minutes as m where not m.in_time))
             end
)
select (select count(f.run_id) from all_fires as f), doubled.n, wrong.n,
       percentile_disc(0.5) within group (order by f.late),
       percentile_disc(0.99) within group (order by f.late)
from all_fires as f, doubled, wrong
where f.late < 5
group by doubled.n, wrong.n
"""

IN_A_SECOND = """
select jobs.enqueue(%(kind)s, jsonb_build_object('i', %(i)s::integer, 'due', d.due), p_run_at => d.due)
from (select clock_timestamp() + interval '1 second') as d (due)
"""

PUNCTUAL = """
select count(*) filter (where r.late < 0), percentile_disc(0.99) within group (order by r.late),
       count(*) filter (where r.state = 'lost')
from (
  select extract(epoch from h.started_at - (j.payload ->> 'due')::timestamptz)::float8 * 1000 as late,
         h.state
  from jobs.history as h join jobs.jobs as j on j.job_id = h.job_id
) as r
"""

HOT = """
select sum(pg_total_relation_size(s.relid))::bigint, sum(s.n_dead_tup)::bigint
from pg_stat_user_tables as s
where s.schemaname = 'jobs'
  and s.relname in ('ready', 'running', 'scheduled', 'parked', 'unique_keys', 'workers', 'limits')
"""
