"""Panels made from another one: shortened, shifted, with another future, with missing prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from agents.law import Part
from market.bars import PRICE_FIELDS, VALUE_FIELDS, Bars, Floats

MAGNIFIED = 1e6
LONGEST_GAP = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """A panel on which the votes of some rows must be what they were on the panel it comes from.

    part: how it was altered. cut: the row of the original that the alteration turns on: the last
    one kept, or where the panel now starts. row: first row of the original whose votes are
    compared. at: the row of `bars` that it stands at. rows: how many are compared.
    """

    part: Part
    cut: int
    bars: Bars
    row: int
    at: int
    rows: int


def truncated(bars: Bars, cut: int) -> Altered:
    """Without the rows after `cut`."""
    return _same_past("truncated", cut, bars.rows(0, cut + 1))


def emptied(bars: Bars, cut: int) -> Altered:
    """No price, spread or volume after `cut`."""
    nothing = np.full((len(bars) - cut - 1, bars.shape[1]), np.nan)
    return _same_past("emptied", cut, _with_future(bars, dict.fromkeys(VALUE_FIELDS, nothing)))


def magnified(bars: Bars, cut: int) -> Altered:
    """Everything after `cut` times a million."""
    later = {name: MAGNIFIED * getattr(bars, name)[cut + 1 :] for name in VALUE_FIELDS}
    return _same_past("magnified", cut, _with_future(bars, later))


def diverted(bars: Bars, cut: int, rng: np.random.Generator) -> Altered:
    """After `cut` a random walk from the last price, of each instrument's own volatility.

    An instrument without a price up to `cut` has none after it. Volumes are drawn from its own.
    """
    steps = len(bars) - cut - 1
    start, sigma = _last_known(bars.close[: cut + 1]), _volatility(bars.close)
    path = np.vstack(
        [start, start * np.exp((sigma * rng.standard_normal((steps, len(sigma)))).cumsum(axis=0))]
    )
    reach = sigma * np.abs(rng.standard_normal((2, steps, len(sigma))))
    opened, close = path[:-1], path[1:]
    if bars.has_extremes:
        high = np.maximum(opened, close) * np.exp(reach[0])
        low = np.minimum(opened, close) * np.exp(-reach[1])
    else:
        opened = high = low = close
    relative = np.abs(rng.permutation(bars.spread / bars.close, axis=0)[:steps])
    later = {
        "open": opened, "high": high, "low": low, "close": close, "spread": relative * close,
        "volume": rng.permutation(bars.volume, axis=0)[:steps],
    }  # fmt: skip
    return _same_past("diverted", cut, _with_future(bars, later))


def window(bars: Bars, row: int, length: int, part: Part = "window") -> Altered:
    """The `length` rows that end with `row`, where so many are there; its vote is compared."""
    start = max(row + 1 - length, 0)
    panel = bars.rows(start, row + 1)
    return Altered(part=part, cut=row, bars=panel, row=row, at=row - start, rows=1)


def shifted(bars: Bars, start: int, lookback: int) -> Altered:
    """From row `start` on; the votes whose lookback lies inside are compared."""
    row = start + lookback - 1
    return Altered(
        part="shifted",
        cut=start,
        bars=bars.rows(start, len(bars)),
        row=row,
        at=lookback - 1,
        rows=len(bars) - row,
    )


def unaltered(bars: Bars, part: Part) -> Altered:
    """The panel as it is, every vote compared."""
    return Altered(part=part, cut=0, bars=bars, row=0, at=0, rows=len(bars))


def with_gaps(bars: Bars, rows: list[int], rng: np.random.Generator) -> Bars:
    """The same bars with prices missing around `rows`, in about half of the instruments each.

    A gap spans a row, and ends up to four rows before or after it: what fills it from later
    bars differs when they are gone.
    """
    missing = np.zeros(bars.shape, dtype=np.bool_)
    half = LONGEST_GAP // 2
    for row in rows:
        before, after = rng.integers(0, half + 1, size=(2, bars.shape[1]))
        for column in np.flatnonzero(rng.random(bars.shape[1]) < 0.5):
            missing[max(row - before[column], 0) : row + after[column] + 1, column] = True
    return _without(bars, missing)


def with_bridges(panel: Altered, lookback: int, longest: int = LONGEST_GAP) -> Altered:
    """A window with prices missing right after the oldest bar of its last row's lookback.

    Gaps are 1 to `longest` rows long, by row and column in turn: an agent that bridges gaps
    needs just then the oldest bar that it says it needs. Windows of any length that end with the
    same row miss the same prices.
    """
    bars = panel.bars
    missing = np.zeros(bars.shape, dtype=np.bool_)
    after = len(bars) + 1 - lookback
    for column in range(bars.shape[1]):
        length = 1 + (panel.row + column) % longest
        missing[max(after, 0) : max(after + length, 0), column] = True
    return replace(panel, bars=_without(bars, missing))


def _same_past(part: Part, cut: int, bars: Bars) -> Altered:
    return Altered(part=part, cut=cut, bars=bars, row=0, at=0, rows=cut + 1)


def _with_future(bars: Bars, later: dict[str, Floats]) -> Bars:
    changed: dict[str, Any] = {}
    for name, values in later.items():
        known: Floats = getattr(bars, name)
        changed[name] = np.concatenate([known[: len(known) - len(values)], values])
    return replace(bars, **changed)


def _without(bars: Bars, missing: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Bars:
    names = (*PRICE_FIELDS, "spread")
    changed: dict[str, Any] = {
        name: np.where(missing, np.nan, getattr(bars, name)) for name in names
    }
    return replace(bars, **changed)


def _last_known(close: Floats) -> Floats:
    """(N,) the last price of each column; NaN where there is none."""
    last = np.full(close.shape[1], np.nan)
    for row in close:
        last = np.where(np.isnan(row), last, row)
    return last


def _volatility(close: Floats) -> Floats:
    """(N,) standard deviation of log changes; 1 % where there are too few."""
    sigma = np.full(close.shape[1], 0.01)
    for column, values in enumerate(close.T):
        changes = np.diff(np.log(values[~np.isnan(values)]))
        if len(changes) > 1 and changes.std() > 0.0:
            sigma[column] = changes.std()
    return sigma
