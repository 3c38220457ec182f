"""`Origins`: which order a transaction belongs to, remembered or asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from infra.brokers.v20.decimals import read
from market.errors import DataError

KEPT = 50_000
ENTRIES = frozenset(
    {"MARKET_ORDER", "LIMIT_ORDER", "STOP_ORDER", "MARKET_IF_TOUCHED_ORDER", "FIXED_PRICE_ORDER"}
)
DEPENDENTS = frozenset({
    "TAKE_PROFIT_ORDER", "STOP_LOSS_ORDER", "TRAILING_STOP_LOSS_ORDER",
    "GUARANTEED_STOP_LOSS_ORDER",
})  # fmt: skip
BROKERS_OWN = frozenset({"MARGIN_CLOSEOUT", "DELAYED_TRADE_CLOSE"})
"""Reasons of market orders that the broker makes itself."""

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What made an order. order: OANDA's id. exit: a stop or take profit that hangs on a trade, or
    the broker's own close-out; its fills go to the order that opened the trade.
    """

    order: int
    client_order_id: str
    symbol: str
    units: float
    exit: bool


class Past(Protocol):
    """Where what is not remembered can be asked for."""

    def transaction(self, number: int) -> Raw | None: ...

    def trade(self, number: int) -> Raw | None: ...


class Origins:
    """Any thread may ask. It remembers the newest only; the rest is asked for, and may raise as a
    question does.
    """

    def __init__(self, past: Past, kept: int = KEPT) -> None:
        self._past = past
        self._kept = kept
        self._lock = threading.RLock()
        self._orders: OrderedDict[int, Origin] = OrderedDict()
        self._openers: OrderedDict[int, str] = OrderedDict()
        self._names: OrderedDict[str, None] = OrderedDict()
        self._fills: OrderedDict[int, dict[int, float]] = OrderedDict()

    def note(self, raw: Raw) -> None:
        """Remember what a transaction tells; the same one twice does no harm."""
        kind = raw.get("type")
        if kind in ENTRIES or kind in DEPENDENTS:
            origin = _origin(raw)
            self._keep(self._orders, origin.order, origin)
            if not origin.exit:
                self.note_name(origin.client_order_id)
        elif kind == "ORDER_FILL":
            order, number = int(raw["orderID"]), int(raw["id"])
            opened = raw.get("tradeOpened")
            if isinstance(opened, dict):
                self._keep(self._openers, int(opened["tradeID"]), _opener(raw, opened))
            with self._lock:
                fills = self._fills.get(order, {})
                self._keep(self._fills, order, fills | {number: read(raw["units"])})
        elif isinstance(kind, str) and kind.endswith("_ORDER_REJECT"):
            self.note_name(client_id(raw))

    def note_name(self, client_order_id: str) -> None:
        """This client order id has been used."""
        if client_order_id:
            self._keep(self._names, client_order_id, None)

    def has_name(self, client_order_id: str) -> bool:
        """Whether it has, as far as is remembered."""
        with self._lock:
            return client_order_id in self._names

    def order(self, number: int) -> Origin:
        """The origin of an order, whose id is that of the transaction that made it."""
        with self._lock:
            known = self._orders.get(number)
        if known is not None:
            return known
        raw = self._past.transaction(number)
        if raw is None or raw.get("type") not in ENTRIES | DEPENDENTS:
            raise DataError(f"OANDA's record tells of order {number} and not what made it")
        self.note(raw)
        return _origin(raw)

    def opener(self, trade: int) -> str:
        """The client order id of the order that opened a trade."""
        with self._lock:
            known = self._openers.get(trade)
        if known is not None:
            return known
        # A trade's own extensions can be changed by anyone later; the fill that made it cannot.
        raw = self._past.transaction(trade)
        opened = None if raw is None else raw.get("tradeOpened")
        if raw is not None and isinstance(opened, dict):
            self.note(raw)
            return _opener(raw, opened)
        told = client_id(self._past.trade(trade) or {})
        name = told or stranger(trade)
        self._keep(self._openers, trade, name)
        return name

    def filled(self, order: int) -> float:
        """Signed units that were filled of an order, as far as is remembered."""
        with self._lock:
            return sum(self._fills.get(order, {}).values())

    def _keep(self, kept: OrderedDict[Any, Any], key: Any, value: Any) -> None:
        with self._lock:
            kept[key] = value
            kept.move_to_end(key)
            if len(kept) > self._kept:
                kept.popitem(last=False)


def client_id(raw: Raw) -> str:
    """The client id among something's extensions; empty without one."""
    extensions = raw.get("clientExtensions")
    found = extensions.get("id") if isinstance(extensions, dict) else None
    return found if isinstance(found, str) else ""


def stranger(order: int) -> str:
    """The name of an order that has no client id."""
    return f"oanda-{order}"


def _origin(raw: Raw) -> Origin:
    number = int(raw["id"])
    return Origin(
        order=number,
        client_order_id=client_id(raw) or stranger(number),
        symbol=str(raw.get("instrument", "")),
        units=read(raw["units"]) if "units" in raw else 0.0,
        exit=raw["type"] in DEPENDENTS or raw.get("reason") in BROKERS_OWN,
    )


def _opener(fill: Raw, opened: Raw) -> str:
    told = fill.get("clientOrderID") or client_id(opened)
    return str(told) if told else stranger(int(fill["orderID"]))
