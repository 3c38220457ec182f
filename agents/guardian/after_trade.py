"""How large a position may be for what a day may then cost the whole book."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.codes import Limit
from agents.guardian.exposure import Book
from agents.guardian.limits import RiskLimits
from agents.guardian.proposals import Exposed
from agents.guardian.stress import NORMAL_95, stress_losses
from agents.guardian.tail import (
    NOBODY,
    Deviation,
    Tail,
    day_deviation,
    deviation_beside,
    fill_profit,
    historical_loss,
    is_historical_loss_above,
)
from market.compiled import lean_kernel
from market.marks import Marks
from market.whole_units import whole_units

NONE = int(Limit.NONE)
INVALID_INPUT = int(Limit.INVALID_INPUT)
DAILY_VAR = int(Limit.DAILY_VAR)
PORTFOLIO_VAR = int(Limit.PORTFOLIO_VAR)
STRESS_VOLATILITY = int(Limit.STRESS_VOLATILITY)
STRESS_LIQUIDITY = int(Limit.STRESS_LIQUIDITY)
HALVINGS = 12
"""Steps in which a size that is too large is narrowed down: to a four-thousandth of it."""


class Within(NamedTuple):
    """size: whole units, 0 where none is admissible. limit: what made it smaller, NONE; allowed,
    measured: that limit and what was found at the size asked for, account currency.
    """

    size: float
    limit: int
    allowed: float
    measured: float


@lean_kernel
def breach(
    exposed: Exposed,
    marks: Marks,
    limits: RiskLimits,
    book: Book,
    tail: Tail,
    sums: Deviation,
    column: int,
    side: float,
    size: float,
) -> tuple[int, float, float]:
    """The first limit on a day's loss that the book breaks with this position: (Limit, allowed,
    measured). `book` is weighed without `column`.
    """
    equity = exposed.equity
    value = side * size * marks.mid[column] * marks.rate[column]
    sigma = day_deviation(sums, value, limits)
    if not sigma < np.inf:
        return INVALID_INPUT, np.nan, np.nan
    half_spreads = book.half_spreads[0] + 0.5 * size * marks.spread[column] * marks.rate[column]
    losses = stress_losses(0.0, sigma, 0.0, half_spreads, 0.0)
    loss, allowed = NORMAL_95 * sigma, limits.max_daily_var * equity
    if not loss <= allowed:
        return DAILY_VAR, allowed, loss
    loss, allowed = losses.volatility_spike, limits.stress.volatility_spike * equity
    if not loss <= allowed:
        return STRESS_VOLATILITY, allowed, loss
    loss, allowed = losses.liquidity_crisis, limits.stress.liquidity_crisis * equity
    if not loss <= allowed:
        return STRESS_LIQUIDITY, allowed, loss
    allowed = limits.max_portfolio_var * equity
    if is_historical_loss_above(tail, value, sums.known, allowed, limits):
        return PORTFOLIO_VAR, allowed, historical_loss(tail, value, sums.known, limits)
    return NONE, np.nan, np.nan


@lean_kernel
def size_within(
    exposed: Exposed,
    marks: Marks,
    limits: RiskLimits,
    book: Book,
    tail: Tail,
    column: int,
    side: float,
    size: float,
) -> Within:
    """The position up to `size` in `column` with which no limit on a day's loss is broken.

    `book` is weighed without `column`. A book that breaks one already admits nothing. A smaller
    size is searched for by halving, and none is answered that was not measured.
    """
    left_out = NOBODY if book.bulk[column] == 0.0 else column
    if tail.of[0] != left_out:
        fill_profit(book, marks, exposed.returns, exposed.row, tail, left_out)
    sums = deviation_beside(tail, exposed.returns, exposed.row, column)
    increment = exposed.traits.unit_increment[column]
    limit, allowed, measured = NONE, np.nan, np.nan
    admitted, refused, tried = -1.0, size, size
    for step in range(HALVINGS + 2):
        code, most, found = breach(exposed, marks, limits, book, tail, sums, column, side, tried)
        if step == 0:
            if code == NONE:
                return Within(size, NONE, np.nan, np.nan)
            limit, allowed, measured = code, most, found
            tried = 0.0
            continue
        if code == NONE:
            admitted = tried
        elif step == 1:
            break
        else:
            refused = tried
        tried = whole_units(0.5 * (admitted + refused), increment)
        if tried <= admitted:
            break
    return Within(max(admitted, 0.0), limit, allowed, measured)
