"""Annualised measures against empyrical, whose definitions they follow."""

from __future__ import annotations

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.results.annual import (
    annual_return,
    annual_volatility,
    sharpe_ratio,
    sortino_ratio,
)

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(2, 400), st.sampled_from([12.0, 252.0, 6_240.0, 256.1]))
def test_they_are_those_of_empyrical(seed: int, bars: int, year: float) -> None:
    returns = np.random.default_rng(seed).normal(2e-5, 0.01, bars)
    returns[0] = -0.003  # one loss, or the Sortino ratio has no denominator
    for ours, theirs in (
        (annual_return, empyrical.annual_return),
        (annual_volatility, empyrical.annual_volatility),
        (sharpe_ratio, empyrical.sharpe_ratio),
        (sortino_ratio, empyrical.sortino_ratio),
    ):
        assert ours(returns, year) == pytest.approx(theirs(returns, annualization=year), rel=1e-9)


def test_returns_that_never_change_have_no_sharpe_ratio() -> None:
    assert np.isnan(sharpe_ratio(np.full(5, 0.01), 252.0))
    assert annual_volatility(np.full(5, 0.0), 252.0) == 0.0


def test_returns_without_a_loss_have_no_finite_sortino_ratio() -> None:
    assert not np.isfinite(sortino_ratio(np.array([0.0, 0.01]), 252.0))
