"""`RunRecord`: a journal as arrays and frames, ready to be measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from coordinator.results.frames import frame_of, order_frame, verdict_frame
from coordinator.results.history import (
    Decided,
    Settled,
    decisions_taken,
    settled_bars,
    stack,
)
from infra.journal.chain import GENESIS
from infra.journal.reader import read_numbered
from market.bars import Floats
from market.conversion import Indices
from market.errors import JournalError
from market.events import (
    AgentAbstained,
    AllocationApplied,
    AllocationMissed,
    BarSettled,
    CalibrationFitted,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
    SessionEnded,
    SessionStarted,
    TradingHalted,
    TradingRearmed,
)
from market.live_events import (
    AccountSeen,
    LimitOverridden,
    ModeChanged,
    OverrideEnded,
    RiskAssessed,
    RulesTakenUp,
    StageChanged,
    TradingOpened,
)
from market.modes import Mode
from market.orders import Cancellation, Fill

UNFINISHED = "unfinished"
STOPPED = "stopped"
CLOSE = 3
"""Of a bar's values: open, high, low, close, spread, volume."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RunRecord:
    """Everything that a journal says about a run.

    ended: None where the journal stops before its last event. stopped: whether a live desk settled
    and closed its books last; it may be resumed. missing: in words, what a whole
    journal would have and this one lacks. digest: hash of the chain of the `events` read.
    executions: the fills as values. fills, orders, cancellations, verdicts, halts, rearms,
    allocations, missed_allocations, abstentions: one row an event, columns named as its fields.
    allocation_weights: (R, N), one row an allocation. stops_seen: of a live desk, by sequence, the
    stop prices (M,) that its broker had; primed_time (T,), primed_close (T, M): the bars it was
    primed with before its first. assessments: what its guardian measured beside the path.
    calibrations: every fit of what confidence was worth, oldest first. stages, overrides: of a live
    desk, everything on record of its capital stage and of overridden limits, oldest first. rules:
    those that it was taken up with since, oldest first.
    """

    session: SessionStarted
    ended: SessionEnded | None
    stopped: bool
    missing: tuple[str, ...]
    events: int
    digest: str
    settled: Settled
    decided: Decided
    executions: tuple[Fill, ...]
    fills: pd.DataFrame
    orders: pd.DataFrame
    cancellations: pd.DataFrame
    verdicts: pd.DataFrame
    halts: pd.DataFrame
    rearms: pd.DataFrame
    allocations: pd.DataFrame
    allocation_weights: Floats
    missed_allocations: pd.DataFrame
    abstentions: pd.DataFrame
    calibrations: tuple[CalibrationFitted, ...]
    stops_seen: tuple[tuple[int, Floats], ...]
    primed_time: Indices
    primed_close: Floats
    assessments: tuple[RiskAssessed, ...]
    stages: tuple[StageChanged, ...] = ()
    overrides: tuple[LimitOverridden | OverrideEnded, ...] = ()
    rules: tuple[RulesTakenUp, ...] = ()

    def __repr__(self) -> str:
        return (
            f"<RunRecord {self.session.session} {self.outcome}: {len(self.settled):,} bars of "
            f"{len(self.symbols)} instruments, {len(self.orders):,} orders, {len(self.fills):,} "
            f"fills, {self.events:,} events>"
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """The traded instruments, in the order of the columns (N,)."""
        return self.session.symbols[: self.session.traded]

    @property
    def agents(self) -> tuple[str, ...]:
        """The committee, in the order of the scores (A,)."""
        return tuple(agent.name for agent in self.session.agents)

    @property
    def weights(self) -> Floats:
        """Weights (A,) of the committee."""
        return np.array([agent.weight for agent in self.session.agents], dtype=np.float64)

    @property
    def outcome(self) -> str:
        """How the run ended: completed, interrupted, stopped, unfinished, or failed and why."""
        if self.ended is not None:
            return self.ended.outcome
        return STOPPED if self.stopped else UNFINISHED

    @property
    def financing_modelled(self) -> bool:
        """Whether the broker charged financing."""
        return not self.session.financing.startswith("not modelled")


def load_record(journal: Path) -> RunRecord:
    """Read a journal as far as it goes.

    Raises JournalError where there is no journal, it is of another version, or not even its
    first event can be read; a later break is reported in `missing`.
    """
    by_type: dict[type[Event], list[Any]] = {}
    overrides: list[LimitOverridden | OverrideEnded] = []
    missing: list[str] = []
    head, count = GENESIS, 0
    try:
        for number, event, hashed in read_numbered(journal):
            head, count = hashed, number + 1
            by_type.setdefault(type(event), []).append(event)
            if isinstance(event, LimitOverridden | OverrideEnded):
                overrides.append(event)
    except JournalError as error:
        if SessionStarted not in by_type:
            raise
        missing.append(f"everything after event {count - 1:,}: {error}")
    if SessionStarted not in by_type:
        found = f"{count} events without it" if count else "no event at all"
        raise JournalError(
            f"{journal}: expected a journal that begins with SessionStarted, found {found}. "
            "The run stopped before its first bar; start it again."
        )
    return _record(by_type, overrides, missing, count, head.hex())


def _record(
    events: dict[type[Event], list[Any]],
    overrides: list[LimitOverridden | OverrideEnded],
    missing: list[str],
    count: int,
    digest: str,
) -> RunRecord:
    session: SessionStarted = events[SessionStarted][0]
    ended: SessionEnded | None = events.get(SessionEnded, [None])[-1]
    modes: list[ModeChanged] = events.get(ModeChanged, [])
    stopped = bool(modes) and modes[-1].mode == Mode.STOPPED
    settled = settled_bars(events.get(BarSettled, []), session)
    decided = decisions_taken(events.get(DecisionTaken, []), session)
    executions: list[Fill] = [event.fill for event in events.get(OrderFilled, [])]
    cancelled = [event.cancellation for event in events.get(OrderCancelled, [])]
    allocations: list[AllocationApplied] = events.get(AllocationApplied, [])
    primed_time, primed_close = _primed(events.get(TradingOpened, []), len(session.symbols))
    return RunRecord(
        session=session,
        ended=ended,
        stopped=stopped,
        missing=(*missing, *_lacking(session, ended is not None or stopped, settled, decided)),
        events=count,
        digest=digest,
        settled=settled,
        decided=decided,
        executions=tuple(executions),
        fills=frame_of(Fill, executions),
        orders=order_frame([event.order for event in events.get(OrderIntended, [])]),
        cancellations=frame_of(Cancellation, cancelled),
        verdicts=verdict_frame(events.get(DecisionTaken, [])),
        halts=frame_of(TradingHalted, events.get(TradingHalted, [])),
        rearms=frame_of(TradingRearmed, events.get(TradingRearmed, [])),
        allocations=frame_of(AllocationApplied, allocations),
        allocation_weights=stack([event.weights for event in allocations], (session.traded,)),
        missed_allocations=frame_of(AllocationMissed, events.get(AllocationMissed, [])),
        abstentions=frame_of(AgentAbstained, events.get(AgentAbstained, [])),
        calibrations=tuple(events.get(CalibrationFitted, [])),
        stops_seen=tuple(
            (event.sequence, event.stop_price) for event in events.get(AccountSeen, [])
        ),
        primed_time=primed_time,
        primed_close=primed_close,
        assessments=tuple(events.get(RiskAssessed, [])),
        stages=tuple(events.get(StageChanged, [])),
        overrides=tuple(overrides),
        rules=tuple(events.get(RulesTakenUp, [])),
    )


def _primed(opened: list[TradingOpened], width: int) -> tuple[Indices, Floats]:
    if not opened or not len(opened[0].history_time):
        return np.empty(0, dtype=np.int64), np.empty((0, width))
    return opened[0].history_time, opened[0].history_values[:, CLOSE]


def _lacking(session: SessionStarted, ended: bool, settled: Settled, decided: Decided) -> list[str]:
    """What the end of the journal lacks, in words."""
    lacking = []
    if not ended:
        lacking.append("the end: no SessionEnded was recorded; the run died or is still going")
    if len(settled) < session.bars:
        left = session.bars - len(settled)
        lacking.append(f"{left:,} of the {session.bars:,} bars that the run set out to decide on")
    if session.bars and len(decided) < len(settled):  # a live desk may leave bars undecided
        lacking.append(f"the decisions on the last {len(settled) - len(decided):,} bars")
    return lacking
