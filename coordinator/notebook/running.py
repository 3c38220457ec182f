"""Starting a replay from a notebook, and opening an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.ballot import Agent
from coordinator.bootstrap import plan_of
from coordinator.configuration.settings import CommitteeSettings, Settings
from coordinator.configuration.sources import load_settings
from coordinator.engines.choice import ENGINES, Engine
from coordinator.engines.locally import run_locally
from coordinator.interrupts import interrupts_noted
from coordinator.notebook.run import Run
from coordinator.plan import Plan
from coordinator.progress import Progress
from coordinator.results.record import load_record
from coordinator.results.summary import summarise
from coordinator.results.write import write_results
from coordinator.roster import AgentInHand, agent_in_hand
from coordinator.run_folder import new_run_folder
from coordinator.run_inputs import write_inputs
from market.errors import ConfigError, QuorumError

COMMITTEE = CommitteeSettings().agents
"""The names of the default committee; `[*COMMITTEE, MyAgent()]` adds one's own."""


def replay(
    *,
    start: str | None = None,
    end: str | None = None,
    instruments: Sequence[str] | None = None,
    data: str | Path | None = None,
    agents: Sequence[str | Agent] | None = None,
    seed: int | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    config: str | Path | None = None,
    engine: Engine = "local",
    out: str | Path | None = None,
) -> Run:
    """Trade history with the whole committee and write the run's folder.

    start, end: first and last day, YYYY-MM-DD, UTC. data: 'ecb', or a file or folder of prices.
    agents: names, package.module:Class, or agents themselves, of which every run seats a copy.
    settings: any other setting by section, such as {"committee": {"decision_threshold": 0.3}}.
    config: a TOML file; unset, `quorum.toml` of the working folder where there is one.
    engine: 'local' runs in this process; 'events' gives every member a process of its own on
        Ray, 'panel' every agent; these take agents by name only. All write the same journal.
    out: the folder that gets the run's folder.

    Interrupting ends the session after its bar and returns what there is. Raises QuorumError
    that says what is wrong, with the folder where a run that failed has left its journal.
    """
    names, in_hand = seats_of(agents)
    if engine not in ENGINES:
        expected = ", ".join(map(repr, ENGINES))
        raise ConfigError(f"engine: expected one of {expected}, found {engine!r}")
    if engine != "local" and in_hand:
        raise ConfigError(
            f"engine={engine!r} builds agents in processes of their own and takes them by name; "
            f"found {', '.join(spec.path for spec in in_hand.values())}. Use engine='local', or "
            "put the class into a file and name it as module:Class."
        )
    given: dict[str, dict[str, Any]] = {
        "desk": {"seed": seed},
        "data": history(start, end, instruments, data),
        "committee": {"agents": names},
        "run": {"out": out},
    }
    loaded = settings_with(given, settings, config)
    plan = plan_of(loaded, in_hand)
    folder = new_run_folder(loaded.run.out, plan.desk.session)
    write_inputs(folder, loaded)
    try:
        _conduct(plan, folder, engine)
    except QuorumError as error:
        error.add_note(f"what was recorded is kept in {folder}")
        raise
    run = open_run(folder)
    write_results(run.results, folder)
    return run


def open_run(folder: str | Path) -> Run:
    """A run that is there already, from its journal. Raises JournalError where it has none."""
    path = Path(folder)
    record = load_record(path / "journal.sqlite")
    return Run(folder=path, record=record, results=summarise(record))


def history(
    start: str | None,
    end: str | None,
    instruments: Sequence[str] | None,
    data: str | Path | None,
) -> dict[str, Any]:
    """The settings of the section `data`; None where nothing is said."""
    return {
        "source": None if data is None else str(data),
        "instruments": None if instruments is None else tuple(instruments),
        "start": start,
        "end": end,
    }


def settings_with(
    given: Mapping[str, Mapping[str, Any]],
    others: Mapping[str, Mapping[str, Any]] | None,
    config: str | Path | None,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """The settings of a file, with others over it and what is given, not None, over both.

    defaults: as of `load_settings`.
    """
    more = dict(others or {})
    return load_settings(
        None if config is None else Path(config),
        {name: {**more.get(name, {}), **_set(given.get(name, {}))} for name in {*given, *more}},
        defaults,
    )


def seats_of(
    agents: Sequence[str | Agent] | None,
) -> tuple[tuple[str, ...] | None, dict[str, AgentInHand]]:
    """Their names in the configuration, and the specs of those that are no names."""
    if agents is None:
        return None, {}
    if isinstance(agents, str):
        raise ConfigError(f"agents: expected a list, found the word {agents!r}; write [{agents!r}]")
    in_hand = {}
    names = []
    for agent in agents:
        if isinstance(agent, str):
            names.append(agent)
            continue
        spec = agent_in_hand(agent)
        names.append(spec.agent.name)
        in_hand[spec.agent.name] = spec
    return tuple(names), in_hand


def _conduct(plan: Plan, folder: Path, engine: Engine) -> None:
    if engine == "local":
        with interrupts_noted() as interrupted:
            run_locally(plan, folder, interrupted, _unwatched)
        return
    # Ray takes a second to import, and most notebooks do without it.
    from coordinator.conduct import run_on_ray  # noqa: PLC0415
    from coordinator.engines.on_panel import run_on_panel  # noqa: PLC0415
    from infra.runtime import ray_cluster  # noqa: PLC0415

    with ray_cluster(plan.settings.ray.namespace, dashboard=plan.settings.ray.dashboard):
        if engine == "events":
            run_on_ray(plan, folder, _unwatched)
            return
        with interrupts_noted() as interrupted:
            run_on_panel(plan, folder, interrupted, _unwatched)


def _unwatched(progress: Progress) -> None:
    """A notebook shows its results, not the way there."""


def _set(section: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if value is not None}
