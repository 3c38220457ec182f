"""Stores that an earlier version of the paper exchange wrote."""

from __future__ import annotations

import gzip
import sqlite3
from dataclasses import replace
from pathlib import Path

import msgspec

from infra.brokers.paper.live.records import encode, waiting_of
from market.accounts import OrderState
from tests.exchange_accounts import held
from tests.exchanges import TERMS, LocalBench, order

EUR = 0
KEYS = {"orders": "client_order_id", "waiting": "transaction_id", "state": "name"}
LEFT_BEHIND = Path(__file__).parent.parent / "stores" / "exchange_schema_2.sqlite.gz"
STOOD = {
    "held": (OrderState.FILLED, 3, 300.0),
    "part": (OrderState.PARTIALLY_FILLED, 5, 400.0),
    "rests": (OrderState.ACCEPTED, 6, 0.0),
    "cancelled": (OrderState.CANCELLED, 8, 0.0),
    "replaced": (OrderState.REPLACED, 10, 0.0),
    "instead": (OrderState.ACCEPTED, 11, 0.0),
    "refused": (OrderState.REJECTED, 12, 0.0),
    "closing": (OrderState.ACCEPTED, 13, 0.0),
}
"""Of that store: the state of each order, the transaction that made it, and what was filled."""
NEW = {
    *("filled", "replaced_by", "prices", "closed"),
    *("reduces", "filled_at", "stood", "expires", "latest"),
}


def test_a_store_of_the_first_schema_is_read_and_knows_what_was_filled(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path)
    held(bench, 1_000.0)
    bench.exchange.place(order("waits", -500.0))
    before = bench.exchange.account()
    bench.close()
    path = tmp_path / "exchange.sqlite"
    as_it_was(path)
    again = LocalBench(tmp_path)
    found = again.exchange.find("held")
    assert found is not None
    assert (found.state, found.filled) == (OrderState.FILLED, 1_000.0)
    assert again.exchange.account().equity == before.equity
    assert again.exchange.meet("EUR_USD")
    assert again.exchange.account().units[EUR] == 500.0
    again.close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (3,)
    database.close()


def test_a_store_that_the_second_schema_left_behind_goes_on(tmp_path: Path) -> None:
    """One that the version before wrote: what ended and what waits, in every way there is."""
    (tmp_path / "exchange.sqlite").write_bytes(gzip.decompress(LEFT_BEHIND.read_bytes()))
    again = LocalBench(tmp_path, replace(TERMS, liquidity=400.0))
    exchange = again.exchange
    told = {name: exchange.find(name) for name in STOOD}
    assert {
        name: (one.state, one.transaction, one.filled) for name, one in told.items() if one
    } == (STOOD)
    assert [one.client_order_id for one in exchange.working()] == [
        "part", "rests", "instead", "closing",
    ]  # fmt: skip
    assert [one.id for one in exchange.transactions(0)] == list(range(1, 14))
    assert exchange.transactions(12)[0].client_order_id == "closing"
    assert exchange.account().units[EUR] == 700.0
    assert exchange.place_all([order("held", 300.0)]) == (told["held"],)
    again.market("EUR_USD", 1.1)
    again.market("EUR_USD", 1.1)
    part, closing = exchange.find("part"), exchange.find("closing")
    assert part is not None
    assert closing is not None
    assert part.filled == 1_000.0
    assert closing.state is OrderState.PARTIALLY_FILLED
    again.close()
    once_more = LocalBench(tmp_path, replace(TERMS, liquidity=400.0))
    assert once_more.exchange.find("part") == part
    assert once_more.exchange.find("closing") == closing
    once_more.close()


def as_it_was(path: Path) -> None:
    """Take out of a store what the first schema did not have."""
    as_the_second_was(path)
    database = sqlite3.connect(path, isolation_level=None)
    for table, key in KEYS.items():
        for name, payload in database.execute(f"SELECT {key}, payload FROM {table}").fetchall():
            record = msgspec.msgpack.decode(payload)
            old = {field: value for field, value in record.items() if field not in NEW}
            if table == "waiting":
                del old["order"]["entry"]
            written = (msgspec.msgpack.encode(old), name)
            database.execute(f"UPDATE {table} SET payload = ? WHERE {key} = ?", written)
    database.execute("PRAGMA user_version = 1")
    database.close()


def as_the_second_was(path: Path) -> None:
    """Give every transaction a row, and every order that waits one among the others."""
    database = sqlite3.connect(path, isolation_level=None)
    commits = database.execute("SELECT payload FROM transactions ORDER BY last").fetchall()
    records = [record for (payload,) in commits for record in msgspec.msgpack.decode(payload)]
    database.execute("DROP TABLE transactions")
    database.execute("CREATE TABLE transactions (id INTEGER PRIMARY KEY, payload BLOB NOT NULL)")
    database.executemany("INSERT INTO transactions VALUES (?, ?)", enumerate(records, 1))
    for (payload,) in database.execute("SELECT payload FROM waiting").fetchall():
        standing = waiting_of(payload).standing
        database.execute(
            "INSERT INTO orders VALUES (?, ?)", (standing.client_order_id, encode(standing))
        )
    database.execute("PRAGMA user_version = 2")
    database.close()
