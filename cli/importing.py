"""Files that a shop's admin exports: cut into cells and handed to the database, which reads them.

Nothing is decided here, not even what a price is: shops.apply_import takes every line, and says of
those it cannot read what is wrong with them.
"""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import psycopg

from db.call import call, value

BATCH = 2000
Connection = psycopg.Connection[Any]
Progress = Callable[[float], None]
"""Told the share of the file that is read, from 0 to 1."""


@dataclass(frozen=True)
class Line:
    """One record of the file; ``number`` is the line on which it begins, the header being 1."""

    number: int
    cells: dict[str, Any]


@dataclass(frozen=True)
class Imported:
    """What was read: products and their variants as lines, or orders and their lines."""

    products: int
    orders: int
    lines: int
    rejected: int


@dataclass(frozen=True)
class Export:
    """An open file: its header, and its lines as they are read."""

    columns: list[str]
    lines: Iterator[Line]


def import_file(
    conn: Connection,
    shop_id: UUID,
    what: str,
    path: Path,
    *,
    last_day: date | None = None,
    progress: Progress = lambda share: None,
) -> tuple[int, Imported]:
    """Import an export of products or orders; the import's id and what was read.

    All of it is one transaction: a file is imported whole or not at all, but for the lines that
    cannot be read, which are in shops.import_rejects.
    """
    size = max(path.stat().st_size, 1)
    with path.open("rb") as file, conn.transaction():
        export = read(file)
        import_id: int = value(
            conn,
            "shops.begin_import",
            shop_id=shop_id,
            what=what,
            file=path.name,
            columns=export.columns,
        )
        for batch in _batches(export.lines):
            value(
                conn,
                "shops.add_import_lines",
                import_id=import_id,
                line_nos=[line.number for line in batch],
                cells=[line.cells for line in batch],
            )
            progress(file.tell() / size)
        (imported,) = call(
            conn, "shops.apply_import", Imported, import_id=import_id, last_day=last_day
        )
    return import_id, imported


def read(file: IO[bytes]) -> Export:
    """Cut a CSV file into cells: with or without a byte order mark, by commas, semicolons or tabs.

    A cell that is empty is left out; cells beyond the header come under the name "". What is not
    UTF-8 becomes U+FFFD, by which the database knows it.
    """
    text = codecs.getreader("utf-8-sig")(file, "replace")
    first = next(text, "")
    delimiter = max(",;\t", key=first.count)
    # A field may be as long as a product's description.
    csv.field_size_limit(10_000_000)
    records = csv.reader(
        (line.replace("\0", "\ufffd") for line in itertools.chain([first], text)),
        delimiter=delimiter,
    )
    columns = [name.strip() for name in next(records, [])]
    return Export(columns, _lines(records, columns))


def _lines(records: Any, columns: list[str]) -> Iterator[Line]:
    begins = records.line_num + 1
    for record in records:
        cells: dict[str, Any] = {
            name: cell for name, cell in zip(columns, record, strict=False) if name and cell.strip()
        }
        beyond = [cell for cell in record[len(columns) :] if cell.strip()]
        if beyond:
            cells[""] = beyond
        if cells:
            yield Line(begins, cells)
        begins = records.line_num + 1


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while batch := list(itertools.islice(lines, BATCH)):
        yield batch
