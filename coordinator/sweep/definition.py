"""`Sweep`: everything about a sweep that is settled before its first trial, and its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from coordinator.plan import Plan, configuration_json, without_folders
from coordinator.results.calendar import BarCalendar, bar_calendar
from coordinator.sweep.keys import Value
from coordinator.sweep.space import Space, configurations
from coordinator.sweep.splits import Span, WalkForward, Window, bars_in, usual_lengths, walk_forward
from coordinator.sweep.trial import Piece

WHOLE = -1
PARTS_IN_WORDS = {
    "space": "the space that is searched",
    "settings": "the settings that are not searched",
    "data": "the prices",
    "agents": "the agents or their code",
    "windows": "the walk-forward windows",
    "software": "the versions of the software",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The walk forward as a person asks for it: bars, or time such as 500d; None for the usual."""

    train: str | None = None
    test: str | None = None
    purge: str | None = None
    embargo: str | None = None
    expanding: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sweep:
    """A sweep, ready to start.

    base: the plan that trials vary. configurations: values by key, by the trial's number.
    rules, windows: of the walk forward; None and empty without one. identity: digests of what
    results depend on, by part.
    """

    base: Plan
    space: Space
    configurations: tuple[dict[str, Value], ...]
    rules: WalkForward | None
    windows: tuple[Window, ...]
    calendar: BarCalendar
    identity: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Stands for everything that results depend on."""
        return hashlib.sha256(json.dumps(dict(self.identity)).encode()).hexdigest()

    @property
    def whole(self) -> Span:
        """All rows that are decided on."""
        return Span(self.base.first, len(self.base.bars))

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What every trial runs on: the whole history, then each window's train and test."""
        pieces = [Piece(window=WHOLE, part="whole", rows=self.whole)]
        for number, window in enumerate(self.windows):
            pieces.append(Piece(window=number, part="train", rows=window.train))
            pieces.append(Piece(window=number, part="test", rows=window.test))
        return tuple(pieces)

    @property
    def bars_a_trial(self) -> int:
        """Bars that one trial decides on, over all pieces."""
        return sum(len(piece.rows) for piece in self.pieces)


def settle_sweep(base: Plan, space: Space, lengths: Lengths | None) -> Sweep:
    """Check the space and cut the windows; lengths: None for one in-sample pass.

    Windows begin where the base plan's agents can vote. Raises ConfigError or DataError that
    says what is wrong.
    """
    tried = configurations(space, base)
    time = pd.DatetimeIndex(base.bars.time[base.first :].view("datetime64[ns]"), tz="UTC")
    calendar = bar_calendar(time, base.bars.interval_s)
    rules: WalkForward | None = None
    windows: tuple[Window, ...] = ()
    if lengths is not None:
        rows = Span(max(base.first, max(base.lookbacks) - 1), len(base.bars))
        rules = _rules(lengths, len(rows), calendar.bars_per_year)
        windows = walk_forward(rows, rules)
    return Sweep(
        base=base,
        space=space,
        configurations=tried,
        rules=rules,
        windows=windows,
        calendar=calendar,
        identity=_identity(base, space, windows),
    )


def _rules(lengths: Lengths, rows: int, bars_per_year: float) -> WalkForward:
    usual = usual_lengths(rows)

    def bars(name: str) -> int:
        text = getattr(lengths, name)
        found = getattr(usual, name) if text is None else bars_in(text, bars_per_year, f"--{name}")
        return int(found)

    return WalkForward(
        train=bars("train"),
        test=bars("test"),
        purge=bars("purge"),
        embargo=bars("embargo"),
        expanding=lengths.expanding,
    )


def _identity(base: Plan, space: Space, windows: tuple[Window, ...]) -> dict[str, str]:
    given = [(spec.path, without_folders(dict(spec.parameters))) for spec in base.specs]
    columns = [repr(instrument) for instrument in base.instruments]
    parts: dict[str, Any] = {
        "space": space.as_json(),
        "settings": configuration_json(base.settings),
        "data": [base.bars.digest(), base.first, columns, base.financing],
        "agents": [given, base.sources],
        "windows": [(w.train.start, w.train.stop, w.test.start, w.test.stop) for w in windows],
        "software": base.versions,
    }
    return {
        name: hashlib.sha256(json.dumps(content, default=_plain).encode()).hexdigest()
        for name, content in parts.items()
    }


def _plain(value: object) -> object:
    """Values that JSON does not know, as text."""
    return value.tolist() if isinstance(value, np.generic) else repr(value)
