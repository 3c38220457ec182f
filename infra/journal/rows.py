"""The rows of a journal in order, as they lie in the file, also where it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from infra.journal.schema import DAMAGE, UNSEALED

Row = tuple[int, str, bytes, bytes, float, bytes | None]
"""sequence, kind, payload, hash, written_at, seal."""
SMALLEST = -(2**63)


def stored_rows(database: sqlite3.Connection, schema: int, first: int | None) -> Iterator[Any]:
    """Every row from the sequence `first` on, from the beginning without one.

    The types are whatever the file holds. Raises sqlite3.Error at a row that cannot be read, when
    all before it were given.
    """
    # From the beginning without a bound: a number below 0 hides no event that was moved there.
    start = SMALLEST if first is None else first
    scan = f"{_columns(schema)} WHERE sequence >= ? ORDER BY sequence"
    expected = first or 0
    try:
        for row in database.execute(scan, (start,)):
            yield row
            expected = row[0] + 1
        return
    except DAMAGE:
        # SQLite looks a row ahead: the one before the damage is lost to the scan, not to a look-up.
        pass
    while True:
        found = row_at(database, schema, expected)
        if found is None:
            raise sqlite3.DatabaseError(f"event {expected} cannot be found")
        yield found
        expected += 1


def row_at(database: sqlite3.Connection, schema: int, number: int) -> Any:
    """The row of one event, None where there is none. Raises sqlite3.Error."""
    return database.execute(f"{_columns(schema)} WHERE sequence = ?", (number,)).fetchone()


def _columns(schema: int) -> str:
    seal = "NULL" if schema == UNSEALED else "seal"
    return f"SELECT sequence, kind, payload, hash, written_at, {seal} FROM events"
