"""`quorum parity`: two engines on one plan, their journals compared event by event."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from coordinator.bootstrap import plan_of
from coordinator.cli.counting import Counting
from coordinator.cli.examined import check_tolerance
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
from coordinator.cli.parity_told import as_json as parity_as_json
from coordinator.cli.parity_told import tell
from coordinator.cli.watch import SessionView
from coordinator.configuration.sources import load_settings
from coordinator.engines.choice import Engine
from coordinator.in_process import never
from coordinator.parity.comparison import compare_journals
from coordinator.parity.engines import needs_ray, run_engine, two_engines
from coordinator.plan import Plan
from coordinator.replay import Replayed
from coordinator.run_folder import new_run_folder

DIFFERENT = 1
INTERRUPTED = 130
JOURNAL = "journal.sqlite"


def parity(
    engines: Annotated[
        str, typer.Option("--engines", help="Two of events, panel, local.")
    ] = "events,local",
    on_ray: Annotated[
        bool, typer.Option("--ray", help="events on Ray; else the same session in this process.")
    ] = False,
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance", help="Part of a number, or of 1, that does not count; 0: to the bit."
        ),
    ] = 0.0,
    data: Data = None,
    instruments: Instruments = None,
    start: FirstDay = None,
    end: LastDay = None,
    agents: AgentNames = None,
    clock: Clock = None,
    bar: BarLength = None,
    config: ConfigFile = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Keep both journals in a folder in here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do two engines decide alike? The first difference of their journals, with its context."""
    check_tolerance(tolerance)
    pair = two_engines(engines)
    settings = load_settings(
        config,
        {
            "data": {
                "source": data,
                "instruments": listed(instruments),
                "start": start,
                "end": end,
                "clock": clock,
                "bar": bar,
            },
            "committee": {"agents": listed(agents)},
        },
    )
    plan = plan_of(settings)
    console = Console(stderr=True, soft_wrap=not Console(stderr=True).is_terminal)
    with ExitStack() as stack:
        folder = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quorum-parity-")))
            if out is None
            else new_run_folder(out, plan.desk.session)
        )
        runs = _both(pair, plan, folder, console, stack, on_ray)
        if any(run.outcome != "completed" for run in runs):
            console.print("interrupted: nothing was compared")
            raise typer.Exit(INTERRUPTED)
        with Counting("events compared") as counting:
            one, other = (folder / engine / JOURNAL for engine in pair)
            found = compare_journals(one, other, tolerance=tolerance, watch=counting)
    if as_json:
        told = parity_as_json(found, pair, runs)
        typer.echo(json.dumps({**told, "journals": str(folder) if out is not None else None}))
    else:
        tell(Console(soft_wrap=not Console().is_terminal, highlight=False), found, pair, runs)
        if out is not None:
            typer.echo(f"journals {folder}")
    if not found.equal:
        raise typer.Exit(DIFFERENT)


def _both(
    pair: tuple[Engine, Engine],
    plan: Plan,
    folder: Path,
    console: Console,
    stack: ExitStack,
    on_ray: bool,
) -> tuple[Replayed, Replayed]:
    """The plan through one engine after the other, each with a view of how it goes."""
    if needs_ray(pair, events_on_ray=on_ray):
        from infra.runtime import ray_cluster  # noqa: PLC0415, importing Ray takes a second

        with console.status("starting Ray"):
            stack.enter_context(ray_cluster(plan.settings.ray.namespace))
    runs = []
    for engine in pair:
        console.print(f"replaying {plan.decisions:,} bars by the engine {engine}", highlight=False)
        with SessionView(console, plan.decisions, plan.desk.initial_balance) as view:
            runs.append(
                run_engine(engine, plan, folder / engine, never, view, events_on_ray=on_ray)
            )
    return runs[0], runs[1]
