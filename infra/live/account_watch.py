"""`AccountWatch`: the broker's account beside the books: booked, compared, and trusted or not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.live.booking import booked, newer
from infra.live.books import Books
from infra.live.reconciliation import mismatches
from infra.live.staging import Staging
from infra.logs import Tell
from market.accounts import AccountState, Transaction, TransactionKind
from market.errors import (
    DataError,
    InvalidError,
    LedgerMismatch,
    OutcomeUnknown,
    TransientError,
)
from market.events import AlertRaised, Event, OrderFilled
from market.live_events import CashMoved, OrderAccepted
from market.ports import LiveBroker

ASK_EVERY_S = 1.0
UNANSWERED_S = 5.0
MOST_UNHEARD = 3
"""Times that transactions were asked for in vain, one after the other, before the books are in
doubt as after a difference that was found.
"""


class Desk(Protocol):
    """What the watch has done to the desk. now: the market's time, UTC ns."""

    now: int

    def halt(self, why: str) -> None: ...

    def alert(self, level: str, message: str, decision: int | None = None) -> None: ...

    def booked(self, events: Sequence[Event]) -> None:
        """These have been recorded of the broker's transactions."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """Positions. units: signed, by instrument; none that is flat. transaction: the id of the newest
    that is in them.
    """

    units: Mapping[str, float]
    transaction: int


class AccountWatch:
    """Every method may raise JournalUnwritable. lags_s: how long the broker may answer with an
    account that is older than what it has told before; 0 where it never does. clock: real seconds
    that never step back.
    """

    def __init__(
        self,
        broker: LiveBroker,
        books: Books,
        staging: Staging,
        desk: Desk,
        tell: Tell,
        *,
        lags_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lags_s = lags_s
        self._broker = broker
        self._books = books
        self._staging = staging
        self._desk = desk
        self._tell = tell
        self._clock = clock
        self._doubt = ""
        self._unheard = 0
        self._account: AccountState | None = None
        self._ask_again = 0.0
        self._behind_since = math.inf

    @property
    def in_doubt(self) -> bool:
        """Whether the books are not the broker's, as far as anybody knows, or have not been carried
        on for long.
        """
        return bool(self._doubt) or self._unheard >= MOST_UNHEARD

    @property
    def _carried_on(self) -> bool:
        """Whether the books hold all that the broker's record told when it was asked last."""
        return not self._doubt and self._unheard == 0

    def catch_up(self) -> None:
        """Book every transaction that the stream has not brought. One that cannot be read is
        distrusted: nobody knows what it did.
        """
        state = self._books.state
        try:
            last = -1
            while last != state.last_transaction:  # an answer may end before one that is unreadable
                last = state.last_transaction
                self.book(self._broker.transactions(last))
        except DataError as error:
            self._unheard += 1
            self._distrust(str(error))
        except (TransientError, OutcomeUnknown, InvalidError) as error:
            self._unheard += 1
            self._tell(f"transactions could not be asked for: {error}", level="warning")
        else:
            self._unheard = 0

    def book(self, transactions: Sequence[Transaction]) -> None:
        """Record what these mean, once. What cannot be booked is distrusted, and all before it
        booked.
        """
        self._staging.saw(max((one.time for one in transactions), default=0))
        why = ""
        try:
            fresh = self._fresh(transactions)
        except LedgerMismatch as error:
            fresh, why = (), str(error)
        try:
            events = self._events_of(fresh)
        except LedgerMismatch as error:
            events, why = self._events_before(fresh), str(error)
        if events:
            self._take(events)
        if why:
            self._distrust(why)

    def _take(self, events: Sequence[Event]) -> None:
        self._books.record(*events)
        for event in events:
            if isinstance(event, AlertRaised):
                self._tell(event.message, level=event.level, decision=event.sequence)
        self._look_for_strangers(events)
        self._desk.booked(events)

    def compare(self) -> str:
        """Why the books are not proved to be the broker's, empty where they are; where they differ
        no new risk is taken.
        """
        self.catch_up()
        state = self._books.state
        try:
            account = self._broker.account()
        except (TransientError, OutcomeUnknown, InvalidError) as error:
            return self._unanswered(error)
        if account.last_transaction < state.last_transaction:
            return self._behind(account.last_transaction)
        self._behind_since = math.inf
        if account.last_transaction != state.last_transaction:
            self.catch_up()
            if account.last_transaction != state.last_transaction:
                # Often the account has only moved meanwhile; the next comparison will see.
                return self._doubt or (
                    f"the broker's transactions go to {account.last_transaction}, the books to "
                    f"{state.last_transaction}"
                )
        self._account = account
        found = mismatches(state, account, self._desk.now)
        if not found:
            self._doubt = ""
            return ""
        self._books.record(*found)
        self._staging.look(self._desk.now, found)
        first = found[0]
        said = f"{first.what}: {first.desk!r} here, {first.broker!r} at the broker"
        self._doubt = f"the books differ from the broker's. {said}"
        self._desk.alert("critical", self._doubt)
        self._desk.halt(said)
        return self._doubt

    def account(self) -> AccountState | None:
        """The broker's account, where it is that of the books; None where it cannot be had.

        It is asked for at most once a second while nothing happens, and not again for some seconds
        where it does not answer: the loop has others to hear.
        """
        state, now = self._books.state, self._clock()
        known = self._account
        moved = known is not None and known.last_transaction != state.last_transaction
        if now < self._ask_again and not moved:
            return known
        try:
            account = self._broker.account()
            if account.last_transaction != state.last_transaction:
                self.catch_up()
                account = self._broker.account()
        except (TransientError, OutcomeUnknown, InvalidError) as error:
            self._unanswered(error)
            self._account, self._ask_again = None, now + UNANSWERED_S
            return None
        booked_up = account.last_transaction == state.last_transaction
        self._account, self._ask_again = account if booked_up else None, now + ASK_EVERY_S
        return self._account

    def held(self) -> Held:
        """What is held: as the desk's books say, or the broker where they are in doubt or were not
        carried on just now.
        """
        state = self._books.state
        told = None if self._carried_on else self._told()
        units = state.ledger.units if told is None else told.units
        return Held(
            units={
                symbol: float(held)
                for symbol, held in zip(state.symbols, units, strict=True)
                if held
            },
            transaction=state.last_transaction if told is None else told.last_transaction,
        )

    def _behind(self, last: int) -> str:
        """The account ends before the books: one of the broker's machines may lag, so it is looked
        at again before it is distrusted.
        """
        ends = (
            f"the broker's transactions end at {last}, the books hold "
            f"{self._books.state.last_transaction}"
        )
        self._behind_since = min(self._behind_since, self._clock())
        if self._clock() - self._behind_since < self._lags_s:
            self._tell(f"{ends}; it is looked at again", level="warning")
            return ends
        why = f"{ends}: it is another account, or has lost some"
        self._distrust(why)
        return why

    def flat(self) -> bool:
        """Whether nothing is held; a broker that is asked and does not answer proves nothing."""
        if self._carried_on:
            return not self._books.state.ledger.units.any()
        told = self._told()
        return told is not None and not told.units.any()

    def _told(self) -> AccountState | None:
        """The account as the broker tells it; None where it does not answer, or with one that is
        older than the books: one of its machines may lag. In doubt that is its word all the same.
        """
        try:
            told = self._broker.account()
        except (TransientError, OutcomeUnknown, InvalidError):
            return None
        lags = told.last_transaction < self._books.state.last_transaction
        return None if lags and not self._doubt else told

    def _unanswered(self, error: Exception) -> str:
        why = f"the account could not be asked for: {error}"
        self._tell(why, level="warning")
        return why

    def _look_for_strangers(self, events: Sequence[Event]) -> None:
        """Fills of orders or instruments that are not this desk's: they are booked, for the account
        is what it is, and somebody else trades it.
        """
        own = f"{self._books.state.started.session}-"
        for event in events:
            if isinstance(event, OrderFilled) and not event.fill.client_order_id.startswith(own):
                self._distrust(
                    f"somebody else trades this account: order {event.fill.client_order_id} filled "
                    f"{event.fill.units:g} {event.fill.symbol}"
                )
            elif isinstance(event, CashMoved) and event.reason == TransactionKind.STRANGER:
                self._distrust(
                    f"somebody else trades this account: transaction {event.transaction} filled an "
                    f"order in {event.symbol}, which the desk does not trade, and moved the cash "
                    f"by {event.amount:+,.2f}"
                )

    def _fresh(self, transactions: Sequence[Transaction]) -> tuple[Transaction, ...]:
        """Those to be booked. Raises LedgerMismatch where the broker's record has a gap."""
        last = self._books.state.last_transaction
        fresh = newer(transactions, last)
        if fresh is None:
            fresh = newer(self._broker.transactions(last), last)
        if fresh is None:
            raise LedgerMismatch(
                f"the broker's transactions have a gap after {last}; compare the journal with the "
                "broker's record"
            )
        return fresh

    def _events_before(self, fresh: tuple[Transaction, ...]) -> tuple[Event, ...]:
        """Of all before the first of these that cannot be booked."""
        good, bad = 0, len(fresh)
        while bad - good > 1:
            middle = (good + bad) // 2
            try:
                self._events_of(fresh[:middle])
            except LedgerMismatch:
                bad = middle
            else:
                good = middle
        return self._events_of(fresh[:good])

    def _events_of(self, fresh: tuple[Transaction, ...]) -> tuple[Event, ...]:
        """What these mean. Raises LedgerMismatch where one of them cannot be booked."""
        state = self._books.state
        # That an order was accepted is in the books since its answer, but for an unanswered one.
        return tuple(
            event
            for event in booked(fresh, state)
            if not isinstance(event, OrderAccepted) or state.is_unsettled(event.client_order_id)
        )

    def _distrust(self, why: str) -> None:
        """What the broker says cannot be booked: no new risk, and a person must look at it."""
        if why != self._doubt:
            self._doubt = why
            self._desk.alert("critical", why)
        self._staging.distrust(self._desk.now, why)
        self._desk.halt(why)
