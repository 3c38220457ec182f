"""From a broker's transactions to events of the journal, each exactly once and in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from market.accounts import Transaction, TransactionKind
from market.errors import LedgerMismatch
from market.events import Event, OrderCancelled, OrderFilled
from market.live_events import CashMoved, OrderAccepted, TransactionsBooked
from market.orders import Cancellation

REJECTED = "REJECTED"


def events_of(transaction: Transaction, sequence: int) -> Event:
    """What a transaction means to the desk. sequence: of the bar in which it fell."""
    kind = transaction.kind
    if kind is TransactionKind.FILLED:
        if transaction.fill is None:
            raise LedgerMismatch(
                f"transaction {transaction.id} of the broker fills an order and has no fill; "
                "compare it with the broker's own record"
            )
        fill = replace(transaction.fill, sequence=sequence)
        return OrderFilled(fill=fill)
    if kind is TransactionKind.ACCEPTED:
        return OrderAccepted(
            client_order_id=transaction.client_order_id,
            time=transaction.time,
            transaction=transaction.id,
        )
    if kind in (TransactionKind.FINANCING, TransactionKind.TRANSFER):
        return CashMoved(
            time=transaction.time,
            transaction=transaction.id,
            symbol=transaction.symbol,
            amount=transaction.amount,
            reason=kind.value,
        )
    refused = kind is TransactionKind.REJECTED
    return OrderCancelled(
        cancellation=Cancellation(
            client_order_id=transaction.client_order_id,
            sequence=sequence,
            time=transaction.time,
            symbol=transaction.symbol,
            reason=f"{REJECTED}: {transaction.reason}" if refused else transaction.reason,
        )
    )


def newer(transactions: Iterable[Transaction], last: int) -> tuple[Transaction, ...] | None:
    """Those not booked yet, without repetitions and in order; None where one is missing between.

    last: the id of the newest that is booked.
    """
    fresh = {transaction.id: transaction for transaction in transactions if transaction.id > last}
    ordered = tuple(fresh[number] for number in sorted(fresh))
    whole = all(found.id == last + 1 + place for place, found in enumerate(ordered))
    return ordered if whole else None


def booked(transactions: tuple[Transaction, ...], sequence: int) -> tuple[Event, ...]:
    """The events of these transactions and, last, how far the books now go."""
    if not transactions:
        return ()
    last = transactions[-1]
    return (
        *(events_of(transaction, sequence) for transaction in transactions),
        TransactionsBooked(time=last.time, last=last.id),
    )
