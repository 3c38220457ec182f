"""What the commands on a journal share: which one, its key and its anchors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from coordinator.configuration.settings import Settings
from coordinator.configuration.sources import load_settings
from coordinator.explain.runs import journal_of
from infra.journal.anchors import Anchor, read_anchors
from infra.journal.key import journal_key
from infra.live.home import DeskHome

JournalPath = Annotated[
    Path, typer.Argument(metavar="PATH", help="A journal, a run's folder, or a desk's home.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file", help="Key of the seals; else journal.key_file of the configuration."
    ),
]
AnchorsFile = Annotated[
    Path | None,
    typer.Option("--anchors", help="Anchors to compare with; else anchors.jsonl beside it."),
]


def journal_at(path: Path) -> Path:
    """The journal that is meant. Raises JournalError where there is none."""
    return journal_of(path, load_settings().run.out)


def key_for(journal: Path, key_file: Path | None) -> bytes | None:
    """The key of the flag; else the configured one, but not for a replay's journal.

    A replay seals nothing, and would be told to have lost its seals. Raises ConfigError.
    """
    if key_file is not None:
        return journal_key(key_file, {})
    settings: Settings = load_settings()
    if journal.resolve().is_relative_to(settings.run.out.resolve()):
        return None
    return journal_key(settings.journal.key_file, os.environ)


def anchors_for(journal: Path, anchors: Path | None) -> list[Anchor]:
    """The anchors of the flag, or those beside the journal; none where there are none.

    Raises JournalError for a file that was changed.
    """
    beside = DeskHome(folder=journal.parent).anchors
    if anchors is None and not beside.is_file():
        return []
    return read_anchors(anchors or beside)
