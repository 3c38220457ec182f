"""What the guardian takes in of a bar before it reviews: the equity and the fills."""

from __future__ import annotations

from agents.guardian.breakers import Breakers, Watched, watch_equity
from agents.guardian.limits import RiskLimits
from agents.guardian.pace import Pace, pass_bar, take_fill
from market.bars import Floats
from market.compiled import lean_kernel


@lean_kernel
def take_bar(
    breakers: Breakers,
    pace: Pace,
    limits: RiskLimits,
    filled: Floats,
    time_ns: int,
    equity: float,
    rearm_after: int,
) -> Watched:
    """Take in the equity after a bar and the fills since the bar before; what the equity set off.

    filled: (M,) how many by instrument. rearm_after: bars after which a replay's supervisor arms
    again what was halted or disabled; -1 where a person must.
    """
    watched = watch_equity(breakers, limits, time_ns, equity, rearm_after)
    for column in range(filled.shape[0]):
        for _ in range(int(filled[column])):
            take_fill(pace, limits.pace, column, float(time_ns))
    pass_bar(pace, rearm_after)
    return watched
