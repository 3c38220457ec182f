"""How much room a file's prices take, told before the file is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.feeds.layouts import layout_of
from infra.feeds.table_files import open_table
from infra.feeds.tables import is_parquet
from market.bars import VALUE_FIELDS
from market.errors import DataError

VALUE_BYTES = 8
BAR_BYTES = VALUE_BYTES * len(VALUE_FIELDS)
"""Of one bar of one instrument in a panel."""
BESIDE_BYTES = 3 * VALUE_BYTES
"""Beside its prices while it is read: its row, its time in the file and in UTC."""
TICK_BYTES = 4 * VALUE_BYTES
"""Of a tick while it is read: its row, its time, bid and ask."""
UNPACKED = 5
"""A compressed CSV is about so many times larger when it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Bytes: most, that a file's prices may take in a panel, about; disk, that they certainly take
    on a disk until the panel is there, it included.
    """

    most: int
    disk: int


def needed_by(path: Path, *, whole: bool) -> Needed:
    """What a file needs. whole: whether all of it is wanted.

    A Parquet file tells its rows; a CSV is taken for as large as its text, and its need of disk is
    not known. Nothing for a file that cannot be read: who reads it is told.
    """
    try:
        if not is_parquet(path):
            size = path.stat().st_size
            return Needed(most=size * (UNPACKED if path.suffix == ".gz" else 1), disk=0)
        file = open_table(path)
        ticks = layout_of(file).kind == "ticks"
    except (DataError, OSError):
        return Needed(most=0, disk=0)
    kept = TICK_BYTES if ticks else BAR_BYTES + BESIDE_BYTES + BAR_BYTES
    return Needed(most=file.rows * BAR_BYTES, disk=file.rows * kept if whole else 0)
