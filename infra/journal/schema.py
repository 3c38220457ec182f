"""The tables of a journal, their versions, and opening one to read."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from market.errors import JournalError

SCHEMA_VERSION = 3
UNSEALED = 2
"""Journals of this version have no column for seals; they are read, and can be migrated."""
READABLE = (UNSEALED, SCHEMA_VERSION)

EVENTS = """
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    hash BLOB NOT NULL,
    written_at REAL NOT NULL,
    seal BLOB
);
CREATE TRIGGER events_are_only_appended BEFORE INSERT ON events
WHEN NEW.sequence <= (SELECT max(sequence) FROM events)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""
SNAPSHOTS = """
CREATE TABLE IF NOT EXISTS snapshots (
    sequence INTEGER PRIMARY KEY,
    payload BLOB NOT NULL,
    head BLOB NOT NULL,
    digest BLOB NOT NULL,
    seal BLOB
);
"""
DAMAGE = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged file is met with; SQLite's message about it may quote bytes that are no text."""


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot change the file. Raises JournalError where there is none."""
    if not path.is_file():
        raise JournalError(f"no journal at {path}; expected the journal.sqlite of a run folder")
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def schema_at(path: Path) -> int:
    """As `schema_of`, of a file. Raises JournalError also where it is none of SQLite's."""
    try:
        with contextlib.closing(open_to_read(path)) as database:
            return schema_of(database, path)
    except DAMAGE as error:
        raise JournalError(f"{path} cannot be read as a journal: {error}") from None


def schema_of(database: sqlite3.Connection, path: Path) -> int:
    """The version of a journal's tables. Raises JournalError for one that this code cannot read."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{path} has journal schema {version}, this version reads up to {SCHEMA_VERSION}; "
            "a newer version of Quorum wrote it, read it with that"
        )
    if version not in READABLE:
        raise JournalError(
            f"{path} has journal schema {version}, this version reads "
            f"{' and '.join(map(str, READABLE))}; it is no journal, or an unfinished one"
        )
    return int(version)
