"""`Series`: one instrument's bars in UTC, put together from its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from infra.feeds.clocks import SourceClock
from infra.feeds.columns import Column, Keep, in_memory, joined
from infra.feeds.extracts import Extract
from infra.feeds.ticks import DAY_S, bars_of_ticks
from market.bars import VALUE_FIELDS, Times, utc
from market.errors import ConfigError, DataError

BarStamp = Literal["start", "end"]
SECOND_NS = 1_000_000_000
REGULAR_SHARE = 0.5
LONGEST_IRREGULAR_RUN = 32
"""So many steps in a row without one of the common length are bars of another length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the times of a file are to be read.

    clock: by which they were written; None when every file states its zone.
    stamps: whether a bar's time is its start or its end. Ticks are instants; it does not matter.
    interval_s: the length of the bars to make from ticks. That of bars is inferred.
    """

    clock: SourceClock | None
    stamps: BarStamp
    interval_s: int | None

    def __post_init__(self) -> None:
        if self.stamps not in get_args(BarStamp):
            raise ConfigError(f"stamps must be 'start' or 'end' of the bar, found {self.stamps!r}")
        if self.interval_s is not None and self.interval_s < 1:
            raise ConfigError(f"interval_s must be 1 or more seconds, found {self.interval_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One instrument's bars.

    time: (T,) UTC nanoseconds of each bar's end, strictly increasing. values: (T,) columns of the
    six value fields.
    irregular: steps between bars that are not `interval_s` (weekends, holidays, gaps).
    """

    symbol: str
    time: Column
    values: Mapping[str, Column]
    interval_s: int
    has_extremes: bool
    irregular: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """One instrument's ticks: UTC nanoseconds that do not decrease, bids and asks, all (R,)."""

    symbol: str
    time: Column
    bid: Column
    ask: Column


def series_of(extracts: Sequence[Extract], reading: Reading, keep: Keep = in_memory) -> Series:
    """One instrument's bars from its extracts, in any order. keep: where the bars are kept.

    Bars of a day or longer that are stamped at their start end one interval later on the
    clock of the file (a day of 23 hours is a day); shorter ones one interval later in time.
    Raises DataError where files overlap or differ in kind, no interval can be told, or a local
    time does not name one instant.
    """
    parts = _parts_in_order(extracts)
    if parts[0].kind == "ticks":
        return _series_of_ticks(parts, reading, keep)
    interval_s = _interval_s(parts)
    ends = np.concatenate([_bar_ends(part, reading, interval_s) for part in parts])
    return Series(
        symbol=parts[0].symbol,
        time=keep(ends),
        values={field: joined([part.values[field] for part in parts]) for field in VALUE_FIELDS},
        interval_s=interval_s,
        has_extremes=parts[0].kind != "fixings",
        irregular=int((np.diff(ends) != interval_s * SECOND_NS).sum()),
    )


def _parts_in_order(extracts: Sequence[Extract]) -> list[Extract]:
    """Those with rows, of one kind, following each other in time."""
    parts = sorted((part for part in extracts if len(part)), key=_first)
    if not parts:
        raise DataError(
            f"{extracts[0].path}: {extracts[0].symbol} has no row with a price; "
            "expected at least one"
        )
    kinds = {part.kind for part in parts}
    if len(kinds) > 1:
        raise DataError(
            f"{parts[0].symbol}: its files hold {' and '.join(sorted(kinds))}; expected one kind. "
            "Load them separately."
        )
    _check_overlap(parts)
    return parts


def _first(part: Extract) -> int:
    return int(part.stamps[:1][0])


def _check_overlap(parts: Sequence[Extract]) -> None:
    for earlier, later in pairwise(parts):
        if earlier.zoned != later.zoned:
            raise DataError(
                f"{earlier.path} and {later.path}: one states the zone of its times "
                "and the other does not; load them separately"
            )
        begin, end = _first(later), int(earlier.stamps[-1:][0])
        if begin < end or (begin == end and earlier.kind != "ticks"):
            raise DataError(
                f"{earlier.path} and {later.path}: both hold {earlier.symbol} at "
                f"{utc(begin):%Y-%m-%d %H:%M:%S}; expected files that follow each "
                "other. Remove the duplicate rows or one of the files."
            )


