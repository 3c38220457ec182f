"""The session with members that fail, fall silent or answer nonsense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coordinator.bootstrap import GATEWAY, GUARDIAN, OPTIMIZER
from coordinator.roster import AgentSpec
from market.errors import FatalError, MemberLost, QuorumError
from market.events import (
    AgentAbstained,
    AlertRaised,
    AllocationApplied,
    AllocationMissed,
    BarSettled,
    DecisionTaken,
    OrderIntended,
)
from market.lines import LocalLine
from tests.desk import TWO, builders, ended, events_of, kept, plan, replay_altered, replay_here
from tests.lines import BreakingLine

BARS = 68


def faulty(fault: str, good: int = 0) -> AgentSpec:
    return AgentSpec(path="tests.voters:Faulty", parameters=(("fault", fault), ("good", good)))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raises", "ZeroDivisionError: the model has no data"),
        ("returns no ballot", "must return a Ballot"),
        ("wrong shape", "must be an array of shape (2, 3)"),
        ("above one", "must lie in [-1, 1]"),
        ("infinite", "must lie in [-1, 1]"),
    ],
)
def test_an_agent_that_breaks_the_contract_abstains_is_named_and_the_run_goes_on(
    tmp_path: Path, fault: str, said: str
) -> None:
    settled = plan(agents=(*TWO, faulty(fault, good=11)))
    result = replay_here(settled, tmp_path / "run")
    assert (result.outcome, result.bars) == ("completed", BARS)
    events = events_of(tmp_path / "run")
    named = kept(events, AgentAbstained)
    assert [e.sequence for e in named] == list(range(10, BARS))
    assert {e.agent for e in named} == {"faulty"}
    assert all(said in e.reason for e in named)
    decisions = kept(events, DecisionTaken)
    assert (decisions[9].scores[2] == 0.5).all()
    assert np.isnan(decisions[10].scores[2]).all()
    np.testing.assert_allclose(decisions[10].turnout, 2.0 / 3.0)
    assert any(decision.approved for decision in decisions[10:])


def test_an_agent_that_only_abstains_is_no_failure_and_leaves_the_tally(tmp_path: Path) -> None:
    replay_here(plan(agents=(*TWO, faulty("all NaN"))), tmp_path / "run")
    events = events_of(tmp_path / "run")
    assert kept(events, AgentAbstained) == []
    alone = tmp_path / "alone"
    replay_here(plan(), alone)
    for with_it, without in zip(
        kept(events, DecisionTaken), kept(events_of(alone), DecisionTaken), strict=True
    ):
        np.testing.assert_array_equal(with_it.score, without.score)
        assert np.isnan(with_it.scores[2]).all()


def test_without_a_quorum_nothing_is_traded_and_the_record_says_so(tmp_path: Path) -> None:
    replay_here(plan(agents=(TWO[0], faulty("all NaN")), committee={"quorum": 0.6}), tmp_path / "r")
    events = events_of(tmp_path / "r")
    assert kept(events, OrderIntended) == []
    assert all((d.outcome == 3).all() for d in kept(events, DecisionTaken))


@pytest.mark.parametrize("at", [0, 1, 30])
@pytest.mark.parametrize("on_reply", [True, False])
def test_a_lost_agent_abstains_from_then_on_and_the_run_goes_on(
    tmp_path: Path, at: int, on_reply: bool
) -> None:
    settled = plan()
    agent = LocalLine(builders(settled, tmp_path)["contrarian"]())
    cut = BreakingLine(agent, at=at, on_reply=on_reply)
    result = replay_here(settled, tmp_path / "run", {"contrarian": cut})
    assert (result.outcome, result.bars) == ("completed", BARS)
    named = kept(events_of(tmp_path / "run"), AgentAbstained)
    assert [e.sequence for e in named] == list(range(max(at - 1, 0), BARS))
    assert {e.agent for e in named} == {"contrarian"}


@pytest.mark.parametrize("on_reply", [True, False])
def test_without_the_guardian_the_desk_stops_and_the_journal_says_why(
    tmp_path: Path, on_reply: bool
) -> None:
    settled = plan()
    guardian = LocalLine(builders(settled, tmp_path)[GUARDIAN]())
    cut = BreakingLine(guardian, at=40, on_reply=on_reply)
    with pytest.raises(MemberLost, match="risk_guardian is gone; the desk stops without it"):
        replay_here(settled, tmp_path / "run", {GUARDIAN: cut})
    events = events_of(tmp_path / "run")
    assert ended(events).outcome.startswith("failed: risk_guardian is gone")
    assert len(kept(events, DecisionTaken)) == 40
    assert not [e for e in kept(events, OrderIntended) if e.order.sequence >= 40]


@pytest.mark.parametrize("on_reply", [True, False])
def test_without_the_gateway_the_desk_stops_and_what_was_recorded_is_whole(
    tmp_path: Path, on_reply: bool
) -> None:
    settled, folder = plan(), tmp_path / "run"
    folder.mkdir()
    gateway = builders(settled, folder)[GATEWAY]()
    cut = BreakingLine(LocalLine(gateway), at=41, on_reply=on_reply)
    with pytest.raises(MemberLost, match="gateway is gone; the desk stops without it"):
        replay_here(settled, folder, {GATEWAY: cut})
    assert cut.cut
    del cut, gateway
    assert len(kept(events_of(folder), BarSettled)) <= 21


@pytest.mark.parametrize("member", [GUARDIAN, GATEWAY])
def test_an_indispensable_member_that_answers_nonsense_stops_the_desk(
    tmp_path: Path, member: str
) -> None:
    with pytest.raises(MemberLost, match=f"{member} answered str, expected"):
        replay_altered(plan(), tmp_path / "run", member, lambda _answer: "yes")


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_lost_optimizer_is_recorded_and_its_allocation_grows_old(tmp_path: Path, at: int) -> None:
    settled = plan()
    cut = BreakingLine(LocalLine(builders(settled, tmp_path)[OPTIMIZER]()), at=at)
    result = replay_here(settled, tmp_path / "run", {OPTIMIZER: cut})
    assert (result.outcome, result.bars) == ("completed", BARS)
    events = events_of(tmp_path / "run")
    assert len(kept(events, AllocationApplied)) == at
    missed = kept(events, AllocationMissed)
    assert "the wire was cut" in missed[0].reason
    assert missed[-1].in_force == "neutral"
    alerts = [alert.sequence for alert in kept(events, AlertRaised)]
    assert alerts == [event.sequence for event in missed], "as a fallback is told"
    after = [d for d in kept(events, DecisionTaken) if d.sequence >= missed[-1].sequence]
    assert len(after) > 5
    assert all((d.multiplier == 1.0).all() for d in after)


def test_a_member_that_raises_stops_the_desk_with_its_own_error(tmp_path: Path) -> None:
    class Angry:
        def answer(self, message: object) -> object:
            raise FatalError(f"I will not answer a {type(message).__name__}")

    with pytest.raises(FatalError, match="I will not answer a RiskContext"):
        replay_here(plan(), tmp_path / "run", {GUARDIAN: LocalLine(Angry())})
    assert issubclass(FatalError, QuorumError)
