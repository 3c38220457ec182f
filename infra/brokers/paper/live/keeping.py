"""What an exchange keeps beside its transactions and orders, and how it takes that up again."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np

from infra.brokers.paper.live.account import LiveAccount
from infra.brokers.paper.live.history import BarsInProgress
from infra.brokers.paper.live.quote_filter import QuoteFilter
from infra.brokers.paper.live.records import Kept


def kept_now(
    clock: int,
    account: LiveAccount,
    bars: BarsInProgress,
    quotes: QuoteFilter,
    closed: AbstractSet[str],
) -> Kept:
    """The state at this moment."""
    return Kept(
        clock=clock,
        last_quote=account.last_quote,
        account=account.buffer.tobytes(),
        quoted=account.quoted.tobytes(),
        bar=bars.values.tobytes(),
        bar_start=bars.start,
        opened_by=account.opened_by,
        dropped=dict(quotes.dropped),
        prices=account.prices.tobytes(),
        closed=tuple(sorted(closed)),
    )


def take_up(kept: Kept, account: LiveAccount, bars: BarsInProgress, quotes: QuoteFilter) -> None:
    """Bring the parts of a new exchange to that state."""
    account.buffer[:] = np.frombuffer(kept.account)
    account.quoted[:] = np.frombuffer(kept.quoted, dtype=np.int64)
    account.last_quote = kept.last_quote
    account.opened_by.update(kept.opened_by)
    if kept.prices:
        account.prices[:] = np.frombuffer(kept.prices).reshape(2, -1)
    else:  # an earlier version kept the marks alone
        mid, half = account.state.marks.mid, 0.5 * account.state.marks.spread
        account.prices[:] = mid - half, mid + half
    bars.values[:] = np.frombuffer(kept.bar).reshape(6, -1)
    bars.start = kept.bar_start
    quotes.dropped.update(kept.dropped)
