"""`quorum risk`: how much risk a desk carries, and whether its VaR held."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agents.guardian.assessment.assess import assess
from coordinator.cli.asking import plain
from coordinator.cli.options import AsJson
from coordinator.cli.risk_told import tell_risk
from coordinator.configuration.sources import desk_folders, load_settings
from coordinator.explain.runs import journal_of
from coordinator.live.assessment import risk_told
from coordinator.results.record import load_record
from coordinator.risk.backtest import backtest
from coordinator.risk.book import portfolio_at, row_at
from coordinator.risk.document import assessment_document, backtest_document
from coordinator.risk.history import whole_history
from coordinator.risk.picture import check_picture, write_risk_picture
from market.errors import InvalidError


def risk(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN_OR_DESK",
            help="A run's folder, a live desk's home, or a journal; else the newest one.",
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="A moment, UTC: 2020-03-09 or 2020-03-09T14:00.")
    ] = None,
    as_json: AsJson = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw it into this .svg or .png file too.")
    ] = None,
) -> None:
    """Assess a desk: positions, VaR, stress, episodes, limits, and what to reduce."""
    moment = _moment(at)
    if plot is not None:
        check_picture(plot)
    settings = load_settings()
    journal = journal_of(run, settings.run.out, desks=desk_folders(settings))
    record = load_record(journal)
    row = row_at(record, moment)
    history = whole_history(record, journal)
    found = assess(portfolio_at(record, row, history))
    tested = backtest(record)
    journaled = next((own for own in record.assessments[::-1] if own.time <= found.time), None)
    if as_json:
        told = {
            "journal": str(journal),
            "session": record.session.session,
            "assessment": assessment_document(found),
            "episodes_from": history.source,
            "journaled": None if journaled is None else plain(risk_told(journaled, found.time)),
            "backtest": backtest_document(tested),
            "missing": list(record.missing),
        }
        typer.echo(json.dumps(told, ensure_ascii=False, allow_nan=False))
    else:
        console = Console(highlight=False, markup=False)
        tell_risk(console, found, tested, history.source, journaled)
    for missing in record.missing:
        typer.echo(f"missing: {missing}", err=True)
    if plot is not None:
        typer.echo(write_risk_picture(found, tested, plot), err=as_json)


def _moment(text: str | None) -> datetime | None:
    """A day is meant to its end. Raises InvalidError for what is no time."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidError(
            f"--at {text!r}: expected a UTC time such as 2020-03-09 or 2020-03-09T14:00"
        ) from None
    if len(text) == len("2020-03-09"):
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
