"""Millions of jobs at once: copied, then put in line, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from db.call import value

COPY = "copy jobs.staging (load_id, payload, key, tenant, unique_key) from stdin"


def load(
    conn: psycopg.Connection[Any], kind: str, jobs: Iterable[Mapping[str, Any]], /, **more: Any
) -> int:
    """Enqueue jobs of one kind; returns how many there were.

    Each has a ``payload`` and may have a ``key``, a ``tenant`` and a ``unique_key``; ``more`` goes
    to ``jobs.enqueue_staged``, whose refusals it raises. All are enqueued, or none.
    """
    load_id = str(uuid.uuid4())
    with conn.transaction():
        with conn.cursor() as cursor, cursor.copy(COPY) as copy:
            for job in jobs:
                copy.write_row(
                    (
                        load_id,
                        Jsonb(job["payload"]),
                        job.get("key"),
                        job.get("tenant"),
                        job.get("unique_key"),
                    )
                )
        return int(value(conn, "jobs.enqueue_staged", load_id=load_id, kind=kind, **more))
