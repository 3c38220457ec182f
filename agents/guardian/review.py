"""The pre-trade review: every proposal becomes an approved size or a refusal.

Orders are taken in a fixed order: what only reduces, then what reverses, then what opens, within
each the strongest score first and ties by column; each against the book as the orders approved
before it would leave it. Whatever only reduces a position is approved, within a budget of messages
that a fall which closes everything does not ask; an order that reverses one is judged on what it
opens, and at least its closing part passes. Every limit fails closed: NaN, stale or non-positive
input refuses.

What opens is judged in this order: halts, the instrument and its price, the pace of orders, the
limits on sums (`exposure.headroom`), correlation with what is held, the size of the order, what
a day may cost the whole book (`agents.guardian.after_trade`), and whether it is a duplicate.
"""

from __future__ import annotations

import numpy as np

from agents.guardian.after_trade import size_within
from agents.guardian.codes import Halt, Limit
from agents.guardian.concentration import largest_correlation, size_kept
from agents.guardian.exposure import (
    NOT_WEIGHED,
    Book,
    bulk_of,
    headroom,
    measure_book,
)
from agents.guardian.limits import RiskLimits
from agents.guardian.pace import (
    Pace,
    repeats,
    take_approval,
    take_reduction,
    too_fast,
    too_many_reductions,
)
from agents.guardian.proposals import Exposed, Proposals, Verdicts
from agents.guardian.tail import STALE, Tail, enter_position
from market.budgets import SECOND_NS
from market.compiled import lean_kernel
from market.conversion import Conversion
from market.marks import Marks
from market.whole_units import whole_units

NONE = int(Limit.NONE)
INVALID_INPUT = int(Limit.INVALID_INPUT)
STALE_PRICE = int(Limit.STALE_PRICE)
CORRELATION = int(Limit.CORRELATION)
DRAWDOWN_HALT = int(Limit.DRAWDOWN_HALT)
DAILY_LOSS_HALT = int(Limit.DAILY_LOSS_HALT)
DRAWDOWN_FLATTEN = int(Limit.DRAWDOWN_FLATTEN)
RESTRICTED = int(Limit.RESTRICTED)
UNTRADEABLE = int(Limit.UNTRADEABLE)
CROSSED_QUOTE = int(Limit.CROSSED_QUOTE)
PRICE_JUMP = int(Limit.PRICE_JUMP)
DUPLICATE = int(Limit.DUPLICATE)
ORDER_VALUE = int(Limit.ORDER_VALUE)
ORDER_UNITS = int(Limit.ORDER_UNITS)
UNPROVEN_REDUCTION = int(Limit.UNPROVEN_REDUCTION)
REVERSAL, REDUCTION = 2.0, 4.0
"""Of `precedence`; a score is at most 1."""
NO_HALT = int(Halt.NONE)
HALTED_FOR_THE_DAY = int(Halt.DAILY_LOSS)
FLATTENING = int(Halt.DRAWDOWN_FLATTEN)


@lean_kernel
def oldest_price(marks: Marks, paths: Conversion, limits: RiskLimits, column: int) -> float:
    """Age in bars of the oldest price that an instrument's profit and loss takes to convert."""
    oldest: float = marks.age[column]
    for hop in range(paths.path_column.shape[1]):
        through = paths.path_column[column, hop]
        if through < 0 or not oldest <= limits.max_price_age:
            break
        oldest = marks.age[through]
    return oldest


