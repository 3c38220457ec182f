"""What repeats the book is cut: correlation with what is held, judged by the guardian."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.guardian.codes import Limit
from market.bars import Floats
from tests.books import SYMBOLS, UNRELATED, WIDE, WINDOW, Case, case

QUICK = settings(max_examples=60, deadline=None)
HELD, NEW = SYMBOLS.index("EUR_USD"), SYMBOLS.index("USD_JPY")
SIZE = 1_000_000.0


def correlated(share: float, seed: int) -> Floats:
    """UNRELATED, but for two columns whose correlation is `share` exactly."""
    one, two = np.random.default_rng(seed).standard_normal((2, WINDOW))
    one = (one - one.mean()) / one.std()
    two -= two.mean() + one * (one @ two) / WINDOW
    two /= two.std()
    returns = UNRELATED.copy()
    returns[:, HELD] = 0.01 * one
    returns[:, NEW] = 0.01 * (share * one + math.sqrt(1.0 - share**2) * two)
    return returns


def order(returns: Floats, *, held: float, size: float) -> Case:
    rich = case({"USD_JPY": size}, held={"EUR_USD": held}, equity=10_000_000.0)
    return rich.with_limits(max_position=3.0).with_exposed(returns=returns)


@QUICK
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, -1.0]), st.floats(0.0, 1.0))
def test_an_order_shrinks_with_its_correlation_to_what_is_held_and_vanishes_at_one(
    seed: int, side: float, share: float
) -> None:
    returns = correlated(share, seed)
    kept = min(1.0, (1.0 - share) / (1.0 - WIDE.correlation_threshold))
    verdicts = order(returns, held=side * 1_000.0, size=side * SIZE).verdicts()
    assert abs(verdicts.units[NEW]) == pytest.approx(SIZE * kept, abs=1.0 + 1e-6 * SIZE)
    if share > WIDE.correlation_threshold + 1e-9:
        assert verdicts.limit[NEW] == Limit.CORRELATION
        assert verdicts.allowed[NEW] == WIDE.correlation_threshold
        assert verdicts.measured[NEW] == pytest.approx(share, abs=1e-9)


@QUICK
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_what_offsets_a_position_is_not_cut(seed: int, share: float) -> None:
    verdicts = order(correlated(share, seed), held=1_000.0, size=-SIZE).verdicts()
    assert verdicts.units[NEW] == -SIZE
    assert verdicts.limit[NEW] == Limit.NONE


def test_the_second_of_two_orders_that_repeat_each_other_is_judged_against_the_first() -> None:
    both = case({"EUR_USD": SIZE, "USD_JPY": SIZE}, equity=10_000_000.0)
    both = both.with_limits(max_position=3.0).with_exposed(returns=correlated(1.0, 3))
    verdicts = both.verdicts()
    assert verdicts.units[HELD] == SIZE
    assert verdicts.units[NEW] == 0.0
    assert verdicts.limit[NEW] == Limit.CORRELATION


@pytest.mark.parametrize("fault", ["unknown", "still", "short"])
def test_a_correlation_that_cannot_be_measured_refuses(fault: str) -> None:
    returns = correlated(0.1, 7)
    if fault == "unknown":
        returns[: WINDOW // 2 + 1, NEW] = np.nan
    elif fault == "still":
        returns[:, HELD] = 0.003
    else:
        returns = returns[: WINDOW - 1]
    judged = order(returns, held=1_000.0, size=SIZE).with_exposed(row=len(returns) - 1)
    verdicts = judged.verdicts()
    assert verdicts.units[NEW] == 0.0
    assert verdicts.limit[NEW] == Limit.CORRELATION


def test_with_nothing_else_held_no_correlation_is_asked_for() -> None:
    # A column that stands still has no correlation with anything.
    judged = order(np.zeros((WINDOW, len(SYMBOLS))), held=0.0, size=SIZE)
    assert judged.verdicts().units[NEW] == SIZE
