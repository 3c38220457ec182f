"""VaR, ES and the portfolio measures against published and independently computed values."""

from __future__ import annotations

import math
from collections.abc import Callable

import empyrical
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from sklearn.covariance import LedoitWolf

from agents.guardian.measures.components import component_value_at_risk
from agents.guardian.measures.cornish_fisher import cornish_fisher_is_valid, cornish_fisher_tail
from agents.guardian.measures.covariance import (
    rolling_correlation,
    shrunk_correlation,
    shrunk_covariance,
)
from agents.guardian.measures.drawdown import drawdown_curve, maximum_drawdown
from agents.guardian.measures.filtered import filtered_historical_tail
from agents.guardian.measures.historical import historical_tail
from agents.guardian.measures.liquidity import unwind_days
from agents.guardian.measures.monte_carlo import monte_carlo_tail
from agents.guardian.measures.parametric import normal_tail, student_tail
from agents.guardian.measures.tail import TailRisk
from agents.guardian.measures.volatility import forecast_volatility, realised_volatility
from agents.guardian.volatility import VolatilityRules, bar_volatility
from market.bars import Floats
from market.errors import InvalidError

DAY = 10_000.0 * 0.2 / math.sqrt(250.0)
"""Standard deviation of a day: 10,000 in a stock of 20 % a year (McNeil, Frey and Embrechts 2005,
Quantitative Risk Management, section 2.2, "VaR and ES for stock returns")."""


def returns_of(seed: int, rows: int = 500, columns: int = 4) -> Floats:
    rng = np.random.default_rng(seed)
    found: Floats = 0.01 * rng.standard_t(5, (rows, columns)) @ rng.normal(size=(columns, columns))
    return found


