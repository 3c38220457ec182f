"""`Gateway`: the only door to the broker, and the only writer of the journal."""

from __future__ import annotations

from market.errors import ApprovalRejected, FatalError, InvalidError
from market.events import (
    BarSettled,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
    SessionEnded,
)
from market.messages import (
    CloseJournal,
    Execute,
    Executed,
    JournalClosed,
    SettleBar,
    Settlement,
)
from market.order_life import OrderStage
from market.orders import OrderRequest, cancellation_of
from market.ports import Broker, Journal
from market.verdicts import SignedApprovals, verify

SESSION_ENDED = "SESSION_ENDED"
REJECTED = "REJECTED"


class Gateway:
    """Takes approvals that the guardian signed, records each as an intent, then sends it.

    key: shared with the guardian alone. epoch: of the coordinator that may ask; an older one is
    refused. Nothing passes that is not signed, expired or has been taken before; what time it is
    the gateway knows from its own bars, and nobody can tell it an earlier one. Every intent ends
    in the journal: by a fill, by a cancellation, or by the end of the session.
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
        self._ended = False

    def answer(self, message: object) -> object:
        """Answer one message of the coordinator."""
        if isinstance(message, SettleBar):
            return self._settle(message)
        if isinstance(message, Execute):
            return self._execute(message)
        if isinstance(message, CloseJournal):
            self._end_working()
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
                spread=settlement.spread,
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
            if isinstance(event, SessionEnded):
                self._end_working()
            self._journal.append(event)
        if message.signed is not None and message.signed.approved:
            self._dispatch(message.signed, message.time)
        else:
            self._journal.commit(now=False)
        return Executed(
            sequence=message.sequence,
            working=tuple(order.client_order_id for order in self._broker.working()),
            recorded=len(self._journal),
        )

    def _dispatch(self, signed: SignedApprovals, time: int) -> None:
        now = max(time, self._now)
        verify(
            self._key,
            signed,
            session=self._session,
            epoch=self._epoch,
            used=self._used,
            now=now,
        )
        if signed.legs:
            raise ApprovalRejected(
                f"approvals of decision {signed.sequence} refused: they come with legs, and a "
                "replay fills market orders alone. No order was sent; execute them live."
            )
        self._used = signed.sequence
        orders = [approved.order(self._session, signed.sequence) for approved in signed.approved]
        for order in orders:
            self._journal.append(OrderIntended(order=order))
        self._journal.commit()
        for order in orders:
            try:
                self._broker.place(order)
            except InvalidError as error:
                self._cancel(order, f"{REJECTED}: {error}", now)
        self._journal.commit(now=False)

    def _end_working(self) -> None:
        """Say once of every order that still waits that no bar will fill it any more."""
        if not self._ended:
            self._ended = True
            for order in self._broker.working():
                self._cancel(order, SESSION_ENDED, self._now)

    def _cancel(self, order: OrderRequest, reason: str, time: int) -> None:
        refused = reason.startswith(REJECTED)
        ending = OrderStage.REJECTED if refused else OrderStage.CANCELLED
        self._journal.append(
            OrderCancelled(cancellation=cancellation_of(order, reason, time), ending=ending.value)
        )
