"""Stores that an earlier version of the paper exchange wrote."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from market.accounts import OrderState
from tests.exchange_accounts import held
from tests.exchanges import LocalBench, order

EUR = 0
KEYS = {"orders": "client_order_id", "waiting": "transaction_id", "state": "name"}
NEW = {
    *("filled", "replaced_by", "prices", "closed"),
    *("reduces", "filled_at", "stood", "expires"),
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
        assert database.execute("PRAGMA user_version").fetchone() == (2,)
    database.close()


def as_it_was(path: Path) -> None:
    """Take out of a store what the first schema did not have."""
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
