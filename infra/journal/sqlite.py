"""The journal in SQLite: append-only, each event chained to its predecessor by its hash."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from infra.journal.codec import decode, encode
from market.errors import JournalError, JournalUnwritable
from market.events import Event

SCHEMA_VERSION = 2
GENESIS = bytes(32)
COMMIT_EVERY_S = 0.05
"""What need not be durable before the next step is, at most, this old when the process dies."""

_SCHEMA = """
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    hash BLOB NOT NULL,
    written_at REAL NOT NULL
);
CREATE TRIGGER events_are_only_appended BEFORE INSERT ON events
WHEN NEW.sequence <= (SELECT max(sequence) FROM events)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


def chain(previous: bytes, sequence: int, kind: str, payload: bytes) -> bytes:
    """SHA-256 over the predecessor's hash and everything that is recorded of an event."""
    digest = hashlib.sha256(previous)
    digest.update(f"{sequence}:{kind}:".encode())
    digest.update(payload)
    return digest.digest()


class SqliteJournal:
    """Writes one session's events. One writer; readers may look at the same time (WAL).

    Once a write has failed, the journal is closed with what could be kept and takes nothing
    more: an event after a gap would break the chain of all that came before it.
    """

    def __init__(self, path: Path) -> None:
        """Create the journal. Raises JournalUnwritable where that fails or it exists."""
        self.path = path
        if path.exists():
            raise JournalUnwritable(f"{path} exists already; a session starts a journal of its own")
        self._head = GENESIS
        self._count = 0
        self._failure: JournalUnwritable | None = None
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA)
            self._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            raise self._unwritable(error) from None
        self._committed_at = time.monotonic()

    @property
    def digest(self) -> str:
        """Hash of the newest event, hexadecimal; it stands for the whole chain."""
        return self._head.hex()

    def __len__(self) -> int:
        return self._count

    def append(self, event: Event) -> None:
        """Record an event; it is durable after the next `commit`, which comes by itself soon."""
        self._refuse_after_failure()
        kind, payload = encode(event)
        head = chain(self._head, self._count, kind, payload)
        try:
            self._database.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
                (self._count, kind, payload, head, time.time()),
            )
        except sqlite3.Error as error:
            raise self._failed(error) from None
        self._head = head
        self._count += 1

    def commit(self, *, now: bool = True) -> None:
        """Make everything recorded durable; with `now=False` only when the last time is old."""
        self._refuse_after_failure()
        if not now and time.monotonic() - self._committed_at < COMMIT_EVERY_S:
            return
        try:
            self._database.execute("COMMIT")
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            raise self._failed(error) from None
        self._committed_at = time.monotonic()

    def close(self) -> None:
        """Commit and release the file, leaving a single file behind."""
        self._refuse_after_failure()
        try:
            if self._database.in_transaction:
                self._database.execute("COMMIT")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._database.execute("PRAGMA journal_mode = DELETE")
            self._database.close()
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _failed(self, error: sqlite3.Error) -> JournalUnwritable:
        """Keep what can be kept, let go of the file, and refuse everything from now on."""
        self._failure = self._unwritable(error)
        with contextlib.suppress(sqlite3.Error):
            # SQLite may have rolled back by itself; what it still holds is whole and in order.
            if self._database.in_transaction:
                self._database.execute("COMMIT")
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        return self._failure

    def _unwritable(self, error: sqlite3.Error) -> JournalUnwritable:
        return JournalUnwritable(
            f"the journal {self.path} cannot be written: {error}. Trading stopped, because "
            "nothing may be traded unrecorded; what was recorded before is kept. "
            "Free disk space or make the folder writable, then start a new run."
        )


def read_events(path: Path) -> Iterator[Event]:
    """The events of a journal in order, each checked against the chain.

    Raises JournalError as `read_chain` does.
    """
    for event, _ in read_chain(path):
        yield event


def read_chain(path: Path) -> Iterator[tuple[Event, bytes]]:
    """The events of a journal in order with the chain's hash after each, which is checked.

    Raises JournalError for a missing file, another schema, or the first event that does not
    continue the chain.
    """
    if not path.is_file():
        raise JournalError(f"no journal at {path}; expected the journal.sqlite of a run folder")
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        ) as database:
            yield from _checked(database, path)
    except sqlite3.Error as error:
        raise JournalError(f"{path} cannot be read as a journal: {error}") from None


def _checked(database: sqlite3.Connection, path: Path) -> Iterator[tuple[Event, bytes]]:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        raise JournalError(
            f"{path} has journal schema {version}, this version reads {SCHEMA_VERSION}"
        )
    head = GENESIS
    rows = database.execute("SELECT sequence, kind, payload, hash FROM events ORDER BY sequence")
    for expected, (sequence, kind, payload, stored) in enumerate(rows):
        whole = sequence == expected and isinstance(kind, str) and isinstance(payload, bytes)
        if whole:
            head = chain(head, sequence, kind, payload)
        if not whole or head != stored:
            raise JournalError(
                f"{path}: event {expected} ({kind}) does not continue the chain; "
                "the journal was changed after it was written"
            )
        yield decode(kind, payload), head
