"""Headlines from a CSV or JSONL file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from market.errors import DataError

FIELDS = ("time", "currency", "headline")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Headline:
    """A published headline.

    time: UTC nanoseconds since 1970 of its publication. currency: three or more capital letters,
    the currency that it speaks of. text: as published.
    """

    time: int
    currency: str
    text: str


def read_headlines(path: Path) -> tuple[Headline, ...]:
    """Headlines of a .csv (with a header) or .jsonl file, sorted; a repeated line counts once.

    Fields `time` (ISO 8601 with its offset from UTC), `currency`, `headline`; others are
    ignored. Raises DataError with file and line for a missing or empty file, a missing field,
    a time without offset, or a currency that is none.
    """
    readers = {".csv": csv_records, ".jsonl": json_records}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"{path}: headlines are read from .csv or .jsonl, found {path.suffix or 'no ending'!r}"
        )
    try:
        headlines = {headline_of(record, where) for where, record in reader(path)}
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: headlines cannot be read as UTF-8 text: {error}") from error
    if not headlines:
        raise DataError(f"{path}: no headlines found; expected fields {', '.join(FIELDS)}")
    return tuple(sorted(headlines))


def csv_records(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """(file and line, fields) of every row."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            missing = [field for field in FIELDS if field not in (rows.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{path}, line 1: no column {', '.join(missing)}; expected a header with "
                    f"{', '.join(FIELDS)}, found {', '.join(rows.fieldnames or ()) or 'nothing'}"
                )
            for row in rows:
                yield f"{path}, line {rows.line_num}", dict(row)
        except csv.Error as error:
            where = f"{path}, line {rows.reader.line_num}"
            raise DataError(f"{where}: not a CSV row: {error}") from error


def json_records(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """(file and line, fields) of every line that is not blank."""
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{where}: not a JSON object: {error}") from error
            if not isinstance(record, dict):
                raise DataError(f"{where}: expected a JSON object, found {line.strip()[:60]!r}")
            yield where, record


def headline_of(record: dict[str, object], where: str) -> Headline:
    """A record as a headline; DataError that says where and what is wrong with it."""
    texts = {}
    for field in FIELDS:
        found = record.get(field)
        if not isinstance(found, str) or not found.strip():
            raise DataError(f"{where}: {field} must be a text that is not empty, found {found!r}")
        texts[field] = found.strip()
    currency = texts["currency"].upper()
    if not (currency.isascii() and currency.isalpha() and len(currency) >= 3):
        raise DataError(f"{where}: currency must be a code such as EUR, found {currency!r}")
    return Headline(
        time=nanoseconds(texts["time"], where), currency=currency, text=texts["headline"]
    )


def nanoseconds(text: str, where: str) -> int:
    """UTC nanoseconds since 1970 of an ISO 8601 time with offset."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(
            f"{where}: time must be ISO 8601 such as 2024-05-01T12:30:00+00:00, found {text!r}"
        ) from error
    if time.tzinfo is None:
        raise DataError(
            f"{where}: time {text!r} names no offset from UTC; write 2024-05-01T12:30:00Z or "
            "2024-05-01T14:30:00+02:00"
        )
    return (time - EPOCH) // timedelta(microseconds=1) * 1000
