"""`LiveSession`: one decision at a time among members that come and go."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from coordinator.allocation import AllocationRules
from coordinator.allocation_alerts import alerts_of
from coordinator.deciding import Deciding
from coordinator.desk import Desk
from coordinator.learning import rows_of
from coordinator.live.allocation import LiveAllocation
from coordinator.live.assessment import AssessmentClock, risk_told, what_to_assess
from coordinator.live.committee import LiveCommittee
from coordinator.live.guardian import GuardianDesk
from coordinator.live.learned import forecast_made, resumed_learning, undecided_row
from coordinator.live.places import Place
from infra.deadlines import DeadlineLine
from infra.metrics import (
    DECISION_SECONDS,
    DECISIONS,
    NO_METERS,
    REFUSALS,
    REVIEW_SECONDS,
    Meters,
)
from market.bar_window import BarSlice
from market.bars import Bars, Floats
from market.desk_snapshot import DeskSnapshot, bars_of
from market.events import AlertRaised, AllocationApplied, Event
from market.live_events import BreakersMoved, RiskAssessed
from market.live_messages import (
    BarReady,
    CommitteeChanged,
    Decided,
    Marked,
    RearmAsked,
    WatchEquity,
)
from market.messages import Rearm, Reviewed
from market.modes import Mode
from market.verdicts import RiskApproved, SignedApprovals

LATENCIES_KEPT = 2_048
HEALTH_EVERY = 16
"""Decisions, of which one tells people how the desk is."""


class _Waiting(NamedTuple):
    """What of a decision is not done yet once it has gone out.

    whole_s: what it took; gathered_s: of that its first part, up to the tally.
    """

    ready: BarReady
    reviewed: Reviewed | None
    whole_s: float
    gathered_s: float


class LiveSession:
    """The desk between two attachments to the gateway; everything it starts from is `kept`.

    places: of the committee, whoever may join it included. epoch: of this coordinator.
    """

    def __init__(
        self,
        desk: Desk,
        places: Sequence[Place],
        allocation: AllocationRules,
        kept: DeskSnapshot,
        *,
        epoch: int,
        vote_deadline_s: float,
        guardian_deadline_s: float,
        assess_every_s: float = math.inf,
        meters: Meters = NO_METERS,
    ) -> None:
        self._desk = desk
        self._epoch = epoch
        longest = max(place.lookback for place in places)
        self._deciding = Deciding(desk, rows=longest + 1)
        self._deciding.extend(bars_of(kept, desk.traded))
        self._meters = meters
        self.committee = LiveCommittee(places, desk.traded, vote_deadline_s, self._history, meters)
        self.guardian = GuardianDesk(guardian_deadline_s, kept.breakers)
        self.allocation = LiveAllocation(desk.traded, allocation)
        self.allocation.resume(kept)
        self._learning = resumed_learning(desk, kept)
        self._to_fit: tuple[int, int] | None = None
        self._sequence, self._time = kept.sequence, kept.time
        self._assessment = AssessmentClock(assess_every_s)
        self._waiting: _Waiting | None = None
        self._health: Mapping[str, Any] = {}
        self._risk: RiskAssessed | None = None
        self._latencies_s: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._decisions = 0
        self._last_approved: RiskApproved | None = None
        self.seat(CommitteeChanged(weights=kept.weights, seated=kept.seated))

    def seat(self, changed: CommitteeChanged) -> None:
        """Who sits and what each weighs, from the next bar on."""
        self.committee.seated = tuple(changed.seated)
        self._deciding.weigh(
            [
                changed.weights.get(name, 0.0) if name in changed.seated else 0.0
                for name in self.committee.names
            ]
        )

    def prime(self) -> None:
        """Prime who is new between two bars, so that the next finds it ready."""
        self.committee.prime(self._sequence + 1)

    def decide(self, ready: BarReady) -> Decided:
        """One bar through the whole committee; never later than the deadlines together."""
        began = time.perf_counter()
        self.decided()
        for missed in (bar.columns(self._desk.traded) for bar in ready.missed):
            self._deciding.window.push(missed)
            self._learning.pass_over(undecided_row(missed))
        bar, sequence = ready.bar, ready.sequence
        traded = bar.columns(self._desk.traded)
        self.committee.ask(sequence, traded)
        deciding, settlement = self._deciding, ready.settlement
        deciding.stand_at(ready.stage, ready.overrides, bar.time)
        deciding.measure(traded)
        self._sequence, self._time = sequence, bar.time
        measured = math.isfinite(settlement.equity)
        if measured:
            self._prepare(ready)
        gathered = self.committee.gather(sequence, bar.time, self.guardian.show)
        scores, evidence, abstentions = gathered
        records: list[Event] = list(abstentions)
        counted = time.perf_counter()
        deciding.count(scores)
        allocated = self.allocation.take_effect(sequence, bar.time)
        if allocated is not None:
            records.append(allocated)
        records += alerts_of(allocated)
        records += self._left_out(sequence)
        fitted = self._learning.take_effect(sequence, bar.time)
        if fitted is not None:
            records.append(fitted)
        deciding.table = self._learning.table
        multiplier: Floats = self.allocation.multiplier.copy()
        deciding.propose(settlement, multiplier, isinstance(allocated, AllocationApplied))
        if measured:
            self.guardian.propose(deciding.proposed(sequence))
        reviewed = self.guardian.verdict(sequence) if measured else None
        records += self._noticed(reviewed, settlement.equity)
        records.append(deciding.taken(sequence, bar.time, scores, evidence, multiplier, reviewed))
        records += self._forecast(sequence, traded)
        if reviewed is not None:
            records.append(
                BreakersMoved(
                    sequence=sequence, time=bar.time, memory=reviewed.memory, halt=reviewed.halt
                )
            )
        if reviewed is not None and reviewed.approved:
            self._last_approved = reviewed.approved[0]
        whole_s = time.perf_counter() - began
        self._latencies_s.append(whole_s)
        self._decisions += 1
        self._waiting = _Waiting(ready, reviewed, whole_s, counted - began)
        # HALTED by a person, too, lets pass what reduces: the gateway proves that it does.
        signed = None if reviewed is None or ready.mode == Mode.FLATTENING else reviewed.signed
        return self._decided(records, signed=signed)

    def decided(self) -> None:
        """The decision went out: now what may wait for it is done.

        Before the next decision at the latest, where nobody says that the last one went out.
        """
        self._fit()
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        deciding, ready = self._deciding, waiting.ready
        self.allocation.observe(deciding.decision.score[None], deciding.returns[-1:])
        self.allocation.ask(ready.sequence)
        if self._assessment.due(ready.bar.time):
            asked = what_to_assess(
                ready.sequence,
                deciding.window.bars(),
                ready.settlement,
                self._desk.traded,
                stage=deciding.stage,
                overrides=deciding.overrides,
            )
            self.guardian.assess(asked)
        self.committee.measure()
        self._measure(waiting)
        due = (self._decisions + 1) % HEALTH_EVERY == 0
        self._health = self.health() if due else {}

    def watch(self, marked: Marked) -> Decided:
        """Let the guardian see the account between two bars: losses halt at once."""
        self._time = marked.time
        halt = self.guardian.halt
        records = self._watched(marked.equity, marked.stage)
        # What moves without a halt is recorded with the next decision.
        return self._decided(records if len(records) > 1 or self.guardian.halt != halt else ())

    def rearm(self, asked: RearmAsked) -> Decided:
        """A person allows new risk again."""
        rearmed = self.guardian.rearm(
            Rearm(sequence=self._sequence, time=self._time, by=asked.by, stage=asked.stage)
        )
        if rearmed is None:
            return self._decided([])
        watched = self._watched(asked.equity, asked.stage)
        # Without what it then remembers, the next guardian halts again: the record says the same.
        return self._decided([rearmed, *watched] if watched else [self._unarmed(asked.by)])

    def _unarmed(self, by: str) -> AlertRaised:
        return AlertRaised(
            sequence=self._sequence,
            time=self._time,
            source="coordinator",
            level="error",
            message=f"{by} asked to re-arm trading, and the guardian fell silent on it, "
            f"{self.guardian.silent_because}; it halts as before, ask again",
        )

    def connect(self, line: DeadlineLine, guardian: str, optimizer: str) -> bool:
        """Take in a member that called; False for one that nobody knows."""
        if line.name == guardian:
            self.guardian.connect(line)
        elif line.name == optimizer:
            self.allocation.connect(line)
        elif line.name in self.committee.names:
            self.committee.connect(line)
        else:
            return False
        return True

    @property
    def here(self) -> frozenset[str]:
        """The members that are on the line."""
        beside = {"guardian": self.guardian.here, "optimizer": self.allocation.here}
        return frozenset(
            [
                *(line.name for line in self.committee.lines),
                *(name for name, here in beside.items() if here),
            ]
        )

    def health(self) -> Mapping[str, Any]:
        """How members and decisions are, for people."""
        latencies = np.array(self._latencies_s or [np.nan]) * 1e3
        return {
            "agents": self.committee.health(),
            "decision_p50_ms": float(np.median(latencies)),
            "decision_p99_ms": float(np.quantile(latencies, 0.99)),
            **self._now(),
        }

    def _now(self) -> dict[str, Any]:
        """Of the same, what is told without summing anything up."""
        return {
            "guardian_here": self.guardian.here,
            "optimizer_here": self.allocation.here,
            "allocation_age_bars": self.allocation.age(self._sequence),
            "decisions": self._decisions,
            "last_decision": _told(self._last_approved),
            "risk": risk_told(self._risk, self._time),
        }

    def _prepare(self, ready: BarReady) -> None:
        """Have ready what the guardian is shown before the proposals, while the agents vote."""
        deciding, guardian = self._deciding, self.guardian
        rows = len(deciding.returns)
        account = deciding.account(
            ready.sequence,
            ready.bar.time,
            ready.settlement,
            self._epoch,
            newest_alone=guardian.holds(ready.sequence, rows),
        )
        guardian.prepare(account, rows)

    def _history(self, lookback: int) -> Bars:
        """The newest rows before the bar that is being asked about."""
        bars = self._deciding.window.bars()
        return bars.rows(max(len(bars) - lookback, 0), len(bars))

    def _forecast(self, sequence: int, bar: BarSlice) -> tuple[Event, ...]:
        """What the decision foretold, where the desk learns from it."""
        learning = self._learning
        if not learning.on:
            return ()
        rows = rows_of(self._deciding.decision, self._deciding.carried(), bar)
        self._to_fit = sequence, bar.time
        return (forecast_made(sequence, bar.time, rows, learning.observe(rows)),)

    def _left_out(self, sequence: int) -> tuple[Event, ...]:
        """Say once that a fit was due and was not made."""
        at, self._learning.left_out = self._learning.left_out, -1
        if at < 0:
            return ()
        return (
            AlertRaised(
                sequence=sequence,
                time=self._time,
                source="coordinator",
                level="warning",
                message=f"the calibration due on bar {at} was lost at a restart, and the desk does "
                "not remember all that it would have learned from; the one in force stands until "
                f"the next is due, within {self._desk.learning.every} bars",
            ),
        )

    def _fit(self) -> None:
        """Learn from everything up to the last decision, where that is due."""
        if self._to_fit is not None:
            self._learning.fit(*self._to_fit)
            self._to_fit = None

    def _noticed(self, reviewed: Reviewed | None, equity: float) -> tuple[Event, ...]:
        if reviewed is not None:
            return reviewed.notices
        why = (
            f"the guardian is silent, {self.guardian.silent_because}"
            if np.isfinite(equity)
            else "a position has no price, so the account cannot be measured"
        )
        return (
            AlertRaised(
                sequence=self._sequence,
                time=self._time,
                source="coordinator",
                level="error",
                message=f"no new risk on this bar: {why}",
            ),
        )

    def _watched(self, equity: float, stage: str) -> list[Event]:
        """What the guardian notices at this equity, and what its breakers then remember."""
        watched = self.guardian.watch(
            WatchEquity(sequence=self._sequence, time=self._time, equity=equity, stage=stage)
        )
        if watched is None:
            return []
        moved = BreakersMoved(
            sequence=self._sequence, time=self._time, memory=watched.memory, halt=watched.halt
        )
        return [*watched.notices, moved]

    def _decided(self, records: Sequence[Event], signed: SignedApprovals | None = None) -> Decided:
        assessed = self.guardian.assessed()
        if assessed:
            self._risk = assessed[-1]
        return Decided(
            epoch=self._epoch,
            sequence=self._sequence,
            time=self._time,
            records=(*assessed, *records),
            signed=signed,
            health=self._healthy(at_once=signed is None or bool(assessed)),
        )

    def _healthy(self, *, at_once: bool) -> Mapping[str, Any]:
        """What a decision tells people of the desk: now and then, or at once; else nothing.

        Latencies take longer to sum up than a decision may: those up to the decision before were
        summed up once that had gone out.
        """
        if at_once:
            return self.health()
        if self._decisions % HEALTH_EVERY:
            return {}
        return {**(self._health or self.health()), **self._now()}

    def _measure(self, waiting: _Waiting) -> None:
        """Tell the meters of a decision."""
        meters, reviewed = self._meters, waiting.reviewed
        meters.count(DECISIONS)
        meters.observe(DECISION_SECONDS, waiting.whole_s)
        meters.observe(REVIEW_SECONDS, waiting.whole_s - waiting.gathered_s)
        if reviewed is not None and reviewed.refused:
            for limit, times in Counter(one.limit for one in reviewed.refused).items():
                meters.count(REFUSALS, times, limit)


def _told(order: RiskApproved | None) -> str:
    """A decision's first order, for people."""
    if order is None:
        return "none yet"
    side = "BUY" if order.units > 0.0 else "SELL"
    return f"{side} {abs(order.units):,.0f} {order.symbol} (score {order.score:+.2f})"
