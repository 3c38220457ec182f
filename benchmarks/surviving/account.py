"""Whether a desk's journal, folded, and its broker's own record and account say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.surviving.orders import ids_at, intents_of, never_sent, oversized, taken_again
from infra.journal.reader import read_events
from infra.live.booking import booked
from infra.live.reconciliation import mismatches
from market.accounts import AccountState, Transaction
from market.desk_state import DeskState
from market.events import Event, OrderFilled, SessionStarted, TradingHalted
from market.live_events import CoordinatorAttached, MismatchFound, OrderUnknown, TradingOpened
from market.orders import Fill
from market.ports import LiveBroker

Key = tuple[str, float, float, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was found, up to the journal's last booked transaction but for the account.

    orders, fills: at the broker. held: positions in its account as it was compared. later: its
    transactions between the end of the journal and that account. unanswered: orders that the desk
    once did not know about. denied: orders that the journal closed as never sent.

    lost: fills that the journal lacks, and orders of which it does not know the end. repeated:
    intents beyond an order's first, orders that the broker took twice, fills booked twice, and
    orders filled beyond their size.
    unrecorded: orders at the broker without an intent. denied_at_broker: of the denied, those that
    it has. books_differ: units, and cash, that are not those of the account. distrusted: times
    that the desk itself found its books to differ. halted: halts of the guardian; no loss is near
    a limit, so each would come of a kill.
    """

    orders: int
    fills: int
    events: int
    held: int
    later: int
    unanswered: int
    denied: int
    openings: int
    epochs: int
    lost: int
    repeated: int
    unrecorded: int
    denied_at_broker: int
    books_differ: int
    distrusted: int
    halted: int


WRONG = (
    "lost",
    "repeated",
    "unrecorded",
    "denied_at_broker",
    "books_differ",
    "distrusted",
    "halted",
)
"""What must be nought."""


def compare(journal: Path, broker: LiveBroker, rows: int = 64) -> Comparison:
    """Compare fill by fill, and the fold with the account as the broker tells it.

    The market goes on while the books are closed: what the broker did after the journal's last
    transaction and before the account is booked on top of the fold, as by a desk that resumes.
    Raises JournalError where the journal's chain does not hold, QuorumError of the broker.
    """
    events = list(read_events(journal))
    state = folded(events, rows)
    account = broker.account()
    everything = broker.transactions(0)
    known = [each for each in everything if each.id <= state.last_transaction]
    later = tuple(
        each for each in everything if state.last_transaction < each.id <= account.last_transaction
    )
    intents, denied = intents_of(events), never_sent(events)
    at_broker = Counter(map(key_of, fills_of(known)))
    in_journal = Counter(key_of(event.fill) for event in events if isinstance(event, OrderFilled))
    return Comparison(
        orders=len(ids_at(known)),
        fills=at_broker.total(),
        events=len(events),
        held=int(np.count_nonzero(account.units)),
        later=len(later),
        unanswered=count(events, OrderUnknown),
        denied=len(denied),
        openings=count(events, TradingOpened),
        epochs=count(events, CoordinatorAttached),
        lost=(at_broker - in_journal).total() + len(state.orders),
        repeated=(in_journal - at_broker).total()
        + len(intents)
        - len({order.client_order_id for order in intents})
        + len(oversized(intents, fills_of(everything)))
        + taken_again(everything),
        unrecorded=len(ids_at(everything) - {order.client_order_id for order in intents}),
        denied_at_broker=sum(broker.find(name) is not None for name in denied),
        books_differ=differences(state, later, account),
        distrusted=count(events, MismatchFound),
        halted=count(events, TradingHalted),
    )


def folded(events: Sequence[Event], rows: int) -> DeskState:
    """The desk as its journal leaves it."""
    (started,) = [event for event in events if isinstance(event, SessionStarted)]
    state = DeskState(started, rows)
    for event in events[1:]:
        state.apply(event)
    return state


def differences(state: DeskState, later: tuple[Transaction, ...], account: AccountState) -> int:
    """Differences of units and cash, once the fold has taken what came later."""
    for event in booked(later, state):
        state.apply(event)
    if state.last_transaction != account.last_transaction:
        raise AssertionError(
            f"expected books up to transaction {account.last_transaction}, found "
            f"{state.last_transaction}: the broker's transactions have a gap"
        )
    return len(mismatches(state, account, state.time))


def fills_of(transactions: Sequence[Transaction]) -> Iterator[Fill]:
    """The fills among them."""
    return (each.fill for each in transactions if each.fill is not None)


def key_of(fill: Fill) -> Key:
    """What a fill is known by on both sides."""
    return fill.client_order_id, fill.units, fill.price, fill.reason


def count(events: Sequence[Event], kind: type[Event]) -> int:
    """How many events are of a kind."""
    return sum(isinstance(event, kind) for event in events)
