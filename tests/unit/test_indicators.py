"""Indicators against TA-Lib, pandas, scipy and plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
from scipy import stats

from agents.indicators.averages import (
    exponential_average,
    fading_taps,
    moving_average,
    moving_sum,
    span_decay,
)
from agents.indicators.correlation import correlation
from agents.indicators.extremes import moving_maximum, moving_minimum
from agents.indicators.moments import (
    bollinger_position,
    moving_moments,
    standard_deviation,
    z_score,
)
from agents.indicators.oscillators import (
    macd_histogram,
    relative_strength_index,
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


@pytest.mark.parametrize("kind", ["far apart", "negative", "rounded", "tiny", "infinite", "still"])
def test_the_percentile_rank_is_a_plain_count_whatever_the_values(kind: str) -> None:
    values = np.random.default_rng(13).normal(size=(1500, 2))
    if kind == "far apart":  # too close, all but one, to be told apart by 16 bits
        values[700, 0] = 1e9
    elif kind == "negative":
        values -= 5.0
    elif kind == "rounded":
        values = np.round(values, 1)
    elif kind == "tiny":
        values *= 1e-310
    elif kind == "infinite":
        values[900] = [np.inf, -np.inf]
    else:
        values[400:900] = 0.25
    windows = np.lib.stride_tricks.sliding_window_view(values, 64, axis=0)
    counted = (windows < windows[..., -1:]).sum(axis=-1) / 63.0
    np.testing.assert_allclose(percentile_rank(values, 64)[63:], counted, rtol=1e-15)


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


@pytest.mark.parametrize("window", [20, 21])
def test_correlation_of_complete_rows_is_numpys(window: int) -> None:
    returns = 1e-3 * np.random.default_rng(9).normal(size=(40, 2)) + 2e-4
    expected = np.corrcoef(returns[40 - window :].T)[0, 1]
    assert correlation(returns, 39, 0, 1, window) == pytest.approx(expected, abs=1e-13)


def test_independent_walks_are_uncorrelated_on_returns() -> None:
    rng = np.random.default_rng(4)
    found = [correlation(rng.normal(size=(250, 2)), 249, 0, 1, 250) for _ in range(40)]
    assert abs(np.mean(found)) < 0.05
