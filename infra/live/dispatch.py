"""`Dispatch`: approvals become durable intents, intents are sent once, answers become events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from infra.live.account_watch import Held
from infra.live.books import Books
from infra.live.looking_up import LookingUp
from infra.live.one_fills import OneFills
from infra.live.reducing import openings, reduces
from infra.live.sending import Sending
from market.events import OrderIntended
from market.legs import Leg, group_of, order_of
from market.messages import Settlement
from market.modes import Mode
from market.order_life import UNSETTLED, Purpose
from market.orders import Bracket, OrderRequest, client_order_id
from market.overrides import in_force, on_record, said
from market.ports import LiveBroker, OrdersUnderWay
from market.stages import CapitalStage
from market.verdicts import RiskApproved, SignedApprovals, verify

NO_BRACKET = Bracket(stop=float("nan"), take_profit=float("nan"), trailing=None)
UNBOUNDED = (0.0, float("inf"))


class Dispatch:
    """Sends what the guardian signed. key: shared with the guardian alone. sent: told the bar of
    a decision and its orders, once they have left. blocked: why breakers let no risk be opened,
    empty where they do. clock: seconds that never step back.

    Nothing is sent that is not durable before; nothing is sent twice. Orders may be under way when
    `send` returns: whoever waits for `awaited` calls `hear` then, and everything else that is asked
    here hears of them first. An order without an answer is UNKNOWN until `resolve` finds out.
    absent_after_s: how long one must be looked for in vain; 0 where a broker does nothing any more
    that it had not begun when it was asked, as the paper exchange.
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._books = books
        self._sending = Sending(broker, books)
        self._looking_up = LookingUp(broker, books, absent_after_s, clock)
        self._groups = OneFills(self._sending, books.state, clock)
        self._session = session
        self._key = key
        self._sent = sent
        self._blocked = blocked
        self._taken = -1

    @property
    def open_orders(self) -> tuple[OrderRequest, ...]:
        """Orders whose end is not known yet."""
        return tuple(entry.order for entry in self._books.state.orders.values())

    @property
    def under_way(self) -> tuple[OrderRequest, ...]:
        """Orders that were sent and not heard of yet."""
        return self._sending.under_way

    @property
    def unknown(self) -> tuple[OrderRequest, ...]:
        """Orders of which nobody knows what became of them, and whose answer is not due either."""
        unsettled = self._books.state.unsettled
        if not unsettled:
            return ()
        under_way = {order.client_order_id for order in self.under_way}
        return tuple(order for order in unsettled if order.client_order_id not in under_way)

    @property
    def awaited(self) -> OrdersUnderWay | None:
        """Readable once these may be heard of; None where nothing is under way."""
        return self._sending.awaited

    def hear(self) -> None:
        """Book what became of the orders under way, where that is known; does not wait."""
        self._sending.hear()

    def settle(self) -> None:
        """The same, and wait for it."""
        self._sending.settle()

    def send(
        self, signed: SignedApprovals, now: int, seen: Settlement | None = None
    ) -> tuple[int, tuple[tuple[str, str], ...]]:
        """Dispatch one decision's approvals: how many orders were sent, and what was not and why.

        An approval is a market order, or the legs that were signed with it: entries that wait,
        groups of which one may fill, orders in the place of others. now: market time, ns. seen: the
        account that the decision was on; where a position or a working order has changed since, as
        by a stop, the size would be wrong. Raises ApprovalRejected where they are not the
        guardian's, of another epoch or session, expired, taken before, or do not cover their legs;
        JournalUnwritable before anything is sent.
        """
        self._sending.settle()  # what came of the orders before may stand in the way of these
        state = self._books.state
        verify(
            self._key,
            signed,
            session=self._session,
            epoch=state.epoch,
            used=max(state.used, self._taken),
            now=now,
        )
        self._taken = signed.sequence  # also where nothing of it may be sent now
        intents: list[OrderIntended] = []
        replaced: dict[str, str] = {}
        unsent: list[tuple[str, str]] = []
        unknown = {order.symbol for order in state.unsettled}
        barred, moved = self._barred(signed, now), self._moved(seen)
        for approved in signed.approved:
            why = self._obstacle(approved, unknown, barred) or moved.get(approved.symbol)
            if why is not None:
                unsent.append((approved.symbol, why))
            elif barred:
                intents += self._reductions(approved, signed, unsent)
            else:
                intents += self._intents(approved, signed, replaced, unsent)
        self._sending.place(intents, now, replaced)
        self._sent(signed.sequence, [intent.order for intent in intents])
        return len(intents), tuple(unsent)

    def _intents(
        self,
        approved: RiskApproved,
        signed: SignedApprovals,
        replaced: dict[str, str],
        unsent: list[tuple[str, str]],
    ) -> list[OrderIntended]:
        """The orders of an approval. replaced: grows by those that take the place of others.

        unsent: grows by legs whose order cannot be replaced any more.
        """
        session, sequence = self._session, signed.sequence
        legs = [leg for leg in signed.legs if leg.symbol == approved.symbol]
        if not legs:
            return [OrderIntended(order=approved.order(session, sequence))]
        intents = []
        for leg in legs:
            order = order_of(approved, leg, session, sequence)
            group = group_of(leg, session, sequence)
            if leg.replaces:
                why = self._irreplaceable(leg)
                if why:
                    unsent.append((leg.symbol, f"order {leg.replaces}, to be replaced, {why}"))
                    continue
                replaced[order.client_order_id] = leg.replaces
                group = group or self._group_left(leg.replaces)
            intents.append(OrderIntended(order=order, group=group))
        return intents

    def _reductions(
        self, approved: RiskApproved, signed: SignedApprovals, unsent: list[tuple[str, str]]
    ) -> list[OrderIntended]:
        """The orders of an approval while no risk may be opened: at the market, and each closed by
        the broker's own `reduce`, for a stop may have closed the position and be unheard.

        unsent: grows by legs that would wait for a price, when it may be gone, or replace others.
        """
        sequence = signed.sequence
        legs = [leg for leg in signed.legs if leg.symbol == approved.symbol]
        if not legs:
            order = approved.order(self._session, sequence)
            return [OrderIntended(order=order, purpose=Purpose.REDUCE)]
        intents = []
        for leg in legs:
            if leg.entry is not None or leg.replaces or leg.group:
                why = f"leg {leg.name} is more than an order at the market: only those pass now"
                unsent.append((leg.symbol, why))
                continue
            order = order_of(approved, leg, self._session, sequence)
            intents.append(OrderIntended(order=order, purpose=Purpose.REDUCE))
        return intents

    def _irreplaceable(self, leg: Leg) -> str:
        """Why an order cannot be put in the place of another, empty where it can."""
        old = self._books.state.orders.get(leg.replaces)
        if old is None or old.stage in UNSETTLED or old.order.symbol != leg.symbol:
            return "does not work there"
        group = self._books.state.groups.get(old.group)
        if group is not None and group.winner not in ("", leg.replaces):
            return "is to be cancelled: another of its group has filled"
        return ""

    def _group_left(self, old: str) -> str:
        """The group that an order in the place of this one joins; none behind a winner, whose rest
        it is.
        """
        name = self._books.state.orders[old].group
        group = self._books.state.groups.get(name)
        return "" if group is not None and group.winner == old else name

    def closing(self, now: int, held: Held) -> Iterator[None]:
        """Cancel every working order, then close every position; after each request that may be
        waited for it pauses, for others to be heard.

        Each position is closed by the broker's own `close`, sized by what is held when it fills: a
        stop that fires meanwhile leaves nothing to reverse. Needs neither coordinator nor guardian.
        What cannot be reached now is tried again by calling it again: an order that is there
        already is not sent twice, and one that closes a position and waits for a price is left to
        wait.
        """
        self._sending.settle()
        state = self._books.state
        leg = f"f{state.flattens}"
        self._sending.cancel(name for name in state.orders if not name.endswith(f"-{leg}"))
        yield
        busy = {entry.order.symbol for entry in state.orders.values()}
        closing = [
            OrderRequest(
                client_order_id=client_order_id(self._session, held.transaction, symbol, leg),
                sequence=state.sequence,
                symbol=symbol,
                units=-units,
                bracket=NO_BRACKET,
                lowest_price=UNBOUNDED[0],
                highest_price=UNBOUNDED[1],
                reference_price=float("nan"),
            )
            for symbol, units in held.units.items()
            if symbol not in busy
        ]
        for order in closing:  # each an intent only now: what is one and not sent is looked up
            self._books.record(OrderIntended(order=order, purpose=Purpose.CLOSE))
            self._books.durable()
            self._sending.close(order, now)
            self._sent(state.sequence, (order,))
            yield

    def cancel_working(self) -> None:
        """Ask the broker to cancel all that waits; the transactions say what came of it."""
        self._sending.cancel(self._books.state.orders)

    def cancel_openings(self) -> None:
        """The same for what would open or reverse a position; what reduces one may work on, as far
        as all of it together does.
        """
        self._sending.settle()
        state = self._books.state
        held = dict(zip(state.symbols, state.ledger.units.tolist(), strict=True))
        self._sending.cancel(openings(state.orders.values(), held))

    def resolve(self, now: int) -> int:
        """Look up every order of which nobody knows what became of it; how many remain so."""
        self._sending.settle()
        return self._looking_up.look(now)

    def end_untold(self, now: int) -> None:
        """End on record what has ended at a broker whose transactions cannot be booked."""
        self._sending.settle()
        self._looking_up.look_at_open(now)

    def keep_groups(self, now: int) -> tuple[str, ...]:
        """Cancel what another order of its group leaves nothing to fill, and give back what two of
        them filled at once; what a person should know of it.
        """
        if self._books.state.groups:  # a loser is cancelled by its stage: that must be known
            self._sending.settle()
        return self._groups.look(now)

    @property
    def groups_unfinished(self) -> bool:
        """Whether `keep_groups` has anything left to do."""
        return self._groups.unfinished

    def _barred(self, signed: SignedApprovals, now: int) -> str:
        """Why nothing may be sent but what makes a position smaller, empty where more may."""
        state = self._books.state
        if state.mode is not Mode.TRADING:
            return f"the desk is {state.mode}: {state.mode_reason}"
        blocked = self._blocked()
        return self._lapsed(signed, now) or (f"new risk is blocked. {blocked}" if blocked else "")

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
        self, approved: RiskApproved, unknown: AbstractSet[str], barred: str
    ) -> str | None:
        """Why an approved order may not be sent now, or None.

        unknown: instruments with an order of which nobody knows what became of it. barred: see
        `_barred`.
        """
        state = self._books.state
        if approved.symbol in unknown:
            return "an order in this instrument is unknown; it is being looked up"
        if not barred:
            return None
        held = float(state.ledger.units[state.column(approved.symbol)])
        waiting = any(entry.order.symbol == approved.symbol for entry in state.orders.values())
        reducing = reduces(approved, held) and not waiting
        passes = reducing and state.mode in (Mode.HALTED, Mode.TRADING)
        return None if passes else barred

    def _moved(self, seen: Settlement | None) -> Mapping[str, str]:
        """The instruments in which the account is not the one that was decided on, and why."""
        if seen is None:
            return {}
        state = self._books.state
        held, symbols = state.ledger.units, state.symbols
        moved = {
            symbols[
                column
            ]: "the orders that work in this instrument changed while it was decided on"
            for column in np.flatnonzero(state.working != seen.working)
        }
        for column in np.flatnonzero(held != seen.units):
            was, now = seen.units[column], held[column]
            moved[symbols[column]] = (
                f"the position moved from {was:g} to {now:g} while it was decided on"
            )
        return moved
