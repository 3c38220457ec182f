"""`Dispatch`: approvals become durable intents, intents are sent once, answers become events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from infra.live.books import Books
from market.accounts import OrderState
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.events import OrderCancelled, OrderIntended
from market.live_events import OrderAccepted, OrderResolved, OrderUnknown
from market.messages import Settlement
from market.modes import Mode
from market.order_life import ABSENT, UNSETTLED
from market.orders import Bracket, OrderRequest, cancellation_of, client_order_id
from market.overrides import in_force, on_record, said
from market.ports import LiveBroker
from market.stages import CapitalStage
from market.verdicts import RiskApproved, SignedApprovals, verify

NOT_SENT = "NOT_SENT"
NO_BRACKET = Bracket(stop=float("nan"), take_profit=float("nan"), trailing=None)
UNBOUNDED = (0.0, float("inf"))
NO_POSITION = "NO_POSITION"


class Sized(Protocol):
    """An order, or what may become one."""

    @property
    def units(self) -> float: ...


def reduces(order: Sized, held: float) -> bool:
    """Whether an order can only make a position smaller."""
    return held * order.units < 0.0 and abs(order.units) <= abs(held)


class Dispatch:
    """Sends what the guardian signed. key: shared with the guardian alone. sent: told the bar of
    a decision and its orders, once they have left. blocked: why breakers let no risk be opened,
    empty where they do.

    Nothing is sent that is not durable before; nothing is sent twice. An order without an answer
    is UNKNOWN until `resolve` finds out. absent_after_s: how long one must be looked for in vain; 0
    where a broker does nothing any more that it had not begun when it was asked, as the paper
    exchange.
    """

    def __init__(
        self,
        broker: LiveBroker,
        books: Books,
        session: str,
        key: bytes,
        *,
        sent: Callable[[int, Sequence[OrderRequest]], None],
        blocked: Callable[[], str],
        absent_after_s: float = 0.0,
    ) -> None:
        self._broker = broker
        self._books = books
        self._session = session
        self._key = key
        self._sent = sent
        self._blocked = blocked
        self._absent_after_s = absent_after_s
        self._looked_for: dict[str, float] = {}

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
        lapsed = self._lapsed(signed, now)
        for approved in signed.approved:
            why = self._obstacle(approved, unknown, lapsed) or self._moved(approved, seen)
            if why is None:
                orders.append(approved.order(self._session, signed.sequence))
            else:
                unsent.append((approved.symbol, why))
        self._place(orders, now)
        self._sent(signed.sequence, orders)
        return len(orders), tuple(unsent)

    def flatten(self, now: int, held: Mapping[str, float]) -> int:
        """Cancel every working order, then close every position; how many orders that took.

        held: signed units by instrument. Each is closed by the broker's own `close`, sized by what
        is held when it fills: a stop that fires meanwhile leaves nothing to reverse. Needs neither
        coordinator nor guardian. What cannot be reached now is tried again by calling it again: an
        order that is there already is not sent twice, and one that closes a position and waits for
        a price is left to wait.
        """
        state = self._books.state
        leg = f"f{state.flattens}"
        self._cancel_all(name for name in state.orders if not name.endswith(f"-{leg}"))
        busy = {entry.order.symbol for entry in state.orders.values()}
        closing = [
            OrderRequest(
                client_order_id=client_order_id(self._session, state.last_transaction, symbol, leg),
                sequence=state.sequence,
                symbol=symbol,
                units=-units,
                bracket=NO_BRACKET,
                lowest_price=UNBOUNDED[0],
                highest_price=UNBOUNDED[1],
                reference_price=float("nan"),
            )
            for symbol, units in held.items()
            if units != 0.0 and symbol not in busy
        ]
        if closing:
            self._books.record(*(OrderIntended(order=order) for order in closing))
            self._books.durable()
        for order in closing:
            self._close(order, now)
        self._sent(state.sequence, closing)
        return len(closing)

    def cancel_working(self) -> None:
        """Ask the broker to cancel all that waits; the transactions say what came of it."""
        self._cancel_all(self._books.state.orders)

    def cancel_openings(self) -> None:
        """The same for what would open or reverse a position; what reduces one may work on."""
        state = self._books.state
        self._cancel_all(
            name
            for name, entry in state.orders.items()
            if not reduces(entry.order, float(state.ledger.units[state.column(entry.order.symbol)]))
        )

    def _cancel_all(self, names: Iterable[str]) -> None:
        """What could not be cancelled is still in the books, and tried again by the next call."""
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

    def _close(self, order: OrderRequest, now: int) -> None:
        try:
            answer = self._broker.close(order.symbol, order.client_order_id)
        except OutcomeUnknown as error:
            self._books.record(
                OrderUnknown(client_order_id=order.client_order_id, time=now, reason=str(error))
            )
        except (TransientError, InvalidError) as error:
            self._cancel(order, f"{NOT_SENT}: {error}", now)
        else:
            if answer is None:
                self._cancel(order, NO_POSITION, now)
            elif answer.state is not OrderState.REJECTED:
                self._books.record(
                    OrderAccepted(
                        client_order_id=order.client_order_id,
                        time=now,
                        transaction=answer.transaction,
                    )
                )

    def resolve(self, now: int) -> int:
        """Look up every order of which nobody knows what became of it; how many remain so."""
        for order in self._books.state.unsettled:
            try:
                found = self._broker.find(order.client_order_id)
            except (TransientError, OutcomeUnknown, InvalidError):
                break  # the broker cannot be asked now
            if found is None and not self._is_absent(order.client_order_id):
                continue
            state = ABSENT if found is None else found.state.value
            self._books.record(
                OrderResolved(client_order_id=order.client_order_id, time=now, found=state)
            )
            if found is None:
                self._cancel(order, f"{NOT_SENT}: the broker never had it", now)
        self._books.durable()
        return len(self._books.state.unsettled)

    def _is_absent(self, name: str) -> bool:
        """Whether an order has been looked for in vain for long enough to be believed absent."""
        first = self._looked_for.setdefault(name, time.monotonic())
        if time.monotonic() - first < self._absent_after_s:
            return False
        del self._looked_for[name]
        return True

    def _lapsed(self, signed: SignedApprovals, now: int) -> str:
        """Why these approvals may only reduce positions, empty where they may open some."""
        stage = self._books.state.stage
        if stage is CapitalStage.EMERGENCY_STOP:
            return f"the desk stands at {stage}: nothing new"
        if stage is None or signed.stage != stage.value:
            stands = stage or "none"
            return f"it was approved at capital stage {signed.stage or 'none'}, now it is {stands}"
        overrides = in_force(on_record(self._books.state.overrides.values()), now)
        if signed.overrides != overrides:
            return f"it was approved under {said(signed.overrides)}, in force is {said(overrides)}"
        return ""

    def _obstacle(
        self, approved: RiskApproved, unknown: AbstractSet[str], lapsed: str
    ) -> str | None:
        """Why an approved order may not be sent now, or None.

        unknown: instruments with an order of which nobody knows what became of it. lapsed: see
        `_lapsed`.
        """
        state = self._books.state
        if approved.symbol in unknown:
            return "an order in this instrument is unknown; it is being looked up"
        blocked = self._blocked()
        if state.mode is Mode.TRADING and not lapsed and not blocked:
            return None
        held = float(state.ledger.units[state.column(approved.symbol)])
        waiting = any(entry.order.symbol == approved.symbol for entry in state.orders.values())
        reducing = reduces(approved, held) and not waiting
        if reducing and state.mode in (Mode.HALTED, Mode.TRADING):
            return None
        if state.mode is Mode.TRADING:
            return lapsed or f"new risk is blocked. {blocked}"
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
