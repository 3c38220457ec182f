"""Moving averages and sums over finite windows, built by doubling.

The average over 2k bars is the average over the newest k joined to the one over the k before,
that over 2k + 1 takes one bar more: every result is one fixed expression tree over its own
window, whatever panel it is computed in, at a cost of O(log window) passes. A join moves from the
newer average towards the older by the older one's share of the weight, so that a constant series
averages to itself exactly. A sum is a flop less a join, and does for what is never subtracted.

Series are float64, oldest value first; a window that is not full, or that holds a NaN, gives
NaN. The `fill_` kernels fill `out` with the results for the last values of a series, as many as
`out` is long; it is none of their inputs. `work` is scratch of as many rows as they say, each as
long as the series; the first ones are overwritten. The plain functions take panels (T, N).
"""

from __future__ import annotations

import math

import numpy as np

from agents.indicators.panel import by_series, tile_size
from market.bars import Floats
from market.compiled import kernel

AVERAGE_WORK = 2


def fading_taps(decay: float, tail: float) -> int:
    """Bars after which an exponential average of factor `decay` a bar has weight `tail` left.

    An average over that many bars agrees with the infinite recursion to about `tail` times the
    spread of the series. 0 < decay < 1. Rounded up to a number of at most two binary digits:
    each further one would cost work.
    """
    taps = max(1, math.ceil(math.log(tail) / math.log(decay)))
    while taps.bit_count() > 2:
        taps += taps & -taps
    return taps


def span_decay(span: int) -> float:
    """Factor a bar of an exponential average of `span` bars: 1 - 2/(span + 1)."""
    return (span - 1.0) / (span + 1.0)


def wilder_decay(length: int) -> float:
    """Factor a bar of Wilder's smoothing over `length` bars: 1 - 1/length (Wilder 1978)."""
    return (length - 1.0) / length


@kernel
def leading_digit(number: int) -> int:
    """The largest power of two that is not above a positive number."""
    digit = 1
    while 2 * digit <= number:
        digit *= 2
    return digit


@kernel
def fill_unknown(size: int, window: int, out: Floats) -> int:
    """NaN in `out`, the results for the last of `size` values, until the window is full.

    Answers the index from which it is.
    """
    full = min(max(window - 1 - (size - out.size), 0), out.size)
    for i in range(full):
        out[i] = np.nan
    return full


@kernel
def history(values: Floats, size: int, start: int, stop: int, window: int) -> Floats:
    """The values that results `start` to `stop` of the last `size` ones depend on."""
    begin = values.size - size + start - window + 1
    return values[begin : begin + window - 1 + stop - start]


@kernel
def older_share(covered_decay: float, step_decay: float, covered: int, step: int) -> float:
    """Weight of `step` older bars in the average of them and of `covered` newer ones."""
    if step_decay == 1.0:
        return step / (covered + step)
    older_weight = covered_decay * (1.0 - step_decay)
    return older_weight / (1.0 - covered_decay * step_decay)


@kernel
def join_average(newer: Floats, older: Floats, share: float, out: Floats) -> None:
    """Averages over both of two windows that follow each other."""
    for i in range(out.size):
        out[i] = newer[i] + share * (older[i] - newer[i])


@kernel
def join_average_and_one(
    newer: Floats, older: Floats, last: Floats, share: float, last_share: float, out: Floats
) -> None:
    """As `join_average`, and the one value before those, with its share of the whole."""
    for i in range(out.size):
        both = newer[i] + share * (older[i] - newer[i])
        out[i] = both + last_share * (last[i] - both)


