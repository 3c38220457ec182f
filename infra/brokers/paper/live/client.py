"""`PaperExchangeClient`: a `LiveBroker` behind a socket."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Any

from infra.brokers.paper.live.asked import Asked, OrdersAsked
from infra.brokers.paper.live.dialing import dial
from infra.brokers.paper.live.faults import FaultPlan
from infra.brokers.paper.live.messages import REQUESTS, STREAM, Ask, Subscribe
from infra.brokers.paper.live.records import broker_orders_of, encode, transaction_of
from infra.brokers.paper.live.stream import ExchangeStream
from infra.deadlines import DeadlineLine, readable
from infra.transport import Address
from market.accounts import AccountState, BrokerOrder, OrderState, Transaction
from market.bars import Bars
from market.errors import InvalidError, StreamLost, TransientError
from market.orders import OrderRequest
from market.orders_answered import OrdersAnswered
from market.ports import OrdersUnderWay

TIMEOUT_S = 2.0


class PaperExchangeClient:
    """Asks one thing after the other, from one thread, and connects by itself when it is asked to.
    Orders that were posted are answered before anything else is asked.

    What was never sent whole, and a question that changes nothing, fails with TransientError. A
    request that may have had its effect fails with OutcomeUnknown; its line is dropped with it, so
    that no late answer is ever taken for another, and what the exchange had not done by then it
    never will.
    """

    def __init__(self, address: Address, key: bytes, *, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._key = key
        self._timeout_s = timeout_s
        self._line: DeadlineLine | None = None
        self._number = 0
        self._under_way: Asked | None = None

    def place(self, order: OrderRequest) -> BrokerOrder:
        """Send an order. Raises InvalidError where the exchange refused it."""
        (answer,) = self.place_all((order,))
        if answer.state is OrderState.REJECTED:
            raise InvalidError(answer.reason)
        return answer

    def place_all(self, orders: Sequence[OrderRequest]) -> tuple[BrokerOrder, ...]:
        """Send several, in order; one that is refused is answered REJECTED."""
        return broker_orders_of(self._ask("place_all", encode(tuple(orders)), trades=True))

    def post_all(self, orders: Sequence[OrderRequest]) -> OrdersUnderWay:
        """Send several, in order, and wait for no answer; the next request waits for it first."""
        try:
            asked = self._post("place_all", encode(tuple(orders)), trades=True)
        except TransientError as error:
            return OrdersAnswered(error=error)
        self._under_way = asked
        return OrdersAsked(asked)

    def find(self, client_order_id: str) -> BrokerOrder | None:
        """The order under this id; None where it never came."""
        found: BrokerOrder | None = self._ask("find", client_order_id)
        return found

    def working(self) -> tuple[BrokerOrder, ...]:
        """The orders that wait."""
        found: tuple[BrokerOrder, ...] = self._ask("working")
        return found

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Cancel an order that waits; of one that has ended, its end."""
        found: BrokerOrder = self._ask("cancel", client_order_id, trades=True)
        return found

    def replace(self, client_order_id: str, order: OrderRequest) -> BrokerOrder:
        """Put an order in the place of one that waits; of one that has ended, its end, and nothing
        is placed. Raises InvalidError where the exchange refused it: the one that waits works on.
        """
        asked = encode((client_order_id, order))
        found: BrokerOrder = self._ask("replace", asked, trades=True)
        return found

    def close(self, symbol: str, client_order_id: str) -> BrokerOrder | None:
        """Close what is held at the next quote; None where nothing is held."""
        found: BrokerOrder | None = self._ask("close", (symbol, client_order_id), trades=True)
        return found

    def reduce(self, symbol: str, units: float, client_order_id: str) -> BrokerOrder | None:
        """Close so many units of what is held at the next quote, and never more than is held then;
        None where nothing is held.
        """
        asked = (symbol, units, client_order_id)
        found: BrokerOrder | None = self._ask("reduce", asked, trades=True)
        return found

    def protect(
        self,
        symbol: str,
        *,
        stop_price: float | None = None,
        take_profit_price: float | None = None,
        trailing: float | None = None,
    ) -> None:
        """Change what protects the position; None leaves an exit as it is, NaN takes it away."""
        asked = (symbol, stop_price, take_profit_price, trailing)
        self._ask("protect", asked, trades=True)

    def account(self) -> AccountState:
        """The account now."""
        found: AccountState = self._ask("account")
        return found

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        """Every transaction with an id above `after`, in order."""
        found: list[Transaction] = []
        while page := self._ask("transactions", after):
            found += map(transaction_of, page)
            after = found[-1].id
        return tuple(found)

    def history(self, interval_s: int, bars: int) -> Bars:
        """The last closed bars, newest last."""
        found: Bars = self._ask("history", (interval_s, bars))
        return found

    def subscribe(self, after: int) -> ExchangeStream:
        """Prices from now on, and every transaction with an id above `after`.

        It has begun when this returns. Raises TransientError where it has not within the time.
        """
        until = time.monotonic() + self._timeout_s
        line = dial(self._address, self._key, STREAM, self._timeout_s)
        try:
            line.post(Subscribe(after=after))
            if not readable([line], until):
                raise StreamLost(f"the stream did not begin within {self._timeout_s:g} s")
        except StreamLost:
            line.close()
            raise
        return ExchangeStream(line)

    def inject(self, plan: FaultPlan) -> None:
        """Have faults strike from now on; tests and chaos only."""
        self._ask("faults", plan)

    def drop_streams(self) -> None:
        """Have the exchange hang up on every stream; tests and chaos only."""
        self._ask("drop_streams")

    def hang_up(self) -> None:
        """Let go of the line; the next request makes a new one."""
        if self._under_way is not None:
            self._under_way.give_up("the line was let go of")
        self._drop()

    def _ask(self, verb: str, payload: object = None, *, trades: bool = False) -> Any:
        return self._post(verb, payload, trades=trades).payload()

    def _post(self, verb: str, payload: object, *, trades: bool) -> Asked:
        """Send a request. Raises TransientError where it was not sent whole."""
        if self._under_way is not None:
            self._under_way.wait()
            self._under_way = None
        until = time.monotonic() + self._timeout_s
        line = self._connected()
        self._number += 1
        try:
            self._send(line, Ask(number=self._number, verb=verb, payload=payload), until)
        except StreamLost as error:
            self._drop()
            raise TransientError(f"{verb} was not sent: {error}") from None
        return Asked(
            line,
            verb,
            self._number,
            until=until,
            timeout_s=self._timeout_s,
            trades=trades,
            lost=self._drop,
        )

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _connected(self) -> DeadlineLine:
        if self._line is not None:
            try:
                self._line.take()  # an exchange that is gone says so before anything is sent
            except StreamLost:
                self._drop()
        if self._line is None:
            self._line = dial(self._address, self._key, REQUESTS, self._timeout_s)
        return self._line

    def _send(self, line: DeadlineLine, ask: Ask, until: float) -> None:
        """Return once all is on its way. Raises StreamLost where it is not, and cannot be read."""
        line.post(ask)
        while not line.flush():
            left = until - time.monotonic()
            if left <= 0.0:
                raise StreamLost(f"it did not read within {self._timeout_s:g} s")
            select.select([], [line], [], left)
