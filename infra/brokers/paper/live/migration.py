"""What is done to a store of an earlier schema when it is opened."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from infra.brokers.paper.live.records import broker_order_of, encode, transaction_of
from infra.brokers.paper.state import FillReason


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


MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: fills_onto_orders}
"""By the schema that they start from; each leads to the next."""


def migrate(database: sqlite3.Connection, version: int) -> int:
    """Bring a store to the newest schema, inside the transaction that is open; which that is."""
    while version in MIGRATIONS:
        MIGRATIONS[version](database)
        version += 1
    database.execute(f"PRAGMA user_version = {version}")
    return version
