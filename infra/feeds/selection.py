"""Which feed, which instruments, which days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from infra.feeds.ecb import DEFAULT_SYMBOLS, EcbFeed
from infra.feeds.files import FileFeed
from infra.feeds.room import Room
from infra.feeds.series import BarStamp
from market.bars import Bars, Times, utc
from market.errors import DataError, nearest

ECB = "ecb"


def open_feed(
    source: str | Path,
    *,
    symbols: Sequence[str] | None = None,
    clock: str | None = None,
    stamps: BarStamp = "start",
    interval_s: int | None = None,
    room: Room | None = None,
) -> EcbFeed | FileFeed:
    """The feed named `ecb`, or that of a file or folder; nothing is read yet.

    symbols: the instruments, in that order; None takes the nine default pairs of `ecb`, or all
    of the files. clock, stamps, interval_s and room are those of `FileFeed`; the ECB's are known.
    Raises DataError where `source` is neither, ConfigError for an unknown clock.
    """
    if str(source) == ECB:
        return EcbFeed(DEFAULT_SYMBOLS if symbols is None else symbols)
    path = Path(source)
    if not path.exists():
        siblings = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(
            f"no data at {str(source)!r}{nearest(path.name, [ECB, *siblings])} "
            f"Expected {ECB!r}, or an existing file or folder of CSV or Parquet"
        )
    return FileFeed(path, symbols, clock=clock, stamps=stamps, interval_s=interval_s, room=room)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The days to replay, with what came before them.

    bars: every row up to the end of the range, those before it included, for priming.
    first: the first row inside the range. len(bars) - first rows are to be replayed.
    """

    bars: Bars
    first: int


def select_days(
    bars: Bars, first_day: date | None = None, last_day: date | None = None
) -> Selection:
    """The rows of the days `first_day` to `last_day`, both included, in UTC.

    A bar belongs to the day in which it ended; one that ended at midnight, to the day that
    midnight closed. None leaves that side open.
    Raises DataError for a range that holds no bar, naming what the data covers.
    """
    first = int(np.searchsorted(bars.time, _midnight(first_day), "right")) if first_day else 0
    stop = len(bars)
    if last_day:
        stop = int(np.searchsorted(bars.time, _midnight(last_day, days=1), "right"))
    if first >= stop:
        asked = f"from {first_day or 'the start'} to {last_day or 'the end'}"
        order = ""
        if first_day and last_day and first_day > last_day:
            order = " The first day is after the last; swap them."
        raise DataError(
            f"no prices {asked}; the data covers {utc(bars.time[0]):%Y-%m-%d} to "
            f"{utc(bars.time[-1]):%Y-%m-%d} (UTC).{order or ' Choose days inside it.'}"
        )
    return Selection(bars=bars.rows(0, stop), first=first)


def _midnight(day: date, days: int = 0) -> np.int64:
    """UTC nanoseconds of the midnight that opens `day`, or of one some days later."""
    midnight: Times = np.array([np.datetime64(day, "D") + days], "datetime64[ns]").astype(np.int64)
    return np.int64(midnight[0])
