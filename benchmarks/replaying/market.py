"""A made-up market of minutes: seeded log walks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from market.bars import Bars, utc
from market.instruments import Instrument, fx_pair

MINUTE_S = 60
FIRST_NS = 1_600_000_000 * 10**9
MOVE = 2e-4
"""Deviation of a minute's return."""
SPREAD = 2e-5
"""Spread as a fraction of price: a tenth of the move."""


def instruments(count: int) -> tuple[Instrument, ...]:
    """So many pairs against the dollar, of currencies that there are not."""
    return tuple(fx_pair(f"X{n:02d}", "USD", spread_pips=0.2) for n in range(count))


def walk(rows: int, count: int, seed: int = 1) -> Bars:
    """Minutes of independent walks, float64, with open, high, low and close."""
    rng = np.random.default_rng(seed)
    close = np.exp((MOVE * rng.standard_normal((rows, count))).cumsum(axis=0))
    opened = np.vstack([np.ones((1, count)), close[:-1]])
    reach = 0.5 * MOVE * np.abs(rng.standard_normal((2, rows, count)))
    return Bars(
        symbols=tuple(instrument.symbol for instrument in instruments(count)),
        time=FIRST_NS + MINUTE_S * 10**9 * np.arange(1, rows + 1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * (1.0 + reach[0]),
        low=np.minimum(opened, close) * (1.0 - reach[1]),
        close=close,
        spread=SPREAD * close,
        volume=np.full(close.shape, np.nan),
        interval_s=MINUTE_S,
    )


def write_parquet(bars: Bars, folder: Path) -> None:
    """One file an instrument, as a feed reads them; times mark the start of a bar."""
    times = pd.to_datetime(bars.time - MINUTE_S * 10**9, utc=True)
    for column, symbol in enumerate(bars.symbols):
        frame = {name: getattr(bars, name)[:, column] for name in ("open", "high", "low", "close")}
        pd.DataFrame({"time": times, **frame}).to_parquet(folder / f"{symbol}.parquet")


def span(bars: Bars) -> str:
    """In words, how large a panel is."""
    days = (bars.time[-1] - bars.time[0]) / 86_400e9
    return (
        f"{len(bars):,} minutes × {bars.shape[1]} from {utc(bars.time[0]):%Y-%m-%d}, {days:.0f} d"
    )
