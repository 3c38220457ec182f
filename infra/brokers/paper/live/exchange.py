"""`PaperExchange`: takes orders, fills them on quotes, and forgets nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from infra.brokers.paper.acceptance import is_sized
from infra.brokers.paper.broker import size_refusal
from infra.brokers.paper.live.account import LiveAccount, WaitingOrder
from infra.brokers.paper.live.book import OrderBook
from infra.brokers.paper.live.history import BarsInProgress, panel_of
from infra.brokers.paper.live.quote_filter import QuoteFilter
from infra.brokers.paper.live.records import (
    Kept,
    Terms,
    broker_order_of,
    transaction_of,
    waiting_of,
)
from infra.brokers.paper.live.store import ExchangeStore
from infra.brokers.paper.live.terms import ExchangeTerms
from market.accounts import (
    AccountState,
    BrokerOrder,
    OrderState,
    Transaction,
    TransactionKind,
)
from market.bar_window import slice_of
from market.bars import Bars
from market.errors import InvalidError
from market.orders import Bracket, OrderRequest
from market.ports import Interest
from market.quotes import Quote

BY_REQUEST = "BY_REQUEST"
UNPROTECTED = Bracket(stop=math.nan, take_profit=math.nan, trailing=None)
EVERY = -1
"""No limit to the rows of a query."""


class PaperExchange:
    """One account. Every call is durable before it returns; quotes alone are so at `save`.

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
        self._unsaved = False
        self.clock = time
        kept = store.kept()
        if kept is None:
            self._open(history)
        else:
            self._go_on(kept)

    # What is asked of a broker

    def place(self, order: OrderRequest) -> BrokerOrder:
        """Take a market order; it fills at the next quote of its instrument.

        Raises InvalidError for what can never be filled: that it was refused is recorded, and a
        repetition is refused again.
        """
        (answer,) = self.place_all((order,))
        if answer.state is OrderState.REJECTED:
            raise InvalidError(answer.reason)
        return answer

    def place_all(
        self, orders: Sequence[OrderRequest], *, refuse: str = ""
    ) -> tuple[BrokerOrder, ...]:
        """Take several in one commit. An id that is known is answered with the order that is there.

        refuse: a reason to refuse every new one.
        """
        known = self._known([order.client_order_id for order in orders])
        answers = []
        for order in orders:
            found = known.get(order.client_order_id)
            if found is None:
                obstacle = refuse or self._obstacle(order)
                if obstacle:
                    found = self._book.reject(order, self.clock, obstacle)
                else:
                    found = self._book.accept(order, self.clock)
                known[order.client_order_id] = found
            answers.append(found)
        if self._book.changes.transactions:
            self._commit()
        return tuple(answers)

    def find(self, client_order_id: str) -> BrokerOrder | None:
        """The order under this id; None where it never came."""
        return self._known([client_order_id]).get(client_order_id)

    def working(self) -> tuple[BrokerOrder, ...]:
        """The orders that wait, in the order of their acceptance."""
        names = [item.order.client_order_id for item in self._book.waiting()]
        known = self._known(names)
        return tuple(known[name] for name in names)

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Cancel an order that waits; of one that has ended, its end.

        Raises InvalidError for an id that never came.
        """
        found = self.find(client_order_id)
        if found is None:
            raise InvalidError(
                f"order {client_order_id} never came here; look at the id, or at `transactions`"
            )
        if not self._book.cancel(client_order_id, self.clock, BY_REQUEST):
            return found
        self._commit()
        return self._known([client_order_id])[client_order_id]

    def close(self, symbol: str, client_order_id: str, *, refuse: str = "") -> BrokerOrder | None:
        """Close what is held at the next quote, whatever that is then; None where nothing is held.

        Raises InvalidError for an instrument that is not traded here.
        """
        found = self.find(client_order_id)
        if found is not None:
            return found
        held = float(self._account.state.ledger.units[self._column(symbol, client_order_id)])
        if held == 0.0:
            return None
        order = OrderRequest(
            client_order_id=client_order_id,
            sequence=0,
            symbol=symbol,
            units=-held,
            bracket=UNPROTECTED,
            lowest_price=0.0,
            highest_price=math.inf,
            reference_price=float(self._account.state.marks.mid[self._columns[symbol]]),
        )
        if refuse:
            self._book.reject(order, self.clock, refuse)
            self._commit()
            raise InvalidError(refuse)
        answer = self._book.accept(order, self.clock, closes=True)
        self._commit()
        return answer

    def account(self) -> AccountState:
        """The account at the last quotes."""
        state = self._account.state
        working = np.zeros(len(self._columns))
        for item in self._book.waiting():
            working[self._columns[item.order.symbol]] += item.order.units
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

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        """Every transaction with an id above `after`, in order."""
        return tuple(map(transaction_of, self._store.transactions(after, EVERY)))

    def transaction_records(self, after: int, most: int) -> list[bytes]:
        """The same as they are kept, at most so many."""
        return self._store.transactions(after, most)

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
        taken = []
        for column, quote in self._filter.sound(quotes, self.clock, now):
            self._close_bar(quote.time)
            self._account.quote(column, quote, self._book.queue(column), self._book.record)
            self._bars.add(column, quote)
            taken.append(quote)
        self._close_bar(now)
        self._unsaved = self._unsaved or now != self.clock
        self.clock = now
        if self.last_transaction != before:
            self._commit()
        return tuple(taken)

    def save(self) -> None:
        """Make durable what quotes alone moved: marks, trailing stops, bars, the clock."""
        if self._unsaved:
            self._commit()

    def warm_up(self) -> None:
        """Compile what the first quote would wait for, on an account of nobody."""
        scratch, symbol = LiveAccount(self._terms, None), self._terms.symbols[0]
        quote = Quote(symbol=symbol, time=self.clock, bid=1.0, ask=1.0)
        order = OrderRequest(
            client_order_id="",
            sequence=0,
            symbol=symbol,
            units=1.0,
            bracket=UNPROTECTED,
            lowest_price=0.0,
            highest_price=math.inf,
            reference_price=1.0,
        )
        self._obstacle(order)
        waiting = (WaitingOrder(transaction=0, order=order),)
        scratch.quote(0, quote, waiting, lambda *_, **__: None)
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
    def dropped(self) -> Mapping[str, int]:
        """Quotes that were not traded on, by reason."""
        return dict(self._filter.dropped)

    # What is looked at

    def _obstacle(self, order: OrderRequest) -> str:
        """Why an order can never be filled; empty where it can."""
        column = self._columns.get(order.symbol)
        if column is None:
            return self._not_traded(order.symbol, order.client_order_id)
        increment = self._terms.instruments[column].unit_increment
        held = float(self._account.state.ledger.units[column])
        if not is_sized(order.units, held, increment):
            return size_refusal(order.client_order_id, order.units, increment)
        bracket = order.bracket
        for distance in (bracket.stop, bracket.take_profit, bracket.trailing or math.nan):
            if distance <= 0.0 or distance == math.inf:
                return (
                    f"order {order.client_order_id}: the distances of a bracket must be positive "
                    f"and finite, or NaN for none; found {distance}"
                )
        return ""

    def _known(self, names: Sequence[str]) -> dict[str, BrokerOrder]:
        """The orders that are there; nothing that changed one is uncommitted here."""
        return {name: broker_order_of(record) for name, record in self._store.orders(names).items()}

    def _column(self, symbol: str, client_order_id: str) -> int:
        column = self._columns.get(symbol)
        if column is None:
            raise InvalidError(self._not_traded(symbol, client_order_id))
        return column

    def _not_traded(self, symbol: str, client_order_id: str) -> str:
        return (
            f"order {client_order_id}: {symbol} is not traded here; "
            f"instruments are {', '.join(self._terms.symbols)}"
        )

    # What is kept

    def _close_bar(self, now: int) -> None:
        closed = self._bars.close_due(now)
        if closed is not None:
            self._book.changes.bars.append(closed)

    def _commit(self) -> None:
        self._store.write(self._book.take_changes(), self._kept())
        self._unsaved = False

    def _kept(self) -> Kept:
        account = self._account
        return Kept(
            clock=self.clock,
            last_quote=account.last_quote,
            account=account.buffer.tobytes(),
            quoted=account.quoted.tobytes(),
            bar=self._bars.values.tobytes(),
            bar_start=self._bars.start,
            opened_by=account.opened_by,
            dropped=dict(self._filter.dropped),
        )

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
        account = self._account
        account.buffer[:] = np.frombuffer(kept.account)
        account.quoted[:] = np.frombuffer(kept.quoted, dtype=np.int64)
        account.last_quote = kept.last_quote
        account.opened_by.update(kept.opened_by)
        self._bars.values[:] = np.frombuffer(kept.bar).reshape(6, -1)
        self._bars.start = kept.bar_start
        self._filter.dropped.update(kept.dropped)
        self.clock = kept.clock

    def _made_for(self) -> Terms:
        return Terms(
            account_currency=self._terms.account_currency,
            symbols=self._terms.symbols,
            interval_s=self._terms.interval_s,
        )
