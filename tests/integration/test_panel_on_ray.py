"""The panel engine: agents as actors on chunks of rows."""

from __future__ import annotations

import contextlib
import json
import os
import select
from pathlib import Path
from typing import TypeGuard

import numpy as np
import pytest

from coordinator.cli.app import run
from coordinator.engines.locally import run_locally
from coordinator.engines.on_panel import run_on_panel
from coordinator.engines.ray_committee import ray_committee
from coordinator.in_process import never, unwatched
from coordinator.plan import Plan
from market.errors import AgentError, MemberLost
from market.events import AgentAbstained, DecisionTaken, OrderFilled, SessionEnded
from tests.runs import events_of, plan_with

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
GONE_WITHIN_S = 30.0


def short(*agents: str) -> Plan:
    committee = {"agents": agents} if agents else {}
    return plan_with(data={"end": "2000-12-31"}, optimizer={"method": "exact"}, committee=committee)


def folder_in(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def is_gone(process: int) -> bool:
    """Whether a process has ended, or ends soon."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(process)
        try:
            return bool(select.select([handle], [], [], GONE_WITHIN_S)[0])
        finally:
            os.close(handle)
    return True


def is_decision(event: object) -> TypeGuard[DecisionTaken]:
    return isinstance(event, DecisionTaken)


@pytest.mark.parametrize("rows", [None, 100])
def test_actors_on_panels_write_the_same_journal(tmp_path: Path, rows: int | None) -> None:
    plan = short()
    here = run_locally(plan, folder_in(tmp_path, "here"), never, unwatched)
    there = run_on_panel(plan, folder_in(tmp_path, "there"), never, unwatched, rows=rows)
    assert (there.digest, there.events, there.bars) == (here.digest, here.events, here.bars)
    assert any(isinstance(event, OrderFilled) for event in events_of(tmp_path / "there"))


def test_an_agent_that_fails_on_every_bar_abstains_for_the_same_reasons(tmp_path: Path) -> None:
    plan = short("momentum", "volatility", "tests.agents:Faulty")
    here = run_locally(plan, folder_in(tmp_path, "here"), never, unwatched)
    there = run_on_panel(plan, folder_in(tmp_path, "there"), never, unwatched, rows=200)
    assert there.digest == here.digest
    events = events_of(tmp_path / "there")
    assert any(isinstance(e, AgentAbstained) and "no more ideas" in e.reason for e in events)


def test_every_agent_has_a_process_of_its_own_that_is_gone_afterwards(tmp_path: Path) -> None:
    plan = short("tests.agents:Resident", "momentum")
    run_on_panel(plan, tmp_path, never, unwatched, rows=200)
    taken = [event for event in events_of(tmp_path) if isinstance(event, DecisionTaken)]
    (process,) = {int(event.evidence[0, 0]) for event in taken}
    assert process != os.getpid()
    assert is_gone(process)


def test_the_bars_are_read_where_they_lie_in_the_object_store(tmp_path: Path) -> None:
    plan = short("tests.agents:Resident", "momentum")
    run_on_panel(plan, folder_in(tmp_path, "there"), never, unwatched)
    run_locally(plan, folder_in(tmp_path, "here"), never, unwatched)
    copied = [
        {event.evidence[1, 0] for event in events_of(tmp_path / name) if is_decision(event)}
        for name in ("there", "here")
    ]
    assert copied == [{0.0}, {1.0}], "in this process the arrays are the feed's own"


def test_an_agent_that_cannot_be_built_there_is_told_as_it_is_here(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="cannot be built: OSError: no model file"):
        run_on_panel(short("momentum", "tests.agents:Homebody"), tmp_path, never, unwatched)


def test_nobody_can_write_on_the_bars() -> None:
    plan = short("tests.agents:Scribbler", "momentum")
    scores = np.full((10, 2, plan.desk.traded), np.nan)
    with ray_committee(plan) as committee:
        voted = committee.vote(plan.first, plan.first + 10, evidence=False, scores=scores)
    assert "read-only" in voted.failures[0, 0]


def test_a_process_that_dies_stops_the_replay_and_the_journal_says_so(tmp_path: Path) -> None:
    plan = short("momentum", "tests.agents:Mortal")
    with pytest.raises(MemberLost, match="the process of agent mortal died while it voted"):
        run_on_panel(plan, tmp_path, never, unwatched, rows=100)
    events = events_of(tmp_path)
    ended = events[-1]
    assert isinstance(ended, SessionEnded)
    assert ended.outcome.startswith("failed: the process of agent mortal died")
    # It was already asked about the chunk with that day while the one before was decided; its
    # answer on that one may be lost with it.
    assert ended.bars in (100, 200)


def test_the_command_replays_on_panels(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    digests = []
    for engine in ("panel", "local"):
        command = ["replay", "--to", "2000-12-31", "--agents", "momentum,volatility"]
        assert run([*command, "--engine", engine, "--out", str(tmp_path), "--json"]) == 0
        digests.append(json.loads(capfd.readouterr().out)["digest"])
    assert digests[0] == digests[1]


def test_parity_holds_on_ray(capfd: pytest.CaptureFixture[str]) -> None:
    engines = ["--engines", "events,panel", "--ray", "--json"]
    assert run(["parity", "--to", "2000-12-31", "--agents", "momentum,volatility", *engines]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["equal"]
    assert told["digests"][0] == told["digests"][1]
