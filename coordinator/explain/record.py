"""`DecisionRecord`: everything that a journal says of one decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coordinator.explain.committee import is_reseated, require_rows, seats_at
from coordinator.explain.naming import DecisionName, no_decision, no_order, refuse_other_session
from coordinator.explain.step import minute
from infra.journal.reader import read_numbered
from market.bars import Floats
from market.desk_state import DeskState
from market.errors import InvalidError, JournalError
from market.events import (
    AgentAbstained,
    AlertRaised,
    AllocationApplied,
    AllocationMissed,
    BarSettled,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
    SessionStarted,
    TradingHalted,
    TradingRearmed,
    ruled,
)
from market.legs import FLATTENING, GIVING_BACK
from market.live_events import (
    ModeChanged,
    OrderAccepted,
    OrderResolved,
    OrderUnknown,
    TradingOpened,
)
from market.modes import Mode
from market.orders import Cancellation, Fill, OrderRequest, client_order_id
from market.seats import AgentSeated
from market.unsent import decision_said, unsent_read
from market.verdicts import Verdict

NEUTRAL = "neutral"
DECIDED_LEG = "m"
"""Leg of the orders that decisions send; a flatten's are others."""
BrokerAnswer = OrderAccepted | OrderUnknown | OrderResolved


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """One decision and what came of it, as the journal has it.

    session: by the rules in force then. versions: of code and libraries when it was taken. live:
    whether the desk traded live. seats: in the order of the scores. number: of the decision's
    entry in the journal, from 0; chained: SHA-256 of the chain after it, hexadecimal. settled: the
    account that it was taken on.
    allocation: the one in force, None while neutral. notices: halts and re-armings that the
    account set off on this bar. orders, answers, cancellations: of this decision. fills: every
    one of the run. told: the broker's transactions behind fills and cancellations. financing: (M,)
    charged on bars from the decision on, by sequence. newest: the last settled bar of the journal.
    unsent: by instrument, why an order that was approved was not sent, as far as that was told; by
    `decision_said` why none was.
    """

    session: SessionStarted
    versions: tuple[tuple[str, str], ...]
    seats: tuple[AgentSeated, ...]
    taken: DecisionTaken
    live: bool
    number: int
    chained: str
    settled: BarSettled | None
    abstained: tuple[AgentAbstained, ...]
    allocation: AllocationApplied | None
    notices: tuple[TradingHalted | TradingRearmed, ...]
    orders: tuple[OrderRequest, ...]
    answers: tuple[BrokerAnswer, ...]
    cancellations: tuple[Cancellation, ...]
    fills: tuple[Fill, ...]
    financing: tuple[tuple[int, Floats], ...]
    newest: BarSettled | None
    told: tuple[tuple[Fill | Cancellation, int], ...] = ()
    unsent: Mapping[str, str] = field(default_factory=dict)

    def transaction_of(self, what: Fill | Cancellation) -> int | None:
        """The broker's transaction behind a fill or an end; None where it numbers none."""
        return next((number for one, number in self.told if one is what), None)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The traded instruments, in the order of the columns (N,)."""
        return self.session.symbols[: self.session.traded]

    def verdict(self, symbol: str) -> Verdict | None:
        """The guardian's answer for an instrument; None where nothing was proposed."""
        verdicts: tuple[Verdict, ...] = (*self.taken.approved, *self.taken.refused)
        return next((verdict for verdict in verdicts if verdict.symbol == symbol), None)

    def why_unsent(self, symbol: str) -> str:
        """Why nothing of what was approved in an instrument was sent; empty where nobody said."""
        return self.unsent.get(decision_said(self.taken.sequence)) or self.unsent.get(symbol, "")

    def order(self, symbol: str) -> OrderRequest | None:
        """The order that the decision sent in an instrument."""
        return next((order for order in self.orders if order.symbol == symbol), None)


