"""`LiveAccount`: what one quote does to the orders that wait for it and to the position.

A quote is a bar of one price: open, high, low and close are its mid, and no other instrument has
a price in it. The arithmetic is that of the bars, so a quote fills as a bar of that price would.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from infra.brokers.paper.attribution import Attribution
from infra.brokers.paper.live.expiry import TIME_IN_FORCE_EXPIRED
from infra.brokers.paper.live.flat_account import (
    flat_account,
    kept_size,
    quoted_flat,
    settle_flat,
    show_flat,
    unfold,
)
from infra.brokers.paper.live.liquidity import part_of
from infra.brokers.paper.live.quote_run import QuoteRun, Ran
from infra.brokers.paper.live.recording import Record
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.brokers.paper.live.triggers import is_reached, spread_within
from infra.brokers.paper.live.waiting import AT_ONCE, WaitingOrder
from infra.brokers.paper.margin import margin_used
from infra.brokers.paper.rollovers import next_rollover, nights_between
from infra.brokers.paper.settlement import open_bar
from infra.brokers.paper.state import CancelReason, FillReason, fill_rules
from market.accounts import TransactionKind
from market.bars import Floats
from market.conversion import conversion, currency_names
from market.ledger import equity
from market.marks import OPEN, SPREAD, mark_rates
from market.orders import EntryKind, Fill, OrderRequest, TimeInForce
from market.ports import Interest
from market.quotes import Quote

NO_POSITION = "NO_POSITION"
INSUFFICIENT_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"
NO_SEQUENCE = 0
"""An exchange does not know the desk's bars: the desk numbers the fills when it books them."""


