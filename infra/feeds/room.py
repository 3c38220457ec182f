"""`Room`: whether prices are kept in memory or on disk, and where there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from infra.feeds.columns import Array, Keep, in_memory
from infra.feeds.needs import BAR_BYTES, VALUE_BYTES, Needed
from infra.feeds.scratch import ScratchFile, require_space
from infra.feeds.table_files import BATCH_ROWS
from market.bars import VALUE_FIELDS, Bars, Floats

Place = Literal["auto", "memory", "disk"]
SHARE_OF_MEMORY = 0.25
"""A panel that takes more of the memory at hand goes to disk."""


def temporary_folder() -> Path:
    """The system's folder for temporary files."""
    return Path(tempfile.gettempdir())


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where prices are kept. Nothing that is read depends on it.

    place: `auto` takes the disk for a panel larger than a quarter of the memory at hand.
    scratch: the folder on whose disk it lies. memory: bytes at hand; None where that is unknown,
    and `auto` then takes memory. batch_rows: of a Parquet file that are read at a time.
    """

    place: Place = "memory"
    scratch: Path = field(default_factory=temporary_folder)
    memory: float | None = None
    batch_rows: int = BATCH_ROWS

    def on_disk(self, size: float) -> bool:
        """Whether so many bytes of prices go to disk."""
        if self.place == "auto":
            return self.memory is not None and size > SHARE_OF_MEMORY * self.memory
        return self.place == "disk"

    def keeper(self, needs: Iterable[Needed]) -> Keep:
        """Where to keep the columns of files until the panel is made.

        needs: of the files. Raises ConfigError where the disk has no space for them.
        """
        if self.place == "memory":
            return in_memory
        known = list(needs)
        if not self.on_disk(sum(need.most for need in known)):
            return in_memory
        require_space(self.scratch, sum(need.disk for need in known))
        return ScratchFile(self.scratch).keep

    def sheet(self, rows: int, columns: int) -> Sheet:
        """An empty panel of that size. Raises ConfigError where the disk has no space for it."""
        size = rows * (columns * BAR_BYTES + VALUE_BYTES)
        if not rows or not self.on_disk(size):
            return Sheet(rows, columns, None)
        require_space(self.scratch, size)
        return Sheet(rows, columns, self.scratch)


class Sheet:
    """A panel that is written from its first row to its last, and then read.

    scratch: the folder on whose disk it lies; None for memory.
    """

    def __init__(self, rows: int, columns: int, scratch: Path | None) -> None:
        self._shapes: dict[str, tuple[int, ...]] = dict.fromkeys(VALUE_FIELDS, (rows, columns))
        self._shapes["time"] = (rows,)
        self._arrays: dict[str, Array] = {}
        self._files: dict[str, ScratchFile] = {}
        self._filled = dict.fromkeys(self._shapes, 0)
        for name, shape in self._shapes.items():
            if scratch is None:
                self._arrays[name] = np.empty(shape, dtype=_kind(name))
            else:
                self._files[name] = ScratchFile(scratch)

    def append(self, name: str, block: Array) -> None:
        """The next rows of a field, or of the time."""
        if name in self._files:
            self._files[name].append(block)
        else:
            start = self._filled[name]
            self._arrays[name][start : start + len(block)] = block
        self._filled[name] += len(block)

    def bars(self, symbols: tuple[str, ...], interval_s: int, *, has_extremes: bool) -> Bars:
        """The panel, once every row is there."""
        for name, file in self._files.items():
            self._arrays[name] = file.mapped(self._shapes[name], _kind(name))
        values: dict[str, Floats] = {name: self._arrays[name] for name in VALUE_FIELDS}
        return Bars(
            symbols=symbols,
            time=self._arrays["time"],
            interval_s=interval_s,
            has_extremes=has_extremes,
            **values,
        )


def _kind(name: str) -> type[np.generic]:
    return np.int64 if name == "time" else np.float64


def is_on_disk(bars: Bars) -> bool:
    """Whether a panel's prices are read from disk."""
    holder: object = bars.close
    while isinstance(holder, np.ndarray) and not isinstance(holder, np.memmap):
        holder = holder.base
    return isinstance(holder, np.memmap)
