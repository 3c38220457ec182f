"""How often orders were approved and filled: duplicates, message rates, repeated executions.

SEC 15c3-5 and ESMA RTS 6 (2017/589, articles 15 and 16) ask for each of these. What only reduces a
position has a budget of its own, far above all others, and takes nothing from theirs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.codes import Limit
from agents.guardian.limits import PaceLimits
from market.bars import Floats
from market.budgets import LONG_AGO, SECOND_NS, over_budget, spend, unspent
from market.compiled import lean_kernel

NONE = int(Limit.NONE)
PRICE_COLLAR = int(Limit.PRICE_COLLAR)
MESSAGE_RATE = int(Limit.MESSAGE_RATE)
REDUCTION_RATE = int(Limit.REDUCTION_RATE)
EXECUTION_THROTTLE = int(Limit.EXECUTION_THROTTLE)
DUPLICATE = int(Limit.DUPLICATE)
NOBODY = -1.0
ENABLED = -1.0


class Pace(NamedTuple):
    """What is remembered of orders; float64 throughout, times in UTC nanoseconds.

    order_time, order_units: (M,) the newest approved. collar_time, collar_mid: (M,) since when and
    at which mid the collar's window runs. opened_by: (M,) the agent that carried the newest,
    NOBODY. messages: (P,) times of the newest approvals of the whole desk, from `next_message[0]`
    on the oldest. fills: (A, F) times of the newest fills by agent, from `next_fill[a]` the
    oldest. disabled: (A,) bars since an agent's orders were disabled, ENABLED where they are not.
    reduced: (2, 3) orders that only reduced, as of `market.budgets`; all others are about orders
    that open. All are views of one row; what is added later goes to its end, so that an older
    memory is the beginning of a newer.
    """

    order_time: Floats
    order_units: Floats
    collar_time: Floats
    collar_mid: Floats
    opened_by: Floats
    messages: Floats
    next_message: Floats
    fills: Floats
    next_fill: Floats
    disabled: Floats
    reduced: Floats


def unhurried(instruments: int, agents: int, limits: PaceLimits) -> Pace:
    """Nothing was ordered yet."""
    messages = max(limits.per_minute, limits.per_second)
    return _nothing_ordered(instruments, agents, messages, limits.max_fills)


def _nothing_ordered(instruments: int, agents: int, messages: int, fills: int) -> Pace:
    long_ago = np.full(instruments, LONG_AGO)
    return _in_one_row(
        Pace(
            order_time=long_ago,
            order_units=np.zeros(instruments),
            collar_time=long_ago,
            collar_mid=np.full(instruments, np.nan),
            opened_by=np.full(instruments, NOBODY),
            messages=np.full(messages, LONG_AGO),
            next_message=np.zeros(1),
            fills=np.full((agents, fills), LONG_AGO),
            next_fill=np.zeros(agents),
            disabled=np.full(agents, ENABLED),
            reduced=unspent(),
        )
    )


def _in_one_row(pace: Pace) -> Pace:
    """The same as views of one row, which is remembered as a whole with every review."""
    row = np.concatenate([part.ravel() for part in pace])
    ends = np.cumsum([part.size for part in pace])[:-1]
    return Pace._make(
        place.reshape(part.shape) for place, part in zip(np.split(row, ends), pace, strict=True)
    )


def pace_row(pace: Pace) -> Floats:
    """Everything that it holds, in one row that it goes on to write in."""
    row: Floats | None = pace.order_time.base
    assert row is not None, "the parts of a Pace are views of one row"
    return row


@lean_kernel
def newest_but(ring: Floats, following: float, back: int) -> float:
    """The time `back` places before the newest of a ring; 0 is the newest."""
    place = int(following) - 1 - back
    result: float = ring[place if place >= 0 else place + ring.size]
    return result


@lean_kernel
def push_time(ring: Floats, following: float, time: float) -> float:
    """Put a time over the oldest of a ring; returns where the next goes."""
    place = int(following)
    ring[place] = time
    return float(place + 1 if place + 1 < ring.size else 0)


@lean_kernel
def take_fill(pace: Pace, limits: PaceLimits, column: int, time: float) -> None:
    """A fill in `column` counts for the agent that opened there; too many disable its orders."""
    agent = int(pace.opened_by[column])
    if agent < 0:
        return
    ring = pace.fills[agent]
    pace.next_fill[agent] = push_time(ring, pace.next_fill[agent], time)
    within = newest_but(ring, pace.next_fill[agent], limits.max_fills - 1) > time - limits.fills_ns
    if within and pace.disabled[agent] == ENABLED:
        pace.disabled[agent] = 0.0


@lean_kernel
def pass_bar(pace: Pace, rearm_after: int) -> None:
    """A bar has ended; a replay's supervisor enables what was disabled `rearm_after` bars ago.

    rearm_after: -1 where a person must.
    """
    for agent in range(pace.disabled.shape[0]):
        if pace.disabled[agent] != ENABLED:
            pace.disabled[agent] += 1.0
            if 0 <= rearm_after < pace.disabled[agent]:
                enable(pace, agent)


@lean_kernel
def enable(pace: Pace, agent: int) -> None:
    """Allow an agent's orders again; its fills are counted anew."""
    pace.disabled[agent] = ENABLED
    for place in range(pace.fills.shape[1]):
        pace.fills[agent, place] = LONG_AGO