def with_gap(values: Floats) -> Floats:
    gapped = values.copy()
    gapped[len(values) // 2] = np.nan
    return gapped


@pytest.mark.parametrize(
    ("confidence", "normal", "student"),
    [
        (0.90, 162.1, 137.1),
        (0.95, 208.1, 190.7),
        (0.975, 247.9, 248.3),
        (0.99, 294.3, 335.1),
        (0.995, 325.8, 411.8),
    ],
    ids=lambda value: f"McNeil, Frey, Embrechts 2005: {value}",
)
def test_normal_and_t4_var_are_as_published(
    confidence: float, normal: float, student: float
) -> None:
    assert normal_tail(0.0, DAY, confidence).value_at_risk == pytest.approx(normal, abs=0.051)
    found = student_tail(0.0, DAY, 4.0, confidence)
    assert found.value_at_risk == pytest.approx(student, abs=0.051)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("degrees", [2.5, 4.0, 30.0, math.inf])
def test_shortfall_is_the_mean_of_the_quantiles_beyond(degrees: float, confidence: float) -> None:
    unit = 1.0 if math.isinf(degrees) else math.sqrt((degrees - 2.0) / degrees)
    law = stats.norm if math.isinf(degrees) else stats.t(degrees)
    beyond = law.expect(lambda x: x, lb=law.ppf(confidence)) / (1.0 - confidence)
    found = student_tail(0.001, 0.02, degrees, confidence)
    assert found.value_at_risk == pytest.approx(0.02 * unit * law.ppf(confidence) - 0.001)
    assert found.expected_shortfall == pytest.approx(0.02 * unit * beyond - 0.001, rel=1e-6)


def test_fat_tails_lower_the_var_at_95_and_raise_it_at_99_per_cent() -> None:
    for confidence, fatter in ((0.95, False), (0.99, True)):
        student = student_tail(0.0, 1.0, 4.0, confidence).value_at_risk
        assert (student > normal_tail(0.0, 1.0, confidence).value_at_risk) is fatter


def test_the_mean_grows_with_the_horizon_and_the_deviation_with_its_root() -> None:
    found = normal_tail(0.001, 0.01, 0.99, horizon=10.0)
    alone = normal_tail(0.01, 0.01 * math.sqrt(10.0), 0.99)
    assert found.value_at_risk == pytest.approx(alone.value_at_risk)
    assert found.expected_shortfall == pytest.approx(alone.expected_shortfall)


def test_historical_var_is_an_order_statistic_where_numpy_interpolates() -> None:
    losses = np.arange(1.0, 21.0)
    assert np.quantile(losses, 0.95) == pytest.approx(19.05)
    assert historical_tail(-losses, 0.95) == TailRisk(value_at_risk=20.0, expected_shortfall=20.0)


def test_a_hundred_losses_have_their_fifth_largest_as_95_per_cent_var() -> None:
    losses = np.random.default_rng(0).permutation(np.arange(1.0, 101.0))
    found = historical_tail(-losses, 0.95)
    assert found.value_at_risk == 96.0
    assert found.expected_shortfall == pytest.approx(98.0)


def test_the_last_loss_counts_for_what_is_left_of_its_share() -> None:
    losses = np.arange(1.0, 251.0)  # 2.5 losses lie beyond 99 %
    found = historical_tail(-losses, 0.99)
    assert found.value_at_risk == 248.0
    assert found.expected_shortfall == pytest.approx((250.0 + 249.0 + 0.5 * 248.0) / 2.5)


def test_a_losing_book_has_a_positive_var_and_a_sure_gain_a_negative_one() -> None:
    assert historical_tail(np.full(100, -0.01), 0.95).value_at_risk == 0.01
    assert historical_tail(np.full(100, 0.01), 0.95).value_at_risk == -0.01


def test_too_few_or_missing_returns_are_not_measured() -> None:
    returns = returns_of(1, 100, 1)[:, 0]
    assert historical_tail(returns, 0.99).is_known
    assert not historical_tail(returns[1:], 0.99).is_known
    assert not historical_tail(with_gap(returns), 0.95).is_known
    assert not historical_tail(np.empty(0), 0.95).is_known


@pytest.mark.parametrize("skewness", [-0.3, 0.0, 0.2])
@pytest.mark.parametrize("excess", [1.0, 2.5, 4.0])
def test_cornish_fisher_is_the_formula_of_the_priips_regulation(
    skewness: float, excess: float
) -> None:
    # Commission Delegated Regulation (EU) 2017/653, Annex II: the coefficients are rounded there.
    printed = -1.96 + 0.474 * skewness - 0.0687 * excess + 0.146 * skewness**2
    found = cornish_fisher_tail(0.0, 1.0, skewness, excess, 0.975)
    assert found.value_at_risk == pytest.approx(-printed, abs=6e-4)


def test_cornish_fisher_shortfall_integrates_its_own_quantiles() -> None:
    s, k = -0.6, 2.0

    def quantile(u: float) -> float:
        z = stats.norm.ppf(u)
        return float(
            z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
        )

    found = cornish_fisher_tail(0.001, 0.02, s, k, 0.99)
    beyond = quad(quantile, 0.0, 0.01, epsabs=1e-10)[0] / 0.01
    assert found.value_at_risk == pytest.approx(-(0.001 + 0.02 * quantile(0.01)))
    assert found.expected_shortfall == pytest.approx(-(0.001 + 0.02 * beyond), rel=1e-6)


@pytest.mark.parametrize(
    ("skewness", "excess", "valid"),
    # Maillard 2012: |S| ≤ 6 (√2 − 1) = 2.485; without skewness 0 ≤ K ≤ 8.
    [
        (0.0, 0.0, True),
        (0.0, 8.0, True),
        (0.0, 8.001, False),
        (0.0, -0.001, False),
        (2.485, 4.0 * (1.0 + 11.0 * (2.485 / 6.0) ** 2), True),
        (2.486, 4.0 * (1.0 + 11.0 * (2.486 / 6.0) ** 2), False),
        (-1.0, 0.5, False),
        (math.nan, 1.0, False),
        (0.0, math.nan, False),
    ],
)  # fmt: skip
def test_cornish_fisher_is_silent_outside_of_its_domain(
    skewness: float, excess: float, valid: bool
) -> None:
    assert cornish_fisher_is_valid(skewness, excess) is valid
    assert cornish_fisher_tail(0.0, 1.0, skewness, excess, 0.99).is_known is valid


def test_within_its_domain_the_expansion_rises_and_outside_it_falls_somewhere() -> None:
    z = np.linspace(-40.0, 40.0, 8001)
    for s in np.linspace(-2.4, 2.4, 13):
        for k in np.linspace(-1.0, 20.0, 22):
            curve = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24
            curve -= (2 * z**3 - 5 * z) * s**2 / 36
            assert cornish_fisher_is_valid(s, k) is bool((np.diff(curve) > 0.0).all())


def test_filtered_losses_are_as_a_plain_loop_finds_them() -> None:
    returns = returns_of(4, 400, 1)[:, 0]
    weights = 0.9 ** np.arange(30)

    def forecast(row: int) -> float:
        past = returns[row - 30 : row][::-1]
        return math.sqrt(sum(weights * past**2) / sum(weights))

    losses = np.array([-returns[t] / forecast(t) * forecast(400) for t in range(30, 400)])
    found = filtered_historical_tail(returns, 0.95, decay=0.9, taps=30)
    beyond = np.sort(losses)[::-1][:19]  # 18.5 of 370
    assert found.value_at_risk == pytest.approx(beyond[-1])
    assert found.expected_shortfall == pytest.approx((beyond[:-1].sum() + 0.5 * beyond[-1]) / 18.5)


def test_filtered_var_follows_a_volatility_that_has_doubled_where_plain_var_lags() -> None:
    rng = np.random.default_rng(5)
    returns = 0.01 * rng.normal(size=1000)
    wilder = returns.copy()
    wilder[-80:] *= 2.0
    plain = (
        historical_tail(wilder, 0.95).value_at_risk / historical_tail(returns, 0.95).value_at_risk
    )
    filtered = (
        filtered_historical_tail(wilder, 0.95).value_at_risk
        / filtered_historical_tail(returns, 0.95).value_at_risk
    )
    assert plain < 1.2
    assert filtered == pytest.approx(2.0, rel=0.1)


def test_prices_that_stood_still_are_not_filtered() -> None:
    returns = returns_of(6, 400, 1)[:, 0]
    returns[100:190] = 0.0
    assert not filtered_historical_tail(returns, 0.95).is_known
    assert not filtered_historical_tail(returns[:80], 0.95).is_known
    assert not filtered_historical_tail(with_gap(returns), 0.95).is_known


def test_component_var_of_two_positions_is_as_jorion_has_it() -> None:
    # Jorion 2007, chapter 7: 2 million CAD at 5 % and 1 million EUR at 12 %, uncorrelated; 95 %
    # with z = 1.65 gives a VaR of 257,738 and parts of 105,630 and 152,108.
    found = component_value_at_risk(
        np.array([2e6, 1e6]), np.diag([0.05**2, 0.12**2]), float(stats.norm.cdf(1.65))
    )
    assert found.total == pytest.approx(257_738, abs=1.0)
    assert found.component == pytest.approx([105_630, 152_108], abs=2.0)
    assert found.marginal == pytest.approx([0.0528, 0.1521], abs=5e-5)


def test_a_hedge_has_a_negative_component_and_the_marginal_is_the_derivative() -> None:
    covariance = np.cov(returns_of(7), rowvar=False)
    values = np.array([3e5, -1e5, 0.0, 2e5])
    found = component_value_at_risk(values, covariance, 0.99)
    for column in range(4):
        step = np.zeros(4)
        step[column] = 1.0
        up = component_value_at_risk(values + step, covariance, 0.99).total
        down = component_value_at_risk(values - step, covariance, 0.99).total
        assert found.marginal[column] == pytest.approx((up - down) / 2.0, rel=1e-5)
    pair = component_value_at_risk(np.array([2.0, -1.0]), np.array([[1.0, 0.9], [0.9, 1.0]]), 0.99)
    assert pair.component[1] < 0.0 < pair.component[0]


def test_a_missing_covariance_counts_only_where_something_is_held() -> None:
    covariance = np.diag([0.01, np.nan])
    idle = component_value_at_risk(np.array([1.0, 0.0]), covariance, 0.99)
    assert idle.component == pytest.approx([idle.total, 0.0])
    held = component_value_at_risk(np.array([1.0, 1.0]), covariance, 0.99)
    assert math.isnan(held.total)
    assert np.isnan(held.component).all()
    with np.errstate(invalid="raise"):
        negative = component_value_at_risk(np.ones(1), np.array([[-0.01]]), 0.99)
    assert math.isnan(negative.total)
    empty = component_value_at_risk(np.zeros(2), covariance, 0.99)
    assert (empty.total, empty.component.tolist()) == (0.0, [0.0, 0.0])


@pytest.mark.parametrize("degrees", [4.0, math.inf])
def test_simulation_of_a_linear_book_meets_the_closed_form(degrees: float) -> None:
    covariance = np.cov(returns_of(8), rowvar=False)
    values, mean = np.array([3e5, -1e5, 0.0, 2e5]), np.array([1e-4, 0.0, np.nan, 2e-4])
    covariance[2, 2] = np.nan  # not held
    found = monte_carlo_tail(
        values, mean, covariance, degrees, 0.99, 200_000, np.random.default_rng(9)
    )
    held = values != 0.0
    sigma = math.sqrt(values[held] @ covariance[np.ix_(held, held)] @ values[held])
    exact = student_tail(float(values[held] @ mean[held]), sigma, degrees, 0.99)
    assert found.value_at_risk == pytest.approx(exact.value_at_risk, rel=0.02)
    assert found.expected_shortfall == pytest.approx(exact.expected_shortfall, rel=0.03)


def test_a_simulation_repeats_under_its_seed_and_refuses_what_is_no_covariance() -> None:
    def simulated(covariance: Floats, paths: int = 1000) -> TailRisk:
        return monte_carlo_tail(
            np.ones(2), np.zeros(2), covariance, 4.0, 0.99, paths, np.random.default_rng(1)
        )

    as_one = np.full((2, 2), 1e-4)
    assert simulated(as_one) == simulated(as_one)
    assert simulated(as_one).is_known
    assert not simulated(np.array([[1e-4, 2e-4], [2e-4, 1e-4]])).is_known
    assert not simulated(np.diag([1e-4, np.nan])).is_known
    assert not simulated(as_one, paths=99).is_known
    assert simulated(np.zeros((2, 2))) == TailRisk(value_at_risk=0.0, expected_shortfall=0.0)


def test_shrunk_correlation_is_that_of_scikit_learn_in_units_of_the_deviations() -> None:
    returns = returns_of(10, 120, 6)
    oracle = LedoitWolf().fit(returns / returns.std(axis=0))
    found, intensity = shrunk_correlation(returns)
    assert intensity == pytest.approx(oracle.shrinkage_, rel=1e-9)
    np.testing.assert_allclose(found, oracle.covariance_, atol=1e-12)
    covariance, same = shrunk_covariance(returns)
    assert same == intensity
    np.testing.assert_allclose(np.diag(covariance), returns.var(axis=0))


def test_shrinkage_lends_no_instrument_the_risk_of_another() -> None:
    returns = returns_of(11, 60, 3) * np.array([1.0, 1.0, 100.0])
    covariance, _ = shrunk_covariance(returns)
    assert covariance[0, 0] == pytest.approx(returns[:, 0].var())


def test_an_instrument_that_says_too_little_is_unknown_and_leaves_the_others_as_they_are() -> None:
    returns = returns_of(12, 100, 4)
    alone, intensity = shrunk_correlation(returns[:, :2])
    returns[:60, 2] = np.nan
    returns[:, 3] = 0.001
    found, same = shrunk_correlation(returns)
    assert same == intensity
    np.testing.assert_array_equal(found[:2, :2], alone)
    assert np.isnan(found[2:]).all()
    assert np.isnan(found[:, 2:]).all()
    nothing, unknown = shrunk_covariance(np.full((10, 2), np.nan))
    assert np.isnan(nothing).all()
    assert math.isnan(unknown)


def test_a_few_gaps_move_a_correlation_little() -> None:
    returns = returns_of(13, 300, 3)
    whole, _ = shrunk_correlation(returns)
    returns[::50, 0] = np.nan
    gapped, _ = shrunk_correlation(returns)
    np.testing.assert_allclose(gapped, whole, atol=0.1)
    assert np.linalg.eigvalsh(gapped).min() >= -1e-12


def test_a_rolling_correlation_depends_on_its_window_alone() -> None:
    returns = returns_of(14, 60, 3)
    rolling = rolling_correlation(returns, 20)
    assert np.isnan(rolling[:19]).all()
    np.testing.assert_array_equal(rolling[-1], shrunk_correlation(returns[-20:])[0])
    np.testing.assert_array_equal(rolling[30:], rolling_correlation(returns[11:], 20)[19:])


def test_independent_walks_have_no_correlation_on_returns() -> None:
    returns = np.random.default_rng(15).normal(size=(1000, 6))
    found, _ = shrunk_correlation(returns)
    assert np.abs(found[np.triu_indices(6, 1)]).mean() < 0.05


def test_drawdown_counts_a_loss_of_the_first_day() -> None:
    equity = np.array([90.0, 95.0, 120.0, 60.0])
    assert drawdown_curve(equity, 100.0) == pytest.approx([0.1, 0.05, 0.0, 0.5])
    assert maximum_drawdown(np.array([90.0]), 100.0) == pytest.approx(0.1)


def test_maximum_drawdown_is_that_of_empyrical() -> None:
    returns = returns_of(16, 300, 1)[:, 0]
    equity = 100.0 * np.asarray(np.cumprod(1.0 + returns), np.float64)
    assert maximum_drawdown(equity, 100.0) == pytest.approx(-empyrical.max_drawdown(returns))


def test_a_missing_equity_leaves_the_drawdown_unknown_from_there() -> None:
    curve = drawdown_curve(np.array([90.0, np.nan, 120.0]), 100.0)
    assert curve[0] == pytest.approx(0.1)
    assert np.isnan(curve[1:]).all()
    assert math.isnan(maximum_drawdown(np.array([90.0, np.nan, 120.0]), 100.0))
    assert math.isnan(maximum_drawdown(np.empty(0), 100.0))


def test_volatility_is_annualised_by_the_calendar_and_blind_to_weekends() -> None:
    returns = np.array([0.01, -0.01] * 50)
    assert realised_volatility(returns, 6240.0) == pytest.approx(0.01 * math.sqrt(6240.0))
    weekends = np.insert(returns, np.arange(5, 100, 5), np.nan)
    assert realised_volatility(weekends, 260.0) == realised_volatility(returns, 260.0)
    assert math.isnan(realised_volatility(np.array([0.01, np.nan, np.nan]), 260.0))
    assert math.isnan(realised_volatility(np.empty(0), 260.0))


def test_forecast_volatility_is_what_the_guardian_sizes_by() -> None:
    prices = 100.0 * np.exp(returns_of(17, 200, 3).cumsum(axis=0))
    returns = prices[1:] / prices[:-1] - 1.0
    sized = bar_volatility(prices, VolatilityRules(taps=64, decay=0.94))[-1]
    found = forecast_volatility(returns, 0.94, 64, 1.0)
    np.testing.assert_allclose(found, sized, rtol=1e-12)
    np.testing.assert_array_equal(found, forecast_volatility(returns[-64:], 0.94, 64, 1.0))
    assert np.isnan(forecast_volatility(returns[-63:], 0.94, 64, 1.0)).all()


def test_time_to_unwind_is_unknown_without_a_volume_and_endless_with_none() -> None:
    units = np.array([1000.0, -500.0, 10.0, 10.0, 0.0, 10.0])
    volume = np.array([10_000.0, 1000.0, np.nan, 0.0, np.nan, -1.0])
    days = unwind_days(units, volume, 0.1)
    np.testing.assert_array_equal(days, [1.0, 5.0, np.nan, np.inf, 0.0, np.nan])


@pytest.mark.parametrize("confidence", [0.01, 0.5, 1.0, 99.0, math.nan])
@pytest.mark.parametrize(
    "measure",
    [
        lambda c: historical_tail(np.zeros(100), c),
        lambda c: filtered_historical_tail(np.zeros(100), c),
        lambda c: normal_tail(0.0, 1.0, c),
        lambda c: student_tail(0.0, 1.0, 4.0, c),
        lambda c: cornish_fisher_tail(0.0, 1.0, 0.0, 1.0, c),
        lambda c: component_value_at_risk(np.ones(1), np.eye(1), c),
        lambda c: monte_carlo_tail(
            np.ones(1), np.zeros(1), np.eye(1), 4.0, c, 1000, np.random.default_rng(0)
        ),
    ],
)
def test_a_confidence_that_is_none_is_refused(
    measure: Callable[[float], object], confidence: float
) -> None:
    with pytest.raises(InvalidError, match="confidence"):
        measure(confidence)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: historical_tail(np.zeros((100, 2)), 0.95), "shape"),
        (lambda: filtered_historical_tail(np.zeros((100, 2)), 0.95), "shape"),
        (lambda: filtered_historical_tail(np.zeros(100), 0.95, decay=1.5), "decay"),
        (lambda: normal_tail(0.0, -1.0, 0.95), "sigma"),
        (lambda: normal_tail(0.0, 1.0, 0.95, horizon=0.0), "horizon"),
        (lambda: student_tail(0.0, 1.0, 2.0, 0.95), "degrees"),
        (lambda: cornish_fisher_tail(0.0, -1.0, 0.0, 1.0, 0.95), "sigma"),
        (lambda: component_value_at_risk(np.ones(2), np.eye(3), 0.95), "shape"),
        (lambda: monte_carlo_tail(
            np.ones(1), np.zeros(1), np.eye(1), 2.0, 0.95, 10, np.random.default_rng(0)
        ), "degrees"),
        (lambda: monte_carlo_tail(
            np.ones(1), np.zeros(2), np.eye(1), 4.0, 0.95, 10, np.random.default_rng(0)
        ), "shape"),
        (lambda: shrunk_covariance(np.zeros(10)), "shape"),
        (lambda: rolling_correlation(np.zeros((10, 2)), 1), "window"),
        (lambda: drawdown_curve(np.ones((2, 2)), 1.0), "shape"),
        (lambda: drawdown_curve(np.ones(2), 0.0), "start"),
        (lambda: realised_volatility(np.ones(2), 0.0), "year"),
        (lambda: forecast_volatility(np.ones(2), 0.9, 0, 260.0), "tap"),
        (lambda: unwind_days(np.ones(2), np.ones(3), 0.1), "shape"),
        (lambda: unwind_days(np.ones(2), np.ones(2), 10.0), "share"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_and_named(wrong: Callable[[], object], told: str) -> None:
    with pytest.raises(InvalidError, match=told):
        wrong()


@pytest.mark.parametrize("missing", [math.nan, math.inf])
def test_a_missing_moment_is_not_measured(missing: float) -> None:
    for found in (
        normal_tail(missing, 1.0, 0.99),
        normal_tail(0.0, missing, 0.99),
        student_tail(0.0, missing, 4.0, 0.99),
        cornish_fisher_tail(missing, 1.0, 0.0, 1.0, 0.99),
        cornish_fisher_tail(0.0, missing, 0.0, 1.0, 0.99),
        cornish_fisher_tail(0.0, 1.0, missing, 1.0, 0.99),
    ):
        assert not found.is_known
        assert math.isnan(found.expected_shortfall)
    assert not student_tail(0.0, 1.0, math.nan, 0.99).is_known
