"""Starting a sweep from a notebook, and opening an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agents.ballot import Agent
from coordinator.bootstrap import plan_of
from coordinator.interrupts import interrupts_noted
from coordinator.notebook.running import history, seats_of, settings_with
from coordinator.notebook.sweep_result import SweepResult
from coordinator.run_folder import new_run_folder
from coordinator.sweep.conduct import conduct
from coordinator.sweep.definition import Lengths, Sweep, settle_sweep
from coordinator.sweep.measures import OBJECTIVES
from coordinator.sweep.outcome import judge
from coordinator.sweep.request import Request
from coordinator.sweep.space import Choices, Range, Space
from coordinator.sweep.store import TrialStore
from coordinator.sweep.tables import write_tables
from coordinator.sweep.workers import LocalWorkers, Workers
from market.errors import ConfigError


def sweep(
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    ranges: Mapping[str, Sequence[float]] | None = None,
    random: int | None = None,
    start: str | None = None,
    end: str | None = None,
    instruments: Sequence[str] | None = None,
    data: str | Path | None = None,
    agents: Sequence[str | Agent] | None = None,
    seed: int | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    config: str | Path | None = None,
    walk_forward: bool = True,
    train: int | str | None = None,
    test: int | str | None = None,
    purge: int | str | None = None,
    embargo: int | str | None = None,
    expanding: bool = False,
    objective: str = OBJECTIVES[0],
    workers: int | None = None,
    out: str | Path | None = None,
) -> SweepResult:
    """Try many configurations on the same bars: choose on one stretch, judge on the next.

    grid: values by key, such as {"sizing.stop_sigmas": [2, 3, 4]}; every combination is tried.
    ranges: bounds (low, high) by key, drawn from `random` times together with the grid's values.
    train, test, purge, embargo: bars, or time such as "500d"; walk_forward=False makes one pass,
        in sample. objective: what is chosen by, see `coordinator.sweep.measures.OBJECTIVES`.
    workers: Ray tasks at once; unset, trials run in this process.
    The rest as for `replay`. Interrupting raises KeyboardInterrupt; finished trials are kept.
    Raises QuorumError that says what is wrong.
    """
    if objective not in OBJECTIVES:
        raise ConfigError(
            f"objective: expected one of {', '.join(OBJECTIVES)}, found {objective!r}"
        )
    names, in_hand = seats_of(agents)
    given: dict[str, dict[str, Any]] = {
        "desk": {"seed": seed},
        "data": history(start, end, instruments, data),
        "committee": {"agents": names},
        "run": {"out": out},
    }
    loaded = settings_with(given, settings, config)
    lengths = {"train": train, "test": test, "purge": purge, "embargo": embargo}
    words = {name: str(value) for name, value in lengths.items() if value is not None}
    request = Request(
        settings=loaded,
        space=_space(grid, ranges, random, loaded.desk.seed),
        lengths=Lengths(**words, expanding=expanding) if walk_forward else None,
        objective=objective,
        workers=workers,
    )
    settled = settle_sweep(plan_of(loaded, in_hand), request.space, request.lengths)
    folder = new_run_folder(loaded.run.out, f"sweep-{settled.digest[:10]}")
    with TrialStore.create(folder, settled, request.as_json()) as store:
        return _run(settled, request, store)


def _run(settled: Sweep, request: Request, store: TrialStore) -> SweepResult:
    with ExitStack() as stack:
        workers: Workers = LocalWorkers()
        if request.workers is not None:
            # Ray takes a second to import, and most notebooks do without it.
            from coordinator.sweep.on_ray import RayWorkers, store_bytes  # noqa: PLC0415
            from infra.runtime import ray_cluster  # noqa: PLC0415

            namespace = request.settings.ray.namespace
            stack.enter_context(ray_cluster(namespace, store_bytes=store_bytes(settled)))
            workers = RayWorkers(request.workers)
        stopped = stack.enter_context(interrupts_noted())
        whole = conduct(settled, store, workers, lambda _: None, request.objective, stopped)
    if not whole:
        raise KeyboardInterrupt(
            f"finished trials are kept; go on with quorum sweep --resume {store.folder}"
        )
    outcome = judge(settled, store.results(), request.objective, workers.lost)
    write_tables(outcome, store.folder)
    return SweepResult(folder=store.folder, outcome=outcome)


def _space(
    grid: Mapping[str, Sequence[Any]] | None,
    ranges: Mapping[str, Sequence[float]] | None,
    random: int | None,
    seed: int,
) -> Space:
    for key, bounds in (ranges or {}).items():
        if len(bounds) != 2:
            raise ConfigError(f"ranges: {key}: expected (low, high), found {bounds!r}")
    return Space(
        choices=tuple(Choices(key=key, values=tuple(v)) for key, v in (grid or {}).items()),
        ranges=tuple(
            Range(key=key, low=float(low), high=float(high))
            for key, (low, high) in (ranges or {}).items()
        ),
        draws=random,
        seed=seed,
    )
