"""What an exchange keeps and sends, as bytes and back. MessagePack, fields by name."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from infra.brokers.paper.live.waiting import WaitingOrder
from market.accounts import BrokerOrder, Transaction
from market.orders import OrderRequest
from market.quotes import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The state of an exchange after a commit.

    clock: UTC ns; every quote up to it was taken. account, bar, quoted, prices: arrays as their
    bytes, little-endian. dropped: quotes that were not traded on, by reason. closed: instruments
    that are not traded now.
    """

    clock: int
    last_quote: int
    account: bytes
    quoted: bytes
    bar: bytes
    bar_start: int
    opened_by: dict[int, str]
    dropped: dict[str, int]
    prices: bytes = b""
    closed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a store was made for; another exchange may not go on with it."""

    account_currency: str
    symbols: tuple[str, ...]
    interval_s: int


encode = msgspec.msgpack.Encoder().encode
kept_of = msgspec.msgpack.Decoder(Kept).decode
terms_of = msgspec.msgpack.Decoder(Terms).decode
transaction_records_of = msgspec.msgpack.Decoder(list[bytes]).decode
transaction_of = msgspec.msgpack.Decoder(Transaction).decode
broker_order_of = msgspec.msgpack.Decoder(BrokerOrder).decode
broker_orders_of = msgspec.msgpack.Decoder(tuple[BrokerOrder, ...]).decode
requests_of = msgspec.msgpack.Decoder(tuple[OrderRequest, ...]).decode
replacement_of = msgspec.msgpack.Decoder(tuple[str, OrderRequest]).decode
waiting_of = msgspec.msgpack.Decoder(WaitingOrder).decode
quotes_of = msgspec.msgpack.Decoder(tuple[Quote, ...]).decode
