"""Sweeps as Ray tasks: the same results as without Ray, whatever dies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.cli.app import run
from coordinator.sweep.definition import Sweep, settle_sweep
from coordinator.sweep.on_ray import RayWorkers
from coordinator.sweep.space import Choices, Space
from coordinator.sweep.trial import TrialResult
from coordinator.sweep.workers import LocalWorkers, Workers
from tests.desk import market, plan
from tests.sweeps import grid, small_sweep

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]


def everything(sweep: Sweep, workers: Workers) -> dict[int, TrialResult]:
    numbers = range(len(sweep.configurations))
    results = [result for batch in workers.run(sweep, numbers) for result in batch]
    assert len({result.number for result in results}) == len(results), "none comes twice"
    return {result.number: result for result in results}


def doomed_sweep(grave: str) -> Sweep:
    """Four trials, of which the third kills its worker."""
    agents = ("tests.agents:Doomed",)
    base = plan(market(70), agents=agents, committee={"agents": agents})
    choices = [Choices(key="agents.Doomed.rows", values=(3, 4, 5, 6))]
    choices += [Choices(key="agents.Doomed.grave", values=(grave,))]
    return settle_sweep(base, Space(choices=tuple(choices)), None)


def test_trials_on_ray_are_those_of_this_process_to_the_last_bit() -> None:
    sweep = small_sweep(
        space=grid(
            committee__decision_threshold=(0.2, 0.5),
            agents__Follower__rows=(3, 5),
            guardian__max_position=(0.9, 9.0),
        )
    )
    here, there = everything(sweep, LocalWorkers()), everything(sweep, RayWorkers(2))
    assert sorted(there) == sorted(here) == list(range(8))
    for number, result in here.items():
        assert repr(there[number].measures) == repr(result.measures)
        assert there[number].failure == result.failure
    assert sum(result.failure is not None for result in here.values()) == 4


def test_a_trial_whose_worker_is_killed_is_run_again(tmp_path: Path) -> None:
    sweep = doomed_sweep(str(tmp_path))
    workers = RayWorkers(2)
    results = everything(sweep, workers)
    assert (tmp_path / "died").exists(), "a worker was killed"
    assert sorted(results) == [0, 1, 2, 3]
    assert all(result.failure is None for result in results.values())
    assert workers.lost == ()


def test_a_trial_that_always_kills_its_worker_is_lost_alone() -> None:
    workers = RayWorkers(1)
    results = everything(doomed_sweep(""), workers)
    assert sorted(results) == [0, 1, 3]
    assert workers.lost == (2,)


def test_a_sweep_of_the_command_line_runs_on_ray(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "sweep", "--to", "1999-09-30", "--instruments", "EUR_USD", "--agents",
        "tests.voters:Follower", "--grid", "committee.decision_threshold=0.2,0.4",
        "--no-walk-forward", "--out", str(tmp_path), "--workers", "2", "--json",
    ]  # fmt: skip
    assert run(arguments) == 0
    printed = json.loads(capfd.readouterr().out)
    assert printed["trials"] == 2
    assert printed["complete"]
    assert (Path(printed["folder"]) / "report.html").is_file()