@lean_kernel
def refusal_of_price(
    exposed: Exposed, marks: Marks, paths: Conversion, limits: RiskLimits, column: int
) -> tuple[int, float, float]:
    """What is wrong with an instrument's price, to open anything on it: (Limit, allowed, measured).

    Age inf is a market that cannot be traded now, or a price that nobody has seen.
    """
    oldest, spread = oldest_price(marks, paths, limits, column), marks.spread[column]
    if oldest == np.inf:
        return UNTRADEABLE, limits.max_price_age, oldest
    if not oldest <= limits.max_price_age:
        return STALE_PRICE, limits.max_price_age, oldest
    if spread < 0.0:
        return CROSSED_QUOTE, 0.0, spread
    if not (spread < np.inf and exposed.sigma[column] > 0.0 and exposed.sigma[column] < np.inf):
        return INVALID_INPUT, np.nan, np.nan
    before = exposed.sigma_before[column]
    jump = abs(exposed.returns[exposed.row, column]) / before
    if not (before > 0.0 and before < np.inf and jump <= limits.jump_sigmas):
        return PRICE_JUMP, limits.jump_sigmas, jump
    return NONE, np.nan, np.nan


@lean_kernel
def refusal_before_size(
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    pace: Pace,
    column: int,
    reach: float,
) -> tuple[int, float, float]:
    """Why nothing new may be opened whatever its size: (Limit, allowed, measured)."""
    if exposed.halt == HALTED_FOR_THE_DAY:
        return DAILY_LOSS_HALT, limits.max_daily_loss, np.nan
    if exposed.halt != NO_HALT:
        return DRAWDOWN_HALT, limits.max_drawdown, np.nan
    if exposed.traits.restricted[column] != 0:
        return RESTRICTED, np.nan, np.nan
    code, allowed, measured = refusal_of_price(exposed, marks, paths, limits, column)
    if code != NONE:
        return code, allowed, measured
    target, score = proposals.take_profit_distance[column], abs(proposals.score[column])
    if not (
        score > 0.0 and score <= 1.0 and (np.isnan(target) or (target > 0.0 and target < np.inf))
    ):
        return INVALID_INPUT, np.nan, np.nan
    return too_fast(
        pace, limits.pace, column, proposals.group[column], exposed.time, marks.mid[column], reach
    )


@lean_kernel
def collar_reach(exposed: Exposed, limits: RiskLimits, column: int) -> float:
    """How far from the mid an order may fill, as a fraction of it.

    Reducing needs no estimate of risk: where sigma is unknown the collar stands alone.
    """
    collar: float = exposed.traits.collar[column]
    sigma = exposed.sigma[column] if column < exposed.sigma.shape[0] else np.nan
    reach = max(collar, limits.collar_sigmas * sigma)
    return reach if reach < np.inf else collar


@lean_kernel
def is_proven_reduction(held: float, bare: float, order: float) -> bool:
    """Whether an order makes a position smaller, filled or not what already works.

    held: units with the working orders as if filled; bare: without them.
    """
    after, alone = held + order, bare + order
    shrinks = held * after >= 0.0 and abs(after) <= abs(held)
    return shrinks and bare * alone >= 0.0 and abs(alone) <= abs(bare)


@lean_kernel
def closing_part(held: float, bare: float, after: float) -> float:
    """What of an order that reverses closes, as far as it is proven: with the working orders filled
    and without them.
    """
    if not held * after < 0.0:
        return 0.0
    if is_proven_reduction(held, bare, -held):
        return -held
    return -bare if is_proven_reduction(held, bare, -bare) else 0.0


@lean_kernel
def largest_order(
    size: float, held: float, side: float, unit_value: float, equity: float, limits: RiskLimits
) -> tuple[float, int, float, float]:
    """The largest position after one order of admissible value and units: (size, Limit, allowed,
    measured); NONE where the order is small enough.
    """
    already = held * side
    units, value = size - already, (size - already) * unit_value
    if units > limits.max_order_units:
        size = limits.max_order_units + already
        return size, ORDER_UNITS, limits.max_order_units, units
    allowed = limits.max_order_value * equity
    if value > allowed:
        return allowed / unit_value + already, ORDER_VALUE, allowed, value
    return size, NONE, np.nan, np.nan


