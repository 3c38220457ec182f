"""`Sending`: intents become durable, are sent once, and their answers become events.

Orders that a broker takes without being waited for are under way until they are heard of, one
lot of them at a time: whatever is asked of orders next hears of those first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from infra.live.answers import ended, event_of, not_sent, unanswered
from infra.live.books import Books
from infra.live.posting import posted
from market.accounts import BrokerOrder
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.events import OrderIntended
from market.order_life import NEVER_REVERSES, ROUNDING, UNSETTLED, OrderStage
from market.orders import OrderRequest
from market.ports import LiveBroker, OrdersUnderWay

NO_POSITION = "NO_POSITION"
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Orders that were sent together. now: when, market time, ns."""

    orders: tuple[OrderRequest, ...]
    under_way: OrdersUnderWay
    now: int


class Sending:
    """Asks nobody whether an order may be sent: whoever calls it has been told so."""

    def __init__(self, broker: LiveBroker, books: Books) -> None:
        self._broker = broker
        self._books = books
        self._lot: Lot | None = None

    @property
    def under_way(self) -> tuple[OrderRequest, ...]:
        """The orders that were sent and not heard of yet."""
        return () if self._lot is None else self._lot.orders

    @property
    def awaited(self) -> OrdersUnderWay | None:
        """Readable once these may be heard of; None where nothing is under way."""
        return None if self._lot is None else self._lot.under_way

    def hear(self) -> None:
        """Book what became of the orders under way, where that is known, or nobody will say it any
        more; does not wait.
        """
        if self._lot is not None and self._lot.under_way.ready:
            self.settle()

    def settle(self) -> None:
        """The same, and wait for it; within the time-out of the broker nothing is under way."""
        lot, self._lot = self._lot, None
        if lot is not None:
            self._hear_of(lot)

    def place(
        self, intents: Sequence[OrderIntended], now: int, replaced: Mapping[str, str] = NOTHING
    ) -> None:
        """Make orders durable, then send them once. For what was signed, and for what only makes a
        position smaller. replaced: client order ids, by that of the order in their place.

        What is meant to make a position smaller is the broker's own to size: where a stop has
        closed the position and was not heard yet, it opens nothing. The last that are sent may be
        under way still when this returns.
        """
        if not intents:
            return
        self.settle()
        self._books.record(*intents)
        self._books.durable()
        for intent in intents:
            if intent.purpose in NEVER_REVERSES:
                self._reduce(intent.order, now)
        orders = [one.order for one in intents if one.purpose not in NEVER_REVERSES]
        self._place_all([one for one in orders if one.client_order_id not in replaced], now)
        for order in orders:
            if order.client_order_id in replaced:
                self.settle()  # in the order in which they were sent
                self._replace(replaced[order.client_order_id], order, now)
        # All of this could be learnt again from the broker; the intents could not.
        self._books.soon()

    def cancel(self, names: Iterable[str]) -> None:
        """Ask the broker to cancel these; the transactions say what came of it.

        names: looked through once nothing is under way. What could not be cancelled is still in the
        books, and tried again by the next call.
        """
        self.settle()
        self._books.pay()  # a fill may be why
        for name in tuple(names):
            entry = self._books.state.orders.get(name)
            if entry is None or entry.stage in UNSETTLED:
                continue
            try:
                self._broker.cancel(name)
            except InvalidError:
                continue
            except (TransientError, OutcomeUnknown):
                return  # it does not answer now: each further request would wait for its time-out

    def close(self, order: OrderRequest, now: int) -> None:
        """Have the broker close a position under the id of this order, which is durable."""
        self.settle()
        self._less(order, now, lambda: self._broker.close(order.symbol, order.client_order_id))

    def _reduce(self, order: OrderRequest, now: int) -> None:
        units = abs(order.units)
        self._less(
            order, now, lambda: self._broker.reduce(order.symbol, units, order.client_order_id)
        )

    def _less(self, order: OrderRequest, now: int, ask: Callable[[], BrokerOrder | None]) -> None:
        """What came of asking the broker to close; of a position that is gone, that it was."""
        try:
            answer = ask()
        except OutcomeUnknown as error:
            self._books.record(unanswered(order, str(error), now))
        except (TransientError, InvalidError) as error:
            self._books.record(not_sent(order, str(error), now))
        else:
            if answer is None:
                self._books.record(ended(order, NO_POSITION, OrderStage.CANCELLED, now))
            else:
                self._answered(order, answer, now)

    def _place_all(self, orders: Sequence[OrderRequest], now: int) -> None:
        if not orders:
            return
        under_way = posted(self._broker, orders)
        self._lot = Lot(orders=tuple(orders), under_way=under_way, now=now)
        self.hear()

    def _hear_of(self, lot: Lot) -> None:
        """Book what became of these orders; of one that the broker's transactions have told of
        before its answer, that is on record.
        """
        books = self._books
        try:
            answers = {one.client_order_id: one for one in lot.under_way.answers()}
        except OutcomeUnknown as error:
            books.record(*(unanswered(order, str(error), lot.now) for order in self._open(lot)))
        except (TransientError, InvalidError) as error:
            books.record(*(not_sent(order, str(error), lot.now) for order in self._open(lot)))
        else:
            told = [
                event_of(order, answers.get(order.client_order_id), lot.now)
                for order in self._open(lot)
            ]
            books.record(*(event for event in told if event is not None))

    def _open(self, lot: Lot) -> list[OrderRequest]:
        is_unsettled = self._books.state.is_unsettled
        return [order for order in lot.orders if is_unsettled(order.client_order_id)]

    def _replace(self, old: str, order: OrderRequest, now: int) -> None:
        """Put an order in the place of another; of the other one the transactions tell.

        One that has filled more than the books know is not replaced: both together would be more
        than was approved.
        """
        try:
            more = self._filled_unheard(old)
            if more:
                why = f"order {old}, to be replaced, has filled {more:g} that was not heard of"
                self._books.record(not_sent(order, why, now))
                return
            answer = self._broker.replace(old, order)
        except OutcomeUnknown as error:
            self._books.record(unanswered(order, str(error), now))
        except (TransientError, InvalidError) as error:
            self._books.record(not_sent(order, str(error), now))
        else:
            if answer.client_order_id == order.client_order_id:
                self._answered(order, answer, now)
            else:
                why = f"order {old}, to be replaced, had ended: {answer.state}"
                self._books.record(not_sent(order, why, now))

    def _filled_unheard(self, name: str) -> float:
        """Signed units that an order has filled beyond those in the books."""
        found, entry = self._broker.find(name), self._books.state.orders.get(name)
        if found is None or entry is None:
            return 0.0
        more = found.filled - entry.filled
        return more if more * found.units > ROUNDING * found.units**2 else 0.0

    def _answered(self, order: OrderRequest, answer: BrokerOrder | None, now: int) -> None:
        event = event_of(order, answer, now)
        if event is not None:
            self._books.record(event)
