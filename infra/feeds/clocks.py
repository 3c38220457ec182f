"""`SourceClock`: from the times that a file shows to UTC.

A file rarely says by which clock its times were written; the user does: `UTC`, a fixed offset
such as `+02:00`, or an IANA zone such as `Europe/Athens`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from infra.feeds.tables import Table
from market.bars import Times
from market.errors import ConfigError, DataError, nearest

OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
ZONED = r"[Zz]$|[ T]\d.*[+-]\d{2}(:?\d{2})?$"
EPOCH_UNITS = ((11, "s"), (14, "ms"), (17, "us"), (20, "ns"))
"""Numbers below 10^11, 10^14, … count seconds, milliseconds, … (from 1973 to 5138)."""
EPOCH_FLOOR = 10**8
EXPECTED = "a time such as 2014-05-05 13:00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceClock:
    """A clock by which times were written. name: as the user named it."""

    name: str
    zone: tzinfo

    def to_utc(self, local: Times) -> tuple[Times, NDArray[np.bool_]]:
        """UTC nanoseconds of local ones, and where there is no answer.

        No answer: a local time that a change to or from summer time skips or shows twice.
        """
        if self.zone is UTC:
            return local, np.zeros(local.shape[0], dtype=np.bool_)
        naive = pd.DatetimeIndex(local.astype("datetime64[ns]"))
        zoned = naive.tz_localize(self.zone, ambiguous="NaT", nonexistent="NaT")
        unclear: NDArray[np.bool_] = np.asarray(zoned.isna(), dtype=np.bool_)
        return zoned.as_unit("ns").asi8.astype(np.int64), unclear


def clock_named(name: str) -> SourceClock:
    """The clock of that name. Raises ConfigError for one that is unknown."""
    text = name.strip()
    if text.upper() in ("UTC", "Z", "GMT"):
        return SourceClock(name="UTC", zone=UTC)
    offset = OFFSET.fullmatch(text)
    if offset:
        sign, hours, minutes = offset.groups()
        shift = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if shift < timedelta(hours=24):
            return SourceClock(name=text, zone=timezone(-shift if sign == "-" else shift))
    try:
        return SourceClock(name=text, zone=ZoneInfo(text))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = nearest(text, available_timezones())
        raise ConfigError(
            f"unknown clock {name!r}{hint} Expected UTC, a fixed "
            "offset such as +02:00, or an IANA zone such as Europe/Athens"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """The time column of a file, (R,) int64 nanoseconds since 1970.

    zoned: True where the file itself states the zone; `values` are then UTC, else local.
    """

    values: Times
    zoned: bool


def stamps_of(table: Table, columns: tuple[str, ...]) -> Stamps:
    """Reads the time column, or a date column and a time column.

    Read are timestamps and dates of Parquet; text in ISO 8601 (also with dots or slashes:
    2014.05.05 13:00), with or without zone; numbers counting s, ms, us or ns since 1970.
    Raises DataError naming the row of the first time that is missing or cannot be read.
    """
    column = table.column(columns[0])
    if len(columns) == 2:
        parts = [_as_text(table, name) for name in columns]
        column = pc.binary_join_element_wise(*parts, " ")
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = pc.cast(column, kind.value_type)
        kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        stamps = _from_timestamps(table, column, columns[0])
    elif pa.types.is_integer(kind):
        stamps = _from_numbers(table, column)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        stamps = _from_text(table, column)
    else:
        raise DataError(
            f"{table.path}: expected {EXPECTED} in column {columns[0]!r}, found values of type "
            f"{kind}; write the times as text in ISO 8601 or as timestamps"
        )
    return stamps


def _as_text(table: Table, name: str) -> Any:
    return table.texts(name)


def _refuse_null(table: Table, column: Any) -> None:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise table.refusal(row, f"expected {EXPECTED}, found none")


def _from_timestamps(table: Table, column: Any, name: str) -> Stamps:
    _refuse_null(table, column)
    zone = column.type.tz if pa.types.is_timestamp(column.type) else None
    values = table.converted(
        name, column, lambda part: pc.cast(part, pa.timestamp("ns", tz=zone)), "a time after 1678"
    )
    return Stamps(
        values=pc.cast(values, pa.int64()).to_numpy().astype(np.int64, copy=False), zoned=bool(zone)
    )


def _from_numbers(table: Table, column: Any) -> Stamps:
    _refuse_null(table, column)
    counts = column.to_numpy().astype(np.int64, copy=False)
    odd = np.flatnonzero((counts < EPOCH_FLOOR) | (counts >= 2**63 - 1))
    if odd.size:
        raise table.refusal(
            int(odd[0]),
            f"expected {EXPECTED}, or a count of s, ms, us or ns since 1970; "
            f"found {counts[odd[0]]}",
        )
    unit = next(unit for digits, unit in EPOCH_UNITS if int(counts.max()) < 10**digits)
    scale = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
    return Stamps(values=counts * scale, zoned=False)


def _from_text(table: Table, column: Any) -> Stamps:
    _refuse_null(table, column)
    if pc.all(pc.match_substring_regex(column, r"^\d{9,19}$")).as_py():
        return _from_numbers(table, pc.cast(column, pa.int64()))
    column = pc.replace_substring_regex(column, r"^(\d{4})[./](\d{2})[./](\d{2})", r"\1-\2-\3")
    with_zone = pc.match_substring_regex(column, ZONED).to_numpy()
    if with_zone.any() and not with_zone.all():
        row = int(np.flatnonzero(with_zone != with_zone[0])[0])
        raise table.refusal(
            row, "expected either every time with a zone or none, found both in one file"
        )
    zoned = bool(with_zone.any())
    texts = pd.Series(column.to_numpy(), dtype=object)
    parsed = pd.DatetimeIndex(pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True))
    unread = np.flatnonzero(parsed.isna())
    if unread.size:
        row = int(unread[0])
        raise table.refusal(row, f"expected {EXPECTED} (ISO 8601), found {column[row].as_py()!r}")
    try:
        return Stamps(values=parsed.as_unit("ns").asi8.astype(np.int64), zoned=zoned)
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(f"{table.path}: expected times from 1678 to 2261; {error}") from None
