"""One ORDER_FILL as one `Fill`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from infra.brokers.v20.decimals import read
from infra.brokers.v20.times import nanoseconds_of
from market.errors import DataError
from market.orders import Fill

EXITS = {
    "STOP_LOSS_ORDER": "STOP_LOSS",
    "GUARANTEED_STOP_LOSS_ORDER": "STOP_LOSS",
    "TRAILING_STOP_LOSS_ORDER": "TRAILING_STOP",
    "TAKE_PROFIT_ORDER": "TAKE_PROFIT",
    "MARKET_ORDER_MARGIN_CLOSEOUT": "MARGIN_CLOSEOUT",
    "MARKET_ORDER_DELAYED_TRADE_CLOSE": "MARGIN_CLOSEOUT",
}
"""Reasons of fills that end what another order began."""
DECISION = "DECISION"

Raw = Mapping[str, Any]


def fill_of(raw: Raw, client_order_id: str, decision_mid: float) -> Fill:
    """The fill that an ORDER_FILL tells.

    price: the mean of its parts by their units. decision_mid: NaN where unknown. Raises DataError
    for one that cannot be booked: without units, price, or rate.
    """
    units = read(raw["units"])
    price = _price(raw)
    pl = read(raw.get("pl", "0"))
    bid, ask = _touch(raw)
    mid = (bid + ask) / 2.0 if bid > 0.0 and ask > 0.0 else price
    rate = _rate(raw, pl)
    side = math.copysign(1.0, units)
    best = ask if units > 0.0 else bid
    beyond = max(0.0, side * (price - best)) if math.isfinite(best) else 0.0
    reason = EXITS.get(str(raw.get("reason")), DECISION)
    known = reason == DECISION and decision_mid > 0.0
    return Fill(
        client_order_id=client_order_id,
        sequence=0,
        time=nanoseconds_of(raw["time"]),
        symbol=str(raw["instrument"]),
        units=units,
        price=price,
        mid=mid,
        rate=rate,
        reason=reason,
        realised=pl,
        spread_cost=abs(read(raw.get("halfSpreadCost", "0"))),
        slippage_cost=beyond * abs(units) * rate,
        slippage_bps=side * (price - decision_mid) / mid * 1e4 if known else math.nan,
    )


def closed_trade(raw: Raw) -> int | None:
    """The id of the first trade that a fill closed or reduced."""
    for part in _closing(raw):
        return int(part["tradeID"])
    return None


def money_beside(raw: Raw) -> float:
    """Cash that a fill moved beside its profit and loss, account currency, signed."""
    return (
        read(raw.get("financing", "0"))
        - read(raw.get("commission", "0"))
        - read(raw.get("guaranteedExecutionFee", "0"))
    )


def _closing(raw: Raw) -> Iterator[Raw]:
    yield from raw.get("tradesClosed") or ()
    reduced = raw.get("tradeReduced")
    if reduced:
        yield reduced


def _price(raw: Raw) -> float:
    """OANDA fills each trade at a price of its own; the fill's own price is deprecated."""
    opened = raw.get("tradeOpened")
    parts = [*_closing(raw), *((opened,) if opened else ())]
    amount = weighted = 0.0
    for part in parts:
        if "price" not in part:
            break
        size = abs(read(part["units"]))
        amount += size
        weighted += size * read(part["price"])
    else:
        if len(parts) == 1:
            return read(parts[0]["price"])
        if amount > 0.0:
            return weighted / amount
    for field in ("fullVWAP", "price"):
        if field in raw:
            return read(raw[field])
    raise DataError(f"fill {raw.get('id')} of OANDA has no price")


def _touch(raw: Raw) -> tuple[float, float]:
    """Best bid and ask at the fill; NaN where it tells none."""
    full = raw.get("fullPrice") or {}
    bids, asks = full.get("bids") or (), full.get("asks") or ()
    bid = read(bids[0]["price"]) if bids else read(full.get("closeoutBid", "0"))
    ask = read(asks[0]["price"]) if asks else read(full.get("closeoutAsk", "0"))
    return (bid if bid > 0.0 else math.nan), (ask if ask > 0.0 else math.nan)


def _rate(raw: Raw, pl: float) -> float:
    """Account currency for one of quote currency, as OANDA converted this profit or loss."""
    side = "gain" if pl >= 0.0 else "loss"
    found = raw.get(f"{side}QuoteHomeConversionFactor")
    if found is None:
        factors = (raw.get("homeConversionFactors") or {}).get(f"{side}QuoteHome") or {}
        found = factors.get("factor")
    rate = read(found) if found is not None else math.nan
    if not rate > 0.0:
        raise DataError(f"fill {raw.get('id')} of OANDA has no rate of conversion, found {found!r}")
    return rate
