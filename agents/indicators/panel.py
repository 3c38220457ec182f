"""How a panel is worked through: series by series, each contiguous in time.

A kernel takes the prices of one instrument, not a panel: offsets in time are then offsets in
memory, and the work of one instrument fits in a core's caches. A long panel is cut into strips of
rows; each begins early enough for every window, so that no result depends on where it was cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import numpy as np

from market.bars import Floats
from market.compiled import constant, kernel

STRIP = 2048
"""Rows that an agent's kernel handles at a time, about: its intermediate series stay in L2."""
TILE = 1024
"""Values that an indicator's passes handle at a time: they stay in L1."""
GROUP = 24
"""Instruments taken out of a panel together: the doubles of one cache line."""

Plan_contra = TypeVar("Plan_contra", contravariant=True)
Plan = TypeVar("Plan")
Filler = Callable[[Floats, Floats, Floats], None]
"""Writes an indicator of a series into `out`: (series, out, work)."""


class StripKernel(Protocol, Generic[Plan_contra]):
    """A compiled function over a strip of rows of a panel, flattened row by row.

    values: the strip and, before it, rows enough for every window. columns: N. count: rows of
    the strip, which are the last ones. plan: parameters. out: (K, T N) results of the whole
    panel: the first K of the layers that the kernel knows, written from `place` on. work:
    scratch series, each as long as the strip.
    """

    def __call__(
        self,
        values: Floats,
        columns: int,
        count: int,
        place: int,
        plan: Plan_contra,
        out: Floats,
        work: Floats,
    ) -> None: ...


def scratch(count: int, length: int) -> Floats:
    """Uninitialised memory for `count` series of at least `length` values.

    Every series begins on a cache line, no two at the same place in their memory pages: a load
    would otherwise wait for stores that it has nothing to do with.
    """
    lines = (length + 7) // 8 | 1
    memory = np.empty(count * lines * 8 + 8)
    start = -(memory.ctypes.data // 8) % 8
    return memory[start : start + count * lines * 8].reshape(count, lines * 8)


@kernel
def tile_size(count: int) -> int:
    """Length, about TILE, of the equal tiles that `count` values are cut into."""
    tiles = max((count + TILE // 2) // TILE, 1)
    return max((count + tiles - 1) // tiles, 1)


@kernel
def take_columns(values: Floats, columns: int, column: int, series: Floats) -> int:
    """Copy up to GROUP instruments of a flat panel, from `column` on, to the rows of `series`.

    Answers how many.
    """
    rows, width = values.size // columns, min(GROUP, columns - column)
    for t in range(rows):
        for c in range(width):
            series[c, t] = values[t * columns + column + c]
    return width


@kernel
def keep_layers(layers: Floats, count: int, kept: int, c: int, found: Floats) -> None:
    """Copy the first `kept` results of one instrument to its rows of `found`."""
    for layer in range(kept):
        source, target = layers[layer][:count], found[layer * GROUP + c]
        for i in range(source.size):
            target[i] = source[i]


@kernel
def put_columns(
    found: Floats, rows: int, width: int, columns: int, place: int, out: Floats
) -> None:
    """Copy `rows` results of `width` instruments to the layers of `out`, flat panels."""
    for layer in range(out.shape[0]):
        series, target = found[layer * GROUP :], out[layer][place:]
        for t in range(rows):
            for c in range(width):
                target[t * columns + c] = series[c, t]


def fill_strips(
    values: Floats,
    lookback: int,
    layers: int,
    work_rows: int,
    kernel: StripKernel[Plan],
    plan: Plan,
) -> Floats:
    """Results (layers, T, N) of a kernel that needs `lookback` rows of (T, N) values for one row.

    NaN in the rows that have fewer. A strip begins `lookback` - 1 rows early.
    """
    rows, columns = values.shape
    early = min(lookback - 1, rows)
    out = np.empty((layers, rows, columns))
    out[:, :early] = np.nan
    if early == rows or columns == 0:
        return out
    flat = constant(values).reshape(-1)
    flat_out = out.reshape(layers, -1)
    strip = -(-(rows - early) // max(round((rows - early) / max(STRIP, lookback)), 1))
    work = scratch(work_rows, strip + early)
    for start in range(early, rows, strip):
        stop = min(start + strip, rows)
        kernel(
            flat[(start - early) * columns : stop * columns], columns, stop - start,
            start * columns, plan, flat_out, work,
        )  # fmt: skip
    return out


def by_series(values: Floats, work_rows: int, fill: Filler) -> Floats:
    """An indicator (T, N) of a panel (T, N), instrument by instrument."""
    rows, columns = values.shape
    series = np.array(values.T, dtype=np.float64, order="C")
    out, work = np.empty((columns, rows)), scratch(work_rows, rows)
    for column in range(columns):
        fill(series[column], out[column], work)
    return np.ascontiguousarray(out.T)
