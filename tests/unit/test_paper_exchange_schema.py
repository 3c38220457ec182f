"""Stores that an earlier version of the paper exchange wrote."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import msgspec

from infra.brokers.paper.live.records import encode, waiting_of
from market.accounts import OrderState
from market.orders import Entry, EntryKind, TimeInForce
from tests.exchange_accounts import held
from tests.exchanges import TERMS, LocalBench, order

EUR = 0
KEYS = {"orders": "client_order_id", "waiting": "transaction_id", "state": "name"}
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


def test_a_store_of_the_second_schema_tells_the_same(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path, replace(TERMS, liquidity=400.0))
    held(bench, 300.0)
    resting = order(
        "part", 1_000.0, entry=Entry(kind=EntryKind.LIMIT, price=1.2, time_in_force=TimeInForce.GTC)
    )
    bench.exchange.place(resting)
    bench.market("EUR_USD", 1.1)
    before, told = bench.exchange.working(), bench.exchange.transactions(0)
    assert [one.state for one in before] == [OrderState.PARTIALLY_FILLED]
    bench.close()
    as_the_second_was(tmp_path / "exchange.sqlite")
    again = LocalBench(tmp_path, replace(TERMS, liquidity=400.0))
    assert again.exchange.working() == before == (again.exchange.find("part"),)
    assert again.exchange.transactions(0) == told
    assert again.exchange.transaction_records(2, 1) == [encode(told[2])]
    again.market("EUR_USD", 1.1)
    again.market("EUR_USD", 1.1)
    found = again.exchange.find("part")
    assert found is not None
    assert (found.state, found.filled) == (OrderState.FILLED, 1_000.0)
    assert again.exchange.working() == ()
    again.close()


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
