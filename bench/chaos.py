"""``autom bench chaos``: everything is killed, frozen and cut off at random, and nothing may be lost.

Worker processes under load: one at the server itself, one through a network that goes silent, one
through PgBouncer, one through both. What befalls them follows from the seed alone; when the seconds
are over all is healed, the queue drains, and ``bench.chaos_proof`` looks for what must not be.
"""

from __future__ import annotations

import heapq
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bench import chaos_worker
from bench.chaos_load import STAGE, Client, Numbers
from bench.chaos_proof import Happened, Proof, Seen, prove
from bench.pgbouncer import PgBouncer
from bench.proxy import Proxy
from bench.report import Figure
from db import database
from db.server import Server

LEASE = 3.0
"""Seconds; short, so that much happens."""

WORKERS = 4

DRAIN = 240.0
"""Seconds within which everything that is left must be done once all is healed."""

SHOWN = 50
"""Faults that are named one by one."""

BAG = {
    "a worker is killed": 3,
    "a worker is frozen past its lease": 2,
    "connections are terminated": 2,
    "Postgres is killed": 1,
    "PgBouncer is killed": 1,
    "a network is silent for a while": 1,
    "a network forgets its connections": 1,
}
"""How often each befalls in one round; the order within a round is drawn."""


@dataclass(frozen=True)
class Event:
    at: float
    """Seconds after the beginning."""
    kind: str
    target: int
    lasts: float
    """Seconds until it is healed."""


def plan(seconds: float, seed: int, bag: dict[str, int]) -> list[Event]:
    """What befalls whom, when and for how long; the same for the same seed."""
    chance = random.Random(seed)
    events: list[Event] = []
    at = 2.0
    while True:
        round_ = [kind for kind, times in bag.items() for _ in range(times)]
        chance.shuffle(round_)
        for kind in round_:
            if at > seconds - 2:
                return events
            frozen = kind == "a worker is frozen past its lease"
            lasts = LEASE + chance.uniform(0.5, 2.5) if frozen else chance.uniform(0.3, 5)
            events.append(Event(at, kind, chance.randrange(WORKERS), lasts))
            at += chance.uniform(0.8, 2.8)


def measure(
    quick: bool,
    say: Callable[[str], None],
    *,
    seconds: float = 600,
    seed: int | None = None,
) -> tuple[list[Figure], dict[str, str]]:
    """All figures, and the setting that they hold for."""
    seed = seed or random.SystemRandom().randrange(1, 10_000)
    proof = run(40 if quick else seconds, seed, say)
    for fault in proof.faults[:SHOWN]:
        say(f"FAULT  {fault}")
    more = {"seed": str(seed), "lease": f"{LEASE:g} s", "workers": str(WORKERS)}
    return proof.figures, proof.setting | more


def run(
    seconds: float,
    seed: int,
    say: Callable[[str], None] = lambda text: None,
    *,
    bag: dict[str, int] = BAG,
    sabotage: str = "",
) -> Proof:
    """Let it happen, then prove. ``sabotage`` is SQL that breaks a rule, for who tests the proof."""
    events = plan(seconds, seed, bag)
    folder = Path(tempfile.mkdtemp(prefix="autom-chaos-"))
    with Stage(folder, sabotage) as stage:
        say(f"{len(events)} events in {seconds:g} s, seed {seed}; logs in {folder}")
        stage.play(events, seconds, say)
        say("All is healed; the queue drains.")
        proof = prove(
            stage.url,
            Seen(
                drained=stage.drain(),
                happened=stage.happened,
                numbers=stage.numbers,
                entries=[entry for path in stage.journals for entry in chaos_worker.read(path)],
                most_at_once=stage.watch.most_at_once,
                refused=stage.watch.refused,
                died=stage.died,
            ),
        )
    if not proof.faults:
        shutil.rmtree(folder, ignore_errors=True)
    return proof


@dataclass
class Place:
    """Where a worker runs: its way to the database, and who is there now."""

    url: str
    process: subprocess.Popen[bytes] | None = None
    name: str = ""


