"""What an older version wrote is read: what it did not say has a value that says so."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import msgspec
import pytest

from infra.journal.codec import decode, decode_value, encode_value
from market.desk_snapshot import DeskSnapshot
from market.desk_state import DeskState
from market.events import Event, OrderCancelled, OrderFilled, OrderIntended
from market.order_life import OpenOrder, OrderStage
from market.orders import Cancellation
from tests.live_gateways import ROWS, started
from tests.property.test_order_life import fill, order

GONE = Cancellation(client_order_id="o", sequence=1, time=2, symbol="EUR_USD", reason="PRICE_BOUND")


def older(value: Any, *without: str) -> bytes:
    """The value as it was written before it had these fields."""
    known = {one.name: getattr(value, one.name) for one in fields(value) if one.name not in without}
    return msgspec.msgpack.encode(known)


@pytest.mark.parametrize(
    ("event", "new"),
    [
        (OrderFilled(fill=fill("o", 5.0)), ("transaction",)),
        (OrderCancelled(cancellation=GONE), ("ending", "transaction")),
        (OrderIntended(order=order("o", 5.0)), ("group", "purpose")),
    ],
)
def test_an_event_without_the_fields_that_came_later_is_read(
    event: Event, new: tuple[str, ...]
) -> None:
    assert decode(type(event).__name__, older(event, *new)) == event


def test_an_order_without_an_entry_is_a_market_order() -> None:
    intent = order("o", 5.0)
    payload = msgspec.msgpack.encode({"order": msgspec.Raw(older(intent, "entry"))})
    read = decode("OrderIntended", payload)
    assert isinstance(read, OrderIntended)
    assert read.order == intent


def test_a_snapshot_of_a_desk_that_knew_no_groups_is_taken_up() -> None:
    state = DeskState(started(), ROWS)
    state.apply(OrderIntended(order=order("o", 5.0)))
    raw = msgspec.msgpack.decode(encode_value(state.snapshot()), ext_hook=msgspec.msgpack.Ext)
    del raw["groups"]
    for entry in raw["orders"]:
        for name in ("filled", "group", "purpose"):
            del entry[name]
    kept = decode_value(msgspec.msgpack.encode(raw), DeskSnapshot)
    again = DeskState.resume(kept, ROWS)
    assert again.orders == {
        "o": OpenOrder(order=order("o", 5.0), stage=OrderStage.INTENDED, filled=0.0)
    }
    assert again.groups == {}
