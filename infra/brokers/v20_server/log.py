"""`V20Log`: every transaction that the server ever told of, and what they left. Append-only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from infra.brokers.record_file import APPEND_ONLY, RecordFile
from infra.brokers.v20_server.trades import Trade, trade_of
from infra.brokers.v20_server.wire import Json, decode_json, encode_json

SCHEMA_VERSION = 1

_SCHEMA = (
    "CREATE TABLE transactions (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
    "payload BLOB NOT NULL)",
    "CREATE INDEX transactions_by_time ON transactions (time)",
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, client_id TEXT, name TEXT, state TEXT NOT NULL, "
    "payload BLOB NOT NULL)",
    "CREATE INDEX orders_by_name ON orders (name) WHERE name IS NOT NULL",
    "CREATE INDEX orders_by_client_id ON orders (client_id) WHERE client_id IS NOT NULL",
    "CREATE INDEX orders_that_wait ON orders (id) WHERE state = 'PENDING'",
    "CREATE TABLE trades (id INTEGER PRIMARY KEY, client_id TEXT, open INTEGER NOT NULL, "
    "payload BLOB NOT NULL)",
    "CREATE INDEX trades_by_client_id ON trades (client_id) WHERE client_id IS NOT NULL",
    "CREATE INDEX open_trades ON trades (id) WHERE open",
    "CREATE TABLE requests (name TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE state (name TEXT PRIMARY KEY, payload BLOB NOT NULL)",
    *APPEND_ONLY,
)


@dataclass(slots=True)
class Changes:
    """What one commit adds. transactions: with their times, UTC ns. names: under which the exchange
    knows the orders, by their ids. done: requests that a transaction tells of now.
    """

    transactions: list[tuple[int, Json]] = field(default_factory=list)
    orders: dict[str, Json] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)


class V20Log:
    """For one server at a time, durable at each write. A write raises FatalError, and every one
    after it.
    """

    def __init__(self, path: Path) -> None:
        """Open the log or make it. Raises InvalidError where another server has it."""
        self._file = RecordFile(
            path, _SCHEMA, SCHEMA_VERSION, what="the log of a v20 server", owner="server"
        )

    def keep_request(self, name: str, request: Json) -> None:
        """What was asked under a name of the exchange, before the exchange is asked."""
        self._file.write(
            ("INSERT OR REPLACE INTO requests VALUES (?, ?)", [(name, encode_json(request))])
        )

    def request(self, name: str) -> Json | None:
        """What was asked under this name and not told of yet."""
        return self._one("SELECT payload FROM requests WHERE name = ?", name)

    def append(self, changes: Changes, state: Json) -> None:
        """Make it all durable at once."""
        self._file.write(
            (
                "INSERT INTO transactions VALUES (?, ?, ?)",
                [(int(one["id"]), time, encode_json(one)) for time, one in changes.transactions],
            ),
            (
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "client_id = excluded.client_id, state = excluded.state, "
                "payload = excluded.payload",
                [
                    (int(id_), one.get("clientExtensions", {}).get("id"), changes.names.get(id_),
                     one["state"], encode_json(one))
                    for id_, one in changes.orders.items()
                ],
            ),
            (
                "INSERT OR REPLACE INTO trades VALUES (?, ?, ?, ?)",
                [
                    (int(id_), one.client_id or None, one.is_open, encode_json(one))
                    for id_, one in changes.trades.items()
                ],
            ),
            ("DELETE FROM requests WHERE name = ?", [(name,) for name in changes.done]),
            ("INSERT OR REPLACE INTO state VALUES ('books', ?)", [(encode_json(state),)]),
        )  # fmt: skip

    def state(self) -> Json | None:
        """What stood after the last commit; None before the first."""
        return self._one("SELECT payload FROM state WHERE name = 'books'")

    def keep_gaps(self, factors: dict[str, float]) -> None:
        """By how much the prices of instruments were moved for good."""
        payload = encode_json(factors)
        self._file.write(("INSERT OR REPLACE INTO state VALUES ('gaps', ?)", [(payload,)]))

    def gaps(self) -> dict[str, float]:
        """The same; empty where none ever was."""
        return self._one("SELECT payload FROM state WHERE name = 'gaps'") or {}

    def transactions(self, after: int, most: int) -> list[Json]:
        """The next with an id above `after`, in order, at most so many."""
        return self._many(
            "SELECT payload FROM transactions WHERE id > ? ORDER BY id LIMIT ?", after, most
        )

    def transaction(self, id_: int) -> Json | None:
        """One by its id."""
        return self._one("SELECT payload FROM transactions WHERE id = ?", id_)

    def ids_between(self, start: int, end: int) -> list[int]:
        """Ids of the transactions of a span of time, both ends included, UTC ns."""
        rows = self._file.rows(
            "SELECT id FROM transactions WHERE time BETWEEN ? AND ? ORDER BY id", start, end
        )
        return [id_ for (id_,) in rows]

    def order(self, id_: int) -> Json | None:
        """An order by its id, as it stands."""
        return self._one("SELECT payload FROM orders WHERE id = ?", id_)

    def order_of_client(self, client_id: str) -> Json | None:
        """The newest order of a client's name."""
        return self._one(
            "SELECT payload FROM orders WHERE client_id = ? ORDER BY id DESC LIMIT 1", client_id
        )

    def order_of_name(self, name: str) -> Json | None:
        """The order that the exchange knows under this name."""
        return self._one("SELECT payload FROM orders WHERE name = ? ORDER BY id DESC LIMIT 1", name)

    def name_of(self, order_id: str) -> str:
        """The name under which the exchange knows an order; empty for those of a trade."""
        row = self._file.row("SELECT name FROM orders WHERE id = ?", int(order_id))
        return "" if row is None or row[0] is None else str(row[0])

    def orders(self, before: int) -> Iterable[Json]:
        """Every order with an id below `before`, newest first."""
        rows = self._file.rows("SELECT payload FROM orders WHERE id < ? ORDER BY id DESC", before)
        return (decode_json(payload) for (payload,) in rows)

    def waiting(self) -> list[Json]:
        """The orders that wait, oldest first."""
        return self._many("SELECT payload FROM orders WHERE state = 'PENDING' ORDER BY id")

    def trade(self, id_: int) -> Trade | None:
        """A trade by its id."""
        return self._trade("SELECT payload FROM trades WHERE id = ?", id_)

    def trade_of_client(self, client_id: str) -> Trade | None:
        """The newest trade of a client's name."""
        return self._trade(
            "SELECT payload FROM trades WHERE client_id = ? ORDER BY id DESC LIMIT 1", client_id
        )

    def trades(self, before: int) -> Iterable[Trade]:
        """Every trade with an id below `before`, newest first."""
        rows = self._file.rows("SELECT payload FROM trades WHERE id < ? ORDER BY id DESC", before)
        return (trade_of(payload) for (payload,) in rows)

    def open_trades(self) -> list[Trade]:
        """The trades that are open, oldest first."""
        rows = self._file.rows("SELECT payload FROM trades WHERE open ORDER BY id")
        return [trade_of(payload) for (payload,) in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _one(self, query: str, *values: object) -> Json | None:
        row = self._file.row(query, *values)
        return None if row is None else decode_json(row[0])

    def _many(self, query: str, *values: object) -> list[Json]:
        return [decode_json(payload) for (payload,) in self._file.rows(query, *values)]

    def _trade(self, query: str, *values: object) -> Trade | None:
        row = self._file.row(query, *values)
        return None if row is None else trade_of(row[0])
