"""A recorded decision beside its repetition: the first value that is not the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import zip_longest

from coordinator.explain.again import TakenAgain
from coordinator.parity.comparison import Difference, Side
from coordinator.parity.values import Measured, Place, Unequal
from market.bars import Floats
from market.events import (
    AgentAbstained,
    BarSettled,
    DecisionTaken,
    Event,
    OrderIntended,
    SessionStarted,
    TradingHalted,
    TradingRearmed,
)
from market.live_events import BreakersMoved
from market.orders import client_order_id

RECORDED, AGAIN = "recorded", "again"
Pair = tuple[Event | None, Event | None]


@dataclass(slots=True, kw_only=True)
class Recorded:
    """A decision and the events that belong to it. number: of its event; chained: the hash of the
    chain after it. settled: the account it was on. orders, memory: those that follow it.
    """

    number: int
    chained: str
    taken: DecisionTaken
    settled: BarSettled | None
    abstained: tuple[AgentAbstained, ...]
    notices: tuple[TradingHalted | TradingRearmed, ...]
    orders: list[OrderIntended] = field(default_factory=list)
    memory: Floats | None = None

    def follow(self, event: Event, session: str) -> None:
        """Take an event after the decision where it belongs to it."""
        taken = self.taken
        if isinstance(event, OrderIntended):
            named = client_order_id(session, taken.sequence, event.order.symbol)
            if event.order.client_order_id == named:
                self.orders.append(event)
        elif (
            isinstance(event, BreakersMoved)
            and self.memory is None
            and (event.sequence, event.time) == (taken.sequence, taken.time)
        ):
            self.memory = event.memory


def first_difference(
    session: SessionStarted, recorded: Recorded, again: TakenAgain
) -> Difference | None:
    """The first value that differs in a bit; None without any.

    In the order in which one rests on the other: abstentions, the decision from scores to
    verdicts, halts, orders, the memory of the breakers.
    """
    compared = Measured()
    for one, other in _pairs(session, recorded, again):
        unequal = (
            _missing(one, other) if one is None or other is None else compared.first(one, other)
        )
        if unequal is not None:
            settled = recorded.settled
            return Difference(
                number=recorded.number,
                unequal=unequal,
                session=session,
                one=Side(event=one, settled=settled, decided=recorded.taken),
                other=Side(event=other, settled=settled, decided=again.taken),
                before=None,
            )
    return None


def _pairs(session: SessionStarted, recorded: Recorded, again: TakenAgain) -> list[Pair]:
    taken = recorded.taken
    made = {
        approved.symbol: OrderIntended(order=approved.order(session.session, taken.sequence))
        for approved in again.taken.approved
    }
    pairs: list[Pair] = [
        *zip_longest(recorded.abstained, again.abstained),
        (taken, again.taken),
        *zip_longest(recorded.notices, again.notices),
        *((intent, made.get(intent.order.symbol)) for intent in recorded.orders),
    ]
    if recorded.memory is not None and again.reviewed is not None:
        # An older version remembered less, and what came later stands behind that.
        known = again.reviewed.memory[: len(recorded.memory)]
        pairs.append((_memory(taken, recorded.memory), _memory(taken, known)))
    return pairs


def _memory(taken: DecisionTaken, memory: Floats) -> BreakersMoved:
    """A memory as an event that compares; the halt is part of it."""
    return BreakersMoved(sequence=taken.sequence, time=taken.time, memory=memory, halt="")


def _missing(one: Event | None, other: Event | None) -> Unequal:
    """An event that only one side has."""
    there = one if one is not None else other
    return Unequal(
        place=Place(type(there).__name__),
        one=_there(one),
        other=_there(other),
        distance=math.nan,
    )


def _there(event: Event | None) -> str:
    return "none" if event is None else repr(event)