@lean_kernel
def too_fast(
    pace: Pace, limits: PaceLimits, column: int, agent: int, time: float, mid: float, collar: float
) -> tuple[int, float, float]:
    """Why nothing may be opened in `column` now: (Limit, allowed, measured)."""
    if agent >= 0 and pace.disabled[agent] != ENABLED:
        return EXECUTION_THROTTLE, float(limits.max_fills), float(limits.max_fills)
    following = pace.next_message[0]
    if newest_but(pace.messages, following, limits.per_second - 1) > time - SECOND_NS:
        return MESSAGE_RATE, float(limits.per_second), float(limits.per_second + 1)
    if newest_but(pace.messages, following, limits.per_minute - 1) > time - 60.0 * SECOND_NS:
        return MESSAGE_RATE, float(limits.per_minute), float(limits.per_minute + 1)
    if pace.collar_time[column] > time - limits.collar_ns:
        moved = abs(mid / pace.collar_mid[column] - 1.0)
        if not moved <= collar:
            return PRICE_COLLAR, collar, moved
    return NONE, np.nan, np.nan


@lean_kernel
def repeats(pace: Pace, limits: PaceLimits, column: int, units: float, time: float) -> bool:
    """Whether an order is the newest of its instrument over again."""
    same: bool = pace.order_units[column] == units
    return same and pace.order_time[column] > time - limits.duplicate_ns


@lean_kernel
def take_approval(
    pace: Pace, limits: PaceLimits, column: int, agent: int, units: float, time: float, mid: float
) -> None:
    """Remember an order that opens."""
    pace.order_time[column] = time
    pace.order_units[column] = units
    pace.opened_by[column] = float(agent)
    pace.next_message[0] = push_time(pace.messages, pace.next_message[0], time)
    if not pace.collar_time[column] > time - limits.collar_ns:
        pace.collar_time[column] = time
        pace.collar_mid[column] = mid


@lean_kernel
def too_many_reductions(pace: Pace, limits: PaceLimits, time: float) -> tuple[int, float, float]:
    """Why not even a reduction may be approved now: (Limit, allowed, measured)."""
    allowed, measured = over_budget(
        pace.reduced, limits.reductions_per_second, limits.reductions_per_minute, time
    )
    return (NONE if np.isnan(measured) else REDUCTION_RATE), allowed, measured


@lean_kernel
def take_reduction(pace: Pace, time: float) -> None:
    """Remember an order that only reduces."""
    spend(pace.reduced, time)


def resume_pace(pace: Pace, memory: Floats) -> None:
    """Go on from what `pace_row` gave, which must be of the same desk and limits.

    What a memory does not reach yet, because it was written before that was remembered, is as on a
    desk that has ordered nothing.
    """
    nothing = _nothing_ordered(
        len(pace.order_time), len(pace.disabled), len(pace.messages), pace.fills.shape[1]
    )
    pace_row(pace)[:] = np.concatenate([memory, pace_row(nothing)[len(memory) :]])


def memory_lengths(pace: Pace) -> tuple[int, ...]:
    """How long a memory of such a desk may be, oldest version first."""
    whole = sum(part.size for part in pace)
    return 0, whole - pace.reduced.size, whole
