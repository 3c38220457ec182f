"""Relative strength index and MACD histogram over finite taps.

The recursions of the textbooks never forget; here their weights end after a stated number of
bars and are normalised over these (`averages.fading_taps` says how many leave nothing to see).

Panels are (T, N) float64, oldest row first. A window that is not full, or that holds a NaN,
gives NaN. The `fill_` kernels work as those of `averages`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import fading_taps, fill_average, span_decay, wilder_decay
from agents.indicators.panel import flat_copy, scratch
from agents.indicators.returns import fill_change
from market.bars import Floats
from market.compiled import kernel

NET_STRENGTH_WORK = 5
MACD_WORK = 5


class Taps(NamedTuple):
    """An exponential average: its factor a bar and the bars it covers."""

    decay: float
    taps: int


@kernel
def fill_net_strength(
    prices: Floats, columns: int, average: Taps, out: Floats, work: Floats
) -> None:
    """Average change over average absolute change, in [-1, 1]: RSI / 50 - 1. work: 5 rows.

    NaN where the price never moved.
    """
    size = prices.size
    moves, total = work[3][:size], work[4][:size]
    fill_change(prices, columns, moves)
    fill_average(moves, columns, average.decay, average.taps, out, work)
    for i in range(size):
        moves[i] = moves[i] if not moves[i] < 0.0 else -moves[i]
    fill_average(moves, columns, average.decay, average.taps, total, work)
    for i in range(size):
        out[i] = out[i] / (total[i] if total[i] > 0.0 else np.nan)


@kernel
def fill_macd_histogram(
    prices: Floats, columns: int, fast: Taps, slow: Taps, signal: Taps, out: Floats, work: Floats
) -> None:
    """`macd_histogram` of a flat panel. work: 5 rows."""
    size = prices.size
    line, smooth = work[3][:size], work[4][:size]
    fill_average(prices, columns, fast.decay, fast.taps, line, work)
    fill_average(prices, columns, slow.decay, slow.taps, smooth, work)
    for i in range(size):
        line[i] = line[i] - smooth[i]
    fill_average(line, columns, signal.decay, signal.taps, smooth, work)
    for i in range(size):
        out[i] = line[i] - smooth[i]


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
    flat, out = flat_copy(prices), np.empty(prices.shape)
    work = scratch(NET_STRENGTH_WORK, flat.size)
    fill_net_strength(flat, prices.shape[1], wilder_taps(length), out.reshape(-1), work)
    return 50.0 + 50.0 * out


def macd_histogram(prices: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> Floats:
    """MACD line minus its signal line, in price units (Appel 1979; histogram: Aspray 1986).

    The line is the exponential average of `fast` bars minus the one of `slow` bars, the signal
    the line's own of `signal` bars. It needs the slow average's taps plus the signal's, less 1.
    """
    flat, out = flat_copy(prices), np.empty(prices.shape)
    work = scratch(MACD_WORK, flat.size)
    fill_macd_histogram(
        flat, prices.shape[1], span_taps(fast), span_taps(slow), span_taps(signal),
        out.reshape(-1), work,
    )  # fmt: skip
    return out
