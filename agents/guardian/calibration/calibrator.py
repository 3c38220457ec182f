"""The calibrator: from decisions and prices to the table that stakes are read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from agents.guardian.calibration.counts import Counted, count_outcomes
from agents.guardian.calibration.curves import Curve, isotonic_curve, platt_curve
from agents.guardian.calibration.outcomes import Decided, PaperPrices, paper_outcomes
from agents.guardian.calibration.table import CalibrationTable, uncalibrated
from market.errors import InvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRules:
    """How confidence is turned into a probability.

    method: "platt" errs less where a few hundred effective outcomes follow confidence smoothly;
    "isotonic" takes any rising shape, and needs thousands. horizon: bars over which a decision is
    judged. window: bars whose decisions are learned from, the newest whose outcome is known.
    min_outcomes: fewest outcomes of an agent. bound: one-sided confidence of the lower bound.
    bins: bins of confidence, of equal width. pool: fewest effective outcomes behind a step of the
    isotonic curve.

    Raises InvalidError for numbers that make no sense.
    """

    method: Literal["isotonic", "platt"] = "platt"
    horizon: int = 10
    window: int = 2_000
    min_outcomes: int = 200
    bound: float = 0.90
    bins: int = 40
    pool: float = 25.0

    def __post_init__(self) -> None:
        counts = {
            "horizon": self.horizon,
            "window": self.window,
            "min_outcomes": self.min_outcomes,
            "bins": self.bins,
        }
        for name, value in counts.items():
            if value < 1:
                raise InvalidError(f"calibration: expected {name} of 1 or more, found {value}")
        if not 0.5 <= self.bound < 1.0:
            raise InvalidError(
                f"calibration: expected bound from 0.5 up to, not including, 1, found {self.bound}"
            )
        if not 0.0 <= self.pool < np.inf:
            raise InvalidError(f"calibration: expected pool of 0 or more, found {self.pool}")

    @property
    def lookback(self) -> int:
        """Rows that a table depends on: the decisions learned from and the horizon after them."""
        return self.window + self.horizon


def calibrate(
    decided: Decided, prices: PaperPrices, groups: int, rules: CalibrationRules
) -> CalibrationTable:
    """The table as of the last row; a row each of `groups` agents, in the order of the tally.

    Depends on the newest `rules.lookback` rows and on nothing else, to the last bit, wherever the
    arrays start. An agent is calibrated once it has `min_outcomes` outcomes. Where they are all
    gains or all losses nobody knows what its bets pay: the payoff ratio is NaN, a lower bound of
    zero holds it back. The outcomes of successive bars overlap `horizon`-fold and those of one bar
    move together: n outcomes are worth n/(horizon·design effect) independent ones, and the lower
    bound is that of so many.

    Raises InvalidError where shapes differ.
    """
    start = max(len(decided.side) - rules.lookback, 0)
    side, confidence = decided.side[start:], decided.confidence[start:]
    leader = decided.leader[start:]
    if confidence.shape != side.shape or leader.shape != side.shape:
        raise InvalidError(
            "calibration: expected sides, confidences and leaders of one shape, found "
            f"{side.shape}, {confidence.shape} and {leader.shape}"
        )
    window = PaperPrices(
        prices.open[start:], prices.close[start:], prices.spread[start:], prices.typical_spread
    )
    table = uncalibrated(groups, rules.bins)
    counted = count_outcomes(
        paper_outcomes(side, window, rules.horizon), confidence, leader, table.bins, groups
    )
    for group in range(groups):
        _enter(table, counted, group, rules)
    return table


def _enter(table: CalibrationTable, counted: Counted, group: int, rules: CalibrationRules) -> None:
    """Fill one agent's row of the table."""
    count, wins = counted.trials[group], counted.wins[group]
    total, won = float(count.sum()), float(wins.sum())
    effect = rules.horizon * float(counted.design[group])
    table.outcomes[group] = int(total)
    table.effective[group] = total / effect
    gained, lost = float(counted.gain[group]), float(counted.loss[group])
    if total < rules.min_outcomes:
        return
    curve = _curve(counted, group, effect, rules)
    table.calibrated[group] = True
    table.probability[group] = curve.probability
    table.lower_bound[group] = 0.0
    if lost > 0.0:
        table.loss[group] = lost / (total - won)
    if gained > 0.0 and lost > 0.0:
        table.payoff_ratio[group] = gained / won / table.loss[group]
        table.lower_bound[group] = curve.lower_bound


def _curve(counted: Counted, group: int, effect: float, rules: CalibrationRules) -> Curve:
    count, wins, z = counted.trials[group], counted.wins[group], float(ndtri(rules.bound))
    if rules.method == "platt":
        return platt_curve(count, wins, counted.confidence[group], effect, z)
    return isotonic_curve(count, wins, effect, rules.pool, z)
