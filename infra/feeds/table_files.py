"""`TableFile`: a CSV or Parquet file, read whole or some rows at a time."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from infra.feeds.tables import SUFFIXES, Table, canonical, is_parquet, is_table
from market.errors import DataError

DELIMITERS = ",;\t"
NULLS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
BATCH_ROWS = 65_536
"""Rows of a Parquet file that are in memory at a time."""
READ_BYTES = 65_536
"""Bytes of a Parquet column that are read at a time, however large its row groups are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """A file with a header and at least one row.

    names: its columns, as it writes them. rows: how many. whole: what it holds, where it could
    only be read at once, as a CSV. batch_rows: rows to read at a time else.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    whole: Table | None
    batch_rows: int = BATCH_ROWS

    def columns(self, names: Sequence[str]) -> Table:
        """Every row of some columns. Raises DataError where they cannot be read."""
        if self.whole is not None:
            return self.whole
        with _reading(self.path), _parquet(self.path) as file:
            return Table(path=self.path, data=file.read(columns=list(names), use_threads=False))

    def tables(self, names: Sequence[str]) -> Iterator[Table]:
        """The same, some rows at a time, in order."""
        if self.whole is not None:
            yield self.whole
            return
        start = 0
        with _reading(self.path), _parquet(self.path) as file:
            for batch in file.iter_batches(self.batch_rows, columns=list(names), use_threads=False):
                data = pa.Table.from_batches([batch])
                yield Table(path=self.path, data=data, start=start)
                start += len(data)


def open_table(
    path: Path, as_text: Collection[str] = (), *, batch_rows: int = BATCH_ROWS
) -> TableFile:
    """Opens a file; of a Parquet file only what it says about itself is read.

    as_text: canonical names of the columns of a CSV whose values stay as written. A CSV has a
    header and is split at commas, semicolons or tabs, whichever its header holds most of.
    Raises DataError for a file that is missing, empty, of unknown format or unreadable.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected one of {', '.join(SUFFIXES)}")
    if not is_table(path):
        raise DataError(
            f"{path}: unknown format; expected a file name ending in one of {', '.join(SUFFIXES)}"
        )
    whole = None
    with _reading(path):
        if is_parquet(path):
            with _parquet(path) as file:
                names, rows = file.schema_arrow.names, file.metadata.num_rows
        else:
            whole = Table(path=path, data=_read_csv(path, as_text))
            names, rows = whole.data.column_names, len(whole)
    if not rows:
        raise DataError(f"{path}: no rows; expected a header and at least one row of prices")
    if len(set(names)) < len(names):
        raise DataError(f"{path}: a column name stands twice in {', '.join(names)}")
    return TableFile(path=path, names=tuple(names), rows=rows, whole=whole, batch_rows=batch_rows)


def _parquet(path: Path) -> Any:
    return pa_parquet.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a file is read is told as a DataError that names it."""
    try:
        yield
    except (
        pa.ArrowException,
        OSError,
        EOFError,
        zlib.error,
        csv.Error,
        UnicodeDecodeError,
    ) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"{path}: cannot be read as {path.suffix.lstrip('.')}; {reason}. "
            "Check that the file is whole, a CSV in UTF-8, and every row as long as its header."
        ) from None


def _read_csv(path: Path, as_text: Collection[str]) -> Any:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        lines = file.readline().decode("utf-8-sig").splitlines()
    header = lines[0] if lines else ""
    delimiter = max(DELIMITERS, key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    texts = {name: pa.string() for name in names if canonical(name) in as_text}
    return pa_csv.read_csv(
        path,
        # One thread, so that a row of the wrong length is reported with its number.
        read_options=pa_csv.ReadOptions(use_threads=False),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter),
        convert_options=pa_csv.ConvertOptions(
            column_types=texts, null_values=NULLS, strings_can_be_null=True
        ),
    )
