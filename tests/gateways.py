"""A gateway between a journal in memory and a broker that only remembers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from infra.gateway import Gateway
from market.bar_window import BarSlice
from market.errors import InvalidError, JournalUnwritable
from market.events import AgentAbstained, Event, OrderIntended
from market.messages import Execute, Executed, SettleBar, Settlement
from market.orders import Bracket, Cancellation, Fill, OrderRequest
from market.verdicts import RiskApproved, SignedApprovals, sign

KEY = b"the guardian's key"
NOTE = AgentAbstained(sequence=0, time=0, agent="frog", reason="it rained")


@dataclass(slots=True)
class ListJournal:
    """Keeps events in memory; fails from the event number `room` on."""

    room: int = 10_000
    events: list[Event] = field(default_factory=list)
    committed: int = 0
    closed: bool = False

    @property
    def digest(self) -> str:
        return str(len(self.events))

    def __len__(self) -> int:
        return len(self.events)

    def append(self, event: Event) -> None:
        if len(self.events) >= self.room:
            raise JournalUnwritable("no room")
        self.events.append(event)

    def append_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.append(event)

    def commit(self, *, now: bool = True) -> None:
        if now:
            self.committed = len(self.events)

    def close(self) -> None:
        self.commit()
        self.closed = True


@dataclass(slots=True)
class RecordingBroker:
    """Remembers what it was given and how much of the journal was durable at that time."""

    journal: ListJournal
    placed: list[OrderRequest] = field(default_factory=list)
    durable: list[int] = field(default_factory=list)
    refuses: str = ""
    fills: tuple[Fill, ...] = ()
    cancellations: tuple[Cancellation, ...] = ()

    def place(self, order: OrderRequest) -> None:
        if order.symbol == self.refuses:
            raise InvalidError("not traded here")
        self.placed.append(order)
        self.durable.append(self.journal.committed)

    def settle(self, sequence: int, bar: BarSlice) -> Settlement:
        zeros = np.zeros(1)
        return Settlement(
            sequence=sequence,
            fills=self.fills,
            cancellations=self.cancellations,
            units=zeros,
            working=zeros,
            stop_price=zeros,
            mid=bar.values[3],
            spread=zeros,
            rate=zeros,
            age=zeros,
            filled=zeros,
            financing=np.array([-1.5]),
            cash=9.0,
            equity=10.0,
            margin_used=0.0,
        )

    def working(self) -> tuple[OrderRequest, ...]:
        return tuple(self.placed)


class Door:
    """A gateway with what stands around it."""

    def __init__(self, *, room: int = 10_000, refuses: str = "") -> None:
        self.journal = ListJournal(room=room)
        self.broker = RecordingBroker(self.journal, refuses=refuses)
        self.gateway = Gateway(
            broker=self.broker, journal=self.journal, session="s", key=KEY, epoch=2
        )

    def execute(self, signed: SignedApprovals | None, *, time: int = 100) -> Executed:
        answered = self.gateway.answer(
            Execute(sequence=0, time=time, records=(NOTE,), signed=signed)
        )
        assert isinstance(answered, Executed)
        return answered

    def settle(self, time: int) -> Settlement:
        bar = BarSlice(time=time, values=np.full((6, 1), 1.1))
        answered = self.gateway.answer(SettleBar(sequence=4, bar=bar))
        assert isinstance(answered, Settlement)
        return answered

    @property
    def intents(self) -> list[OrderRequest]:
        return [e.order for e in self.journal.events if isinstance(e, OrderIntended)]


def approved(symbol: str = "EUR_USD", units: float = 1_000.0) -> RiskApproved:
    return RiskApproved(
        symbol=symbol,
        units=units,
        proposed_units=2.0 * units,
        score=0.5,
        bracket=Bracket(stop=0.01, take_profit=0.02, trailing=None),
        reference_price=1.1,
        lowest_price=1.0,
        highest_price=1.2,
        bound="POSITION",
        limit="NONE",
        allowed=float("nan"),
        measured=float("nan"),
    )


def signed(*orders: RiskApproved, sequence: int = 5, **changed: Any) -> SignedApprovals:
    frame = {"session": "s", "epoch": 2, "sequence": sequence, "expires": 150, **changed}
    return sign(KEY, approved=orders or (approved(),), **frame)
