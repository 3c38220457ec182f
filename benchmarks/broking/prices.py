"""Numbered prices: each price of an instrument says in its digits which one it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np

from market.bars import Bars
from market.instruments import Instrument
from market.quotes import Quote

SECOND_NS = 1_000_000_000
LOWEST = 1.0
SPREAD_INCREMENTS = 20


class NumberedPrices:
    """A `PriceSource` of so many prices a second of every instrument, evenly, one after the other.

    A price's time is the wall clock's at the moment it is taken from here, so its age where it
    arrives is how long it was under way. every_s: real seconds between two prices of an
    instrument. numbers: they are counted from 0 and begin again after so many.
    """

    def __init__(self, instruments: Sequence[Instrument], every_s: float, numbers: int) -> None:
        self._instruments = tuple(instruments)
        self._step_ns = round(every_s * SECOND_NS / len(instruments))
        self._numbers = numbers
        self._began = time.monotonic_ns()
        self._made = 0
        self._held = threading.Event()

    @property
    def description(self) -> str:
        """That nothing of it is real."""
        return f"numbered prices of {len(self._instruments)} instruments"

    @property
    def ended(self) -> bool:
        """Never."""
        return False

    def now(self) -> int:
        """The wall's clock."""
        return time.time_ns()

    def quotes(self, until: int) -> tuple[Quote, ...]:
        """The prices that are due, stamped with this moment."""
        if self._held.is_set():
            return ()
        due = (time.monotonic_ns() - self._began) // self._step_ns
        found = tuple(self._quote(count, until) for count in range(self._made, due))
        self._made = max(self._made, due)
        return found

    def hold(self) -> None:
        """No more prices, from any thread."""
        self._held.set()

    def history(self, symbols: Sequence[str], interval_s: int, bars: int) -> Bars:
        """Bars in which nothing moved, up to now."""
        ended = time.time_ns() // (interval_s * SECOND_NS)
        shape = bars, len(symbols)
        level, increment = LOWEST, self._instruments[0].price_increment
        flat = np.full(shape, level)
        return Bars(
            symbols=tuple(symbols),
            time=interval_s * SECOND_NS * np.arange(ended - bars + 1, ended + 1, dtype=np.int64),
            open=flat,
            high=flat,
            low=flat,
            close=flat,
            spread=np.full(shape, SPREAD_INCREMENTS * increment),
            volume=np.ones(shape),
            interval_s=interval_s,
        )

    def _quote(self, count: int, now: int) -> Quote:
        number, column = divmod(count, len(self._instruments))
        instrument = self._instruments[column]
        bid = LOWEST + number % self._numbers * instrument.price_increment
        ask = bid + SPREAD_INCREMENTS * instrument.price_increment
        return Quote(symbol=instrument.symbol, time=now, bid=bid, ask=ask)


def number_of(quote: Quote, instrument: Instrument) -> int:
    """Which price of its instrument it is, up to whole rounds of numbers."""
    return round((quote.bid - LOWEST) / instrument.price_increment)
