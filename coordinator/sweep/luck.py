"""What the best of many is worth: the probabilistic and the deflated Sharpe ratio.

Bailey and López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest
Overfitting and Non-Normality", Journal of Portfolio Management 40 (5), 2014, SSRN 2460551,
equations 1 and 2, as skfolio computes them. The trials are counted as independent; those of a
grid are alike, which makes the answer stricter than it need be, never milder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from market.bars import Floats

CONFIDENT = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """The best of `trials`, judged. Sharpe ratios are annual; NaN where undefined.

    sharpe_ratio: of the best. expected_best: what the best of so many without any skill would
    show. probabilistic: probability that the true ratio is above 0, had nothing been chosen.
    deflated: the same above `expected_best`: what is left after choosing. skew, kurtosis (3 for
    a normal distribution) and bars of the returns.
    """

    trials: int
    sharpe_ratio: float
    spread_of_trials: float
    expected_best: float
    probabilistic: float
    deflated: float
    skew: float
    kurtosis: float
    bars: int


def luck_of(returns: Floats, trial_ratios: Floats, trials: int, bars_per_year: float) -> Luck:
    """Judge the best of a number of trials.

    returns: (B,) of the best, bar by bar. trial_ratios: annual Sharpe ratios of all trials; NaN,
    for one that never traded, counts as a trial and adds nothing to their spread. trials: how
    many were made.
    """
    # skfolio takes seconds to import, and only the end of a sweep needs it.
    from skfolio.measures import (  # noqa: PLC0415
        expected_max_sharpe_ratio,
        kurtosis,
        probabilistic_sharpe_ratio,
        skew,
    )

    scale = math.sqrt(bars_per_year)
    known = trial_ratios[np.isfinite(trial_ratios)] / scale
    spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    expected = float(expected_max_sharpe_ratio(max(trials, 1), spread))
    measured = len(returns) > 2 and bool(np.isfinite(returns).all()) and np.ptp(returns) > 0.0
    if not measured:
        ratio = probabilistic = deflated = skewness = tails = math.nan
    else:
        ratio = float(returns.mean() / returns.std(ddof=1))
        probabilistic = float(probabilistic_sharpe_ratio(returns))
        deflated = float(probabilistic_sharpe_ratio(returns, benchmark_sharpe_ratio=expected))
        skewness, tails = float(skew(returns)), float(kurtosis(returns))
    return Luck(
        trials=trials,
        sharpe_ratio=ratio * scale,
        spread_of_trials=spread * scale,
        expected_best=expected * scale,
        probabilistic=probabilistic,
        deflated=deflated,
        skew=skewness,
        kurtosis=tails,
        bars=len(returns),
    )
