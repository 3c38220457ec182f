"""A live committee: ballots are counted as they come, and who is missing is named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TypeVar

import numpy as np
import pytest

from coordinator.live.committee import LATE, LiveCommittee
from coordinator.live.places import Place
from infra.deadlines import DeadlineLine
from market.bar_window import BarSlice, BarWindow
from market.errors import AgentError
from market.events import AgentAbstained
from market.flat import decoded
from market.lines import Failure
from market.messages import BallotCast, PrimeWith, VoteOn

WIDTH, DEADLINE_S, WITHIN_S = 3, 30.0, 20.0
Given = TypeVar("Given")
PLACES = (
    Place(name="bull", lookback=2, evidence=("trend",)),
    Place(name="bear", lookback=2, evidence=()),
    Place(name="owl", lookback=2, evidence=("hour", "moon")),
)
BAR = BarSlice(time=1, values=np.ones((6, WIDTH)))
Table = tuple[LiveCommittee, dict[str, Connection]]


@pytest.fixture
def table() -> Iterator[Table]:
    """A committee that has time, and the agents' ends of the lines."""
    with seated(DEADLINE_S) as made:
        yield made


@contextmanager
def seated(deadline_s: float) -> Iterator[Table]:
    """A committee, not primed yet, and the agents' ends of the lines."""
    window = BarWindow(("A", "B", "C"), 4, 60)
    committee = LiveCommittee(PLACES, WIDTH, deadline_s, lambda _: window.bars())
    with ExitStack() as open_lines:
        agents = {}
        for place in PLACES:
            ours, theirs = Pipe()
            open_lines.enter_context(theirs)
            open_lines.enter_context(ours)
            committee.connect(DeadlineLine(place.name, ours))
            agents[place.name] = theirs
        yield committee, agents


def ask(table: Table) -> None:
    """Give everybody bar 0."""
    committee, agents = table
    committee.ask(0, BAR)
    for agent in agents.values():
        assert isinstance(decoded(agent.recv_bytes()), PrimeWith)
        assert isinstance(decoded(agent.recv_bytes()), VoteOn)


def ballot(name: str, score: float = 0.5, width: int = WIDTH, *, sequence: int = 0) -> BallotCast:
    rows = next(len(place.evidence) for place in PLACES if place.name == name)
    evidence = np.arange(1.0, 1 + rows * width).reshape(rows, width)
    return BallotCast(sequence=sequence, layers=np.vstack([np.full(width, score), evidence]))


def unheard() -> None:
    """Nobody asked to be told that one is missing."""


def within_time(act: Callable[[], Given]) -> Given:
    """What it gives, which must come long before a deadline that is none."""
    given: list[Given] = []
    thread = threading.Thread(target=lambda: given.append(act()), daemon=True)
    thread.start()
    thread.join(WITHIN_S)
    assert given, "it never ended"
    return given[0]


def reasons(abstentions: list[AgentAbstained]) -> dict[str, str]:
    return {one.agent: one.reason for one in abstentions}


def test_ballots_stand_in_the_order_of_the_places_whoever_answers_first(table: Table) -> None:
    committee, agents = table
    ask(table)
    for name, score in (("owl", 0.3), ("bear", -0.2), ("bull", 1.0)):
        agents[name].send(ballot(name, score))
    scores, evidence, abstentions = committee.gather(0, 1, unheard)
    assert scores[:, 0].tolist() == [1.0, -0.2, 0.3]
    assert evidence.tolist() == [[1, 2, 3], [1, 2, 3], [4, 5, 6]]
    assert abstentions == []


def test_what_is_no_ballot_abstains_and_leaves_no_number(table: Table) -> None:
    committee, agents = table
    ask(table)
    agents["bull"].send(ballot("bull", 1.5))
    agents["bear"].send(ballot("bear", width=2))
    agents["owl"].send(ballot("owl", -1.0))
    scores, evidence, abstentions = committee.gather(0, 1, unheard)
    assert reasons(abstentions) == {
        "bull": "answered scores outside [-1, 1]",
        "bear": "answered scores and evidence of shape (1, 2), expected (1, 3)",
    }
    assert np.isnan(scores[:2]).all()
    assert np.isnan(evidence[0]).all()
    assert scores[2].tolist() == [-1.0] * WIDTH


