"""What can be wrong with an instrument's rows as they stand in a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.feeds.layouts import OHLC, Kind
from infra.feeds.symbols import Rows
from infra.feeds.tables import row_refusal
from market.bars import Floats, Times
from market.errors import DataError

Mask = NDArray[np.bool_]

ROUNDING = 1e-9
"""A high below the close by less than this share of the price is rounding, as in `check_bars`."""


class Problem(NamedTuple):
    """One kind of problem: the rows (R,) that have it, and the values that show it."""

    bad: Mask
    what: str
    shown: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """Rows of one instrument that follow each other in a file.

    rows: (R,) their numbers in the file. stamps: (R,) nanoseconds as the file shows them.
    before: the stamp of the row before the first; None where there is none. prices: (R,) by the
    fields of `Layout.prices`. volume: (R,).
    """

    kind: Kind
    rows: Rows
    stamps: Times
    before: int | None
    prices: dict[str, Floats]
    volume: Floats


@dataclass(slots=True)
class _Told:
    """A kind of problem as it is told: its first row, and how many there are."""

    row: int
    text: str
    count: int


class Findings:
    """The problems of one instrument in one file, over all its rows; each kind told by its first.

    The rows come in parts, in the order of the file, and show the same kinds in the same order.
    """

    def __init__(self, path: Path, symbol: str) -> None:
        self._path = path
        self._symbol = symbol
        self._told: dict[int, _Told] = {}

    def add(self, problems: Iterator[Problem], rows: Rows, stamps: Times) -> None:
        """Take in the problems of some rows: their numbers in the file, and their times there."""
        for kind, problem in enumerate(problems):
            count = int(problem.bad.sum())
            if not count:
                continue
            if kind in self._told:
                self._told[kind].count += count
                continue
            index = int(np.argmax(problem.bad))
            time = np.datetime_as_string(stamps[index].astype("datetime64[ns]"), unit="auto")
            values = ", ".join(f"{name} {array[index]:g}" for name, array in problem.shown.items())
            text = f"{self._symbol} at {time}: {problem.what}" + (f" ({values})" if values else "")
            self._told[kind] = _Told(int(rows[index]), text, count)

    def refuse(self) -> None:
        """Raises DataError about the first kind of problem that was found, if any."""
        for _, told in sorted(self._told.items()):
            raise self._refusal(told)

    def _refusal(self, told: _Told) -> DataError:
        return row_refusal(
            self._path,
            told.row,
            f"{told.text}. {told.count} such row(s) in the file; correct or remove them.",
        )


def problems_of(raw: RawRows) -> Iterator[Problem]:
    """Everything that is looked at, in the order in which it is told.

    A time that does not increase (ticks may share a time), a price that is not a positive number
    or only partly there, a high or low that contradicts the others, a crossed quote, a negative
    volume.
    """
    yield from _order(raw)
    for field, array in raw.prices.items():
        bad = (array <= 0.0) | np.isinf(array)
        yield Problem(bad, f"expected a positive {field}", {field: array})
    prefixes = ("bid_", "ask_") if raw.kind == "quotes" else ("",)
    if raw.kind in ("bars", "quotes"):
        for prefix in prefixes:
            yield from _extremes({field: raw.prices[prefix + field] for field in OHLC}, prefix)
    if raw.kind in ("ticks", "quotes"):
        for suffix in ("",) if raw.kind == "ticks" else tuple(f"_{field}" for field in OHLC):
            bid, ask = raw.prices[f"bid{suffix}"], raw.prices[f"ask{suffix}"]
            yield Problem(
                bid > ask,
                "crossed quote; expected bid not above ask",
                {f"bid{suffix}": bid, f"ask{suffix}": ask},
            )
    yield Problem(raw.volume < 0.0, "expected a volume of 0 or more", {"volume": raw.volume})


def _order(raw: RawRows) -> Iterator[Problem]:
    before = raw.stamps[:1] - 1 if raw.before is None else np.array([raw.before])
    steps = np.diff(raw.stamps, prepend=before)
    yield Problem(
        steps < 0, "unsorted timestamp; expected times to increase. Sort the file by time", {}
    )
    if raw.kind != "ticks":
        yield Problem(
            steps == 0,
            "duplicate timestamp; expected one row a time and instrument. Where the file mixes "
            "instruments, add a column 'symbol'",
            {},
        )


def _extremes(side: dict[str, Floats], prefix: str) -> Iterator[Problem]:
    missing = missing_prices(side).sum(axis=1)
    shown = {prefix + field: array for field, array in side.items()}
    yield Problem(
        (missing > 0) & (missing < len(OHLC)),
        "expected open, high, low and close together, or none of them",
        shown,
    )
    slack = ROUNDING * np.abs(side["close"])
    top = np.maximum(np.maximum(side["open"], side["close"]), side["low"])
    bottom = np.minimum(side["open"], side["close"])
    with np.errstate(invalid="ignore"):  # an infinite price is among the problems already
        low_high, high_low = side["high"] < top - slack, side["low"] > bottom + slack
    yield Problem(low_high, "expected a high not below open, low and close", shown)
    yield Problem(high_low, "expected a low not above open and close", shown)


def missing_prices(prices: Mapping[str, Floats]) -> Mask:
    """(R, fields) where a price is not there."""
    return np.isnan(np.stack(list(prices.values()), axis=1))
