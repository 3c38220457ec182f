"""From names to agents, and what is said when that fails."""

from __future__ import annotations

import importlib
import pickle
import sys
from pathlib import Path

import pytest

from agents.seat import Seat
from coordinator.roster import (
    BUILT_IN,
    AgentSpec,
    agent_in_hand,
    agent_spec,
    known_agents,
    refuse_stray_tables,
    take_seat,
)
from market.errors import AgentError, ConfigError
from tests.voters import Follower


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_built_in_agent_can_be_built_under_its_own_name(name: str) -> None:
    agent = agent_spec(name, {}).build()
    assert agent.name == name
    assert agent.lookback >= 1


def test_parameters_reach_the_agent_by_name_or_by_class() -> None:
    by_name = agent_spec("tests.voters:Follower", {"tests.voters:Follower": {"rows": 7}})
    by_class = agent_spec("tests.voters:Follower", {"Follower": {"rows": 7}})
    assert by_name == by_class
    assert by_name.build().lookback == 8


def test_a_parameter_that_came_as_text_is_read_as_what_it_spells() -> None:
    spec = agent_spec("tests.voters:Follower", {"Follower": {"rows": "7", "name": "frog"}})
    assert dict(spec.parameters) == {"rows": 7, "name": "frog"}


def test_the_order_of_parameters_makes_no_other_spec() -> None:
    one = agent_spec("tests.voters:Follower", {"Follower": {"rows": 2, "scale": 9.0}})
    two = agent_spec("tests.voters:Follower", {"Follower": {"scale": 9.0, "rows": 2}})
    assert one == two


def test_a_spec_travels_and_builds_elsewhere() -> None:
    spec = pickle.loads(pickle.dumps(agent_spec("tests.voters:Follower", {})))
    seat = take_seat(spec)
    assert isinstance(seat, Seat)
    assert seat.agent == Follower()


def test_an_unknown_name_is_refused_with_the_nearest_and_all_that_are_known() -> None:
    with pytest.raises(AgentError, match="unknown agent 'momentun', did you mean 'momentum'"):
        agent_spec("momentun", {})
    assert set(BUILT_IN) <= set(known_agents())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere.mine:Agent", r"no module 'nowhere'"),
        ("tests.voters:Folower", r"tests.voters has no class 'Folower', did you mean 'Follower'"),
        ("tests.voters:", r"has no class ''"),
        (":Follower", r"importing it failed: ValueError"),
        (".voters:Follower", r"importing it failed: TypeError"),
        ("math:pi", r"math:pi: expected a class that builds an agent, found float"),
        ("math:sqrt", r"expected a class that builds an agent, found builtin_function_or_method"),
        ("tests.voters:Unnamed", r"needs name, lookback and vote\(bars\); missing name, lookback"),
        ("tests.voters:NoLookback", r"lookback must be a whole number ≥ 1, found 0"),
        ("tests.voters:Unbuildable", r"cannot be built: OSError: no model file"),
        ("tests.voters:Faulty", r"missing 1 required .*'fault'\. Parameters it takes: fault, good"),
    ],
)
def test_an_agent_that_cannot_be_built_says_why_and_leaves_no_traceback(
    path: str, said: str
) -> None:
    with pytest.raises(AgentError, match=said):
        AgentSpec(path=path).build()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def broken(:\n", r"broken_.*\.py, line 1: invalid syntax"),
        ("raise RuntimeError('no licence')", r"importing it failed: RuntimeError: no licence"),
        ("import not_installed_here", r"no module 'not_installed_here'"),
    ],
)
def test_a_module_that_cannot_be_imported_says_where(
    tmp_path: Path, source: str, said: str
) -> None:
    name = f"broken_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(source)
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    try:
        with pytest.raises(AgentError, match=said):
            AgentSpec(path=f"{name}:Agent").build()
    finally:
        sys.path.remove(str(tmp_path))


def test_a_parameter_that_the_agent_does_not_take_is_refused_with_those_it_takes() -> None:
    spec = AgentSpec(path="tests.voters:Follower", parameters=(("speed", 3),))
    with pytest.raises(AgentError, match=r"'speed'\. Parameters it takes: rows, scale, name"):
        spec.build()


@pytest.mark.parametrize("name", ["", 7, None])
def test_a_name_must_be_a_word(name: object) -> None:
    spec = AgentSpec(path="tests.voters:Follower", parameters=(("name", name),))
    with pytest.raises(AgentError, match="name must be a word"):
        spec.build()


def test_a_table_that_no_agent_reads_is_refused() -> None:
    seated = ("momentum", "tests.voters:Follower")
    refuse_stray_tables(seated, ["momentum", "sentiment", "Follower", "tests.voters:Follower"])
    with pytest.raises(ConfigError, match=r"\[agents.momentun\]: no such agent, did you mean"):
        refuse_stray_tables(seated, ["momentun"])


def test_an_agent_in_hand_is_seated_as_a_copy() -> None:
    agent = Follower(rows=5)
    spec = agent_in_hand(agent)
    assert dict(spec.parameters)["rows"] == 5
    built = spec.build()
    assert built == agent
    assert built is not agent
    with pytest.raises(AgentError, match=r"found its class; write Follower\(\)"):
        agent_in_hand(Follower)
