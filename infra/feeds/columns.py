"""`Column`: values that may lie in memory or on disk, read by slices."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Column(Protocol):
    """(R,) values. A slice of it is an array in memory, not to be written into."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Array: ...


Keep = Callable[[Array], Column]
"""Puts an array where it is to be kept, and gives it back as a column."""


def in_memory(array: Array) -> Column:
    """Keeps an array as it is."""
    return array


class Joined:
    """Columns one after the other."""

    def __init__(self, parts: Sequence[Column]) -> None:
        self._parts = tuple(parts)
        self._stops = tuple(accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self._stops[-1]

    def __getitem__(self, rows: slice, /) -> Array:
        start, stop, _ = rows.indices(len(self))
        found: list[Array] = []
        place = bisect_right(self._stops, start)
        while place < len(self._parts) and (start < stop or not found):
            before = self._stops[place] - len(self._parts[place])
            found.append(self._parts[place][start - before : max(stop, start) - before])
            start, place = self._stops[place], place + 1
        if not found:  # from the very end on
            found.append(self._parts[-1][:0])
        return found[0] if len(found) == 1 else np.concatenate(found)


def joined(parts: Sequence[Column]) -> Column:
    """One column of one or more."""
    return parts[0] if len(parts) == 1 else Joined(parts)
