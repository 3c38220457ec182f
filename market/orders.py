"""Orders, fills and cancellations as values."""

from __future__ import annotations

from enum import StrEnum

from market.record import Record

BY_DECISION = "DECISION"
"""`Fill.reason` of an order's own fill; every other is an exit from what the order opened."""


class Bracket(Record, frozen=True, kw_only=True):
    """Exits attached to an order, as distances from its fill in price units; None for none."""

    stop: float
    take_profit: float
    trailing: float | None


class EntryKind(StrEnum):
    """When an order fills. MARKET: at once. LIMIT: at its price or a better one. STOP: at the
    market once the price has come to it from the better side. MARKET_IF_TOUCHED: at the market
    once it has come to it from either side.
    """

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    MARKET_IF_TOUCHED = "market_if_touched"


class TimeInForce(StrEnum):
    """How long an order works. FOK: filled whole at once or not at all. IOC: what fills at once.
    GFD: until 17:00 in New York. GTD: until a time. GTC: until it is cancelled.
    """

    FOK = "FOK"
    IOC = "IOC"
    GFD = "GFD"
    GTD = "GTD"
    GTC = "GTC"


class Entry(Record, frozen=True, kw_only=True):
    """How an order comes to be filled.

    price: that triggers it; NaN for MARKET. time_in_force: FOK or IOC for MARKET. good_until: UTC
    nanoseconds, of GTD; else 0.
    """

    kind: EntryKind
    price: float
    time_in_force: TimeInForce
    good_until: int = 0


class OrderRequest(Record, frozen=True, kw_only=True):
    """An order as it goes to a broker.

    client_order_id: deterministic, from trading session, decision, instrument and leg.
    units: signed. lowest_price, highest_price: cancelled rather than filled outside them.
    entry: None for a market order that is filled whole or not at all.
    """

    client_order_id: str
    sequence: int
    symbol: str
    units: float
    bracket: Bracket
    lowest_price: float
    highest_price: float
    reference_price: float
    entry: Entry | None = None


class Fill(Record, frozen=True, kw_only=True):
    """An executed part.

    client_order_id: of the order that filled; of the order that opened the position for exits.
    units: signed. price: quote currency. mid: the mid at the fill. rate: account currency for
    one unit of quote currency. reason: DECISION, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT or
    MARGIN_CLOSEOUT. realised: profit and loss that it realised; spread_cost, slippage_cost: what
    crossing the market cost, contained in the price; all in account currency.
    slippage_bps: (price − decision mid) / mid signed by side, a cost is positive; NaN for exits.
    """

    client_order_id: str
    sequence: int
    time: int
    symbol: str
    units: float
    price: float
    mid: float
    rate: float
    reason: str
    realised: float
    spread_cost: float
    slippage_cost: float
    slippage_bps: float


class Cancellation(Record, frozen=True, kw_only=True):
    """An order that ended without a fill, and why; or the part of one that did not fill.

    sequence: of the bar on which it ended. reason: NO_PRICE, NO_RATE, PRICE_BOUND,
    INSUFFICIENT_MARGIN, SESSION_ENDED or, when the broker did not take it, REJECTED: what it said.
    Of an order that reverses, NO_RATE and INSUFFICIENT_MARGIN cancel the new position only; the
    closing part has a fill with the same id.
    """

    client_order_id: str
    sequence: int
    time: int
    symbol: str
    reason: str


def client_order_id(session: str, sequence: int, symbol: str, leg: str = "m") -> str:
    """The same wish always has the same name, so that nothing is ever sent twice."""
    return f"{session}-{sequence}-{symbol}-{leg}"


def cancellation_of(order: OrderRequest, reason: str, time: int) -> Cancellation:
    """The end of an order, on the bar that decided it. time: UTC nanoseconds."""
    return Cancellation(
        client_order_id=order.client_order_id,
        sequence=order.sequence,
        time=time,
        symbol=order.symbol,
        reason=reason,
    )
