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


def listed(text: str | None) -> tuple[str, ...] | None:
    """The parts of a comma-separated flag; None when it was not given."""
    if text is None:
        return None
    return tuple(part.strip() for part in text.split(",") if part.strip())
