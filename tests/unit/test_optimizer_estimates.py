"""μ and Σ from a window of returns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from agents.optimizer.estimates import estimate
from market.bars import Floats
from market.errors import DataError


def window(seed: int = 0, rows: int = 250, columns: int = 6, drift: float = 0.0) -> Floats:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(columns, columns))
    returns: Floats = drift + 0.004 * rng.normal(size=(rows, columns)) @ mixing
    return returns


@pytest.mark.parametrize(("rows", "columns"), [(250, 6), (250, 1), (60, 40), (80, 120)])
def test_without_gaps_the_covariance_is_that_of_scikit_learn(rows: int, columns: int) -> None:
    returns = window(rows=rows, columns=columns)
    oracle = LedoitWolf().fit(returns)
    found = estimate(returns)
    np.testing.assert_allclose(found.covariance, oracle.covariance_, rtol=1e-10, atol=1e-18)
    assert found.covariance_shrinkage == pytest.approx(oracle.shrinkage_, rel=1e-9)


def test_fewer_observations_than_assets_are_shrunk_and_said() -> None:
    found = estimate(window(rows=80, columns=120))
    assert any("80 observations of 120 instruments" in warning for warning in found.warnings)
    assert np.linalg.eigvalsh(found.covariance).min() > 0.0


def test_one_mean_within_its_standard_error_is_shrunk_to_nothing() -> None:
    noise = np.array([0.01, -0.01] * 50) + 0.0005
    found = estimate(noise[:, None])
    assert found.expected_returns.tolist() == [0.0]
    assert found.mean_shrinkage == 1.0


def test_one_mean_is_shrunk_by_the_inverse_square_of_its_t_statistic() -> None:
    returns = np.array([0.01, -0.01] * 50) + 0.005
    t_statistic = returns.mean() / (returns.std() / math.sqrt(100))
    found = estimate(returns[:, None])
    assert found.mean_shrinkage == pytest.approx(1.0 / t_statistic**2)
    assert found.expected_returns[0] == pytest.approx((1 - 1 / t_statistic**2) * 0.005)


def test_several_means_are_shrunk_by_their_joint_strength() -> None:
    returns = window(drift=0.002)
    found = estimate(returns)
    means = returns.mean(axis=0)
    strength = 250 * means @ np.linalg.solve(found.covariance, means)
    assert 0.0 < found.mean_shrinkage < 1.0
    assert found.mean_shrinkage == pytest.approx(6 / strength)
    np.testing.assert_allclose(found.expected_returns, (1 - 6 / strength) * means)


def test_gaps_are_left_out_pair_by_pair() -> None:
    returns = window(columns=2)
    returns[:100, 0] = np.nan
    found = estimate(returns)
    both = returns[100:]
    centred = both - np.nanmean(returns, axis=0)
    sample = np.array(
        [
            [np.nanvar(returns[:, 0]), (centred[:, 0] * centred[:, 1]).mean()],
            [(centred[:, 0] * centred[:, 1]).mean(), np.nanvar(returns[:, 1])],
        ]
    )
    shrinkage = found.covariance_shrinkage
    expected = (1 - shrinkage) * sample + shrinkage * np.trace(sample) / 2 * np.eye(2)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-10)


def test_an_instrument_with_too_few_returns_is_left_out_and_named() -> None:
    returns = window()
    returns[: 250 - 20, 2] = np.nan
    found = estimate(returns)
    assert found.included.tolist() == [True, True, False, True, True, True]
    assert found.covariance.shape == (5, 5)
    assert found.warnings == ("column 2 left out: 20 returns, 60 needed",)


def test_an_instrument_that_never_moved_is_left_out_and_named() -> None:
    returns = window()
    returns[:, 4] = 0.0
    found = estimate(returns)
    assert not found.included[4]
    assert "column 4 left out: its returns never vary" in found.warnings


def test_estimates_are_laid_out_on_all_instruments_again() -> None:
    returns = window(columns=3)
    returns[:, 1] = 0.0
    found = estimate(returns)
    assert found.on_all(np.array([0.25, 0.75]), otherwise=1.0).tolist() == [0.25, 1.0, 0.75]


def test_a_window_without_any_usable_instrument_is_refused_with_reasons() -> None:
    with pytest.raises(DataError, match="no instrument has 60 returns that vary: column 0"):
        estimate(np.zeros((250, 2)))
    with pytest.raises(DataError, match="10 returns, 60 needed"):
        estimate(window(rows=10))


def test_an_infinite_return_is_refused_with_its_place() -> None:
    returns = window()
    returns[7, 3] = math.inf
    with pytest.raises(DataError, match="row 7 of column 3"):
        estimate(returns)


def test_a_window_that_is_no_table_is_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(times, instruments\)"):
        estimate(np.zeros(5))
