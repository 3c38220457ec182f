"""`DeskSnapshot`: everything a desk needs to go on, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from market.bars import Bars, Floats
from market.breakers import Trip
from market.conversion import Indices
from market.events import AllocationApplied, SessionStarted
from market.learned import Learned
from market.live_events import LimitOverridden, RulesTakenUp, StageChanged
from market.order_groups import OrderGroup
from market.order_life import OpenOrder
from market.stage_evidence import StageEvidence
from market.untold_fold import Untold


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSnapshot:
    """A `DeskState` as one value: what a coordinator starts from, what a snapshot keeps.

    M instruments, N of them traded, R bars, S decisions. sequence, decided: the newest bar, and the
    newest that was decided on; -1 without any. time: of the market, ns. used: the newest decision
    whose approvals were taken. last_transaction: the newest of the broker's that is booked.
    openings, flattens: so far. halt: the guardian's in force, NONE without one; breakers: what its
    breakers remember. orders: those whose end is not on record. units, average_price, realised:
    (M,), and cash, as fills and bookings add up. weights: by agent. seated: the agents that run.
    allocation: the newest applied. bar_time: (R,), bar_values: (R, 6, M) of the newest bars, also
    those not decided on. score_time: (S,) of the bars decided on; scores: (S, N) of the newest
    decisions. staged: its capital stage, None where none is on record; evidence: at that. trips: of
    the gateway's breakers, those that are over, oldest first, then those in force. peak: largest
    equity since the start or the last reset of the breaker that flattens, transfers apart; 0 where
    it is not known yet. overrides: of limits, on record, oldest first. groups: of orders of which
    one may fill, oldest first. learned: what was foretold and learned where stakes are Kelly's.
    rules: those that it was taken up with last, None for those of `started`. untold: fills and
    financing that no review, or no bar, has been told of.
    """

    started: SessionStarted
    epoch: int
    sequence: int
    decided: int
    time: int
    used: int
    last_transaction: int
    openings: int
    flattens: int
    mode: str
    mode_by: str
    mode_reason: str
    halt: str
    orders: tuple[OpenOrder, ...]
    units: Floats
    average_price: Floats
    cash: float
    realised: Floats
    weights: dict[str, float]
    seated: tuple[str, ...]
    breakers: Floats
    allocation: AllocationApplied | None
    bar_time: Indices
    bar_values: Floats
    score_time: Indices
    scores: Floats
    staged: StageChanged | None = None
    evidence: StageEvidence = field(default_factory=StageEvidence)
    trips: tuple[Trip, ...] = ()
    peak: float = 0.0
    overrides: tuple[LimitOverridden, ...] = ()
    groups: tuple[OrderGroup, ...] = ()
    learned: Learned = field(default_factory=Learned)
    rules: RulesTakenUp | None = None
    untold: Untold = field(default_factory=Untold)


def bars_of(kept: DeskSnapshot, count: int) -> Bars:
    """The bars of a snapshot, first `count` instruments, as a panel."""
    started = kept.started
    values = np.ascontiguousarray(kept.bar_values[:, :, :count].transpose(1, 0, 2))
    return Bars(
        symbols=started.symbols[:count],
        time=kept.bar_time,
        open=values[0],
        high=values[1],
        low=values[2],
        close=values[3],
        spread=values[4],
        volume=values[5],
        interval_s=started.interval_s,
        has_extremes=started.has_extremes,
    )
