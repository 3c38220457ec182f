"""Sizing: from a decision to a proposal.

By a fixed fraction, a position's loss at the stop is `max_risk_per_trade` of equity, times the
decision's confidence, times the optimizer's multiplier. By Kelly it is the stake that what such
decisions have earned justifies, times the same multiplier; until enough is known of an agent's
decisions they are sized by the fixed fraction, at most the largest Kelly stake. Then the smallest
of that, the volatility target and every limit of the guardian that depends on the size alone. The
proposal says which of them bound. No edge, no trade: there is no minimum size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.calibration.kelly import StakeReason, sized_by_kelly
from agents.guardian.calibration.leading import leading_agent
from agents.guardian.calibration.table import CalibrationTable
from agents.guardian.codes import Limit
from agents.guardian.exposure import Book, headroom, measure_book
from agents.guardian.limits import RiskLimits
from agents.guardian.proposals import Exposed, Proposals
from coordinator.tally import Decision, Outcome
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion
from market.marks import Marks
from market.whole_units import whole_units

BUY = int(Outcome.BUY)
SELL = int(Outcome.SELL)
NONE = int(Limit.NONE)
INVALID_INPUT = int(Limit.INVALID_INPUT)
UNIT_INCREMENT = int(Limit.UNIT_INCREMENT)
RISK_PER_TRADE = int(Limit.RISK_PER_TRADE)
ALLOCATION = int(Limit.ALLOCATION)
KELLY = int(Limit.KELLY)
NO_EDGE = int(Limit.NO_EDGE)
VOLATILITY_TARGET = int(Limit.VOLATILITY_TARGET)
NOT_CALIBRATED = int(StakeReason.NOT_CALIBRATED)
WITHOUT_EDGE = int(StakeReason.NO_EDGE)
WITHOUT_NUMBER = int(StakeReason.INVALID_INPUT)
CAPPED = int(StakeReason.KELLY_CAP)


class SizingRules(NamedTuple):
    """Numbers that turn confidence into units.

    max_risk_per_trade: loss at the stop as a fraction of equity, at full confidence.
    stop_sigmas: stop distance in standard deviations of one bar.
    tp_sl_ratio: take-profit distance over stop distance.
    trailing_fraction, trailing_sigmas: trailing distance as a fraction of price, or in standard
        deviations of one bar; NaN switches either off, both NaN means no trailing stop.
    rebalance_band: a held position is resized only when it is off by more than this fraction.
    kelly_fraction: part of the Kelly stake that is taken; NaN: sized by the fixed fraction.
    kelly_cap: largest loss at the stop where stakes are Kelly's, as a fraction of equity; also of
        what is sized by the fixed fraction until enough is known.
    volatility_target: largest standard deviation of one bar of a position alone, as a fraction of
        equity; infinite: none.
    """

    max_risk_per_trade: float
    stop_sigmas: float
    tp_sl_ratio: float
    trailing_fraction: float
    trailing_sigmas: float
    rebalance_band: float
    kelly_fraction: float
    kelly_cap: float
    volatility_target: float


class Stake(NamedTuple):
    """at_risk: loss at the stop before the multiplier, account currency. bound: the Limit that set
    it."""

    at_risk: float
    bound: int


@lean_kernel
def stake_of(
    confidence: float,
    group: int,
    table: CalibrationTable,
    rules: SizingRules,
    equity: float,
    unit_risk: float,
    unit_value: float,
) -> Stake:
    """What a decision that agent `group` carried is worth, before multiplier and limits.

    unit_risk, unit_value: loss at the stop and notional of one unit, account currency. A Kelly
    stake is held twice: the loss at the stop to its fraction at risk, and the notional to its
    fraction of capital, which rests on the mean loss that was learned from.
    """
    by_risk = rules.max_risk_per_trade * equity * confidence
    if np.isnan(rules.kelly_fraction):
        return Stake(by_risk, RISK_PER_TRADE)
    cap = min(rules.kelly_cap, rules.max_risk_per_trade)
    stake = sized_by_kelly(table, group, confidence, rules.kelly_fraction, cap)
    if stake.reason == NOT_CALIBRATED:
        # What nobody has proved may not risk more than what somebody has.
        most = cap * equity
        return Stake(most, KELLY) if by_risk > most else Stake(by_risk, RISK_PER_TRADE)
    if stake.reason == WITHOUT_EDGE:
        return Stake(0.0, NO_EDGE)
    if stake.reason == WITHOUT_NUMBER:
        return Stake(np.nan, INVALID_INPUT)
    at_stop = stake.at_risk * equity
    at_notional = stake.of_capital * equity / unit_value * unit_risk
    if at_notional < at_stop:
        return Stake(at_notional, KELLY)
    capped = stake.reason == CAPPED and rules.max_risk_per_trade <= rules.kelly_cap
    return Stake(at_stop, RISK_PER_TRADE if capped else KELLY)


@lean_kernel
def target_size(
    decision: Decision,
    multiplier: Floats,
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    rules: SizingRules,
    table: CalibrationTable,
    book: Book,
    column: int,
    side: float,
) -> float:
    """Size of the position wanted in `column`, whole units, and enter what bound it."""
    distance = proposals.stop_distance[column]
    room = headroom(
        book, marks, paths, exposed.traits, limits, exposed.sigma, exposed.equity, column, side,
        distance,
    )  # fmt: skip
    increment = exposed.traits.unit_increment[column]
    if whole_units(room.units, increment) == 0.0:
        proposals.bound[column] = room.limit if room.units == 0.0 else UNIT_INCREMENT
        return 0.0
    unit_risk, unit_value = distance * marks.rate[column], marks.mid[column] * marks.rate[column]
    stake = stake_of(
        abs(decision.score[column]), proposals.group[column], table, rules, exposed.equity,
        unit_risk, unit_value,
    )  # fmt: skip
    size, bound = stake.at_risk * multiplier[column] / unit_risk, stake.bound
    calm = rules.volatility_target * exposed.equity / (exposed.sigma[column] * unit_value)
    if not size >= 0.0 or not size < np.inf or not calm > 0.0:
        proposals.bound[column] = INVALID_INPUT
        return 0.0
    if multiplier[column] < 1.0 and bound != NO_EDGE:
        bound = ALLOCATION
    if calm < size:
        size = calm
        bound = VOLATILITY_TARGET
    if room.units < size:
        size = room.units
        bound = room.limit
    whole = whole_units(size, increment)
    if whole == 0.0 and size > 0.0:
        bound = UNIT_INCREMENT
    proposals.bound[column] = bound
    return whole


@lean_kernel
def order_size(held: float, wanted: float, rebalancing: bool, band: float) -> float:
    """Order that leads from the position held to the one wanted, both signed.

    The same side is left alone, except at a rebalance and beyond the band; the opposite side
    reverses in one order.
    """
    change = wanted - held
    if held * wanted > 0.0 and not (rebalancing and abs(change) > band * abs(held)):
        return 0.0
    return change


@lean_kernel
def propose(
    decision: Decision,
    scores: Floats,
    weights: Floats,
    multiplier: Floats,
    rebalancing: bool,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    rules: SizingRules,
    table: CalibrationTable,
    book: Book,
    proposals: Proposals,
) -> None:
    """Overwrite `proposals` (M,) with what the decision (N ≤ M traded instruments) asks for.

    scores: (A, N) the ballots, weights: (A,) of the tally. multiplier: (N,). rebalancing: True on
    the bar when a new allocation takes effect. table: what the agents' decisions were worth, read
    where stakes are Kelly's.
    book: working memory.
    """
    sigma = exposed.sigma
    measure_book(book, exposed.units, exposed.working, exposed.stop_price, marks)
    for column in range(proposals.units.shape[0]):
        proposals.units[column] = 0.0
        proposals.bound[column] = NONE
        if column >= decision.score.shape[0]:
            continue
        outcome = decision.outcome[column]
        if outcome not in (BUY, SELL):
            continue
        side = 1.0 if outcome == BUY else -1.0
        held = book.units[column]
        if held * side > 0.0 and not rebalancing:
            continue
        price = marks.mid[column]
        bar_move = sigma[column] * price
        trailing = rules.trailing_fraction * price
        if not trailing > 0.0:
            trailing = rules.trailing_sigmas * bar_move
        proposals.score[column] = decision.score[column]
        proposals.group[column] = leading_agent(scores, weights, column, side)
        proposals.stop_distance[column] = rules.stop_sigmas * bar_move
        proposals.take_profit_distance[column] = rules.tp_sl_ratio * rules.stop_sigmas * bar_move
        proposals.trailing_distance[column] = trailing
        size = target_size(
            decision,
            multiplier,
            proposals,
            exposed,
            marks,
            paths,
            limits,
            rules,
            table,
            book,
            column,
            side,
        )
        if proposals.bound[column] == INVALID_INPUT and held * side > 0.0:
            continue
        order = order_size(held, side * size, rebalancing, rules.rebalance_band)
        proposals.units[column] = order
