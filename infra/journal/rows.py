"""The rows of a journal in order, as they lie in the file, also where it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from infra.journal.schema import UNSEALED

Row = tuple[int, str, bytes, bytes, float, bytes | None]
"""sequence, kind, payload, hash, written_at, seal."""
SMALLEST = -(2**63)


def stored_rows(database: sqlite3.Connection, schema: int, first: int | None) -> Iterator[Any]:
    """Every row from the sequence `first` on, from the beginning without one.

    The types are whatever the file holds. Raises sqlite3.Error at a row that cannot be read, when
    all before it were given.
    """
    seal = "NULL" if schema == UNSEALED else "seal"
    columns = f"SELECT sequence, kind, payload, hash, written_at, {seal} FROM events"
    # From the beginning without a bound: a number below 0 hides no event that was moved there.
    start = SMALLEST if first is None else first
    expected = first or 0
    try:
        for row in database.execute(f"{columns} WHERE sequence >= ? ORDER BY sequence", (start,)):
            yield row
            expected = row[0] + 1
        return
    except sqlite3.Error:
        # SQLite looks a row ahead: the one before the damage is lost to the scan, not to a look-up.
        pass
    while True:
        found = database.execute(f"{columns} WHERE sequence = ?", (expected,)).fetchone()
        if found is None:
            raise sqlite3.DatabaseError(f"event {expected} cannot be found")
        yield found
        expected += 1
