"""The axioms of the Shapley value, and the tally of many decisions at once."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from coordinator.tally import Decision, tally, tally_halves, undecided
from coordinator.whatif.retally import retally
from coordinator.whatif.rules import Rules
from coordinator.whatif.shapley import EXACT_UP_TO, exact_shares, shapley
from market.bars import Floats

WORTH = st.floats(-100.0, 100.0)
GAMES = st.integers(1, 5).flatmap(
    lambda members: st.lists(WORTH, min_size=2**members, max_size=2**members).map(np.array)
)


def members_of(game: Floats) -> int:
    return game.shape[0].bit_length() - 1


def by_orders_of_joining(game: Floats) -> Floats:
    """The definition: each member's gain, averaged over all orders in which they may join."""
    members = members_of(game)
    gains = np.zeros(members)
    for order in permutations(range(members)):
        coalition = 0
        for member in order:
            gains[member] += game[coalition | 1 << member] - game[coalition]
            coalition |= 1 << member
    return gains / math.factorial(members)


@given(GAMES)
def test_the_formula_is_the_mean_gain_over_all_orders_of_joining(game: Floats) -> None:
    assert exact_shares(game) == pytest.approx(by_orders_of_joining(game), abs=1e-9)


@given(GAMES)
def test_efficiency_what_all_earn_beyond_nobody_is_given_out_whole(game: Floats) -> None:
    assert exact_shares(game).sum() == pytest.approx(game[-1] - game[0], abs=1e-9)


@given(GAMES, st.data())
def test_a_null_player_gets_nothing(game: Floats, data: st.DataObject) -> None:
    member = data.draw(st.integers(0, members_of(game) - 1))
    coalitions = np.arange(game.shape[0])
    without = game[coalitions & ~(1 << member)]
    assert exact_shares(without)[member] == 0.0


@given(GAMES.filter(lambda game: members_of(game) > 1), st.data())
def test_symmetry_members_that_cannot_be_told_apart_get_the_same(
    game: Floats, data: st.DataObject
) -> None:
    one, other = data.draw(
        st.lists(st.integers(0, members_of(game) - 1), min_size=2, max_size=2, unique=True)
    )
    coalitions = np.arange(game.shape[0])
    first, second = coalitions >> one & 1, coalitions >> other & 1
    swapped = coalitions & ~(1 << one) & ~(1 << other) | first << other | second << one
    shares = exact_shares(game + game[swapped])
    assert shares[one] == pytest.approx(shares[other], abs=1e-9)


@given(GAMES, st.data())
def test_additivity_two_games_at_once_pay_what_they_pay_apart(
    game: Floats, data: st.DataObject
) -> None:
    other = np.array(data.draw(st.lists(WORTH, min_size=len(game), max_size=len(game))))
    together = exact_shares(game + other)
    assert together == pytest.approx(exact_shares(game) + exact_shares(other), abs=1e-9)


def test_the_glove_market_pays_as_published() -> None:
    # Two left gloves, one right; a pair is worth 1: 1/6, 1/6, 2/3.
    game = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    assert exact_shares(game) == pytest.approx([1 / 6, 1 / 6, 2 / 3])


def test_beyond_twelve_members_orders_are_drawn_and_still_give_out_everything() -> None:
    members = EXACT_UP_TO + 1
    power = np.arange(1.0, members + 1.0)

    def majority(coalition: int) -> float:
        joined = [power[at] for at in range(members) if coalition >> at & 1]
        return float(sum(joined) > power.sum() / 2.0) + 0.1 * len(joined)

    shares = shapley(majority, members, np.random.default_rng(1))
    again = shapley(majority, members, np.random.default_rng(1))
    assert shares.permutations == 256
    assert shares.values.sum() == pytest.approx(majority(2**members - 1), abs=1e-9)
    assert shares.values.tolist() == again.values.tolist()
    assert (shares.standard_error > 0.0).all()
    # Shares of the vote follow power, roughly: within four standard errors of exact ones.
    exact = exact_shares(np.array([majority(each) for each in range(2**members)]))
    assert (np.abs(shares.values - exact) < 4.0 * shares.standard_error).all()


VOTES = st.one_of(st.just(math.nan), st.floats(-1.0, 1.0))


@settings(max_examples=50)
@given(
    scores=arrays.arrays(np.float64, st.tuples(*[st.integers(1, 4)] * 3), elements=VOTES),
    data=st.data(),
)
def test_many_decisions_at_once_are_the_tally_of_each(scores: Floats, data: st.DataObject) -> None:
    decisions, agents, instruments = scores.shape
    seats = data.draw(
        st.lists(st.integers(0, agents - 1), min_size=1, unique=True).map(sorted)
    )  # fmt: skip
    weights = np.array(
        data.draw(st.lists(st.floats(0.01, 1.0), min_size=len(seats), max_size=len(seats)))
    )
    rules = Rules(
        names=tuple(map(str, seats)), weights=weights, seats=tuple(seats), threshold=0.25,
        quorum=0.5,
    )  # fmt: skip
    together = retally(scores, rules)
    for row in range(decisions):
        alone = undecided(instruments)
        seated = np.ascontiguousarray(scores[row, seats])
        tally(seated, weights, 0.25, 0.5, alone)
        tally_halves(seated, weights, alone)
        for name in Decision._fields:
            np.testing.assert_array_equal(getattr(together, name)[row], getattr(alone, name))
