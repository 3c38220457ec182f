"""What is done to a store of an earlier schema when it is opened."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import msgspec

from infra.brokers.paper.live.records import broker_order_of, encode, transaction_of
from infra.brokers.paper.live.schema import TRANSACTIONS
from infra.brokers.paper.state import FillReason
from infra.brokers.record_file import APPEND_ONLY


def fills_onto_orders(database: sqlite3.Connection) -> None:
    """Orders did not say how much of them was filled. The other records are read as they are."""
    filled: dict[str, float] = defaultdict(float)
    for (payload,) in database.execute("SELECT payload FROM transactions ORDER BY id"):
        fill = transaction_of(payload).fill
        if fill is not None and fill.reason == FillReason.DECISION.name:
            filled[fill.client_order_id] += fill.units
    for name, units in filled.items():
        (payload,) = database.execute(
            "SELECT payload FROM orders WHERE client_order_id = ?", (name,)
        ).fetchone()
        order = replace(broker_order_of(payload), filled=units)
        database.execute(
            "UPDATE orders SET payload = ? WHERE client_order_id = ?", (encode(order), name)
        )


def a_row_for_a_commit(database: sqlite3.Connection) -> None:
    """Transactions had a row each, and an order that waits stood among the others too."""
    rows = database.execute("SELECT id, payload FROM transactions ORDER BY id").fetchall()
    database.execute("DROP TABLE transactions")
    database.execute(TRANSACTIONS)
    database.executemany(
        "INSERT INTO transactions VALUES (?, ?)",
        [(number, encode([payload])) for number, payload in rows],
    )
    for statement in APPEND_ONLY:
        database.execute(statement)
    waiting = database.execute("SELECT transaction_id, payload FROM waiting").fetchall()
    for number, payload in waiting:
        item = msgspec.msgpack.decode(payload)
        name = item["order"]["client_order_id"]
        (told,) = database.execute(
            "SELECT payload FROM orders WHERE client_order_id = ?", (name,)
        ).fetchone()
        item["latest"] = broker_order_of(told).transaction
        database.execute(
            "UPDATE waiting SET payload = ? WHERE transaction_id = ?", (encode(item), number)
        )
        database.execute("DELETE FROM orders WHERE client_order_id = ?", (name,))


MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {
    1: fills_onto_orders,
    2: a_row_for_a_commit,
}
"""By the schema that they start from; each leads to the next."""


def migrate(database: sqlite3.Connection, version: int) -> int:
    """Bring a store to the newest schema, inside the transaction that is open; which that is."""
    while version in MIGRATIONS:
        MIGRATIONS[version](database)
        version += 1
    database.execute(f"PRAGMA user_version = {version}")
    return version
