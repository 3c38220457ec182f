"""What the record says when the breakers halt or re-arm."""

from __future__ import annotations

from agents.guardian.breakers import Watched
from agents.guardian.codes import Halt
from agents.guardian.limits import RiskLimits
from market.events import Event, TradingHalted, TradingRearmed

SUPERVISOR = "scripted supervisor of the replay"


def watch_notices(
    watched: Watched, limits: RiskLimits, sequence: int, time: int
) -> tuple[Event, ...]:
    """The events of one bar's equity, in the order in which they happened."""
    notices: list[Event] = []
    if watched.halted != Halt.NONE:
        notices.append(halted(watched.halted, watched.loss, limits, sequence, time))
    if watched.rearmed >= 0:
        notices.append(
            TradingRearmed(
                sequence=sequence,
                time=time,
                halt=Halt.DRAWDOWN.name,
                by=SUPERVISOR,
                after_bars=int(watched.rearmed),
            )
        )
    if watched.halted_again != Halt.NONE:
        notices.append(halted(watched.halted_again, watched.loss_again, limits, sequence, time))
    return tuple(notices)


def halted(
    halt: int, measured: float, limits: RiskLimits, sequence: int, time: int
) -> TradingHalted:
    """Trading halted: which breaker, its limit and what it measured."""
    limit = {
        Halt.DRAWDOWN: limits.max_drawdown,
        Halt.DRAWDOWN_FLATTEN: limits.flatten_drawdown,
    }.get(Halt(int(halt)), limits.max_daily_loss)
    return TradingHalted(
        sequence=sequence,
        time=time,
        halt=Halt(int(halt)).name,
        limit=limit,
        measured=float(measured),
    )
