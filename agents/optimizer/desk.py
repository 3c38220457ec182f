"""`AllocationDesk`: from strategy returns to sizing multipliers, as a member of the desk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.optimizer.allocate import Optimizer
from agents.optimizer.allocation import Allocation
from agents.optimizer.estimates import estimate
from agents.optimizer.warm_start import packed, unpacked
from agents.optimizer.warming import load_kernels
from market.errors import FatalError
from market.messages import Allocate, Allocated, OptimizerResumed, ResumeOptimizer


class AllocationDesk:
    """Shares risk between instruments by what the committee's own votes earned on each.

    build: makes the optimizer. budget_share: part of the lots that all judged instruments could
    hold, rounded up: with one bit an instrument (one lot each) the part that is selected. The
    largest multiplier is then 1 / budget_share, whatever the number of bits.
    min_observations: returns that an instrument needs to be judged; without them its multiplier
    stays neutral.
    """

    def __init__(
        self, build: Callable[[], Optimizer], *, budget_share: float, min_observations: int
    ) -> None:
        self._build = build
        self._optimizer = build()
        self._budget_share = budget_share
        self._min_observations = min_observations

    def answer(self, message: object) -> object:
        """Answer one message of the coordinator."""
        if isinstance(message, Allocate):
            return self.allocate(message)
        if isinstance(message, ResumeOptimizer):
            return self.resume(message)
        raise FatalError(f"the optimizer does not know messages of type {type(message).__name__}")

    def warm_up(self) -> None:
        """Compile what an answer needs, on an optimizer of its own that is thrown away."""
        load_kernels(self._build)

    def resume(self, message: ResumeOptimizer) -> OptimizerResumed:
        """Go on from journaled warm starts. Raises DataError where they are not such."""
        warm_starts = unpacked(message.warm_starts)
        self._optimizer.resume(warm_starts)
        return OptimizerResumed(circuits=len(warm_starts))

    def allocate(self, request: Allocate) -> Allocated:
        """Weights and multipliers n·w. Raises DataError where no instrument can be judged."""
        estimates = estimate(request.strategy_returns, min_observations=self._min_observations)
        judged = int(estimates.included.sum())
        budget = budget_of(self._budget_share, judged, self._optimizer.max_lots)
        allocation = self._optimizer.allocate(
            estimates.expected_returns, estimates.covariance, budget
        )
        ratio, gain, gap = honest_figures(allocation)
        return Allocated(
            sequence=request.sequence,
            weights=estimates.on_all(allocation.weights, otherwise=0.0),
            multiplier=estimates.on_all(judged * allocation.weights, otherwise=1.0),
            method=allocation.method,
            proven_optimal=allocation.proven_optimal,
            objective=allocation.objective,
            expected_return=allocation.expected_return,
            variance=allocation.variance,
            approximation_ratio=ratio,
            uniform_gain=gain,
            gap=gap,
            fallback=allocation.fallback_reason,
            note="; ".join((*estimates.warnings, *allocation.warnings)),
            repaired=estimates.repair,
            warm_starts=packed(self._optimizer.warm_starts),
        )


def budget_of(share: float, instruments: int, max_lots: int) -> int:
    """The lots that a share of all that these instruments could hold comes to, rounded up."""
    return int(np.ceil(round(share * instruments * max_lots, 9)))  # 0.07 of 100 is seven, not eight


def honest_figures(allocation: Allocation) -> tuple[float, float, float]:
    """Approximation ratio, gain over uniform sampling, gap to the classical answer; NaN unknown."""
    honesty = allocation.honesty
    if honesty is None:
        return float("nan"), float("nan"), float("nan")
    ratio, gain = honesty.approximation_ratio, honesty.uniform_gain
    return (
        float("nan") if ratio is None else to_six_digits(ratio),
        float("nan") if gain is None else to_six_digits(gain),
        honesty.gap,
    )


def to_six_digits(value: float) -> float:
    """Angles are trained with SciPy's BLAS, whose last bits differ between processors.

    What is measured of them goes into the journal; more digits would only carry that noise there.
    """
    return float(f"{value:.6g}")