@lean_kernel
def size_to_open(
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    book: Book,
    tail: Tail,
    column: int,
    side: float,
    size: float,
) -> tuple[float, int, float, float]:
    """The largest position up to `size` that every limit admits: (size, Limit, allowed, measured).

    The Limit is that of the last which made it smaller, NONE where none did.
    """
    code, allowed, measured = NONE, np.nan, np.nan
    increment = exposed.traits.unit_increment[column]
    room = headroom(
        book, marks, paths, exposed.traits, limits, exposed.sigma, exposed.equity, column, side,
        proposals.stop_distance[column],
    )  # fmt: skip
    if size > room.units:
        size = whole_units(room.units, increment)
        code, allowed, measured = room.limit, room.allowed, room.measured
    if size > 0.0:
        correlated = largest_correlation(
            exposed.returns, exposed.row, book.bulk, limits, column, side
        )
        kept = size_kept(correlated, limits.correlation_threshold)
        if kept < 1.0:
            size = whole_units(kept * size, increment)
            code, allowed, measured = CORRELATION, limits.correlation_threshold, correlated
    if size > 0.0:
        unit_value = marks.mid[column] * marks.rate[column]
        most, bound, most_allowed, found = largest_order(
            size, book.units[column], side, unit_value, exposed.equity, limits
        )
        if bound != NONE:
            size = whole_units(most, increment)
            code, allowed, measured = bound, most_allowed, found
    if size > 0.0:
        within = size_within(exposed, marks, limits, book, tail, column, side, size)
        if within.limit != NONE:
            size = within.size
            code, allowed, measured = within.limit, within.allowed, within.measured
    return size, code, allowed, measured


@lean_kernel
def reduction(
    order: float, pace: Pace, limits: RiskLimits, exposed: Exposed, verdicts: Verdicts, column: int
) -> float:
    """What may be sent of an order that only reduces: all of it, or nothing where too many were.

    A fall that closes everything is counted and never held back.
    """
    if order == 0.0:
        return 0.0
    if exposed.halt == FLATTENING:
        verdicts.limit[column] = DRAWDOWN_FLATTEN
        verdicts.allowed[column] = limits.flatten_drawdown
    else:
        code, allowed, measured = too_many_reductions(pace, limits.pace, exposed.time)
        if code != NONE:
            verdicts.limit[column] = code
            verdicts.allowed[column] = allowed
            verdicts.measured[column] = measured
            return 0.0
    take_reduction(pace, exposed.time)
    return order


