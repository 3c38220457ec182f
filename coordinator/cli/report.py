"""`quorum report`: a run, or two beside each other, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coordinator.report.comparison import Run, write_comparison
from coordinator.report.page import write_report
from coordinator.report.pictures import write_pictures
from coordinator.results.record import load_record
from coordinator.results.summary import summarise
from market.errors import ConfigError

COMPARE = "compare"
USAGE = "expected `quorum report RUN`, or `quorum report compare RUN RUN`"


def report(
    runs: Annotated[
        list[Path], typer.Argument(help="A run's folder, or 'compare' and two of them.")
    ],
    png: Annotated[
        bool, typer.Option("--png", help="Write the pictures as PNG files too.")
    ] = False,
    tried: Annotated[
        int | None,
        typer.Option("--tried", min=1, help="Configurations tried before this one, if known."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The page; else report.html in the run's folder.")
    ] = None,
) -> None:
    """Write a run's report again, from its journal alone."""
    if str(runs[0]) == COMPARE:
        if len(runs) != 3:
            raise ConfigError(f"{USAGE}; found {len(runs) - 1} runs to compare")
        first, second = (_read(folder) for folder in runs[1:])
        page = out or runs[2] / "comparison.html"
        typer.echo(write_comparison(first, second, page))
        return
    if len(runs) != 1:
        raise ConfigError(f"{USAGE}; found {len(runs)} runs")
    run = _read(runs[0])
    page = out or runs[0] / "report.html"
    typer.echo(write_report(run.record, run.results, page, tried=tried))
    for missing in run.record.missing:
        typer.echo(f"missing: {missing}", err=True)
    if png:
        for picture in write_pictures(run.record, run.results, page.parent):
            typer.echo(picture)


def _read(folder: Path) -> Run:
    record = load_record(folder / "journal.sqlite")
    return Run(record, summarise(record))
