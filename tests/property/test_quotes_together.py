"""Quotes that are taken in one go do what each of them does alone, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.brokers.paper.live.account import LiveAccount
from infra.brokers.paper.live.book import OrderBook
from infra.brokers.paper.live.history import BarsInProgress
from infra.brokers.paper.live.records import encode, transaction_of
from infra.brokers.paper.live.terms import ExchangeTerms
from market.accounts import TransactionKind
from market.orders import Entry, EntryKind, OrderRequest, TimeInForce
from market.quotes import Quote
from tests.exchanges import CASH, SECOND, START, SYMBOLS, TERMS, order, quote

MIDS = {"EUR_USD": 1.1, "GBP_USD": 1.3, "USD_JPY": 150.0, "EUR_GBP": 0.85}
STALE_NS = 400 * SECOND
"""Longer than a quote converts the profit of another instrument."""

symbols = st.sampled_from(SYMBOLS)
wishes = st.tuples(
    symbols,
    st.sampled_from([0.1, 0.2, -0.3, 1_000.0, -1_000.0, 20_000.0, -50_000.0, 5e6, -5e6]),
    st.sampled_from([math.nan, 0.001]),
    st.sampled_from(["market", "market", "market", "bound", "limit"]),
)
prices = st.tuples(symbols, st.floats(-0.03, 0.03), st.sampled_from([SECOND, SECOND, STALE_NS]))
rounds = st.lists(
    st.tuples(st.lists(wishes, max_size=5), st.lists(prices, min_size=1, max_size=12)),
    min_size=1,
    max_size=6,
)


class Side:
    """An account, its orders and its bar. together: how many quotes were taken so."""

    def __init__(self, terms: ExchangeTerms) -> None:
        self.account = LiveAccount(terms, None)
        self.account.deposit(CASH)
        self.book = OrderBook(terms.symbols, 0, ())
        self.bars = BarsInProgress(len(terms.instruments), terms.interval_s)
        self.together = 0

    def one(self, column: int, shown: Quote) -> int:
        self.account.quote(column, shown, self.book.queue(column), self.book.record)
        self.bars.add(column, shown)
        return 1

    def alone(self, quotes: Sequence[tuple[int, Quote]]) -> None:
        for column, shown in quotes:
            self.one(column, shown)

    def as_many_as_go(self, quotes: Sequence[tuple[int, Quote]]) -> None:
        at = 0
        while at < len(quotes):
            taken = self.account.quotes(
                quotes[at:], self.book.queue, self.bars.values, self.book.record
            )
            self.together += taken
            at += taken or self.one(*quotes[at])

    def left(self) -> tuple[object, ...]:
        """Everything that can be known of it."""
        account = self.account
        arrays = (account.buffer, account.quoted, account.prices, self.bars.values)
        return (
            [payload for _, payload in self.book.changes.transactions],
            self.book.changes.orders,
            [encode(item) for item in self.book.waiting()],
            dict(account.opened_by),
            account.last_quote,
            *(array.tobytes() for array in arrays),
        )


def order_of(name: str, wish: tuple[str, float, float, str]) -> OrderRequest:
    symbol, units, stop, kind = wish
    mid = MIDS[symbol]
    made = order(name, units, symbol, stop=stop * mid, take_profit=stop * mid)
    if kind == "bound":
        return replace(made, lowest_price=mid, highest_price=mid * 1.01)
    if kind == "limit":
        limit = Entry(kind=EntryKind.LIMIT, price=mid, time_in_force=TimeInForce.GTC)
        return replace(made, entry=limit)
    return made


def flow(terms: ExchangeTerms, made: object) -> tuple[Side, Side]:
    """The same orders and quotes at an account that takes them one by one, and at another."""
    by_one, by_many = Side(terms), Side(terms)
    time, number = START, 0
    for orders, told in made:  # type: ignore[attr-defined]
        for wish in orders:
            number += 1
            for side in (by_one, by_many):
                side.book.accept(order_of(f"o{number}", wish), time)
        shown = []
        for symbol, moved, later in told:
            time += later
            mid = MIDS[symbol] * (1.0 + moved)
            shown.append((SYMBOLS.index(symbol), quote(symbol, time, mid, 1e-4 * mid)))
        by_one.alone(shown)
        by_many.as_many_as_go(shown)
    return by_one, by_many


@settings(max_examples=150)
@given(made=rounds)
def test_quotes_in_one_go_leave_what_they_leave_one_by_one(made: object) -> None:
    terms = replace(TERMS, slippage=1e-4)
    by_one, by_many = flow(terms, made)
    assert by_many.left() == by_one.left()


@settings(max_examples=30)
@given(made=rounds)
def test_so_they_do_where_a_quote_fills_a_part_of_an_order(made: object) -> None:
    by_one, by_many = flow(replace(TERMS, liquidity=10_000.0), made)
    assert by_many.left() == by_one.left()


def test_orders_at_the_market_exits_and_refusals_are_all_taken_together() -> None:
    wishes_made = [
        ("EUR_USD", 20_000.0, 0.001, "market"),
        ("USD_JPY", -50_000.0, math.nan, "market"),
        ("GBP_USD", 1_000.0, math.nan, "bound"),
    ]
    told = [
        ("EUR_USD", 0.0, SECOND),
        ("USD_JPY", 0.0, SECOND),
        ("EUR_USD", -0.02, SECOND),
        ("GBP_USD", -0.02, SECOND),
        ("EUR_GBP", 0.0, SECOND),
    ]
    by_one, by_many = flow(TERMS, [(wishes_made, told)])
    assert by_many.left() == by_one.left()
    assert by_many.together == len(told)
    found = [item.kind for item in map(transaction_of, by_many.left()[0])]  # type: ignore[call-overload]
    assert found.count(TransactionKind.FILLED) == 3, "two orders and a stop"
    assert found.count(TransactionKind.CANCELLED) == 1
    assert np.isnan(by_many.bars.values[0]).sum() == 0


def test_more_quotes_than_one_run_takes_are_all_taken() -> None:
    told = [("EUR_USD", 1e-4 * (n % 7), SECOND) for n in range(700)]
    by_one, by_many = flow(TERMS, [([("EUR_USD", 1_000.0, math.nan, "market")], told)])
    assert by_many.left() == by_one.left()
    assert by_many.together == len(told)
