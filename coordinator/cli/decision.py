"""`quorum decision replay`: recorded decisions taken again and compared to the last bit."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from coordinator.cli.counting import Counting
from coordinator.cli.decision_told import as_json as told_as_json
from coordinator.cli.decision_told import tell_many, tell_one
from coordinator.cli.options import AsJson, InputFolders, RunOrJournal
from coordinator.configuration.sources import desk_folders, load_settings
from coordinator.explain.inputs import places_of
from coordinator.explain.naming import DecisionName, no_decision, parse_name, refuse_other_session
from coordinator.explain.replaying import DecisionReplayed, replay_decisions
from coordinator.explain.runs import journal_of
from infra.journal.reader import read_events
from market.errors import ConfigError
from market.events import DecisionTaken, SessionStarted

DIFFERENT = 1
USAGE = "expected one decision, --last N, or --all"


def replay(
    name: Annotated[
        str | None, typer.Argument(metavar="DECISION", help="123, SESSION-123, or an order's id.")
    ] = None,
    run: RunOrJournal = None,
    every: Annotated[bool, typer.Option("--all", help="Every decision of the run.")] = False,
    last: Annotated[int | None, typer.Option("--last", min=1, help="The last N decisions.")] = None,
    inputs: InputFolders = None,
    as_json: AsJson = False,
) -> None:
    """Re-run agents, tally, sizing and guardian on what was recorded; compare every bit."""
    if (name is not None) + every + (last is not None) != 1:
        raise ConfigError(f"{USAGE}; found {'none' if name is None else 'more'} of them")
    asked = None if name is None else parse_name(name)
    settings = load_settings()
    journal = journal_of(run, settings.run.out, asked, desk_folders(settings))
    chosen = _chosen(journal, asked, last)
    places = places_of(journal, inputs or ())
    found: list[DecisionReplayed] = []
    with Counting("decisions replayed") as counting:
        for done in replay_decisions(journal, chosen.__contains__, places=places):
            found.append(done)
            counting(len(found), len(chosen))
            if len(found) == len(chosen):
                break  # what follows in the journal was not asked for
    identical = all(done.identical for done in found)
    if as_json:
        whole = {"journal": str(journal), **told_as_json(found)}
        typer.echo(json.dumps(whole, ensure_ascii=False, allow_nan=False))
    else:
        console = Console(highlight=False, markup=False)
        if asked is not None:
            tell_one(console, found[0])
        else:
            tell_many(console, found)
    if not identical:
        raise typer.Exit(DIFFERENT)


def _chosen(journal: Path, asked: DecisionName | None, last: int | None) -> set[int]:
    """The sequences that are wanted. Raises InvalidError for a decision that is not there."""
    taken: deque[int] = deque(maxlen=last)
    for event in read_events(journal):
        if isinstance(event, SessionStarted) and asked is not None:
            refuse_other_session(asked, event.session)
        elif isinstance(event, DecisionTaken):
            taken.append(event.sequence)
    if not taken or (asked is not None and asked.sequence not in taken):
        raise no_decision(0 if asked is None else asked.sequence, list(taken))
    return set(taken) if asked is None else {asked.sequence}
