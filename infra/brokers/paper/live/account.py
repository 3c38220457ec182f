"""`LiveAccount`: what one quote does to the orders that wait for it and to the position.

A quote is a bar of one price: open, high, low and close are its mid, and no other instrument has
a price in it. The arithmetic is that of the bars, so a quote fills as a bar of that price would.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from infra.brokers.paper.acceptance import enter_order
from infra.brokers.paper.attribution import Attribution
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.brokers.paper.margin import margin_used
from infra.brokers.paper.rollovers import next_rollover, nights_between
from infra.brokers.paper.settlement import settle_bar
from infra.brokers.paper.state import PaperState, empty_state, fill_rules, no_fills
from market.accounts import TransactionKind
from market.bars import Floats
from market.conversion import conversion, currency_names
from market.ledger import equity
from market.marks import CLOSE, OPEN, SPREAD
from market.orders import Fill, OrderRequest
from market.ports import Interest
from market.quotes import Quote

NO_POSITION = "NO_POSITION"
NO_SEQUENCE = 0
"""An exchange does not know the desk's bars: the desk numbers the fills when it books them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingOrder:
    """An accepted order. transaction: of its acceptance. closes: whatever is held when it fills."""

    transaction: int
    order: OrderRequest
    closes: bool = False


class Record(Protocol):
    """Takes down what happened to the account, in the order in which it happened."""

    def __call__(
        self,
        kind: TransactionKind,
        time: int,
        client_order_id: str,
        symbol: str,
        *,
        fill: Fill | None = None,
        amount: float = 0.0,
        reason: str = "",
    ) -> object: ...


def flat_state(instruments: int) -> tuple[Floats, PaperState]:
    """An empty account whose arrays are views of one buffer, which is all there is to keep.

    The waiting orders stand outside it: between two quotes there are none in the arrays.
    """
    empty = empty_state(instruments, 0.0)
    parts = [*empty.ledger, *empty.exits, *empty.marks]
    buffer = np.concatenate(parts)
    views = np.split(buffer, np.cumsum([len(part) for part in parts])[:-1])
    ledger, exits = len(empty.ledger), len(empty.exits)
    return buffer, PaperState(
        ledger=type(empty.ledger)(*views[:ledger]),
        exits=type(empty.exits)(*views[ledger : ledger + exits]),
        orders=empty.orders,
        marks=type(empty.marks)(*views[ledger + exits :]),
    )


