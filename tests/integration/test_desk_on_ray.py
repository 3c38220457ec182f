"""The whole desk as Ray actors, on real rates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import ray

from coordinator.conduct import run_on_ray
from coordinator.in_process import run_in_process
from coordinator.plan import Plan
from coordinator.progress import Progress
from coordinator.replay import Replayed
from market.errors import ConfigError, JournalUnwritable
from market.events import AgentAbstained, DecisionTaken, Event, OrderFilled, SessionEnded
from tests.runs import events_of, plan_with

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
RAY = {"namespace": "quorum-tests"}
TROUBLED = ("tests.agents:Faulty", "tests.agents:Suicidal")
SHORT = {"end": "2000-12-31"}
SMALL: dict[str, Any] = {"committee": {"agents": ["momentum"]}, "optimizer": {"method": "exact"}}
"""Five processes in place of eight, and an optimizer that answers at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run as actors: what it recorded, and what each member told of itself meanwhile."""

    plan: Plan
    replayed: Replayed
    events: list[Event]
    told: dict[str, dict[str, Any]]
    left: list[str]


def members(plan: Plan) -> tuple[str, ...]:
    return (*plan.names, "risk_guardian", "quantum_optimizer", "gateway")


def ran_on_ray(plan: Plan, folder: Path) -> Ran:
    """Run the plan, ask every member for its status on the first look, and see who is left."""
    told: dict[str, dict[str, Any]] = {}
    namespace = plan.settings.ray.namespace

    def look(progress: Progress) -> None:
        if not told:
            for name in members(plan):
                member: Any = ray.get_actor(name, namespace)
                status: dict[str, Any] = ray.get(member.status.remote())
                told[name] = {**status, "at work": progress.bars < plan.decisions}

    replayed = run_on_ray(plan, folder, look)
    listed: list[dict[str, str]] = ray.util.list_named_actors(all_namespaces=True)
    left = [each["name"] for each in listed if each["namespace"] == namespace]
    return Ran(plan=plan, replayed=replayed, events=events_of(folder), told=told, left=left)


@pytest.fixture(scope="module")
def desk(ray_session: str, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The whole committee."""
    return ran_on_ray(
        plan_with(data=SHORT, ray={"namespace": ray_session}), tmp_path_factory.mktemp("desk")
    )


@pytest.fixture(scope="module")
def troubled(ray_session: str, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A committee with one agent that raises and one whose process dies."""
    agents = ("momentum", "mean_reversion", "volatility", *TROUBLED)
    plan = plan_with(data=SHORT, committee={"agents": agents}, ray={"namespace": ray_session})
    return ran_on_ray(plan, tmp_path_factory.mktemp("troubled"))


def folder_in(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_actors_and_one_process_write_the_same_journal_event_for_event(
    desk: Ran, tmp_path: Path
) -> None:
    local = run_in_process(desk.plan, tmp_path)
    assert desk.replayed.digest == local.digest
    assert any(isinstance(event, OrderFilled) for event in desk.events)


def test_every_member_is_an_actor_of_its_own_with_its_name(desk: Ran) -> None:
    assert list(desk.told) == [status["name"] for status in desk.told.values()]
    assert set(desk.told) == {
        "momentum", "mean_reversion", "volatility", "sentiment", "risk_guardian",
        "quantum_optimizer", "gateway",
    }  # fmt: skip
    assert all(status["serving"] == status["at work"] for status in desk.told.values())
    assert len({status["pid"] for status in desk.told.values()}) == len(desk.told)


def test_no_actor_is_left_after_a_run(desk: Ran) -> None:
    assert desk.told
    assert not desk.left


def test_a_failing_agent_abstains_by_name_and_the_run_goes_on(troubled: Ran) -> None:
    reasons = abstained(troubled)["faulty"]
    assert troubled.replayed.bars == troubled.plan.decisions
    assert len(reasons) == troubled.plan.decisions
    assert "no more ideas" in reasons[0]
    assert any(isinstance(event, OrderFilled) for event in troubled.events)


def test_an_agent_whose_process_dies_abstains_from_then_on(troubled: Ran) -> None:
    reasons = abstained(troubled)["suicidal"]
    assert troubled.replayed.bars == troubled.plan.decisions
    assert 100 < len(reasons) < troubled.plan.decisions
    assert "gone" in reasons[-1]


def test_only_those_in_trouble_abstain(troubled: Ran) -> None:
    assert set(abstained(troubled)) == {"faulty", "suicidal"}


def abstained(run: Ran) -> dict[str, list[str]]:
    """Why an agent abstained, by its name, abstention by abstention."""
    found: dict[str, list[str]] = {}
    for event in run.events:
        if isinstance(event, AgentAbstained):
            found.setdefault(event.agent, []).append(event.reason)
    return found


def test_stopping_keeps_the_journal_and_says_so(tmp_path: Path) -> None:
    plan = plan_with(**SMALL, ray=RAY)

    def stop(progress: Progress) -> None:
        if progress.bars:
            ray.get(ray.get_actor("coordinator", RAY["namespace"]).stop.remote())

    replayed = run_on_ray(plan, tmp_path, stop)
    events = events_of(tmp_path)
    decisions = sum(isinstance(event, DecisionTaken) for event in events)
    assert replayed.outcome == "interrupted"
    assert 0 < decisions == replayed.bars < plan.decisions
    assert isinstance(events[-1], SessionEnded)
    assert events[-1].outcome == "interrupted"


def test_two_desks_in_one_namespace_are_refused(tmp_path: Path) -> None:
    plan = plan_with(**SMALL, ray=RAY)
    refused: list[str] = []

    def start_another(progress: Progress) -> None:
        if progress.bars and not refused:
            with pytest.raises(ConfigError, match="another desk") as error:
                run_on_ray(plan, folder_in(tmp_path, "second"), lambda _: None)
            refused.append(str(error.value))
            ray.get(ray.get_actor("coordinator", RAY["namespace"]).stop.remote())

    first = run_on_ray(plan, folder_in(tmp_path, "first"), start_another)
    assert refused
    assert first.bars > 0, "the first desk goes on"


def test_a_journal_that_cannot_be_made_stops_before_trading(tmp_path: Path) -> None:
    plan = plan_with(**SMALL, data=SHORT, ray=RAY)
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(JournalUnwritable):
        run_on_ray(plan, tmp_path, lambda _: None)
