"""`ScratchFile`: columns on disk for as long as somebody holds them.

Its files have no name in the folder: the system gives their space back when the last reader is
gone, however the process ends.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from infra.feeds.columns import Array, Column
from market.errors import ConfigError

MB = 1_000_000


class ScratchFile:
    """A nameless file to write to its end and to read anywhere.

    folder: on whose disk it lies. Raises ConfigError where that cannot be written, or is full.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._size = 0
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise ConfigError(
                f"data.scratch: expected a folder that can be written, found {folder}: "
                f"{error.strerror}; name another folder, or set data.panel to 'memory'"
            ) from None
        weakref.finalize(self, self._file.close)

    def keep(self, array: Array) -> Column:
        """Write a one-dimensional array down; the column reads it back."""
        start = self._size
        self.append(array)
        return _Kept(self, start, len(array), array.dtype)

    def append(self, array: Array) -> None:
        """Write the values of an array, row by row, to the end."""
        if not array.size:
            return
        left = np.ascontiguousarray(array).reshape(-1).data.cast("B")
        try:
            self._file.seek(self._size)
            while left:
                written = self._file.write(left)
                self._size += written
                left = left[written:]
        except OSError as error:
            raise ConfigError(
                f"data.scratch: {self._folder} took {self._size / MB:,.0f} MB of prices and then "
                f"no more ({error.strerror}); free some space, name another folder, or load fewer "
                "instruments"
            ) from None

    def read(self, start: int, into: Array) -> None:
        """Fill an array from byte `start` on."""
        left = into.data.cast("B")
        self._file.seek(start)
        while left:
            left = left[self._file.readinto(left) :]

    def mapped(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """The whole file as a read-only array of that shape, read from disk when looked at.

        It lives on without this object, as do views of it.
        """
        return np.asarray(np.memmap(self._file, dtype=dtype, mode="r", shape=shape))


class _Kept:
    """A column of a scratch file."""

    __slots__ = ("_dtype", "_file", "_length", "_start")

    def __init__(self, file: ScratchFile, start: int, length: int, dtype: np.dtype[Any]) -> None:
        self._file = file
        self._start = start
        self._length = length
        self._dtype = dtype

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, rows: slice, /) -> Array:
        start, stop, _ = rows.indices(self._length)
        found = np.empty(max(stop - start, 0), dtype=self._dtype)
        if found.size:
            self._file.read(self._start + start * self._dtype.itemsize, found)
        return found


def require_space(folder: Path, needed: float) -> None:
    """Raises ConfigError where a folder's disk has less than `needed` bytes left."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ConfigError(
            f"data.scratch: expected a folder to put prices into, found {folder}: {error.strerror}"
        ) from None
    if free < needed:
        raise ConfigError(
            f"data.scratch: the prices need {needed / MB:,.0f} MB on the disk of {folder}, which "
            f"has {free / MB:,.0f} MB left; free some space, name a folder on another disk, or "
            "load fewer instruments"
        )
