"""`Table`: rows of one CSV or Parquet file, with errors that name file and row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market.bars import Floats
from market.errors import DataError

CSV_SUFFIXES = (".csv", ".csv.gz")
PARQUET_SUFFIXES = (".parquet", ".pq")
SUFFIXES = CSV_SUFFIXES + PARQUET_SUFFIXES


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns of one file, or of rows of it that follow each other, by their name in the file.

    path: the file. data: a `pyarrow.Table`. start: the row of the file that is its first.
    """

    path: Path
    data: Any
    start: int = 0

    def __len__(self) -> int:
        return int(self.data.num_rows)

    def column(self, name: str) -> Any:
        """The `pyarrow.ChunkedArray` of a column."""
        return self.data.column(name)

    def floats(self, name: str) -> Floats:
        """A column as (R,) float64, NaN where empty. Raises DataError at a row with no number."""
        column = self.column(name)
        values = self.converted(name, column, lambda part: pc.cast(part, pa.float64()), "a number")
        floats: Floats = values.to_numpy().astype(np.float64, copy=False)
        return floats

    def texts(self, name: str) -> Any:
        """A column as `pyarrow` text, '' where empty. Raises DataError where that is impossible."""
        column = self.column(name)
        values = self.converted(name, column, lambda part: pc.cast(part, pa.string()), "text")
        return pc.fill_null(values, "")

    def refusal(self, row: int, problem: str) -> DataError:
        """The error to raise about one of its rows (0 is its first)."""
        return row_refusal(self.path, self.start + row, problem)

    def converted(self, name: str, column: Any, convert: Callable[[Any], Any], wanted: str) -> Any:
        """`convert(column)`; where pyarrow refuses, DataError naming the first row it refuses."""
        try:
            return convert(column)
        except pa.ArrowException:
            row = _first_failing(column, convert)
            raise self.refusal(
                row, f"expected {wanted} in column {name!r}, found {_shown(column[row])}"
            ) from None


def row_refusal(path: Path, row: int, problem: str) -> DataError:
    """The error to raise about one row of a file (0 is the first); told counting from 1."""
    return DataError(f"{path}, row {row + 1} (from 1, header not counted): {problem}")


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


def is_parquet(path: Path) -> bool:
    """Whether the file's name ends as that of a Parquet file."""
    return path.name.lower().endswith(PARQUET_SUFFIXES)
