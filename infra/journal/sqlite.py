"""The journal in SQLite: append-only, each event chained to its predecessor by its hash."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from infra.journal.chain import GENESIS, Sealer, chain
from infra.journal.codec import decode, encode
from infra.journal.copying import new_file, write_rows
from infra.journal.lock import lock
from infra.journal.parts import part, parts
from infra.journal.reader import chained_rows
from infra.journal.rows import Row, first_number
from infra.journal.schema import EVENTS, SCHEMA_VERSION, SNAPSHOTS, schema_at
from infra.journal.sealing import Seals
from infra.journal.snapshots import Snapshot, keep_snapshot
from market.errors import JournalError, JournalUnwritable
from market.events import Event
from market.lots import singly

INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)"
COMMIT_EVERY_S = 0.05
"""What need not be durable before the next step is, at most, this old when the process dies."""


class Anchoring(Protocol):
    """Notes elsewhere how far a journal has come. It neither blocks nor raises."""

    def offer(self, count: int, head: bytes, seal: bytes | None) -> None:
        """So much is durable now."""
        ...

    def close(self, count: int, head: bytes, seal: bytes | None) -> None:
        """The last of it."""
        ...


def into_nothing(event: Event) -> None:
    """For who only wants the end of the chain."""


class SqliteJournal:
    """Writes one session's events. One writer; readers may look at the same time (WAL).

    Once a write has failed, the journal is closed with what could be kept and takes nothing
    more: an event after a gap would break the chain of all that came before it.
    """

    def __init__(
        self,
        path: Path,
        *,
        durable: bool = False,
        key: bytes | None = None,
        anchors: Anchoring | None = None,
        events_per_file: int | None = None,
    ) -> None:
        """Create the journal.

        durable: a commit survives a power cut, not only a crash. key: what seals every event; None
        seals none. anchors: told of what was committed. events_per_file: after which the next file
        is begun; None keeps to one. Raises JournalUnwritable where that fails or it exists.
        """
        self.path = path
        if path.exists() or part(path, 1).exists():
            raise JournalUnwritable(f"{path} exists already; a session starts a journal of its own")
        self._begin(GENESIS, 0, key, None, anchors)
        self._file, self._first, self._events_per_file = path, 0, events_per_file
        self._lock = lock(path) if durable else None
        try:
            self._open(durable)
            self._database.executescript(EVENTS)
            if durable:
                self._database.executescript(SNAPSHOTS)
            self._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            self.let_go()
            raise self._unwritable(error) from None

    @classmethod
    def resume(
        cls,
        path: Path,
        *,
        key: bytes | None = None,
        anchors: Anchoring | None = None,
        events_per_file: int | None = None,
        after: Snapshot | None = None,
        into: Callable[[Event], None] = into_nothing,
    ) -> SqliteJournal:
        """Go on with the journal of a desk, durably.

        after: from where it is read and checked; by default the beginning. into: is given every
        event that is read. Raises JournalError where it is damaged, of an older schema, or sealed
        and no key was given, JournalUnwritable where it cannot be written or another desk writes
        it.
        """
        journal = cls.__new__(cls)
        journal.path = path
        journal._lock = lock(path)
        try:
            journal._read(key, anchors, after, into)
            journal._file, journal._events_per_file = parts(path)[-1], events_per_file
            journal._open(durable=True)
            journal._database.executescript(SNAPSHOTS)
            first = first_number(journal._database)
            journal._first = journal._count if first is None else first
            journal._database.execute("BEGIN")
        except sqlite3.Error as error:
            journal.let_go()
            raise journal._unwritable(error) from None
        except BaseException:
            journal.let_go()
            raise
        return journal

    def _read(
        self,
        key: bytes | None,
        anchors: Anchoring | None,
        after: Snapshot | None,
        into: Callable[[Event], None],
    ) -> None:
        found = schema_at(self.path)
        if found != SCHEMA_VERSION:
            raise JournalError(
                f"{self.path} has journal schema {found}; it is read, but to go on with it "
                f"version {SCHEMA_VERSION} is needed: quorum journal migrate {self.path}"
            )
        head, count = (GENESIS, 0) if after is None else (after.head, after.sequence + 1)
        seals = Seals(self.path, key, None if after is None else after.seal)
        for sequence, kind, payload, hashed, written_at, sealed in chained_rows(self.path, after):
            seals.check(sequence, kind, hashed, written_at, sealed)
            for event in singly(decode(kind, payload)):
                into(event)
            head, count = hashed, count + 1
        self._begin(head, count, key, seals.newest, anchors)

    def _begin(
        self,
        head: bytes,
        count: int,
        key: bytes | None,
        sealed: bytes | None,
        anchors: Anchoring | None,
    ) -> None:
        self._head, self._count = head, count
        self._key, self._seal = key, sealed
        self._sealer = None if key is None else Sealer(key)
        self._anchors = anchors
        self._failure: JournalUnwritable | None = None
        self._committed_at = time.monotonic()

    def _open(self, durable: bool) -> None:
        self._database = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    def keep(self, payload: bytes) -> None:
        """Keep a snapshot of what the events so far fold to; a start reads only what follows.

        None in a file that has no event yet: it would stand in another than its event, and a start
        goes on from an older one.
        """
        self._refuse_after_failure()
        if self._count == self._first:
            return
        self.commit()
        try:
            keep_snapshot(self._database, self._count - 1, self._head, payload, self._key)
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
        """Record several events, in order: all of them, or none."""
        self._refuse_after_failure()
        if self._events_per_file is not None and self._count - self._first >= self._events_per_file:
            # Before what comes next, so that a snapshot lies in the file of its event.
            self._go_on_in_the_next_file()
        head, count, now = self._head, self._count, time.time()
        sealer, sealed = self._sealer, self._seal
        rows = []
        for event in events:
            kind, payload = encode(event)
            head = chain(head, count, kind, payload)
            if sealer is not None:
                sealed = sealer(sealed, head, now)
            rows.append((count, kind, payload, head, now, sealed))
            count += 1
        try:
            self._insert(rows)
        except sqlite3.Error as error:
            raise self._failed(error) from None
        self._head, self._count, self._seal = head, count, sealed

    def _insert(self, rows: list[Row]) -> None:
        """All of them or none; one alone is so by itself."""
        if len(rows) < 2:
            self._database.executemany(INSERT, rows)
            return
        self._database.execute("SAVEPOINT together")
        try:
            self._database.executemany(INSERT, rows)
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):  # SQLite may have gone back further by itself
                self._database.execute("ROLLBACK TO together")
            raise
        self._database.execute("RELEASE together")

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
        if self._anchors is not None:
            self._anchors.offer(self._count, self._head, self._seal)

    def _go_on_in_the_next_file(self) -> None:
        """Close the file that is full; the chain goes on in the next."""
        try:
            following = part(self.path, len(parts(self.path)))
            with new_file(following, like=self.path) as beside:
                write_rows(beside, (), ())
            self._shut()
            self._file, self._first = following, self._count
            self._open(durable=True)
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            raise self._failed(error) from None
        except JournalUnwritable as error:
            self._failure = error
            raise

    def _shut(self) -> None:
        """Let go of the file and its log; all that it holds is committed."""
        if self._database.in_transaction:
            self._database.execute("COMMIT")
        self._database.execute("PRAGMA busy_timeout = 0")
        with contextlib.suppress(sqlite3.Error):
            # Somebody who reads it now keeps the log beside it, in which nothing is lost.
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._database.execute("PRAGMA journal_mode = DELETE")
        self._database.close()

    def close(self) -> None:
        """Commit and release the file, leaving a single file behind."""
        self._refuse_after_failure()
        try:
            self._shut()
        except sqlite3.Error as error:
            raise self._failed(error) from None
        self.let_go()
        if self._anchors is not None:
            self._anchors.close(self._count, self._head, self._seal)

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
