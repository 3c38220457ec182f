"""`OrderBook`: the orders that wait, the numbers of transactions, and what must be kept of both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from infra.brokers.paper.live.records import encode
from infra.brokers.paper.live.store import Changes
from infra.brokers.paper.live.waiting import WaitingOrder
from infra.brokers.paper.state import FillReason
from market.accounts import (
    BrokerOrder,
    HeldExits,
    OrderState,
    Transaction,
    TransactionKind,
)
from market.orders import Fill, OrderRequest

ENDS = {
    TransactionKind.CANCELLED: OrderState.CANCELLED,
    TransactionKind.EXPIRED: OrderState.EXPIRED,
    TransactionKind.REPLACED: OrderState.REPLACED,
}


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
        self._queues: list[dict[str, WaitingOrder]] = [{} for _ in symbols]
        self._expiring: dict[str, WaitingOrder] = {}
        for item in waiting:
            self._place(item)

    def waiting(self) -> tuple[WaitingOrder, ...]:
        """The orders that wait, in the order of their acceptance."""
        return tuple(self._waiting.values())

    def queue(self, column: int) -> tuple[WaitingOrder, ...]:
        """Those of one instrument."""
        return tuple(self._queues[column].values())

    def find(self, client_order_id: str) -> WaitingOrder | None:
        """The order under this id, where it waits."""
        return self._waiting.get(client_order_id)

    def due(self, time: int) -> list[WaitingOrder]:
        """Those whose time is over, UTC ns, in the order in which it was."""
        if not self._expiring:
            return []
        over = [item for item in self._expiring.values() if item.expires <= time]
        return sorted(over, key=lambda item: (item.expires, item.transaction))

    def first_due(self) -> float:
        """When the time of the next of them is over, UTC ns; inf where none has an end."""
        return min((item.expires for item in self._expiring.values()), default=math.inf)

    def take_changes(self) -> Changes:
        """What happened since the last time."""
        changes, self.changes = self.changes, Changes()
        return changes

    def accept(
        self,
        order: OrderRequest,
        time: int,
        *,
        closes: bool = False,
        reduces: bool = False,
        stood: int = 0,
        expires: int = 0,
    ) -> BrokerOrder:
        """An order waits from now on."""
        name = order.client_order_id
        number = self._number(TransactionKind.ACCEPTED, time, name, order.symbol).id
        item = WaitingOrder(
            transaction=number,
            order=order,
            latest=number,
            closes=closes,
            reduces=reduces,
            stood=stood,
            expires=expires,
        )
        self._enter(item)
        return item.standing

    def reject(self, order: OrderRequest, time: int, reason: str) -> BrokerOrder:
        """An order is refused for good."""
        name = order.client_order_id
        number = self._number(TransactionKind.REJECTED, time, name, order.symbol, reason=reason).id
        refused = WaitingOrder(transaction=number, order=order, latest=number)
        return self._ended(refused, OrderState.REJECTED, number, reason)

    def end(
        self, client_order_id: str, time: int, kind: TransactionKind, reason: str
    ) -> BrokerOrder | None:
        """End an order that waits; None where it does not. reason: of its transaction."""
        item = self._waiting.get(client_order_id)
        if item is None:
            return None
        number = self._number(kind, time, client_order_id, item.order.symbol, reason=reason).id
        return self._end(item, ENDS[kind], number, reason)

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
        waits: bool = False,
        exits: HeldExits | None = None,
    ) -> Transaction:
        """Number what happened, and carry the order on that it filled or ended."""
        transaction = self._number(
            kind,
            time,
            client_order_id,
            symbol,
            fill=fill,
            amount=amount,
            reason=reason,
            exits=exits,
        )
        item = self._waiting.get(client_order_id)
        if item is None:
            return transaction
        if kind in ENDS:
            self._end(item, ENDS[kind], transaction.id, reason)
        elif fill is not None and fill.reason == FillReason.DECISION.name:
            item = item.after(fill, transaction.id)
            if waits:
                self._enter(item)
            else:
                self._end(item, OrderState.FILLED, transaction.id, "")
        return transaction

    def _number(
        self, kind: TransactionKind, time: int, client_order_id: str, symbol: str, **facts: Any
    ) -> Transaction:
        self.last_transaction += 1
        transaction = Transaction(
            id=self.last_transaction,
            time=time,
            kind=kind,
            client_order_id=client_order_id,
            symbol=symbol,
            **facts,
        )
        self.changes.transactions.append((transaction.id, encode(transaction)))
        return transaction

    def _enter(self, item: WaitingOrder) -> None:
        """An order that is there keeps its place."""
        self._place(item)
        self.changes.waiting[item.transaction] = encode(item)

    def _place(self, item: WaitingOrder) -> None:
        name = item.order.client_order_id
        self._waiting[name] = self._queues[self._columns[item.order.symbol]][name] = item
        if item.expires:
            self._expiring[name] = item

    def _end(
        self, item: WaitingOrder, state: OrderState, transaction: int, reason: str
    ) -> BrokerOrder:
        """An order waits no more. Where margin or rate is missing for the rest of one that
        reverses, that is cancelled after its fill, and leaves it filled.
        """
        name = item.order.client_order_id
        del self._waiting[name], self._queues[self._columns[item.order.symbol]][name]
        self._expiring.pop(name, None)
        self.changes.waiting.pop(item.transaction, None)
        self.changes.ended.append((item.transaction,))
        if state is OrderState.REPLACED:
            return self._ended(item, state, transaction, state.name, replaced_by=reason)
        return self._ended(item, state, transaction, reason)

    def _ended(
        self,
        item: WaitingOrder,
        state: OrderState,
        transaction: int,
        reason: str = "",
        *,
        replaced_by: str = "",
    ) -> BrokerOrder:
        """How an order stands for good."""
        order = item.order
        answer = BrokerOrder(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            units=order.units,
            state=state,
            transaction=transaction,
            reason=reason,
            filled=item.filled,
            replaced_by=replaced_by,
        )
        self.changes.orders[order.client_order_id] = encode(answer)
        return answer
