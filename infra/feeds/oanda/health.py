"""`StreamHealth`: how the connection to the broker is, which is not how old its prices are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHealth:
    """As of one moment; counts since the streams were subscribed to.

    price_heard_s, transaction_heard_s: real seconds since the stream's last message of any kind;
    price_heartbeat_s, transaction_heartbeat_s: since its last heartbeat; infinite before the first.
    prices_open, transactions_open: whether the stream stands. caught_up: whether every transaction
    that the broker told of was given. reconnects: of both streams. duplicates: transactions that
    came again. filled_in: transactions that the stream lost and the record had. conflated: quotes
    that newer ones replaced. out_of_order, repeated: prices that were dropped. unreadable: messages
    that were. polled: answers while the price stream was away. trouble: what is wrong now.
    """

    price_heard_s: float
    transaction_heard_s: float
    price_heartbeat_s: float
    transaction_heartbeat_s: float
    prices_open: bool
    transactions_open: bool
    caught_up: bool
    reconnects: int
    duplicates: int
    filled_in: int
    conflated: int
    out_of_order: int
    repeated: int
    unreadable: int
    polled: int
    trouble: str
