"""`OrderBook`: the orders that wait, the numbers of transactions, and what must be kept of both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from infra.brokers.paper.live.account import WaitingOrder
from infra.brokers.paper.live.records import encode
from infra.brokers.paper.live.store import Changes
from infra.brokers.paper.state import FillReason
from market.accounts import BrokerOrder, OrderState, Transaction, TransactionKind
from market.orders import Fill, OrderRequest


class OrderBook:
    """Everything that begins or ends here is in `changes` until they are taken to the store.

    symbols: the columns. last_transaction: the number of the newest. waiting: as the store has
    them, in the order of their acceptance.
    """

    def __init__(
        self, symbols: Sequence[str], last_transaction: int, waiting: Iterable[WaitingOrder]
    ) -> None:
        self.last_transaction = last_transaction
        self.changes = Changes()
        self._columns = {symbol: column for column, symbol in enumerate(symbols)}
        self._waiting: dict[str, WaitingOrder] = {}
        self._queues: list[list[WaitingOrder]] = [[] for _ in symbols]
        for item in waiting:
            self._enter(item)

    def waiting(self) -> tuple[WaitingOrder, ...]:
        """The orders that wait, in the order of their acceptance."""
        return tuple(self._waiting.values())

    def queue(self, column: int) -> tuple[WaitingOrder, ...]:
        """Those of one instrument."""
        return tuple(self._queues[column])

    def take_changes(self) -> Changes:
        """What happened since the last time."""
        changes, self.changes = self.changes, Changes()
        return changes

    def accept(self, order: OrderRequest, time: int, *, closes: bool = False) -> BrokerOrder:
        """An order waits from now on."""
        name = order.client_order_id
        number = self.record(TransactionKind.ACCEPTED, time, name, order.symbol).id
        item = WaitingOrder(transaction=number, order=order, closes=closes)
        self._enter(item)
        self.changes.waiting.append((number, encode(item)))
        return self._stands(order, OrderState.ACCEPTED, number, "")

    def reject(self, order: OrderRequest, time: int, reason: str) -> BrokerOrder:
        """An order is refused for good."""
        name = order.client_order_id
        number = self.record(TransactionKind.REJECTED, time, name, order.symbol, reason=reason).id
        return self._stands(order, OrderState.REJECTED, number, reason)

    def cancel(self, client_order_id: str, time: int, reason: str) -> bool:
        """End an order that waits; whether it did."""
        item = self._waiting.get(client_order_id)
        if item is not None:
            symbol = item.order.symbol
            self.record(TransactionKind.CANCELLED, time, client_order_id, symbol, reason=reason)
        return item is not None

    def record(
        self,
        kind: TransactionKind,
        time: int,
        client_order_id: str,
        symbol: str,
        *,
        fill: Fill | None = None,
        amount: float = 0.0,
        reason: str = "",
    ) -> Transaction:
        """Number what happened, and end the order that it ended."""
        self.last_transaction += 1
        transaction = Transaction(
            id=self.last_transaction,
            time=time,
            kind=kind,
            client_order_id=client_order_id,
            symbol=symbol,
            fill=fill,
            amount=amount,
            reason=reason,
        )
        self.changes.transactions.append((transaction.id, encode(transaction)))
        if kind is TransactionKind.CANCELLED:
            self._end(client_order_id, OrderState.CANCELLED, transaction.id, reason)
        elif fill is not None and fill.reason == FillReason.DECISION.name:
            self._end(client_order_id, OrderState.FILLED, transaction.id, "")
        return transaction

    def _enter(self, item: WaitingOrder) -> None:
        self._waiting[item.order.client_order_id] = item
        self._queues[self._columns[item.order.symbol]].append(item)

    def _end(self, name: str, state: OrderState, transaction: int, reason: str) -> None:
        """An order waits no more. The rest of one that was filled in part is cancelled after its
        fill, and leaves it filled.
        """
        item = self._waiting.pop(name, None)
        if item is not None:
            self._queues[self._columns[item.order.symbol]].remove(item)
            self.changes.ended.append((item.transaction,))
            self._stands(item.order, state, transaction, reason)

    def _stands(
        self, order: OrderRequest, state: OrderState, transaction: int, reason: str
    ) -> BrokerOrder:
        """How an order stands from now on."""
        answer = BrokerOrder(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            units=order.units,
            state=state,
            transaction=transaction,
            reason=reason,
        )
        self.changes.orders[order.client_order_id] = encode(answer)
        return answer
