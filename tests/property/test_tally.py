"""The laws of the tally."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coordinator.tally import ROUNDING, Decision, Outcome, tally, tally_halves, undecided
from market.bars import Floats

QUICK = settings(max_examples=100, deadline=None)
THRESHOLD, QUORUM = 0.25, 0.5
VOTE = st.one_of(
    st.just(math.nan), st.just(0.0), st.sampled_from([1.0, -1.0]), st.floats(-1.0, 1.0)
)
ELECTIONS = st.integers(1, 6).flatmap(
    lambda agents: st.tuples(
        st.lists(VOTE, min_size=agents, max_size=agents).map(np.array),
        st.lists(st.floats(0.01, 1.0), min_size=agents, max_size=agents).map(np.array),
    )
)


def decide(
    scores: Floats, weights: Floats, *, threshold: float = THRESHOLD, quorum: float = QUORUM
) -> Decision:
    """The decision on one instrument."""
    decision = undecided(1)
    tally(scores.reshape(-1, 1), weights, threshold, quorum, decision)
    tally_halves(scores.reshape(-1, 1), weights, decision)
    return decision


def outcome(decision: Decision) -> Outcome:
    return Outcome(int(decision.outcome[0]))


@QUICK
@given(ELECTIONS)
def test_the_score_lies_between_minus_one_and_one_and_is_the_two_halves_apart(
    election: tuple[Floats, Floats],
) -> None:
    scores, weights = election
    decision = decide(scores, weights)
    if np.isnan(scores).all():
        assert np.isnan([decision.score[0], decision.buy[0], decision.sell[0]]).all()
        return
    assert -1.0 <= decision.score[0] <= 1.0
    assert decision.score[0] == pytest.approx(decision.buy[0] - decision.sell[0], abs=1e-15)
    assert 0.0 <= decision.buy[0] <= 1.0
    assert 0.0 <= decision.sell[0] <= 1.0


@QUICK
@given(ELECTIONS)
def test_an_abstention_leaves_numerator_and_denominator(election: tuple[Floats, Floats]) -> None:
    scores, weights = election
    voted = ~np.isnan(scores)
    decision = decide(scores, weights)
    assert decision.turnout[0] == pytest.approx(weights[voted].sum() / weights.sum(), rel=1e-12)
    if not voted.any():
        assert outcome(decision) is Outcome.NO_QUORUM
        return
    alone = decide(scores[voted], weights[voted])
    assert (decision.score[0], decision.buy[0], decision.sell[0]) == (
        alone.score[0], alone.buy[0], alone.sell[0],
    )  # fmt: skip
    expected = np.average(scores[voted], weights=weights[voted])
    assert decision.score[0] == pytest.approx(expected, abs=1e-14)


@QUICK
@given(ELECTIONS)
def test_negated_votes_negate_the_score_and_swap_buying_and_selling(
    election: tuple[Floats, Floats],
) -> None:
    scores, weights = election
    one, other = decide(scores, weights), decide(-scores, weights)
    np.testing.assert_array_equal(other.score, -one.score)
    np.testing.assert_array_equal(other.buy, one.sell)
    np.testing.assert_array_equal(other.sell, one.buy)
    np.testing.assert_array_equal(other.turnout, one.turnout)
    swapped = {Outcome.BUY: Outcome.SELL, Outcome.SELL: Outcome.BUY}
    assert outcome(other) is swapped.get(outcome(one), outcome(one))


@QUICK
@given(ELECTIONS)
def test_the_outcome_follows_from_turnout_score_and_threshold(
    election: tuple[Floats, Floats],
) -> None:
    decision = decide(*election)
    voted = ~np.isnan(election[0])
    edges = decision.turnout[0] - QUORUM, abs(decision.score[0]) - THRESHOLD
    assume(all(edge == 0.0 or abs(edge) > ROUNDING or math.isnan(edge) for edge in edges))
    if not voted.any() or decision.turnout[0] < QUORUM:
        expected = Outcome.NO_QUORUM
    elif abs(decision.score[0]) < THRESHOLD:
        expected = Outcome.BELOW_THRESHOLD
    else:
        expected = Outcome.BUY if decision.score[0] > 0.0 else Outcome.SELL
    assert outcome(decision) is expected


CENTS = st.lists(st.integers(1, 99), min_size=2, max_size=6)
"""Weights of a few decimals, as people write them."""


@QUICK
@given(CENTS, st.data())
def test_a_quorum_that_is_reached_in_decimals_is_reached(
    cents: list[int], data: st.DataObject
) -> None:
    voting = data.draw(st.lists(st.booleans(), min_size=len(cents), max_size=len(cents)))
    voted = sum(weight for weight, votes in zip(cents, voting, strict=True) if votes)
    assume(voted)
    scores = np.where(voting, 1.0, np.nan)
    quorum = voted / sum(cents)
    decision = decide(scores, np.array(cents) / 100.0, quorum=quorum)
    assert outcome(decision) is Outcome.BUY
    assert outcome(decide(scores, np.array(cents) / 100.0, quorum=quorum + 1e-6)) is (
        Outcome.NO_QUORUM
    )


@QUICK
@given(CENTS, st.integers(1, 100))
def test_who_all_vote_the_threshold_reach_it(cents: list[int], threshold: int) -> None:
    scores = np.full(len(cents), threshold / 100.0)
    for side, expected in ((1.0, Outcome.BUY), (-1.0, Outcome.SELL)):
        decision = decide(side * scores, np.array(cents) / 100.0, threshold=threshold / 100.0)
        assert outcome(decision) is expected


@QUICK
@given(ELECTIONS, st.lists(VOTE, min_size=6, max_size=6).map(np.array))
def test_instruments_do_not_touch_each_other(
    election: tuple[Floats, Floats], others: Floats
) -> None:
    scores, weights = election
    both = undecided(2)
    columns = np.column_stack([scores, others[: len(scores)]])
    tally(columns, weights, THRESHOLD, QUORUM, both)
    tally_halves(columns, weights, both)
    alone = decide(scores, weights)
    for name in Decision._fields:
        np.testing.assert_array_equal(getattr(both, name)[:1], getattr(alone, name))


@QUICK
@given(ELECTIONS, st.floats(0.1, 10.0))
def test_only_the_proportions_of_the_weights_count(
    election: tuple[Floats, Floats], factor: float
) -> None:
    scores, weights = election
    one, scaled = decide(scores, weights), decide(scores, factor * weights)
    np.testing.assert_allclose(scaled.score, one.score, atol=1e-14)
    np.testing.assert_allclose(scaled.turnout, one.turnout, rtol=1e-12)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.25, 0.25, 0.25, 0.25], Outcome.BUY),
        ([-0.25, -0.25, -0.25, -0.25], Outcome.SELL),
        ([0.2499, 0.25, 0.25, 0.25], Outcome.BELOW_THRESHOLD),
        ([0.0, 0.0, 0.0, 0.0], Outcome.BELOW_THRESHOLD),
        ([math.nan, 0.9, math.nan, 0.9], Outcome.BUY),  # 0.25 + 0.25: exactly half has voted
        ([math.nan, math.nan, 0.9, 0.9], Outcome.NO_QUORUM),  # 0.20 + 0.25
        ([math.nan] * 4, Outcome.NO_QUORUM),
    ],
)
def test_the_desk_decides_as_its_default_weights_say(
    scores: list[float], expected: Outcome
) -> None:
    weights = np.array([0.30, 0.25, 0.20, 0.25])
    assert outcome(decide(np.array(scores), weights)) is expected


def test_a_weightless_agent_cannot_make_a_quorum_nor_move_the_score() -> None:
    weights = np.array([1.0, 0.0])
    assert outcome(decide(np.array([math.nan, 1.0]), weights)) is Outcome.NO_QUORUM
    assert decide(np.array([0.5, -1.0]), weights).score[0] == 0.5


def test_an_instrument_on_which_nobody_votes_any_more_forgets_its_last_score() -> None:
    decision = undecided(1)
    weights = np.ones(1)
    tally(np.array([[0.9]]), weights, THRESHOLD, QUORUM, decision)
    tally(np.array([[math.nan]]), weights, THRESHOLD, QUORUM, decision)
    tally_halves(np.array([[math.nan]]), weights, decision)
    assert np.isnan([decision.score[0], decision.buy[0], decision.sell[0]]).all()
    assert decision.turnout[0] == 0.0
    assert outcome(decision) is Outcome.NO_QUORUM
