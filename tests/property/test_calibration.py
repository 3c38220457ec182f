"""The laws of calibration and of Kelly stakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.guardian.calibration.calibrator import CalibrationRules, calibrate
from agents.guardian.calibration.curves import isotonic_curve
from agents.guardian.calibration.kelly import StakeReason, sized_by_kelly
from agents.guardian.calibration.outcomes import Decided, PaperPrices, paper_outcomes
from agents.guardian.calibration.table import CalibrationTable
from tests.calibration import table

QUICK = settings(max_examples=60, deadline=None)
AGENTS = 3
numbers = st.floats(0.0, 1.0)
anything = st.one_of(st.floats(), st.floats(-0.1, 1.1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Decisions on a random walk with gaps."""

    decided: Decided
    prices: PaperPrices

    def rows(self, start: int, stop: int) -> Past:
        where = slice(start, stop)
        d, p = self.decided, self.prices
        return Past(
            decided=Decided(
                d.side[where].copy(), d.confidence[where].copy(), d.leader[where].copy()
            ),
            prices=PaperPrices(p.open[where], p.close[where], p.spread[where], p.typical_spread),
        )

    def learned(self, rules: CalibrationRules) -> CalibrationTable:
        return calibrate(self.decided, self.prices, AGENTS, rules)


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(30, 160)), draw(st.sampled_from((1, 5)))
    close = np.exp(0.01 * rng.standard_normal(shape).cumsum(axis=0))
    opened = close * np.exp(0.002 * rng.standard_normal(shape))
    spread = np.abs(1e-4 * rng.standard_normal(shape))
    for values in (close, opened, spread):
        values[rng.random(shape) < 0.03] = np.nan
    return Past(
        decided=Decided(
            side=rng.integers(-1, 2, shape).astype(np.float64),
            confidence=np.where(rng.random(shape) < 0.02, np.nan, rng.random(shape)),
            leader=rng.integers(-1, AGENTS, shape),
        ),
        prices=PaperPrices(opened, close, spread, np.full(shape[1], 1e-4)),
    )


@st.composite
def learning(draw: st.DrawFn) -> CalibrationRules:
    method: Literal["isotonic", "platt"] = draw(st.sampled_from(("isotonic", "platt")))
    return CalibrationRules(
        method=method, horizon=draw(st.integers(1, 8)), window=draw(st.integers(10, 60)),
        min_outcomes=draw(st.integers(1, 10)), pool=draw(st.sampled_from((0.0, 3.0))), bins=12,
    )  # fmt: skip


def equal(one: CalibrationTable, other: CalibrationTable) -> None:
    for here, there in zip(one, other, strict=True):
        np.testing.assert_array_equal(here, there)


@QUICK
@given(past=pasts(), rules=learning(), data=st.data())
def test_a_table_depends_on_its_lookback_alone_to_the_last_bit(
    past: Past, rules: CalibrationRules, data: st.DataObject
) -> None:
    stop = data.draw(st.integers(1, len(past.decided.side)))
    start = data.draw(st.integers(0, max(stop - rules.lookback, 0)))
    equal(past.rows(0, stop).learned(rules), past.rows(start, stop).learned(rules))


@QUICK
@given(past=pasts(), horizon=st.integers(1, 8), data=st.data())
def test_an_outcome_is_known_at_the_end_of_its_horizon_and_never_earlier(
    past: Past, horizon: int, data: st.DataObject
) -> None:
    now = data.draw(st.integers(0, len(past.decided.side) - 1))
    whole = paper_outcomes(past.decided.side, past.prices, horizon)
    here = past.rows(0, now + 1)
    found = paper_outcomes(here.decided.side, here.prices, horizon)
    judged = max(now + 1 - horizon, 0)
    np.testing.assert_array_equal(found[:judged], whole[:judged])
    assert np.isnan(found[judged:]).all()


@QUICK
@given(past=pasts(), rules=learning(), poison=st.sampled_from((np.nan, -1.0, 1e300, np.inf)))
def test_decisions_whose_outcome_is_not_known_teach_nothing(
    past: Past, rules: CalibrationRules, poison: float
) -> None:
    poisoned = past.rows(0, len(past.decided.side))
    poisoned.decided.confidence[-rules.horizon :] = poison
    poisoned.decided.side[-rules.horizon :] = poison
    poisoned.decided.leader[-rules.horizon :] = 0
    equal(past.learned(rules), poisoned.learned(rules))


@QUICK
@given(past=pasts(), rules=learning())
def test_a_calibrated_row_is_whole_and_its_bound_is_below_it(
    past: Past, rules: CalibrationRules
) -> None:
    found = past.learned(rules)
    known = found.calibrated
    assert ((found.probability[known] >= 0.0) & (found.probability[known] <= 1.0)).all()
    assert (found.lower_bound[known] >= 0.0).all()
    assert (found.lower_bound[known] <= found.probability[known]).all()
    paying = known & (found.lower_bound > 0.0).any(axis=1)
    assert (found.loss[paying] > 0.0).all()
    assert (found.payoff_ratio[paying] > 0.0).all()
    assert not (found.loss[known] <= 0.0).any()
    assert not (found.payoff_ratio[known] <= 0.0).any()
    np.testing.assert_array_equal(known, found.outcomes >= rules.min_outcomes)
    assert np.isnan(found.probability[~known]).all()
    assert (found.effective <= found.outcomes / rules.horizon).all()
    if rules.method == "isotonic":
        assert (np.diff(found.probability[known], axis=1) >= 0.0).all()


@QUICK
@given(
    data=st.lists(st.tuples(st.integers(0, 50), st.floats(0.0, 1.0)), min_size=1, max_size=20),
    least=st.floats(0.0, 60.0),
)
def test_a_rising_curve_keeps_the_number_of_wins(
    data: list[tuple[int, float]], least: float
) -> None:
    count = np.array([float(n) for n, _ in data])
    wins = np.array([round(n * rate) * 1.0 for n, rate in data])
    if count.sum() > 0.0:
        found = isotonic_curve(count, wins, 1.0, least, 1.28)
        assert (count * found.probability).sum() == pytest.approx(wins.sum(), abs=1e-9)


@QUICK
@given(p=anything, lowest=anything, ratio=anything, loss=anything, part=anything, cap=anything)
def test_no_stake_without_an_edge_that_is_sure_enough_nor_above_its_cap(
    p: float, lowest: float, ratio: float, loss: float, part: float, cap: float
) -> None:
    made = table(p, lowest, payoff_ratio=ratio, loss=loss)
    stake = sized_by_kelly(made, 0, 0.5, part, cap)
    assert 0.0 <= stake.at_risk < np.inf
    assert stake.of_capital >= 0.0
    if stake.at_risk > 0.0:
        assert lowest * ratio > 1.0 - lowest
        assert stake.at_risk <= cap
        assert stake.reason in (StakeReason.KELLY, StakeReason.KELLY_CAP)
    else:
        assert stake.of_capital == 0.0


@QUICK
@given(p=st.floats(0.01, 0.99), loss=st.floats(1e-4, 0.5), part=numbers, cap=numbers)
def test_a_fair_bet_has_no_stake_however_sure_it_is(
    p: float, loss: float, part: float, cap: float
) -> None:
    """Odds of (1−p)/p, a shade less for the rounding."""
    fair = table(p, p, payoff_ratio=(1.0 - p) / p * (1.0 - 1e-12), loss=loss)
    assert sized_by_kelly(fair, 0, 0.5, part, cap).at_risk == 0.0
