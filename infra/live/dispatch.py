"""`Dispatch`: approvals become durable intents, intents are sent once, answers become events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from infra.live.books import Books
from market.accounts import OrderState
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.events import OrderCancelled, OrderIntended
from market.live_events import OrderAccepted, OrderResolved, OrderUnknown
from market.messages import Settlement
from market.modes import Mode
from market.order_life import ABSENT, UNSETTLED
from market.orders import Bracket, OrderRequest, cancellation_of, client_order_id
from market.ports import LiveBroker
from market.verdicts import RiskApproved, SignedApprovals, verify

NOT_SENT = "NOT_SENT"
NO_BRACKET = Bracket(stop=float("nan"), take_profit=float("nan"), trailing=None)
UNBOUNDED = (0.0, float("inf"))


class Dispatch:
    """Sends what the guardian signed. key: shared with the guardian alone. sent: told the bar of
    a decision and its orders, once they have left.

    Nothing is sent that is not durable before; nothing is sent twice. An order without an answer
    is UNKNOWN until `resolve` finds out.
    """

    def __init__(
        self,
        broker: LiveBroker,
        books: Books,
        session: str,
        key: bytes,
        *,
        sent: Callable[[int, Sequence[OrderRequest]], None],
    ) -> None:
        self._broker = broker
        self._books = books
        self._session = session
        self._key = key
        self._sent = sent

    @property
    def open_orders(self) -> tuple[OrderRequest, ...]:
        """Orders whose end is not known yet."""
        return tuple(entry.order for entry in self._books.state.orders.values())

    def send(
        self, signed: SignedApprovals, now: int, seen: Settlement | None = None
    ) -> tuple[int, tuple[tuple[str, str], ...]]:
        """Dispatch one decision's approvals: how many were sent, and what was not and why.

        now: market time, ns. seen: the account that the decision was on; where a position or a
        working order has changed since, as by a stop, the size would be wrong. Raises
        ApprovalRejected where they are not the guardian's, of another epoch or session, expired,
        or taken before; JournalUnwritable before anything is sent.
        """
        state = self._books.state
        verify(
            self._key,
            signed,
            session=self._session,
            epoch=state.epoch,
            used=state.used,
            now=now,
        )
        orders: list[OrderRequest] = []
        unsent: list[tuple[str, str]] = []
        unknown = {order.symbol for order in state.unsettled}
        for approved in signed.approved:
            why = self._obstacle(approved, unknown) or self._moved(approved, seen)
            if why is None:
                orders.append(approved.order(self._session, signed.sequence))
            else:
                unsent.append((approved.symbol, why))
        self._place(orders, now)
        self._sent(signed.sequence, orders)
        return len(orders), tuple(unsent)

    def flatten(self, now: int) -> int:
        """Cancel every working order, then close every position; how many orders that took.

        Needs neither coordinator nor guardian. What cannot be reached now is tried again by
        calling it again: an order that is there already is not sent twice, and one that closes a
        position and waits for a price is left to wait.
        """
        state = self._books.state
        leg = f"f{state.flattens}"
        self.cancel_working(but=f"-{leg}")
        closing = []
        for column, symbol in enumerate(state.symbols):
            units = float(state.ledger.units[column])
            if units == 0.0 or any(entry.order.symbol == symbol for entry in state.orders.values()):
                continue
            closing.append(
                OrderRequest(
                    client_order_id=client_order_id(
                        self._session, state.last_transaction, symbol, leg
                    ),
                    sequence=state.sequence,
                    symbol=symbol,
                    units=-units,
                    bracket=NO_BRACKET,
                    lowest_price=UNBOUNDED[0],
                    highest_price=UNBOUNDED[1],
                    reference_price=float("nan"),
                )
            )
        self._place(closing, now)
        self._sent(state.sequence, closing)
        return len(closing)

    def cancel_working(self, but: str = "") -> None:
        """Ask the broker to cancel what waits; the transactions say what came of it.

        but: the end of the ids of orders that are left alone; empty for none.
        """
        for name, entry in tuple(self._books.state.orders.items()):
            if entry.stage in UNSETTLED or (but and name.endswith(but)):
                continue
            try:
                self._broker.cancel(name)
            except (TransientError, OutcomeUnknown, InvalidError):
                continue  # it is still in the books, and tried again

    def resolve(self, now: int) -> int:
        """Look up every order of which nobody knows what became of it; how many remain so."""
        for order in self._books.state.unsettled:
            try:
                found = self._broker.find(order.client_order_id)
            except (TransientError, OutcomeUnknown):
                break  # the broker cannot be asked now
            state = ABSENT if found is None else found.state.value
            self._books.record(
                OrderResolved(client_order_id=order.client_order_id, time=now, found=state)
            )
            if found is None:
                self._cancel(order, f"{NOT_SENT}: the broker never had it", now)
        self._books.durable()
        return len(self._books.state.unsettled)

    def _obstacle(self, approved: RiskApproved, unknown: AbstractSet[str]) -> str | None:
        """Why an approved order may not be sent now, or None.

        unknown: instruments with an order of which nobody knows what became of it.
        """
        state = self._books.state
        if approved.symbol in unknown:
            return "an order in this instrument is unknown; it is being looked up"
        if state.mode is Mode.TRADING:
            return None
        held = float(state.ledger.units[state.column(approved.symbol)])
        reduces = held * approved.units < 0.0 and abs(approved.units) <= abs(held)
        waiting = any(entry.order.symbol == approved.symbol for entry in state.orders.values())
        if reduces and not waiting and state.mode is Mode.HALTED:
            return None
        return f"the desk is {state.mode}: {state.mode_reason}"

    def _moved(self, approved: RiskApproved, seen: Settlement | None) -> str | None:
        """Why the account is not the one that was decided on, or None."""
        if seen is None:
            return None
        state, column = self._books.state, self._books.state.column(approved.symbol)
        held, was = float(state.ledger.units[column]), float(seen.units[column])
        if held != was:
            return f"the position moved from {was:g} to {held:g} while it was decided on"
        if float(state.working[column]) != float(seen.working[column]):
            return "the orders that work in this instrument changed while it was decided on"
        return None

    def _place(self, orders: Sequence[OrderRequest], now: int) -> None:
        if not orders:
            return
        self._books.record(*(OrderIntended(order=order) for order in orders))
        self._books.durable()
        try:
            answers = self._broker.place_all(orders)
        except OutcomeUnknown as error:
            for order in orders:
                self._books.record(
                    OrderUnknown(client_order_id=order.client_order_id, time=now, reason=str(error))
                )
        except (TransientError, InvalidError) as error:
            for order in orders:
                self._cancel(order, f"{NOT_SENT}: {error}", now)
        else:
            # A refusal and a fill are told by the transactions; that the broker has it, at once.
            self._books.record(
                *(
                    OrderAccepted(
                        client_order_id=answer.client_order_id,
                        time=now,
                        transaction=answer.transaction,
                    )
                    for answer in answers
                    if answer.state is not OrderState.REJECTED
                )
            )
        # All of this could be learnt again from the broker; the intents could not.
        self._books.soon()

    def _cancel(self, order: OrderRequest, reason: str, now: int) -> None:
        self._books.record(OrderCancelled(cancellation=cancellation_of(order, reason, now)))
