"""A desk learns from its decisions at fixed bars, and what it learned counts on the next."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from agents.guardian.calibration.calibrator import CalibrationRules
from agents.guardian.calibration.foretold import (
    COUNT,
    FORECAST,
    HAPPENED,
    brier_of,
    calibration_error_of,
    foretold,
    reliability_of,
)
from agents.guardian.calibration.kelly import Stake, StakeReason, sized_by_kelly
from coordinator.configuration.settings import Settings
from coordinator.learning import Learning, LearningRules, Rows, table_of
from coordinator.risk_rules import refuse_contradictions, sizing_rules
from market.errors import ConfigError
from market.events import CalibrationFitted

RULES = LearningRules(
    every=10,
    calibration=CalibrationRules(horizon=2, window=60, min_outcomes=30, bins=4),
    needed=True,
)
BARS = 200


def decided(rows: int = BARS) -> Rows:
    """One agent's decisions on two instruments, of which a stronger one gains more often."""
    rng = np.random.default_rng(5)
    shape = (rows, 2)
    close = np.exp(0.01 * rng.standard_normal(shape).cumsum(axis=0))
    ahead = np.vstack([close[2:] / close[:-2] - 1.0, np.zeros((2, 2))])
    right = rng.random(shape) < 0.7
    side = np.where(right, np.sign(ahead), -np.sign(ahead))
    return Rows(
        side=side,
        confidence=np.where(right, 0.8, 0.4) * rng.uniform(0.8, 1.0, shape),
        leader=np.where(side == 0.0, -1, 0),
        open=close.copy(),
        close=close,
        spread=np.zeros(shape),
    )


def part(rows: Rows, start: int, stop: int) -> Rows:
    return Rows._make(values[start:stop] for values in rows)


def learned(rows: Rows, step: int, rules: LearningRules = RULES) -> list[CalibrationFitted]:
    """Every table that took effect where bars come in pieces of at most `step`."""
    learning = Learning(rules, 1, np.zeros(2))
    found, at = [], 0
    while at < len(rows.side):
        fitted = learning.take_effect(at, at)
        if fitted is not None:
            found.append(fitted)
        stop = min(at + step, learning.quiet_until(at) + 1, len(rows.side))
        learning.observe(part(rows, at, stop))
        learning.fit(stop - 1, stop - 1)
        at = stop
    return found


def test_tables_are_fitted_at_fixed_bars_and_take_effect_on_the_next() -> None:
    fits = learned(decided(), 1)
    assert [fit.fitted for fit in fits] == list(range(10, BARS - 1, 10))
    assert all((fit.sequence, fit.learned_until) == (fit.fitted + 1, fit.fitted) for fit in fits)
    assert fits[-1].calibrated.all()
    assert not fits[0].calibrated.any()


@pytest.mark.parametrize("step", [3, 10, 1_000])
def test_the_bars_may_come_in_pieces_of_any_length(step: int) -> None:
    rows = decided()
    for one, other in zip(learned(rows, 1), learned(rows, step), strict=True):
        for name in CalibrationFitted.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_every_outcome_is_scored_once_by_the_table_in_force_when_it_was_decided() -> None:
    rows = decided()
    fits = learned(rows, 1)
    first = next(fit for fit in fits if fit.calibrated.all())
    known = fits[-1].fitted + 1 - RULES.calibration.horizon
    count = sum(fit.foretold[COUNT].sum() for fit in fits)
    assert count == np.count_nonzero(rows.side[first.sequence : known])
    early = [fit for fit in fits if fit.fitted <= first.fitted]
    assert not sum(fit.foretold.sum() for fit in early)


def silenced(rows: Rows, start: int, stop: int) -> Rows:
    """The same market, in which the agent carried no decision for a while."""
    side, leader = rows.side.copy(), rows.leader.copy()
    side[start:stop], leader[start:stop] = 0.0, -1
    return rows._replace(side=side, leader=leader)


@pytest.mark.parametrize("step", [1, 7])
def test_an_agent_that_was_calibrated_stakes_nothing_while_it_has_too_few_outcomes(
    step: int,
) -> None:
    fits = learned(silenced(decided(), 60, 130), step)
    known = [fit.outcomes[0] >= RULES.calibration.min_outcomes for fit in fits]
    first, lapsed = known.index(True), known.index(False, known.index(True))
    back = known.index(True, lapsed)
    assert first < lapsed < back < len(fits)
    for fit in fits[:first]:
        assert stake_by(fit).reason == StakeReason.NOT_CALIBRATED
    for fit in fits[lapsed:back]:
        assert stake_by(fit) == (0.0, 0.0, StakeReason.NO_EDGE)
        np.testing.assert_array_equal(fit.probability, fits[lapsed - 1].probability)
        np.testing.assert_array_equal(fit.loss, fits[lapsed - 1].loss)
        assert not fit.lower_bound.any()
    assert stake_by(fits[back]).at_risk > 0.0


