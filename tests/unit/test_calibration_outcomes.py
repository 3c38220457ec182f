"""Outcomes on paper, and whose they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from agents.guardian.calibration.leading import NOBODY, leading_agent, leading_agents
from agents.guardian.calibration.outcomes import PaperPrices, paper_outcomes
from market.bars import Floats
from market.errors import InvalidError

NAN = math.nan


def column(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)[:, None]


def prices(opened: Floats, closed: Floats, spread: Floats, typical: float = 0.5) -> PaperPrices:
    return PaperPrices(opened, closed, spread, np.full(opened.shape[1], typical))


OPEN = column(99.0, 100.0, 104.0, 103.0)
CLOSE = column(98.0, 105.0, 102.0, 101.0)
SPREAD = column(9.0, 0.2, 0.4, 0.6)


@pytest.mark.parametrize(
    ("horizon", "expected"),
    [
        (1, [(105.0 - 100.0 - 0.2) / 100.0, (102.0 - 104.0 - 0.4) / 104.0]),
        (2, [(102.0 - 100.0 - 0.3) / 100.0, (101.0 - 104.0 - 0.5) / 104.0]),
    ],
)
def test_a_purchase_enters_at_the_next_open_and_leaves_at_the_close_of_the_horizon(
    horizon: int, expected: list[float]
) -> None:
    found = paper_outcomes(np.ones((4, 1)), prices(OPEN, CLOSE, SPREAD), horizon)[:, 0]
    assert list(found[:2]) == pytest.approx(expected, rel=1e-12)
    assert np.isnan(found[4 - horizon :]).all()


def test_a_sale_earns_the_opposite_and_pays_the_same() -> None:
    bought = paper_outcomes(np.ones((4, 1)), prices(OPEN, CLOSE, SPREAD), 1)
    sold = paper_outcomes(-np.ones((4, 1)), prices(OPEN, CLOSE, SPREAD), 1)
    costs = column(0.2 / 100.0, 0.4 / 104.0, 0.6 / 103.0, NAN)
    np.testing.assert_allclose(bought + sold, -2.0 * costs, rtol=1e-12)


def test_a_market_that_stands_still_costs_both_a_buyer_and_a_seller_the_spread() -> None:
    still = np.full((3, 1), 100.0)
    sides = np.array([[1.0], [-1.0], [1.0]])
    found = paper_outcomes(sides, prices(still, still, np.full((3, 1), 0.1)), 1)
    assert list(found[:2, 0]) == pytest.approx([-0.001, -0.001])


@pytest.mark.parametrize("missing", [NAN, -1.0])
def test_a_missing_spread_is_the_typical_one(missing: float) -> None:
    spread = np.full((4, 1), missing)
    found = paper_outcomes(np.ones((4, 1)), prices(OPEN, CLOSE, spread, typical=0.2), 1)
    assert found[0, 0] == pytest.approx((105.0 - 100.0 - 0.2) / 100.0)


@pytest.mark.parametrize("side", [0.0, NAN, 2.0, 0.5])
def test_what_is_neither_a_purchase_nor_a_sale_has_no_outcome(side: float) -> None:
    assert np.isnan(paper_outcomes(np.full((4, 1), side), prices(OPEN, CLOSE, SPREAD), 1)).all()


@pytest.mark.parametrize("bad", [NAN, 0.0, -1.0, math.inf])
@pytest.mark.parametrize("field", ["entry", "exit"])
def test_without_a_price_there_is_no_outcome(bad: float, field: str) -> None:
    opened, closed = OPEN.copy(), CLOSE.copy()
    (opened if field == "entry" else closed)[1] = bad
    found = paper_outcomes(np.ones((4, 1)), prices(opened, closed, SPREAD), 1)
    assert list(np.isnan(found[:, 0])) == [True, False, False, True]


@pytest.mark.parametrize("typical", [NAN, -1.0, math.inf])
def test_an_unknown_spread_is_not_a_free_one(typical: float) -> None:
    unknown = np.full((4, 1), NAN)
    found = paper_outcomes(np.ones((4, 1)), prices(OPEN, CLOSE, unknown, typical), 1)
    assert np.isnan(found).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    side: tuple[int, int] = (4, 1)
    spread: tuple[int, int] = (4, 1)
    horizon: int = 1


@pytest.mark.parametrize("wrong", [Wrong(side=(3, 1)), Wrong(spread=(4, 2)), Wrong(horizon=0)])
def test_what_does_not_fit_is_refused(wrong: Wrong) -> None:
    with pytest.raises(InvalidError, match="paper outcomes: expected"):
        paper_outcomes(
            np.ones(wrong.side), prices(OPEN, CLOSE, np.ones(wrong.spread)), wrong.horizon
        )


def test_fewer_bars_than_the_horizon_have_no_outcome() -> None:
    assert np.isnan(paper_outcomes(np.ones((4, 1)), prices(OPEN, CLOSE, SPREAD), 9)).all()


WEIGHTS = np.array([0.5, 0.25, 0.125, 0.0])


@pytest.mark.parametrize(
    ("votes", "side", "expected"),
    [
        ((0.25, 0.75, -1.0, NAN), 1.0, 1),  # 0.125, 0.1875
        ((0.5, 0.75, -1.0, NAN), 1.0, 0),  # 0.25, 0.1875
        ((0.5, 0.75, -1.0, NAN), -1.0, 2),
        ((0.125, 0.25, 0.5, NAN), 1.0, 0),  # equal: the first
        ((-0.5, 0.25, 0.5, NAN), 1.0, 1),
        ((NAN, NAN, 0.1, NAN), 1.0, 2),
        ((0.0, -0.1, -0.1, 1.0), 1.0, NOBODY),  # the only purchase has no weight
        ((0.5, 0.5, 0.5, 0.5), 0.0, NOBODY),
        ((0.5, 0.5, 0.5, 0.5), NAN, NOBODY),
        ((NAN, NAN, NAN, NAN), 1.0, NOBODY),
    ],
)
def test_a_decision_is_its_that_voted_most_weight_for_it(
    votes: tuple[float, ...], side: float, expected: int
) -> None:
    assert leading_agent(np.array(votes)[:, None], WEIGHTS, 0, side) == expected


def test_rows_at_once_are_the_rows_one_by_one() -> None:
    rng = np.random.default_rng(3)
    scores = rng.uniform(-1.0, 1.0, (30, 4, 5))
    scores[rng.random(scores.shape) < 0.2] = NAN
    side = rng.integers(-1, 2, (30, 5)).astype(np.float64)
    together = leading_agents(scores, WEIGHTS, side)
    for row, column in np.ndindex(side.shape):
        one = leading_agent(scores[row], WEIGHTS, column, side[row, column])
        assert together[row, column] == one
    assert set(np.unique(together)) == {NOBODY, 0, 1, 2}
