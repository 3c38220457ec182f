"""`AllocationDesk`: from strategy returns to sizing multipliers, as a member of the desk."""

from __future__ import annotations

import numpy as np

from agents.optimizer.allocate import Optimizer
from agents.optimizer.estimates import estimate
from market.errors import FatalError
from market.messages import Allocate, Allocated


class AllocationDesk:
    """Shares risk between instruments by what the committee's own votes earned on each.

    budget_share: part of the instruments that are selected, rounded up. min_observations:
    returns that an instrument needs to be judged; without them its multiplier stays neutral.
    """

    def __init__(self, optimizer: Optimizer, *, budget_share: float, min_observations: int) -> None:
        self._optimizer = optimizer
        self._budget_share = budget_share
        self._min_observations = min_observations
        self.answered = 0

    def answer(self, message: object) -> object:
        """Answer one message of the coordinator."""
        if isinstance(message, Allocate):
            return self.allocate(message)
        raise FatalError(f"the optimizer does not know messages of type {type(message).__name__}")

    def allocate(self, request: Allocate) -> Allocated:
        """Weights and multipliers n·w. Raises DataError where no instrument can be judged."""
        estimates = estimate(request.strategy_returns, min_observations=self._min_observations)
        judged = int(estimates.included.sum())
        budget = int(np.ceil(self._budget_share * judged))
        allocation = self._optimizer.allocate(
            estimates.expected_returns, estimates.covariance, budget
        )
        notes = [*estimates.warnings, *allocation.warnings]
        if allocation.fallback_reason:
            notes.insert(0, f"fallback: {allocation.fallback_reason}")
        self.answered += 1
        return Allocated(
            sequence=request.sequence,
            weights=estimates.on_all(allocation.weights, otherwise=0.0),
            multiplier=estimates.on_all(judged * allocation.weights, otherwise=1.0),
            method=allocation.method,
            proven_optimal=allocation.proven_optimal,
            objective=allocation.objective,
            expected_return=allocation.expected_return,
            variance=allocation.variance,
            note="; ".join(notes),
        )