def stake_by(fit: CalibrationFitted) -> Stake:
    return sized_by_kelly(table_of(fit), 0, 0.75, 0.5, 0.02)


def test_nothing_is_learned_where_sizes_do_not_need_it() -> None:
    assert learned(decided(), 7, RULES._replace(needed=False)) == []


def test_gathered_forecasts_tell_what_single_ones_do() -> None:
    rng = np.random.default_rng(2)
    p, outcome = rng.random((50, 3)), rng.standard_normal((50, 3))
    p[rng.random(p.shape) < 0.2] = np.nan
    outcome[rng.random(p.shape) < 0.2] = np.nan
    leader = rng.integers(-1, 2, p.shape)
    sums = foretold(p, outcome, leader, 2)
    for agent in range(2):
        mine = (leader == agent) & ~np.isnan(p) & ~np.isnan(outcome)
        forecast, happened = p[mine], (outcome[mine] > 0.0).astype(float)
        assert brier_of(sums)[agent] == pytest.approx(brier_score_loss(happened, forecast))
        tenth = np.minimum((10.0 * forecast).astype(int), 9)
        missed = sum(abs(float((forecast - happened)[tenth == k].sum())) for k in np.unique(tenth))
        assert calibration_error_of(sums)[agent] == pytest.approx(missed / len(forecast))
        rows = reliability_of(sums, agent)
        assert sum(row.count for row in rows) == sums[COUNT, agent].sum()
        assert sums[HAPPENED, agent].sum() == pytest.approx(
            sum(row.happened * row.count for row in rows)
        )
        assert sums[FORECAST, agent].sum() == pytest.approx(
            sum(row.forecast * row.count for row in rows)
        )
    nothing = np.zeros((4, 1, 10))
    assert np.isnan(brier_of(nothing)).all()
    assert reliability_of(nothing, 0) == ()


@pytest.mark.parametrize(
    ("sizing", "said"),
    [
        ({"kelly_cap": 0.03}, "sizing.kelly_cap .0.03. is above sizing.max_risk_per_trade"),
        ({"calibration_every": 3_000}, "sizing.calibration_every .3000. is above"),
        ({"calibration_horizon": 900, "calibration_window": 800}, "sizing.calibration_horizon"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(
    sizing: dict[str, float], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        refuse_contradictions(Settings.model_validate({"sizing": sizing}))


@pytest.mark.parametrize(
    ("method", "outcomes", "instruments", "fits"),
    [
        ("kelly", 60, ("EUR_USD", "GBP_USD"), True),
        ("kelly", 61, ("EUR_USD", "GBP_USD"), False),
        ("kelly", 61, ("EUR_USD", "GBP_USD", "USD_JPY"), True),
        ("fixed_fractional", 61, ("EUR_USD", "GBP_USD"), True),
    ],
)
def test_more_outcomes_than_the_window_can_hold_are_refused_where_stakes_wait_for_them(
    method: str, outcomes: int, instruments: tuple[str, ...], fits: bool
) -> None:
    settings = Settings.model_validate(
        {
            "sizing": {
                "method": method, "calibration_window": 30, "calibration_every": 10,
                "calibration_min_outcomes": outcomes,
            },
            "data": {"instruments": instruments},
        }
    )  # fmt: skip
    if fits:
        refuse_contradictions(settings)
        return
    with pytest.raises(ConfigError, match=r"min_outcomes .61. is above the 60 outcomes"):
        refuse_contradictions(settings)


def test_an_annual_volatility_target_is_that_of_a_bar_by_the_calendar() -> None:
    settings = Settings.model_validate({"sizing": {"volatility_target_annual": 0.1}})
    assert sizing_rules(settings, 86_400).volatility_target == pytest.approx(0.1 / 260**0.5)
    assert sizing_rules(settings, 3_600).volatility_target == pytest.approx(0.1 / 6_240**0.5)
    assert sizing_rules(Settings(), 3_600).volatility_target == np.inf
