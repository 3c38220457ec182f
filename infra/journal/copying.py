"""Writing a journal anew from rows of another: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.journal.rows import Row
from infra.journal.schema import EVENTS, SCHEMA_VERSION, SNAPSHOTS
from infra.journal.snapshots import SnapshotRow
from market.errors import JournalUnwritable


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A file in a folder beside `path` that takes its name, durably, once it is done.

    What else is written in that folder comes along, before it; nothing does where it fails. Raises
    JournalUnwritable where a file of such a name exists or cannot be written.
    """
    folder = path.with_name(path.name + ".partial")
    try:
        _refuse_to_replace(path)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder / path.name
        done = sorted(folder.iterdir(), key=lambda file: file.name == path.name)
        for file in done:
            _refuse_to_replace(path.with_name(file.name))
            _sync(file)
        for file in done:
            file.replace(path.with_name(file.name))
        _sync(path.parent)
    except (OSError, sqlite3.Error) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise JournalUnwritable(f"{path} cannot be written: {said}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_to_replace(path: Path) -> None:
    if path.exists():
        raise JournalUnwritable(f"{path} exists already; name a file that does not")


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


def _sync(path: Path) -> None:
    """Return once a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
