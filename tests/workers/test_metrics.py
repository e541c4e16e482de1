"""What Prometheus reads from a real worker."""

from __future__ import annotations

import os
import re
import socket
import subprocess

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from db.call import value
from db.database import connect
from tests.fixtures.accounts import KEY
from tests.fixtures.cli import AUTOM
from tests.fixtures.jobs import kind
from tests.fixtures.wait import until
from workers import metrics


def read(url: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by name and labels."""
    answer = httpx.get(url, timeout=30)
    answer.raise_for_status()
    return {
        sample.name: {
            **{tuple(s.labels.values()): s.value for s in family.samples if s.name == sample.name}
        }
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def url(database):
    """Where a worker process serves its figures."""
    process = subprocess.Popen(
        [AUTOM, "work", "--queue", "alerts", "--metrics-port", "0"],
        env={**os.environ, "AUTOM_DATABASE_URL": database, "AUTOM_SECRET_KEYS": KEY},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.search(r"http://\S+/metrics", said)
    assert found, said
    while "Ready" not in process.stderr.readline():
        assert process.poll() is None
    yield found[0]
    process.terminate()
    process.communicate(timeout=30)


def test_a_worker_tells_how_the_queue_is(database, url):
    with connect(database) as conn:
        kind(conn)
        value(conn, "jobs.enqueue", kind="t.plain")
        figures = read(url)
        assert figures["jobs_ready"][("default",)] == 1
        assert figures["jobs_workers"] == {(): 1}
        assert figures["jobs_database_up"] == {(): 1}
        assert "process_resident_memory_bytes" in figures
        named = conn.execute("select metric from jobs.metric_names").fetchall()
        assert {name for (name,) in named} <= set(figures)


def test_without_a_database_it_says_so(server):
    port = metrics.serve(server.url("none"), 0)
    assert read(f"http://127.0.0.1:{port}/metrics")["jobs_database_up"] == {(): 0}


def test_a_scrape_that_hangs_is_given_up_and_leaves_no_connection(database, monkeypatch):
    """Behind a lock, by readers that do not wait: none of them is there afterwards."""
    port = metrics.serve(database, 0)
    others = (
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and pid <> all (%s) and wait_event_type = 'Lock'"
    )
    with connect(database) as conn, connect(database) as holder:
        mine = [conn.info.backend_pid, holder.info.backend_pid]

        def waiting() -> int:
            return int(conn.execute(others, [mine]).fetchone()[0])

        with holder.transaction(), monkeypatch.context() as less:
            less.setattr(metrics, "PATIENCE", 0.5)
            holder.execute("lock table jobs.dead_letters in access exclusive mode")
            for _ in range(4):
                with pytest.raises(httpx.TimeoutException):
                    httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=0.1)
            until(lambda: waiting() > 0)
            until(lambda: waiting() == 0)
            assert read(f"http://127.0.0.1:{port}/metrics")["jobs_database_up"] == {(): 0}
        assert read(f"http://127.0.0.1:{port}/metrics")["jobs_database_up"] == {(): 1}


def test_a_port_that_is_taken_is_one_sentence(database):
    with socket.create_server(("", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [AUTOM, "work", "--metrics-port", port],
            env={**os.environ, "AUTOM_DATABASE_URL": database, "AUTOM_SECRET_KEYS": KEY},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"Port {port} cannot be used." in done.stderr
