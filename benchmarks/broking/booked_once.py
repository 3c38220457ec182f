"""Whether every transaction of a broker stands in a journal, once and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from market.accounts import Transaction, TransactionKind
from market.events import Event, OrderCancelled, OrderFilled
from market.live_events import CashMoved, TradingOpened, TransactionsBooked

TOLD = frozenset(TransactionKind) - {TransactionKind.ACCEPTED, TransactionKind.NOTED}
"""What leaves an event of its own; that an order was accepted is known of its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """transactions: at the broker since the books were opened. told: of these, those that leave
    an event. missing, twice: of the told ones. gaps: numbers that the broker left out.
    unbooked: transactions beyond those that the journal says it goes up to. back: times that it
    said so of fewer than before.
    """

    transactions: int
    told: int
    missing: int
    twice: int
    gaps: int
    unbooked: int
    back: int

    @property
    def wrong(self) -> int:
        """What must be nought."""
        return self.missing + self.twice + self.gaps + self.unbooked + self.back


def booked_once(events: Sequence[Event], record: Iterable[Transaction]) -> Booked:
    """Compare a journal with the whole record of its broker."""
    opened = next(event for event in events if isinstance(event, TradingOpened))
    since = [one for one in record if one.id > opened.last_transaction]
    expected = {one.id for one in since if one.kind in TOLD}
    filled = {event.transaction for event in events if isinstance(event, OrderFilled)}
    found = Counter(
        event.transaction
        for event in events
        if isinstance(event, OrderFilled | OrderCancelled) and event.transaction > 0
    )
    # What moved beside a fill belongs to its transaction; financing has a part an instrument.
    found.update({event.transaction for event in events if isinstance(event, CashMoved)} - filled)
    ends = [event.last for event in events if isinstance(event, TransactionsBooked)]
    ids = [opened.last_transaction, *(one.id for one in since)]
    return Booked(
        transactions=len(since),
        told=len(expected),
        missing=len(expected - found.keys()),
        twice=sum(number - 1 for number in found.values()) + len(found.keys() - expected),
        gaps=sum(later != earlier + 1 for earlier, later in pairwise(ids)),
        unbooked=ids[-1] - (ends[-1] if ends else opened.last_transaction),
        back=sum(later <= earlier for earlier, later in pairwise(ends)),
    )
