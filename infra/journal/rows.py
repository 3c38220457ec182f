"""The rows of a journal in order, as they lie in the file, also where it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from infra.journal.schema import DAMAGE, UNSEALED

Row = tuple[int, str, bytes, bytes, float, bytes | None]
"""sequence, kind, payload, hash, written_at, seal."""
SMALLEST = -(2**63)


def stored_rows(
    database: sqlite3.Connection, schema: int, expected: int, *, whole: bool
) -> Iterator[Any]:
    """Every row of a file, or those from the sequence `expected` on.

    expected: of the first that is to come. The types are whatever the file holds. Raises `DAMAGE`
    at a row that cannot be read, when all before it were given.
    """
    # The whole file is read without a bound: a low number hides no event that was moved there.
    start = SMALLEST if whole else expected
    scan = f"{_columns(schema)} WHERE sequence >= ? ORDER BY sequence"
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


def first_number(database: sqlite3.Connection) -> int | None:
    """The number of a file's first event; None where it has none. Raises sqlite3.Error."""
    (number,) = database.execute("SELECT min(sequence) FROM events").fetchone()
    return None if number is None else int(number)


def _columns(schema: int) -> str:
    seal = "NULL" if schema == UNSEALED else "seal"
    return f"SELECT sequence, kind, payload, hash, written_at, {seal} FROM events"