class LiveAccount:
    """Positions, exits, marks and cash. What must survive: `buffer`, `opened_by`, `quoted`,
    `prices` and `last_quote`. quoted: (M,) times of the last quotes, UTC ns, 0 for none; prices:
    (2, M) their bids and asks; last_quote: the newest time of them.
    """

    def __init__(self, terms: ExchangeTerms, interest: Interest | None) -> None:
        count = len(terms.instruments)
        self._paths = conversion(terms.instruments, terms.account_currency)
        self._rules = fill_rules(
            terms.instruments,
            slippage=terms.slippage,
            closeout_fraction=terms.closeout_fraction,
            financing_fee=terms.financing_fee if interest is not None else 0.0,
        )
        self._limit_rules = self._rules._replace(slippage=0.0)
        self._flat = flat_account(self._paths, self._rules)
        self._parts = unfold(*self._flat)
        self.buffer = self._flat.floats[: kept_size(count)]
        self.state = self._parts.state
        self.quoted, self.prices = self._parts.quoted, self._parts.prices
        self.last_quote = 0
        self._rollover = 0
        self._symbols = terms.symbols
        self._increments = [instrument.unit_increment for instrument in terms.instruments]
        self._liquidity = terms.liquidity
        self._valid_ns = int(terms.rate_valid_s * 1e9)
        self._run = QuoteRun(self._flat, valid_ns=self._valid_ns, liquidity=terms.liquidity)
        self._attribution = Attribution(terms.symbols)
        self._currencies = currency_names(terms.instruments, terms.account_currency)
        self._interest = interest
        self._values, self._log = self._parts.values, self._parts.log
        self._cancelled, self._charged = self._parts.cancelled, self._parts.charged
        self._before = self._parts.before

    @property
    def opened_by(self) -> dict[int, str]:
        """The order that opened the position, by column."""
        return self._attribution.opened_by

    def deposit(self, amount: float) -> None:
        """Account currency into cash."""
        self.state.ledger.cash[0] += amount

    def last(self, column: int, time: int) -> Quote | None:
        """The last quote of an instrument, as if it came at `time`; None before the first."""
        if not self.quoted[column]:
            return None
        bid, ask = map(float, self.prices[:, column])
        return Quote(symbol=self._symbols[column], time=time, bid=bid, ask=ask)

    def quotes(
        self,
        quotes: Sequence[tuple[int, Quote]],
        queue: Callable[[int], Sequence[WaitingOrder]],
        bar: Floats,
        record: Record,
    ) -> int:
        """`quote` of the first of several, as `QuoteRun.take`; how many that were, 0 where the
        first needs more than that can do.
        """
        if self._interest is not None:  # at a rollover, nights are over
            quotes = [one for one in quotes if one[1].time < self._rollover]
        ran = self._run.take(quotes, queue, bar)
        if ran is None:
            return 0
        self._tell_run(ran, record)
        self.last_quote = ran.steps[-1].quote.time
        return ran.quotes

    def _tell_run(self, ran: Ran, record: Record) -> None:
        """Take down what a run brought: of each step its fills, then why its order ended."""
        steps, told = ran.steps, 0
        met = [steps[at] for at in ran.at]
        times, orders = [step.quote.time for step in met], [step.order for step in met]
        fills = self._attribution.fills(NO_SEQUENCE, times, ran.fills, ran.before, orders)
        for number, (step, why) in enumerate(zip(steps, ran.ended, strict=True)):
            while told < len(fills) and ran.at[told] == number:
                _record_fill(fills[told], record)
                told += 1
            if why and step.order is not None:
                name, reason = step.order.client_order_id, CancelReason(why).name
                record(
                    TransactionKind.CANCELLED,
                    step.quote.time,
                    name,
                    step.quote.symbol,
                    reason=reason,
                )

    def quote(
        self, column: int, quote: Quote, waiting: Iterable[WaitingOrder], record: Record
    ) -> None:
        """Fill or end what the quote reaches, in order, then let the price work on the rest."""
        nights = self._nights(quote.time)
        self._show(column, quote)
        if not self._work(column, quote, waiting, nights, record):
            self._settle(quote, nights, record)
        self._was_quoted(column, quote)

    def look(self, column: int, quote: Quote, record: Record) -> None:
        """Value the position at a quote that nobody trades at."""
        nights = self._nights(quote.time)
        self._show(column, quote)
        self._open(nights)
        mark_rates(self.state.marks, self._paths)
        self._tell(quote.time, nights, record)
        self._was_quoted(column, quote)

    def meet(self, column: int, time: int, waiting: Iterable[WaitingOrder], record: Record) -> bool:
        """Work these orders on the last quote, now; False where it is too old, or there is none.

        What one quote fills of an order it does not fill again.
        """
        quote, at = self.last(column, time), int(self.quoted[column])
        if quote is None or time - at > self._valid_ns:
            return False
        self._show(column, quote)
        unmet = [item for item in waiting if item.filled_at < at]
        # The nights are charged by the next quote: this one came before them.
        self._work(column, quote, unmet, 0, record)
        self._values[:] = np.nan
        return True

    def equity(self) -> float:
        """Cash plus unrealised profit and loss at closing prices, account currency."""
        marks = self.state.marks
        return float(equity(self.state.ledger, marks.mid, marks.spread, marks.rate))

    def margin_used(self) -> float:
        """Account currency."""
        state = self.state
        return float(margin_used(state.ledger.units, state.marks, self._rules.margin_rate))

    def _show(self, column: int, quote: Quote) -> None:
        show_flat(*self._flat, column, quote.mid, quote.spread)

    def _was_quoted(self, column: int, quote: Quote) -> None:
        quoted_flat(*self._flat, column, quote.bid, quote.ask, quote.time)
        self.last_quote = quote.time

    def _work(
        self,
        column: int,
        quote: Quote,
        waiting: Iterable[WaitingOrder],
        nights: int,
        record: Record,
    ) -> bool:
        """Fill or end what the quote reaches, in order; whether any order came to be filled."""
        settled = False
        for item in waiting:
            if not is_reached(item, quote):
                if item.is_at_once:
                    self._end(item, quote, TransactionKind.EXPIRED, TIME_IN_FORCE_EXPIRED, record)
                continue
            wanted = self._wanted(item, column)
            if wanted == 0.0:
                self._end(item, quote, TransactionKind.CANCELLED, NO_POSITION, record)
                continue
            part = part_of(wanted, self._liquidity, self._increments[column])
            waits, ended = part != wanted, False
            if part and not (waits and item.time_in_force is TimeInForce.FOK):
                first = 0 if settled else nights
                ended = self._fill(column, quote, item, part, first, record, waits=waits)
                settled = True
            if waits and not ended and item.time_in_force in AT_ONCE:
                self._end(item, quote, TransactionKind.CANCELLED, INSUFFICIENT_LIQUIDITY, record)
        return settled

    def _wanted(self, item: WaitingOrder, column: int) -> float:
        """Signed units that an order would fill; 0 where it closes what is not there any more."""
        held = float(self.state.ledger.units[column])
        if item.closes:
            return -held
        if not item.reduces:
            return item.left
        if held * item.left >= 0.0:
            return 0.0
        return math.copysign(min(abs(item.left), abs(held)), item.left)

    def _end(
        self, item: WaitingOrder, quote: Quote, kind: TransactionKind, reason: str, record: Record
    ) -> None:
        record(kind, quote.time, item.order.client_order_id, quote.symbol, reason=reason)

    def _fill(
        self,
        column: int,
        quote: Quote,
        item: WaitingOrder,
        part: float,
        nights: int,
        record: Record,
        *,
        waits: bool,
    ) -> bool:
        """Fill a part of an order, or end it; whether it, or the rest of it, was cancelled."""
        order, entry = item.order, item.order.entry
        self._enter(column, order if part == order.units else replace(order, units=part))
        self._with_rates(column, quote.time)
        if entry is None or entry.kind is not EntryKind.LIMIT:
            return self._settle(quote, nights, record, waits=waits)
        self._values[SPREAD, column] = spread_within(entry.price, quote)
        self._open(nights)
        self._values[SPREAD, column] = quote.spread
        ended = self._tell(quote.time, nights, record, waits=waits)
        self._settle(quote, 0, record)
        return ended

    def _enter(self, column: int, order: OrderRequest) -> None:
        self._attribution.waiting[column] = order
        # As `enter_order` does; a kernel that is called for six numbers costs more than they do.
        orders, bracket = self.state.orders, order.bracket
        orders.units[column] = order.units
        orders.stop_distance[column] = bracket.stop
        orders.take_profit_distance[column] = bracket.take_profit
        orders.trailing_distance[column] = (
            math.nan if bracket.trailing is None else bracket.trailing
        )
        orders.lowest_price[column] = order.lowest_price
        orders.highest_price[column] = order.highest_price

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

    def _settle(self, quote: Quote, nights: int, record: Record, *, waits: bool = False) -> bool:
        """All that a bar does; whether an order, or the rest of one, was cancelled."""
        settle_flat(*self._flat, float(nights))
        return self._tell(quote.time, nights, record, waits=waits)

    def _open(self, nights: int) -> None:
        """Financing and what waits, without slippage."""
        self._before[:] = self.state.ledger.units
        open_bar(
            self.state,
            self._paths,
            self._values,
            self._parts.interest,
            float(nights),
            self._limit_rules,
            self._log,
            self._cancelled,
            self._charged,
        )

    def _tell(self, time: int, nights: int, record: Record, *, waits: bool = False) -> bool:
        """Take down what happened. waits: whether more of the order is left than was to fill."""
        if nights:
            for column in np.flatnonzero(self._charged):
                amount = float(self._charged[column])
                record(TransactionKind.FINANCING, time, "", self._symbols[column], amount=amount)
        ended = any(self._cancelled[column] for column in self._attribution.waiting)
        if self._log.size[0]:
            times = (time,) * int(self._log.size[0])
            for fill in self._attribution.fills(NO_SEQUENCE, times, self._log, self._before):
                by_order = fill.reason == FillReason.DECISION.name
                _record_fill(fill, record, waits=waits and not ended and by_order)
        if ended:
            for end in self._attribution.cancellations(NO_SEQUENCE, time, self._cancelled):
                record(
                    TransactionKind.CANCELLED,
                    time,
                    end.client_order_id,
                    end.symbol,
                    reason=end.reason,
                )
        self._attribution.waiting.clear()
        return ended

    def _nights(self, time: int) -> int:
        """Rollovers since the last quote that are paid for."""
        if self._interest is None or time < self._rollover:
            return 0
        nights = nights_between(self.last_quote, time) if self.last_quote else 0
        self._rollover = next_rollover(time)
        if nights:
            at = np.array([time], dtype=np.int64)
            self._parts.interest[:] = self._interest.on(at, self._currencies)[0]
        return nights


def _record_fill(fill: Fill, record: Record, *, waits: bool = False) -> None:
    record(
        TransactionKind.FILLED,
        fill.time,
        fill.client_order_id,
        fill.symbol,
        fill=fill,
        waits=waits,
    )
