"""What tests do with an exchange in their own process, and ask of it."""

from __future__ import annotations

from typing import Any

from market.accounts import OrderState
from market.orders import Fill
from tests.exchanges import LocalBench, order


def held(bench: LocalBench, units: float, **settings: Any) -> None:
    """A position that the market order `held` opened at 1.10."""
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("held", units, **settings))
    bench.market("EUR_USD", 1.10)


def fills(bench: LocalBench) -> list[Fill]:
    """Everything that was filled, in order."""
    return [t.fill for t in bench.exchange.transactions(0) if t.fill is not None]


def kinds(bench: LocalBench, name: str) -> list[str]:
    """What happened under an order's id."""
    return [t.kind.value for t in bench.exchange.transactions(0) if t.client_order_id == name]


def end_of(bench: LocalBench, name: str) -> tuple[OrderState, str]:
    """How an order stands, and why it ended."""
    found = bench.exchange.find(name)
    assert found is not None
    return found.state, found.reason