@dataclass
class Watch:
    """Looks at the queue several times a second, as far as there is somebody to ask."""

    url: str
    unfinished: int = 0
    most_at_once: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    """Reports that came too late. Counted from look to look: a sequence jumps when Postgres is
    killed."""

    def look(self, over: threading.Event) -> None:
        while not over.is_set():
            with suppress(psycopg.Error), database.connect(self.url, connect_timeout=2) as conn:
                before = None
                while not over.wait(0.1):
                    for key, count in conn.execute(RUNNING).fetchall():
                        self.most_at_once[key] = max(self.most_at_once[key], count)
                    row = conn.execute(COUNTED).fetchone()
                    assert row is not None
                    self.unfinished, refused = row
                    self.refused += refused - (refused if before is None else before)
                    before = refused
            over.wait(0.2)


class Stage:
    """A durable server, PgBouncer, two networks, workers and clients; all gone when it is left."""

    def __init__(self, folder: Path, sabotage: str) -> None:
        self.folder = folder
        self._sabotage = sabotage
        self._stack = ExitStack()
        self._incarnations = itertools.count(1)
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._over = threading.Event()
        self.happened: list[Happened] = []
        self.journals: list[Path] = []
        self.numbers = Numbers()
        self.died: list[str] = []
        """Workers that ended without having been killed."""

    def __enter__(self) -> Stage:
        with ExitStack() as stack:
            self.folder.chmod(0o755)
            self._log = stack.enter_context((self.folder / "workers.log").open("wb"))
            self.server = stack.enter_context(Server(self.folder / "postgres", keep=False))
            self.url = self.server.create_database("chaos")
            database.migrate(self.url)
            with database.connect(self.url) as conn:
                conn.execute(STAGE)
                if self._sabotage:
                    conn.execute(self._sabotage.encode())
            self.pgbouncer = PgBouncer(self.url)
            self.pgbouncer.start()
            stack.callback(self.pgbouncer.stop)
            pooled = self.pgbouncer.url(self.url)
            self.networks = [stack.enter_context(Proxy(url)) for url in (self.url, pooled)]
            ways = [self.url, self.networks[0].url(), pooled, self.networks[1].url()]
            self.places = [Place(url) for url in ways]
            self.watch = Watch(self.url)
            self.clients = [
                Client(url, self.numbers, self.watch) for url in (pooled, self.networks[0].url())
            ]
            stack.callback(self._kill_all)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._stack.close()

    # --- what happens --------------------------------------------------------------------------

    def play(self, events: list[Event], seconds: float, say: Callable[[str], None]) -> None:
        threading.Thread(target=self.watch.look, args=[self._over], daemon=True).start()
        for place in self.places:
            self._start(place)
        began = time.monotonic()
        for event in events:
            self._at(began + event.at, partial(self._happen, event, began, say))
        with self._enqueuing():
            self._at(began + seconds, lambda: None)
            while self._due:
                at, _, act = heapq.heappop(self._due)
                self._over.wait(max(0.0, at - time.monotonic()))
                act()

    @contextmanager
    def _enqueuing(self) -> Iterator[None]:
        over = threading.Event()
        threads = [
            threading.Thread(target=client.enqueue, args=[over, number], daemon=True)
            for number, client in enumerate(self.clients)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._order), act))

    def _happen(self, event: Event, began: float, say: Callable[[str], None]) -> None:
        befall = {
            "a worker is killed": self._kill_worker,
            "a worker is frozen past its lease": self._freeze_worker,
            "connections are terminated": self._terminate,
            "Postgres is killed": self._kill_postgres,
            "PgBouncer is killed": self._kill_pgbouncer,
            "a network is silent for a while": self._silence,
            "a network forgets its connections": self._silence,
        }[event.kind]
        at = time.time()
        names = befall(event)
        if names is not None:
            say(f"{time.monotonic() - began:6.1f} s  {event.kind} ({', '.join(names)})")
            self.happened.append(Happened(event.kind, at, names))

    def _heal_in(self, seconds: float, act: Callable[[], None]) -> None:
        self._at(time.monotonic() + seconds, act)

    def _kill_worker(self, event: Event) -> list[str] | None:
        place = self.places[event.target]
        if place.process is None:
            return None
        self._note_the_dead(place)
        place.process.kill()
        place.process.wait()
        place.process = None
        self._heal_in(event.lasts, lambda: self._start(place))
        return [place.name]

    def _freeze_worker(self, event: Event) -> list[str] | None:
        process = self.places[event.target].process
        if process is None or process.poll() is not None:
            return None
        process.send_signal(signal.SIGSTOP)
        self._heal_in(event.lasts, lambda: process.send_signal(signal.SIGCONT))
        return [self.places[event.target].name]

    def _terminate(self, event: Event) -> list[str] | None:
        with (
            suppress(psycopg.OperationalError),
            database.connect(self.url, connect_timeout=2) as conn,
        ):
            conn.execute(TERMINATE, [event.target + 1])
            return self._names(range(WORKERS))
        return None

    def _kill_postgres(self, event: Event) -> list[str] | None:
        pid = self.server.pid
        if pid is None:
            return None
        os.kill(pid, signal.SIGKILL)
        return self._names(range(WORKERS))

    def _kill_pgbouncer(self, event: Event) -> list[str]:
        self.pgbouncer.kill()
        self._heal_in(min(event.lasts, 1.0), self.pgbouncer.start)
        return self._names((2, 3))

    def _silence(self, event: Event) -> list[str]:
        network = self.networks[event.target % 2]
        network.go_silent(forget=event.kind == "a network forgets its connections")
        self._heal_in(event.lasts, network.heal)
        return self._names([1 if event.target % 2 == 0 else 3])

    def _names(self, places: Any) -> list[str]:
        return [self.places[number].name for number in places]

    # --- workers -------------------------------------------------------------------------------

    def _start(self, place: Place) -> None:
        number = self.places.index(place)
        place.name = f"w{number}.{next(self._incarnations)}"
        self.journals.append(self.folder / f"{place.name}.journal")
        program = [sys.executable, "-m", "bench.chaos_worker"]
        place.process = subprocess.Popen(
            [*program, place.url, place.name, str(LEASE), str(self.journals[-1])],
            stderr=self._log,
        )

    def _note_the_dead(self, place: Place) -> None:
        if place.process and place.process.poll() is not None:
            self.died.append(f"{place.name} ({place.process.poll()})")

    def drain(self) -> float | None:
        """How many seconds it took until nothing was left; None where something stayed."""
        began = time.monotonic()
        for place in self.places:
            self._note_the_dead(place)
        while time.monotonic() - began < DRAIN:
            with suppress(psycopg.OperationalError), database.connect(self.url) as conn:
                row = conn.execute("select count(*) from jobs.active").fetchone()
                if row == (0,):
                    self._stop_workers()
                    return time.monotonic() - began
            time.sleep(0.1)
        return None

    def _stop_workers(self) -> None:
        for place in self.places:
            if place.process:
                place.process.terminate()
        for place in self.places:
            if place.process:
                place.process.wait(60)

    def _kill_all(self) -> None:
        for place in self.places:
            if place.process:
                place.process.kill()
                place.process.wait()


RUNNING = """
select r.key, count(*) from jobs.running as r where r.queue = 'chaos_limited' group by r.key
"""

COUNTED = """
select (select count(*) from jobs.ready) + (select count(*) from jobs.scheduled),
       (select s.last_value from jobs.stale_reports as s)
"""

TERMINATE = """
select pg_terminate_backend(a.pid)
from (
  select s.pid from pg_stat_activity as s
  where s.datname = current_database() and s.pid <> pg_backend_pid()
    and s.backend_type = 'client backend'
  order by random() limit %s
) as a
"""
