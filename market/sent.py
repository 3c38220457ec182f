"""Values that travel between processes many times a second."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from math import prod
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np

Value = TypeVar("Value")

DTYPES = {"d": np.dtype(np.float64), "l": np.dtype(np.int64)}
Layout = tuple[int, str, tuple[int, ...]]
"""Of an array: the place of its field, its kind as of `DTYPES`, its shape."""
Placed = tuple[int, tuple[int, ...], np.dtype[Any], int]
"""Of an array: the place of its field, its shape, its kind, where it begins in the block."""
LAYOUTS_KEPT = 512


def sent(kind: type[Value]) -> type[Value]:
    """Make a frozen, slotted dataclass cheap to pickle, to and fro.

    What `dataclasses` gives such a class looks its fields up anew for every object: for a decision
    with twenty verdicts that is a tenth of a millisecond.
    """
    names, get = _fields_of(kind)
    put = object.__setattr__

    def state_of(value: object) -> tuple[Any, ...]:
        return get(value)

    def restore(value: object, state: tuple[Any, ...]) -> None:
        for name, part in zip(names, state, strict=True):
            put(value, name, part)

    kind.__getstate__ = state_of  # type: ignore[method-assign, assignment]
    kind.__setstate__ = restore  # type: ignore[attr-defined]
    return kind


def sent_with_arrays(kind: type[Value]) -> type[Value]:
    """As `sent`, for one with several arrays: they travel as one block, and arrive as views of it.

    Every array that is pickled by itself costs some microseconds on either side, and a decision's
    context has twenty of them. The bits are the same; so are kind, shape, and that they may be
    written. What is not contiguous, or neither float64 nor int64, travels by itself.
    """
    names, get = _fields_of(kind)
    put = object.__setattr__

    def state_of(value: object) -> tuple[list[Any], str, bytearray]:
        parts = list(get(value))
        arrays: list[Any] = []
        layout: list[Layout] = []
        for place, part in enumerate(parts):
            if type(part) is not np.ndarray or not part.flags.c_contiguous:
                continue
            char = part.dtype.char
            if char in DTYPES and part.dtype.isnative:
                arrays.append(part)
                layout.append((place, char, part.shape))
                parts[place] = None
        return parts, _written(tuple(layout)), bytearray().join(arrays)

    def restore(value: object, state: tuple[list[Any], str, bytearray]) -> None:
        parts, layout, block = state
        for place, shape, dtype, at in _read(layout):
            parts[place] = np.ndarray(shape, dtype, block, at)
        for name, part in zip(names, parts, strict=True):
            put(value, name, part)

    kind.__getstate__ = state_of  # type: ignore[method-assign, assignment]
    kind.__setstate__ = restore  # type: ignore[attr-defined]
    return kind


@lru_cache(LAYOUTS_KEPT)
def _written(layout: tuple[Layout, ...]) -> str:
    """A layout as a word: the same for most values of a kind, it is one thing to send."""
    return ";".join(
        f"{place}{char}{','.join(str(length) for length in shape)}" for place, char, shape in layout
    )


@lru_cache(LAYOUTS_KEPT)
def _read(word: str) -> tuple[Placed, ...]:
    """Where the arrays of such a word lie in their block."""
    placed: list[Placed] = []
    at = 0
    for told in word.split(";") if word else ():
        place, char, lengths = re.split("([dl])", told)
        shape = tuple(int(length) for length in lengths.split(",") if length)
        placed.append((int(place), shape, DTYPES[char], at))
        at += DTYPES[char].itemsize * prod(shape)
    return tuple(placed)


def _fields_of(kind: type) -> tuple[tuple[str, ...], Callable[[object], tuple[Any, ...]]]:
    """The names of a dataclass's fields, and what gives their values."""
    names = tuple(field.name for field in fields(kind))
    get: Callable[[object], Any] = attrgetter(*names)
    return names, (lambda value: (get(value),)) if len(names) == 1 else get
