"""Books at a broker that closes trade by trade: its word is taken, and nothing is lost by it."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.ledger import Ledger, book_fill, book_told, equity, open_ledger

QUICK = settings(max_examples=200, deadline=None)
UNITS = st.integers(-50_000, 50_000).filter(bool).map(float)
PRICE = st.floats(0.5, 2.0)
RATE = st.floats(0.01, 2.0)
FILLS = st.lists(st.tuples(UNITS, PRICE, RATE), min_size=1, max_size=20)
CASH = 10_000.0


class FifoLedger:
    """Trades one by one, the oldest closed first; written without a look at the desk's books."""

    def __init__(self) -> None:
        self.cash = CASH
        self._trades: deque[tuple[float, float]] = deque()

    def fill(self, units: float, price: float, rate: float) -> float:
        """Book it; what it realised, in account currency."""
        realised = 0.0
        while units and self._trades and self._trades[0][0] * units < 0.0:
            size, opened = self._trades.popleft()
            closed = math.copysign(min(abs(size), abs(units)), size)
            realised += closed * (price - opened) * rate
            units += closed
            if size != closed:
                self._trades.appendleft((size - closed, opened))
        if units:
            self._trades.append((units, price))
        self.cash += realised
        return realised

    def equity(self, mid: float, rate: float) -> float:
        return self.cash + sum(size * (mid - opened) * rate for size, opened in self._trades)

    @property
    def units(self) -> float:
        return sum(size for size, _ in self._trades)


@QUICK
@given(FILLS, PRICE, RATE)
def test_equity_and_cash_are_those_of_a_broker_that_closes_the_oldest_trade_first(
    fills: list[tuple[float, float, float]], mid: float, rate: float
) -> None:
    ledger, fifo = open_ledger(1, CASH), FifoLedger()
    for units, price, at in fills:
        book_told(ledger, 0, units, price, at, fifo.fill(units, price, at))
        assert ledger.units[0] == fifo.units
        assert ledger.cash[0] == pytest.approx(fifo.cash, abs=1e-6)
        marked = equity(ledger, np.array([mid]), np.zeros(1), np.array([rate]))
        assert marked == pytest.approx(fifo.equity(mid, rate), abs=1e-4)
    assert ledger.cash[0] == pytest.approx(CASH + ledger.realised[0], abs=1e-6)


@QUICK
@given(FILLS)
def test_a_broker_that_averages_as_the_desk_does_changes_no_bit(
    fills: list[tuple[float, float, float]],
) -> None:
    theirs, ours, plain = (open_ledger(1, CASH) for _ in range(3))
    for units, price, rate in fills:
        realised = float(book_fill(theirs, 0, units, price, rate))
        book_told(ours, 0, units, price, rate, realised)
        book_fill(plain, 0, units, price, rate)
    assert bits(ours) == bits(plain)


@QUICK
@given(FILLS, UNITS, PRICE, RATE, st.floats(-1.0, 1.0))
def test_money_that_a_broker_rounds_is_not_lost_while_a_position_is_left(
    fills: list[tuple[float, float, float]],
    units: float,
    price: float,
    rate: float,
    off: float,
) -> None:
    ledger, told = open_ledger(1, CASH), open_ledger(1, CASH)
    for each in fills:
        book_fill(ledger, 0, *each)
        book_fill(told, 0, *each)
    realised = float(book_fill(ledger, 0, units, price, rate))
    before = float(told.cash[0])
    book_told(told, 0, units, price, rate, realised + off)
    assert told.cash[0] == pytest.approx(before + realised + off, abs=1e-9)
    if told.units[0] != 0.0:
        at = (np.array([price]), np.zeros(1), np.array([rate]))
        assert equity(told, *at) == pytest.approx(equity(ledger, *at), abs=1e-6)
    else:
        assert math.isnan(told.average_price[0])


def test_a_broker_that_does_not_say_what_was_realised_leaves_it_to_the_average_cost() -> None:
    told, plain = open_ledger(1, CASH), open_ledger(1, CASH)
    for units, price in ((100.0, 1.0), (-50.0, 1.5)):
        book_told(told, 0, units, price, 1.0, math.nan)
        book_fill(plain, 0, units, price, 1.0)
    assert bits(told) == bits(plain)


def bits(ledger: Ledger) -> list[bytes]:
    return [values.tobytes() for values in ledger]
