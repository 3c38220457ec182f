"""The journal in SQLite: append-only, each event chained to its predecessor by its hash."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.journal.codec import decode, encode
from market.errors import JournalError, JournalUnwritable
from market.events import Event

SCHEMA_VERSION = 2
GENESIS = bytes(32)
SMALLEST = -(2**63)
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
_SNAPSHOTS = """
CREATE TABLE IF NOT EXISTS snapshots (
    sequence INTEGER PRIMARY KEY,
    payload BLOB NOT NULL,
    head BLOB NOT NULL,
    digest BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the events up to `sequence` folded to. head: of the chain there."""

    sequence: int
    head: bytes
    payload: bytes


def _snapshot_digest(sequence: int, head: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(b"%d:" % sequence + head + payload).digest()


def _locked(path: Path) -> int:
    """A lock that dies with the process; a second writer is refused."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise JournalUnwritable(
            f"another desk writes {path}; stop it first, or choose another folder"
        ) from None
    return descriptor


def newest_snapshot(path: Path) -> Snapshot | None:
    """The newest snapshot that is whole and stands on the chain; None without one."""
    with contextlib.closing(_reading(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'snapshots'")
        if tables.fetchone() is None:
            return None
        rows = database.execute(
            "SELECT sequence, payload, head, digest, "
            "(SELECT hash FROM events WHERE events.sequence = snapshots.sequence) "
            "FROM snapshots ORDER BY sequence DESC"
        )
        for sequence, payload, head, digest, stored in rows:
            if digest == _snapshot_digest(sequence, head, payload) and head == stored:
                return Snapshot(sequence=sequence, head=head, payload=payload)
    return None


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

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        """Create the journal. durable: a commit survives a power cut, not only a crash.

        Raises JournalUnwritable where that fails or it exists.
        """
        self.path = path
        if path.exists():
            raise JournalUnwritable(f"{path} exists already; a session starts a journal of its own")
        self._head = GENESIS
        self._count = 0
        self._failure: JournalUnwritable | None = None
        try:
            self._open(durable)
            self._database.executescript(_SCHEMA)
            if durable:
                self._database.executescript(_SNAPSHOTS)
            self._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            raise self._unwritable(error) from None
        self._committed_at = time.monotonic()

    @classmethod
    def resume(cls, path: Path) -> SqliteJournal:
        """Go on with the journal of a desk, from its newest snapshot on, durably.

        Raises JournalError where it is damaged, JournalUnwritable where it cannot be written or
        another desk writes it.
        """
        journal = cls.__new__(cls)
        journal.path = path
        journal._failure = None
        snapshot = newest_snapshot(path)
        head, count = (GENESIS, 0) if snapshot is None else (snapshot.head, snapshot.sequence + 1)
        for _, hashed in read_chain(path, snapshot):
            head, count = hashed, count + 1
        journal._head, journal._count = head, count
        try:
            journal._open(durable=True)
            journal._database.executescript(_SNAPSHOTS)
            journal._database.execute("BEGIN")
        except sqlite3.Error as error:
            raise journal._unwritable(error) from None
        journal._committed_at = time.monotonic()
        return journal

    def _open(self, durable: bool) -> None:
        self._lock = _locked(self.path) if durable else None
        self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    def keep(self, payload: bytes) -> None:
        """Keep a snapshot of what the events so far fold to; a start reads only what follows."""
        self._refuse_after_failure()
        self.commit()
        try:
            self._database.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)",
                (
                    self._count - 1,
                    payload,
                    self._head,
                    _snapshot_digest(self._count - 1, self._head, payload),
                ),
            )
            self._database.execute(
                "DELETE FROM snapshots WHERE sequence NOT IN "
                "(SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT 2)"
            )
        except sqlite3.Error as error:
            raise self._failed(error) from None
        self.commit()

    @property
    def digest(self) -> str:
        """Hash of the newest event, hexadecimal; it stands for the whole chain."""
        return self._head.hex()

    def __len__(self) -> int:
        return self._count

    def append(self, event: Event) -> None:
        """Record an event; it is durable after the next `commit`, which comes by itself soon."""
        self.append_all((event,))

    def append_all(self, events: Iterable[Event]) -> None:
        """Record several events, in order."""
        self._refuse_after_failure()
        head, count, now = self._head, self._count, time.time()
        rows = []
        for event in events:
            kind, payload = encode(event)
            head = chain(head, count, kind, payload)
            rows.append((count, kind, payload, head, now))
            count += 1
        try:
            self._database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise self._failed(error) from None
        self._head, self._count = head, count

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
        self.let_go()

    def let_go(self) -> None:
        """Let another write, as the death of this process does."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

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


def read_chain(path: Path, after: Snapshot | None = None) -> Iterator[tuple[Event, bytes]]:
    """The events of a journal in order with the chain's hash after each, which is checked.

    after: where to begin; by default at the first event. Raises JournalError for a missing file,
    another schema, or the first event that does not continue the chain.
    """
    try:
        with contextlib.closing(_reading(path)) as database:
            yield from _checked(database, path, after)
    except sqlite3.Error as error:
        raise JournalError(f"{path} cannot be read as a journal: {error}") from None


def _reading(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise JournalError(f"no journal at {path}; expected the journal.sqlite of a run folder")
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _checked(
    database: sqlite3.Connection, path: Path, after: Snapshot | None
) -> Iterator[tuple[Event, bytes]]:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        raise JournalError(
            f"{path} has journal schema {version}, this version reads {SCHEMA_VERSION}"
        )
    head, first = (GENESIS, 0) if after is None else (after.head, after.sequence + 1)
    rows = database.execute(
        "SELECT sequence, kind, payload, hash FROM events WHERE sequence >= ? ORDER BY sequence",
        # From the beginning without a bound: a number below 0 hides no event that was moved there.
        (first if after is not None else SMALLEST,),
    )
    for expected, (sequence, kind, payload, stored) in enumerate(rows, first):
        whole = sequence == expected and isinstance(kind, str) and isinstance(payload, bytes)
        if whole:
            head = chain(head, sequence, kind, payload)
        if not whole or head != stored:
            raise JournalError(
                f"{path}: event {expected} ({kind}) does not continue the chain; "
                "the journal was changed after it was written"
            )
        yield decode(kind, payload), head
