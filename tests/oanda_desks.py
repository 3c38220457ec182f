"""A live desk before OANDA's adapter, and what must hold of it after anything."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infra.brokers.oanda.broker import OandaBroker
from infra.brokers.oanda.circuit import Circuit
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TokenText
from infra.brokers.oanda.environment import environment
from infra.brokers.oanda.pacing import Pace, Paces
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.live.reconciliation import mismatches
from market.accounts import Transaction, TransactionKind
from market.breaker_rules import BreakerLimits
from market.events import OrderCancelled, OrderFilled, OrderIntended
from market.live_events import CashMoved, TransactionsBooked
from market.order_life import Purpose
from tests.exchanges import START
from tests.live import LiveDesk

PATIENT = BreakerLimits(
    volatility=10.0, price_fall=1.0, latency_s=1e3, failures=10_000, unknown_order_s=1e6
)
"""Faults are meant, and orders are to flow all the same."""
ABSENT_AFTER_S = 0.6


class Waiting(OandaConnection):
    """Whose patience can change while it stands."""

    def wait(self, timeout: tuple[float, float]) -> None:
        """Seconds to connect and for an answer, from the next request on."""
        self._timeout = timeout
        self.close()  # a line keeps the time-outs that it was made with


class Reached:
    """OANDA's adapter, with what a desk of the tests asks of its broker beside."""

    def __init__(
        self,
        url: str,
        token: str,
        account: str,
        terms: ExchangeTerms,
        *,
        timeout: tuple[float, float],
        **settings: Any,
    ) -> None:
        self.connection = Waiting(
            environment=environment("local", url),
            account=account,
            tokens=TokenText(token),
            timeout=timeout,
            paces=Paces(Pace(10_000), Pace(10_000)),
            circuit=Circuit(first_s=0.1, most_s=0.3),
        )
        self.broker = OandaBroker(
            self.connection,
            instruments=terms.instruments,
            account_currency=terms.account_currency,
            interval_s=terms.interval_s,
            **settings,
        )
        self.instruments = terms.instruments
        self.interval_s = terms.interval_s
        self.time = START

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)

    def hang_up(self) -> None:
        self.connection.close()


def oanda_desk(folder: Path, reached: Reached) -> LiveDesk:
    """A new desk, or the one that was left in the folder. The test compares, not the clock."""
    return LiveDesk(
        folder,
        reached,  # type: ignore[arg-type]
        gateway_options={"breakers": PATIENT, "absent_after_s": ABSENT_AFTER_S},
    )


def assert_nothing_lost_or_doubled(desk: LiveDesk, reached: Reached) -> Mapping[str, int]:
    """Journal, books, account and record of a desk that has ended are of one mind; how the orders
    ended, counted.
    """
    told = [one for one in reached.transactions(0) if one.client_order_id or one.amount]
    state, last = desk.gateway.books.state, reached.transactions(0)[-1].id
    intended = [event.order.client_order_id for event in desk.events(OrderIntended)]
    assert len(set(intended)) == len(intended)
    assert state.orders == {}
    # Every transaction that the desk keeps account of is on record once, and no other.
    assert desk.events(TransactionsBooked)[-1].last == last == state.last_transaction
    fills = desk.events(OrderFilled)
    assert [one.transaction for one in fills] == ids(told, TransactionKind.FILLED)
    assert [one.fill.units for one in fills] == [one.fill.units for one in told if one.fill]
    moved = {one.transaction for one in desk.events(CashMoved)}
    assert moved <= {one.id for one in told}
    # Every order came once or never, and ended once.
    made = Counter(one.client_order_id for one in told if one.kind is TransactionKind.ACCEPTED)
    assert set(made) <= set(intended)
    assert set(made.values()) <= {1}
    ends = ended(desk)
    assert set(ends) == set(intended)
    asked = {event.order.client_order_id: event.order.units for event in desk.events(OrderIntended)}
    closings = {
        event.order.client_order_id
        for event in desk.events(OrderIntended)
        if event.purpose == Purpose.CLOSE
    }
    for name, (how, filled) in ends.items():
        # A close of what has gone meanwhile is cancelled here, and the broker has no order.
        unmade = ("absent", "rejected", *(("cancelled",) if name in closings else ()))
        assert how in unmade if name not in made else how != "absent", (name, how)
        assert (how == "filled") == (filled == asked[name]), (name, how, filled)
    account = reached.account()
    assert mismatches(state, account, 0) == ()
    return Counter(how for how, _ in ends.values())


def ids(told: Iterable[Transaction], kind: TransactionKind) -> list[int]:
    return [one.id for one in told if one.kind is kind]


def ended(desk: LiveDesk) -> dict[str, tuple[str, float]]:
    """How each order ended, and how much of it was filled; one that ended twice is a failure."""
    found: dict[str, tuple[str, float]] = {}
    sums: dict[str, float] = {}
    asked = {event.order.client_order_id: event.order.units for event in desk.events(OrderIntended)}
    for event in desk.events(OrderFilled):
        name = event.fill.client_order_id
        if event.fill.reason != "DECISION":
            continue
        sums[name] = sums.get(name, 0.0) + event.fill.units
        if math.isclose(sums[name], asked[name]):
            assert name not in found, name
            found[name] = ("filled", sums[name])
    for one in desk.events(OrderCancelled):
        name = one.cancellation.client_order_id
        assert name not in found, (name, found.get(name), one)
        found[name] = (one.ending, sums.get(name, 0.0))
    return found
