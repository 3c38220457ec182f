"""Flattening where the books differ from the broker's: the broker's positions are closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from market.accounts import AccountState, BrokerOrder
from market.errors import TransientError
from market.modes import Mode
from tests.exchanges import SYMBOLS, LocalBench
from tests.live_gateways import GatewayDesk, open_gateway

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
