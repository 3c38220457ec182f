"""Panels as the kernels take them, and how a long one is worked through block by block."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import numpy as np

from market.bars import Floats

BLOCK_VALUES = 32_768
"""Values that a kernel handles at a time, about: its intermediate arrays stay in cache."""

Plan_contra = TypeVar("Plan_contra", contravariant=True)
Plan = TypeVar("Plan")


class BlockKernel(Protocol, Generic[Plan_contra]):
    """A compiled function over one block of rows of a panel, flattened row by row.

    values: the block and, before it, rows enough for every window. columns: N. skip: leading
    values that only serve the windows. plan: parameters. out: (K, T N) results of the whole
    panel, written from `place` on. work: scratch rows as long as `values`.
    """

    def __call__(
        self,
        values: Floats,
        columns: int,
        skip: int,
        place: int,
        plan: Plan_contra,
        out: Floats,
        work: Floats,
    ) -> None: ...


def flat_copy(values: Floats) -> Floats:
    """The (T, N) values row by row, as a new contiguous array: one compiled signature for all."""
    return np.array(values, dtype=np.float64, order="C").reshape(-1)


def scratch(rows: int, size: int) -> Floats:
    """Uninitialised (rows, size) memory for intermediate results.

    One allocation: many middle-sized ones would go back to the system, and be zeroed by it
    again, at every call.
    """
    return np.empty((rows, size))


def fill_blocks(
    values: Floats,
    lookback: int,
    layers: int,
    work_rows: int,
    kernel: BlockKernel[Plan],
    plan: Plan,
) -> Floats:
    """Results (layers, T, N) of a kernel that needs `lookback` rows of (T, N) values for one row.

    A block begins `lookback` - 1 rows early, so that no result depends on where it was cut.
    """
    rows, columns = values.shape
    out = np.empty((layers, rows, columns))
    if not out.size:
        return out
    flat = np.ascontiguousarray(values).reshape(-1).view()
    flat.flags.writeable = False
    flat_out = out.reshape(layers, -1)
    block = max(BLOCK_VALUES // columns - lookback, lookback, 64)
    work = scratch(work_rows, min(block + lookback, rows) * columns)
    for start in range(0, rows, block):
        stop = min(start + block, rows)
        first = max(start - lookback + 1, 0)
        kernel(
            flat[first * columns : stop * columns], columns, (start - first) * columns,
            start * columns, plan, flat_out, work,
        )  # fmt: skip
    return out
