"""`Table`: the columns of one CSV or Parquet file, with errors that name file and row."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from market.bars import Floats
from market.errors import DataError

CSV_SUFFIXES = (".csv", ".csv.gz")
PARQUET_SUFFIXES = (".parquet", ".pq")
SUFFIXES = CSV_SUFFIXES + PARQUET_SUFFIXES
DELIMITERS = ",;\t"
NULLS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One file's columns by their name in the file.

    path: the file. data: a `pyarrow.Table` whose columns are `names`.
    """

    path: Path
    data: Any

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, as the file writes them."""
        return tuple(self.data.column_names)

    def __len__(self) -> int:
        return int(self.data.num_rows)

    def column(self, name: str) -> Any:
        """The `pyarrow.ChunkedArray` of a column."""
        return self.data.column(name)

    def floats(self, name: str) -> Floats:
        """A column as (R,) float64, NaN where empty. Raises DataError at a row with no number."""
        column = self.column(name)
        values = self.converted(name, column, lambda part: pc.cast(part, pa.float64()), "a number")
        floats: Floats = values.to_numpy().astype(np.float64)
        return floats

    def texts(self, name: str) -> list[str]:
        """A column as text, '' where empty. Raises DataError where that is impossible."""
        column = self.column(name)
        values = self.converted(name, column, lambda part: pc.cast(part, pa.string()), "text")
        return ["" if value is None else value for value in values.to_pylist()]

    def refusal(self, row: int, problem: str) -> DataError:
        """The error to raise about one row (0 is the first); told to people counting from 1."""
        return DataError(f"{self.path}, row {row + 1} (from 1, header not counted): {problem}")

    def converted(self, name: str, column: Any, convert: Callable[[Any], Any], wanted: str) -> Any:
        """`convert(column)`; where pyarrow refuses, DataError naming the first row it refuses."""
        try:
            return convert(column)
        except pa.ArrowException:
            row = _first_failing(column, convert)
            raise self.refusal(
                row, f"expected {wanted} in column {name!r}, found {_shown(column[row])}"
            ) from None


def _first_failing(column: Any, convert: Callable[[Any], Any]) -> int:
    """The first row that `convert` refuses, by bisection; some row must be refused."""
    start, stop = 0, len(column)
    while stop - start > 1:
        middle = (start + stop) // 2
        try:
            convert(column.slice(start, middle - start))
        except pa.ArrowException:
            stop = middle
        else:
            start = middle
    return start


def _shown(cell: Any) -> str:
    """A cell as people see it."""
    try:
        return repr(cell.as_py())
    except (OverflowError, ValueError):
        return "a value that is out of range"


def canonical(name: str) -> str:
    """A column's name as it is compared: lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def is_table(path: Path) -> bool:
    """Whether the file's name ends as a table that can be read."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


def read_table(path: Path, as_text: Collection[str] = ()) -> Table:
    """Reads a file whole.

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
    try:
        if path.name.lower().endswith(PARQUET_SUFFIXES):
            with pa_parquet.ParquetFile(path) as file:
                data = file.read()
        else:
            data = _read_csv(path, as_text)
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
    if not data.num_rows:
        raise DataError(f"{path}: no rows; expected a header and at least one row of prices")
    if len(set(data.column_names)) < data.num_columns:
        raise DataError(f"{path}: a column name stands twice in {', '.join(data.column_names)}")
    return Table(path=path, data=data)


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
