"""A bar as the guardian takes it: the equity and the fills first, then what is proposed on it."""

from __future__ import annotations

from agents.guardian.breakers import Breakers, Watched, watch_equity
from agents.guardian.exposure import Book
from agents.guardian.limits import RiskLimits
from agents.guardian.pace import Pace, pass_bar, take_fill
from agents.guardian.proposals import Exposed, Proposals, Verdicts
from agents.guardian.review import review
from agents.guardian.tail import Tail
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion
from market.marks import Marks


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


@lean_kernel
def review_bar(
    breakers: Breakers,
    filled: Floats,
    time_ns: int,
    rearm_after: int,
    proposals: Proposals,
    exposed: Exposed,
    marks: Marks,
    paths: Conversion,
    limits: RiskLimits,
    book: Book,
    tail: Tail,
    pace: Pace,
    verdicts: Verdicts,
) -> Watched:
    """`take_bar`, then `review` under the halt that it leaves; what the equity set off.

    exposed: its own halt counts for nothing. One kernel, for a decision waits for every array that
    is handed to one.
    """
    watched = take_bar(breakers, pace, limits, filled, time_ns, exposed.equity, rearm_after)
    halted = Exposed(
        exposed.units,
        exposed.working,
        exposed.stop_price,
        exposed.traits,
        exposed.equity,
        breakers.halt[0],
        exposed.returns,
        exposed.row,
        exposed.sigma,
        exposed.sigma_before,
        exposed.time,
    )
    review(proposals, halted, marks, paths, limits, book, tail, pace, verdicts)
    return watched
