"""`quorum sweep`: many configurations on the same bars, judged out of sample."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.bootstrap import plan_of
from coordinator.cli.options import (
    AgentNames,
    AsJson,
    BarLength,
    Clock,
    ConfigFile,
    Data,
    FirstDay,
    Instruments,
    LastDay,
    listed,
)
from coordinator.cli.sweep_view import SweepView, outcome_table
from coordinator.configuration.sources import load_settings
from coordinator.interrupts import interrupts_noted
from coordinator.run_folder import new_run_folder
from coordinator.sweep.conduct import conduct
from coordinator.sweep.definition import Sweep, settle_sweep
from coordinator.sweep.measures import OBJECTIVES
from coordinator.sweep.outcome import judge
from coordinator.sweep.report import write_sweep_report
from coordinator.sweep.request import Request, request_from, request_of
from coordinator.sweep.store import TrialStore
from coordinator.sweep.tables import summary, write_tables
from coordinator.sweep.words import windows_in_words
from coordinator.sweep.workers import LocalWorkers, Workers

INTERRUPTED = 130


def sweep(
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", help="KEY=1,2,3 or KEY=START:STOP:STEP; once for each key."),
    ] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option("--range", help="KEY=LOW:HIGH or KEY=LOW:HIGH:log, for --random."),
    ] = None,
    draws: Annotated[
        int | None, typer.Option("--random", help="So many configurations, drawn at random.")
    ] = None,
    space: Annotated[
        Path | None, typer.Option("--space", help="TOML file with [grid], [range] and [sweep].")
    ] = None,
    data: Data = None,
    instruments: Instruments = None,
    start: FirstDay = None,
    end: LastDay = None,
    agents: AgentNames = None,
    config: ConfigFile = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of every random choice.")] = None,
    clock: Clock = None,
    bar: BarLength = None,
    train: Annotated[
        str | None, typer.Option("--train", help="Bars to choose on: 500, or time such as 500d.")
    ] = None,
    test: Annotated[str | None, typer.Option("--test", help="Bars to judge the choice by.")] = None,
    purge: Annotated[
        str | None, typer.Option("--purge", help="Bars dropped from the end of training.")
    ] = None,
    embargo: Annotated[
        str | None, typer.Option("--embargo", help="Bars waited after that.")
    ] = None,
    expanding: Annotated[
        bool | None,
        typer.Option("--expanding/--rolling", help="Train on all bars before, or the newest."),
    ] = None,
    forward: Annotated[
        bool | None,
        typer.Option("--walk-forward/--no-walk-forward", help="Or one pass, in sample."),
    ] = None,
    objective: Annotated[
        str | None, typer.Option("--objective", help=f"One of {', '.join(OBJECTIVES)}.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Ray tasks at once; unset: one a CPU.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="In this process, without Ray.")] = False,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Folder of a sweep to go on with.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the sweep's folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try many configurations; choose on one stretch of history, judge on the next."""
    flags: dict[str, Any] = {
        "random": draws, "train": train, "test": test, "purge": purge, "embargo": embargo,
        "expanding": expanding, "walk_forward": forward, "objective": objective,
        "workers": workers,
    }  # fmt: skip
    market = {
        "source": data, "instruments": listed(instruments), "start": start, "end": end,
        "clock": clock, "bar": bar,
    }  # fmt: skip
    sections: dict[str, dict[str, Any]] = {
        "desk": {"seed": seed},
        "data": market,
        "committee": {"agents": listed(agents)},
        "run": {"out": out},
    }
    asked = _asked(resume, config, sections, grid or [], ranges or [], space, flags)
    console = Console(stderr=as_json, soft_wrap=not Console().is_terminal)
    with console.status("reading prices"):
        settled = settle_sweep(plan_of(asked.settings), asked.space, asked.lengths)
    with ExitStack() as stack:
        store = stack.enter_context(_store(resume, settled, asked))
        console.print(_announcement(settled, store.folder), highlight=False)
        finished, lost = _run(settled, store, asked, local, console)
        if not finished:
            _tell_interrupted(store, settled, console, as_json)
        with console.status("judging"):
            outcome = judge(settled, store.results(), asked.objective, lost)
            write_tables(outcome, store.folder)
            page = write_sweep_report(outcome, store.folder / "report.html")
    if as_json:
        typer.echo(json.dumps({"folder": str(store.folder), **summary(outcome)}))
    else:
        console.print(outcome_table(outcome))
        console.print(f"report   {page}", highlight=False)


def _asked(
    resume: Path | None,
    config: Path | None,
    sections: dict[str, dict[str, Any]],
    grid: list[str],
    ranges: list[str],
    space: Path | None,
    flags: dict[str, Any],
) -> Request:
    """What to sweep: from the flags, else as the sweep to resume was started."""
    stored = None
    if resume is not None:
        with TrialStore.open(resume) as store:
            stored = request_of(store.asked_for)
    named = config is not None or any(
        value is not None
        for name in ("desk", "data", "committee")
        for value in sections[name].values()
    )
    settings = (
        stored.settings if stored is not None and not named else load_settings(config, sections)
    )
    return request_from(settings, grid, ranges, space, flags, stored)


def _store(resume: Path | None, settled: Sweep, asked: Request) -> TrialStore:
    if resume is None:
        folder = new_run_folder(asked.settings.run.out, f"sweep-{settled.digest[:10]}")
        return TrialStore.create(folder, settled, asked.as_json())
    store = TrialStore.open(resume)
    store.check_same(settled)
    return store


def _announcement(settled: Sweep, folder: Path) -> str:
    return (
        f"{len(settled.configurations):,} configurations, {windows_in_words(settled)}; "
        f"{settled.bars_a_trial:,} bars a trial\n"
        f"sweep    {folder}"
    )


def _run(
    settled: Sweep, store: TrialStore, asked: Request, local: bool, console: Console
) -> tuple[bool, tuple[int, ...]]:
    """Run what is missing; whether all ended, and the trials whose workers died."""
    with ExitStack() as stack:
        workers: Workers = LocalWorkers()
        if not local and len(store.results()) < len(settled.configurations):
            # Ray takes a second to import: wrong input should be told before that.
            from coordinator.sweep.on_ray import RayWorkers, store_bytes  # noqa: PLC0415
            from infra.runtime import ray_cluster  # noqa: PLC0415

            with console.status("starting Ray"):
                ray = ray_cluster(asked.settings.ray.namespace, store_bytes=store_bytes(settled))
                stack.enter_context(ray)
            workers = RayWorkers(asked.workers)
        view = stack.enter_context(SweepView(console, settled, asked.objective))
        stopped = stack.enter_context(interrupts_noted())
        return conduct(settled, store, workers, view, asked.objective, stopped), workers.lost


def _tell_interrupted(store: TrialStore, settled: Sweep, console: Console, as_json: bool) -> None:
    finished, total = len(store.results()), len(settled.configurations)
    console.print(
        f"interrupted: {finished:,} of {total:,} trials are kept; go on with\n"
        f"quorum sweep --resume {store.folder}",
        highlight=False,
    )
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "folder": str(store.folder),
                    "outcome": "interrupted",
                    "trials": finished,
                    "configurations": total,
                }
            )
        )
    raise typer.Exit(INTERRUPTED)
