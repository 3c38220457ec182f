"""Decisions with outcomes as wished, for tests of what is learned from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.guardian.calibration.outcomes import Decided, PaperPrices
from agents.guardian.calibration.table import CalibrationTable, uncalibrated
from market.bars import Floats
from market.conversion import Indices


def decisions(
    confidence: Floats,
    won: NDArray[np.bool_],
    *,
    horizon: int = 1,
    gain: float = 0.01,
    loss: float = 0.01,
    leader: Indices | None = None,
) -> tuple[Decided, PaperPrices]:
    """Purchases (R, N) that win `gain` or lose `loss` as `won` says, without a spread.

    The arrays have `horizon` rows more, without a decision, so that every outcome is known.
    """
    rows, columns = confidence.shape

    def longer(values: Floats, rest: float) -> Floats:
        return np.concatenate([values, np.full((horizon, columns), rest)])

    opened = np.ones((rows + horizon, columns))
    closed = opened.copy()
    closed[horizon:] = np.where(won, 1.0 + gain, 1.0 - loss)
    led = np.zeros(confidence.shape, dtype=np.int64) if leader is None else leader
    decided = Decided(
        side=longer(np.ones(confidence.shape), 0.0),
        confidence=longer(confidence, np.nan),
        leader=np.concatenate([led, np.full((horizon, columns), -1, dtype=np.int64)]),
    )
    return decided, PaperPrices(opened, closed, np.zeros(opened.shape), np.zeros(columns))


def table(
    probability: float, lower_bound: float, *, payoff_ratio: float = 1.0, loss: float = 0.01
) -> CalibrationTable:
    """A table of one agent with one level at every confidence."""
    made = uncalibrated(1, 4)
    made.probability[:] = probability
    made.lower_bound[:] = lower_bound
    made.payoff_ratio[:] = payoff_ratio
    made.loss[:] = loss
    made.calibrated[:] = True
    return made
