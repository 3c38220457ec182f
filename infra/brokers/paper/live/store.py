"""`ExchangeStore`: everything that a paper exchange must still know after kill -9."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from infra.brokers.paper.live.migration import migrate
from infra.brokers.paper.live.records import (
    Kept,
    Terms,
    encode,
    kept_of,
    terms_of,
    transaction_records_of,
)
from infra.brokers.paper.live.schema import SCHEMA, SCHEMA_VERSION
from infra.brokers.record_file import RecordFile
from market.bar_window import BarSlice

EVERY = -1
"""As many as there are."""
KEPT_BARS = 5_000
FORGET_EVERY = 500

_FORGET = "DELETE FROM bars WHERE time NOT IN (SELECT time FROM bars ORDER BY time DESC LIMIT ?)"


@dataclass(slots=True)
class Changes:
    """What happened since the last commit, as it will stand in the store.

    transactions: with their numbers. orders: that have ended, by id. waiting: orders by their
    acceptances. ended: acceptances of those that wait no more.
    """

    transactions: list[tuple[int, bytes]] = field(default_factory=list)
    orders: dict[str, bytes] = field(default_factory=dict)
    waiting: dict[int, bytes] = field(default_factory=dict)
    ended: list[tuple[int]] = field(default_factory=list)
    bars: list[BarSlice] = field(default_factory=list)


class ExchangeStore:
    """For one exchange at a time, durable at each write."""

    def __init__(self, path: Path) -> None:
        """Open the store or make it. Raises InvalidError where another exchange has it, or it is
        of another schema.
        """
        self.path = path
        self._rows = 0
        self._file = RecordFile(
            path,
            SCHEMA,
            SCHEMA_VERSION,
            what="the store of a paper exchange",
            owner="exchange",
            migrate=migrate,
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
        """Make it all durable at once. Raises FatalError, and so does every write after it."""
        state = [("kept", encode(kept))]
        if terms is not None:
            state.append(("terms", encode(terms)))
        bars = [(bar.time, bar.values.tobytes()) for bar in changes.bars]
        self._rows += len(bars)
        forgets = self._rows >= FORGET_EVERY
        self._rows = 0 if forgets else self._rows
        transactions = [record for _, record in changes.transactions]
        last = changes.transactions[-1][0] if transactions else 0
        self._file.write(
            (
                "INSERT INTO transactions VALUES (?, ?)",
                [(last, encode(transactions))] if transactions else [],
            ),
            ("INSERT INTO orders VALUES (?, ?)", [*changes.orders.items()]),
            ("INSERT OR REPLACE INTO waiting VALUES (?, ?)", [*changes.waiting.items()]),
            ("DELETE FROM waiting WHERE transaction_id = ?", changes.ended),
            ("INSERT OR REPLACE INTO bars VALUES (?, ?)", bars),
            (_FORGET, [(KEPT_BARS,)] if forgets else []),
            ("INSERT OR REPLACE INTO state VALUES (?, ?)", state),
        )

    def transactions(self, after: int, most: int) -> list[bytes]:
        """The next transactions with an id above `after`, in order, at most so many; `EVERY` for
        no limit.
        """
        found: list[bytes] = []
        for last, payload in self._file.rows(
            "SELECT last, payload FROM transactions WHERE last > ? ORDER BY last", after
        ):
            records = transaction_records_of(payload)
            found += records[max(0, after - last + len(records)) :]
            if 0 <= most <= len(found):
                return found[:most]
        return found

    @property
    def last_transaction(self) -> int:
        """The id of the newest, 0 before the first."""
        found = self._file.row("SELECT max(last) FROM transactions")
        return 0 if found is None else int(found[0] or 0)

    def orders(self, client_order_ids: Sequence[str]) -> dict[str, bytes]:
        """Those of these orders that have ended, by id."""
        rows = self._file.rows(
            "SELECT client_order_id, payload FROM orders WHERE client_order_id IN "
            "(SELECT value FROM json_each(?))",
            json.dumps(client_order_ids),
        )
        return dict(rows.fetchall())

    def waiting(self) -> list[bytes]:
        """The orders that wait, in the order in which they were accepted."""
        rows = self._file.rows("SELECT payload FROM waiting ORDER BY transaction_id")
        return [payload for (payload,) in rows]

    def bars(self, most: int) -> list[BarSlice]:
        """The newest closed bars, oldest first."""
        rows = self._file.rows(
            "SELECT time, payload FROM bars ORDER BY time DESC LIMIT ?", most
        ).fetchall()
        return [
            BarSlice(time=time, values=np.frombuffer(payload).reshape(6, -1))
            for time, payload in reversed(rows)
        ]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _state(self, name: str) -> bytes | None:
        found = self._file.row("SELECT payload FROM state WHERE name = ?", name)
        return None if found is None else bytes(found[0])
