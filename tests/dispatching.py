"""A dispatcher between real books and a broker that answers what a test tells it to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infra.journal.reader import read_events
from infra.live.booking import booked
from infra.live.books import Books
from infra.live.dispatch import Dispatch
from infra.live.opening import open_books
from market.accounts import BrokerOrder, OrderState, Transaction, TransactionKind
from market.errors import InvalidError, QuorumError
from market.events import Event, OrderIntended
from market.legs import Leg
from market.live_events import CoordinatorAttached
from market.orders import Fill, OrderRequest
from market.verdicts import RiskApproved, SignedApprovals, sign
from tests.exchanges import CASH, START
from tests.live_gateways import APPROVALS_KEY, ROWS, SESSION, approved, started
from tests.staged import stage

EUR = 0


@dataclass(slots=True)
class AnsweringBroker:
    """Answers ACCEPTED, but what `answers` holds for an order; an error there is raised.

    intents: how many were durable when each order came. held: units by instrument, as the broker
    has them.
    """

    journal: Path
    answers: dict[str, OrderState | QuorumError] = field(default_factory=dict)
    untold: bool = False
    orders: dict[str, OrderRequest] = field(default_factory=dict)
    replaced: list[tuple[str, str]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    found: dict[str, BrokerOrder] = field(default_factory=dict)
    silent: bool = False
    intents: list[int] = field(default_factory=list)
    held: dict[str, float] = field(default_factory=dict)

    def place_all(self, orders: Sequence[OrderRequest]) -> tuple[BrokerOrder, ...]:
        durable = [one for one in read_events(self.journal) if isinstance(one, OrderIntended)]
        self.intents += [len(durable)] * len(orders)
        return tuple(answer for order in orders for answer in self._taken(order))

    def replace(self, client_order_id: str, order: OrderRequest) -> BrokerOrder:
        self.replaced.append((client_order_id, order.client_order_id))
        answer = self.answers.get(client_order_id)
        if isinstance(answer, OrderState):
            return told(self.orders[client_order_id], answer)
        (new,) = self._taken(order)
        return new

    def cancel(self, client_order_id: str) -> BrokerOrder:
        self.cancelled.append(client_order_id)
        if self.silent:
            raise InvalidError("not now")
        return told(self.orders[client_order_id], OrderState.CANCELLED)

    def close(self, symbol: str, client_order_id: str) -> BrokerOrder | None:
        raise InvalidError(f"{symbol} is not closed by this broker, nor is {client_order_id}")

    def reduce(self, symbol: str, units: float, client_order_id: str) -> BrokerOrder | None:
        held = self.held.get(symbol, 0.0)
        if held == 0.0:
            return None
        less = -math.copysign(min(units, abs(held)), held)
        order = euros(less).order(SESSION, 0)
        (answer,) = self.place_all((replace(order, client_order_id=client_order_id),))
        return answer

    def find(self, client_order_id: str) -> BrokerOrder | None:
        return self.found.get(client_order_id)

    def _taken(self, order: OrderRequest) -> list[BrokerOrder]:
        assert order.client_order_id not in self.orders, "an order was sent twice"
        self.orders[order.client_order_id] = order
        answer = self.answers.get(order.client_order_id, OrderState.ACCEPTED)
        if isinstance(answer, QuorumError):
            raise answer
        return [told(order, answer, 0 if self.untold else 77)]


def told(order: OrderRequest, state: OrderState, transaction: int = 77) -> BrokerOrder:
    return BrokerOrder(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        units=order.units,
        state=state,
        transaction=transaction,
        reason="as a test wants it" if state is not OrderState.ACCEPTED else "",
    )


@dataclass(slots=True)
class Bench:
    """The dispatcher with its books; `seconds` is its clock."""

    folder: Path
    broker: AnsweringBroker
    books: Books
    dispatch: Dispatch
    seconds: list[float]
    absent_after_s: float = 0.0

    def send(self, *orders: RiskApproved, sequence: int = 0, **how: Any) -> tuple[Any, ...]:
        return self.dispatch.send(signed(sequence, orders, **how), START)

    def tell(self, kind: TransactionKind, name: str, **facts: Any) -> None:
        """Book the broker's next transaction about an order."""
        state = self.books.state
        order = self.broker.orders[name]
        one = Transaction(
            id=state.last_transaction + 1,
            time=START,
            kind=kind,
            client_order_id=name,
            symbol=order.symbol,
            **facts,
        )
        self.books.record(*booked((one,), state))
        self.books.durable()

    def fill(self, name: str, units: float | None = None, reason: str = "DECISION") -> None:
        order = self.broker.orders[name]
        size = order.units if units is None else units
        self.broker.held[order.symbol] = self.broker.held.get(order.symbol, 0.0) + size
        self.tell(TransactionKind.FILLED, name, fill=fill_of(name, order.symbol, size, reason))

    def keep(self) -> tuple[str, ...]:
        return self.dispatch.keep_groups(START)

    def restart(self) -> None:
        """Another process takes the books up; the broker has gone on."""
        self.books.close()
        again = bench(self.folder, self.broker, self.absent_after_s)
        self.books, self.dispatch, self.seconds = again.books, again.dispatch, again.seconds

    @property
    def held(self) -> float:
        return float(self.books.state.ledger.units[EUR])

    def stage_of(self, name: str) -> str:
        return self.books.state.orders[name].stage.value

    def events(self, kind: type[Event]) -> list[Any]:
        """Those on disk."""
        self.books.durable()
        return [one for one in read_events(self.broker.journal) if isinstance(one, kind)]


def bench(
    folder: Path, broker: AnsweringBroker | None = None, absent_after_s: float = 0.0
) -> Bench:
    journal = folder / "journal.sqlite"
    books = open_books(journal, started(), ROWS, ("one", "two"), lambda: (START, CASH))
    if books.state.epoch == 0:
        books.record(CoordinatorAttached(time=START, epoch=1), stage("paper"))
        books.durable()
    asked = broker or AnsweringBroker(journal)
    seconds = [0.0]
    dispatch = Dispatch(
        asked,  # type: ignore[arg-type]  # no prices are asked for
        books,
        SESSION,
        APPROVALS_KEY,
        sent=lambda *_: None,
        blocked=lambda: "",
        absent_after_s=absent_after_s,
        clock=lambda: seconds[0],
    )
    return Bench(
        folder=folder, broker=asked, books=books, dispatch=dispatch, seconds=seconds,
        absent_after_s=absent_after_s,
    )  # fmt: skip


def signed(
    sequence: int, orders: Sequence[RiskApproved], legs: tuple[Leg, ...] = ()
) -> SignedApprovals:
    return sign(
        APPROVALS_KEY,
        session=SESSION,
        epoch=1,
        sequence=sequence,
        expires=START + 10**15,
        approved=orders,
        stage="paper",
        legs=legs,
    )


def leg(name: str, units: float, **how: Any) -> Leg:
    return Leg(symbol="EUR_USD", name=name, units=units, **how)


def euros(units: float) -> RiskApproved:
    return approved("EUR_USD", units)


def order_id(name: str, sequence: int = 0) -> str:
    return f"{SESSION}-{sequence}-EUR_USD-{name}"


def fill_of(name: str, symbol: str, units: float, reason: str = "DECISION") -> Fill:
    return Fill(
        client_order_id=name, sequence=0, time=START, symbol=symbol, units=units, price=1.0,
        mid=1.0, rate=1.0, reason=reason, realised=0.0, spread_cost=0.0, slippage_cost=0.0,
        slippage_bps=float("nan"),
    )  # fmt: skip
