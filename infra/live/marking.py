"""The account between broker and desk: a bar's settlement from books, quotes and account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from infra.live.ports import Board
from market.accounts import AccountState
from market.bars import Bars, Floats
from market.conversion import conversion
from market.desk_state import DeskState
from market.events import BarSettled
from market.instruments import Instrument
from market.ledger import equity
from market.live_events import AccountSeen
from market.marks import mark_rates, no_marks
from market.messages import Settlement


class Marking:
    """The desk's own account at the newest prices, settled at each bar.

    marks: prices as they were last marked.
    """

    def __init__(
        self,
        state: DeskState,
        board: Board,
        instruments: Sequence[Instrument],
        account_currency: str,
    ) -> None:
        self._state = state
        self._board = board
        self._paths = conversion(instruments, account_currency)
        self._margin_rate: Floats = np.array([i.margin_rate for i in instruments])
        self.marks = no_marks(len(instruments))

    def know(self, bars: Bars) -> None:
        """Prices that are known before the first quote: old ones, on which nothing is opened."""
        for column in range(bars.shape[1]):
            known = np.flatnonzero(bars.close[:, column] > 0.0)
            if len(known):
                self.marks.mid[column] = bars.close[known[-1], column]
                self.marks.spread[column] = bars.spread[known[-1], column]

    def mark(self, now: int) -> None:
        """Take the newest prices in. now: market time, ns."""
        self._board.mark(self.marks, now)
        mark_rates(self.marks, self._paths)

    def equity(self) -> float:
        """Of the desk's own books as last marked, account currency; NaN where an open position has
        no price.
        """
        marks = self.marks
        return float(equity(self._state.ledger, marks.mid, marks.spread, marks.rate))

    def settle(self, account: AccountState | None) -> Settlement:
        """The account after a bar, as last marked, as the coordinator is told of it.

        Positions and cash are the desk's own books. account: the broker's, for the stops; where it
        could not be asked no stop is known, and the guardian takes no new risk on what it cannot
        measure. Fills and cancellations are in the journal, and told nobody here.
        """
        state, marks = self._state, self.marks
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
            filled=state.untold.filled.copy(),
            financing=state.untold.financing.copy(),
            cash=float(state.ledger.cash[0]),
            equity=self.equity(),
            margin_used=float(np.sum(notional * self._margin_rate[held])),
        )


def shown(settlement: Settlement, state: DeskState) -> Settlement:
    """The settlement as it is decided on: what a review since it has told is not told again."""
    filled = state.untold.until(settlement.sequence)
    if np.array_equal(filled, settlement.filled):
        return settlement
    return replace(settlement, filled=filled)


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