def ticks_of(extracts: Sequence[Extract], reading: Reading, keep: Keep = in_memory) -> Ticks:
    """One instrument's ticks from its extracts, in any order. keep: where the times are kept.

    Raises DataError where files overlap, hold anything but ticks, or a local time does not name
    one instant.
    """
    parts = _parts_in_order(extracts)
    if parts[0].kind != "ticks":
        raise DataError(
            f"{parts[0].path}: {parts[0].symbol} comes as {parts[0].kind}; expected ticks, a bid "
            "and an ask at a time"
        )
    return _ticks_of(parts, reading, keep)


def _ticks_of(parts: Sequence[Extract], reading: Reading, keep: Keep) -> Ticks:
    times = [keep(_to_utc(part, part.stamps[:], reading)) for part in parts]
    bid, ask = (joined([part.values[side] for part in parts]) for side in ("bid", "ask"))
    return Ticks(symbol=parts[0].symbol, time=joined(times), bid=bid, ask=ask)


def _series_of_ticks(parts: Sequence[Extract], reading: Reading, keep: Keep) -> Series:
    symbol, length = parts[0].symbol, reading.interval_s
    if length is None or DAY_S % length:
        raise ConfigError(
            f"{parts[0].path}: {symbol} comes as ticks; interval_s, the length of the bars "
            f"to make of them, must divide a day (60, 3600, …), found {length}"
        )
    ticks = _ticks_of(parts, reading, in_memory)
    ends, values = bars_of_ticks(ticks.time[:], ticks.bid, ticks.ask, length)
    return Series(
        symbol=symbol,
        time=keep(ends),
        values={field: keep(array) for field, array in values.items()},
        interval_s=length,
        has_extremes=True,
        irregular=int((np.diff(ends) != length * SECOND_NS).sum()),
    )


def _interval_s(parts: Sequence[Extract]) -> int:
    """The most common step between the bars of one instrument, the shortest of equals."""
    where = f"{parts[0].path}: {parts[0].symbol}"
    steps = np.diff(np.concatenate([part.stamps[:] for part in parts]))
    if not steps.size:
        raise DataError(
            f"{where} has a single row, which does not tell how long a bar is; "
            "expected at least two"
        )
    lengths, counts = np.unique(steps, return_counts=True)
    common, share = int(lengths[np.argmax(counts)]), float(counts.max() / steps.size)
    regular = np.flatnonzero(np.concatenate([[True], steps == common, [True]]))
    longest_run = int(np.diff(regular).max()) - 1
    if common % SECOND_NS or share < REGULAR_SHARE or longest_run >= LONGEST_IRREGULAR_RUN:
        raise DataError(
            f"{where}: expected bars of one length, but the most common step, "
            f"{common / SECOND_NS:g} s, is {share:.0%} of all steps and {longest_run} in a row "
            "are others; split files that mix bar lengths, and give ticks as bid and ask"
        )
    return common // SECOND_NS


def _bar_ends(part: Extract, reading: Reading, interval_s: int) -> Times:
    if reading.stamps == "end":
        return _to_utc(part, part.stamps[:], reading)
    if interval_s > 7 * DAY_S:
        raise DataError(
            f"{part.path}: bars of {interval_s} s stamped at their start; their ends "
            'cannot be told, since months differ. Stamp them at their end (stamps = "end").'
        )
    length = interval_s * SECOND_NS
    if interval_s >= DAY_S:
        return _to_utc(part, part.stamps[:] + length, reading)
    return _to_utc(part, part.stamps[:], reading) + length


def _to_utc(part: Extract, local: Times, reading: Reading) -> Times:
    if part.zoned:
        if reading.clock is not None and reading.clock.name != "UTC":
            raise DataError(
                f"{part.path}: its times state their own zone, but the clock "
                f"{reading.clock.name} was named as well; leave the clock out"
            )
        return local
    if reading.clock is None:
        raise DataError(
            f"{part.path}: its times carry no zone; name the clock they were written by: "
            "UTC, a fixed offset such as +02:00, or an IANA zone such as Europe/Athens"
        )
    times, unclear = reading.clock.to_utc(local)
    part.refuse(
        unclear,
        f"this local time is skipped or shown twice by the clock {reading.clock.name} "
        "(a change to or from summer time). Name a fixed offset such as +02:00, or write the "
        "file in UTC",
    )
    return times
