"""Relative strength index and MACD histogram over finite taps.

The recursions of the textbooks never forget; here their weights end after a stated number of
bars and are normalised over these (`averages.fading_taps` says how many leave nothing to see).

Series, panels, `out` and `work` as in `averages`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import fading_taps, fill_average, fill_sum, span_decay, wilder_decay
from agents.indicators.panel import by_series
from agents.indicators.returns import fill_change
from market.bars import Floats
from market.compiled import kernel

NET_STRENGTH_WORK = 4
MACD_WORK = 4


class Taps(NamedTuple):
    """An exponential average: its factor a bar and the bars it covers."""

    decay: float
    taps: int


@kernel
def fill_moves(newer: Floats, older: Floats, moves: Floats, sizes: Floats) -> None:
    """Changes, and their sizes."""
    for i in range(moves.size):
        move = newer[i] - older[i]
        moves[i] = move
        sizes[i] = move if not move < 0.0 else -move


@kernel
def fill_share_of_moves(total: Floats, out: Floats) -> None:
    """Divide sums of changes by those of their sizes; NaN where nothing moved."""
    for i in range(out.size):
        out[i] = out[i] / (total[i] if total[i] > 0.0 else np.nan)


@kernel
def fill_net_strength(prices: Floats, average: Taps, out: Floats, work: Floats) -> None:
    """Average change over average absolute change, in [-1, 1]: RSI / 50 - 1. work: 4 rows.

    NaN where the price never moved.
    """
    moves = work[2][: min(out.size + average.taps - 1, prices.size)]
    total = work[3][: out.size]
    fill_change(prices, 1, moves)
    fill_sum(moves, average.decay, average.taps, out, work)
    for i in range(moves.size):
        moves[i] = moves[i] if not moves[i] < 0.0 else -moves[i]
    fill_sum(moves, average.decay, average.taps, total, work)
    fill_share_of_moves(total, out)


@kernel
def fill_macd_histogram(
    prices: Floats, fast: Taps, slow: Taps, signal: Taps, out: Floats, work: Floats
) -> None:
    """`macd_histogram` of a series. work: 4 rows."""
    count = min(out.size + signal.taps - 1, prices.size)
    line, smooth = work[2][:count], work[3][:count]
    fill_average(prices, fast.decay, fast.taps, line, work)
    fill_average(prices, slow.decay, slow.taps, smooth, work)
    for i in range(count):
        line[i] = line[i] - smooth[i]
    fill_average(line, signal.decay, signal.taps, smooth[: out.size], work)
    newest = line[count - out.size :]
    for i in range(out.size):
        out[i] = newest[i] - smooth[i]


def wilder_taps(length: int) -> Taps:
    """Wilder's smoothing over `length` bars, cut where an RSI keeps nine decimals."""
    return Taps(wilder_decay(length), fading_taps(wilder_decay(length), 1e-11))


def span_taps(span: int) -> Taps:
    """Exponential average of `span` bars, cut where a price keeps nine digits."""
    return Taps(span_decay(span), fading_taps(span_decay(span), 1e-9))


def relative_strength_index(prices: Floats, length: int = 14) -> Floats:
    """RSI in [0, 100]: 100 · average gain / (average gain + average loss).

    Wilder's smoothing (New Concepts in Technical Trading Systems, 1978, section VI). NaN where
    the price never moved.
    """
    average = wilder_taps(length)

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        fill_net_strength(series, average, out, work)

    return 50.0 + 50.0 * by_series(prices, NET_STRENGTH_WORK, fill)


def macd_histogram(prices: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> Floats:
    """MACD line minus its signal line, in price units (Appel 1979; histogram: Aspray 1986).

    The line is the exponential average of `fast` bars minus the one of `slow` bars, the signal
    the line's own of `signal` bars. It needs the slow average's taps plus the signal's, less 1.
    """
    averages = span_taps(fast), span_taps(slow), span_taps(signal)

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        fill_macd_histogram(series, *averages, out, work)

    return by_series(prices, MACD_WORK, fill)
