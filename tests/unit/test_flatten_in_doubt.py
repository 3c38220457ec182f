"""Flattening where the books differ from the broker's: the broker's positions are closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from market.accounts import AccountState, BrokerOrder, Transaction
from market.errors import DataError, OutcomeUnknown, TransientError
from market.legs import Leg
from market.modes import Mode
from market.orders import OrderRequest
from market.orders_answered import OrdersAnswered
from tests.exchanges import SYMBOLS, LocalBench, limit, order
from tests.live_gateways import GatewayDesk, approved, close_everything, open_gateway

EUR = SYMBOLS.index("EUR_USD")


class Over:
    """A broker that is as the one below it, but for what its kind changes."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


Kind = TypeVar("Kind", bound=Over)


@contextmanager
def desk_over(folder: Path, kind: type[Kind]) -> Iterator[tuple[GatewayDesk, Kind]]:
    """A desk at a broker of a kind, which knows a price."""
    bench = LocalBench(folder)
    try:
        broker = kind(bench.broker)
        desk = open_gateway(bench, folder, broker=broker)
        desk.market("EUR_USD", 1.1)
        yield desk, broker
    finally:
        bench.close()


class HoldsMore(Over):
    """Holds more than its transactions tell of, until it is asked to close it.

    away: whether it answers nothing about the account.
    """

    def __init__(self, broker: Any) -> None:
        super().__init__(broker)
        self.more = 0.0
        self.away = False
        self.closed: list[str] = []

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
    with desk_over(folder, HoldsMore) as (desk, broker):
        broker.more = 5_000.0
        assert "EUR_USD" in desk.gateway.compare()
        desk.gateway.change_mode(Mode.FLATTENING, "ann", "flatten")
        yield desk, broker


def test_what_the_broker_holds_beside_the_books_is_closed_after_a_mismatch(tmp_path: Path) -> None:
    with differing_desk(tmp_path) as (desk, broker):
        close_everything(desk.gateway)
        assert broker.closed == ["EUR_USD"]


def test_a_desk_in_doubt_is_not_flat_before_the_broker_says_so(tmp_path: Path) -> None:
    with differing_desk(tmp_path) as (desk, broker):
        broker.away = True
        close_everything(desk.gateway)
        assert (broker.closed, desk.state.mode) == ([], Mode.FLATTENING)
        broker.away = False
        close_everything(desk.gateway)
        assert broker.closed == ["EUR_USD"]


def test_the_next_equal_comparison_ends_the_doubt(tmp_path: Path) -> None:
    with differing_desk(tmp_path) as (desk, broker):
        broker.more = 0.0
        assert desk.gateway.compare() == ""
        broker.away = True  # the books are enough again
        close_everything(desk.gateway)
        assert (broker.closed, desk.state.mode) == ([], Mode.HALTED)


class Untold(Over):
    """Its record says nothing while `error` is set; it answers no order while `unanswered`, and
    does not find one while `hidden`. lagging: the account that it tells.
    """

    def __init__(self, broker: Any) -> None:
        super().__init__(broker)
        self.error: Exception | None = None
        self.lagging: AccountState | None = None
        self.unanswered = self.hidden = False

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


def flattened(desk: GatewayDesk, steps: int) -> None:
    """So many steps of closing everything, and prices between them that nobody hears of."""
    desk.gateway.change_mode(Mode.FLATTENING, "ann", "close everything")
    for number in range(steps):
        if desk.state.mode is Mode.FLATTENING:
            close_everything(desk.gateway)
        desk.bench.market("EUR_USD", 1.1 + number / 1_000.0, 0.0)


@pytest.mark.parametrize("error", [DataError("no rate"), TransientError("503")], ids=repr)
def test_a_position_of_which_no_transaction_tells_is_closed_all_the_same(
    tmp_path: Path, error: Exception
) -> None:
    with desk_over(tmp_path, Untold) as (desk, broker):
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
    with desk_over(tmp_path, Untold) as (desk, broker):
        desk.bench.broker.place(order("of-somebody-else", 5_000.0))
        desk.bench.market("EUR_USD", 1.11, 0.0)
        broker.error = TransientError("503")
        flattened(desk, 1)
        assert desk.state.mode is Mode.FLATTENING
        assert broker.account().units[EUR] == 0.0, "closed, as the broker told of it"
        flattened(desk, 1)
        assert desk.state.mode is Mode.HALTED


def test_an_account_from_before_what_is_booked_says_nothing_of_what_is_held(tmp_path: Path) -> None:
    with desk_over(tmp_path, Untold) as (desk, broker):
        flat = broker.account()
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.11)
        assert desk.state.ledger.units[EUR] == 1_000.0
        broker.lagging, broker.error = flat, TransientError("503")
        flattened(desk, 1)
        assert desk.state.mode is Mode.FLATTENING
        assert broker.working() == (), "the close has filled"
        assert broker._broker.account().units[EUR] == 0.0, "as the books said"


class Partly(Over):
    """Its record ends before transaction 4, which cannot be read, and says so where it is first."""

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        if after == 3:
            raise DataError("transaction 4 cannot be read")
        return tuple(one for one in self._broker.transactions(after) if one.id < 4)


def test_what_is_before_a_transaction_that_cannot_be_read_is_booked_and_then_halts_the_desk(
    tmp_path: Path,
) -> None:
    with desk_over(tmp_path, Partly) as (desk, _):
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.bench.market("EUR_USD", 1.11, 0.0)  # accepted and filled: 2 and 3
        desk.bench.broker.place(order("of-somebody-else", 5_000.0))
        desk.gateway.catch_up()
        assert (desk.state.last_transaction, desk.state.ledger.units[EUR]) == (3, 1_000.0)
        assert (desk.state.mode, desk.state.mode_reason) == (
            Mode.HALTED, "transaction 4 cannot be read",
        )  # fmt: skip


def test_a_transaction_that_cannot_be_read_halts_the_desk_that_asks_for_it(tmp_path: Path) -> None:
    with desk_over(tmp_path, Untold) as (desk, broker):
        broker.error = DataError("transaction 7 cannot be read")
        desk.gateway.catch_up()
        assert (desk.state.mode, desk.state.mode_reason) == (Mode.HALTED, str(broker.error))


def test_unrecorded_an_order_that_was_not_answered_is_asked_for_until_it_is_shown(
    tmp_path: Path,
) -> None:
    with desk_over(tmp_path, Untold) as (desk, broker):
        broker.unanswered = broker.hidden = True
        waits = Leg(symbol="EUR_USD", name="e", units=1_000.0, entry=limit(1.05))
        desk.execute(approved("EUR_USD", 1_000.0), legs=(waits,))
        desk.gateway.dispatch.hear()
        assert desk.gateway.cancel_unrecorded(), "it may work"
        broker.hidden = False
        assert desk.gateway.cancel_unrecorded()
        assert broker.working() == ()
        assert not desk.gateway.cancel_unrecorded()
