"""The problems that are measured: S&P 500 stocks, and what the desk's own votes earned."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from agents.optimizer.estimates import Estimates, estimate
from agents.optimizer.problem import PortfolioProblem
from coordinator.bootstrap import plan_of
from coordinator.configuration.settings import Settings
from coordinator.tally import tally, undecided
from market.bars import Floats
from market.errors import DataError

DAYS = 250
STOCKS = "skfolio's S&P 500 stocks, 250 days, q = 0.5"
PAIRS = "nine ECB pairs, 250 strategy returns of the default committee"


@cache
def stock_returns() -> Floats:
    """(T, 20) daily returns of the S&P 500 stocks that skfolio carries; it is not imported."""
    spec = importlib.util.find_spec("skfolio")
    if spec is None or spec.origin is None:
        raise DataError("the panel of skfolio is not installed; run: pip install skfolio")
    path = Path(spec.origin).parent / "datasets" / "data" / "sp500_dataset.csv.gz"
    prices = np.genfromtxt(path, delimiter=",", skip_header=1)[:, 1:]
    returns: Floats = prices[1:] / prices[:-1] - 1.0
    return returns


def stocks(
    assets: int, *, day: int = 0, budget: int | None = None, bits: int = 1
) -> PortfolioProblem:
    """The first `assets` stocks over the 250 days that end `day` days before the last; q = 0.5.

    budget: half of the assets where none is named.
    """
    returns = stock_returns()
    window = returns[len(returns) - DAYS - day : len(returns) - day, :assets]
    return PortfolioProblem(
        expected_returns=window.mean(axis=0),
        covariance=np.cov(window.T),
        budget=assets // 2 if budget is None else budget,
        bits_per_asset=bits,
    )


@cache
def strategy_returns() -> Floats:
    """(T, 9) what the votes of the default committee earned: what the desk's optimizer is asked.

    As `coordinator.allocation.AllocationInForce` gathers them: the decision's score on one day
    times the return of the next.
    """
    plan = plan_of(Settings())
    desk, traded = plan.desk, plan.desk.traded
    bars = plan.bars.columns(desk.symbols[:traded])
    votes = np.stack([spec.build().vote(bars).score for spec in plan.specs])
    decision = undecided(traded)
    scores = np.empty(bars.shape)
    for day in range(len(bars)):
        ballots = np.ascontiguousarray(votes[:, day])
        tally(ballots, desk.weights, desk.decision_threshold, desk.quorum, decision)
        scores[day] = decision.score
    returns = bars.close[1:] / bars.close[:-1] - 1.0
    earned: Floats = np.where(np.isnan(scores[:-1]), 0.0, scores[:-1]) * returns
    return earned


def rebalance(day: int) -> Estimates:
    """What the desk would estimate `day` days before its last."""
    earned = strategy_returns()
    return estimate(earned[len(earned) - DAYS - day : len(earned) - day])
