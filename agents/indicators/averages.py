"""Moving averages over finite windows, built by doubling.

An average over 2k bars is the average over the newest k joined to the one over the k before:
every output is one fixed expression tree over its own window, whatever panel it is computed
in, at a cost of O(log window) passes. A join moves from the newer average towards the older by
the older one's share of the weight, so that a constant series averages to itself exactly.

Panels are (T, N) float64, oldest row first. A window that is not full, or that holds a NaN,
gives NaN. The `fill_` kernels work on panels flattened row by row and write into `out`; `work`
is (K, ≥ T N) scratch, whose first rows they overwrite.
"""

from __future__ import annotations

import math

import numpy as np

from agents.indicators.panel import flat_copy, scratch
from market.bars import Floats
from market.compiled import kernel

AVERAGE_WORK = 3


def fading_taps(decay: float, tail: float) -> int:
    """Bars after which an exponential average of factor `decay` a bar has weight `tail` left.

    An average over that many bars agrees with the infinite recursion to about `tail` times the
    spread of the series. 0 < decay < 1. Rounded up to a number of at most two binary digits:
    each further one would cost a pass over the panel.
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
def copy_values(values: Floats, out: Floats) -> None:
    """out[i] = values[i] on flat arrays."""
    for i in range(values.size):
        out[i] = values[i]


@kernel
def join_average(newer: Floats, older: Floats, out: Floats, offset: int, share: float) -> None:
    """out[i] = newer[i] + share * (older[i - offset] - newer[i]) on flat arrays; NaN before.

    `out` is neither of the two: a loop over one array in two roles does not vectorise.
    """
    offset = min(offset, newer.size)
    near, far, target = newer[offset:], older[: newer.size - offset], out[offset:]
    for i in range(near.size):
        target[i] = near[i] + share * (far[i] - near[i])
    for i in range(offset):
        out[i] = np.nan


@kernel
def extend_average(average: Floats, older: Floats, offset: int, share: float) -> None:
    """average[i] += share * (older[i - offset] - average[i]) on flat arrays; NaN before."""
    offset = min(offset, average.size)
    near, far = average[offset:], older[: average.size - offset]
    for i in range(near.size):
        near[i] = near[i] + share * (far[i] - near[i])
    for i in range(offset):
        average[i] = np.nan


@kernel
def older_share(covered_decay: float, step_decay: float, covered: int, step: int) -> float:
    """Weight of `step` older bars in the average of them and of `covered` newer ones."""
    if step_decay == 1.0:
        return step / (covered + step)
    older_weight = covered_decay * (1.0 - step_decay)
    return older_weight / (1.0 - covered_decay * step_decay)


@kernel
def fill_average(
    values: Floats, columns: int, decay: float, taps: int, out: Floats, work: Floats
) -> None:
    """`exponential_average` of a flat panel. work: 3 rows.

    Follows the binary digits of `taps` from the lowest: the averages of powers of two that
    they name are put together, the newest bars first.
    """
    size = values.size
    level, spare, idle = values, work[0][:size], work[1][:size]
    total = work[2][:size]  # average of the newest `covered` bars
    covered, covered_decay = 0, 1.0
    step, step_decay = 1, decay  # bars that `level` averages, and the factor over them
    remaining = taps
    while remaining > 1:
        if remaining & 1:
            if covered == 0:
                copy_values(level, total)
            else:
                share = older_share(covered_decay, step_decay, covered, step)
                extend_average(total, level, covered * columns, share)
            covered += step
            covered_decay *= step_decay
        share = older_share(step_decay, step_decay, step, step)
        target = out if remaining == 2 and covered == 0 else spare
        join_average(level, level, target, step * columns, share)
        level, spare, idle = target, idle, spare
        step *= 2
        step_decay *= step_decay
        remaining >>= 1
    if covered > 0:
        share = older_share(covered_decay, step_decay, covered, step)
        join_average(total, level, out, covered * columns, share)
    elif taps == 1:
        copy_values(values, out)


def exponential_average(values: Floats, decay: float, taps: int) -> Floats:
    """Average of the last `taps` bars with weights decay**age, normalised over the taps.

    decay 1 is the simple average. taps ≥ 1.
    """
    flat, out = flat_copy(values), np.empty(values.shape)
    columns, work = values.shape[1], scratch(AVERAGE_WORK, values.size)
    fill_average(flat, columns, decay, taps, out.reshape(-1), work)
    return out


def moving_average(values: Floats, window: int) -> Floats:
    """Simple average of the last `window` bars."""
    return exponential_average(values, 1.0, window)


def moving_sum(values: Floats, window: int) -> Floats:
    """Sum of the last `window` bars."""
    return moving_average(values, window) * window
