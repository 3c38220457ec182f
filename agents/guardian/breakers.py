"""Halts: when losses stop new risk, and how trading is armed again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.guardian.codes import Halt
from agents.guardian.limits import RiskLimits
from market.bars import Floats
from market.compiled import lean_kernel
from market.errors import InvalidError

NO_HALT = int(Halt.NONE)
DRAWDOWN = int(Halt.DRAWDOWN)
DAILY_LOSS = int(Halt.DAILY_LOSS)
FLATTEN = int(Halt.DRAWDOWN_FLATTEN)
DAY_NS = 86_400_000_000_000


class Breakers(NamedTuple):
    """Memory of the halts; every array (1,).

    peak: running maximum of equity since the start or the last re-arming.
    day: UTC day of the newest bar, days since 1970. day_start: equity at the last bar of the
    day before. last: newest equity. halt: a Halt. halted_bars: bars since the drawdown halt.
    """

    peak: Floats
    day: NDArray[np.int64]
    day_start: Floats
    last: Floats
    halt: NDArray[np.int64]
    halted_bars: NDArray[np.int64]


def armed_breakers(equity: float) -> Breakers:
    """Breakers at the start of a session."""
    return Breakers(
        peak=np.array([equity]),
        day=np.zeros(1, dtype=np.int64),
        day_start=np.array([equity]),
        last=np.array([equity]),
        halt=np.zeros(1, dtype=np.int64),
        halted_bars=np.zeros(1, dtype=np.int64),
    )


def remembered(breakers: Breakers) -> Floats:
    """(6,) everything the breakers hold, in the order of their fields."""
    return np.concatenate(breakers, dtype=np.float64)


def resume_breakers(breakers: Breakers, memory: Floats) -> None:
    """Go on from what `remembered` gave, to the last bit.

    Raises InvalidError, and changes nothing, where that is not so many numbers.
    """
    if memory.shape != (len(breakers),):
        raise InvalidError(
            f"the breakers remember {len(breakers)} numbers, found an array of shape "
            f"{memory.shape}; the journal was written by another version"
        )
    for part, value in zip(breakers, memory, strict=True):
        part[0] = value


@lean_kernel
def is_amount(equity: float) -> bool:
    """Whether an equity is a positive, finite number."""
    return equity > 0.0 and equity < np.inf


@lean_kernel
def drawdown(breakers: Breakers) -> float:
    """1 − equity / running peak; positive when below the peak."""
    result: float = 1.0 - breakers.last[0] / breakers.peak[0]
    return result


@lean_kernel
def daily_loss(breakers: Breakers) -> float:
    """1 − equity / equity at the last bar of the day before; positive when it fell."""
    result: float = 1.0 - breakers.last[0] / breakers.day_start[0]
    return result


@lean_kernel
def by_drawdown(halt: int) -> bool:
    """Whether a halt is one that a drawdown set off."""
    return halt in (DRAWDOWN, FLATTEN)


@lean_kernel
def observe_equity(breakers: Breakers, limits: RiskLimits, time_ns: int, equity: float) -> int:
    """Take in the equity after a bar and return the Halt now in force.

    A drawdown halt latches until `rearm`, and becomes one that flattens where the fall goes on; a
    daily-loss halt ends with the UTC day. An equity that is not a positive, finite number halts as
    a drawdown does; it flattens nothing, for nothing is known of what is left.
    """
    if not 0 <= time_ns - breakers.day[0] * DAY_NS < DAY_NS:  # most bars begin no day
        breakers.day[0] = time_ns // DAY_NS
        breakers.day_start[0] = breakers.last[0]
        if breakers.halt[0] == DAILY_LOSS:
            breakers.halt[0] = NO_HALT
    breakers.last[0] = equity
    known = is_amount(equity)
    if known and not breakers.peak[0] >= equity:
        breakers.peak[0] = equity
    if by_drawdown(breakers.halt[0]):
        breakers.halted_bars[0] += 1
    elif not (known and drawdown(breakers) < limits.max_drawdown):
        breakers.halt[0] = DRAWDOWN
        breakers.halted_bars[0] = 0
    elif not daily_loss(breakers) < limits.max_daily_loss:
        breakers.halt[0] = DAILY_LOSS
    if breakers.halt[0] == DRAWDOWN and known and drawdown(breakers) >= limits.flatten_drawdown:
        breakers.halt[0] = FLATTEN
    halt: int = breakers.halt[0]
    return halt


@lean_kernel
def rearm(breakers: Breakers, limits: RiskLimits) -> None:
    """End a drawdown halt; the drawdown is measured anew from the present equity.

    A day's loss beyond its limit halts on until the day is over: that is not the re-armer's to
    forgive.
    """
    breakers.halt[0] = NO_HALT
    breakers.halted_bars[0] = 0
    if is_amount(breakers.last[0]):
        breakers.peak[0] = breakers.last[0]
    if not daily_loss(breakers) < limits.max_daily_loss:
        breakers.halt[0] = DAILY_LOSS


class Watched(NamedTuple):
    """What an equity set off, in this order.

    halted: the Halt that began, NO_HALT for none; loss: what it measured. rearmed: bars of the
    drawdown halt that the scripted supervisor ended, -1 when it ended none. halted_again,
    loss_again: the halt that remains after that.
    """

    halted: int
    loss: float
    rearmed: int
    halted_again: int
    loss_again: float


@lean_kernel
def halting_loss(breakers: Breakers) -> float:
    """What the halt in force measures."""
    return drawdown(breakers) if by_drawdown(breakers.halt[0]) else daily_loss(breakers)


@lean_kernel
def watch_equity(
    breakers: Breakers, limits: RiskLimits, time_ns: int, equity: float, rearm_after: int
) -> Watched:
    """Take in the equity after a bar; a replay's supervisor re-arms after `rearm_after` bars.

    rearm_after: -1 where a person must re-arm.
    """
    before = breakers.halt[0]
    halt = observe_equity(breakers, limits, time_ns, equity)
    halted = halt if halt != before else NO_HALT
    loss = halting_loss(breakers) if halted != NO_HALT else np.nan
    rearmed, again, loss_again = -1, NO_HALT, np.nan
    if by_drawdown(halt) and 0 <= rearm_after <= breakers.halted_bars[0]:
        rearmed = breakers.halted_bars[0]
        rearm(breakers, limits)
        again = breakers.halt[0]
        loss_again = halting_loss(breakers)
    return Watched(halted, loss, rearmed, again, loss_again)
