"""The tables of a paper exchange's store, and their version."""

from __future__ import annotations

from infra.brokers.record_file import APPEND_ONLY

SCHEMA_VERSION = 3
TRANSACTIONS = "CREATE TABLE transactions (last INTEGER PRIMARY KEY, payload BLOB NOT NULL)"
"""A row has all of one commit, in order: a row for each of them takes several times as long."""
SCHEMA = (
    TRANSACTIONS,
    "CREATE TABLE orders (client_order_id TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE waiting (transaction_id INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
    "CREATE TABLE bars (time INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
    "CREATE TABLE state (name TEXT PRIMARY KEY, payload BLOB NOT NULL)",
    *APPEND_ONLY,
)
