"""`OrderDesk`: what may be asked of a paper exchange about orders and positions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from infra.brokers.paper.live.account import LiveAccount
from infra.brokers.paper.live.book import OrderBook
from infra.brokers.paper.live.closing import closing_order
from infra.brokers.paper.live.held_exits import change_exits, held_exits
from infra.brokers.paper.live.intake import Intake
from infra.brokers.paper.live.records import broker_order_of
from infra.brokers.paper.live.store import ExchangeStore
from market.accounts import BrokerOrder, HeldExits, OrderState, TransactionKind
from market.errors import InvalidError
from market.orders import OrderRequest

BY_REQUEST = "BY_REQUEST"
BRACKET_CHANGED = "BRACKET_CHANGED"


class OrderDesk(ABC):
    """Every call is durable before it returns, those within `one_commit` at its end. What is asked
    sees what is not durable yet. clock: the market's time, UTC ns.
    """

    clock: int
    _account: LiveAccount
    _book: OrderBook
    _intake: Intake
    _store: ExchangeStore
    _together = False
    _due = False

    @abstractmethod
    def _write(self) -> None:
        """Make everything durable that happened since the last time."""

    def _commit(self) -> None:
        """The same now, or within `one_commit` at its end."""
        if self._together:
            self._due = True
        else:
            self._write()

    @contextmanager
    def one_commit(self) -> Iterator[None]:
        """What is done within is durable at its end, as one; until then nobody may be told of it.

        That something was refused is part of it. Where anything else goes wrong nothing is
        committed: what is half done is not in the store, from which a restart goes on.
        """
        self._together = True
        try:
            yield
        except InvalidError:
            self._end_together()
            raise
        except BaseException:
            self._together = self._due = False
            raise
        self._end_together()

    def _end_together(self) -> None:
        due, self._together, self._due = self._due, False, False
        if due:
            self._write()

    def place(self, order: OrderRequest) -> BrokerOrder:
        """Take an order; it fills at the next quote of its instrument that reaches it.

        Raises InvalidError for what can never be filled: that it was refused is recorded, and a
        repetition is refused again.
        """
        (answer,) = self.place_all((order,))
        if answer.state is OrderState.REJECTED:
            raise InvalidError(answer.reason)
        return answer

    def place_all(
        self, orders: Sequence[OrderRequest], *, refuse: str = ""
    ) -> tuple[BrokerOrder, ...]:
        """Take several in one commit. An id that is known is answered with the order that is there.

        refuse: a reason to refuse every new one.
        """
        known = self._known([order.client_order_id for order in orders])
        answers = []
        for order in orders:
            found = known.get(order.client_order_id)
            if found is None:
                found = self._intake.take(order, self.clock, refuse=refuse)
                known[order.client_order_id] = found
            answers.append(found)
        if self._book.changes.transactions:
            self._commit()
        return tuple(answers)

    def find(self, client_order_id: str) -> BrokerOrder | None:
        """The order under this id; None where it never came."""
        return self._known([client_order_id]).get(client_order_id)

    def working(self) -> tuple[BrokerOrder, ...]:
        """The orders that wait, in the order of their acceptance."""
        return tuple(item.standing for item in self._book.waiting())

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Cancel an order that waits; of one that has ended, its end.

        Raises InvalidError for an id that never came.
        """
        found = self._had(client_order_id)
        cancelled = self._book.end(
            client_order_id, self.clock, TransactionKind.CANCELLED, BY_REQUEST
        )
        if cancelled is None:
            return found
        self._commit()
        return cancelled

    def replace(
        self, client_order_id: str, order: OrderRequest, *, refuse: str = ""
    ) -> BrokerOrder:
        """Put an order in the place of one that waits, in one commit; of one that has ended, its
        end, and nothing is placed. An id that is known is answered with the order that is there.

        Raises InvalidError for an order that never came, for another instrument, and for what can
        never be filled: that it was refused is recorded, and the order that waits works on.
        """
        if order.client_order_id == client_order_id:
            raise InvalidError(
                f"order {client_order_id} cannot be replaced by itself; give the new one another id"
            )
        answer = self.find(order.client_order_id)
        if answer is None:
            old = self._had(client_order_id)
            waits = self._book.find(client_order_id)
            if waits is None:
                return old
            if order.symbol != waits.order.symbol:
                refuse = refuse or (
                    f"order {order.client_order_id}: it would replace one in "
                    f"{waits.order.symbol}, and is in {order.symbol}"
                )
            refuse = refuse or self._intake.obstacle(order, self.clock)
            if not refuse:
                self._book.end(
                    client_order_id, self.clock, TransactionKind.REPLACED, order.client_order_id
                )
            answer = self._intake.take(order, self.clock, refuse=refuse)
            self._commit()
        if answer.state is OrderState.REJECTED:
            raise InvalidError(answer.reason)
        return answer

    def close(self, symbol: str, client_order_id: str, *, refuse: str = "") -> BrokerOrder | None:
        """Close what is held at the next quote, whatever that is then; None where nothing is held.

        Raises InvalidError for an instrument that is not traded here.
        """
        return self._close(symbol, client_order_id, math.inf, refuse)

    def reduce(
        self, symbol: str, units: float, client_order_id: str, *, refuse: str = ""
    ) -> BrokerOrder | None:
        """Close so many units of what is held at the next quote, and never more than is held then;
        None where nothing is held.

        units: positive. Raises InvalidError for another size, or an instrument that is not traded
        here.
        """
        if not 0.0 < units < math.inf:
            raise InvalidError(
                f"order {client_order_id}: the units to close must be positive, found {units}"
            )
        return self._close(symbol, client_order_id, units, refuse)

    def protect(
        self,
        symbol: str,
        *,
        stop_price: float | None = None,
        take_profit_price: float | None = None,
        trailing: float | None = None,
    ) -> None:
        """Change what protects the position; None leaves an exit as it is, NaN takes it away.

        stop_price, take_profit_price: where it is closed. trailing: distance that the stop keeps
        from the best price from now on. It is NOTED under the order that opened the position, with
        all its exits. Raises InvalidError where nothing is held, and for an exit that would close
        the position at the last quote.
        """
        column = self._intake.column(symbol, "of its exits")
        held, quote = self.held(symbol), self._account.last(column, self.clock)
        if held == 0.0 or quote is None:
            raise InvalidError(f"{symbol}: no position is held, so no exit can be changed")
        exits = change_exits(
            self._account.state.exits,
            column,
            quote,
            held,
            stop_price=stop_price,
            take_profit_price=take_profit_price,
            trailing=trailing,
        )
        opener = self._account.opened_by[column]
        self._book.record(
            TransactionKind.NOTED, self.clock, opener, symbol, reason=BRACKET_CHANGED, exits=exits
        )
        self._commit()

    def equity(self) -> float:
        """Cash and unrealised profit at the last prices, account currency."""
        return self._account.equity()

    def margin_used(self) -> float:
        """Account currency."""
        return self._account.margin_used()

    def average_price(self, symbol: str) -> float:
        """Of the position; NaN where flat. Raises as `held`."""
        column = self._intake.column(symbol, "of its position")
        return float(self._account.state.ledger.average_price[column])

    def held(self, symbol: str) -> float:
        """Signed units of the position. Raises InvalidError for an instrument that is not traded
        here.
        """
        column = self._intake.column(symbol, "of its position")
        return float(self._account.state.ledger.units[column])

    def exits(self, symbol: str) -> HeldExits:
        """What protects the position. Raises InvalidError for an instrument that is not traded
        here.
        """
        column = self._intake.column(symbol, "of its exits")
        return held_exits(self._account.state.exits, column)

    def meet(self, symbol: str) -> bool:
        """Work the orders that wait in an instrument on its last quote, now; whether that was done.

        It is not where nothing was ever quoted, the quote is older than `rate_valid_s`, or the
        instrument is not tradeable. Raises InvalidError for one that is not traded here.
        """
        column = self._intake.column(symbol, "to be met")
        if symbol in self._intake.closed:
            return False
        before = self._book.last_transaction
        queue = self._book.queue(column)
        met = self._account.meet(column, self.clock, queue, self._book.record)
        if self._book.last_transaction != before:
            self._commit()
        return met

    def set_tradeable(self, symbol: str, tradeable: bool) -> None:
        """Close or open an instrument. While it is closed its quotes value the position and nothing
        else: orders and exits wait, and what must fill at once is cancelled MARKET_HALTED.

        Raises InvalidError for one that is not traded here.
        """
        self._intake.column(symbol, "to be halted")
        if tradeable:
            self._intake.closed.discard(symbol)
        else:
            self._intake.halt(symbol, self.clock)
        self._commit()

    def _had(self, client_order_id: str) -> BrokerOrder:
        found = self.find(client_order_id)
        if found is None:
            raise InvalidError(
                f"order {client_order_id} never came here; look at the id, or at `transactions`"
            )
        return found

    def _close(
        self, symbol: str, client_order_id: str, units: float, refuse: str
    ) -> BrokerOrder | None:
        """units: to close at most; all that is held where infinite."""
        found = self.find(client_order_id)
        if found is not None:
            return found
        column = self._intake.column(symbol, client_order_id)
        held = self.held(symbol)
        if held == 0.0:
            return None
        whole = units == math.inf
        reference = float(self._account.state.marks.mid[column])
        order = closing_order(
            symbol, client_order_id, -held if whole else -math.copysign(units, held), reference
        )
        answer = self._intake.take(
            order, self.clock, refuse=refuse, closes=whole, reduces=not whole
        )
        self._commit()
        if answer.state is OrderState.REJECTED:
            raise InvalidError(answer.reason)
        return answer

    def _known(self, names: Sequence[str]) -> dict[str, BrokerOrder]:
        """The orders that are there, as what is not committed yet has left them."""
        found, ended = {}, self._book.changes.orders
        unheard_of = []
        for name in names:
            item = self._book.find(name)
            if item is not None:
                found[name] = item.standing
            elif name in ended:
                found[name] = broker_order_of(ended[name])
            else:
                unheard_of.append(name)
        kept = self._store.orders(unheard_of) if unheard_of else {}
        return found | {name: broker_order_of(record) for name, record in kept.items()}
