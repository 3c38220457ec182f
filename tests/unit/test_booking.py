"""From a broker's transactions to the books: every sort, once and where it belongs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.live.booking import booked
from infra.live.reconciliation import cash_tolerance, mismatches
from market.accounts import AccountState, Transaction, TransactionKind
from market.desk_state import DeskState
from market.errors import LedgerMismatch
from market.events import OrderCancelled, OrderFilled, OrderIntended
from market.live_events import CashMoved, TransactionsBooked
from market.orders import Fill
from tests.exchanges import TERMS, LocalBench
from tests.exchanges import order as paper_order
from tests.live_gateways import ROWS, started
from tests.property.test_order_life import fill, order
from tests.staged import opened

SYMBOL, OTHER = started().symbols[:2]
CASH = 100_000.0


@pytest.fixture
def state() -> DeskState:
    return DeskState(replace(started(), initial_balance=CASH), ROWS)


def book(state: DeskState, kind: TransactionKind, **facts: Any) -> list[Any]:
    """Book the next transaction; its events without the mark of how far the books go."""
    one = Transaction(
        id=state.last_transaction + 1,
        time=7,
        kind=kind,
        client_order_id=facts.pop("name", ""),
        symbol=facts.pop("symbol", ""),
        **facts,
    )
    *events, mark = booked((one,), state)
    assert mark == TransactionsBooked(time=7, last=one.id)
    for event in (*events, mark):
        state.apply(event)
    return events


def filled(state: DeskState, one: Fill, **facts: Any) -> list[Any]:
    return book(state, TransactionKind.FILLED, name=one.client_order_id, fill=one, **facts)


def cash(state: DeskState) -> float:
    return float(state.ledger.cash[0])


def test_what_a_broker_only_notes_moves_the_books_on_and_changes_nothing(state: DeskState) -> None:
    assert book(state, TransactionKind.NOTED, reason="CLIENT_CONFIGURE") == []
    assert state.last_transaction == 1
    assert cash(state) == CASH


@pytest.mark.parametrize(
    ("kind", "reason", "said"),
    [
        (TransactionKind.CANCELLED, "CLIENT_REQUEST", "CLIENT_REQUEST"),
        (TransactionKind.REJECTED, "MARKET_HALTED", "REJECTED: MARKET_HALTED"),
        (TransactionKind.EXPIRED, "", "EXPIRED"),
        (TransactionKind.EXPIRED, "TIME_IN_FORCE_EXPIRED", "EXPIRED: TIME_IN_FORCE_EXPIRED"),
        (TransactionKind.REPLACED, "another", "REPLACED: another"),
    ],
)
def test_an_order_ends_as_the_broker_says_and_the_transaction_is_named(
    state: DeskState, kind: TransactionKind, reason: str, said: str
) -> None:
    state.apply(OrderIntended(order=order("o", 100.0)))
    (gone,) = book(state, kind, name="o", symbol=SYMBOL, reason=reason)
    assert isinstance(gone, OrderCancelled)
    assert (gone.ending, gone.transaction) == (kind.value, 1)
    assert gone.cancellation.reason == said
    assert state.orders == {}


def test_financing_is_paid_by_instrument_and_the_rest_by_none(state: DeskState) -> None:
    parts = ((SYMBOL, -1.25), (OTHER, 0.75))
    paid = book(state, TransactionKind.FINANCING, amount=-0.6, parts=parts)
    assert [(one.symbol, one.amount) for one in paid[:2]] == list(parts)
    assert (paid[2].symbol, paid[2].amount) == ("", pytest.approx(-0.1))
    assert {one.reason for one in paid} == {"financing"}
    assert cash(state) == pytest.approx(CASH - 0.6)


def test_parts_that_come_to_the_whole_leave_no_rest(state: DeskState) -> None:
    parts = ((SYMBOL, -0.1), (OTHER, -0.2))
    assert len(book(state, TransactionKind.FINANCING, amount=-0.3, parts=parts)) == 2


def test_financing_of_no_instrument_is_no_transfer(state: DeskState) -> None:
    state.peak = CASH
    book(state, TransactionKind.FINANCING, amount=-50.0)
    assert (state.peak, state.evidence.transferred) == (CASH, 0.0)
    book(state, TransactionKind.TRANSFER, amount=-50.0, symbol=SYMBOL)
    assert (state.peak, state.evidence.transferred) == (CASH - 50.0, -50.0)


def test_what_a_fill_costs_beside_its_price_leaves_cash_and_the_gain_of_its_trade(
    state: DeskState,
) -> None:
    opening = filled(state, fill("o", 100.0), amount=-2.0)
    assert [type(event) for event in opening] == [OrderFilled, CashMoved]
    closed = replace(fill("p", -100.0), price=1.03, realised=3.0)
    closing = filled(state, closed, amount=-2.0)
    assert [type(event) for event in closing] == [CashMoved, OrderFilled]
    assert cash(state) == pytest.approx(CASH + 3.0 - 4.0)
    assert closing[0].reason == "filled"


def test_the_trade_that_a_fill_closes_bears_its_costs_also_within_one_batch(
    state: DeskState,
) -> None:
    state.apply(opened())
    first = Transaction(
        id=2, time=0, kind=TransactionKind.FILLED, client_order_id="o", symbol=SYMBOL,
        fill=fill("o", 100.0), amount=-2.0,
    )  # fmt: skip
    closed = replace(fill("o", -100.0), price=1.03, realised=1.0)
    for event in booked((first, replace(first, id=3, fill=closed)), state):
        state.apply(event)
    assert (state.evidence.trades, state.evidence.won) == (1, 0)


def test_slippage_is_measured_from_what_was_decided_on_where_a_broker_cannot(
    state: DeskState,
) -> None:
    state.apply(OrderIntended(order=order("o", -100.0)))  # decided on at 1.0
    one = replace(fill("o", -100.0), price=0.999, slippage_bps=math.nan)
    (told,) = filled(state, one)
    assert told.fill.slippage_bps == pytest.approx(10.0)
    stopped = replace(one, units=100.0, reason="STOP_LOSS")
    assert math.isnan(filled(state, stopped)[0].fill.slippage_bps)


def test_a_fill_in_an_instrument_that_is_not_the_desks_is_not_booked(state: DeskState) -> None:
    with pytest.raises(LedgerMismatch, match="fills 5 XAU_USD, which this desk does not keep"):
        filled(state, replace(fill("o", 5.0), symbol="XAU_USD"))


def test_at_a_broker_that_averages_as_the_desk_does_the_books_are_its_own_to_the_last_bit(
    tmp_path: Path,
) -> None:
    bench = LocalBench(tmp_path, replace(TERMS, slippage=0.3))
    state = DeskState(started(), ROWS)
    prices = (1.1, 1.1037, 1.0891, 1.1203, 1.0502, 1.1111, 0.97, 1.2, 1.1)
    for number, price in enumerate(prices):
        bench.market("USD_JPY", 140.0 + 7.0 * price, 0.013)
        bench.market("EUR_USD", price, 0.00013)
        for symbol in ("EUR_USD", "USD_JPY"):
            units = (-1.0) ** (number // 2) * 1_000.0 * (1 + number % 4)
            bench.broker.place(paper_order(f"{symbol}-{number}", units, symbol, stop=0.05))
    theirs = bench.exchange.transactions(0)
    for event in booked(theirs, state):
        state.apply(event)
    realised = [event.fill.realised for event in theirs if event.fill is not None]
    assert sum(one != 0.0 for one in realised) > 5
    account = bench.broker.account()
    assert state.ledger.units.tobytes() == account.units.tobytes()
    assert state.ledger.average_price.tobytes() == account.average_price.tobytes()
    assert float(state.ledger.cash[0]) == account.cash
    bench.close()


# Reconciliation


def account(state: DeskState, cash: float, transactions: int) -> AccountState:
    nothing = state.ledger.units * 0.0
    return AccountState(
        last_transaction=transactions, units=nothing, average_price=nothing, working=nothing,
        stop_price=nothing, cash=cash, equity=cash, margin_used=0.0,
    )  # fmt: skip


def test_amounts_rounded_to_four_decimals_are_no_mismatch(state: DeskState) -> None:
    exact = [0.00004 + 0.01 * number for number in range(40)]
    state.ledger.cash[0] = CASH + sum(round(amount, 4) for amount in exact)
    theirs = round(CASH + sum(exact), 4)
    assert abs(theirs - cash(state)) > 1e-3
    assert mismatches(state, account(state, theirs, 40), 0) == ()


@pytest.mark.parametrize("transactions", [1, 100, 1_000_000])
@pytest.mark.parametrize("off", [0.005, 0.01, -0.01, 1.0])
def test_half_a_cent_is_a_mismatch_after_however_many_transactions(
    state: DeskState, off: float, transactions: int
) -> None:
    found = mismatches(state, account(state, CASH + off, transactions), 0)
    assert [one.what for one in found] == ["cash"]


def test_a_broker_that_does_not_round_is_held_to_its_last_bits() -> None:
    assert cash_tolerance(100_000.123456789, 10_000) == pytest.approx(1e-6)
    assert cash_tolerance(1e9 + 0.123456, 10_000) == pytest.approx(1e-3, rel=1e-3)
    assert cash_tolerance(100_000.1235, 10) == pytest.approx(5e-4)


def test_a_cash_that_is_no_number_is_a_mismatch(state: DeskState) -> None:
    assert [one.what for one in mismatches(state, account(state, math.nan, 5), 0)] == ["cash"]