@dataclass(slots=True)
class _Reading:
    """What has been read up to now of one decision's way."""

    sequence: int
    session: str = ""
    versions: tuple[tuple[str, str], ...] = ()
    live: bool = False
    flattened: str = "it closed a position when the desk was flattened"
    settled: BarSettled | None = None
    newest: BarSettled | None = None
    allocation: AllocationApplied | None = None
    notices: list[TradingHalted | TradingRearmed] = field(default_factory=list)
    abstained: list[AgentAbstained] = field(default_factory=list)
    orders: dict[str, OrderRequest] = field(default_factory=dict)
    answers: list[BrokerAnswer] = field(default_factory=list)
    cancellations: list[Cancellation] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    financing: list[tuple[int, Floats]] = field(default_factory=list)
    told: list[tuple[Fill | Cancellation, int]] = field(default_factory=list)
    unsent: dict[str, str] = field(default_factory=dict)
    over: bool = False

    def before(self, event: Event) -> None:
        """An event up to the decision, which the decision may depend on."""
        if isinstance(event, AllocationApplied):
            self.allocation = event
        elif isinstance(event, AllocationMissed) and event.in_force == NEUTRAL:
            self.allocation = None
        elif isinstance(event, TradingHalted | TradingRearmed):
            if event.sequence == self.sequence:
                self.notices.append(event)
        elif isinstance(event, AgentAbstained) and event.sequence == self.sequence:
            self.abstained.append(event)
        elif isinstance(event, TradingOpened):
            self.versions, self.live = event.versions, True

    def account(self, event: Event) -> None:
        """Fills, bars and flattens, wherever they stand."""
        if isinstance(event, OrderFilled):
            self.fills.append(event.fill)
            self._note(event.fill, event.transaction)
        elif isinstance(event, BarSettled):
            self.newest = event
            if event.sequence == self.sequence:
                self.settled = event
            if event.sequence >= self.sequence:
                self.financing.append((event.sequence, event.financing))
        elif isinstance(event, ModeChanged) and event.mode == Mode.FLATTENING:
            self.flattened = (
                f"it closed a position when {event.by} flattened the desk at "
                f"{minute(event.time)} UTC: {event.reason}"
            )

    def order(self, event: Event) -> None:
        """What became of the decision's orders."""
        if isinstance(event, OrderIntended):
            order, meant = event.order, self.sequence
            if order.client_order_id == client_order_id(self.session, meant, order.symbol):
                self.orders[order.client_order_id] = order
        elif isinstance(event, OrderCancelled):
            if event.cancellation.client_order_id in self.orders:
                self.cancellations.append(event.cancellation)
                self._note(event.cancellation, event.transaction)
        elif isinstance(event, BrokerAnswer) and event.client_order_id in self.orders:
            self.answers.append(event)

    def unsent_by(self, event: Event) -> None:
        """What the gateway said of orders up to the decision's. A reason is told once, until
        something is sent or the mode changes.
        """
        self.over = self.over or (
            isinstance(event, DecisionTaken) and event.sequence > self.sequence
        )
        if self.over:
            return
        if isinstance(event, OrderIntended | ModeChanged):
            self.unsent.clear()
        elif isinstance(event, AlertRaised) and (said := unsent_read(event.message)) is not None:
            self.unsent[said[0]] = said[1]

    def _note(self, what: Fill | Cancellation, transaction: int) -> None:
        if transaction:
            self.told.append((what, transaction))


def read_decision(journal: Path, name: DecisionName) -> DecisionRecord:
    """Read a journal as far as it goes and gather what concerns the decision.

    Raises InvalidError for a decision or an order that is not there, JournalError for a journal
    that is none or is broken before the decision.
    """
    reading = _Reading(name.sequence)
    known: list[int] = []
    orders: list[str] = []
    state: DeskState | None = None
    seats: tuple[AgentSeated, ...] = ()
    taken: DecisionTaken | None = None
    number, chained, flattened, meant = 0, "", "", ""
    try:
        for place, event, head in read_numbered(journal):
            if state is None:
                state = _opened(journal, event, name)
                reading.session, reading.versions = state.started.session, state.started.versions
                meant = name.order_id(reading.session)
            if isinstance(event, OrderIntended):
                orders.append(event.order.client_order_id)
                flattened = flattened or (reading.flattened if orders[-1] == meant else "")
            if isinstance(event, DecisionTaken):
                known.append(event.sequence)
                if event.sequence == name.sequence:
                    taken, number, chained = event, place, head.hex()
                    seats = seats or seats_at(state)
                    require_rows(seats, event)
            if taken is None:
                reading.before(event)
                state.apply(event)
                settled = isinstance(event, BarSettled) and event.sequence == name.sequence
                if settled or (seats and is_reseated(event, name.sequence)):
                    seats = seats_at(state)
            reading.account(event)
            reading.order(event)
            reading.unsent_by(event)
    except JournalError:
        if taken is None:
            raise  # a later break takes nothing from what was recorded before it
    if state is None:
        raise JournalError(f"{journal} holds no event; the run never started")
    _refuse_unknown(name, state.started.session, taken, known, orders, flattened)
    assert taken is not None
    return DecisionRecord(
        session=ruled(state.started, state.rules),
        versions=reading.versions,
        live=reading.live,
        seats=seats,
        taken=taken,
        number=number,
        chained=chained,
        settled=reading.settled,
        abstained=tuple(reading.abstained),
        allocation=reading.allocation,
        notices=tuple(reading.notices),
        orders=tuple(reading.orders.values()),
        answers=tuple(reading.answers),
        cancellations=tuple(reading.cancellations),
        fills=tuple(reading.fills),
        financing=tuple(reading.financing),
        newest=reading.newest,
        told=tuple(reading.told),
        unsent=reading.unsent,
    )


def _opened(journal: Path, event: Event, name: DecisionName) -> DeskState:
    """The desk at the start of its journal."""
    if not isinstance(event, SessionStarted):
        raise JournalError(
            f"{journal}: expected a journal that begins with SessionStarted, found "
            f"{type(event).__name__}"
        )
    refuse_other_session(name, event.session)
    return DeskState(event, rows=1)


def _refuse_unknown(
    name: DecisionName,
    session: str,
    taken: DecisionTaken | None,
    known: list[int],
    orders: list[str],
    flattened: str,
) -> None:
    if name.names_order:
        asked = name.order_id(session)
        if asked not in orders:
            raise no_order(name, session, orders)
        if name.leg != DECIDED_LEG:
            raise InvalidError(_not_alone(name, asked, flattened))
    if taken is None:
        raise no_decision(name.sequence, known)


def _not_alone(name: DecisionName, asked: str, flattened: str) -> str:
    """Why an order is not told on its own."""
    leg = name.leg or ""
    if FLATTENING.fullmatch(leg):
        return f"no decision is behind {asked}: {flattened}"
    if GIVING_BACK.fullmatch(leg):
        return f"no decision is behind {asked}: it gave back what two orders of a group filled"
    return f"{asked} is one leg of decision {name.sequence}: ask for the decision"