@lean_kernel
def review_order(
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    book: Book,
    tail: Tail,
    pace: Pace,
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
    reach = collar_reach(exposed, limits, column)
    if is_proven_reduction(held, exposed.units[column], order):
        approved = reduction(order, pace, limits, exposed, verdicts, column)
        if approved == 0.0:
            return
        book.risk[column] *= after / held if held != 0.0 else 0.0
        tail.of[0] = STALE
    else:
        closing = closing_part(held, exposed.units[column], after)
        side = 1.0 if after > 0.0 else -1.0
        code, allowed, measured = refusal_before_size(
            proposals, exposed, marks, paths, limits, pace, column, reach
        )
        size = 0.0
        if code == NONE:
            size, code, allowed, measured = size_to_open(
                proposals, exposed, marks, paths, limits, book, tail, column, side, abs(after)
            )
        if held * after >= 0.0 and size <= abs(held):
            size = 0.0
            approved = 0.0
            code = UNPROVEN_REDUCTION if code == NONE else code
        else:
            approved = side * size - held if size > 0.0 else closing
        if size > 0.0 and repeats(pace, limits.pace, column, approved, exposed.time):
            size, approved, code = 0.0, closing, DUPLICATE
            allowed = limits.pace.duplicate_ns / SECOND_NS
            measured = (exposed.time - pace.order_time[column]) / SECOND_NS
        verdicts.limit[column] = code
        verdicts.allowed[column] = allowed
        verdicts.measured[column] = measured
        if size == 0.0:  # what is left of it only reduces
            approved = reduction(approved, pace, limits, exposed, verdicts, column)
        if approved == 0.0:
            return
        book.risk[column] = 0.0
        weighed = size > 0.0 and exposed.working[column] == 0.0  # else the book weighs more
        tail.of[0] = tail.of[0] if weighed else STALE
        if size > 0.0:
            book.risk[column] = size * proposals.stop_distance[column] * marks.rate[column]
            take_approval(
                pace, limits.pace, column, proposals.group[column], approved, exposed.time, mid
            )
            value = side * size * mid * marks.rate[column]
            enter_position(tail, value)
    book.units[column] = held + approved
    book.bulk[column] = bulk_of(exposed.units[column], exposed.working[column], held + approved)
    book.weighed[0] = NOT_WEIGHED
    verdicts.units[column] = approved
    verdicts.lowest_price[column] = mid * (1.0 - reach)
    verdicts.highest_price[column] = mid * (1.0 + reach)


@lean_kernel
def precedence(proposals: Proposals, exposed: Exposed, book: Book, column: int) -> float:
    """Place of an order in the review, the largest first.

    What only reduces comes first, so that nothing leans on a hedge that goes; then what reverses;
    then what opens. Within each the strongest score; an unknown one is the weakest.
    """
    order, score = proposals.units[column], abs(proposals.score[column])
    if is_proven_reduction(book.units[column], exposed.units[column], order):
        return REDUCTION
    known = score if score <= 1.0 else -1.0
    held = book.units[column]
    return REVERSAL + known if held * (held + order) < 0.0 else known


@lean_kernel
def rank_proposals(proposals: Proposals, exposed: Exposed, book: Book, verdicts: Verdicts) -> None:
    """Order what is proposed by `precedence`, ties by column."""
    count = 0
    for column in range(proposals.units.shape[0]):
        if proposals.units[column] == 0.0:
            continue
        own = precedence(proposals, exposed, book, column)
        place = count
        while place > 0 and precedence(proposals, exposed, book, verdicts.ranked[place - 1]) < own:
            verdicts.ranked[place] = verdicts.ranked[place - 1]
            place -= 1
        verdicts.ranked[place] = column
        count += 1
    verdicts.reviewed[0] = count


@lean_kernel
def close_everything(proposals: Proposals, exposed: Exposed, book: Book) -> None:
    """Propose, instead of whatever else was, to close every position.

    Where something works that would still open, the position alone is closed: the rest is the
    gateway's to cancel.
    """
    for column in range(proposals.units.shape[0]):
        bare = exposed.units[column]
        held = book.units[column]
        proposals.units[column] = -bare if is_proven_reduction(held, bare, -bare) else 0.0
        if proposals.units[column] == 0.0 and is_proven_reduction(held, bare, -held):
            proposals.units[column] = -held
        proposals.score[column] = np.nan
        proposals.stop_distance[column] = np.nan
        proposals.take_profit_distance[column] = np.nan
        proposals.trailing_distance[column] = np.nan


@lean_kernel
def review(
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    book: Book,
    tail: Tail,
    pace: Pace,
    verdicts: Verdicts,
) -> None:
    """Judge all proposals in the fixed order; `book` and `verdicts` are overwritten."""
    measure_book(book, exposed.units, exposed.working, exposed.stop_price, marks)
    review_measured(proposals, exposed, marks, paths, limits, book, tail, pace, verdicts)


@lean_kernel
def review_measured(
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    book: Book,
    tail: Tail,
    pace: Pace,
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
    if exposed.halt == FLATTENING:
        close_everything(proposals, exposed, book)
    rank_proposals(proposals, exposed, book, verdicts)
    tail.of[0] = STALE
    for place in range(verdicts.reviewed[0]):
        review_order(
            proposals, exposed, marks, paths, limits, book, tail, pace, verdicts,
            verdicts.ranked[place],
        )  # fmt: skip
