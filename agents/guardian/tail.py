"""What a day may cost the book as it would stand after an order: deviation and historical tail.

Everything is measured on the profit that today's positions would have made on each bar of the
window, and carried from a bar to a day by the square root of the bars in it. A bar on which one of
the positions has no return is left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.exposure import Book
from agents.guardian.limits import RiskLimits
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Indices
from market.marks import Marks

CONFIDENCE = 0.99


class Tail(NamedTuple):
    """Working memory of the measures.

    profit: (W,) of the book on each bar of the window, account currency, newest last; NaN where
    unknown. of: (1,) the column left out of it, or STALE. held: (M,) the columns in it.
    weight: (W,) of a bar in the deviation, newest last. worst: (K,) the lowest profits, lowest
    first.
    """

    profit: Floats
    of: Indices
    held: Indices
    weight: Floats
    worst: Floats


NOBODY, STALE = -1, -2


class Deviation(NamedTuple):
    """Σ w·p², Σ w·p·r, Σ w·r² and Σ w over the bars where both are known; p: profit of the book,
    r: return of the instrument. known: how many bars.
    """

    book: float
    joint: float
    own: float
    weight: float
    known: int


def empty_tail(instruments: int, limits: RiskLimits) -> Tail:
    """Working memory for a desk of `instruments` columns."""
    window = limits.var_window
    return Tail(
        profit=np.full(window, np.nan),
        of=np.full(1, STALE, dtype=np.int64),
        held=np.zeros(instruments, dtype=np.int64),
        weight=limits.var_decay ** np.arange(window - 1.0, -1.0, -1.0),
        worst=np.zeros(tail_count(window)),
    )


def tail_count(window: int) -> int:
    """Observations in the tail of `window` at 99 %; the least of them is the value at risk.

    The order statistic ⌈T·(1 − c)⌉ from below, not interpolated: of 250 bars the third lowest.
    """
    return max(int(np.ceil(window * (1.0 - CONFIDENCE) - 1e-9)), 1)


@lean_kernel
def fill_profit(
    book: Book, marks: Marks, returns: Floats, row: int, tail: Tail, left_out: int
) -> None:
    """Profit of every position but that in `left_out` on each bar of the window ending at `row`.

    Bars before the first row of the data are NaN.
    """
    count = 0
    for other in range(returns.shape[1]):
        if book.units[other] != 0.0 and other != left_out:
            tail.held[count] = other
            count += 1
    window = tail.profit.shape[0]
    first = row + 1 - window
    for t in range(window):
        at = first + t
        profit = 0.0 if at >= 0 else np.nan
        for k in range(count if at >= 0 else 0):
            other = tail.held[k]
            value = book.units[other] * marks.mid[other] * marks.rate[other]
            profit += value * returns[at, other]
        tail.profit[t] = profit
    tail.of[0] = left_out


@lean_kernel
def deviation_beside(tail: Tail, returns: Floats, row: int, column: int) -> Deviation:
    """The sums that the deviation of the book with any size in `column` follows from."""
    window = tail.profit.shape[0]
    first = row + 1 - window
    book, joint, own, weight, known = 0.0, 0.0, 0.0, 0.0, 0
    for t in range(max(-first, 0), window):
        profit, change = tail.profit[t], returns[first + t, column]
        if np.isnan(profit + change):
            continue
        w = tail.weight[t]
        book += w * profit * profit
        joint += w * profit * change
        own += w * change * change
        weight += w
        known += 1
    return Deviation(book, joint, own, weight, known)


@lean_kernel
def day_deviation(sums: Deviation, value: float, limits: RiskLimits) -> float:
    """Standard deviation of a day's profit with a position of this signed value, account currency.

    Weighted, about zero. NaN with fewer known bars than a correlation is measured on.
    """
    if sums.known < min(limits.correlation_window, limits.var_window):
        return np.nan
    square = sums.book + 2.0 * value * sums.joint + value * value * sums.own
    result: float = np.sqrt(max(square, 0.0) / sums.weight * limits.day_bars)
    return result


@lean_kernel
def historical_loss(
    tail: Tail, returns: Floats, row: int, column: int, value: float, known: int, limits: RiskLimits
) -> float:
    """Loss of a day at 99 % with a position of this signed value in `column`, never negative.

    The order statistic ⌈known·(1 − c)⌉ of the bars known.
    """
    window = tail.profit.shape[0]
    first = row + 1 - window
    count = max(int(np.ceil(known * (1.0 - CONFIDENCE) - 1e-9)), 1)
    worst = tail.worst
    for k in range(count):
        worst[k] = np.inf
    for t in range(max(-first, 0), window):
        profit = tail.profit[t] + value * returns[first + t, column]
        if profit < worst[count - 1]:
            place = count - 1
            while place > 0 and worst[place - 1] > profit:
                worst[place] = worst[place - 1]
                place -= 1
            worst[place] = profit
    loss: float = max(-worst[count - 1], 0.0) * np.sqrt(limits.day_bars)
    return loss


@lean_kernel
def enter_position(tail: Tail, returns: Floats, row: int, column: int, value: float) -> None:
    """Add a position that was approved to the profit of the others, where that is at hand."""
    if tail.of[0] == STALE:
        return
    first = row + 1 - tail.profit.shape[0]
    for t in range(max(-first, 0), tail.profit.shape[0]):
        tail.profit[t] += value * returns[first + t, column]
    tail.of[0] = NOBODY
