"""Kelly stakes: from a calibrated probability to a size.

A bet wins `gain` with probability p and loses `loss` otherwise, both as fractions of its notional.
Two units: the fraction of *capital* is the bet's notional over equity and may be above 1; the
fraction *at risk* is what the loss would take of equity, the former times `loss`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from agents.guardian.calibration.table import CalibrationTable, bin_of, is_in_table
from market.compiled import lean_kernel


class StakeReason(IntEnum):
    """What set a stake. NOT_CALIBRATED: too few outcomes, size otherwise. NO_EDGE: the lower bound
    of the edge is not above zero. INVALID_INPUT: a number needed is none."""

    KELLY = 0
    KELLY_CAP = 1
    NO_EDGE = 2
    NOT_CALIBRATED = 3
    INVALID_INPUT = 4


KELLY = int(StakeReason.KELLY)
KELLY_CAP = int(StakeReason.KELLY_CAP)
NO_EDGE = int(StakeReason.NO_EDGE)
NOT_CALIBRATED = int(StakeReason.NOT_CALIBRATED)
INVALID_INPUT = int(StakeReason.INVALID_INPUT)


class Stake(NamedTuple):
    """at_risk: what a mean loss takes of equity. of_capital: notional over equity. reason: a
    StakeReason; both are zero for all but KELLY and KELLY_CAP."""

    at_risk: float
    of_capital: float
    reason: int


@lean_kernel
def is_bet(probability: float, gain: float, loss: float) -> bool:
    """Whether the numbers describe a bet: a probability, and a finite gain and loss above zero."""
    paid = gain > 0.0 and gain < np.inf and loss > 0.0 and loss < np.inf
    return paid and probability >= 0.0 and probability <= 1.0


@lean_kernel
def edge(probability: float, gain: float, loss: float) -> float:
    """Expected return on notional: p·gain − (1−p)·loss."""
    return probability * gain - (1.0 - probability) * loss


@lean_kernel
def kelly_fraction_of_capital(probability: float, gain: float, loss: float) -> float:
    """Notional over equity that grows fastest: p/loss − (1−p)/gain; never negative.

    It maximises p·log(1 + f·gain) + (1−p)·log(1 − f·loss) (Kelly 1956, Bell System Technical
    Journal 35; Thorp 2006, Handbook of Asset and Liability Management 1, chapter 9). 0 where
    there is no edge or a number is NaN, infinite, or no probability.
    """
    if not is_bet(probability, gain, loss):
        return 0.0
    fraction = probability / loss - (1.0 - probability) / gain
    return fraction if fraction > 0.0 and fraction < np.inf else 0.0


@lean_kernel
def kelly_fraction_at_risk(
    probability: float, gain: float, loss: float, part: float, cap: float
) -> float:
    """`part` (half-Kelly: 0.5) of the Kelly fraction, as loss over equity, at most `cap`.

    Whole, it is p − (1−p)·loss/gain: edge over odds. 0 where a number is NaN, or the part or the
    cap not positive.
    """
    wished = part * loss * kelly_fraction_of_capital(probability, gain, loss)
    if not wished > 0.0 or not cap > 0.0:
        return 0.0
    return min(wished, cap)


@lean_kernel
def sized_by_kelly(
    table: CalibrationTable, group: int, confidence: float, part: float, cap: float
) -> Stake:
    """The stake of a decision that agent `group` carried with a confidence.

    The size follows the probability; its lower bound only decides whether there is an edge at
    all. The loss is the mean one over the horizon that was learned from, not the loss at a stop:
    hold the notional to `of_capital` as well as the loss at the stop to `at_risk`.
    """
    place = bin_of(confidence, table.bins)
    if place < 0 or not 0 <= group < table.calibrated.shape[0]:
        return Stake(0.0, 0.0, INVALID_INPUT)
    if not is_in_table(table, group, place):
        return Stake(0.0, 0.0, NOT_CALIBRATED)
    loss = table.loss[group]
    gain = table.payoff_ratio[group] * loss
    p, lowest = table.probability[group, place], table.lower_bound[group, place]
    # A gain that is not sure at all has no edge at any odds, so they need not be known.
    if lowest != 0.0 and not (is_bet(p, gain, loss) and is_bet(lowest, gain, loss)):
        return Stake(0.0, 0.0, INVALID_INPUT)
    if not part > 0.0 or not cap > 0.0:
        return Stake(0.0, 0.0, INVALID_INPUT)
    if not (lowest > 0.0 and edge(lowest, gain, loss) > 0.0):
        return Stake(0.0, 0.0, NO_EDGE)
    at_risk = kelly_fraction_at_risk(p, gain, loss, part, cap)
    reason = KELLY if at_risk < cap else KELLY_CAP
    return Stake(at_risk, at_risk / loss, reason if at_risk > 0.0 else NO_EDGE)
