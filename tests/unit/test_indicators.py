"""Indicators against TA-Lib, pandas, scipy and plain loops, and the rules that all of them keep."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from agents.indicators import random_walk
from agents.indicators.averages import (
    exponential_average,
    fading_taps,
    moving_average,
    moving_sum,
    span_decay,
)
from agents.indicators.correlation import correlation
from agents.indicators.elementary import confidence, fill_logarithm, squash
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
from agents.indicators.reversion import autoregression, half_life
from agents.indicators.volatility import ewma_volatility, realised_volatility
from agents.law import same_bits
from market.bars import Floats
from tests.property.panels import random_walk as prices_of

WINDOWS = (2, 3, 14, 20, 50, 64, 100)


@pytest.fixture
def prices() -> Floats:
    return prices_of(np.random.default_rng(7), 900, 5)


def rolling(values: Floats, window: int) -> Any:
    return pd.DataFrame(values).rolling(window)


def by_column(function: Callable[[Floats], Floats], values: Floats) -> Floats:
    return np.column_stack([function(values[:, c].copy()) for c in range(values.shape[1])])


def logarithm(values: Floats) -> Floats:
    out = np.empty(values.size)
    fill_logarithm(values, out)
    return out


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


@pytest.mark.parametrize("window", WINDOWS)
def test_averages_deviations_and_extremes_agree_with_talib(window: int, prices: Floats) -> None:
    for ours, theirs in (
        (moving_average(prices, window), lambda x: talib.SMA(x, window)),
        (moving_maximum(prices, window), lambda x: talib.MAX(x, window)),
        (moving_minimum(prices, window), lambda x: talib.MIN(x, window)),
        (moving_sum(prices, window), lambda x: talib.SUM(x, window)),
    ):
        np.testing.assert_allclose(ours, by_column(theirs, prices), rtol=1e-9)
    unit = prices / prices[0]
    expected = by_column(lambda x: talib.STDDEV(x, window), unit)
    np.testing.assert_allclose(standard_deviation(unit, window), expected, atol=1e-7)
    exact = rolling(unit, window).apply(lambda x: x.std(ddof=0), raw=True)
    np.testing.assert_allclose(standard_deviation(unit, window), exact, rtol=1e-9)


def test_extremes_are_exact(prices: Floats) -> None:
    assert same_bits(moving_maximum(prices, 20), rolling(prices, 20).max().to_numpy()).all()
    assert same_bits(moving_minimum(prices, 20), rolling(prices, 20).min().to_numpy()).all()


def test_the_rsi_agrees_with_talib_once_its_start_has_faded(prices: Floats) -> None:
    expected = by_column(lambda x: talib.RSI(x, 14), prices)
    ours = relative_strength_index(prices)
    assert wilder_taps(14).taps <= 400
    np.testing.assert_allclose(ours[400:], expected[400:], atol=1e-9)


def test_the_macd_histogram_agrees_with_talib_once_its_start_has_faded(prices: Floats) -> None:
    expected = by_column(lambda x: talib.MACD(x, 12, 26, 9)[2], prices)
    ours = macd_histogram(prices)
    np.testing.assert_allclose(ours[400:] / prices[400:], expected[400:] / prices[400:], atol=1e-9)


def test_the_bollinger_position_agrees_with_talib(prices: Floats) -> None:
    def expected(x: Floats) -> Floats:
        upper, middle, _ = talib.BBANDS(x, 20, 2.0, 2.0)
        return np.asarray((x - middle) / (upper - middle))

    ours = bollinger_position(prices, 20, 2.0)
    np.testing.assert_allclose(ours, by_column(expected, prices), atol=1e-6)
    mean, deviation = rolling(prices, 20).mean(), rolling(prices, 20).std(ddof=0)
    np.testing.assert_allclose(ours, (prices - mean) / (2.0 * deviation), atol=1e-7)


def test_moments_z_score_and_bollinger_position_agree_with_numpy(prices: Floats) -> None:
    for row in (49, 50, 333, 899):
        window = prices[row - 49 : row + 1]
        moments = moving_moments(prices, 50)
        np.testing.assert_allclose(moments.mean[row], window.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(moments.variance[row], window.var(axis=0), rtol=1e-9)
        z = (window[-1] - window.mean(axis=0)) / window.std(axis=0)
        np.testing.assert_allclose(z_score(prices, 50)[row], z, rtol=1e-9)
        np.testing.assert_allclose(bollinger_position(prices, 50, 2.5)[row], z / 2.5, rtol=1e-9)


def test_the_variance_of_small_moves_on_a_large_level_keeps_its_digits() -> None:
    moves = np.random.default_rng(1).normal(size=(200, 1))
    level = 2.0**20 + np.round(moves * 2**10) / 2**20
    exact = rolling(level - 2.0**20, 50).apply(lambda x: x.var(), raw=True)
    np.testing.assert_allclose(moving_moments(level, 50).variance, exact, rtol=1e-6)


def test_the_exponential_average_agrees_with_explicit_weights_and_with_pandas(
    prices: Floats,
) -> None:
    for decay, taps in ((0.9, 7), (0.5, 64), (0.99, 150), (1.0, 33)):
        weights = decay ** np.arange(taps - 1, -1, -1)
        expected = rolling(prices, taps).apply(
            lambda x, weights=weights: (x * weights).sum() / weights.sum(), raw=True
        )
        np.testing.assert_allclose(exponential_average(prices, decay, taps), expected, rtol=1e-11)
    faded = exponential_average(prices, span_decay(20), fading_taps(span_decay(20), 1e-11))
    infinite = pd.DataFrame(prices).ewm(span=20, adjust=False).mean()
    np.testing.assert_allclose(faded[400:], infinite[400:], rtol=1e-9)


def test_volatilities_agree_with_pandas(prices: Floats) -> None:
    returns = log_returns(prices, 1)
    squares = pd.DataFrame(returns[1:] ** 2)
    taps = fading_taps(0.94, 1e-11)
    ewma = np.sqrt(squares.ewm(alpha=0.06, adjust=True).mean())
    np.testing.assert_allclose(ewma_volatility(returns, 0.94, taps)[600:], ewma[599:], rtol=1e-9)
    realised = np.sqrt(squares.rolling(20).mean())
    np.testing.assert_allclose(realised_volatility(returns, 20)[1:], realised, rtol=1e-9)


def test_returns_agree_with_numpy(prices: Floats) -> None:
    np.testing.assert_allclose(
        log_returns(prices, 20)[20:], np.log(prices[20:] / prices[:-20]), atol=1e-13
    )
    expected = pd.DataFrame(prices).pct_change(20)
    np.testing.assert_allclose(simple_returns(prices, 20), expected, atol=1e-13)
    assert np.isnan(log_returns(np.array([[1.0], [0.0], [-1.0], [2.0]]), 1)).all()
    prices[300, 2] = np.nan
    missing = np.argwhere(np.isnan(log_returns(prices, 5)[5:]))
    np.testing.assert_array_equal(missing, [[295, 2], [300, 2]])


def test_the_percentile_rank_agrees_with_pandas_and_ties_do_not_count(prices: Floats) -> None:
    rounded = np.round(prices / prices[0], 2)
    for window in (2, 31, 64):
        rank = rolling(rounded, window).rank(method="min")
        np.testing.assert_allclose(
            percentile_rank(rounded, window), (rank - 1.0) / (window - 1.0), atol=1e-12
        )
    assert (percentile_rank(np.ones((40, 2)), 10)[9:] == 0.0).all()
    assert percentile_rank(np.arange(10.0).reshape(-1, 1), 10)[-1, 0] == 1.0


def test_the_autoregression_agrees_with_least_squares(prices: Floats) -> None:
    logs = np.log(prices)
    slopes = autoregression(logs, 100)
    for row in (99, 100, 500, 899):
        for column in range(5):
            window = logs[row - 99 : row + 1, column]
            expected = stats.linregress(window[:-1], window[1:]).slope
            assert slopes[row, column] == pytest.approx(expected, rel=1e-9)


def test_the_half_life_is_that_of_the_decay() -> None:
    slopes = np.array([[0.5, 0.25, 2.0**-0.1, 1.0, 1.3, 0.0, -0.4, np.nan]])
    bars = half_life(slopes)
    np.testing.assert_allclose(bars[0, :3], [1.0, 0.5, 10.0], rtol=1e-12)
    assert np.isnan(bars[0, 3:5]).all()
    assert (bars[0, 5:7] == 0.0).all()
    assert np.isnan(bars[0, 7])


def test_the_half_life_of_a_simulated_process_is_found() -> None:
    rng = np.random.default_rng(3)
    level = np.zeros((20_000, 1))
    for t in range(1, len(level)):
        level[t] = 0.5 ** (1 / 12) * level[t - 1] + rng.normal()
    assert half_life(autoregression(level, 20_000))[-1, 0] == pytest.approx(12.0, rel=0.1)


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


def test_the_logarithm_is_within_two_units_in_the_last_place() -> None:
    rng = np.random.default_rng(5)
    for values in (
        np.exp(rng.uniform(-700.0, 700.0, 20_000)),
        1.0 + rng.uniform(-1e-6, 1e-6, 20_000),
        rng.uniform(0.5, 2.0, 20_000),
    ):
        exact = np.log(values.astype(np.longdouble))
        distance = np.abs(logarithm(values) - exact) / np.spacing(np.abs(exact.astype(float)))
        assert distance.max() <= 2.0
    assert logarithm(np.array([1.0]))[0] == 0.0
    refused = np.array([0.0, -0.0, -1.0, np.nan, np.inf, -np.inf, 5e-324])
    assert np.isnan(logarithm(refused)).all()


@given(st.floats(-50.0, 50.0))
def test_the_squashing_function_is_odd_bounded_and_near_tanh(value: float) -> None:
    assert squash(-value) == -squash(value)
    assert abs(squash(value)) <= 1.0
    assert squash(value) == pytest.approx(math.tanh(value), abs=0.024)
    assert squash(value) <= squash(np.nextafter(value, 100.0)) + 1e-15


def test_confidence_is_how_often_a_normal_variable_comes_out_smaller() -> None:
    for deviations in np.linspace(-5.0, 5.0, 201):
        expected = 2.0 * stats.norm.cdf(deviations) - 1.0
        assert confidence(deviations) == pytest.approx(expected, abs=0.013)
    assert math.isnan(confidence(math.nan))


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


def test_correlation_agrees_with_pandas_on_the_complete_pairs() -> None:
    rng = np.random.default_rng(8)
    returns = 1e-3 * rng.normal(size=(120, 3))
    returns[:, 2] += 0.7 * returns[:, 0]
    returns[rng.random(returns.shape) < 0.2] = np.nan
    frame = pd.DataFrame(returns)
    expected = frame[0].rolling(60, min_periods=30).corr(frame[2])
    for row in range(59, 120):
        assert correlation(returns, row, 0, 2, 60) == pytest.approx(expected[row], abs=1e-9)


def test_correlation_is_unknown_with_less_than_half_of_the_window_or_without_movement() -> None:
    returns = np.random.default_rng(2).normal(size=(40, 3))
    returns[:, 2] = 0.1
    assert math.isnan(correlation(returns, 18, 0, 1, 20))
    assert math.isfinite(correlation(returns, 19, 0, 1, 20))
    assert correlation(returns, 39, 1, 1, 20) == 1.0
    assert math.isnan(correlation(returns, 39, 0, 2, 20))
    returns[25:36, 0] = np.nan
    assert math.isnan(correlation(returns, 39, 0, 1, 20))
    assert math.isfinite(correlation(returns, 39, 0, 1, 22))


def test_independent_walks_are_uncorrelated_on_returns() -> None:
    rng = np.random.default_rng(4)
    found = [correlation(rng.normal(size=(250, 2)), 249, 0, 1, 250) for _ in range(40)]
    assert abs(np.mean(found)) < 0.05


def test_responses_give_the_deviations_of_a_simulated_random_walk() -> None:
    returns = np.random.default_rng(6).normal(size=(150_000, 2))
    walk = returns.cumsum(axis=0)
    spread = random_walk.difference(
        random_walk.average_response(20, 100), random_walk.average_response(50, 100)
    )
    simulated = moving_average(walk, 20) - moving_average(walk, 50)
    assert random_walk.norm(spread) == pytest.approx(np.nanstd(simulated), rel=0.05)
    fast, slow, signal = (span_decay(span) for span in (12, 26, 9))
    line = random_walk.difference(
        random_walk.exponential_response(fast, 400), random_walk.exponential_response(slow, 400)
    )
    histogram = random_walk.difference(line, random_walk.smoothed(line, signal))
    assert random_walk.norm(histogram) == pytest.approx(np.nanstd(macd_histogram(walk)), rel=0.05)
    strength = random_walk.norm(random_walk.net_strength_response(13.0 / 14.0, 400))
    assert 50.0 * strength == pytest.approx(np.nanstd(relative_strength_index(walk)), rel=0.05)
    assert random_walk.norm(random_walk.return_response(50, 100)) == pytest.approx(math.sqrt(50))
    mean = random_walk.mean([[1.0, 3.0], [3.0, 5.0]])
    assert mean == [2.0, 4.0]
    assert random_walk.norm(random_walk.unit(mean)) == pytest.approx(1.0)
