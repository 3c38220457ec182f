"""`PaperExchange`: takes orders, fills them on quotes, and forgets nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from infra.brokers.paper.acceptance import is_sized
from infra.brokers.paper.broker import size_refusal
from infra.brokers.paper.live.account import LiveAccount, WaitingOrder
from infra.brokers.paper.live.history import BarsInProgress, panel_of
from infra.brokers.paper.live.quote_filter import QuoteFilter
from infra.brokers.paper.live.records import (
    Kept,
    Terms,
    broker_order_of,
    encode,
    transaction_of,
    waiting_of,
)
from infra.brokers.paper.live.store import Changes, ExchangeStore
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.brokers.paper.state import FillReason
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
from market.orders import Bracket, Fill, OrderRequest
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
        self._waiting: dict[str, WaitingOrder] = {}
        self._queues: list[list[WaitingOrder]] = [[] for _ in terms.symbols]
        self._changes = Changes()
        self._unsaved = False
        self.clock = time
        self.last_transaction = store.last_transaction
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
                found = self._take(order, refuse or self._obstacle(order))
                known[order.client_order_id] = found
            answers.append(found)
        if self._changes.transactions:
            self._commit()
        return tuple(answers)

    def find(self, client_order_id: str) -> BrokerOrder | None:
        """The order under this id; None where it never came."""
        return self._known([client_order_id]).get(client_order_id)

    def working(self) -> tuple[BrokerOrder, ...]:
        """The orders that wait, in the order of their acceptance."""
        return tuple(_accepted(item) for item in self._waiting.values())

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Cancel an order that waits; of one that has ended, its end.

        Raises InvalidError for an id that never came.
        """
        found = self.find(client_order_id)
        if found is None:
            raise InvalidError(
                f"order {client_order_id} never came here; look at the id, or at `transactions`"
            )
        item = self._waiting.get(client_order_id)
        if item is None:
            return found
        column = self._columns[item.order.symbol]
        self._queues[column].remove(item)
        self._record(
            TransactionKind.CANCELLED,
            self.clock,
            client_order_id,
            item.order.symbol,
            reason=BY_REQUEST,
        )
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
        answer = self._take(order, refuse, closes=True)
        self._commit()
        if answer.state is OrderState.REJECTED:
            raise InvalidError(answer.reason)
        return answer

    def account(self) -> AccountState:
        """The account at the last quotes."""
        state = self._account.state
        working = np.zeros(len(self._queues))
        for item in self._waiting.values():
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
        waits = {bar.time: bar for bar in self._changes.bars}
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
            queue = self._queues[column]
            self._account.quote(column, quote, queue, self._record)
            queue.clear()
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
    def terms(self) -> ExchangeTerms:
        """On what terms it trades."""
        return self._terms

    @property
    def dropped(self) -> Mapping[str, int]:
        """Quotes that were not traded on, by reason."""
        return dict(self._filter.dropped)

    # How orders begin and end

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

    def _take(self, order: OrderRequest, obstacle: str, *, closes: bool = False) -> BrokerOrder:
        """Record a new order as accepted, or as rejected for `obstacle`."""
        name = order.client_order_id
        kind = TransactionKind.REJECTED if obstacle else TransactionKind.ACCEPTED
        number = self._record(kind, self.clock, name, order.symbol, reason=obstacle).id
        if not obstacle:
            item = WaitingOrder(transaction=number, order=order, closes=closes)
            self._waiting[name] = item
            self._queues[self._columns[order.symbol]].append(item)
            self._changes.waiting.append((number, encode(item)))
            answer = _accepted(item)
        else:
            answer = _ended(order, OrderState.REJECTED, number, obstacle)
        self._changes.orders[name] = encode(answer)
        return answer

    def _record(
        self,
        kind: TransactionKind,
        time: int,
        client_order_id: str,
        symbol: str,
        *,
        fill: Fill | None = None,
        amount: float = 0.0,
        reason: str = "",
    ) -> Transaction:
        """Number what happened, and end the order that it ended."""
        self.last_transaction += 1
        transaction = Transaction(
            id=self.last_transaction,
            time=time,
            kind=kind,
            client_order_id=client_order_id,
            symbol=symbol,
            fill=fill,
            amount=amount,
            reason=reason,
        )
        self._changes.transactions.append((transaction.id, encode(transaction)))
        if kind is TransactionKind.CANCELLED:
            self._end(client_order_id, OrderState.CANCELLED, transaction.id, reason)
        elif fill is not None and fill.reason == FillReason.DECISION.name:
            self._end(client_order_id, OrderState.FILLED, transaction.id, "")
        return transaction

    def _end(self, name: str, state: OrderState, transaction: int, reason: str) -> None:
        """An order waits no more. The rest of one that was filled in part is cancelled after its
        fill, and leaves it filled.
        """
        item = self._waiting.pop(name, None)
        if item is not None:
            self._changes.ended.append((item.transaction,))
            self._changes.orders[name] = encode(_ended(item.order, state, transaction, reason))

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
            self._changes.bars.append(closed)

    def _commit(self) -> None:
        changes, self._changes = self._changes, Changes()
        self._store.write(changes, self._kept())
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
            self._changes.bars += [slice_of(known, row) for row in range(len(known))]
        self._bars.close_due(self.clock)
        self._account.deposit(self._terms.cash)
        self._record(TransactionKind.TRANSFER, self.clock, "", "", amount=self._terms.cash)
        self._store.write(self._changes, self._kept(), self._made_for())
        self._changes = Changes()

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
        for item in map(waiting_of, self._store.waiting()):
            self._waiting[item.order.client_order_id] = item
            self._queues[self._columns[item.order.symbol]].append(item)

    def _made_for(self) -> Terms:
        return Terms(
            account_currency=self._terms.account_currency,
            symbols=self._terms.symbols,
            interval_s=self._terms.interval_s,
        )


def _accepted(item: WaitingOrder) -> BrokerOrder:
    return _ended(item.order, OrderState.ACCEPTED, item.transaction, "")


def _ended(order: OrderRequest, state: OrderState, transaction: int, reason: str) -> BrokerOrder:
    return BrokerOrder(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        units=order.units,
        state=state,
        transaction=transaction,
        reason=reason,
    )
