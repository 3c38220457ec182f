"""The table that a kernel sizes by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import Floats
from market.compiled import kernel, lean_kernel
from market.conversion import Indices

NO_BIN = -1


class CalibrationTable(NamedTuple):
    """What the decisions that each of G agents carried were worth, by confidence in K bins.

    bins: (K,) the least confidence of each bin, rising from 0. probability: (G, K) of a positive
    outcome. lower_bound: (G, K) its one-sided lower confidence bound. payoff_ratio: (G,) mean gain
    over mean loss. loss: (G,) mean loss, a positive fraction of the notional. calibrated: (G,)
    whether there were enough outcomes, or had been once; the numbers before are NaN where not, and
    the last two where gains and losses were not both among them: then `lower_bound` is zero.
    outcomes: (G,) how many there were. effective: (G,) how many independent ones they are worth.
    """

    bins: Floats
    probability: Floats
    lower_bound: Floats
    payoff_ratio: Floats
    loss: Floats
    calibrated: NDArray[np.bool_]
    outcomes: Indices
    effective: Floats


def uncalibrated(groups: int, bins: int) -> CalibrationTable:
    """The table before there is anything to learn from, with bins of equal width."""
    return CalibrationTable(
        bins=np.arange(bins) / bins,
        probability=np.full((groups, bins), np.nan),
        lower_bound=np.full((groups, bins), np.nan),
        payoff_ratio=np.full(groups, np.nan),
        loss=np.full(groups, np.nan),
        calibrated=np.zeros(groups, dtype=np.bool_),
        outcomes=np.zeros(groups, dtype=np.int64),
        effective=np.zeros(groups),
    )


def holding_back(found: CalibrationTable, before: CalibrationTable) -> CalibrationTable:
    """A table as found, where nobody is unknown again who was known in the one before.

    Of an agent that has too few outcomes now the forecasts of before are kept, with a lower bound
    of zero: it stakes nothing, where one that was never known stakes the fixed fraction.
    """
    lapsed = before.calibrated & ~found.calibrated
    row = lapsed[:, None]
    return found._replace(
        probability=np.where(row, before.probability, found.probability),
        lower_bound=np.where(row, 0.0, found.lower_bound),
        payoff_ratio=np.where(lapsed, before.payoff_ratio, found.payoff_ratio),
        loss=np.where(lapsed, before.loss, found.loss),
        calibrated=found.calibrated | lapsed,
    )


@lean_kernel
def bin_of(confidence: float, bins: Floats) -> int:
    """The bin of a confidence; NO_BIN where it is NaN, negative or infinite.

    The last bin takes what rounding lifts above 1.
    """
    if not confidence >= bins[0] or not confidence < np.inf:
        return NO_BIN
    low, high = 0, bins.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if confidence >= bins[middle]:
            low = middle
        else:
            high = middle
    return low


@lean_kernel
def is_in_table(table: CalibrationTable, group: int, place: int) -> bool:
    """Whether a group is calibrated and a bin is one of the table's."""
    if not 0 <= group < table.calibrated.shape[0] or not 0 <= place < table.bins.shape[0]:
        return False
    known: bool = table.calibrated[group]
    return known


@kernel
def probabilities(table: CalibrationTable, leader: Indices, confidence: Floats) -> Floats:
    """The probability that the table gives each of (T, N) decisions; NaN where it gives none."""
    found = np.full(confidence.shape, np.nan)
    for row in range(confidence.shape[0]):
        for column in range(confidence.shape[1]):
            place = bin_of(confidence[row, column], table.bins)
            if is_in_table(table, leader[row, column], place):
                found[row, column] = table.probability[leader[row, column], place]
    return found
