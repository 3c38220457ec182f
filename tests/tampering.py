"""Changes to a journal that its guards would refuse, as somebody with the file can make them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

GUARDS = ("only_appended", "never_changed", "never_removed")
Row = tuple[Any, ...]


def tampered(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    """Change the file behind the journal's back."""
    with closing(sqlite3.connect(path)) as database, database:
        for guard in GUARDS:
            database.execute(f"DROP TRIGGER IF EXISTS events_are_{guard}")
        change(database)


def stored(path: Path, table: str = "events") -> list[Row]:
    """Every row of a table in order."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT * FROM {table} ORDER BY sequence").fetchall()


def rewritten(path: Path, rows: Sequence[Row], table: str = "events") -> None:
    """Put these rows in the place of all others."""

    def change(database: sqlite3.Connection) -> None:
        database.execute(f"DELETE FROM {table}")
        for row in rows:
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    tampered(path, change)
