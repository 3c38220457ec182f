"""Seats and ballots: an agent votes on its window; one that breaks the contract abstains."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from agents.ballot import Agent, Ballot, check_ballot, names_told
from agents.law import check_finite_window_law
from agents.seat import LONGEST_REASON, Seat, evidence_names
from agents.trading.mean_reversion import MeanReversion
from agents.trading.momentum import Momentum
from agents.trading.sentiment import Sentiment
from agents.trading.volatility import Volatility
from market.bar_window import BarSlice, slice_of
from market.bars import Bars
from market.errors import AgentError, FatalError
from market.messages import BallotCast, PrimeWith, VoteOn
from tests.desk import market
from tests.voters import Contrarian, Faulty, Follower

BARS = market(20)


def primed(agent: Agent, rows: int = 5) -> Seat:
    seat = Seat(agent)
    seat.answer(PrimeWith(sequence=rows, history=BARS.rows(0, rows)))
    return seat


def vote(seat: Seat, row: int) -> BallotCast:
    cast = seat.answer(VoteOn(sequence=row, bar=slice_of(BARS, row)))
    assert isinstance(cast, BallotCast)
    assert cast.sequence == row
    return cast


@dataclass(slots=True, kw_only=True)
class Strange:
    """Votes whatever it was given."""

    ballot: object
    name: str = "strange"
    lookback: int = 3

    def vote(self, bars: Bars) -> Ballot:
        return self.ballot(bars) if callable(self.ballot) else self.ballot  # type: ignore[return-value]


def test_a_seat_votes_bar_by_bar_what_its_agent_votes_on_the_whole_panel() -> None:
    for agent in (Follower(), Contrarian()):
        whole = agent.vote(BARS)
        (name,) = whole.evidence
        seat = primed(agent, rows=3)
        for row in range(3, 20):
            cast = vote(seat, row)
            np.testing.assert_array_equal(cast.score, whole.score[row])
            np.testing.assert_array_equal(cast.evidence, whole.evidence[name][row : row + 1])
            assert cast.failure is None
        assert seat.voted == 17


def test_priming_answers_the_names_of_the_evidence() -> None:
    seat = Seat(Follower())
    assert seat.answer(PrimeWith(sequence=0, history=BARS.rows(0, 5))) == ("change",)
    assert seat.answer(PrimeWith(sequence=0, history=BARS.rows(0, 0))) == ("change",)


def test_priming_again_forgets_what_was_held() -> None:
    seat = primed(Follower(), rows=15)
    seat.answer(PrimeWith(sequence=15, history=BARS.rows(0, 0)))
    assert np.isnan(vote(seat, 15).score).all()


def test_a_bar_after_a_gap_is_not_voted_on_until_the_seat_is_primed_anew() -> None:
    seat = primed(Follower(), rows=5)
    vote(seat, 5)
    missed = vote(seat, 7)
    assert np.isnan(missed.score).all()
    assert missed.failure == "bar 7 came where 6 was expected; it is primed anew"
    seat.answer(PrimeWith(sequence=8, history=BARS.rows(0, 8)))
    np.testing.assert_array_equal(vote(seat, 8).score, Follower().vote(BARS).score[8])


def test_an_agent_without_enough_bars_abstains_without_a_failure() -> None:
    cast = vote(primed(Follower(), rows=0), 0)
    assert np.isnan(cast.score).all()
    assert cast.failure is None


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raises", "ZeroDivisionError: the model has no data"),
        ("returns no ballot", r"must return a Ballot, found ndarray"),
        (
            "wrong shape",
            r"score must be an array of shape \(2, 4\).*found float64 of shape \(2, 3\)",
        ),
        ("above one", r"scores must lie in \[-1, 1\] or be NaN, found 1"),
        ("below minus one", r"scores must lie in \[-1, 1\] or be NaN, found -7"),
        ("infinite", r"scores must lie in \[-1, 1\] or be NaN, found inf"),
        ("a list", r"score must be an array of shape .*found list"),
        ("wrong evidence", r"e must be an array of shape .*found float64 of shape \(1, 4\)"),
    ],
)
def test_an_agent_that_breaks_the_contract_abstains_says_why_and_may_vote_again(
    fault: str, said: str
) -> None:
    seat = primed(Faulty(fault=fault, good=2))  # the first vote tells its evidence
    good = vote(seat, 5)
    np.testing.assert_array_equal(good.score, np.full(4, 0.5))
    bad = vote(seat, 6)
    assert np.isnan(bad.score).all()
    assert np.isnan(bad.evidence).all()
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(bad.failure)
    seat.agent.good = 1_000  # type: ignore[attr-defined]
    assert vote(seat, 7).failure is None


def test_a_ballot_of_nothing_but_nan_is_an_abstention_and_no_failure() -> None:
    cast = vote(primed(Faulty(fault="all NaN")), 5)
    assert np.isnan(cast.score).all()
    assert cast.failure is None


def test_whole_numbers_are_scores_and_other_things_are_not() -> None:
    ones = Strange(ballot=lambda bars: Ballot(score=np.ones(bars.shape, np.int64)))
    assert vote(primed(ones), 5).failure is None
    for wrong in (np.array("x"), np.array(1j), np.array(None)):
        odd = Strange(ballot=lambda bars, w=wrong: Ballot(score=np.broadcast_to(w, bars.shape)))
        cast = vote(primed(odd), 5)
        assert np.isnan(cast.score).all()
        assert cast.failure is not None


def test_what_a_mask_hides_is_not_voted() -> None:
    def masked(bars: Bars) -> Ballot:
        return Ballot(score=np.ma.masked_array(np.full(bars.shape, 1e20), mask=True))

    cast = vote(primed(Strange(ballot=masked)), 5)
    assert np.isnan(cast.score).all()


def test_evidence_that_comes_and_goes_is_missing_where_it_is_absent() -> None:
    def sometimes(bars: Bars) -> Ballot:
        score = np.zeros(bars.shape)
        return Ballot(score=score, evidence={"a": score} if np.ptp(bars.close) == 0 else {})

    cast = vote(primed(Strange(ballot=sometimes)), 5)
    assert cast.failure is None
    assert np.isnan(cast.evidence).all()
    assert cast.evidence.shape == (1, 4)


@pytest.mark.parametrize(
    "evidence", [{1: "zeros"}, ["zeros"], {"a": "wrong"}, None], ids=["number", "list", "x", "none"]
)
def test_evidence_without_proper_names_is_not_on_record(evidence: object) -> None:
    def odd(bars: Bars) -> Ballot:
        zeros = np.zeros(bars.shape)
        made = {k: zeros if v == "zeros" else v for k, v in evidence.items()} if isinstance(
            evidence, dict
        ) else evidence  # fmt: skip
        return Ballot(score=zeros, evidence=made)  # type: ignore[arg-type]

    assert evidence_names(Strange(ballot=odd), BARS) == ()


def test_a_seat_that_has_warmed_up_votes_as_one_that_has_not() -> None:
    bars = market(Momentum().lookback + 3)
    first = len(bars) - 2
    warm, cold = Seat(Momentum()), Seat(Momentum())
    warm.warm_up()
    for seat in (warm, cold):
        seat.answer(PrimeWith(sequence=first, history=bars.rows(0, first)))
    for row in range(first, len(bars)):
        cast = [seat.answer(VoteOn(sequence=row, bar=slice_of(bars, row))) for seat in (warm, cold)]
        assert all(isinstance(one, BallotCast) for one in cast)
        np.testing.assert_array_equal(cast[0].layers, cast[1].layers)  # type: ignore[attr-defined]
    assert warm.voted == cold.voted == 2


def test_an_agent_that_cannot_warm_up_votes_all_the_same() -> None:
    def only_real_prices(bars: Bars) -> Ballot:
        if np.ptp(bars.close) == 0.0:
            raise RuntimeError("a market that stands still")
        return Ballot(score=np.zeros(bars.shape))

    seat = Seat(Strange(ballot=only_real_prices))
    seat.warm_up()
    seat.answer(PrimeWith(sequence=5, history=BARS.rows(0, 5)))
    assert vote(seat, 5).failure is None


@dataclass(slots=True, kw_only=True)
class Telling(Strange):
    """Names its evidence by itself."""

    evidence_names: object = ("a", "b")


def unasked(_bars: Bars) -> Ballot:
    raise AssertionError("nobody needs a vote to know the names")


def test_an_agent_that_names_its_evidence_is_not_asked_for_a_vote_to_know_it() -> None:
    telling: Agent = Telling(ballot=unasked)
    assert evidence_names(telling, BARS) == ("a", "b")


@pytest.mark.parametrize("names", [("a", 1), None, 7, "carry"])
def test_names_told_that_are_no_words_are_not_on_record(names: object) -> None:
    telling: Agent = Telling(ballot=unasked, evidence_names=names)
    assert evidence_names(telling, BARS) == ()
    with pytest.raises(AgentError, match="evidence_names must be a tuple of words, found"):
        names_told(telling)


def test_the_agents_of_the_desk_tell_the_names_that_their_ballots_have() -> None:
    bars = market(300)
    for agent in (Momentum(), MeanReversion(), Volatility(), Sentiment()):
        told = names_told(agent)
        assert told == tuple(agent.vote(bars).evidence)
        assert len(told) >= 3


def test_a_class_that_changes_the_vote_is_asked_for_the_names_of_its_own() -> None:
    assert evidence_names(Renamed(), market(5)) == ("contrary",)


def test_names_that_are_not_those_of_the_ballot_are_told_in_words() -> None:
    zeros = np.zeros(BARS.shape)
    told: Agent = Telling(ballot=Ballot(score=zeros, evidence={"a": zeros}))
    with pytest.raises(AgentError, match="evidence_names says a, b, and vote\\(\\) gave a"):
        check_finite_window_law(told, BARS, rows=())


def test_an_agent_that_cannot_name_its_evidence_still_votes() -> None:
    def only_real_prices(bars: Bars) -> Ballot:
        if np.ptp(bars.close) == 0.0:
            raise RuntimeError("a market that stands still")
        return Ballot(score=np.zeros(bars.shape), evidence={"a": bars.close})

    seat = Seat(Strange(ballot=only_real_prices))
    assert seat.answer(PrimeWith(sequence=5, history=BARS.rows(0, 5))) == ()
    cast = vote(seat, 5)
    assert cast.failure is None
    assert cast.evidence.shape == (0, 4)


def test_a_long_or_unprintable_complaint_is_kept_within_what_the_record_can_hold() -> None:
    def complains(_bars: Bars) -> Ballot:
        raise OSError("\udcff" * 10_000)

    failure = vote(primed(Strange(ballot=complains)), 5).failure
    assert failure is not None
    assert len(failure) == LONGEST_REASON
    failure.encode("utf-8")


def test_the_vote_cannot_be_changed_after_it_was_cast() -> None:
    kept = np.zeros((3, 4))
    seat = primed(Strange(ballot=lambda _bars: Ballot(score=kept)))
    cast = vote(seat, 5)
    kept[:] = 1.0
    assert not cast.score.any()


def test_a_vote_before_any_history_and_an_unknown_message_are_fatal() -> None:
    with pytest.raises(FatalError, match="before it was given history"):
        Seat(Follower()).answer(VoteOn(sequence=0, bar=slice_of(BARS, 0)))
    with pytest.raises(FatalError, match="does not know messages of type int"):
        Seat(Follower()).answer(7)


@pytest.mark.parametrize("value", [1.0, -1.0, 0.0, math.nan])
def test_a_ballot_within_the_contract_is_handed_back(value: float) -> None:
    ballot = Ballot(score=np.full(BARS.shape, value))
    assert check_ballot(ballot, BARS, "frog") is ballot


@pytest.mark.parametrize("value", [np.nextafter(1.0, 2.0), -1.5, math.inf, -math.inf])
def test_one_score_outside_is_enough_to_refuse_a_ballot(value: float) -> None:
    score = np.full(BARS.shape, math.nan)
    score[3, 2] = value
    with pytest.raises(AgentError, match=r"frog: scores must lie in \[-1, 1\]"):
        check_ballot(Ballot(score=score), BARS, "frog")


def test_bars_stay_as_they_are_whatever_an_agent_does() -> None:
    def meddles(bars: Bars) -> Ballot:
        bars.close[:] = 1.0
        return Ballot(score=np.ones(bars.shape))

    digest = BARS.digest()
    cast = vote(primed(Strange(ballot=meddles)), 5)
    assert cast.failure is not None
    assert "read-only" in cast.failure
    assert BARS.digest() == digest
    assert replace(BARS).digest() == digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrary(Momentum):
    """Changes the vote that it inherits, and nothing else."""

    def vote(self, bars: Bars) -> Ballot:
        ballot = super(Contrary, self).vote(bars)
        return Ballot(score=-ballot.score, evidence=ballot.evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed(Momentum):
    """Votes by something else than what it inherits."""

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=np.zeros(bars.shape), evidence={"contrary": np.zeros(bars.shape)})


def test_an_agent_that_changes_the_vote_it_inherits_votes_live_as_in_replay() -> None:
    bars = market(Momentum().lookback + 3)
    seat, whole = Seat(Contrary()), Contrary().vote(bars)
    first = len(bars) - 2
    seat.answer(PrimeWith(sequence=first, history=bars.rows(0, first)))
    for row in range(first, len(bars)):
        cast = seat.answer(VoteOn(sequence=row, bar=slice_of(bars, row)))
        assert isinstance(cast, BallotCast)
        np.testing.assert_array_equal(cast.score, whole.score[row])
    assert np.isfinite(whole.score[-1]).all()


@dataclass(slots=True, kw_only=True)
class Counting:
    """Votes with the bars that it has taken in one by one, and fails on some."""

    name: str = "counting"
    lookback: int = 3
    fails_on: int = -1
    asked: list[int] = field(default_factory=list)

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=np.full(bars.shape, 0.1 * min(len(bars), self.lookback)))

    def newest_vote(self) -> Callable[[Bars], Ballot]:
        taken: list[int] = []

        def vote(bars: Bars) -> Ballot:
            self.asked.append(len(bars))
            if int(bars.time[-1]) == self.fails_on:
                raise ValueError("a bad day")
            taken.extend(bars.time.tolist() if not taken else [int(bars.time[-1])])
            right = taken[-len(bars) :] == bars.time.tolist()
            return Ballot(score=np.full((1, bars.shape[1]), 0.3 if right else -1.0))

        return vote


def test_what_rolls_is_begun_anew_after_a_bar_on_which_it_failed() -> None:
    seat = primed(Counting(fails_on=int(BARS.time[6])))
    assert vote(seat, 5).score[0] == pytest.approx(0.3)
    assert vote(seat, 6).failure == "ValueError: a bad day"
    assert vote(seat, 7).score[0] == pytest.approx(0.3)


def test_a_seat_primed_with_no_bars_at_all_asks_nothing_of_its_agent() -> None:
    agent = Counting()
    seat = Seat(agent)
    seat.answer(PrimeWith(sequence=0, history=BARS.rows(0, 0)))
    assert agent.asked == []
    assert vote(seat, 0).failure is None
    assert agent.asked == [1]


@dataclass(slots=True, kw_only=True)
class Following(Counting):
    """Goes on bar by bar; gives what it is told to on one bar."""

    evidence_names: tuple[str, ...] = ("told",)
    odd_on: int = -1
    odd: object = None
    told: list[int] = field(default_factory=list)

    def vote(self, bars: Bars) -> Ballot:
        told = np.zeros(bars.shape)
        return Ballot(score=np.full(bars.shape, 0.3), evidence={"told": told})

    def newest_vote(self) -> Callable[[Bars], Ballot]:
        return FollowingVote(self)


class FollowingVote:
    """Votes 0.3 where it is asked with the panel, 0.4 where it goes on."""

    def __init__(self, agent: Following) -> None:
        self._agent = agent
        self.evidence = ("told",)

    def __call__(self, bars: Bars) -> Ballot:
        self._agent.asked.append(len(bars))
        score, told = np.full((1, bars.shape[1]), 0.3), np.zeros((1, bars.shape[1]))
        return Ballot(score=score, evidence={"told": told})

    def following(self, bar: BarSlice) -> Any:
        self._agent.told.append(bar.time)
        if bar.time == self._agent.odd_on:
            return self._agent.odd
        return np.array([[0.4], [1.0]]).repeat(bar.values.shape[1], axis=1)


def test_an_agent_that_goes_on_bar_by_bar_is_asked_with_the_panel_once() -> None:
    agent = Following()
    seat = primed(agent)
    assert len(agent.asked) == 1
    casts = [vote(seat, row) for row in (5, 6, 7)]
    assert [cast.score[0] for cast in casts] == [0.4, 0.4, 0.4]
    assert [cast.evidence[0, 0] for cast in casts] == [1.0, 1.0, 1.0]
    assert len(agent.asked) == 1
    assert agent.told == BARS.time[5:8].tolist()


def test_where_it_cannot_go_on_it_is_asked_with_the_panel() -> None:
    agent = Following(odd_on=int(BARS.time[6]), odd=None)
    seat = primed(agent)
    assert [vote(seat, row).score[0] for row in (5, 6, 7)] == [0.4, 0.3, 0.4]
    assert agent.asked == [3, 3]


@pytest.mark.parametrize(
    "odd",
    ["words", np.zeros((1, 3)), np.zeros((2, 3), dtype=np.float32), np.full((2, 3), 1.5)],
    ids=["no array", "another shape", "another kind", "out of range"],
)
def test_what_is_no_vote_of_a_bar_is_an_abstention_and_it_begins_anew(odd: object) -> None:
    width = BARS.shape[1]
    if isinstance(odd, np.ndarray):
        odd = np.repeat(odd[:, :1], width, axis=1)
    agent = Following(odd_on=int(BARS.time[6]), odd=odd)
    seat = primed(agent)
    abstained = vote(seat, 6) if vote(seat, 5).failure is None else None
    assert abstained is not None
    assert "AgentError" in str(abstained.failure)
    assert np.isnan(abstained.layers).all()
    assert vote(seat, 7).score[0] == 0.3
    assert agent.asked == [3, 3]


def test_evidence_by_other_names_than_the_agent_tells_is_not_followed() -> None:
    agent = Following(evidence_names=("told", "more"))
    seat = primed(agent)
    assert vote(seat, 5).layers.shape == (3, BARS.shape[1])
    assert agent.told == []


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int64])
def test_the_least_whole_number_of_a_kind_is_no_score(kind: type[np.signedinteger[Any]]) -> None:
    """Its absolute value is itself."""
    score = np.full(BARS.shape, np.iinfo(kind).min, dtype=kind)
    with pytest.raises(AgentError, match=r"scores must lie in \[-1, 1\]"):
        check_ballot(Ballot(score=score), BARS, "least")
