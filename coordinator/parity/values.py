"""The first value in which two events differ, by its name and place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from market.bars import Floats
from market.events import Event


class Place(NamedTuple):
    """Where a value stands. field: dotted from the event. indices: in an array, () for none."""

    field: str
    indices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unequal:
    """Two values at the same place. distance: NaN where they are no two finite numbers."""

    place: Place
    one: object
    other: object
    distance: float


class Measured:
    """Compares events and remembers the largest distance that it let pass.

    tolerance: largest distance of two numbers that still counts as the same, as a part of the
    larger one where that is above 1; 0: to the last bit, where a zero and a negative zero differ,
    and NaN equals NaN.
    """

    def __init__(self, tolerance: float = 0.0) -> None:
        self.tolerance = tolerance
        self.largest = 0.0
        self.tolerated = 0

    def first(self, one: Event, other: Event) -> Unequal | None:
        """The first value beyond the tolerance, in the order of the fields; None without any."""
        if type(one) is not type(other):
            return Unequal(
                place=Place("type"),
                one=type(one).__name__,
                other=type(other).__name__,
                distance=math.nan,
            )
        return next(self._differing("", one, other), None)

    def _differing(self, name: str, one: Any, other: Any) -> Iterator[Unequal]:
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            yield from self._arrays(name, one, other)
        elif type(one) is not type(other):
            yield _unlike(name, one, other)
        elif is_dataclass(one):
            for field in fields(one):
                path = f"{name}.{field.name}" if name else field.name
                yield from self._differing(
                    path, getattr(one, field.name), getattr(other, field.name)
                )
        elif isinstance(one, tuple):
            yield from self._tuples(name, one, other)
        elif isinstance(one, float):
            yield from self._arrays(name, np.array(one), np.array(other))
        elif one != other:
            yield _unlike(name, one, other)

    def _tuples(self, name: str, one: tuple[Any, ...], other: tuple[Any, ...]) -> Iterator[Unequal]:
        for number, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from self._differing(f"{name}[{number}]", left, right)
        if len(one) != len(other):
            yield _unlike(f"{name} (how many)", len(one), len(other))

    def _arrays(self, name: str, one: Any, other: Any) -> Iterator[Unequal]:
        if one.shape != other.shape or one.dtype != other.dtype:
            yield _unlike(f"{name} (shape)", one.shape, other.shape)
            return
        if one.tobytes() == other.tobytes():
            return
        apart = _bits(one) != _bits(other)
        if one.dtype.kind == "f":
            apart &= ~(np.isnan(one) & np.isnan(other))
        distance = _distances(one, other)
        part = _parts(distance, one, other)
        passing = apart & (part <= self.tolerance) & (self.tolerance > 0.0)
        self.tolerated += int(np.count_nonzero(passing))
        self.largest = max([self.largest, *part[passing].tolist()])
        for found in np.argwhere(apart & ~passing):
            index = tuple(int(part) for part in found)
            yield Unequal(
                place=Place(name, index),
                one=one[index].item(),
                other=other[index].item(),
                distance=float(distance[index]),
            )


def _unlike(name: str, one: object, other: object) -> Unequal:
    return Unequal(place=Place(name), one=one, other=other, distance=math.nan)


def _bits(values: Any) -> Any:
    return np.ascontiguousarray(values).view(np.int64).reshape(values.shape)


def _distances(one: Any, other: Any) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        distance: Floats = np.abs(np.subtract(one, other, dtype=np.float64))
    return distance


def _parts(distance: Floats, one: Any, other: Any) -> Floats:
    """Distances as parts of the larger of two numbers, or of 1 where both are smaller."""
    with np.errstate(invalid="ignore"):
        parts: Floats = distance / np.maximum(1.0, np.maximum(np.abs(one), np.abs(other)))
    return parts


Watch = Callable[[int, int], None]
"""Told how many events are compared, of about how many."""
