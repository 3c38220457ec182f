"""`DeskState`: everything a desk needs to go on, folded from its journal event by event."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np

from market import stage_evidence
from market.accounts import TransactionKind
from market.bar_window import BarSlice, BarWindow
from market.bars import Bars, Floats
from market.breaker_rules import DRAWDOWN_FLATTEN
from market.breakers import Trip
from market.conversion import Indices
from market.events import (
    AllocationApplied,
    BarSettled,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
    SessionStarted,
    TradingHalted,
)
from market.learned import Learned, LearnedFold
from market.ledger import book_told, open_ledger
from market.live_events import (
    AgentJoined,
    AgentLeft,
    AgentReweighted,
    BarClosed,
    BreakerReset,
    BreakersMoved,
    BreakerTripped,
    CashMoved,
    CoordinatorAttached,
    LimitOverridden,
    MismatchFound,
    ModeChanged,
    OrderAccepted,
    OrderResolved,
    OrderUnknown,
    OverrideEnded,
    RulesTakenUp,
    StageChanged,
    TradingOpened,
    TransactionsBooked,
)
from market.lots import LOTS
from market.modes import Mode
from market.order_groups import OrderGroup, filled, joined, kept_within, returning
from market.order_life import (
    OPEN,
    UNSETTLED,
    OpenOrder,
    OrderNews,
    OrderStage,
    Purpose,
    after_fill,
    after_news,
    news_of,
)
from market.orders import BY_DECISION, Fill, OrderRequest
from market.overrides import follow
from market.stage_evidence import EvidenceFold, StageEvidence
from market.stages import CapitalStage, stage_named

NO_HALT = "NONE"
KEPT_TRIPS = 100
"""Trips that are over and still told; the journal holds every one."""
KEPT_GROUPS = 100
"""Groups of orders that are remembered: a fill may come after all of its orders have ended."""
ORDER_EVENTS = (
    OrderIntended,
    OrderAccepted,
    OrderUnknown,
    OrderResolved,
    OrderCancelled,
)
"""What moves an order along; a start folds so many that a union made for each would be felt."""


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
    rules: those that it was taken up with last, None for those of `started`.
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


class DeskState:
    """The fold. `rows`: bars and decisions that it keeps, newest last."""

    def __init__(self, started: SessionStarted, rows: int) -> None:
        self.started = started
        self.symbols = started.symbols
        self._column = {symbol: column for column, symbol in enumerate(started.symbols)}
        self._rows = rows
        self.epoch = 0
        self.sequence = -1
        self.decided = -1
        self.time = started.first_time
        self.used = -1
        self.last_transaction = 0
        self.openings = 0
        self.flattens = 0
        self.mode = Mode.TRADING
        self.mode_by = ""
        self.mode_reason = ""
        self.halt = NO_HALT
        self.orders: dict[str, OpenOrder] = {}
        self._unsettled: dict[str, OrderRequest] = {}
        self.groups: dict[str, OrderGroup] = {}
        self.ledger = open_ledger(len(started.symbols), started.initial_balance)
        self.weights = {agent.name: agent.weight for agent in started.agents}
        self.seated = tuple(agent.name for agent in started.agents)
        self.breakers: Floats = np.empty(0)
        self.peak = started.initial_balance
        self._tripped: dict[str, Trip] = {}
        self._over: deque[Trip] = deque(maxlen=KEPT_TRIPS)
        self.allocation: AllocationApplied | None = None
        self.staged: StageChanged | None = None
        self._evidence = EvidenceFold()
        self.overrides: dict[str, LimitOverridden] = {}
        self.learned = LearnedFold(rows)
        self.rules: RulesTakenUp | None = None
        self.window = BarWindow(started.symbols, rows, started.interval_s, started.has_extremes)
        self._scores: deque[tuple[int, Floats]] = deque(maxlen=rows)

    @property
    def stage(self) -> CapitalStage | None:
        """Its capital stage; None where none is on record, the tightest for an unknown one."""
        return None if self.staged is None else stage_named(self.staged.stage)

    @property
    def evidence(self) -> StageEvidence:
        """What it has shown at its capital stage."""
        return self._evidence.value

    @evidence.setter
    def evidence(self, evidence: StageEvidence) -> None:
        self._evidence.put(evidence)

    @property
    def unsettled(self) -> tuple[OrderRequest, ...]:
        """Orders of which only the broker knows what became of them."""
        return tuple(self._unsettled.values())

    def is_unsettled(self, client_order_id: str) -> bool:
        """Whether only the broker knows what became of this order."""
        return client_order_id in self._unsettled

    @property
    def working(self) -> Floats:
        """(M,) signed units that orders may still fill."""
        units = np.zeros(len(self.symbols))
        for entry in self.orders.values():
            units[self._column[entry.order.symbol]] += entry.units
        return units

    @property
    def tripped(self) -> Mapping[str, Trip]:
        """The trips in force, by breaker."""
        return self._tripped

    @property
    def trips(self) -> tuple[Trip, ...]:
        """Of the gateway's breakers: those that are over, oldest first, then those in force."""
        return (*self._over, *self._tripped.values())

    def column(self, symbol: str) -> int:
        """The column of an instrument."""
        return self._column[symbol]

    def apply(self, event: Event) -> None:
        """Take in the next event of the journal; of an entry each (`market.lots.singly`)."""
        if isinstance(event, BarClosed):
            self.sequence, self.time = event.sequence, event.time
            self.window.push(BarSlice(time=event.time, values=event.values))
        elif isinstance(event, BarSettled):
            self.time = event.time
            self.evidence = stage_evidence.settled(self.evidence, event.equity)
            self.peak = max(self.peak, event.equity)  # a NaN is never the larger
        elif isinstance(event, DecisionTaken):
            self.decided = event.sequence
            self.evidence = stage_evidence.decided(self.evidence, event.time)
            self._scores.append((event.time, event.score))
        elif isinstance(event, OrderFilled):
            self._fill(event)
        elif isinstance(event, ORDER_EVENTS):
            self._advance(event)
        elif isinstance(event, BreakersMoved):
            self.breakers, self.halt = event.memory, event.halt
        elif isinstance(event, AllocationApplied):
            self.allocation = event
        elif isinstance(event, TransactionsBooked):
            self.last_transaction = event.last
        elif isinstance(event, CashMoved):
            self._pay(event)
        elif isinstance(event, RulesTakenUp):
            self.rules = event
        else:
            self._govern(event)

    def _govern(self, event: Event) -> None:
        """Openings, epochs, modes, stages, breakers, seats, and what is learned."""
        self.learned.apply(event)
        if isinstance(event, TradingOpened):
            self.openings += 1
            self.evidence = stage_evidence.opened(self.evidence, event.prices, event.speed)
            self.last_transaction = max(self.last_transaction, event.last_transaction)
            for row in range(len(event.history_time)):
                self.window.push(
                    BarSlice(time=int(event.history_time[row]), values=event.history_values[row])
                )
        elif isinstance(event, BreakerTripped | BreakerReset):
            self._trip(event)
        elif isinstance(event, CoordinatorAttached):
            self.epoch = event.epoch
        elif isinstance(event, ModeChanged):
            self.mode = Mode(event.mode)
            self.mode_by, self.mode_reason = event.by, event.reason
            self.flattens += self.mode is Mode.FLATTENING
        elif isinstance(event, StageChanged):
            self.staged = event
            self.evidence = stage_evidence.begun(self.evidence, event.time)
        elif isinstance(event, LimitOverridden | OverrideEnded):
            follow(self.overrides, event)
        elif isinstance(event, TradingHalted):
            self.evidence = replace(self.evidence, halts=self.evidence.halts + 1)
        elif isinstance(event, MismatchFound):
            self.evidence = replace(self.evidence, mismatches=self.evidence.mismatches + 1)
        elif isinstance(event, AgentReweighted | AgentJoined | AgentLeft):
            self._seat(event)
        elif isinstance(event, LOTS):
            raise TypeError(f"{type(event).__name__} is an entry: its events are folded singly")

    def _seat(self, event: AgentReweighted | AgentJoined | AgentLeft) -> None:
        if isinstance(event, AgentReweighted):
            self.weights[event.agent] = event.weight
        elif isinstance(event, AgentJoined):
            self.seated = tuple(dict.fromkeys((*self.seated, event.agent)))
        else:
            self.weights[event.agent] = 0.0
            self.seated = tuple(name for name in self.seated if name != event.agent)

    def _trip(self, event: BreakerTripped | BreakerReset) -> None:
        """A trip begins, recurs or is over."""
        before = self._tripped.pop(event.breaker, None)
        if isinstance(event, BreakerTripped):
            self._tripped[event.breaker] = Trip(
                breaker=event.breaker,
                time=event.time if before is None else before.time,
                measured=event.measured,
                limit=event.limit if before is None else before.limit,
                action=event.action,
                repeats=event.repeats,
            )
        elif before is not None:
            if event.breaker == DRAWDOWN_FLATTEN:
                self.peak = event.equity if isfinite(event.equity) else 0.0
            self._over.append(
                replace(before, armed_at=event.time, armed_by=event.by, reason=event.reason)
            )

    def _fill(self, event: OrderFilled) -> None:
        fill, ledger = event.fill, self.ledger
        column = self._column[fill.symbol]
        before = float(ledger.units[column])
        book_told(ledger, column, fill.units, fill.price, fill.rate, fill.realised)
        self._evidence.fill(fill.symbol, fill.units, fill.realised)
        held = float(ledger.units[column])
        if fill.reason == BY_DECISION:
            entry = self.orders.get(fill.client_order_id)
            if entry is not None:
                self._keep(after_fill(entry, fill, held))
        if self.groups:
            self._fill_group(fill, before, held)

    def _fill_group(self, fill: Fill, before: float, held: float) -> None:
        """What a fill means for the groups of its instrument."""
        name = fill.client_order_id
        for group in [group for group in self.groups.values() if group.symbol == fill.symbol]:
            if fill.reason == BY_DECISION and name in (*group.members, *group.returns):
                self.groups[group.name] = filled(group, name, fill.units, before)
            self.groups[group.name] = kept_within(self.groups[group.name], held)

    def _pay(self, event: CashMoved) -> None:
        self.ledger.cash[0] += event.amount
        transfer = event.reason == TransactionKind.TRANSFER
        if transfer and self.peak > 0.0:
            self.peak = max(self.peak + event.amount, 0.0)
        self._evidence.pay(event.symbol, event.amount, transfer=transfer)

    def _advance(
        self,
        event: OrderIntended | OrderAccepted | OrderUnknown | OrderResolved | OrderCancelled,
    ) -> None:
        if isinstance(event, OrderIntended):
            self._intend(event)
            return
        if isinstance(event, OrderAccepted):
            self._hear(event.client_order_id, OrderNews.ACCEPTED)
            return
        name = (
            event.cancellation.client_order_id
            if isinstance(event, OrderCancelled)
            else event.client_order_id
        )
        news = news_of(event)
        if news is not None:
            self._hear(name, news)

    def _hear(self, name: str, news: OrderNews) -> None:
        entry = self.orders.get(name)
        if entry is not None:
            self._keep(after_news(entry, news))

    def _intend(self, event: OrderIntended) -> None:
        order = event.order
        self.used = max(self.used, order.sequence)
        if order.client_order_id not in self.orders:
            self._keep(
                OpenOrder(
                    order=order, stage=OrderStage.INTENDED, group=event.group, purpose=event.purpose
                )
            )
        if event.group:
            group = self.groups.get(event.group) or self._new_group(event.group, order.symbol)
            grown = returning if event.purpose == Purpose.SURPLUS else joined
            self.groups[group.name] = grown(group, order.client_order_id)

    def _new_group(self, name: str, symbol: str) -> OrderGroup:
        """Another group; the oldest of which nothing is open is forgotten where there are many."""
        if len(self.groups) >= KEPT_GROUPS:
            working = {entry.group for entry in self.orders.values()}
            for old in self.groups.values():
                if old.name not in working and old.surplus == 0.0:
                    del self.groups[old.name]
                    break
        return OrderGroup(name=name, symbol=symbol)

    def _keep(self, entry: OpenOrder) -> None:
        """Follow an order while it is open; what fills after its end is booked all the same."""
        name = entry.order.client_order_id
        if entry.stage in OPEN:
            self.orders[name] = entry
        else:
            del self.orders[name]
        if entry.stage in UNSETTLED:
            self._unsettled[name] = entry.order
        else:
            self._unsettled.pop(name, None)

    def snapshot(self) -> DeskSnapshot:
        """All of it as one value that shares nothing with the fold."""
        bars = self.window.bars()
        values = np.stack(
            [bars.open, bars.high, bars.low, bars.close, bars.spread, bars.volume], axis=1
        )
        return DeskSnapshot(
            started=self.started,
            epoch=self.epoch,
            sequence=self.sequence,
            decided=self.decided,
            time=self.time,
            used=self.used,
            last_transaction=self.last_transaction,
            openings=self.openings,
            flattens=self.flattens,
            mode=self.mode.value,
            mode_by=self.mode_by,
            mode_reason=self.mode_reason,
            halt=self.halt,
            orders=tuple(self.orders.values()),
            units=self.ledger.units.copy(),
            average_price=self.ledger.average_price.copy(),
            cash=float(self.ledger.cash[0]),
            realised=self.ledger.realised.copy(),
            weights=dict(self.weights),
            seated=self.seated,
            breakers=np.array(self.breakers, dtype=np.float64),
            allocation=self.allocation,
            trips=self.trips,
            peak=self.peak,
            bar_time=np.array(bars.time, dtype=np.int64),
            bar_values=values,
            score_time=np.array([at for at, _ in self._scores], dtype=np.int64),
            scores=(
                np.stack([score for _, score in self._scores])
                if self._scores
                else np.empty((0, self.started.traded))
            ),
            staged=self.staged,
            evidence=self.evidence,
            overrides=tuple(self.overrides.values()),
            groups=tuple(self.groups.values()),
            learned=self.learned.snapshot(),
            rules=self.rules,
        )

    @classmethod
    def resume(cls, kept: DeskSnapshot, rows: int) -> DeskState:
        """The fold as it was when the snapshot was taken."""
        state = cls(kept.started, rows)
        state.epoch, state.sequence, state.decided = kept.epoch, kept.sequence, kept.decided
        state.time, state.used = kept.time, kept.used
        state.last_transaction = kept.last_transaction
        state.openings, state.flattens = kept.openings, kept.flattens
        state.mode = Mode(kept.mode)
        state.mode_by, state.mode_reason, state.halt = kept.mode_by, kept.mode_reason, kept.halt
        for entry in kept.orders:
            state._keep(entry)
        state.ledger.units[:] = kept.units
        state.ledger.average_price[:] = kept.average_price
        state.ledger.realised[:] = kept.realised
        state.ledger.cash[0] = kept.cash
        state.weights, state.seated = dict(kept.weights), kept.seated
        state.breakers, state.allocation = kept.breakers, kept.allocation
        state.staged, state.evidence = kept.staged, kept.evidence
        state.peak = kept.peak
        state.overrides = {event.limit: event for event in kept.overrides}
        state.groups = {group.name: group for group in kept.groups}
        state.learned = LearnedFold(rows, kept.learned)
        state.rules = kept.rules
        for trip in kept.trips:
            if trip.armed_by:
                state._over.append(trip)
            else:
                state._tripped[trip.breaker] = trip
        for row in range(len(kept.bar_time)):
            state.window.push(BarSlice(time=int(kept.bar_time[row]), values=kept.bar_values[row]))
        for at, score in zip(kept.score_time, kept.scores, strict=True):
            state._scores.append((int(at), score))
        return state


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
