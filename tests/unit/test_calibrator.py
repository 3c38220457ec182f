"""What is learned from outcomes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.guardian.calibration.calibrator import CalibrationRules, calibrate
from agents.guardian.calibration.kelly import StakeReason, sized_by_kelly
from agents.guardian.calibration.outcomes import Decided, PaperPrices
from agents.guardian.calibration.table import probabilities
from market.bars import Floats
from market.errors import InvalidError
from tests.calibration import decisions

Method = Literal["isotonic", "platt"]
Bools = NDArray[np.bool_]
METHODS: tuple[Method, ...] = ("isotonic", "platt")
PART, CAP = 0.5, 0.02


def rules(method: Method = "platt", **other: Any) -> CalibrationRules:
    return CalibrationRules(method=method, **{"horizon": 1, **other})


def confidences(seed: int, rows: int, columns: int = 1) -> Floats:
    found: Floats = np.random.default_rng(seed).uniform(0.2, 1.0, (rows, columns))
    return found


def wins(seed: int, rows: int, columns: int = 1, *, rate: Floats | float = 0.5) -> Bools:
    """Independent of the confidences of the same seed."""
    found: Bools = np.random.default_rng([seed, 1]).random((rows, columns)) < rate
    return found


def true_curve(confidence: Floats) -> Floats:
    """Log-odds rise from even to 1.2 over the confidences that decisions have."""
    curve: Floats = 1.0 / (1.0 + np.exp(-1.5 * (confidence - 0.2)))
    return curve


@pytest.mark.parametrize("method", METHODS)
def test_a_known_curve_is_found_again_within_its_band(method: Method) -> None:
    confidence = confidences(1, 20_000)
    won = wins(1, 20_000, rate=true_curve(confidence))
    table = calibrate(*decisions(confidence, won), 1, rules(method, window=20_000))
    places = table.bins + 0.5 / len(table.bins)
    seen = places > 0.2
    truth = true_curve(places[seen])
    probability, lowest = table.probability[0, seen], table.lower_bound[0, seen]
    assert np.abs(probability - truth).max() < 0.05
    assert (probability > lowest).all()
    assert (lowest < truth).mean() > 0.75
    assert (lowest > truth - 0.1).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_confidence_is_worth_what_it_was_worth(method: Method) -> None:
    confidence = np.full((1_000, 1), 0.9)
    for rate in (0.3, 0.5, 0.7):
        won = (np.arange(1_000) % 10 < 10 * rate)[:, None]
        table = calibrate(*decisions(confidence, won), 1, rules(method))
        assert table.probability[0, -4] == pytest.approx(rate, abs=1e-3)
        stake = sized_by_kelly(table, 0, 0.9, PART, CAP)
        assert (stake.at_risk > 0.0) == (rate == 0.7)


def test_gains_and_losses_are_means_and_the_ratio_is_theirs() -> None:
    won = (np.arange(400) % 4 == 0)[:, None]
    table = calibrate(*decisions(confidences(3, 400), won, gain=0.03, loss=0.008), 1, rules())
    assert table.loss[0] == pytest.approx(0.008)
    assert table.payoff_ratio[0] == pytest.approx(0.03 / 0.008)


def test_each_agent_has_its_own_record() -> None:
    leader = (np.arange(1_200) % 3)[:, None]
    won = np.where(leader == 0, np.arange(1_200)[:, None] % 2 == 0, leader == 1)
    won[:30] = True
    won[1_170:] = False
    table = calibrate(*decisions(confidences(4, 1_200), won, leader=leader), 4, rules())
    assert list(table.outcomes) == [400, 400, 400, 0]
    assert list(table.calibrated) == [True, True, True, False]
    rates = table.probability[:3].mean(axis=1)
    np.testing.assert_allclose(rates, [0.5, 0.975, 0.025], atol=0.02)


@pytest.mark.parametrize("horizon", [1, 7])
def test_exactly_the_newest_decisions_that_are_judged_are_learned_from(horizon: int) -> None:
    """Those before the window always won, those in it never did, but for the oldest."""
    won = np.ones((500, 1), dtype=np.bool_)
    won[-299:] = False
    learned = rules(horizon=horizon, window=300, pool=0.0, method="isotonic", bins=1)
    table = calibrate(*decisions(confidences(13, 500), won, horizon=horizon), 1, learned)
    assert table.outcomes[0] == 300
    assert table.probability[0, 0] == pytest.approx(1 / 300)


@pytest.mark.parametrize("method", METHODS)
def test_too_few_outcomes_are_no_calibration(method: Method) -> None:
    for count, expected in ((199, False), (200, True)):
        won = (np.arange(count) % 2 == 0)[:, None]
        table = calibrate(*decisions(confidences(5, count), won), 1, rules(method))
        assert table.calibrated[0] == expected
        assert table.outcomes[0] == count
        assert np.isnan(table.probability).all() != expected


@pytest.mark.parametrize("result", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_a_record_of_gains_alone_or_of_losses_alone_earns_no_stake(
    method: Method, result: bool
) -> None:
    for count, reason in ((199, StakeReason.NOT_CALIBRATED), (200, StakeReason.NO_EDGE)):
        record = decisions(confidences(6, count), np.full((count, 1), result))
        table = calibrate(*record, 1, rules(method))
        assert sized_by_kelly(table, 0, 0.9, PART, CAP) == (0.0, 0.0, reason)
    assert table.calibrated[0]
    assert np.isnan(table.payoff_ratio[0])
    assert not table.lower_bound.any()
    np.testing.assert_allclose(table.probability, float(result), atol=0.01)


def test_overlapping_horizons_are_worth_their_number_over_the_horizon() -> None:
    won = wins(7, 600)
    table = calibrate(*decisions(confidences(7, 600), won, horizon=5), 1, rules(horizon=5))
    assert table.outcomes[0] == 600
    assert table.effective[0] == pytest.approx(600 / 5, rel=0.01)


def test_instruments_that_move_together_count_once() -> None:
    alone = wins(8, 600)
    together = calibrate(
        *decisions(confidences(8, 600, 8), np.repeat(alone, 8, axis=1)), 1, rules()
    )
    assert together.effective[0] == pytest.approx(600, rel=0.01)
    apart = wins(9, 600, 8)
    independent = calibrate(*decisions(confidences(8, 600, 8), apart), 1, rules())
    assert independent.effective[0] == pytest.approx(8 * 600, rel=0.15)


@pytest.mark.parametrize("method", METHODS)
def test_where_there_is_no_edge_the_bound_is_wrong_no_more_often_than_it_says(
    method: Method,
) -> None:
    """Eight instruments that mostly win and lose together; a tenth of the bounds may be too high,
    and counted one by one a fifth of them would be."""
    wrong = []
    for seed in range(200):
        confidence = confidences(seed, 300, 8)
        common, own = wins(seed, 300), wins(1_000 + seed, 300, 8)
        won = np.where(wins(2_000 + seed, 300, 8, rate=0.8), common, own)
        table = calibrate(*decisions(confidence, won), 1, rules(method))
        wrong.append(float((table.lower_bound[0, 8:] > 0.5).mean()))
    assert 0.02 < np.mean(wrong) < 0.12


@pytest.mark.parametrize("method", METHODS)
def test_a_zero_is_not_for_ever(method: Method) -> None:
    """Decisions that were sized to nothing are judged all the same."""
    learned = rules(method, window=400)
    confidence = confidences(10, 800)
    won = wins(10, 800, rate=np.repeat([[0.45], [0.65]], 400, axis=0))
    decided, prices = decisions(confidence, won)
    then = calibrate(
        Decided(decided.side[:401], decided.confidence[:401], decided.leader[:401]),
        first(prices, 401),
        1,
        learned,
    )
    assert sized_by_kelly(then, 0, 0.8, PART, CAP).reason == StakeReason.NO_EDGE
    now = calibrate(decided, prices, 1, learned)
    assert sized_by_kelly(now, 0, 0.8, PART, CAP).at_risk > 0.0


def first(prices: PaperPrices, rows: int) -> PaperPrices:
    return PaperPrices(
        prices.open[:rows], prices.close[:rows], prices.spread[:rows], prices.typical_spread
    )


def test_a_table_tells_the_probability_of_every_decision() -> None:
    won = (np.arange(400) % 2 == 0)[:, None]
    table = calibrate(*decisions(confidences(11, 400), won), 2, rules())
    leader = np.array([[0, 0, 1, -1, 0]])
    confidence = np.array([[0.3, 1.0, 0.3, 0.3, np.nan]])
    found = probabilities(table, leader, confidence)[0]
    assert found[0] == table.probability[0, 12]
    assert found[1] == table.probability[0, -1]
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize(
    "wrong",
    [{"horizon": 0}, {"window": 0}, {"min_outcomes": 0}, {"bins": 0}, {"bound": 1.0},
     {"bound": 0.4}, {"bound": float("nan")}, {"pool": -1.0}, {"pool": float("nan")}],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidError, match=f"calibration: expected {next(iter(wrong))}"):
        rules(**wrong)


def test_decisions_of_different_shapes_are_refused() -> None:
    decided, prices = decisions(confidences(12, 300), np.ones((300, 1), dtype=np.bool_))
    with pytest.raises(InvalidError, match="of one shape"):
        calibrate(decided._replace(leader=decided.leader[1:]), prices, 1, rules())
