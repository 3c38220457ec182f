"""What a circuit is trained on: the expectation of its cost, or the mean of its best part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.phases import weighted_sum
from market.bars import Floats
from market.compiled import kernel


class TailObjective:
    """CVaR_α: the mean cost over the fraction α of the distribution of lowest cost.

    α = 1 is the expectation. (Barkoutsos et al. 2020, Quantum 4, 256; arXiv 1907.04769, eq. 8.)
    In the dual form of Rockafellar and Uryasev, CVaR = v + Σ p·min(c − v, 0) / α with v the
    α-quantile of the cost, so that its gradient is that of the diagonal observable
    min(c − v, 0) / α.
    """

    def __init__(self, cost: Floats, alpha: float) -> None:
        self.alpha = alpha
        self._cost = cost
        self._order = np.argsort(cost, kind="stable") if alpha < 1.0 else np.zeros(0, dtype=int)
        self._observable = np.empty_like(cost)

    def __call__(self, probabilities: Floats) -> tuple[float, Floats]:
        """The value, and the observable (D,) whose expectation has the same gradient."""
        if self.alpha >= 1.0:
            return weighted_sum(probabilities, self._cost), self._cost
        value = tail_mean(probabilities, self._cost, self._order, self.alpha, self._observable)
        return value, self._observable


@kernel
def tail_mean(
    probabilities: Floats,
    cost: Floats,
    order: NDArray[np.int64],
    alpha: float,
    observable: Floats,
) -> float:
    """CVaR_α of costs taken in increasing `order`; `observable` is filled."""
    left = alpha
    total = 0.0
    quantile = cost[order[-1]]
    for position in order:
        if not probabilities[position] >= 0.0:
            return np.nan
        share = min(left, probabilities[position])
        total += share * cost[position]
        left -= share
        if left <= 0.0:
            quantile = cost[position]
            break
    for x in range(cost.shape[0]):
        observable[x] = min(cost[x] - quantile, 0.0) / alpha
    value: float = (total + max(left, 0.0) * quantile) / alpha
    return value


def annealing(alpha: float) -> tuple[float, ...]:
    """The values of α to train through, from 1 down to `alpha`.

    Trained at a small α from the start, the circuit sees a gradient from its tail only; once
    P(optimum) reaches α, the gradient vanishes.
    """
    return (*(step for step in (1.0, 0.5, 0.25) if step > alpha), alpha)
