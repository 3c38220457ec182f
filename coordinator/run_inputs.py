"""Where the files that a run read lay, and which code ran: beside the digest, never in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coordinator.configuration.settings import Settings
from coordinator.plan import decisive_settings, is_there
from coordinator.results.write import write_whole
from market.compiled import source_digest

FILE = "inputs.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """files: by their name in the journal's configuration, where they lay. code: digest of the
    desk's arithmetic that ran, empty where unknown.
    """

    files: Mapping[str, Path]
    code: str


def write_inputs(folder: Path, settings: Settings) -> None:
    """Note them in the run's folder, so that a decision can be replayed without being told where
    its prices are. Raises RunFolderError where that cannot be written.
    """
    noted = {
        "code": source_digest(),
        "files": {name: str(path) for name, path in sorted(_files(decisive_settings(settings)))},
    }
    write_whole(folder / FILE, (json.dumps(noted, indent=2) + "\n").encode())


def read_inputs(folder: Path) -> RunInputs:
    """What is noted in a run's folder; nothing where it holds no such file, or not this."""
    try:
        noted = json.loads((folder / FILE).read_text(encoding="utf-8"))
        files = {str(name): Path(path) for name, path in noted["files"].items()}
        return RunInputs(files=files, code=str(noted["code"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return RunInputs(files={}, code="")


def _files(value: Any) -> set[tuple[str, Path]]:
    """Names and places of every file or folder that settings name."""
    if isinstance(value, dict):
        return {pair for item in value.values() for pair in _files(item)}
    if isinstance(value, (list, tuple)):
        return {pair for item in value for pair in _files(item)}
    if isinstance(value, (str, Path)) and str(value) and is_there(Path(value)):
        path = Path(value).resolve()
        return {(path.name, path)}
    return set()
