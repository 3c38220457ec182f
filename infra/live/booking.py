"""From a broker's transactions to events of the journal, each exactly once and in order."""

from __future__ import annotations

import math
from collections.abc import Iterable

from infra.live.margin_call import MarginCalls
from market.accounts import Transaction, TransactionKind
from market.desk_state import DeskState
from market.errors import LedgerMismatch
from market.events import Event, OrderCancelled, OrderFilled
from market.live_events import CashMoved, OrderAccepted, TransactionsBooked
from market.orders import BY_DECISION, Cancellation, Fill

_ENDS = frozenset(
    {
        TransactionKind.CANCELLED,
        TransactionKind.REJECTED,
        TransactionKind.EXPIRED,
        TransactionKind.REPLACED,
    }
)
_CASH = frozenset({TransactionKind.FINANCING, TransactionKind.TRANSFER, TransactionKind.STRANGER})
LEAST_MONEY = 1e-9
"""Account currency; less is left of a sum of parts by rounding alone."""


def newer(transactions: Iterable[Transaction], last: int) -> tuple[Transaction, ...] | None:
    """Those not booked yet, without repetitions and in order; None where one is missing between.

    last: the id of the newest that is booked.
    """
    fresh = {transaction.id: transaction for transaction in transactions if transaction.id > last}
    ordered = tuple(fresh[number] for number in sorted(fresh))
    whole = all(found.id == last + 1 + place for place, found in enumerate(ordered))
    return ordered if whole else None


def booked(transactions: tuple[Transaction, ...], state: DeskState) -> tuple[Event, ...]:
    """The events of these transactions and, last, how far the books then go.

    state: the desk before them. Raises LedgerMismatch where one cannot be booked.
    """
    if not transactions:
        return ()
    reader = _Reader(state)
    last = transactions[-1]
    return (
        *(event for transaction in transactions for event in reader.events_of(transaction)),
        TransactionsBooked(time=last.time, last=last.id),
    )


class _Reader:
    """Reads transactions one after the other, and knows what is held between them."""

    def __init__(self, state: DeskState) -> None:
        self._state = state
        self._sequence = state.sequence + 1
        self._held: dict[str, float] = {}
        self._margin_calls = MarginCalls(state)

    def events_of(self, transaction: Transaction) -> tuple[Event, ...]:
        """What a transaction means to the desk; nothing where it only notes what is no margin
        call.
        """
        kind = transaction.kind
        if kind is TransactionKind.FILLED:
            return self._filled(transaction)
        if kind is TransactionKind.ACCEPTED:
            accepted = OrderAccepted(
                client_order_id=transaction.client_order_id,
                time=transaction.time,
                transaction=transaction.id,
            )
            return (accepted,)
        if kind is TransactionKind.FINANCING and transaction.parts:
            return _parts(transaction)
        if kind in _CASH:
            return (_moved(transaction, transaction.symbol, transaction.amount),)
        if kind in _ENDS:
            return (self._ended(transaction),)
        return self._margin_calls.events_of(transaction)

    def _filled(self, transaction: Transaction) -> tuple[Event, ...]:
        """A fill, and the cash that moved beside it.

        What it cost to close belongs to the trade that ends with the fill, and stands before it.
        """
        told = transaction.fill
        if told is None:
            raise LedgerMismatch(
                f"transaction {transaction.id} of the broker fills an order and has no fill; "
                "compare it with the broker's own record"
            )
        if told.symbol not in self._state.symbols:
            raise LedgerMismatch(
                f"transaction {transaction.id} of the broker fills {told.units:g} {told.symbol}, "
                "which this desk does not keep books of: somebody else trades the account. Close "
                "the position there, and begin a desk in another home"
            )
        before = self._held_in(told.symbol)
        self._held[told.symbol] = before + told.units
        fill = OrderFilled(fill=self._measured(told), transaction=transaction.id)
        if transaction.amount == 0.0:
            return (fill,)
        paid = _moved(transaction, told.symbol, transaction.amount)
        return (paid, fill) if before * told.units < 0.0 else (fill, paid)

    def _held_in(self, symbol: str) -> float:
        held = self._held.get(symbol)
        if held is None:
            held = float(self._state.ledger.units[self._state.column(symbol)])
        return held

    def _measured(self, fill: Fill) -> Fill:
        """With its bar, and with its slippage where the broker cannot know what was decided on."""
        slippage_bps = fill.slippage_bps
        entry = self._state.orders.get(fill.client_order_id)
        if math.isnan(slippage_bps) and fill.reason == BY_DECISION and entry is not None:
            reference = entry.order.reference_price
            side = math.copysign(1.0, fill.units)
            slippage_bps = 1e4 * side * (fill.price - reference) / reference
        return Fill(  # not `replace`: a batch of fills would wait for it
            client_order_id=fill.client_order_id,
            sequence=self._sequence,
            time=fill.time,
            symbol=fill.symbol,
            units=fill.units,
            price=fill.price,
            mid=fill.mid,
            rate=fill.rate,
            reason=fill.reason,
            realised=fill.realised,
            spread_cost=fill.spread_cost,
            slippage_cost=fill.slippage_cost,
            slippage_bps=slippage_bps,
        )

    def _ended(self, transaction: Transaction) -> OrderCancelled:
        kind, reason = transaction.kind, transaction.reason
        if kind is not TransactionKind.CANCELLED:
            reason = f"{kind.name}: {reason}" if reason else kind.name
        return OrderCancelled(
            cancellation=Cancellation(
                client_order_id=transaction.client_order_id,
                sequence=self._sequence,
                time=transaction.time,
                symbol=transaction.symbol,
                reason=reason,
            ),
            ending=kind.value,
            transaction=transaction.id,
        )


def _parts(transaction: Transaction) -> tuple[CashMoved, ...]:
    """Financing by instrument; what the parts leave of the amount belongs to none."""
    found = tuple(_moved(transaction, symbol, amount) for symbol, amount in transaction.parts)
    rest = transaction.amount - math.fsum(amount for _, amount in transaction.parts)
    return (*found, _moved(transaction, "", rest)) if abs(rest) > LEAST_MONEY else found


def _moved(transaction: Transaction, symbol: str, amount: float) -> CashMoved:
    return CashMoved(
        time=transaction.time,
        transaction=transaction.id,
        symbol=symbol,
        amount=amount,
        reason=transaction.kind.value,
    )
