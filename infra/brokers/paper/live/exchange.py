"""`PaperExchange`: an account, the market that moves it, and what it must not forget."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from infra.brokers.paper.live.account import LiveAccount
from infra.brokers.paper.live.book import OrderBook
from infra.brokers.paper.live.closing import closing_order
from infra.brokers.paper.live.expiry import TIME_IN_FORCE_EXPIRED
from infra.brokers.paper.live.history import BarsInProgress, panel_of
from infra.brokers.paper.live.intake import Intake
from infra.brokers.paper.live.keeping import kept_now, take_up
from infra.brokers.paper.live.order_desk import OrderDesk
from infra.brokers.paper.live.quote_filter import QuoteFilter
from infra.brokers.paper.live.quote_run import MOST_STEPS
from infra.brokers.paper.live.records import (
    Kept,
    Terms,
    transaction_of,
    waiting_of,
)
from infra.brokers.paper.live.store import EVERY, ExchangeStore
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.brokers.paper.live.waiting import WaitingOrder
from market.accounts import (
    AccountState,
    Transaction,
    TransactionKind,
)
from market.bar_window import slice_of
from market.bars import Bars
from market.errors import InvalidError
from market.marks import Marks
from market.ports import Interest
from market.quotes import Quote


class PaperExchange(OrderDesk):
    """One account. A call is as durable as `OrderDesk` says; quotes alone are so at `save`.

    After a restart it goes on from its last commit: quotes later than `clock` must come again, as
    they were, for it to be where it would have been. Raises FatalError once its store cannot be
    written; then only a restart helps.
    """

    def __init__(
        self,
        terms: ExchangeTerms,
        store: ExchangeStore,
        *,
        time: int,
        interest: Interest | None = None,
        history: Bars | None = None,
    ) -> None:
        """Open the account in a new store, or go on with the one that is there.

        time: of the market, UTC ns; history: closed bars before it. Both count at the first
        opening only. Raises InvalidError where the store holds another account.
        """
        self._terms = terms
        self._store = store
        self._account = LiveAccount(terms, interest)
        self._filter = QuoteFilter(terms.symbols)
        self._bars = BarsInProgress(len(terms.instruments), terms.interval_s)
        self._columns = {symbol: column for column, symbol in enumerate(terms.symbols)}
        self._book = OrderBook(
            terms.symbols, store.last_transaction, map(waiting_of, store.waiting())
        )
        self._intake = Intake(terms, self._account, self._book)
        self._unsaved = False
        self.clock = time
        kept = store.kept()
        if kept is None:
            self._open(history)
        else:
            self._go_on(kept)

    # What is asked of the account

    def account(self) -> AccountState:
        """The account at the last quotes."""
        state = self._account.state
        working = np.zeros(len(self._columns))
        for item in self._book.waiting():
            working[self._columns[item.order.symbol]] += item.left
        return AccountState(
            last_transaction=self.last_transaction,
            units=state.ledger.units.copy(),
            average_price=state.ledger.average_price.copy(),
            working=working,
            stop_price=state.exits.stop_price.copy(),
            cash=float(state.ledger.cash[0]),
            equity=self._account.equity(),
            margin_used=self._account.margin_used(),
        )

    def last_quote(self, symbol: str) -> Quote | None:
        """The newest quote of an instrument, at its own time; None before the first. Raises
        InvalidError for one that is not traded here.
        """
        column = self._intake.column(symbol, "of its prices")
        return self._account.last(column, int(self._account.quoted[column]))

    @property
    def marks(self) -> Marks:
        """The last known prices, (M,) in the order of the instruments; not to be changed."""
        return self._account.state.marks

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        """Every transaction with an id above `after`, in order."""
        return tuple(map(transaction_of, self.transaction_records(after, EVERY)))

    def transaction_records(self, after: int, most: int) -> list[bytes]:
        """The same as they are kept, at most so many; `EVERY` for no limit."""
        kept = self._store.transactions(after, most)
        if len(kept) != most:
            kept += [record for number, record in self._book.changes.transactions if number > after]
        return kept if most == EVERY else kept[:most]

    def history(self, interval_s: int, bars: int) -> Bars:
        """The last closed bars, newest last. Raises InvalidError for another length of bars."""
        if interval_s != self._terms.interval_s:
            raise InvalidError(
                f"this exchange keeps bars of {self._terms.interval_s} s, asked for {interval_s} s"
                "; start it with the desk's interval"
            )
        waits = {bar.time: bar for bar in self._book.changes.bars}
        kept = {bar.time: bar for bar in self._store.bars(bars)} | waits
        newest = [kept[time] for time in sorted(kept)][-bars:] if bars > 0 else []
        return panel_of(newest, self._terms.symbols, interval_s)

    # What the market does

    def take(self, quotes: Iterable[Quote], now: int) -> tuple[Quote, ...]:
        """Trade on every sound quote up to `now`; those are given back.

        now: the market's time, UTC ns; earlier than `clock` it counts as `clock`.
        """
        now = max(now, self.clock)
        before = self.last_transaction
        sound = tuple(self._filter.sound(quotes, self.clock, now))
        taken = 0
        while taken < len(sound):
            column, quote = sound[taken]
            self._expire(quote.time)
            self._close_bar(quote.time)
            taken += self._take_several(sound[taken : taken + MOST_STEPS]) or self._take_one(
                column, quote
            )
        self._expire(now)
        self._close_bar(now)
        self._unsaved = self._unsaved or now != self.clock
        self.clock = now
        if self.last_transaction != before:
            self._commit()
        return tuple([quote for _, quote in sound])

    def _take_several(self, quotes: Sequence[tuple[int, Quote]]) -> int:
        """The first of some quotes, at a fraction of what each alone takes; how many that were."""
        book, closed = self._book, self._intake.closed
        until = min(self._bars.end, book.first_due())  # till then quotes alone move anything
        if closed or quotes[-1][1].time >= until:
            quotes = [
                *itertools.takewhile(
                    lambda one: one[1].time < until and one[1].symbol not in closed, quotes
                )
            ]
        return self._account.quotes(quotes, book.queue, self._bars.values, book.record)

    def _take_one(self, column: int, quote: Quote) -> int:
        if quote.symbol in self._intake.closed:
            self._account.look(column, quote, self._book.record)
        else:
            self._account.quote(column, quote, self._book.queue(column), self._book.record)
        self._bars.add(column, quote)
        return 1

    def save(self) -> None:
        """Make durable what quotes alone moved: marks, trailing stops, bars, the clock."""
        if self._unsaved:
            self._commit()

    def warm_up(self) -> None:
        """Compile what the first quote would wait for, on an account of nobody."""
        scratch, symbol = LiveAccount(self._terms, None), self._terms.symbols[0]
        quote = Quote(symbol=symbol, time=self.clock, bid=1.0, ask=1.0)
        order = closing_order(symbol, "", 1.0, 1.0)
        self._intake.obstacle(order, self.clock)
        waiting = (WaitingOrder(transaction=0, order=order, latest=0),)
        bar = np.full((6, len(self._terms.symbols)), np.nan)
        BarsInProgress(1, self._terms.interval_s).add(0, quote)
        scratch.quotes(((0, quote),), lambda _: (), bar, lambda *_, **__: None)
        scratch.quote(0, quote, waiting, lambda *_, **__: None)
        scratch.look(0, quote, lambda *_, **__: None)
        scratch.equity()
        scratch.margin_used()

    def release(self) -> None:
        """Let go of the store as it was last committed."""
        self._store.close()

    @property
    def last_transaction(self) -> int:
        """The number of the newest transaction."""
        return self._book.last_transaction

    @property
    def terms(self) -> ExchangeTerms:
        """On what terms it trades."""
        return self._terms

    @property
    def closed(self) -> frozenset[str]:
        """Instruments that are not tradeable now."""
        return frozenset(self._intake.closed)

    @property
    def dropped(self) -> Mapping[str, int]:
        """Quotes that were not traded on, by reason."""
        return dict(self._filter.dropped)

    # What is kept

    def _close_bar(self, now: int) -> None:
        closed = self._bars.close_due(now)
        if closed is not None:
            self._book.changes.bars.append(closed)

    def _expire(self, now: int) -> None:
        for item in self._book.due(now):
            self._book.end(
                item.order.client_order_id,
                item.expires,
                TransactionKind.EXPIRED,
                TIME_IN_FORCE_EXPIRED,
            )

    def _write(self) -> None:
        self._store.write(self._book.take_changes(), self._kept())
        self._unsaved = False

    def _kept(self) -> Kept:
        closed = self._intake.closed
        return kept_now(self.clock, self._account, self._bars, self._filter, closed)

    def _open(self, history: Bars | None) -> None:
        """The first opening: the deposit is the first transaction."""
        if history is not None:
            known = history.columns(self._terms.symbols)
            self._book.changes.bars += [slice_of(known, row) for row in range(len(known))]
        self._bars.close_due(self.clock)
        self._account.deposit(self._terms.cash)
        self._book.record(TransactionKind.TRANSFER, self.clock, "", "", amount=self._terms.cash)
        self._store.write(self._book.take_changes(), self._kept(), self._made_for())

    def _go_on(self, kept: Kept) -> None:
        made_for, wanted = self._store.terms(), self._made_for()
        if made_for != wanted:
            raise InvalidError(
                f"{self._store.path} holds the account of another exchange: {made_for}, and "
                f"{wanted} was asked for; give this one a store of its own"
            )
        take_up(kept, self._account, self._bars, self._filter)
        self._intake.closed.update(kept.closed)
        self.clock = kept.clock

    def _made_for(self) -> Terms:
        return Terms(
            account_currency=self._terms.account_currency,
            symbols=self._terms.symbols,
            interval_s=self._terms.interval_s,
        )