def test_an_agent_that_is_late_abstains_at_the_deadline_and_votes_on_the_next_bar() -> None:
    with seated(0.05) as table:
        committee, agents = table
        ask(table)
        for name in ("bull", "bear"):
            agents[name].send(ballot(name, 1.0))
        scores, _, abstentions = within_time(lambda: committee.gather(0, 1, unheard))
        assert reasons(abstentions) == {"owl": LATE}
        assert scores[:2].tolist() == [[1.0] * WIDTH] * 2
        assert np.isnan(scores[2]).all()
        agents["owl"].send(ballot("owl"))
        committee.ask(1, BAR)
        for name, agent in agents.items():
            asked = decoded(agent.recv_bytes())  # nobody has missed a bar: nobody is primed anew
            assert (type(asked), asked.sequence) == (VoteOn, 1)
            if name != "owl":
                agent.send(ballot(name, -1.0, sequence=1))
        _, _, abstentions = within_time(lambda: committee.gather(1, 2, unheard))
        assert reasons(abstentions) == {"owl": LATE}, "a ballot that came late counts for nothing"
        committee.ask(2, BAR)
        for name, agent in agents.items():
            agent.send(ballot(name, 0.5, sequence=2))
        scores, _, abstentions = committee.gather(2, 3, unheard)
        assert (abstentions, scores.tolist()) == ([], [[0.5] * WIDTH] * 3)


def test_an_agent_that_raised_abstains_and_is_primed_before_its_next_vote(table: Table) -> None:
    committee, agents = table
    ask(table)
    agents["bull"].send(Failure(AgentError("bull divided by zero")))
    for name in ("bear", "owl"):
        agents[name].send(ballot(name))
    _, _, abstentions = committee.gather(0, 1, unheard)
    assert reasons(abstentions) == {"bull": "bull divided by zero"}
    committee.ask(1, BAR)
    asked = {name: decoded(agent.recv_bytes()) for name, agent in agents.items()}
    assert {name: type(one) for name, one in asked.items()} == {
        "bull": PrimeWith, "bear": VoteOn, "owl": VoteOn
    }  # fmt: skip
    assert isinstance(decoded(agents["bull"].recv_bytes()), VoteOn)
    for name, agent in agents.items():
        agent.send(ballot(name, sequence=1))
    assert committee.gather(1, 2, unheard)[2] == []


def test_it_is_told_once_that_a_single_ballot_is_missing(table: Table) -> None:
    committee, agents = table
    ask(table)
    told: list[str] = []

    def nearly() -> None:
        told.append("nearly")
        agents["owl"].send(ballot("owl"))  # without it the last ballot would never come

    agents["bull"].send(ballot("bull"))
    agents["bear"].send(ballot("bear"))
    scores, _, abstentions = committee.gather(0, 1, nearly)
    assert told == ["nearly"]
    assert abstentions == []
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("seated", [(), ("bull",)])
def test_it_is_told_so_where_nobody_or_one_is_asked(table: Table, seated: tuple[str, ...]) -> None:
    committee, agents = table
    committee.seated = seated
    committee.ask(0, BAR)
    for name in seated:
        agents[name].send(ballot(name))
    told: list[str] = []
    _, _, abstentions = committee.gather(0, 1, lambda: told.append("nearly"))
    assert told == ["nearly"]
    assert abstentions == []


def test_it_is_told_so_where_the_last_two_hang_up_together(table: Table) -> None:
    committee, agents = table
    ask(table)
    agents["bull"].send(ballot("bull"))
    agents["bear"].close()
    agents["owl"].close()
    told: list[str] = []
    _, _, abstentions = committee.gather(0, 1, lambda: told.append("nearly"))
    assert told == ["nearly"]
    assert reasons(abstentions) == {"bear": "away", "owl": "away"}


def test_an_agent_whose_process_starts_is_not_told_as_one_that_went_away(table: Table) -> None:
    committee, agents = table
    committee.seated = ("bull", "owl")
    agents.pop("bear").close()
    committee.drain()
    committee.seated = ("bull", "bear", "owl")
    ask(table)
    agents["bull"].send(ballot("bull"))
    agents["owl"].close()
    _, _, abstentions = committee.gather(0, 1, unheard)
    assert reasons(abstentions) == {"bear": "starting", "owl": "away"}
    assert committee.health()["bear"]["abstained"] == {"starting": 1}
