"""The committee: everyone is asked, whoever fails or is gone abstains and is named."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from agents.ballot import Agent
from agents.seat import Seat
from coordinator.committee import Committee
from market.bar_window import slice_of
from market.bars import Floats
from market.errors import FatalError, MemberFailed, StreamLost
from market.events import AgentAbstained
from market.lines import Line, LocalLine
from market.messages import BallotCast, PrimeWith
from tests.desk import market
from tests.lines import BreakingLine, ScriptedLine
from tests.voters import Contrarian, Faulty, Follower

BARS = market(20)
FIRST = 10


def seat(agent: Agent) -> LocalLine:
    return LocalLine(Seat(agent))


def primed(lines: Mapping[str, Line]) -> Committee:
    committee = Committee(lines)
    committee.prime(0, BARS.rows(0, FIRST))
    return committee


def vote(committee: Committee, row: int) -> tuple[Floats, Floats, list[AgentAbstained]]:
    committee.ask(row - FIRST, slice_of(BARS, row))
    return committee.gather(row - FIRST, int(BARS.time[row]))


def scripted(answer: object) -> ScriptedLine:
    """A member without evidence that answers every vote with `answer`."""
    return ScriptedLine(lambda message: () if isinstance(message, PrimeWith) else answer)


def cast(score: Floats, *, sequence: int = 0, rows: int = 0) -> BallotCast:
    layers = np.vstack([score, np.zeros((rows, score.shape[-1]))])
    return BallotCast(sequence=sequence, layers=layers)


def test_ballots_stand_in_the_order_of_the_agents_with_their_evidence() -> None:
    committee = primed({"b": seat(Contrarian()), "a": seat(Follower())})
    assert committee.names == ("b", "a")
    assert committee.evidence == {"b": ("fall",), "a": ("change",)}
    for row in range(FIRST, 20):
        scores, evidence, failures = vote(committee, row)
        np.testing.assert_array_equal(scores[0], Contrarian().vote(BARS).score[row])
        np.testing.assert_array_equal(scores[1], Follower().vote(BARS).score[row])
        np.testing.assert_array_equal(evidence[1], Follower().vote(BARS).evidence["change"][row])
        assert failures == []


def test_an_agent_that_fails_is_named_with_bar_and_reason_and_the_others_count() -> None:
    committee = primed({"faulty": seat(Faulty(fault="raises", good=2)), "a": seat(Follower())})
    scores, _, failures = vote(committee, FIRST)
    assert (scores[0] == 0.5).all()
    assert failures == []
    scores, _, failures = vote(committee, FIRST + 1)
    assert np.isnan(scores[0]).all()
    assert not np.isnan(scores[1]).any()
    assert failures == [
        AgentAbstained(
            sequence=1,
            time=int(BARS.time[FIRST + 1]),
            agent="faulty",
            reason="ZeroDivisionError: the model has no data",
        )
    ]


@pytest.mark.parametrize("on_reply", [True, False])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_an_agent_whose_line_is_lost_abstains_from_then_on(at: int, on_reply: bool) -> None:
    cut = BreakingLine(seat(Contrarian()), at=at, on_reply=on_reply)
    committee = primed({"lost": cut, "a": seat(Follower())})
    for row in range(FIRST, 15):
        scores, evidence, failures = vote(committee, row)
        gone = row - FIRST + 1 >= at
        assert np.isnan(scores[0]).all() == gone
        assert not np.isnan(scores[1]).any()
        assert not np.isnan(evidence[-1]).any()
        assert [failure.agent for failure in failures] == (["lost"] if gone else [])
    assert cut.posts <= at + 2, "a lost line is not spoken to again"


@pytest.mark.parametrize("error", [MemberFailed("out of memory"), FatalError("no history")])
def test_an_agent_that_answers_with_an_error_abstains_for_that_bar(error: Exception) -> None:
    committee = primed({"odd": scripted(error), "a": seat(Follower())})
    for row in (FIRST, FIRST + 1):
        scores, _, failures = vote(committee, row)
        assert np.isnan(scores[0]).all()
        assert [(f.agent, f.reason) for f in failures] == [("odd", str(error))]


def test_an_agent_that_cannot_be_primed_says_why_when_it_is_asked_to_vote() -> None:
    committee = primed({"odd": ScriptedLine(lambda _message: MemberFailed("no model"))})
    assert committee.evidence == {"odd": ()}
    _, _, failures = vote(committee, FIRST)
    assert [failure.reason for failure in failures] == ["no model"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (cast(np.zeros(4), sequence=9), "answered bar 9 when asked for 0"),
        ("hello", r"answered bar \? when asked for 0"),
        (cast(np.zeros(3)), r"shape \(1, 3\), expected \(1, 4\)"),
        (cast(np.zeros(4), rows=1), "answered scores and evidence of shape"),
        (cast(np.array([0.0, 0.0, 1.5, 0.0])), r"outside \[-1, 1\]"),
        (cast(np.array([0.0, 0.0, 0.0, -np.inf])), r"outside \[-1, 1\]"),
    ],
)
def test_an_answer_that_is_no_ballot_of_this_bar_is_an_abstention(
    answer: object, said: str
) -> None:
    scores, _, (failure,) = vote(primed({"odd": scripted(answer)}), FIRST)
    assert np.isnan(scores).all()
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(failure.reason)


def test_a_committee_of_nobody_left_still_answers() -> None:
    committee = primed({"a": scripted(StreamLost("gone")), "b": scripted(StreamLost("gone"))})
    for row in (FIRST, FIRST + 1):
        scores, evidence, failures = vote(committee, row)
        assert np.isnan(scores).all()
        assert evidence.shape == (0, 4)
        assert len(failures) == 2
