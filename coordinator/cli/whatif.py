"""`quorum whatif`: a recorded run, tallied again under other rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from coordinator.cli.counting import Counting
from coordinator.cli.options import AsJson, listed
from coordinator.cli.whatif_told import as_json as answer_as_json
from coordinator.cli.whatif_told import question, tell
from coordinator.results.record import load_record
from coordinator.whatif.answer import answer
from coordinator.whatif.picture import check_picture, write_picture
from coordinator.whatif.rules import changed_rules, recorded_rules, weights_told


def whatif(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    without: Annotated[
        str | None, typer.Option("--without", help="Agents to leave out, comma-separated.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", help="Other weights: momentum=0.5,sentiment=0.1.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Another committee.decision_threshold.")
    ] = None,
    quorum: Annotated[
        float | None, typer.Option("--quorum", help="Another committee.quorum.")
    ] = None,
    show: Annotated[
        int, typer.Option("--show", min=0, help="How many changed decisions to list.")
    ] = 8,
    seed: Annotated[
        int, typer.Option("--seed", help="Of sampled Shapley values, beyond 12 agents.")
    ] = 7,
    plot: Annotated[Path | None, typer.Option("--plot", help="A picture, PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """What would the committee have decided otherwise? Votes again, the market path held fixed."""
    if plot is not None:
        check_picture(plot)
    record = load_record(run / "journal.sqlite")
    recorded = recorded_rules(record)
    asked = changed_rules(
        recorded,
        without=listed(without) or (),
        weights=weights_told(weights),
        threshold=threshold,
        quorum=quorum,
    )
    with Counting("coalitions of agents") as counting:
        found = answer(record, asked, shown=show, seed=seed, watch=counting)
    if plot is not None:
        write_picture(record, found, question(found, record), plot)
    if as_json:
        typer.echo(json.dumps({"run": str(run), "seed": seed, **answer_as_json(found, record)}))
    else:
        console = Console(soft_wrap=not Console().is_terminal, highlight=False, markup=False)
        tell(console, found, record)
        if plot is not None:
            typer.echo(f"picture  {plot}")
    for missing in record.missing:
        typer.echo(f"missing: {missing}", err=True)
