"""Hypothesis strategies for random panels of bars, and the memory layouts they may arrive in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from market.bars import VALUE_FIELDS, Bars, Floats

SYMBOLS = (
    "EUR_USD", "GBP_USD", "AUD_USD", "NZD_USD", "USD_JPY", "USD_CHF", "USD_CAD", "USD_SEK",
    "USD_NOK", "EUR_GBP", "EUR_JPY", "GBP_JPY", "AUD_JPY", "EUR_CHF", "CHF_JPY", "CAD_JPY",
    "NZD_JPY", "EUR_AUD", "EUR_CAD", "AUD_NZD",
)  # fmt: skip
LAYOUTS = ("copy", "rows of a buffer", "columns of a buffer", "fortran order")
FIRST_TIME = 1_600_000_000 * 10**9


def random_walk(rng: np.random.Generator, rows: int, columns: int) -> Floats:
    """Prices (rows, columns): log walks whose volatility clusters, on different price levels."""
    clusters = np.exp(0.3 * rng.normal(size=(rows, columns)).cumsum(axis=0) / np.sqrt(rows))
    returns = 0.006 * clusters * rng.standard_t(4, size=(rows, columns))
    prices: Floats = np.exp(returns.cumsum(axis=0)) * 10.0 ** rng.integers(-3, 4, size=columns)
    return prices


def panel(close: Floats, symbols: tuple[str, ...] | None = None, interval_s: int = 3600) -> Bars:
    """Bars of closes (T, N); open, high and low equal the close, as at a fixing."""
    rows, columns = close.shape
    return Bars(
        symbols=SYMBOLS[:columns] if symbols is None else symbols,
        time=FIRST_TIME + np.arange(1, rows + 1, dtype=np.int64) * interval_s * 10**9,
        open=close.copy(),
        high=close.copy(),
        low=close.copy(),
        close=close.copy(),
        spread=close * 1e-4,
        volume=np.full(close.shape, np.nan),
        interval_s=interval_s,
        has_extremes=False,
    )


def laid_out(bars: Bars, layout: str) -> Bars:
    """The same values in another memory layout."""
    rows, columns = bars.shape

    def moved(values: Floats) -> Floats:
        if layout == "rows of a buffer":
            buffer = np.full((rows + 5, columns), 7.0)
            view = buffer[3 : rows + 3]
        elif layout == "columns of a buffer":
            buffer = np.full((rows, columns + 3), 7.0)
            view = buffer[:, 2 : columns + 2]
        elif layout == "fortran order":
            view = np.full((columns, rows), 7.0).T
        else:
            view = np.full((rows, columns), 7.0)
        view[:] = values
        return view

    fields: dict[str, Any] = {name: moved(getattr(bars, name)) for name in VALUE_FIELDS}
    return replace(bars, **fields)


@st.composite
def panels(draw: st.DrawFn, min_rows: int = 1, max_rows: int = 400, gaps: bool = True) -> Bars:
    """Panels of 1, 7 or 20 instruments: walks with missing prices, gaps and stretches of calm."""
    rows = draw(st.integers(min_rows, max_rows))
    columns = draw(st.sampled_from((1, 7, 20)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    close = random_walk(rng, rows, columns)
    for _ in range(draw(st.integers(0, 2))):
        start, column = int(rng.integers(rows)), int(rng.integers(columns))
        close[start : start + int(rng.integers(1, 80)), column] = close[start, column]
    if gaps:
        close[rng.random((rows, columns)) < draw(st.sampled_from((0.0, 0.001, 0.02)))] = np.nan
        for _ in range(draw(st.integers(0, 3))):
            start, column = int(rng.integers(rows)), int(rng.integers(columns))
            close[start : start + int(rng.integers(1, 12)), column] = np.nan
    return laid_out(panel(close), draw(st.sampled_from(LAYOUTS)))
