"""Writing a journal anew from rows of another: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.journal.rows import Row
from infra.journal.schema import EVENTS, SCHEMA_VERSION, SNAPSHOTS
from infra.journal.snapshots import SnapshotRow
from market.errors import JournalUnwritable


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its name, durably, once it is done; gone where it fails.

    Raises JournalUnwritable where `path` exists or cannot be written.
    """
    beside = path.with_name(path.name + ".partial")
    try:
        if path.exists():
            raise JournalUnwritable(f"{path} exists already; name a file that does not")
        beside.unlink(missing_ok=True)
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except (OSError, sqlite3.Error) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise JournalUnwritable(f"{path} cannot be written: {said}") from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def write_rows(path: Path, rows: Iterable[Row], snapshots: Iterable[SnapshotRow]) -> int:
    """A journal of these rows as they are; how many they were. Raises sqlite3.Error."""
    count = 0
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(EVENTS)
        database.executescript(SNAPSHOTS)
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        database.execute("BEGIN")
        for row in rows:
            database.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
            count += 1
        for kept in snapshots:
            if kept[0] < count:
                database.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)", kept)
        database.execute("COMMIT")
    return count


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
