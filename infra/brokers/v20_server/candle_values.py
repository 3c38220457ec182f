"""`Candle`: bid, ask and mid of a stretch of time, finished or in the making."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from market.quotes import Quote

_PACKED = struct.Struct("<12d")


class Ohlc(NamedTuple):
    """First, highest, lowest and last price."""

    open: float
    high: float
    low: float
    close: float

    def then(self, later: Ohlc) -> Ohlc:
        """Of this time and one that follows it."""
        return Ohlc(self.open, max(self.high, later.high), min(self.low, later.low), later.close)

    def moved(self, distance: float) -> Ohlc:
        """All four, so much higher."""
        return Ohlc(*(price + distance for price in self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """start: UTC ns. volume: how many quotes."""

    start: int
    volume: int
    bid: Ohlc
    ask: Ohlc
    mid: Ohlc

    def then(self, later: Candle) -> Candle:
        """This one and one that follows it, as one."""
        return Candle(
            start=self.start,
            volume=self.volume + later.volume,
            bid=self.bid.then(later.bid),
            ask=self.ask.then(later.ask),
            mid=self.mid.then(later.mid),
        )

    def packed(self) -> bytes:
        """The prices as they are kept."""
        return _PACKED.pack(*self.bid, *self.ask, *self.mid)


def candle_of(start: int, volume: int, prices: bytes) -> Candle:
    """The candle that was packed."""
    values = _PACKED.unpack(prices)
    return Candle(
        start=start,
        volume=volume,
        bid=Ohlc(*values[:4]),
        ask=Ohlc(*values[4:8]),
        mid=Ohlc(*values[8:]),
    )


class CandleInMaking:
    """Takes quotes, one at least. changed: since it was last kept."""

    __slots__ = ("_ask", "_bid", "_mid", "_volume", "changed", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.changed = False
        self._volume = 0
        self._bid: list[float] = []
        self._ask: list[float] = []
        self._mid: list[float] = []

    @classmethod
    def taken_up(cls, candle: Candle) -> CandleInMaking:
        """Go on with one that was kept."""
        made = cls(candle.start)
        made._volume = candle.volume
        made._bid, made._ask, made._mid = list(candle.bid), list(candle.ask), list(candle.mid)
        return made

    def add(self, quote: Quote) -> None:
        """The next quote."""
        if not self._volume:
            self._bid, self._ask, self._mid = [quote.bid] * 4, [quote.ask] * 4, [quote.mid] * 4
        self._volume += 1
        self.changed = True
        for prices, price in (
            (self._bid, quote.bid),
            (self._ask, quote.ask),
            (self._mid, quote.mid),
        ):
            if price > prices[1]:
                prices[1] = price
            elif price < prices[2]:
                prices[2] = price
            prices[3] = price

    @property
    def candle(self) -> Candle:
        """As it stands."""
        return Candle(
            start=self.start,
            volume=self._volume,
            bid=Ohlc(*self._bid),
            ask=Ohlc(*self._ask),
            mid=Ohlc(*self._mid),
        )
