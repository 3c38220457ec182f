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
    unknown. of: (1,) the column left out of it, or STALE. held, value: (M,) the columns in it and
    their signed values. change: (W,) returns of the column that is judged.
    weight: (W,) of a bar in the deviation, newest last. worst: (K,) the lowest profits, lowest
    first.
    """

    profit: Floats
    of: Indices
    held: Indices
    value: Floats
    change: Floats
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
        value=np.zeros(instruments),
        change=np.full(window, np.nan),
        weight=limits.var_decay ** np.arange(window - 1.0, -1.0, -1.0),
        worst=np.zeros(max(int(np.ceil(window * (1.0 - CONFIDENCE))), 1)),
    )


@lean_kernel
def fill_profit(
    book: Book, marks: Marks, returns: Floats, row: int, tail: Tail, left_out: int
) -> None:
    """Profit of every position but that in `left_out` on each bar of the window ending at `row`.

    Bars before the first row of the data are NaN. Four positions are added in one pass.
    """
    count = 0
    for other in range(returns.shape[1]):
        if book.units[other] != 0.0 and other != left_out:
            tail.held[count] = other
            tail.value[count] = book.units[other] * marks.mid[other] * marks.rate[other]
            count += 1
    window = tail.profit.shape[0]
    first = row + 1 - window
    missing = min(max(-first, 0), window)
    for t in range(missing):
        tail.profit[t] = np.nan
    for t in range(missing, window):
        tail.profit[t] = 0.0
    whole = count // 4 * 4
    for k in range(0, whole, 4):
        a, b, c, d = tail.held[k], tail.held[k + 1], tail.held[k + 2], tail.held[k + 3]
        u, v, w, x = tail.value[k], tail.value[k + 1], tail.value[k + 2], tail.value[k + 3]
        for t in range(missing, window):
            at = first + t
            near, far = u * returns[at, a] + v * returns[at, b], w * returns[at, c]
            tail.profit[t] += near + (far + x * returns[at, d])
    for k in range(whole, count):
        other, value = tail.held[k], tail.value[k]
        for t in range(missing, window):
            tail.profit[t] += value * returns[first + t, other]
    tail.of[0] = left_out


@lean_kernel
def deviation_beside(tail: Tail, returns: Floats, row: int, column: int) -> Deviation:
    """The sums that the deviation of the book with any size in `column` follows from.

    The returns of the column are left in `tail.change`. Even and odd bars apart: one sum would
    wait for itself.
    """
    window = tail.profit.shape[0]
    first = row + 1 - window
    start = min(max(-first, 0), window)
    for t in range(start):
        tail.change[t] = np.nan
    book, joint, own, weight = 0.0, 0.0, 0.0, 0.0
    odd_book, odd_joint, odd_own, odd_weight = 0.0, 0.0, 0.0, 0.0
    even = start + (window - start) // 2 * 2
    for t in range(start, even, 2):
        profit, change, w = tail.profit[t], returns[first + t, column], tail.weight[t]
        tail.change[t] = change
        weighted = w * change
        book += w * profit * profit
        joint += weighted * profit
        own += weighted * change
        weight += w
        profit, change, w = tail.profit[t + 1], returns[first + t + 1, column], tail.weight[t + 1]
        tail.change[t + 1] = change
        weighted = w * change
        odd_book += w * profit * profit
        odd_joint += weighted * profit
        odd_own += weighted * change
        odd_weight += w
    if even < window:
        profit, change, w = tail.profit[even], returns[first + even, column], tail.weight[even]
        tail.change[even] = change
        book += w * profit * profit
        joint += w * change * profit
        own += w * change * change
        weight += w
    sums = Deviation(
        book + odd_book, joint + odd_joint, own + odd_own, weight + odd_weight, window - start
    )
    return deviation_of_known(tail) if np.isnan(sums.book + sums.own) else sums


@lean_kernel
def deviation_of_known(tail: Tail) -> Deviation:
    """The sums over those bars alone on which both are known."""
    book, joint, own, weight, known = 0.0, 0.0, 0.0, 0.0, 0
    for t in range(tail.profit.shape[0]):
        profit, change, w = tail.profit[t], tail.change[t], tail.weight[t]
        if not np.isnan(profit + change):
            book += w * profit * profit
            joint += w * change * profit
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
def tail_count(known: int) -> int:
    """How many of the bars known lie in the tail at 99 %; the least of their losses is the value
    at risk.

    The order statistic ⌈known·(1 − c)⌉ from below, not interpolated: of 250 bars the third lowest.
    """
    return max(int(np.ceil(known * (1.0 - CONFIDENCE) - 1e-9)), 1)


@lean_kernel
def is_historical_loss_above(
    tail: Tail, value: float, known: int, loss: float, limits: RiskLimits
) -> bool:
    """Whether `historical_loss` is above a positive amount; counting takes less than ordering."""
    lowest = -loss / np.sqrt(limits.day_bars)
    below = 0
    for t in range(tail.profit.shape[0]):
        below += tail.profit[t] + value * tail.change[t] < lowest
    return below >= tail_count(known)


@lean_kernel
def historical_loss(tail: Tail, value: float, known: int, limits: RiskLimits) -> float:
    """Loss of a day at 99 % with a position of this signed value, never negative: the order
    statistic of `tail_count`. The column's returns are in `tail.change`.
    """
    count = tail_count(known)
    worst = tail.worst
    for k in range(count):
        worst[k] = np.inf
    for t in range(tail.profit.shape[0]):
        profit = tail.profit[t] + value * tail.change[t]
        if profit < worst[count - 1]:
            place = count - 1
            while place > 0 and worst[place - 1] > profit:
                worst[place] = worst[place - 1]
                place -= 1
            worst[place] = profit
    loss: float = max(-worst[count - 1], 0.0) * np.sqrt(limits.day_bars)
    return loss


@lean_kernel
def enter_position(tail: Tail, value: float) -> None:
    """Add the position that was judged last and approved to the profit of the others.

    Its returns are in `tail.change`; nothing is done where the profit is of another book.
    """
    if tail.of[0] == STALE:
        return
    for t in range(tail.profit.shape[0]):
        tail.profit[t] += value * tail.change[t]
    tail.of[0] = NOBODY
