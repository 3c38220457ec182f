"""Candles of the time before a server's first quote, from its source of prices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from infra.brokers.v20.times import SECOND_NS
from infra.brokers.v20_server.candle_store import TIERS
from infra.brokers.v20_server.candle_values import Candle, Ohlc
from market.bars import Bars
from market.ports import PriceSource

HOURS_BEFORE = 120
"""Candles of an hour; made-up prices take a while to make."""
History = dict[tuple[int, str], list[Candle]]
"""By tier and instrument, oldest first."""


def candles_before(
    source: PriceSource, symbols: Sequence[str], interval_s: int, bars: int, now: int
) -> History:
    """Enough for `bars` bars of `interval_s`, and some of the other lengths, up to `now`, UTC ns.

    A source knows a bar's mid and its spread at the close: bid and ask are mid ∓ spread / 2. What
    had begun by `now` is made of the shorter ones.
    """
    found: History = {}
    for tier in TIERS:
        rows = HOURS_BEFORE if tier == TIERS[-1] else bars
        if tier == tier_of(interval_s):
            rows = max(rows, bars * -(-interval_s // tier))
        panel = source.history(symbols, tier, rows)
        if panel.interval_s == tier:
            found |= {(tier, symbol): _candles(panel, symbol) for symbol in symbols}
    for shorter, tier in pairwise(TIERS):
        begun = now - now % (tier * SECOND_NS)
        for symbol in symbols:
            parts = [one for one in found.get((shorter, symbol), []) if one.start >= begun]
            for part in parts:
                kept = found.setdefault((tier, symbol), [])
                if kept and kept[-1].start == begun:
                    kept[-1] = kept[-1].then(part)
                else:
                    kept.append(_starting(begun, part))
    return found


def tier_of(seconds: int) -> int:
    """The longest candles that are kept which such ones can be made of; the shortest, if none."""
    return max((tier for tier in TIERS if seconds % tier == 0), default=TIERS[0])


def _candles(panel: Bars, symbol: str) -> list[Candle]:
    column = panel.symbols.index(symbol)
    length = panel.interval_s * SECOND_NS
    halves = (np.nan_to_num(panel.spread[:, column]) / 2.0).tolist()
    volumes = np.nan_to_num(panel.volume[:, column]).tolist()
    found = []
    for row in np.flatnonzero(~np.isnan(panel.close[:, column])).tolist():
        mid = Ohlc(
            *(
                float(values[row, column])
                for values in (panel.open, panel.high, panel.low, panel.close)
            )
        )
        half = halves[row]
        found.append(
            Candle(
                start=int(panel.time[row]) - length,
                volume=int(volumes[row]),
                bid=mid.moved(-half),
                ask=mid.moved(half),
                mid=mid,
            )
        )
    return found


def _starting(start: int, part: Candle) -> Candle:
    return Candle(start=start, volume=part.volume, bid=part.bid, ask=part.ask, mid=part.mid)
