"""`WatchedBroker`: a broker whose answers are timed and whose failures are counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from infra.live.cancel_budget import CancelBudget
from infra.live.posting import posted
from market.accounts import AccountState, BrokerOrder, OrderState, Transaction
from market.bars import Bars
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.orders import OrderRequest
from market.ports import BrokerStream, LiveBroker, OrdersUnderWay

REQUESTS = "requests"
STREAM = "stream"
ORDERS = "orders"
REPEATS_AFTER_S = 5.0
"""Failures of one kind that follow each other sooner are retries of the same."""


class BrokerHealth:
    """Failures that nothing has settled: of requests until one is answered, of the stream until it
    is heard, of orders until each has been looked up. clock: seconds that never step back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._failures: dict[str, int] = {}
        self._counted_at: dict[str, float] = {}
        self._latency_s = 0.0
        self._asked = False

    @property
    def failures(self) -> int:
        """How many are not settled."""
        return sum(self._failures.values())

    def failed(self, what: str) -> None:
        """Count a failure; every order without an answer, of other kinds one in some seconds."""
        now = self.clock()
        since = now - self._counted_at.get(what, -REPEATS_AFTER_S)
        if what == ORDERS or since >= REPEATS_AFTER_S:
            self._failures[what] = self._failures.get(what, 0) + 1
            self._counted_at[what] = now

    def settled(self, what: str) -> None:
        """Failures of this kind are over."""
        if self._failures.pop(what, None) is not None:
            self._counted_at.pop(what, None)

    def answered(self, seconds: float) -> None:
        """A request that is timed was answered, or given up, after so long."""
        self._latency_s = max(self._latency_s, seconds) if self._asked else seconds
        self._asked = True

    def latency(self) -> float:
        """Seconds of the slowest answer since the last call; the one before where none came."""
        self._asked = False
        return self._latency_s


class WatchedBroker:
    """A `LiveBroker` that asks another, and tells its health how that went.

    Only requests about orders and the account are timed: history and streams are long by nature.
    cancels: how often may be cancelled; what must wait raises TransientError and is no failure of
    the broker.
    """

    def __init__(
        self, broker: LiveBroker, health: BrokerHealth, cancels: CancelBudget | None = None
    ) -> None:
        self._broker = broker
        self._health = health
        self._cancels = cancels

    def place(self, order: OrderRequest) -> BrokerOrder:
        """As of the port."""
        with self._watched(unknown=ORDERS):
            return self._broker.place(order)

    def place_all(self, orders: Sequence[OrderRequest]) -> tuple[BrokerOrder, ...]:
        """As of the port; the time is that of one order."""
        return self._answered(lambda: self._broker.place_all(orders), len(orders))

    def post_all(self, orders: Sequence[OrderRequest]) -> OrdersUnderWay:
        """As of the port; the time is that of one order, until their answer is seen to be there."""
        clock, count = self._health.clock, len(orders)
        began = clock()
        under_way = posted(self._broker, orders)

        def answers(seen: float) -> tuple[BrokerOrder, ...]:
            # What the gateway did before it took the answer is no time of the broker.
            return self._answered(under_way.answers, count, began=began + (clock() - seen))

        return WatchedOrders(under_way, clock, answers)

    def find(self, client_order_id: str) -> BrokerOrder | None:
        """As of the port."""
        with self._watched():
            return self._broker.find(client_order_id)

    def working(self) -> tuple[BrokerOrder, ...]:
        """As of the port."""
        with self._watched():
            return self._broker.working()

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """As of the port."""
        if self._cancels is not None:
            self._cancels.cancelling()
        with self._watched():
            return self._broker.cancel(client_order_id)

    def replace(self, client_order_id: str, order: OrderRequest) -> BrokerOrder:
        """As of the port."""
        with self._watched(unknown=ORDERS):
            return self._broker.replace(client_order_id, order)

    def close(self, symbol: str, client_order_id: str) -> BrokerOrder | None:
        """As of the port."""
        if self._cancels is not None:
            self._cancels.closing()
        with self._watched(unknown=ORDERS):
            return self._broker.close(symbol, client_order_id)

    def reduce(self, symbol: str, units: float, client_order_id: str) -> BrokerOrder | None:
        """As of the port."""
        with self._watched(unknown=ORDERS):
            return self._broker.reduce(symbol, units, client_order_id)

    def protect(
        self,
        symbol: str,
        *,
        stop_price: float | None = None,
        take_profit_price: float | None = None,
        trailing: float | None = None,
    ) -> None:
        """As of the port."""
        with self._watched():
            self._broker.protect(
                symbol,
                stop_price=stop_price,
                take_profit_price=take_profit_price,
                trailing=trailing,
            )

    def account(self) -> AccountState:
        """As of the port."""
        with self._watched():
            return self._broker.account()

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        """As of the port."""
        with self._watched(timed=False):
            return self._broker.transactions(after)

    def history(self, interval_s: int, bars: int) -> Bars:
        """As of the port."""
        with self._watched(timed=False):
            return self._broker.history(interval_s, bars)

    def subscribe(self, after: int) -> BrokerStream:
        """As of the port; whoever listens tells what became of the stream."""
        return self._broker.subscribe(after)

    def _answered(
        self,
        ask: Callable[[], tuple[BrokerOrder, ...]],
        orders: int,
        *,
        began: float | None = None,
    ) -> tuple[BrokerOrder, ...]:
        """The answers about orders that were sent together, each that is unknown a failure."""
        with self._watched(orders, unknown=ORDERS, began=began):
            answers = ask()
        for answer in answers:
            if answer.state is OrderState.UNKNOWN:
                self._health.failed(ORDERS)
        return answers

    @contextmanager
    def _watched(
        self,
        requests: int = 1,
        *,
        unknown: str = REQUESTS,
        timed: bool = True,
        began: float | None = None,
    ) -> Iterator[None]:
        """began: of the request, on the health's clock; now where it is not given."""
        health = self._health
        began = health.clock() if began is None else began
        try:
            yield
        except OutcomeUnknown:
            health.failed(unknown)
            raise
        except TransientError:
            health.failed(REQUESTS)
            raise
        except InvalidError:
            health.settled(REQUESTS)  # a refusal is an answer
            raise
        else:
            health.settled(REQUESTS)
        finally:
            if timed:
                health.answered((health.clock() - began) / max(requests, 1))


class WatchedOrders:
    """`OrdersUnderWay` of a watched broker. answers: asks for them, and tells how that went; given
    when they were first seen to be there.
    """

    def __init__(
        self,
        under_way: OrdersUnderWay,
        clock: Callable[[], float],
        answers: Callable[[float], tuple[BrokerOrder, ...]],
    ) -> None:
        self._under_way = under_way
        self._clock = clock
        self._answers = answers
        self._seen: float | None = None

    def fileno(self) -> int:
        """As of the port."""
        return self._under_way.fileno()

    @property
    def ready(self) -> bool:
        """As of the port."""
        if self._seen is None and self._under_way.ready:
            self._seen = self._clock()
        return self._seen is not None

    def answers(self) -> tuple[BrokerOrder, ...]:
        """As of the port."""
        return self._answers(self._clock() if self._seen is None else self._seen)
