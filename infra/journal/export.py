"""Exporting a journal for other tools: CSV, JSON, Parquet.

One row an event: sequence, kind, time (of the market, where the event has one), written_at (wall
time), hash, and the event itself as JSON, where NaN and infinities are null. Events that were
recorded as one entry share its sequence, wall time and hash.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from infra.journal.codec import decode
from infra.journal.copying import new_file
from infra.journal.reader import chained_rows, count_events, salvage_advice
from infra.journal.sealing import Seals
from infra.journal.verify import PROGRESS_EVERY, Progress, no_progress
from market.errors import JournalError
from market.events import Event
from market.lots import singly

SECOND_NS = 1_000_000_000
ROWS_AT_ONCE = 20_000
LATEST = 253_402_300_800.0
"""The first second of the year 10000, which no date can name."""
FORMATS = ("csv", "json", "parquet")


class Exported(NamedTuple):
    """A row. time: UTC nanoseconds, None where the event has none. written_at: seconds."""

    sequence: int
    kind: str
    time: int | None
    written_at: float
    hash: str
    event: str


def export(
    path: Path,
    out: Path,
    kind: str,
    progress: Progress = no_progress,
    key: bytes | None = None,
) -> int:
    """Write every event to a new file of this format; how many.

    key: of the seals, which are checked with it. Raises JournalError where chain or seals break
    or a wall time is none, in which case there is no file, JournalUnwritable where it exists or
    cannot be written.
    """
    writers: dict[str, Callable[[Iterator[Exported], Path], int]] = {
        "csv": _to_csv, "json": _to_json, "parquet": _to_parquet,
    }  # fmt: skip
    if kind not in writers:
        raise JournalError(f"expected a format of {', '.join(FORMATS)}, found {kind!r}")
    with new_file(out, like=path) as beside:
        return writers[kind](_exported(path, progress, key), beside)


def _exported(path: Path, progress: Progress, key: bytes | None) -> Iterator[Exported]:
    encoder = msgspec.json.Encoder(enc_hook=_listed)
    seals = Seals(path, key, strict=False)
    total = count_events(path)
    for sequence, kind, payload, head, written_at, sealed in chained_rows(path):
        seals.check(sequence, kind, head, written_at, sealed)
        _require_wall_time(path, sequence, written_at)
        for event in singly(decode(kind, payload)):
            told, name = encoder.encode(event).decode(), type(event).__name__
            yield Exported(sequence, name, _time(event), written_at, head.hex(), told)
        if (sequence + 1) % PROGRESS_EVERY == 0:
            progress(sequence + 1, total)


def _require_wall_time(path: Path, sequence: int, written_at: object) -> None:
    """Without a key nothing but sense vouches for it. Raises JournalError."""
    if type(written_at) is not float or not 0.0 <= written_at < LATEST:
        raise JournalError(
            f"{path}: event {sequence} has {written_at!r} as its wall time; it was changed after "
            f"it was written. {salvage_advice(path)}"
        )


def _time(event: Event) -> int | None:
    """The market's time of an event, or of what it carries."""
    for value in (event, *(getattr(event, name, None) for name in ("fill", "cancellation"))):
        time = getattr(value, "time", None)
        if time is not None:
            return int(time)
    return None


def _listed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"no JSON for {type(value)}")


def _to_csv(rows: Iterator[Exported], out: Path) -> int:
    count = 0
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Exported._fields)
        for count, row in enumerate(rows, 1):  # noqa: B007
            writer.writerow(_told(row).values())
    return count


def _to_json(rows: Iterator[Exported], out: Path) -> int:
    """An array with a line for every event."""
    count = 0
    with out.open("w", encoding="utf-8") as file:
        file.write("[")
        for count, row in enumerate(rows, 1):
            told = _told(row) | {"event": msgspec.Raw(row.event.encode())}
            file.write(("\n" if count == 1 else ",\n") + msgspec.json.encode(told).decode())
        file.write("\n]\n")
    return count


def _to_parquet(rows: Iterator[Exported], out: Path) -> int:
    schema = pa.schema(
        [
            ("sequence", pa.int64()),
            ("kind", pa.dictionary(pa.int32(), pa.string())),
            ("time", pa.timestamp("ns", tz="UTC")),
            ("written_at", pa.timestamp("us", tz="UTC")),
            ("hash", pa.string()),
            ("event", pa.string()),
        ]
    )
    count = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        waiting: list[Exported] = []
        for row in rows:
            waiting.append(row._replace(written_at=round(row.written_at * 1e6)))
            if len(waiting) == ROWS_AT_ONCE:
                count += _write_group(writer, schema, waiting)
        count += _write_group(writer, schema, waiting)
    return count


def _write_group(writer: Any, schema: Any, waiting: list[Exported]) -> int:
    """Write these rows and forget them; how many they were."""
    count = len(waiting)
    if count:
        columns = [
            pa.array(list(column), type=field.type)
            for column, field in zip(zip(*waiting, strict=True), schema, strict=True)
        ]
        writer.write_table(pa.Table.from_arrays(columns, schema=schema))
        waiting.clear()
    return count


def _told(row: Exported) -> dict[str, Any]:
    """Its times as text."""
    times = {"time": _iso(row.time), "written_at": _iso_s(row.written_at)}
    return row._asdict() | times


def _iso(time: int | None) -> str | None:
    """To the nanosecond."""
    if time is None:
        return None
    second, nanosecond = divmod(time, SECOND_NS)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{nanosecond:09d}Z"


def _iso_s(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
