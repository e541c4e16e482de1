"""Figures for Prometheus: what ``jobs.metrics`` says, at the moment that it is asked.

Every worker that serves them says the same of the queue: take one, or the maximum of all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from db import database
from db.call import select

log = logging.getLogger("autom.metrics")

PATIENCE = 5
"""Seconds: a scrape that hangs must not leave a connection for each one that comes after it."""


@dataclass(frozen=True)
class Figure:
    """A row of ``jobs.metrics``."""

    metric: str
    labels: dict[str, Any]
    value: float


@dataclass(frozen=True)
class Name:
    """A row of ``jobs.metric_names``."""

    metric: str
    type: str
    help: str


class Queue(Collector):
    """Asks the database anew for each scrape, by a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("jobs_database_up", "1 where the database answered, else 0.")
        try:
            with database.looking(self._url, PATIENCE, connect_timeout=3) as conn:
                names = select(conn, "jobs.metric_names", Name, order="metric")
                figures = select(conn, "jobs.metrics", Figure)
        except psycopg.Error as error:
            log.warning("metrics: %s", type(error).__name__)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        for name in names:
            yield _family(name, [figure for figure in figures if figure.metric == name.metric])


def serve(url: str, port: int) -> int:
    """Serve ``/metrics`` on all addresses, in a thread; returns the port, which 0 leaves open.

    OSError where the port is taken.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(Queue(url))
    server, _ = start_http_server(port, registry=registry)
    return int(server.server_port)


def _family(name: Name, figures: list[Figure]) -> Metric:
    labels = sorted(figures[0].labels) if figures else []
    kind = CounterMetricFamily if name.type == "counter" else GaugeMetricFamily
    family = kind(name.metric, name.help, labels=labels)
    for figure in figures:
        family.add_metric([str(figure.labels[label]) for label in labels], figure.value)
    return family
