"""The rules that all indicators keep: full windows, missing values, layouts, constants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.indicators.averages import (
    exponential_average,
    moving_average,
    moving_sum,
)
from agents.indicators.extremes import moving_maximum, moving_minimum
from agents.indicators.gaps import bridge_gaps
from agents.indicators.moments import (
    bollinger_position,
    moving_moments,
    standard_deviation,
    z_score,
)
from agents.indicators.oscillators import (
    macd_histogram,
    relative_strength_index,
    span_taps,
    wilder_taps,
)
from agents.indicators.ranks import percentile_rank
from agents.indicators.returns import log_returns, simple_returns
from agents.indicators.reversion import autoregression
from agents.indicators.volatility import ewma_volatility, realised_volatility
from agents.law import same_bits
from market.bars import Floats
from tests.property.panels import random_walk as prices_of


@pytest.fixture
def prices() -> Floats:
    return prices_of(np.random.default_rng(7), 900, 5)


# Name, function of a panel, rows it needs.
INDICATORS: list[tuple[str, Callable[[Floats], Floats], int]] = [
    ("moving average", lambda x: moving_average(x, 20), 20),
    ("moving sum", lambda x: moving_sum(x, 13), 13),
    ("exponential average", lambda x: exponential_average(x, 0.9, 37), 37),
    ("one tap", lambda x: exponential_average(x, 0.9, 1), 1),
    ("mean", lambda x: moving_moments(x, 33).mean, 33),
    ("standard deviation", lambda x: standard_deviation(x, 20), 20),
    ("z-score", lambda x: z_score(x, 50), 50),
    ("bollinger position", lambda x: bollinger_position(x, 20, 2.0), 20),
    ("maximum", lambda x: moving_maximum(x, 20), 20),
    ("minimum", lambda x: moving_minimum(x, 7), 7),
    ("simple returns", lambda x: simple_returns(x, 3), 4),
    ("log returns", lambda x: log_returns(x, 5), 6),
    ("rsi", lambda x: relative_strength_index(x, 3), wilder_taps(3).taps + 1),
    ("macd", lambda x: macd_histogram(x, 2, 4, 3), span_taps(4).taps + span_taps(3).taps - 1),
    ("ewma volatility", lambda x: ewma_volatility(x, 0.94, 40), 40),
    ("realised volatility", lambda x: realised_volatility(x, 20), 20),
    ("percentile rank", lambda x: percentile_rank(x, 64), 64),
    ("autoregression", lambda x: autoregression(x, 30), 30),
]  # fmt: skip
each_indicator = pytest.mark.parametrize(
    ("indicate", "rows"), [pytest.param(*rest, id=name) for name, *rest in INDICATORS]
)
# A return looks at the two ends of its window only.
each_windowed = pytest.mark.parametrize(
    ("indicate", "rows"),
    [pytest.param(*rest, id=name) for name, *rest in INDICATORS if "returns" not in name],
)


@each_indicator
def test_rows_before_the_window_is_full_are_nan_and_the_others_are_numbers(
    indicate: Callable[[Floats], Floats], rows: int, prices: Floats
) -> None:
    known = np.isfinite(indicate(prices))
    assert known.shape == prices.shape
    assert not known[: rows - 1].any()
    assert known[rows - 1 :].all()


@each_windowed
def test_a_missing_value_silences_the_windows_that_hold_it_and_no_others(
    indicate: Callable[[Floats], Floats], rows: int, prices: Floats
) -> None:
    whole = indicate(prices)
    prices[300, 2] = np.nan
    holed = indicate(prices)
    silent = np.zeros(prices.shape, dtype=bool)
    silent[300 : 300 + rows, 2] = True
    assert np.isnan(holed[silent]).all()
    assert same_bits(holed[~silent], whole[~silent]).all()


@each_indicator
@settings(max_examples=10, deadline=None)
@given(row=st.integers(150, 400), seed=st.integers(0, 1000), columns=st.sampled_from((1, 7, 20)))
def test_a_value_is_a_function_of_its_own_window_to_the_last_bit(
    indicate: Callable[[Floats], Floats], rows: int, row: int, seed: int, columns: int
) -> None:
    prices = prices_of(np.random.default_rng(seed), 401, columns)
    alone = indicate(prices[row + 1 - rows : row + 1])[-1]
    assert same_bits(indicate(prices)[row], alone).all()
    assert same_bits(indicate(prices[:, :1])[row], alone[:1]).all()


@each_indicator
def test_panels_of_every_layout_shape_and_right_to_write_are_taken(
    indicate: Callable[[Floats], Floats], rows: int, prices: Floats
) -> None:
    expected = indicate(prices)
    frozen = prices.copy()
    frozen.flags.writeable = False
    for panel in (np.asfortranarray(prices), np.repeat(prices, 2, axis=1)[:, ::2], frozen):
        assert same_bits(indicate(panel), expected).all()
    assert indicate(prices[: rows - 1]).shape == (rows - 1, 5)
    assert indicate(prices[:0]).shape == (0, 5)


def test_a_constant_series_has_no_deviation_no_strength_and_no_reversion() -> None:
    flat = np.full((600, 3), 1.2345678901234567)
    flat[:, 1] = 0.1
    flat[:, 2] = 149.37
    assert (moving_moments(flat, 54).variance[53:] == 0.0).all()
    assert (exponential_average(flat, 0.94, 113)[112:] == flat[112:]).all()
    assert (macd_histogram(flat)[400:] == 0.0).all()
    for silent in (
        z_score(flat, 50),
        bollinger_position(flat, 20, 2.0),
        relative_strength_index(flat),
        autoregression(flat, 100),
    ):
        assert np.isnan(silent).all()


def test_bridging_fills_short_gaps_from_before_and_leaves_long_ones_open() -> None:
    nan = np.nan
    values = np.array([[nan], [1.0], [nan], [2.0], [nan], [nan], [nan], [3.0]])
    bridged = bridge_gaps(values, 2)[:, 0]
    np.testing.assert_array_equal(bridged, [nan, 1.0, 1.0, 2.0, 2.0, 2.0, nan, 3.0])
    np.testing.assert_array_equal(bridge_gaps(values, 0), values)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), longest=st.integers(1, 6))
def test_bridging_agrees_with_pandas(seed: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(60, 3))
    values[rng.random(values.shape) < 0.5] = np.nan
    np.testing.assert_array_equal(
        bridge_gaps(values, longest), pd.DataFrame(values).ffill(limit=longest)
    )
