"""Flattening where the books differ from the broker's: the broker's positions are closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from market.accounts import AccountState, BrokerOrder, Transaction
from market.errors import DataError, OutcomeUnknown, TransientError
from market.legs import Leg
from market.modes import Mode
from market.orders import OrderRequest
from market.orders_answered import OrdersAnswered
from tests.exchanges import SYMBOLS, LocalBench, limit, order
from tests.live_gateways import GatewayDesk, approved, open_gateway

EUR = SYMBOLS.index("EUR_USD")


class HoldsMore:
    """A broker that holds more than its transactions tell of, until it is asked to close it.

    away: whether it answers nothing about the account.
    """

    def __init__(self, broker: Any) -> None:
        self._broker = broker
        self.more = 0.0
        self.away = False
        self.closed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def account(self) -> AccountState:
        if self.away:
            raise TransientError("the broker is away")
        account: AccountState = self._broker.account()
        units = account.units.copy()
        units[EUR] += self.more
        return replace(account, units=units)

    def close(self, symbol: str, client_order_id: str) -> BrokerOrder:
        self.closed.append(symbol)
        self.more = 0.0
        answer: BrokerOrder = self._broker.close(symbol, client_order_id)
        return answer


@contextmanager
def differing_desk(folder: Path) -> Iterator[tuple[GatewayDesk, HoldsMore]]:
    """A flat desk whose broker holds 5,000, which a comparison has found."""
    bench = LocalBench(folder)
    try:
        broker = HoldsMore(bench.broker)
        desk = open_gateway(bench, folder, broker=broker)
        desk.market("EUR_USD", 1.1)
        broker.more = 5_000.0
        assert "EUR_USD" in desk.gateway.compare()
        desk.gateway.change_mode(Mode.FLATTENING, "ann", "flatten")
        yield desk, broker
    finally:
        bench.close()


def test_what_the_broker_holds_beside_the_books_is_closed_after_a_mismatch(tmp_path: Path) -> None:
    with differing_desk(tmp_path) as (desk, broker):
        desk.gateway.flatten()
        assert broker.closed == ["EUR_USD"]


def test_a_desk_in_doubt_is_not_flat_before_the_broker_says_so(tmp_path: Path) -> None:
    with differing_desk(tmp_path) as (desk, broker):
        broker.away = True
        desk.gateway.flatten()
        assert (broker.closed, desk.state.mode) == ([], Mode.FLATTENING)
        broker.away = False
        desk.gateway.flatten()
        assert broker.closed == ["EUR_USD"]


def test_the_next_equal_comparison_ends_the_doubt(tmp_path: Path) -> None:
    with differing_desk(tmp_path) as (desk, broker):
        broker.more = 0.0
        assert desk.gateway.compare() == ""
        broker.away = True  # the books are enough again
        desk.gateway.flatten()
        assert (broker.closed, desk.state.mode) == ([], Mode.HALTED)


class Untold:
    """A broker whose record says nothing while `error` is set, that answers no order while
    `unanswered`, and does not find one while `hidden`. lagging: the account that it tells.
    """

    def __init__(self, broker: Any) -> None:
        self._broker = broker
        self.error: Exception | None = None
        self.lagging: AccountState | None = None
        self.unanswered = self.hidden = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        if self.error is not None:
            raise self.error
        found: tuple[Transaction, ...] = self._broker.transactions(after)
        return found

    def account(self) -> AccountState:
        account: AccountState = self._broker.account()
        return self.lagging or account

    def post_all(self, orders: tuple[OrderRequest, ...]) -> OrdersAnswered:
        placed = self._broker.place_all(orders)
        if self.unanswered:
            return OrdersAnswered(error=OutcomeUnknown("no answer"))
        return OrdersAnswered(placed=placed)

    def find(self, client_order_id: str) -> BrokerOrder | None:
        if self.hidden:
            return None
        found: BrokerOrder | None = self._broker.find(client_order_id)
        return found


@contextmanager
def untold_desk(folder: Path) -> Iterator[tuple[GatewayDesk, Untold]]:
    bench = LocalBench(folder)
    try:
        broker = Untold(bench.broker)
        desk = open_gateway(bench, folder, broker=broker)
        desk.market("EUR_USD", 1.1)
        yield desk, broker
    finally:
        bench.close()


def flattened(desk: GatewayDesk, steps: int) -> None:
    """So many steps of closing everything, and prices between them that nobody hears of."""
    desk.gateway.change_mode(Mode.FLATTENING, "ann", "close everything")
    for number in range(steps):
        if desk.state.mode is Mode.FLATTENING:
            desk.gateway.flatten()
        desk.bench.market("EUR_USD", 1.1 + number / 1_000.0, 0.0)


@pytest.mark.parametrize("error", [DataError("no rate"), TransientError("503")], ids=repr)
def test_a_position_of_which_no_transaction_tells_is_closed_all_the_same(
    tmp_path: Path, error: Exception
) -> None:
    with untold_desk(tmp_path) as (desk, broker):
        broker.error = error
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.bench.market("EUR_USD", 1.11, 0.0)
        assert (broker.account().units[EUR], desk.state.ledger.units[EUR]) == (1_000.0, 0.0)
        flattened(desk, 8)
        assert broker.account().units[EUR] == 0.0
        assert (desk.state.mode, list(desk.state.orders)) == (Mode.HALTED, [])


def test_one_question_in_vain_and_the_desk_is_flat_on_the_brokers_word_alone(
    tmp_path: Path,
) -> None:
    with untold_desk(tmp_path) as (desk, broker):
        desk.bench.broker.place(order("of-somebody-else", 5_000.0))
        desk.bench.market("EUR_USD", 1.11, 0.0)
        broker.error = TransientError("503")
        flattened(desk, 1)
        assert desk.state.mode is Mode.FLATTENING
        assert broker.account().units[EUR] == 0.0, "closed, as the broker told of it"
        flattened(desk, 1)
        assert desk.state.mode is Mode.HALTED


def test_an_account_from_before_what_is_booked_says_nothing_of_what_is_held(tmp_path: Path) -> None:
    with untold_desk(tmp_path) as (desk, broker):
        flat = broker.account()
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.11)
        assert desk.state.ledger.units[EUR] == 1_000.0
        broker.lagging, broker.error = flat, TransientError("503")
        flattened(desk, 1)
        assert desk.state.mode is Mode.FLATTENING
        assert broker.working() == (), "the close has filled"
        assert broker._broker.account().units[EUR] == 0.0, "as the books said"


class Partly:
    """A broker whose record ends before what cannot be read, and says so where that is first."""

    def __init__(self, broker: Any, unreadable: int) -> None:
        self._broker = broker
        self._unreadable = unreadable

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        found = [one for one in self._broker.transactions(after) if one.id < self._unreadable]
        if not found and after + 1 == self._unreadable:
            raise DataError(f"transaction {self._unreadable} cannot be read")
        return tuple(found)


def test_what_is_before_a_transaction_that_cannot_be_read_is_booked_and_then_halts_the_desk(
    tmp_path: Path,
) -> None:
    bench = LocalBench(tmp_path)
    desk = open_gateway(bench, tmp_path, broker=Partly(bench.broker, 4))
    desk.market("EUR_USD", 1.1)
    desk.execute(approved("EUR_USD", 1_000.0))
    bench.market("EUR_USD", 1.11, 0.0)  # accepted and filled: 2 and 3
    bench.broker.place(order("of-somebody-else", 5_000.0))
    desk.gateway.catch_up()
    assert (desk.state.last_transaction, desk.state.ledger.units[EUR]) == (3, 1_000.0)
    assert (desk.state.mode, desk.state.mode_reason) == (
        Mode.HALTED, "transaction 4 cannot be read",
    )  # fmt: skip
    bench.close()


def test_a_transaction_that_cannot_be_read_halts_the_desk_at_once(tmp_path: Path) -> None:
    with untold_desk(tmp_path) as (desk, broker):
        broker.error = DataError("transaction 7 cannot be read")
        desk.gateway.catch_up()
        assert (desk.state.mode, desk.state.mode_reason) == (Mode.HALTED, str(broker.error))


def test_unrecorded_an_order_that_was_not_answered_is_asked_for_until_it_is_shown(
    tmp_path: Path,
) -> None:
    with untold_desk(tmp_path) as (desk, broker):
        broker.unanswered = broker.hidden = True
        waits = Leg(symbol="EUR_USD", name="e", units=1_000.0, entry=limit(1.05))
        desk.execute(approved("EUR_USD", 1_000.0), legs=(waits,))
        desk.gateway.dispatch.hear()
        assert desk.gateway.cancel_unrecorded(), "it may work"
        broker.hidden = False
        assert desk.gateway.cancel_unrecorded()
        assert broker.working() == ()
        assert not desk.gateway.cancel_unrecorded()
