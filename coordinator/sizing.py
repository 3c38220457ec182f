"""Sizing: from a decision to a proposal.

A position is sized so that its loss at the stop is `max_risk_per_trade` of equity, times the
decision's confidence, times the optimizer's multiplier; then the smallest of that and every limit
of the guardian that depends on the size alone. The proposal says which of them bound. No edge, no
trade: there is no minimum size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.codes import Limit
from agents.guardian.exposure import Book, headroom, measure_book, whole_units
from agents.guardian.limits import RiskLimits
from agents.guardian.proposals import Exposed, Proposals
from coordinator.tally import Decision, Outcome, leading_agent
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion
from market.marks import Marks

BUY = int(Outcome.BUY)
SELL = int(Outcome.SELL)
NONE = int(Limit.NONE)
INVALID_INPUT = int(Limit.INVALID_INPUT)
UNIT_INCREMENT = int(Limit.UNIT_INCREMENT)
RISK_PER_TRADE = int(Limit.RISK_PER_TRADE)
ALLOCATION = int(Limit.ALLOCATION)


class SizingRules(NamedTuple):
    """Numbers that turn confidence into units.

    max_risk_per_trade: loss at the stop as a fraction of equity, at full confidence.
    stop_sigmas: stop distance in standard deviations of one bar.
    tp_sl_ratio: take-profit distance over stop distance.
    trailing_fraction, trailing_sigmas: trailing distance as a fraction of price, or in standard
        deviations of one bar; NaN switches either off, both NaN means no trailing stop.
    rebalance_band: a held position is resized only when it is off by more than this fraction.
    """

    max_risk_per_trade: float
    stop_sigmas: float
    tp_sl_ratio: float
    trailing_fraction: float
    trailing_sigmas: float
    rebalance_band: float


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
    at_risk = rules.max_risk_per_trade * exposed.equity * abs(decision.score[column])
    size = at_risk * multiplier[column] / (distance * marks.rate[column])
    if not size >= 0.0 or not size < np.inf:
        proposals.bound[column] = INVALID_INPUT
        return 0.0
    bound = RISK_PER_TRADE
    if multiplier[column] < 1.0:
        bound = ALLOCATION
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
    book: Book,
    proposals: Proposals,
) -> None:
    """Overwrite `proposals` (M,) with what the decision (N ≤ M traded instruments) asks for.

    scores: (A, N) the ballots, weights: (A,) of the tally. multiplier: (N,). rebalancing: True on
    the bar when a new allocation takes effect.
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
            book,
            column,
            side,
        )
        if proposals.bound[column] == INVALID_INPUT and held * side > 0.0:
            continue
        order = order_size(held, side * size, rebalancing, rules.rebalance_band)
        proposals.units[column] = order
