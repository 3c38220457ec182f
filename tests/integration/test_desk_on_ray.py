"""The whole desk as Ray actors, on real rates."""

from __future__ import annotations

from pathlib import Path

import pytest
import ray

from coordinator.conduct import run_on_ray
from coordinator.in_process import run_in_process
from coordinator.progress import Progress
from market.errors import ConfigError, JournalUnwritable
from market.events import AgentAbstained, DecisionTaken, OrderFilled, SessionEnded
from tests.runs import events_of, plan_with

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
NAMESPACE = {"namespace": "quorum-tests"}


def folder_in(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_actors_and_one_process_write_the_same_journal_event_for_event(tmp_path: Path) -> None:
    plan = plan_with(data={"end": "2000-12-31"}, ray=NAMESPACE)
    here, there = folder_in(tmp_path, "here"), folder_in(tmp_path, "there")
    local = run_in_process(plan, here)
    on_ray = run_on_ray(plan, there, lambda _: None)
    again = run_on_ray(plan, folder_in(tmp_path, "again"), lambda _: None)
    assert on_ray.digest == local.digest == again.digest
    assert any(isinstance(event, OrderFilled) for event in events_of(there))


def test_every_member_is_an_actor_of_its_own_with_its_name(tmp_path: Path) -> None:
    plan = plan_with(data={"end": "2000-12-31"}, ray=NAMESPACE)
    seen: set[str] = set()
    processes: set[int] = set()

    def look(progress: Progress) -> None:
        if not seen:
            for name in (*plan.names, "risk_guardian", "quantum_optimizer", "gateway"):
                status = ray.get(ray.get_actor(name, "quorum-tests").status.remote())
                assert status["serving"] == (progress.bars < plan.decisions)
                seen.add(status["name"])
                processes.add(status["pid"])

    run_on_ray(plan, tmp_path, look)
    assert seen == {
        "momentum", "mean_reversion", "volatility", "sentiment", "risk_guardian",
        "quantum_optimizer", "gateway",
    }  # fmt: skip
    assert len(processes) == len(seen)


def test_no_actor_is_left_after_a_run(tmp_path: Path) -> None:
    plan = plan_with(data={"end": "2000-12-31"}, ray=NAMESPACE)
    run_on_ray(plan, tmp_path, lambda _: None)
    with pytest.raises(ValueError, match="coordinator"):
        ray.get_actor("coordinator", "quorum-tests")


def test_a_failing_agent_abstains_by_name_and_the_run_goes_on(tmp_path: Path) -> None:
    agents = ("momentum", "mean_reversion", "volatility", "tests.agents:Faulty")
    plan = plan_with(data={"end": "2000-12-31"}, committee={"agents": agents}, ray=NAMESPACE)
    replayed = run_on_ray(plan, tmp_path, lambda _: None)
    events = events_of(tmp_path)
    abstained = [event for event in events if isinstance(event, AgentAbstained)]
    assert replayed.bars == plan.decisions
    assert {event.agent for event in abstained} == {"faulty"}
    assert "no more ideas" in abstained[0].reason
    assert any(isinstance(event, OrderFilled) for event in events)


def test_an_agent_whose_process_dies_abstains_from_then_on(tmp_path: Path) -> None:
    agents = ("momentum", "mean_reversion", "volatility", "tests.agents:Suicidal")
    plan = plan_with(data={"end": "2000-12-31"}, committee={"agents": agents}, ray=NAMESPACE)
    replayed = run_on_ray(plan, tmp_path, lambda _: None)
    events = events_of(tmp_path)
    gone = [event for event in events if isinstance(event, AgentAbstained)]
    assert replayed.bars == plan.decisions
    assert len(gone) > 100
    assert "gone" in gone[-1].reason


def test_stopping_keeps_the_journal_and_says_so(tmp_path: Path) -> None:
    plan = plan_with(ray=NAMESPACE)

    def stop(progress: Progress) -> None:
        if progress.bars:
            ray.get(ray.get_actor("coordinator", "quorum-tests").stop.remote())

    replayed = run_on_ray(plan, tmp_path, stop)
    events = events_of(tmp_path)
    decisions = sum(isinstance(event, DecisionTaken) for event in events)
    assert replayed.outcome == "interrupted"
    assert 0 < decisions == replayed.bars < plan.decisions
    assert isinstance(events[-1], SessionEnded)
    assert events[-1].outcome == "interrupted"


def test_two_desks_in_one_namespace_are_refused(tmp_path: Path) -> None:
    plan = plan_with(ray=NAMESPACE)
    refused: list[str] = []

    def start_another(progress: Progress) -> None:
        if progress.bars and not refused:
            with pytest.raises(ConfigError, match="another desk") as error:
                run_on_ray(plan, folder_in(tmp_path, "second"), lambda _: None)
            refused.append(str(error.value))
            ray.get(ray.get_actor("coordinator", "quorum-tests").stop.remote())

    first = run_on_ray(plan, folder_in(tmp_path, "first"), start_another)
    assert refused
    assert first.bars > 0, "the first desk goes on"


def test_a_journal_that_cannot_be_made_stops_before_trading(tmp_path: Path) -> None:
    plan = plan_with(data={"end": "2000-12-31"}, ray=NAMESPACE)
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(JournalUnwritable):
        run_on_ray(plan, tmp_path, lambda _: None)