class LiveAccount:
    """Positions, exits, marks and cash. What must survive: `buffer`, `opened_by`, `quoted` and
    `last_quote`. quoted: (M,) times of the last quotes, UTC ns, 0 for none; last_quote: the newest
    of them.
    """

    def __init__(self, terms: ExchangeTerms, interest: Interest | None) -> None:
        count = len(terms.instruments)
        self.buffer, self.state = flat_state(count)
        self.quoted = np.zeros(count, dtype=np.int64)
        self.last_quote = 0
        self._rollover = 0
        self._symbols = terms.symbols
        self._valid_ns = int(terms.rate_valid_s * 1e9)
        self._paths = conversion(terms.instruments, terms.account_currency)
        self._rules = fill_rules(
            terms.instruments,
            slippage=terms.slippage,
            closeout_fraction=terms.closeout_fraction,
            financing_fee=terms.financing_fee if interest is not None else 0.0,
        )
        self._attribution = Attribution(terms.symbols)
        self._currencies = currency_names(terms.instruments, terms.account_currency)
        self._interest = interest
        self._rates = np.zeros(len(self._currencies))
        self._values = np.full((6, count), np.nan)
        self._log = no_fills(count)
        self._cancelled = np.zeros(count, dtype=np.int64)
        self._charged = np.zeros(count)

    @property
    def opened_by(self) -> dict[int, str]:
        """The order that opened the position, by column."""
        return self._attribution.opened_by

    def deposit(self, amount: float) -> None:
        """Account currency into cash."""
        self.state.ledger.cash[0] += amount

    def quote(
        self, column: int, quote: Quote, waiting: Iterable[WaitingOrder], record: Record
    ) -> None:
        """Fill or cancel every order that waits, in order, then let the price work on the rest."""
        nights = self._nights(quote.time)
        values = self._values
        values[OPEN : CLOSE + 1, column] = quote.mid
        values[SPREAD, column] = quote.spread
        settled = False
        for item in waiting:
            order = self._sized(item, column)
            if order is None:
                record(
                    TransactionKind.CANCELLED,
                    quote.time,
                    item.order.client_order_id,
                    quote.symbol,
                    reason=NO_POSITION,
                )
                continue
            self._enter(column, order)
            self._with_rates(column, quote.time)
            self._settle(quote, 0 if settled else nights, record)
            settled = True
        if not settled:
            self._settle(quote, nights, record)
        values[:] = np.nan
        self.quoted[column] = self.last_quote = quote.time

    def equity(self) -> float:
        """Cash plus unrealised profit and loss at closing prices, account currency."""
        marks = self.state.marks
        return float(equity(self.state.ledger, marks.mid, marks.spread, marks.rate))

    def margin_used(self) -> float:
        """Account currency."""
        state = self.state
        return float(margin_used(state.ledger.units, state.marks, self._rules.margin_rate))

    def _sized(self, item: WaitingOrder, column: int) -> OrderRequest | None:
        """The order as it is filled; None for one that closes what is not there any more."""
        if not item.closes:
            return item.order
        held = float(self.state.ledger.units[column])
        return replace(item.order, units=-held) if held else None

    def _enter(self, column: int, order: OrderRequest) -> None:
        self._attribution.waiting[column] = order
        bracket = order.bracket
        enter_order(
            self.state.orders,
            column,
            order.units,
            bracket.stop,
            bracket.take_profit,
            np.nan if bracket.trailing is None else bracket.trailing,
            order.lowest_price,
            order.highest_price,
        )

    def _with_rates(self, column: int, time: int) -> None:
        """The instruments that convert this one stand at their last quotes, while these are valid.

        As first prices only: their positions were looked at when they were quoted.
        """
        marks = self.state.marks
        for through in self._paths.path_column[column]:
            if through < 0:
                break
            if through != column and time - self.quoted[through] <= self._valid_ns:
                self._values[OPEN, through] = marks.mid[through]
                self._values[SPREAD, through] = marks.spread[through]

    def _settle(self, quote: Quote, nights: int, record: Record) -> None:
        before = self.state.ledger.units.copy()
        settle_bar(
            self.state,
            self._paths,
            self._values,
            self._rates,
            float(nights),
            self._rules,
            self._log,
            self._cancelled,
            self._charged,
        )
        time = quote.time
        if nights:
            for column in np.flatnonzero(self._charged):
                amount = float(self._charged[column])
                record(TransactionKind.FINANCING, time, "", self._symbols[column], amount=amount)
        attribution = self._attribution
        if self._log.size[0]:
            for fill in attribution.fills(NO_SEQUENCE, time, self._log, before):
                record(TransactionKind.FILLED, time, fill.client_order_id, fill.symbol, fill=fill)
        if attribution.waiting:
            for end in attribution.cancellations(NO_SEQUENCE, time, self._cancelled):
                record(
                    TransactionKind.CANCELLED,
                    time,
                    end.client_order_id,
                    end.symbol,
                    reason=end.reason,
                )
            attribution.waiting.clear()

    def _nights(self, time: int) -> int:
        """Rollovers since the last quote that are paid for."""
        if self._interest is None or time < self._rollover:
            return 0
        nights = nights_between(self.last_quote, time) if self.last_quote else 0
        self._rollover = next_rollover(time)
        if nights:
            at = np.array([time], dtype=np.int64)
            self._rates = self._interest.on(at, self._currencies)[0]
        return nights
