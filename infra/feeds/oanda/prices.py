"""Prices as v20 streams them, and the one slot that each instrument has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.brokers.v20.decimals import read
from infra.brokers.v20.times import nanoseconds_of
from market.errors import DataError
from market.quotes import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What the broker said of an instrument. quote: None where it does not deal in it."""

    symbol: str
    time: int
    quote: Quote | None


def price_of(message: Mapping[str, Any]) -> Price:
    """The price in a message of v20 (`ClientPrice`), as odd as it may be.

    An instrument that is not tradeable, or is not bid and asked for, has none. Raises DataError
    for a message that cannot be read.
    """
    symbol, bids, asks = message.get("instrument"), message.get("bids"), message.get("asks")
    if not isinstance(symbol, str):
        raise DataError(f"expected a price with its instrument, found {str(message)[:100]!r}")
    time = nanoseconds_of(message.get("time"))
    tradeable = message.get("tradeable", True) is True
    if not tradeable or message.get("status", "tradeable") != "tradeable" or not (bids and asks):
        return Price(symbol=symbol, time=time, quote=None)
    quote = Quote(symbol=symbol, time=time, bid=_best(bids), ask=_best(asks))
    return Price(symbol=symbol, time=time, quote=quote)


def _best(side: Any) -> float:
    """v20 lists the best bucket first."""
    try:
        return read(side[0]["price"])
    except (LookupError, TypeError):
        raise DataError(f"expected a list of prices, found {str(side)[:60]!r}") from None


@dataclass(slots=True)
class _Slot:
    time: int = -1
    last: Quote | None = None
    fresh: Quote | None = None
    closed_fresh: bool = False


class PriceSlots:
    """The newest price of every instrument; a slow reader finds it and the count of the others.

    symbols: those that were asked for; of others nothing is kept.
    """

    def __init__(self, symbols: Iterable[str]) -> None:
        self._slots = {symbol: _Slot() for symbol in symbols}
        self._skipped = 0
        self.out_of_order = self.repeated = self.conflated = 0

    def put(self, price: Price) -> bool:
        """Take a price; whether it is news. An older one than is known, or the same again, is
        dropped and counted; that an instrument is closed is always believed.
        """
        slot = self._slots.get(price.symbol)
        if slot is None:
            return False
        if price.quote is None:
            slot.time = max(slot.time, price.time)
            slot.last, slot.closed_fresh = None, True
            return True
        if price.time < slot.time:
            self.out_of_order += 1
            return False
        if price.quote == slot.last:
            self.repeated += 1
            return False
        if slot.fresh is not None:
            self._skipped += 1
            self.conflated += 1
        slot.time, slot.closed_fresh = price.time, False
        slot.last = slot.fresh = price.quote
        return True

    def take(self) -> tuple[tuple[Quote, ...], tuple[str, ...], int]:
        """The quotes since the last call, the instruments that were closed after them, and how
        many quotes newer ones replaced.
        """
        quotes: list[Quote] = []
        closed: list[str] = []
        for symbol, slot in self._slots.items():
            if slot.fresh is not None:
                quotes.append(slot.fresh)
                slot.fresh = None
            if slot.closed_fresh:
                closed.append(symbol)
                slot.closed_fresh = False
        skipped, self._skipped = self._skipped, 0
        return tuple(quotes), tuple(closed), skipped
