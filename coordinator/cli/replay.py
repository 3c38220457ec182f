"""`quorum replay`: history through the whole desk on Ray."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.bootstrap import plan_of
from coordinator.cli.options import AgentNames, AsJson, ConfigFile, listed
from coordinator.cli.watch import SessionView
from coordinator.configuration.sources import load_settings
from coordinator.plan import Plan
from coordinator.replay import Replayed
from coordinator.report.page import write_report
from coordinator.results.record import load_record
from coordinator.results.summary import Results, summarise
from coordinator.results.table import results_table
from coordinator.results.write import write_results
from coordinator.run_folder import new_run_folder
from infra.feeds.room import is_on_disk
from market.errors import QuorumError

INTERRUPTED = 130


def replay(
    data: Annotated[
        str | None, typer.Option("--data", help="'ecb', or a CSV or Parquet file or folder.")
    ] = None,
    instruments: Annotated[
        str | None, typer.Option("--instruments", help="Comma-separated: EUR_USD,USD_JPY.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="First day to decide on, YYYY-MM-DD, UTC.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day, inclusive.")] = None,
    agents: AgentNames = None,
    config: ConfigFile = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the run's folder.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of every random choice.")] = None,
    clock: Annotated[
        str | None, typer.Option("--clock", help="Clock of a file: UTC, a zone, or +02:00.")
    ] = None,
    bar: Annotated[
        str | None, typer.Option("--bar", help="Length of bars made from ticks: 15m, 1h.")
    ] = None,
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
    console = Console(stderr=as_json, soft_wrap=not Console().is_terminal)
    plan = plan_of(settings)
    if is_on_disk(plan.bars):
        console.print("prices are read from disk, not kept in memory (data.panel)")
    folder = new_run_folder(settings.run.out, plan.desk.session)
    replayed = _conduct(plan, folder, console)
    record = load_record(folder / "journal.sqlite")
    results = summarise(record)
    write_results(results, folder)
    page = write_report(record, results, folder / "report.html")
    if as_json:
        typer.echo(json.dumps(_as_json(results.as_json(), folder, replayed)))
    else:
        _tell(console, results, replayed, page)
    if replayed.outcome == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _tell(console: Console, results: Results, replayed: Replayed, page: Path) -> None:
    console.print(results_table(results))
    console.print(
        f"{replayed.bars:,} bars at {replayed.bars_per_s:,.0f} bars/s after start-up\n"
        f"report   {page}\n"
        f"digest   {replayed.digest}, {replayed.events:,} events",
        highlight=False,
    )


def _conduct(plan: Plan, folder: Path, console: Console) -> Replayed:
    """Run on Ray, with a view of how it goes."""
    # Ray takes a second to import: wrong input should be told before that.
    from coordinator.conduct import run_on_ray  # noqa: PLC0415
    from infra.runtime import ray_cluster  # noqa: PLC0415

    ray = plan.settings.ray
    try:
        with ExitStack() as stack:
            with console.status("starting Ray and the committee"):
                url = stack.enter_context(ray_cluster(ray.namespace, dashboard=ray.dashboard))
            if ray.dashboard and url is not None:
                console.print(f"dashboard {url}; its token: ray get-auth-token", highlight=False)
            view = SessionView(console, plan.decisions, plan.desk.initial_balance)
            return run_on_ray(plan, folder, stack.enter_context(view))
    except QuorumError:
        console.print(f"what was recorded is kept in {folder}")
        raise


def _as_json(results: dict[str, Any], folder: Path, replayed: Replayed) -> dict[str, Any]:
    return {
        "run": str(folder),
        "outcome": replayed.outcome,
        "digest": replayed.digest,
        "events": replayed.events,
        "bars": replayed.bars,
        "bars_per_s": round(replayed.bars_per_s, 1),
        **results,
    }
