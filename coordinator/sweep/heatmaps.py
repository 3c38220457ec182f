"""Heat maps: a figure over two settings, in training beside in test, in the same colours."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from coordinator.report.markup import Html, block, safe, side_by_side
from coordinator.sweep.outcome import Outcome
from coordinator.sweep.words import figure, value_in_words
from market.bars import Floats

MOST_LABELS = 12
BINS = 6
MOST_MAPS = 6
BESIDE = 8
"""Maps with more columns stand below each other."""
Labels = tuple[str, ...]
TITLES = {"whole": "Whole history, in sample", "train": "In training", "test": "In test"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A setting cut into cells. cell: (trials,) the cell of each trial."""

    key: str
    labels: Labels
    cell: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Means (rows, columns) of a figure over the trials of each cell; NaN where there is none."""

    rows: Axis
    columns: Axis
    means: Floats


def heat_blocks(outcome: Outcome) -> list[Html]:
    """One block for each pair of settings, the most telling first; for one setting, a table."""
    parts = ("train", "test") if outcome.sweep.windows else ("whole",)
    values = {part: outcome.figures(outcome.objective, part) for part in parts}
    axes = [axis_of(outcome, key) for key in outcome.sweep.space.keys]
    axes = [axis for axis in axes if len(axis.labels) > 1] or axes[:1]
    if len(axes) == 1:
        return [_single(outcome.objective, axes[0], values)]
    axes.sort(key=lambda axis: -_effect(axis, values[parts[0]]))
    pairs = list(itertools.combinations(axes, 2))[:MOST_MAPS]
    return [_pair(outcome.objective, rows, columns, values) for rows, columns in pairs]


def axis_of(outcome: Outcome, key: str) -> Axis:
    """A setting's values in order; many numbers are gathered into bins with as many trials."""
    values = [outcome.values(number)[key] for number in outcome.results]
    numeric = all(isinstance(value, (int, float)) for value in values)
    distinct = _distinct(values)
    if numeric:
        distinct.sort()
    if not numeric or len(distinct) <= MOST_LABELS:
        labels = tuple(value_in_words(value) for value in distinct)
        cell = np.array([distinct.index(value) for value in values], dtype=np.int64)
        return Axis(key=key, labels=labels, cell=cell)
    numbers = np.array(values, dtype=np.float64)
    edges = np.unique(np.quantile(numbers, np.linspace(0.0, 1.0, BINS + 1)))
    cell = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
    labels = tuple(f"{low:.3g} to {high:.3g}" for low, high in itertools.pairwise(edges))
    return Axis(key=key, labels=labels, cell=cell)


def heat_map(rows: Axis, columns: Axis, values: Floats) -> HeatMap:
    """The mean of the values in every cell; trials without a value are left out."""
    shape = (len(rows.labels), len(columns.labels))
    known = np.isfinite(values)
    where = np.ravel_multi_index((rows.cell[known], columns.cell[known]), shape)
    size = shape[0] * shape[1]
    counts = np.bincount(where, minlength=size)
    sums = np.bincount(where, weights=values[known], minlength=size)
    means = np.full(size, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return HeatMap(rows=rows, columns=columns, means=means.reshape(shape))


def _distinct(values: list[Any]) -> list[Any]:
    """In the order of their first appearance; they may be lists, which have no hash."""
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    return distinct


def _effect(axis: Axis, values: Floats) -> float:
    """How far the means over an axis lie apart."""
    single = Axis(key="", labels=("",), cell=np.zeros_like(axis.cell))
    means = heat_map(axis, single, values).means
    known = means[np.isfinite(means)]
    return float(np.ptp(known)) if known.size else 0.0


def _pair(objective: str, rows: Axis, columns: Axis, values: dict[str, Floats]) -> Html:
    maps = {part: heat_map(rows, columns, found) for part, found in values.items()}
    largest = _largest([found.means for found in maps.values()])
    drawn = [block(TITLES[part], _table(objective, found, largest)) for part, found in maps.items()]
    title = f"{rows.key} down, {columns.key} across"
    fits = len(drawn) > 1 and len(columns.labels) <= BESIDE
    return block(title, *((side_by_side(*drawn),) if fits else drawn))


def _single(objective: str, axis: Axis, values: dict[str, Floats]) -> Html:
    """One setting: its values down, the parts across."""
    parts = Axis(
        key="",
        labels=tuple(TITLES[part] for part in values),
        cell=np.zeros(0, dtype=np.int64),
    )
    one = Axis(key="", labels=("",), cell=np.zeros_like(axis.cell))
    means = np.hstack([heat_map(axis, one, found).means for found in values.values()])
    found = HeatMap(rows=axis, columns=parts, means=means)
    return block(axis.key, _table(objective, found, _largest([means])))


def _largest(arrays: list[Floats]) -> float:
    every = np.abs(np.concatenate([array.ravel() for array in arrays]))
    known = every[np.isfinite(every)]
    return float(known.max()) if known.size else 0.0


def _table(objective: str, found: HeatMap, largest: float) -> Html:
    head = "".join(f'<th scope="col">{safe(label)}</th>' for label in found.columns.labels)
    rows = "".join(
        f'<tr><th scope="row">{safe(label)}</th>'
        + "".join(_cell(objective, value, largest) for value in row)
        + "</tr>"
        for label, row in zip(found.rows.labels, found.means, strict=True)
    )
    return Html(
        '<div class="scroll"><table class="heat"><thead><tr><th></th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(objective: str, value: float, largest: float) -> str:
    if not math.isfinite(value):
        return "<td>–</td>"
    strength = abs(value) / largest if largest > 0.0 else 0.0
    name = "gain" if value >= 0.0 else "loss"
    return f'<td class="{name}" style="--s:{strength:.2f}">{figure(objective, value)}</td>'
