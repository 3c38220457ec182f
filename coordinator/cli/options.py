"""Flags that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file; ./quorum.toml where there is one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]
AgentNames = Annotated[
    str | None, typer.Option("--agents", help="Comma-separated names or package.module:Class.")
]
Data = Annotated[
    str | None, typer.Option("--data", help="'ecb', or a CSV or Parquet file or folder.")
]
Instruments = Annotated[
    str | None, typer.Option("--instruments", help="Comma-separated: EUR_USD,USD_JPY.")
]
FirstDay = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD, UTC.")]
LastDay = Annotated[str | None, typer.Option("--to", help="Last day, inclusive.")]
Clock = Annotated[
    str | None, typer.Option("--clock", help="Clock of a file: UTC, a zone, or +02:00.")
]
BarLength = Annotated[
    str | None, typer.Option("--bar", help="Length of bars made from ticks: 15m, 1h.")
]
AgentName = Annotated[
    str, typer.Argument(metavar="AGENT", help="A known name, or package.module:Class.")
]
RunOrJournal = Annotated[
    Path | None,
    typer.Option("--run", help="A run's folder or journal; else the newest one, of its session."),
]
InputFolders = Annotated[
    list[Path] | None,
    typer.Option("--inputs", help="A folder with files that the run read, where they have moved."),
]
RowCount = Annotated[int, typer.Option("--rows", min=1, help="Bars to look at, drawn by the seed.")]


def listed(text: str | None) -> tuple[str, ...] | None:
    """The parts of a comma-separated flag; None when it was not given."""
    if text is None:
        return None
    return tuple(part.strip() for part in text.split(",") if part.strip())
