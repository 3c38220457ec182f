"""The desk's own books: kept from the fills alone, and compared with the broker's to the bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from coordinator.ledger import DeskLedger
from market.errors import LedgerMismatch
from market.messages import Settlement
from market.orders import Fill

SYMBOLS = ("EUR_USD", "USD_JPY")


def fill(symbol: str = "EUR_USD", units: float = 1_000.0, price: float = 1.1) -> Fill:
    return Fill(
        client_order_id="a",
        sequence=0,
        time=0,
        symbol=symbol,
        units=units,
        price=price,
        mid=price,
        rate=1.0,
        reason="DECISION",
        realised=0.0,
        spread_cost=0.0,
        slippage_cost=0.0,
        slippage_bps=0.0,
    )


def settlement(*fills: Fill, **changed: Any) -> Settlement:
    nothing = np.zeros(2)
    made = Settlement(
        sequence=7,
        fills=fills,
        cancellations=(),
        units=nothing,
        working=nothing,
        stop_price=nothing,
        mid=nothing,
        spread=nothing,
        rate=nothing,
        age=nothing,
        filled=nothing,
        financing=nothing,
        cash=100.0,
        equity=0.0,
        margin_used=0.0,
    )
    return replace(made, **changed)


def books() -> DeskLedger:
    return DeskLedger(SYMBOLS, 100.0)


def test_fills_and_financing_are_booked_and_agree() -> None:
    kept = books()
    kept.book(settlement(fill(), units=np.array([1_000.0, 0.0])))
    kept.book(
        settlement(
            fill(units=-400.0, price=1.2),
            units=np.array([600.0, 0.0]),
            financing=np.array([-0.5, 0.25]),
            cash=100.0 - 0.5 + 0.25 + 400.0 * (1.2 - 1.1),
        )
    )
    np.testing.assert_array_equal(kept.units, [600.0, 0.0])


@pytest.mark.parametrize(
    ("reported", "said"),
    [
        (settlement(fill()), r"bar 7: the desk holds 1000.0 EUR_USD, the broker 0.0"),
        (settlement(units=np.array([0.0, 5.0])), r"the desk holds 0.0 USD_JPY, the broker 5.0"),
        (
            settlement(fill(units=1234567.0), units=np.array([1234568.0, 0.0])),
            "1234567.0 EUR_USD, the broker 1234568.0",
        ),
        (
            settlement(fill(), units=np.array([np.nan, 0.0])),
            r"the desk holds 1000.0 EUR_USD, the broker nan",
        ),
        (settlement(cash=100.00000000000001), r"cash is 100.0, the broker's 100.00000000000001"),
        (settlement(cash=float("nan")), r"cash is 100.0, the broker's nan"),
        (settlement(financing=np.array([1.0, 0.0])), r"cash is 101.0, the broker's 100.0"),
        (settlement(fill("XAU_USD")), r"the broker filled 1000.0 XAU_USD, which this desk does"),
    ],
)
def test_any_difference_stops_the_desk_and_is_named_in_full(
    reported: Settlement, said: str
) -> None:
    with pytest.raises(LedgerMismatch, match=said):
        books().book(reported)


def test_a_fill_that_was_reported_twice_is_noticed() -> None:
    kept = books()
    with pytest.raises(LedgerMismatch, match=r"the desk holds 2000.0 EUR_USD, the broker 1000.0"):
        kept.book(settlement(fill(), fill(), units=np.array([1_000.0, 0.0])))
