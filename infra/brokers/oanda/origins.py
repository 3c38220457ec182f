"""`Origins`: which order a transaction belongs to, remembered or asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from infra.brokers.oanda.fills import EXITS
from infra.brokers.v20.decimals import read
from market.errors import DataError

KEPT = 10_000
STRANGER = "oanda-"
"""Begins the names of orders that have no client id; OANDA's own follows."""
ENTRIES = frozenset(
    {"MARKET_ORDER", "LIMIT_ORDER", "STOP_ORDER", "MARKET_IF_TOUCHED_ORDER", "FIXED_PRICE_ORDER"}
)
DEPENDENTS = frozenset({
    "TAKE_PROFIT_ORDER", "STOP_LOSS_ORDER", "TRAILING_STOP_LOSS_ORDER",
    "GUARANTEED_STOP_LOSS_ORDER",
})  # fmt: skip
BROKERS_OWN = frozenset({"MARGIN_CLOSEOUT", "DELAYED_TRADE_CLOSE"})
"""Reasons of market orders that the broker makes itself."""
TAKEN = frozenset({"CLIENT_ORDER_ID_ALREADY_EXISTS", "CLIENT_TRADE_ID_ALREADY_EXISTS"})
"""Refusals of a repetition; they say nothing of the order that has the id."""
_TOLD = (
    "id", "type", "orderID", "clientOrderID", "units", "instrument", "reason", "rejectReason",
    "replacedByOrderID", "clientExtensions",
)  # fmt: skip

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
        self._lives: OrderedDict[str, dict[int, Raw]] = OrderedDict()
        self._read = 0
        self._ahead: set[int] = set()

    def note(self, raw: Raw) -> None:
        """Remember what a transaction tells; the same one twice does no harm."""
        kind, number = raw.get("type"), int(raw["id"])
        if kind in ENTRIES or kind in DEPENDENTS:
            origin = _origin(raw)
            self._keep(self._orders, origin.order, origin)
            if not origin.exit:
                self._live(origin.client_order_id, raw)
        elif kind == "ORDER_FILL":
            opened = raw.get("tradeOpened")
            if isinstance(opened, dict):
                self._keep(self._openers, int(opened["tradeID"]), _opener(raw, opened))
            if raw.get("reason") not in EXITS:
                self._live(self._named(raw), raw)
        elif kind == "ORDER_CANCEL":
            self._live(self._named(raw), raw)
        elif str(kind).endswith("_ORDER_REJECT") and raw.get("rejectReason") not in TAKEN:
            self._live(client_id(raw), raw)
        self._through(number)

    def note_name(self, client_order_id: str) -> None:
        """This client order id has been used."""
        with self._lock:
            self._keep(self._lives, client_order_id, self._lives.get(client_order_id, {}))

    def forget_name(self, client_order_id: str) -> None:
        """It has not after all, unless the record tells of it."""
        with self._lock:
            if not self._lives.get(client_order_id):
                self._lives.pop(client_order_id, None)

    def has_name(self, client_order_id: str) -> bool:
        """Whether it has, as far as is remembered."""
        with self._lock:
            return client_order_id in self._lives

    def life(self, client_order_id: str) -> tuple[Raw, ...]:
        """What is remembered of the orders under this id: their making, fills, end or refusal."""
        with self._lock:
            return tuple(self._lives.get(client_order_id, {}).values())

    @property
    def read(self) -> int:
        """Every transaction up to this one has been noted, as far back as the record was read."""
        return self._read

    def begin(self, last: int) -> None:
        """The record has been read up to this transaction."""
        with self._lock:
            self._read = max(self._read, last)
            self._ahead = {number for number in self._ahead if number > self._read}

    def order(self, number: int) -> Origin:
        """The origin of an order, whose id is that of the transaction that made it."""
        with self._lock:
            known = self._orders.get(number)
        if known is not None:
            return known
        raw = self._past.transaction(number)
        if raw is None or raw.get("type") not in ENTRIES | DEPENDENTS:
            raise DataError(f"OANDA's record tells of order {number} and not what made it")
        origin = _origin(raw)
        self._keep(self._orders, number, origin)
        return origin

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
            name = _opener(raw, opened)
        else:
            name = client_id(self._past.trade(trade) or {}) or stranger(trade)
        self._keep(self._openers, trade, name)
        return name

    def _named(self, raw: Raw) -> str:
        """The client order id of the order that filled or ended; empty for exits."""
        told, number = raw.get("clientOrderID"), int(raw["orderID"])
        with self._lock:
            origin = self._orders.get(number)
        if origin is not None:
            return "" if origin.exit else origin.client_order_id
        return str(told) if told else stranger(number)

    def _live(self, name: str, raw: Raw) -> None:
        if not name:
            return
        told = {field: raw[field] for field in _TOLD if field in raw}
        with self._lock:
            self._keep(self._lives, name, self._lives.get(name, {}) | {int(raw["id"]): told})

    def _through(self, number: int) -> None:
        with self._lock:
            if number > self._read > 0:
                self._ahead.add(number)
            while self._read + 1 in self._ahead:
                self._read += 1
                self._ahead.discard(self._read)

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
    return f"{STRANGER}{order}"


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
