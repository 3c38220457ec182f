"""`DeskAgain`: a desk rebuilt from its journal, which takes a recorded decision once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from agents.guardian.calibration.leading import leading_agent
from agents.guardian.guardian import RiskGuardian
from agents.guardian.notices import SUPERVISOR
from agents.guardian.pace import pace_row, unhurried
from coordinator.deciding import Deciding
from coordinator.desk import Desk
from coordinator.explain.account import AccountFold
from coordinator.explain.breakers import before_review
from coordinator.explain.committee import is_reseated, require_rows, seats_at
from coordinator.explain.voting import Seating, VotesAgain, vote_again
from coordinator.learning import table_of
from market.bar_window import BarSlice, BarWindow
from market.bars import Bars, Floats
from market.conversion import Indices
from market.desk_state import DeskState
from market.errors import JournalError
from market.events import (
    AgentAbstained,
    AllocationApplied,
    AllocationMissed,
    BarSettled,
    CalibrationFitted,
    DecisionTaken,
    Event,
    SessionStarted,
    TradingRearmed,
)
from market.live_events import (
    BarClosed,
    BreakersMoved,
    LimitOverridden,
    OverrideEnded,
    StageChanged,
    TradingOpened,
)
from market.live_messages import ResumeGuardian
from market.messages import Rearm, Reviewed, RiskContext
from market.overrides import Override, follow, on_record
from market.seats import AgentSeated

NEUTRAL = "neutral"
STOPS_REBUILT = "the broker's stops are not on record; they were worked out from orders and bars"
GUARDIAN_SILENT = "the guardian was silent; nothing could be approved"
REMEMBERED = 5_000
"""Bars that are kept for rules that look further back than those before them."""
Supervised = Callable[[bool], RiskGuardian]
"""Builds a guardian as at the start; True: with the scripted supervisor of a replay."""
BarAt = Callable[[int], BarSlice]
"""The bar (M instruments) that ends at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision up to the guardian. context: what that is shown. earlier, rearmed: see
    `before_review`.
    """

    votes: VotesAgain
    multiplier: Floats
    context: RiskContext
    earlier: Floats | None
    rearmed: bool
    as_recorded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAgain:
    """What was decided again. reviewed: None where the guardian was silent. as_recorded: what was
    taken over from the record because nobody can work it out again, in words. window: what the
    desk looked back on.
    """

    abstained: tuple[AgentAbstained, ...]
    taken: DecisionTaken
    reviewed: Reviewed | None
    as_recorded: tuple[str, ...]
    window: Bars

    @property
    def notices(self) -> tuple[Event, ...]:
        """Halts and re-armings that the account set off."""
        return () if self.reviewed is None else self.reviewed.notices


class DeskAgain:
    """Follows a journal event by event; `decide` and `review` repeat the newest decision.

    guardian: builds it as at the start. bar_at: the bars of a replay; a live desk's are in its
    journal. rows: bars that it remembered, what its agents look back on and more.
    """

    def __init__(
        self,
        started: SessionStarted,
        desk: Desk,
        guardian: Supervised,
        seating: Seating,
        bar_at: BarAt,
        rows: int,
    ) -> None:
        self.state = DeskState(started, rows=1)
        self.live = False
        self.versions = started.versions
        self._desk = desk
        self._build_guardian = guardian
        self._guardian_built: RiskGuardian | None = None
        self._seating = seating
        self._bar_at = bar_at
        self._deciding = Deciding(desk, rows=rows)
        self._seen = BarWindow(
            started.symbols[: desk.traded],
            max(rows, REMEMBERED),
            desk.interval_s,
            desk.has_extremes,
        )
        self._account = AccountFold(self.state)
        self._multiplier: Floats = np.ones(desk.traded)
        self._allocated = -1
        self._abstained: list[AgentAbstained] = []
        self._bars: dict[int, BarSlice] = {}
        self._sat: dict[int, tuple[tuple[AgentSeated, ...], tuple[str, ...]]] = {}
        self._closed: BarClosed | None = None
        self._memory: Floats | None = None
        self._rearmed = False
        self._unhurried = pace_row(
            unhurried(len(started.symbols), len(started.agents), desk.limits.pace)
        )
        self._stages: list[StageChanged] = []
        self._overrides: list[LimitOverridden | OverrideEnded] = []

    def take_up(
        self,
        seats: tuple[AgentSeated, ...],
        desk: Desk,
        guardian: Supervised,
        rows: int,
        remembered: int,
    ) -> None:
        """Go on by other rules, as the coordinator and the guardian that were started by them.

        Account, allocation and what was learned stay; what the guardian remembers is on record.
        rows, remembered: bars that the desk remembers from now on, and that it remembered then; 0
        where nobody noted it: what the rules before look back on.
        """
        self._advance(self.state.sequence + 1)
        seen, table = self._seen.bars(), self._deciding.table
        known = remembered or len(self._deciding.window)
        self._desk, self._build_guardian, self._guardian_built = desk, guardian, None
        self._deciding = Deciding(desk, rows=rows)
        self._deciding.extend(seen.rows(max(len(seen) - known, 0), len(seen)))
        self._deciding.table = table
        self._unhurried = pace_row(unhurried(len(self.state.symbols), len(seats), desk.limits.pace))

    def take(self, event: Event) -> None:
        """Follow one event of the journal."""
        self.state.apply(event)
        self._account.take(event)
        self._reseat(event)
        if isinstance(event, BarSettled):
            self._settle(event)
        elif isinstance(event, BarClosed):
            self._closed = event
        elif isinstance(event, TradingOpened):
            self._open(event)
        elif isinstance(event, StageChanged):
            self._stages.append(event)
        elif isinstance(event, LimitOverridden | OverrideEnded):
            self._overrides.append(event)
        elif isinstance(event, AgentAbstained):
            self._abstained.append(event)
        elif isinstance(event, AllocationApplied):
            self._multiplier, self._allocated = event.multiplier, event.sequence
        elif isinstance(event, AllocationMissed) and event.in_force == NEUTRAL:
            self._multiplier = np.ones(self._desk.traded)
        elif isinstance(event, CalibrationFitted):
            self._deciding.table = table_of(event)
        elif isinstance(event, BreakersMoved):
            self._memory, self._rearmed = event.memory, False
        elif isinstance(event, TradingRearmed) and event.by != SUPERVISOR:
            self._rearmed = True
            if self._memory is None and self.live:
                self._guardian.answer(
                    Rearm(
                        sequence=event.sequence,
                        time=event.time,
                        by=event.by,
                        stage="" if self.state.staged is None else self.state.staged.stage,
                    )
                )

    def extend(self, history: Bars) -> None:
        """Take in the bars (M instruments) before the first that was decided on."""
        traded = history.columns(self.state.symbols[: self._desk.traded])
        self._deciding.extend(traded)
        self._seen.extend(traded)

    def pass_over(self, taken: DecisionTaken) -> None:
        """Go on after a decision that is not repeated; the guardian sees its account."""
        self._advance(taken.sequence + 1)
        settlement = self._account.settlement(taken.sequence)
        self._abstained.clear()
        self._stand_at(taken)
        if self._memory is None:  # else what it remembers is on record
            context = self._deciding.context(taken.sequence, taken.time, settlement)
            context = replace(context, group=self._carried(taken))
            self._guardian.recall(context, taken.approved)

    def decide(self, taken: DecisionTaken) -> Decided:
        """Vote, tally and size again on what the record says that the decision saw."""
        sequence = taken.sequence
        self._advance(sequence)
        settlement = self._account.settlement(sequence)
        bar = self._bars.pop(sequence)
        self._deciding.measure(bar)
        self._seen.push(bar)
        seats, seated = self._sat.pop(sequence)
        require_rows(seats, taken)
        votes = vote_again(
            taken,
            self._deciding.window.bars(),
            seats=seats,
            seated=seated,
            recorded={e.agent: e for e in self._abstained if e.sequence == sequence},
            seating=self._seating,
        )
        self._abstained.clear()
        deciding, as_recorded = self._deciding, votes.as_recorded
        deciding.weigh([seat.weight for seat in seats])
        deciding.count(votes.scores)
        self._stand_at(taken)
        deciding.propose(settlement, taken.multiplier, self._allocated == sequence)
        if self.live and self._account.rebuilt(sequence):
            as_recorded = (*as_recorded, STOPS_REBUILT)
        return Decided(
            votes=votes,
            multiplier=self._multiplier.copy(),
            context=deciding.context(sequence, taken.time, settlement),
            earlier=self._memory,
            rearmed=self._rearmed,
            as_recorded=as_recorded,
        )

    def review(
        self, decided: Decided, taken: DecisionTaken, after: Floats | None, *, halted: bool
    ) -> TakenAgain:
        """Have the guardian judge again. after: its recorded memory, None where there is none.
        halted: whether the record says that this review began a halt.
        """
        reviewed: Reviewed | None = None
        as_recorded = decided.as_recorded
        if self.live and decided.earlier is not None and after is None:
            as_recorded = (*as_recorded, GUARDIAN_SILENT)
        else:
            if after is not None:
                before = before_review(
                    decided.earlier,
                    after,
                    rearmed=decided.rearmed,
                    began=halted,
                    unhurried=self._unhurried,
                )
                self._guardian.answer(ResumeGuardian(memory=before))
            reviewed = self._guardian.review(decided.context)
        again = self._deciding.taken(
            taken.sequence,
            taken.time,
            decided.votes.scores,
            decided.votes.evidence,
            decided.multiplier,
            reviewed,
        )
        return TakenAgain(
            abstained=decided.votes.abstained,
            taken=again,
            reviewed=reviewed,
            as_recorded=as_recorded,
            window=self._deciding.window.bars(),
        )

    def _carried(self, taken: DecisionTaken) -> Indices:
        """(M,) who carried each decision that was approved, as sizing wrote it down."""
        group = np.full(len(self._desk.symbols), -1, dtype=np.int64)
        for order in taken.approved:
            column = self._desk.symbols.index(order.symbol)
            if column < self._desk.traded and np.isfinite(order.score):
                side = float(np.sign(order.score))
                weights = self._deciding.weights
                group[column] = leading_agent(taken.scores, weights, column, side)
        return group

    def _stand_at(self, taken: DecisionTaken) -> None:
        sequence = taken.sequence
        overrides = self._overrides_of(sequence)
        self._deciding.stand_at(self._stage_of(sequence), overrides, taken.time)

    def _overrides_of(self, sequence: int) -> tuple[Override, ...]:
        """What was overridden when a decision was taken, but for what had expired by then."""
        begun: dict[str, LimitOverridden] = {}
        for event in self._overrides:
            if event.sequence <= sequence:
                follow(begun, event)
        return on_record(begun.values())

    def _stage_of(self, sequence: int) -> str:
        """The capital stage that a decision was taken at; empty where none was on record."""
        begun = [event.stage for event in self._stages if event.sequence <= sequence]
        return begun[-1] if begun else ""

    def _open(self, event: TradingOpened) -> None:
        self._advance(self.state.sequence + 1)  # a bar that nobody decided on before a death
        self.live, self.versions = True, event.versions
        for row in range(len(event.history_time)):
            bar = BarSlice(time=int(event.history_time[row]), values=event.history_values[row])
            self._look_back_on(bar.columns(self._desk.traded))

    def _settle(self, settled: BarSettled) -> None:
        if self.live:
            closed = self._closed
            if closed is None or closed.sequence != settled.sequence:
                raise JournalError(
                    f"bar {settled.sequence} was settled and not recorded; its decision cannot "
                    "be replayed"
                )
            bar = BarSlice(time=closed.time, values=closed.values)
        else:
            bar = self._bar_at(settled.time)
        self._account.settle(settled, bar)
        self._bars[settled.sequence] = bar.columns(self._desk.traded)
        self._sat[settled.sequence] = (seats_at(self.state), self.state.seated)

    def _reseat(self, event: Event) -> None:
        """Where the committee changes, bars that have closed may be decided on by the new one."""
        for sequence in self._sat:
            if is_reseated(event, sequence):
                self._sat[sequence] = (seats_at(self.state), self.state.seated)

    def _advance(self, sequence: int) -> None:
        """Take in the bars before `sequence`; one that was not decided on is only looked back on.

        A live desk may close a bar before the decision on the last is recorded.
        """
        for waiting in sorted(known for known in self._bars if known < sequence):
            self._look_back_on(self._bars.pop(waiting))
            del self._sat[waiting]

    def _look_back_on(self, bar: BarSlice) -> None:
        self._deciding.window.push(bar)
        self._seen.push(bar)

    @property
    def _guardian(self) -> RiskGuardian:
        if self._guardian_built is None:
            self._guardian_built = self._build_guardian(not self.live)
        return self._guardian_built
