"""`CandleFiles`: one instrument's candles on disk, a Parquet file a month, as `FileFeed` reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from infra.brokers.v20.times import SECOND_NS
from infra.feeds.layouts import QUOTES
from market.errors import DataError

TIME = "time"
VOLUME = "volume"
UNFINISHED = ".new"
"""A file under this ending was being written when its writer died; nobody reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The stretch of a month that was fetched: every candle that begins in [begin, end) is there.

    UTC nanoseconds. candles: how many. left_out: candles of the broker's that are no prices.
    """

    begin: int
    end: int
    candles: int
    left_out: int


Row = tuple[float, ...]
"""A candle's quotes in the order of `QUOTES`, and its volume."""


class CandleFiles:
    """folder: of this granularity. source: where they are from, such as `OANDA v20 practice`.

    What was fetched stands in the files themselves: a file is whole or not there, whenever its
    writer dies.
    """

    def __init__(self, folder: Path, symbol: str, granularity: str, source: str) -> None:
        self._folder = folder
        self._symbol = symbol
        self._stated = {"source": source, "granularity": granularity, "instrument": symbol}

    def path(self, month: int) -> Path:
        """Where the month that begins at this time (UTC nanoseconds) is kept."""
        return self._folder / f"{self._symbol}_{_at(month):%Y-%m}.parquet"

    def covered(self, month: int) -> Covered | None:
        """What was fetched of a month; None where nothing was. Raises DataError for a file that is
        not one of these.
        """
        path = self.path(month)
        if not path.exists():
            return None
        try:
            found = pa_parquet.read_metadata(path)
            stated = {
                name.decode().removeprefix("quorum."): value.decode()
                for name, value in (found.metadata or {}).items()
                if name.startswith(b"quorum.")
            }
            covered = Covered(
                begin=int(stated.pop("from")),
                end=int(stated.pop("to")),
                candles=found.num_rows,
                left_out=int(stated.pop("left_out")),
            )
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise DataError(
                f"{path} was not written by a download and cannot be extended "
                f"({type(error).__name__}); move it away, or download to another folder"
            ) from None
        if stated != self._stated:
            raise DataError(
                f"{path} holds {_told(stated)}, and {_told(self._stated)} is being downloaded; "
                "download to another folder"
            )
        return covered

    def read(self, month: int) -> dict[int, Row]:
        """A month's candles by the UTC nanoseconds at which they begin."""
        if not self.path(month).exists():
            return {}
        table = pa_parquet.read_table(self.path(month))
        starts = table.column(TIME).cast(pa.int64()).to_pylist()
        columns = [table.column(name).to_pylist() for name in (*QUOTES, VOLUME)]
        return dict(zip(starts, zip(*columns, strict=True), strict=True))

    def write(self, month: int, rows: Mapping[int, Row], covered: Covered) -> None:
        """Put a month in the place of what was there, in one step; durable when it returns.

        A month without a candle is no file, for no feed could read one.
        """
        if not rows:
            return
        path = self.path(month)
        beside = path.with_name(path.name + UNFINISHED)
        with beside.open("wb") as file:
            pa_parquet.write_table(self._table(rows, covered), file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _table(self, rows: Mapping[int, Row], covered: Covered) -> Any:
        starts = sorted(rows)
        values = np.array([rows[start] for start in starts], dtype=np.float64)
        columns = {TIME: pa.array(starts, pa.int64()).cast(pa.timestamp("ns", tz="UTC"))}
        columns |= {name: values[:, place] for place, name in enumerate((*QUOTES, VOLUME))}
        stated = {
            **self._stated,
            "from": str(covered.begin),
            "to": str(covered.end),
            "left_out": str(covered.left_out),
        }
        return pa.table(columns).replace_schema_metadata(
            {f"quorum.{name}": value for name, value in stated.items()}
        )


def month_of(time: int) -> int:
    """The beginning of the month that holds a time, UTC nanoseconds."""
    return _ns(_at(time).replace(day=1, hour=0, minute=0, second=0, microsecond=0))


def next_month(month: int) -> int:
    """The beginning of the month after."""
    begun = _at(month)
    later = begun.replace(year=begun.year + begun.month // 12, month=begun.month % 12 + 1)
    return _ns(later)


def _at(time: int) -> datetime:
    return datetime.fromtimestamp(time // SECOND_NS, UTC)


def _ns(time: datetime) -> int:
    return int(time.timestamp()) * SECOND_NS


def _told(stated: Mapping[str, str]) -> str:
    return " ".join(stated.get(name, "?") for name in ("source", "instrument", "granularity"))
