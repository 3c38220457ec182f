"""`ExchangeStore`: everything that a paper exchange must still know after kill -9."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from infra.brokers.paper.live.migration import MIGRATIONS, migrate
from infra.brokers.paper.live.records import Kept, Terms, encode, kept_of, terms_of
from market.bar_window import BarSlice
from market.errors import FatalError, InvalidError

SCHEMA_VERSION = 2
KEPT_BARS = 5_000
FORGET_EVERY = 500

_SCHEMA = (
    "CREATE TABLE transactions (id INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
    "CREATE TABLE orders (client_order_id TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE waiting (transaction_id INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
    "CREATE TABLE bars (time INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
    "CREATE TABLE state (name TEXT PRIMARY KEY, payload BLOB NOT NULL)",
    "CREATE TRIGGER transactions_are_never_changed BEFORE UPDATE ON transactions "
    "BEGIN SELECT RAISE(ABORT, 'transactions are only appended'); END",
    "CREATE TRIGGER transactions_are_never_removed BEFORE DELETE ON transactions "
    "BEGIN SELECT RAISE(ABORT, 'transactions are only appended'); END",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


@dataclass(slots=True)
class Changes:
    """What happened since the last commit: rows as they will stand in the store.

    waiting: orders by their acceptances. ended: acceptances of those that wait no more.
    """

    transactions: list[tuple[int, bytes]] = field(default_factory=list)
    orders: dict[str, bytes] = field(default_factory=dict)
    waiting: dict[int, bytes] = field(default_factory=dict)
    ended: list[tuple[int]] = field(default_factory=list)
    bars: list[BarSlice] = field(default_factory=list)


class ExchangeStore:
    """SQLite, durable at each commit (WAL, synchronous FULL), for one exchange at a time.

    Once a write has failed it takes nothing more: what is in memory and not here did not happen.
    """

    def __init__(self, path: Path) -> None:
        """Open the store or make it. Raises InvalidError where another exchange has it, or it is
        of another schema.
        """
        self.path = path
        self._failure: FatalError | None = None
        self._rows = 0
        try:
            self._database = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=0.2
            )
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("BEGIN IMMEDIATE")
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA:
                    self._database.execute(statement)
            elif version in MIGRATIONS:
                version = migrate(self._database, version)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise InvalidError(
                f"{path} cannot be opened as the store of a paper exchange: {error}. Another "
                "exchange may be running on it: stop that one, or give this one a path of its own."
            ) from None
        if version not in (0, SCHEMA_VERSION):
            self.close()
            raise InvalidError(
                f"{path} has schema {version} of the paper exchange, this version reads "
                f"{SCHEMA_VERSION}; use the version that wrote it, or start a new account"
            )

    def terms(self) -> Terms | None:
        """What the store was made for; None while it is new."""
        found = self._state("terms")
        return None if found is None else terms_of(found)

    def kept(self) -> Kept | None:
        """The state after the last commit."""
        found = self._state("kept")
        return None if found is None else kept_of(found)

    def write(self, changes: Changes, kept: Kept, terms: Terms | None = None) -> None:
        """Make it all durable at once. Raises FatalError."""
        if self._failure is not None:
            raise self._failure
        run, many = self._database.execute, self._database.executemany
        try:
            run("BEGIN")
            many("INSERT INTO transactions VALUES (?, ?)", changes.transactions)
            many("INSERT OR REPLACE INTO orders VALUES (?, ?)", changes.orders.items())
            many("INSERT OR REPLACE INTO waiting VALUES (?, ?)", changes.waiting.items())
            many("DELETE FROM waiting WHERE transaction_id = ?", changes.ended)
            if changes.bars:
                self._keep_bars(changes.bars)
            run("INSERT OR REPLACE INTO state VALUES ('kept', ?)", (encode(kept),))
            if terms is not None:
                run("INSERT OR REPLACE INTO state VALUES ('terms', ?)", (encode(terms),))
            run("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def transactions(self, after: int, most: int) -> list[bytes]:
        """The next transactions with an id above `after`, in order, at most so many."""
        rows = self._database.execute(
            "SELECT payload FROM transactions WHERE id > ? ORDER BY id LIMIT ?", (after, most)
        )
        return [payload for (payload,) in rows]

    @property
    def last_transaction(self) -> int:
        """The id of the newest, 0 before the first."""
        (last,) = self._database.execute("SELECT max(id) FROM transactions").fetchone()
        return int(last or 0)

    def orders(self, client_order_ids: Sequence[str]) -> dict[str, bytes]:
        """Those of these orders that are there, by id."""
        rows = self._database.execute(
            "SELECT client_order_id, payload FROM orders WHERE client_order_id IN "
            "(SELECT value FROM json_each(?))",
            (json.dumps(client_order_ids),),
        )
        return dict(rows.fetchall())

    def waiting(self) -> list[bytes]:
        """The orders that wait, in the order in which they were accepted."""
        rows = self._database.execute("SELECT payload FROM waiting ORDER BY transaction_id")
        return [payload for (payload,) in rows]

    def bars(self, most: int) -> list[BarSlice]:
        """The newest closed bars, oldest first."""
        rows = self._database.execute(
            "SELECT time, payload FROM bars ORDER BY time DESC LIMIT ?", (most,)
        ).fetchall()
        return [
            BarSlice(time=time, values=np.frombuffer(payload).reshape(6, -1))
            for time, payload in reversed(rows)
        ]

    def close(self) -> None:
        """Let go of the file; a single one is left behind."""
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()

    def _keep_bars(self, bars: Iterable[BarSlice]) -> None:
        rows = [(bar.time, bar.values.tobytes()) for bar in bars]
        self._database.executemany("INSERT OR REPLACE INTO bars VALUES (?, ?)", rows)
        self._rows += len(rows)
        if self._rows >= FORGET_EVERY:
            self._rows = 0
            self._database.execute(
                "DELETE FROM bars WHERE time NOT IN "
                "(SELECT time FROM bars ORDER BY time DESC LIMIT ?)",
                (KEPT_BARS,),
            )

    def _state(self, name: str) -> bytes | None:
        found = self._database.execute(
            "SELECT payload FROM state WHERE name = ?", (name,)
        ).fetchone()
        return None if found is None else bytes(found[0])

    def _failed(self, error: sqlite3.Error) -> FatalError:
        """Nothing of this commit happened, and nothing may happen after it."""
        self._failure = FatalError(
            f"the store {self.path} of the paper exchange cannot be written: {error}. The exchange "
            "stops; free disk space or make the folder writable, then start it again: it goes on "
            "from its last commit."
        )
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("ROLLBACK")
        return self._failure
