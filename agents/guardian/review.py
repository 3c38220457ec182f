"""The pre-trade review: every proposal becomes an approved size or a refusal.

Orders are taken in a fixed order, the strongest score first and ties by column, each against
the book as the orders approved before it would leave it. Whatever only reduces a position is
approved; an order that reverses one is judged on what it opens, and at least its closing part
passes. Every limit fails closed: NaN, stale or non-positive input refuses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.guardian.codes import Halt, Limit
from agents.guardian.concentration import largest_correlation, size_kept
from agents.guardian.exposure import (
    NOT_WEIGHED,
    Book,
    headroom,
    measure_book,
    whole_units,
)
from agents.guardian.limits import RiskLimits
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion
from market.marks import Marks

NONE = int(Limit.NONE)
INVALID_INPUT = int(Limit.INVALID_INPUT)
STALE_PRICE = int(Limit.STALE_PRICE)
CORRELATION = int(Limit.CORRELATION)
DRAWDOWN_HALT = int(Limit.DRAWDOWN_HALT)
DAILY_LOSS_HALT = int(Limit.DAILY_LOSS_HALT)
NO_HALT = int(Halt.NONE)
HALTED_BY_DRAWDOWN = int(Halt.DRAWDOWN)


class Proposals(NamedTuple):
    """What the desk wishes, arrays (M,) by instrument.

    units: signed order size, 0 for none. score: the decision's score; without one (NaN) nothing
    is opened, and the order is reviewed last.
    stop_distance, take_profit_distance, trailing_distance: price units from the fill, NaN none.
    sigma: standard deviation of one bar's return, decimal.
    bound: the Limit that set the size.
    """

    units: Floats
    score: Floats
    stop_distance: Floats
    take_profit_distance: Floats
    trailing_distance: Floats
    sigma: Floats
    bound: NDArray[np.int64]


class Verdicts(NamedTuple):
    """The guardian's answer, arrays (M,) by instrument.

    units: the approved order size, 0 where refused or nothing was proposed.
    limit: the Limit that refused or shrank, NONE where the order passed whole.
    allowed, measured: that limit's value and what was found, in the limit's own unit.
    lowest_price, highest_price: the collar within which the order may fill.
    ranked: (M,) the columns proposed, in the order of the review; reviewed: (1,) how many.
    """

    units: Floats
    limit: NDArray[np.int64]
    allowed: Floats
    measured: Floats
    lowest_price: Floats
    highest_price: Floats
    ranked: NDArray[np.int64]
    reviewed: NDArray[np.int64]


class Exposed(NamedTuple):
    """What the review looks at beside the proposals.

    units, working, stop_price, margin_rate, unit_increment: (M,). equity: account currency.
    halt: a Halt. returns: (T, N) simple returns, of which the window that ends at `row` is read.
    """

    units: Floats
    working: Floats
    stop_price: Floats
    margin_rate: Floats
    unit_increment: Floats
    equity: float
    halt: int
    returns: Floats
    row: int


def no_proposals(instruments: int) -> Proposals:
    """Nothing is proposed."""
    nan = np.full((6, instruments), np.nan)
    nan[0] = 0.0
    bound = np.zeros(instruments, dtype=np.int64)
    return Proposals(nan[0], nan[1], nan[2], nan[3], nan[4], nan[5], bound)


def no_verdicts(instruments: int) -> Verdicts:
    """Nothing is approved."""
    nan = np.full((5, instruments), np.nan)
    nan[0] = 0.0
    limit, ranked = np.zeros((2, instruments), dtype=np.int64)
    reviewed = np.zeros(1, dtype=np.int64)
    return Verdicts(nan[0], limit, nan[1], nan[2], nan[3], nan[4], ranked, reviewed)


@lean_kernel
def refusal_before_size(
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    column: int,
) -> tuple[int, float, float]:
    """Why nothing new may be opened whatever its size: (Limit, allowed, measured).

    A price is as old as the oldest of those that it takes to convert its profit and loss.
    """
    if exposed.halt != NO_HALT:
        code = DRAWDOWN_HALT if exposed.halt == HALTED_BY_DRAWDOWN else DAILY_LOSS_HALT
        limit = limits.max_drawdown if exposed.halt == HALTED_BY_DRAWDOWN else limits.max_daily_loss
        return code, limit, np.nan
    oldest = marks.age[column]
    for hop in range(paths.path_column.shape[1]):
        through = paths.path_column[column, hop]
        if through < 0 or not oldest <= limits.max_price_age:
            break
        oldest = marks.age[through]
    if not oldest <= limits.max_price_age:
        return STALE_PRICE, limits.max_price_age, oldest
    spread, sigma = marks.spread[column], proposals.sigma[column]
    target = proposals.take_profit_distance[column]
    if not (
        spread >= 0.0
        and spread < np.inf
        and sigma > 0.0
        and sigma < np.inf
        and abs(proposals.score[column]) > 0.0
        and abs(proposals.score[column]) <= 1.0
        and (np.isnan(target) or (target > 0.0 and target < np.inf))
    ):
        return INVALID_INPUT, np.nan, np.nan
    return NONE, np.nan, np.nan


@lean_kernel
def review_order(
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    book: Book,
    verdicts: Verdicts,
    column: int,
) -> None:
    """Judge one order against the book so far and enter what it may become into the book."""
    held = book.units[column]
    order = proposals.units[column]
    after = held + order
    mid = marks.mid[column]
    if not abs(after) < np.inf or not mid > 0.0:
        verdicts.limit[column] = INVALID_INPUT
        return
    reach = max(limits.collar, limits.collar_sigmas * proposals.sigma[column])
    if held != 0.0 and held * after >= 0.0 and abs(after) <= abs(held):
        # Reducing needs no estimate of risk: where sigma is unknown the collar stands alone.
        reach = reach if reach < np.inf else limits.collar
        approved = order
        book.risk[column] *= after / held
    else:
        closing = -held if held * after < 0.0 else 0.0
        side = 1.0 if after > 0.0 else -1.0
        code, allowed, measured = refusal_before_size(
            proposals, exposed, marks, paths, limits, column
        )
        size = 0.0
        distance = proposals.stop_distance[column]
        if code == NONE:
            room = headroom(
                book, marks, paths, exposed.margin_rate, limits, exposed.equity, column, side,
                distance,
            )  # fmt: skip
            size = abs(after)
            if size > room.units:
                size = whole_units(room.units, exposed.unit_increment[column])
                code, allowed, measured = room.limit, room.allowed, room.measured
        if size > 0.0:
            correlated = largest_correlation(
                exposed.returns, exposed.row, book.units, limits, column, side
            )
            kept = size_kept(correlated, limits.correlation_threshold)
            if kept < 1.0:
                size = whole_units(kept * size, exposed.unit_increment[column])
                code, allowed, measured = CORRELATION, limits.correlation_threshold, correlated
        if held * after > 0.0 and size <= abs(held):
            size = 0.0
            approved = 0.0
        else:
            approved = side * size - held if size > 0.0 else closing
        verdicts.limit[column] = code
        verdicts.allowed[column] = allowed
        verdicts.measured[column] = measured
        if approved == 0.0:
            return
        reach = reach if reach < np.inf else limits.collar
        book.risk[column] = size * distance * marks.rate[column] if size > 0.0 else 0.0
    book.units[column] = held + approved
    book.weighed[0] = NOT_WEIGHED
    verdicts.units[column] = approved
    verdicts.lowest_price[column] = mid * (1.0 - reach)
    verdicts.highest_price[column] = mid * (1.0 + reach)


@lean_kernel
def strength(score: float) -> float:
    """Rank of a score in the review, the largest first; an unknown score is the weakest."""
    return -1.0 if np.isnan(score) else abs(score)


@lean_kernel
def rank_proposals(proposals: Proposals, verdicts: Verdicts) -> None:
    """Order what is proposed: the strongest score first, ties by column."""
    count = 0
    for column in range(proposals.units.shape[0]):
        if proposals.units[column] == 0.0:
            continue
        own = strength(proposals.score[column])
        place = count
        while place > 0 and strength(proposals.score[verdicts.ranked[place - 1]]) < own:
            verdicts.ranked[place] = verdicts.ranked[place - 1]
            place -= 1
        verdicts.ranked[place] = column
        count += 1
    verdicts.reviewed[0] = count


@lean_kernel
def review(
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    book: Book,
    verdicts: Verdicts,
) -> None:
    """Judge all proposals in the fixed order; `book` and `verdicts` are overwritten."""
    measure_book(book, exposed.units, exposed.working, exposed.stop_price, marks)
    review_measured(proposals, exposed, marks, paths, limits, book, verdicts)


@lean_kernel
def review_measured(
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    book: Book,
    verdicts: Verdicts,
) -> None:
    """`review` against a book that was measured on this bar, and is changed by what is approved."""
    for place in range(verdicts.reviewed[0]):
        column = verdicts.ranked[place]
        verdicts.units[column] = 0.0
        verdicts.limit[column] = NONE
        verdicts.allowed[column] = np.nan
        verdicts.measured[column] = np.nan
        verdicts.lowest_price[column] = np.nan
        verdicts.highest_price[column] = np.nan
    rank_proposals(proposals, verdicts)
    for place in range(verdicts.reviewed[0]):
        review_order(
            proposals, exposed, marks, paths, limits, book, verdicts, verdicts.ranked[place]
        )
