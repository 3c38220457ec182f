"""`quorum why`: a decision or an order, from the ballots to what came of it."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from coordinator.cli.options import AsJson, InputFolders, RunOrJournal
from coordinator.cli.why_told import tell_decision, tell_instrument
from coordinator.configuration.sources import desk_folders, load_settings
from coordinator.explain.document import decision_document
from coordinator.explain.inputs import places_of
from coordinator.explain.naming import parse_name
from coordinator.explain.record import read_decision
from coordinator.explain.runs import journal_of
from coordinator.explain.seen import data_seen


def why(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ORDER_OR_DECISION",
            help="123, SESSION-123, or a client order id: SESSION-123-EUR_USD-m.",
        ),
    ],
    run: RunOrJournal = None,
    instrument: Annotated[
        str | None, typer.Option("--instrument", help="The instrument; else all in short.")
    ] = None,
    inputs: InputFolders = None,
    as_json: AsJson = False,
) -> None:
    """Why did the desk do that? Ballots, tally, size, verdict, order, fills, and the record."""
    asked = parse_name(name)
    settings = load_settings()
    journal = journal_of(run, settings.run.out, asked, desk_folders(settings))
    record = read_decision(journal, asked)
    seen = data_seen(record, journal, places_of(journal, inputs or ()))
    symbol = instrument or asked.symbol
    if symbol is None:
        acted = {order.symbol for order in record.orders}
        acted |= {refused.symbol for refused in record.taken.refused}
        symbol = next(iter(acted)) if len(acted) == 1 else None
    if symbol is None and len(record.symbols) == 1:
        symbol = record.symbols[0]
    if as_json:
        chosen = record.symbols if symbol is None else (symbol,)
        told = [decision_document(record, each, seen) for each in chosen]
        whole = {"journal": str(journal), "instruments": told}
        typer.echo(json.dumps(whole, ensure_ascii=False, allow_nan=False))
        return
    console = Console(highlight=False, markup=False)
    if symbol is None:
        tell_decision(console, record)
    else:
        tell_instrument(console, record, symbol, seen)
