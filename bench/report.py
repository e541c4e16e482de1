"""Figures of a measurement: a table for people, a document for machines."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One figure: the median, and the range where it was measured more than once.

    ``p95`` is the time within which 95 of 100 were; ``target`` is what the figure has to keep.
    """

    what: str
    unit: str
    median: float
    lowest: float | None = None
    highest: float | None = None
    p95: float | None = None
    target: str | None = None
    met: bool | None = None


def median_of(what: str, unit: str, found: Sequence[float]) -> Figure:
    if len(found) == 1:
        return Figure(what, unit, round(found[0], 2))
    return Figure(what, unit, round(statistics.median(found)), round(min(found)), round(max(found)))


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    cpu = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip()
        for line in (cpu.read_text().splitlines() if cpu.exists() else [])
        if line.startswith("model name")
    ]
    return {
        "cores": str(os.cpu_count()),
        "cpu": models[0] if models else platform.processor(),
        "system": platform.release(),
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f} before",
    }
