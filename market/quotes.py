"""`Quote`: what can be bought and sold at, at one moment."""

from __future__ import annotations

from enum import StrEnum

from market.record import Record


class PriceKind(StrEnum):
    """Where prices come from: a market as it is, its past, or nowhere. UNSTATED: nobody said."""

    UNSTATED = ""
    REAL = "real"
    RECORDED = "recorded"
    SYNTHETIC = "synthetic"


class Quote(Record, frozen=True, kw_only=True):
    """The best prices of one instrument. time: UTC nanoseconds of the market's clock."""

    symbol: str
    time: int
    bid: float
    ask: float

    @property
    def mid(self) -> float:
        """(bid + ask) / 2."""
        return (self.bid + self.ask) / 2.0

    @property
    def spread(self) -> float:
        """ask − bid, price units."""
        return self.ask - self.bid
