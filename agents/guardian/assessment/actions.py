"""What to do about a limit that is breached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.guardian.assessment.factors import Factors
from agents.guardian.assessment.uses import LimitUse, limit_uses, use_of
from market.bars import Floats

HALVINGS = 16
ROUNDS = 4
"""Times that each position may be looked at again: reducing one hedge may breach another limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducePosition:
    """An order that makes a position smaller.

    units: signed, of the order: opposite to the position, never more than it, a multiple of the
    instrument's increment unless all of it is closed. code: the limit that asks for it first.
    """

    symbol: str
    units: float
    code: str


def recommended(factors: Factors, units: Floats, increments: Floats) -> tuple[ReducePosition, ...]:
    """Reductions that, done together, bring every breached limit back inside.

    units, increments: (H,) of the positions of `factors`. The most breached limit is taken first;
    in it, the position that uses most of it is reduced as far as is needed, whole positions at
    last. A limit that is unknown, or that no reduction helps (a drawdown), asks for nothing.
    """
    kept = np.ones(len(units))
    asked_by: dict[int, str] = {}
    for _ in range(ROUNDS * len(units)):
        use = _most_breached(limit_uses(factors, kept))
        if use is None:
            break
        while not use.is_inside:
            column = _next(use, kept)
            if column is None:
                break
            asked_by.setdefault(column, use.code)
            kept[column] = _part_kept(factors, kept, column, use.code, units, increments)
            use = use_of(factors, kept, use.code)
        if not use.is_inside:
            break
    return tuple(
        ReducePosition(
            symbol=factors.symbols[column],
            units=float(-units[column] + kept[column] * units[column]),
            code=asked_by[column],
        )
        for column in sorted(asked_by)
    )


def _most_breached(uses: Sequence[LimitUse]) -> LimitUse | None:
    over = [use for use in uses if use.used > 1.0 and not use.is_inside and len(use.contribution)]
    return max(over, key=lambda use: use.used, default=None)


def _next(breached: LimitUse, kept: Floats) -> int | None:
    share = np.where(kept > 0.0, np.nan_to_num(breached.contribution), 0.0)
    column = int(np.argmax(share))
    return column if share[column] > 0.0 else None


def _part_kept(
    factors: Factors, kept: Floats, column: int, code: str, units: Floats, increments: Floats
) -> float:
    """The largest part of a position, in whole increments, with which the limit holds; else 0."""

    def holds(part: float) -> bool:
        tried = kept.copy()
        tried[column] = part
        return use_of(factors, tried, code).is_inside

    size, increment = abs(float(units[column])), float(increments[column])
    low, high = 0.0, float(kept[column])
    if not holds(low):
        return 0.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    part = float(np.floor(low * size / increment) * increment) / size
    return part if holds(part) else 0.0
