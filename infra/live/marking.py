"""The account between broker and desk: a bar's settlement from books, quotes and account."""

from __future__ import annotations

import numpy as np

from market.accounts import AccountState
from market.bars import Floats
from market.desk_state import DeskState
from market.events import BarSettled
from market.ledger import equity
from market.live_events import AccountSeen
from market.marks import Marks
from market.messages import Settlement


def marked_equity(state: DeskState, marks: Marks) -> float:
    """Equity of the desk's own books at these prices; NaN where an open position has none."""
    return float(equity(state.ledger, marks.mid, marks.spread, marks.rate))


def settlement_of(
    state: DeskState,
    account: AccountState | None,
    financing: Floats,
    filled: Floats,
    marks: Marks,
    margin_rate: Floats,
) -> Settlement:
    """The account as the coordinator is told of it. Positions and cash are the desk's own books.

    account: the broker's, for the stops; where it could not be asked no stop is known, and the
    guardian takes no new risk on what it cannot measure. financing, filled: (M,) since the last
    bar. margin_rate: (M,). Fills and cancellations are in the journal, and told nobody here.
    """
    units = state.ledger.units.copy()
    stops = np.full(len(units), np.nan) if account is None else account.stop_price.copy()
    held = np.flatnonzero(units)
    notional = np.abs(units[held]) * marks.mid[held] * marks.rate[held]
    return Settlement(
        sequence=state.sequence,
        fills=(),
        cancellations=(),
        units=units,
        working=state.working,
        stop_price=stops,
        mid=marks.mid.copy(),
        spread=marks.spread.copy(),
        rate=marks.rate.copy(),
        age=marks.age.copy(),
        filled=filled.copy(),
        financing=financing.copy(),
        cash=float(state.ledger.cash[0]),
        equity=marked_equity(state, marks),
        margin_used=float(np.sum(notional * margin_rate[held])),
    )


def settled(settlement: Settlement, time: int) -> BarSettled:
    """The settlement as the journal keeps it."""
    return BarSettled(
        sequence=settlement.sequence,
        time=time,
        units=settlement.units,
        mid=settlement.mid,
        spread=settlement.spread,
        rate=settlement.rate,
        financing=settlement.financing,
        equity=settlement.equity,
        cash=settlement.cash,
        margin_used=settlement.margin_used,
    )


def account_seen(settlement: Settlement, time: int) -> AccountSeen:
    """The rest of what the guardian is shown of the account, so that its review can be repeated."""
    return AccountSeen(
        sequence=settlement.sequence,
        time=time,
        stop_price=settlement.stop_price,
        age=settlement.age,
        filled=settlement.filled,
    )
