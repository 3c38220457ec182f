"""`Gateway`: the only door to the broker, and the only writer of the journal."""

from __future__ import annotations

from market.errors import FatalError
from market.events import BarSettled, Event, OrderCancelled, OrderFilled, OrderIntended
from market.messages import (
    CloseJournal,
    Execute,
    Executed,
    JournalClosed,
    SettleBar,
    Settlement,
)
from market.orders import OrderRequest, client_order_id
from market.ports import Broker, Journal
from market.verdicts import RiskApproved, SignedApprovals, verify


class Gateway:
    """Takes approvals that the guardian signed, records each as an intent, then sends it.

    key: shared with the guardian alone. epoch: of the coordinator that may ask; an older one is
    refused. Nothing passes that is not signed, expired or has been taken before; what time it is
    the gateway knows from its own bars, and nobody can tell it an earlier one.
    """

    def __init__(
        self, *, broker: Broker, journal: Journal, session: str, key: bytes, epoch: int
    ) -> None:
        self._broker = broker
        self._journal = journal
        self._session = session
        self._key = key
        self._epoch = epoch
        self._used = -1
        self._now = 0

    def answer(self, message: object) -> object:
        """Answer one message of the coordinator."""
        if isinstance(message, SettleBar):
            return self._settle(message)
        if isinstance(message, Execute):
            return self._execute(message)
        if isinstance(message, CloseJournal):
            self._journal.close()
            return JournalClosed(digest=self._journal.digest, events=len(self._journal))
        raise FatalError(f"the gateway does not know messages of type {type(message).__name__}")

    def record(self, event: Event) -> None:
        """Append one event, durable soon."""
        self._journal.append(event)

    def _settle(self, message: SettleBar) -> Settlement:
        self._now = max(self._now, message.bar.time)
        settlement = self._broker.settle(message.sequence, message.bar)
        for fill in settlement.fills:
            self._journal.append(OrderFilled(fill=fill))
        for cancellation in settlement.cancellations:
            self._journal.append(OrderCancelled(cancellation=cancellation))
        self._journal.append(
            BarSettled(
                sequence=message.sequence,
                time=message.bar.time,
                units=settlement.units,
                mid=settlement.mid,
                rate=settlement.rate,
                equity=settlement.equity,
                cash=settlement.cash,
                financing=settlement.financing,
                margin_used=settlement.margin_used,
            )
        )
        return settlement

    def _execute(self, message: Execute) -> Executed:
        for event in message.records:
            self._journal.append(event)
        if message.signed is not None and message.signed.approved:
            self._dispatch(message.signed, message.time)
        else:
            self._journal.commit(now=False)
        return Executed(
            sequence=message.sequence,
            working=self._broker.working(),
            recorded=len(self._journal),
        )

    def _dispatch(self, signed: SignedApprovals, now: int) -> None:
        verify(
            self._key,
            signed,
            session=self._session,
            epoch=self._epoch,
            used=self._used,
            now=max(now, self._now),
        )
        self._used = signed.sequence
        orders = [self._order(approved, signed.sequence) for approved in signed.approved]
        for order in orders:
            self._journal.append(OrderIntended(order=order))
        self._journal.commit()
        for order in orders:
            self._broker.place(order)

    def _order(self, approved: RiskApproved, sequence: int) -> OrderRequest:
        return OrderRequest(
            client_order_id=client_order_id(self._session, sequence, approved.symbol),
            sequence=sequence,
            symbol=approved.symbol,
            units=approved.units,
            bracket=approved.bracket,
            lowest_price=approved.lowest_price,
            highest_price=approved.highest_price,
            reference_price=approved.reference_price,
        )
