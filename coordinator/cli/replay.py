"""`quorum replay`: history through the whole desk, by the engine of choice."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.bootstrap import plan_of
from coordinator.cli.conducting import conduct
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
from coordinator.configuration.sources import load_settings
from coordinator.engines.choice import AUTO, Choice, choose_engine
from coordinator.replay import Replayed
from coordinator.report.page import write_report
from coordinator.results.record import load_record
from coordinator.results.summary import Results, summarise
from coordinator.results.table import results_table
from coordinator.results.write import write_results
from coordinator.run_folder import new_run_folder
from coordinator.run_inputs import write_inputs
from infra.feeds.room import is_on_disk

INTERRUPTED = 130


def replay(
    data: Data = None,
    instruments: Instruments = None,
    start: FirstDay = None,
    end: LastDay = None,
    agents: AgentNames = None,
    config: ConfigFile = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the run's folder.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of every random choice.")] = None,
    clock: Clock = None,
    bar: BarLength = None,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            help="events: every member an actor; panel: agents as actors; local: no Ray; auto.",
        ),
    ] = AUTO,
    dashboard: Annotated[
        bool | None, typer.Option("--dashboard/--no-dashboard", help="Ray's dashboard.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Trade history with the whole committee; the journal explains every order."""
    settings = load_settings(
        config,
        {
            "desk": {"seed": seed},
            "data": {
                "source": data,
                "instruments": listed(instruments),
                "start": start,
                "end": end,
                "clock": clock,
                "bar": bar,
            },
            "committee": {"agents": listed(agents)},
            "ray": {"dashboard": dashboard},
            "run": {"out": out},
        },
    )
    choice = choose_engine(engine, os.environ, dashboard=settings.ray.dashboard)
    console = Console(stderr=as_json, soft_wrap=not Console().is_terminal)
    plan = plan_of(settings)
    if is_on_disk(plan.bars):
        console.print("prices are read from disk, not kept in memory (data.panel)")
    folder = new_run_folder(settings.run.out, plan.desk.session)
    write_inputs(folder, settings)
    replayed = conduct(choice.engine, plan, folder, console)
    record = load_record(folder / "journal.sqlite")
    results = summarise(record)
    write_results(results, folder)
    page = write_report(record, results, folder / "report.html")
    if as_json:
        typer.echo(json.dumps(_as_json(results.as_json(), folder, replayed, choice)))
    else:
        _tell(console, results, replayed, page, choice)
    if replayed.outcome == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _tell(
    console: Console, results: Results, replayed: Replayed, page: Path, choice: Choice
) -> None:
    console.print(results_table(results))
    console.print(
        f"{replayed.bars:,} bars at {replayed.bars_per_s:,.0f} bars/s after start-up\n"
        f"engine   {choice.engine}: {choice.why}\n"
        f"report   {page}\n"
        f"digest   {replayed.digest}, {replayed.events:,} events",
        highlight=False,
    )


def _as_json(
    results: dict[str, Any], folder: Path, replayed: Replayed, choice: Choice
) -> dict[str, Any]:
    return {
        "run": str(folder),
        "engine": choice.engine,
        "engine_chosen_because": choice.why,
        "outcome": replayed.outcome,
        "digest": replayed.digest,
        "events": replayed.events,
        "bars": replayed.bars,
        "bars_per_s": round(replayed.bars_per_s, 1),
        **results,
    }
