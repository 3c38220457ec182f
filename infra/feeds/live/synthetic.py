"""`SyntheticPrices`: made-up quotes for a desk that has no data, the same at every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from infra.feeds.live.hours import TradingHours
from infra.feeds.live.synthetic_bars import made_up_bars
from infra.feeds.live.synthetic_market import synthetic_market
from infra.feeds.live.synthetic_ticks import MINUTE_NS, TickArrays, ticks_of_minutes
from infra.feeds.ticks import DAY_S
from market.bars import Bars
from market.errors import ConfigError, DataError, nearest
from market.instruments import AssetClass, Instrument
from market.ports import Clock
from market.quotes import Quote

LABEL = "synthetic: made-up prices"


class SyntheticPrices:
    """A `PriceSource` of correlated geometric random walks.

    Every quote is a function of seed, symbol and time alone: a source that is begun anew, at any
    time, on whatever clock and beside whatever other instruments, gives the same quotes to the
    last bit. begin: UTC nanoseconds; quotes are those at or after it.
    hours: when instruments trade, by asset class; those not named, and by default all, trade
    around the clock and at weekends.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        seed: int,
        clock: Clock,
        *,
        begin: int,
        hours: Mapping[AssetClass, TradingHours] | None = None,
    ) -> None:
        self._symbols = tuple(one.symbol for one in instruments)
        self._seed = seed
        self._clock = clock
        self._market = synthetic_market(instruments, seed)
        self._hours = [(hours or {}).get(one.asset_class) for one in instruments]
        self._reached = begin
        self._minute = begin // MINUTE_NS
        self._waiting = self._in_order(self._between(begin, (self._minute + 1) * MINUTE_NS))

    @property
    def description(self) -> str:
        """That nothing of it is real."""
        return f"{LABEL}, seed {self._seed}: {' '.join(self._symbols)}"

    def now(self) -> int:
        """The market's clock."""
        return self._clock.now()

    @property
    def ended(self) -> bool:
        """Never."""
        return False

    def quotes(self, until: int) -> tuple[Quote, ...]:
        """The next quotes up to and including that time; of equal times in the order of symbols."""
        found: list[Quote] = []
        while True:
            stop = int(np.searchsorted(self._waiting.time, until, side="right"))
            found += self._quotes(self._waiting.rows(slice(stop)))
            self._waiting = self._waiting.rows(slice(stop, None))
            begin = (self._minute + 1) * MINUTE_NS
            if begin > until:
                break
            self._minute += 1
            self._waiting = self._in_order(self._between(begin, begin + MINUTE_NS))
        self._reached = max(self._reached, until)
        return tuple(found)

    def history(self, symbols: Sequence[str], interval_s: int, bars: int) -> Bars:
        """The last bars that had closed by the time up to which quotes were asked for.

        They are made of the same ticks. Raises DataError for an instrument that is not here,
        ConfigError for a length that does not divide a day.
        """
        if interval_s < 1 or DAY_S % interval_s:
            raise ConfigError(f"the length of a bar must divide a day, found {interval_s} seconds")
        for symbol in symbols:
            if symbol not in self._symbols:
                raise DataError(
                    f"no made-up prices of {symbol}{nearest(symbol, self._symbols)} "
                    f"There are {', '.join(self._symbols)}"
                )
        made = made_up_bars(self._between, self._symbols, interval_s, bars, self._reached)
        return made.columns(symbols)

    def _between(self, start: int, stop: int) -> TickArrays:
        """From a time up to, not including, another: by minute, in it by instrument."""
        first, end = start // MINUTE_NS, -(-stop // MINUTE_NS)
        opened = np.ones((end - first, len(self._symbols)), dtype=np.bool_)
        for hours in {id(one): one for one in self._hours if one is not None}.values():
            columns = [column for column, own in enumerate(self._hours) if own is hours]
            opened[:, columns] = _open(hours, first, end)[:, None]
        ticks = ticks_of_minutes(self._market, first, opened)
        if start % MINUTE_NS or stop % MINUTE_NS:
            ticks = ticks.rows(np.flatnonzero((ticks.time >= start) & (ticks.time < stop)))
        return ticks

    @staticmethod
    def _in_order(ticks: TickArrays) -> TickArrays:
        return ticks.rows(np.lexsort((ticks.code, ticks.time)))

    def _quotes(self, ticks: TickArrays) -> list[Quote]:
        symbols = self._symbols
        rows = zip(*(column.tolist() for column in ticks), strict=True)
        return [
            Quote(symbol=symbols[code], time=time, bid=bid, ask=ask)
            for time, code, bid, ask in rows
        ]


def _open(hours: TradingHours, first: int, end: int) -> NDArray[np.bool_]:
    """Which of the minutes, counted from 1970, begin in a session."""
    times = (minute * MINUTE_NS for minute in range(first, end))
    return np.array([hours.session_at(time) is not None for time in times], dtype=np.bool_)