@kernel
def average_tile(values: Floats, decay: float, taps: int, out: Floats, work: Floats) -> None:
    """Averages for the last values, as many as `out` is long; all windows are full.

    Follows the binary digits of `taps` from the highest: doubles, and takes one value more
    where the digit is 1.
    """
    level, spare, idle = values, work[0], work[1]
    one = min(taps, 1)  # a literal would have the callees compiled once more
    covered, covered_decay = one, decay
    digit = leading_digit(taps) // 2
    if digit == 0:
        for i in range(out.size):
            out[i] = values[i]
    while digit > 0:
        share = older_share(covered_decay, covered_decay, covered, covered)
        both, both_decay = 2 * covered, covered_decay * covered_decay
        if taps & digit:
            count = values.size - both
            target = out if digit == 1 else spare[:count]
            last_share = older_share(both_decay, decay, both, one)
            newer, older = level[covered + 1 :], level[1:]
            join_average_and_one(newer, older, values, share, last_share, target)
            both, both_decay = both + 1, both_decay * decay
        else:
            count = values.size - both + 1
            target = out if digit == 1 else spare[:count]
            join_average(level[covered:], level, share, target)
        covered, covered_decay = both, both_decay
        level, spare, idle = target, idle, spare
        digit //= 2


@kernel
def fill_average(values: Floats, decay: float, taps: int, out: Floats, work: Floats) -> None:
    """`exponential_average` of a series. work: 2 rows."""
    full = fill_unknown(values.size, taps, out)
    tile = tile_size(out.size - full)
    for start in range(full, out.size, tile):
        stop = min(start + tile, out.size)
        needed = history(values, out.size, start, stop, taps)
        average_tile(needed, decay, taps, out[start:stop], work)


@kernel
def join_sum(newer: Floats, older: Floats, weight: float, out: Floats) -> None:
    """Sums over both of two windows that follow each other, the older one's weighed."""
    for i in range(out.size):
        out[i] = newer[i] + weight * older[i]


@kernel
def join_sum_and_one(
    newer: Floats, older: Floats, last: Floats, weight: float, last_weight: float, out: Floats
) -> None:
    """As `join_sum`, and the one value before those."""
    for i in range(out.size):
        out[i] = (newer[i] + weight * older[i]) + last_weight * last[i]


@kernel
def sum_tile(values: Floats, decay: float, taps: int, out: Floats, work: Floats) -> None:
    """Sums for the last values, as `average_tile` averages."""
    level, spare, idle = values, work[0], work[1]
    covered, weight = min(taps, 1), decay  # the weight of the value that follows those covered
    digit = leading_digit(taps) // 2
    if digit == 0:
        for i in range(out.size):
            out[i] = values[i]
    while digit > 0:
        both, both_weight = 2 * covered, weight * weight
        if taps & digit:
            target = out if digit == 1 else spare[: values.size - both]
            newer, older = level[covered + 1 :], level[1:]
            join_sum_and_one(newer, older, values, weight, both_weight, target)
            both, both_weight = both + 1, both_weight * decay
        else:
            target = out if digit == 1 else spare[: values.size - both + 1]
            join_sum(level[covered:], level, weight, target)
        covered, weight = both, both_weight
        level, spare, idle = target, idle, spare
        digit //= 2


@kernel
def fill_sum(values: Floats, decay: float, taps: int, out: Floats, work: Floats) -> None:
    """Sum of the last `taps` values with weights decay**age. work: 2 rows."""
    full = fill_unknown(values.size, taps, out)
    tile = tile_size(out.size - full)
    for start in range(full, out.size, tile):
        stop = min(start + tile, out.size)
        needed = history(values, out.size, start, stop, taps)
        sum_tile(needed, decay, taps, out[start:stop], work)


@kernel
def whole_weight(decay: float, taps: int) -> float:
    """What the weights of `fill_sum` add up to, for values that are all 1."""
    weight, total = decay, 1.0
    digit = leading_digit(taps) // 2
    while digit > 0:
        total += weight * total
        weight *= weight
        if taps & digit:
            total += weight
            weight *= decay
        digit //= 2
    return total


def exponential_average(values: Floats, decay: float, taps: int) -> Floats:
    """Average of the last `taps` bars with weights decay**age, normalised over the taps.

    decay 1 is the simple average. taps ≥ 1.
    """

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        fill_average(series, decay, taps, out, work)

    return by_series(values, AVERAGE_WORK, fill)


def moving_average(values: Floats, window: int) -> Floats:
    """Simple average of the last `window` bars."""
    return exponential_average(values, 1.0, window)


def moving_sum(values: Floats, window: int) -> Floats:
    """Sum of the last `window` bars."""
    return moving_average(values, window) * window
