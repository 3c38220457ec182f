"""`Space`: which configurations a sweep tries."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from coordinator.plan import Plan
from coordinator.sweep.keys import Kind, Value, kind_of, with_values
from market.errors import ConfigError

TRIES_A_DRAW = 50
SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """A key and the values that it takes, in order."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A key that is drawn between low and high, both included. log: uniformly in its logarithm."""

    key: str
    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Every combination of the choices, or `draws` of them at random, ranges included.

    Random values are rounded to six significant digits, so that they can be typed.
    """

    choices: tuple[Choices, ...]
    ranges: tuple[Range, ...] = ()
    draws: int | None = None
    seed: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys in the order they were given: choices, then ranges."""
        return (*(axis.key for axis in self.choices), *(axis.key for axis in self.ranges))

    def as_json(self) -> dict[str, Any]:
        """What makes this space; `space_of` reads it back."""
        return {
            "choices": {axis.key: list(axis.values) for axis in self.choices},
            "ranges": {axis.key: [axis.low, axis.high, axis.log] for axis in self.ranges},
            "draws": self.draws,
            "seed": self.seed if self.draws is not None else 0,
        }


def space_of(content: Mapping[str, Any]) -> Space:
    """The space that `as_json` described."""
    return Space(
        choices=tuple(
            Choices(key=key, values=tuple(values)) for key, values in content["choices"].items()
        ),
        ranges=tuple(
            Range(key=key, low=low, high=high, log=log)
            for key, (low, high, log) in content["ranges"].items()
        ),
        draws=content["draws"],
        seed=content["seed"],
    )


def configurations(space: Space, plan: Plan) -> tuple[dict[str, Value], ...]:
    """The values of each configuration by key, in the order of their numbers.

    Checks the space on the way. Raises ConfigError for an unknown key, an empty space, or a
    value that the settings refuse.
    """
    kinds = _checked(space, plan)
    if space.draws is None:
        names = [axis.key for axis in space.choices]
        products = itertools.product(*(axis.values for axis in space.choices))
        return tuple(dict(zip(names, values, strict=True)) for values in products)
    return tuple(_drawn(space, kinds))


def _checked(space: Space, plan: Plan) -> dict[str, Kind]:
    """The kind of each key."""
    if not space.keys:
        raise ConfigError(
            "the space is empty: nothing to try. Name a key and its values, such as "
            "--grid committee.decision_threshold=0.2,0.25,0.3"
        )
    twice = sorted({key for key in space.keys if space.keys.count(key) > 1})
    if twice:
        raise ConfigError(f"{', '.join(twice)} is given twice; name each key once")
    if space.ranges and space.draws is None:
        raise ConfigError(
            f"--range {space.ranges[0].key}: a range is drawn from at random; say how often with "
            "--random N, or list values with --grid"
        )
    if space.draws is not None and space.draws < 1:
        raise ConfigError(f"--random: expected at least 1 draw, found {space.draws}")
    kinds = {key: kind_of(key, plan) for key in space.keys}
    for axis in space.choices:
        if not axis.values:
            raise ConfigError(f"--grid {axis.key}: expected at least one value, found none")
        for value in axis.values:
            with_values(plan.settings, {axis.key: value})
    for bounds in space.ranges:
        _check_range(bounds, kinds[bounds.key], plan)
    return kinds


def _check_range(bounds: Range, kind: Kind, plan: Plan) -> None:
    where = f"--range {bounds.key}"
    if kind == "other":
        raise ConfigError(f"{where}: the key takes no numbers; list its values with --grid")
    if not (math.isfinite(bounds.low) and math.isfinite(bounds.high) and bounds.low < bounds.high):
        raise ConfigError(
            f"{where}: expected the lower bound below the upper, found {bounds.low:g} and "
            f"{bounds.high:g}"
        )
    if bounds.log and not bounds.low > 0.0:
        raise ConfigError(f"{where}: a logarithmic range begins above 0, found {bounds.low:g}")
    for end in (bounds.low, bounds.high):
        with_values(plan.settings, {bounds.key: int(end) if kind == "int" else end})


def _drawn(space: Space, kinds: Mapping[str, Kind]) -> Iterator[dict[str, Value]]:
    """Different configurations; fewer than asked for where the space has no more."""
    rng = np.random.default_rng(space.seed)
    wanted = space.draws or 0
    seen: set[str] = set()
    for _ in range(TRIES_A_DRAW * wanted):
        values: dict[str, Value] = {
            axis.key: axis.values[int(rng.integers(len(axis.values)))] for axis in space.choices
        }
        values |= {bounds.key: _value(bounds, kinds[bounds.key], rng) for bounds in space.ranges}
        told = json.dumps(values, sort_keys=True)
        if told not in seen:
            seen.add(told)
            yield values
        if len(seen) == wanted:
            return


def _value(bounds: Range, kind: Kind, rng: np.random.Generator) -> float | int:
    low, high = bounds.low, bounds.high
    if kind == "int":
        low, high = math.ceil(low) - 0.5, math.floor(high) + 0.5
        if bounds.log:
            low = max(low, 0.5)
    if bounds.log:
        drawn = math.exp(rng.uniform(math.log(low), math.log(high)))
    else:
        drawn = float(rng.uniform(low, high))
    if kind == "int":
        return int(min(max(round(drawn), math.ceil(bounds.low)), math.floor(bounds.high)))
    rounded = float(f"{drawn:.{SIGNIFICANT_DIGITS}g}")
    return min(max(rounded, bounds.low), bounds.high)
