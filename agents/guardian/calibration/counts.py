"""Outcomes counted: by the agent that carried the decision, and by its confidence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.calibration.table import bin_of
from market.bars import Floats
from market.compiled import kernel
from market.conversion import Indices


class Counted(NamedTuple):
    """Of G agents and K bins of confidence.

    trials, wins: (G, K) outcomes, and those above zero. confidence: (G, K) sum of confidences.
    gain, loss: (G,) sums of the positive outcomes and of the others, both as positive numbers.
    design: (G,) design effect of the outcomes of one bar, at least 1.
    """

    trials: Floats
    wins: Floats
    confidence: Floats
    gain: Floats
    loss: Floats
    design: Floats


@kernel
def count_outcomes(
    outcome: Floats, confidence: Floats, leader: Indices, bins: Floats, groups: int
) -> Counted:
    """Count (T, N) outcomes row by row; those that are NaN, or have no leader or bin, are none.

    The design effect is how much more the number of wins varies from bar to bar than if the
    outcomes of a bar were independent (Rao and Scott 1992, Biometrics 48, section 2, a bar being
    a cluster): m/(m−1)·Σ(y − p·n)² / (Σn·p·(1−p)) over m bars with n outcomes and y wins each.
    Instruments that share a currency move together, and so do their outcomes.
    """
    shape = (groups, bins.size)
    counted = Counted(
        np.zeros(shape), np.zeros(shape), np.zeros(shape),
        np.zeros(groups), np.zeros(groups), np.ones(groups),
    )  # fmt: skip
    bars, yy, yn, nn = np.zeros(groups), np.zeros(groups), np.zeros(groups), np.zeros(groups)
    n, y = np.zeros(groups), np.zeros(groups)
    for row in range(outcome.shape[0]):
        n[:] = 0.0
        y[:] = 0.0
        for column in range(outcome.shape[1]):
            earned, group = outcome[row, column], leader[row, column]
            place = bin_of(confidence[row, column], bins)
            if np.isnan(earned) or place < 0 or not 0 <= group < groups:
                continue
            won = earned > 0.0
            n[group] += 1.0
            y[group] += won
            counted.trials[group, place] += 1.0
            counted.wins[group, place] += won
            counted.confidence[group, place] += confidence[row, column]
            counted.gain[group] += earned if won else 0.0
            counted.loss[group] -= 0.0 if won else earned
        for group in range(groups):
            bars[group] += n[group] > 0.0
            yy[group] += y[group] * y[group]
            yn[group] += y[group] * n[group]
            nn[group] += n[group] * n[group]
    for group in range(groups):
        total = counted.trials[group].sum()
        p = counted.wins[group].sum() / total
        spread = yy[group] - 2.0 * p * yn[group] + p * p * nn[group]
        effect = bars[group] / (bars[group] - 1.0) * spread / (total * p * (1.0 - p))
        # One bar tells nothing of how bars differ: its outcomes count as one.
        effect = effect if bars[group] > 1.0 else total
        counted.design[group] = effect if effect > 1.0 else 1.0
    return counted
