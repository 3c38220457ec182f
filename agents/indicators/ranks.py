"""Where a value stands in its own recent history."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.indicators.averages import fill_unknown, history
from agents.indicators.panel import by_series, tile_size
from market.bars import Floats
from market.compiled import kernel

Keys = NDArray[np.int16]

RANK_WORK = 1
LARGEST_KEY = 65_535.0
LONGEST_COUNT = 16_384
"""Windows beyond this do not fit 16 bits."""
FEW = 32
"""Results that are not worth the keys."""
SLOTS = 8192
"""Places of the table that tells which keys were met lately; a power of two."""
ALL_BUT_SIGN = np.int64(0x7FFFFFFFFFFFFFFF)


@kernel
def count_below(values: Floats, value: float) -> int:
    """How many values lie strictly below."""
    below = 0
    for k in range(values.size):
        below += values[k] < value
    return below


@kernel
def count_keys_below(keys: Keys, key: int) -> int:
    """As `count_below`, of 16-bit keys: sixteen a step, where four doubles would fit."""
    below = np.int16(0)
    for k in range(keys.size):
        below = np.int16(below + np.int16(keys[k] < key))
    return int(below)


@kernel
def fill_keys(values: Floats, keys: Keys) -> bool:
    """16-bit keys in the order of the values; values that are close share one.

    False where that cannot be: a value is NaN or infinite, or the span overflows.
    """
    # As integers, because a minimum of doubles does not vectorise; those of negative numbers
    # are turned round, so that the order is that of the numbers, NaN at either end.
    bits = values.view(np.int64)
    low, high = np.int64(ALL_BUT_SIGN), np.int64(-ALL_BUT_SIGN)
    for i in range(bits.size):
        ordered = bits[i] ^ ((bits[i] >> 63) & ALL_BUT_SIGN)
        low = min(low, ordered)
        high = max(high, ordered)
    ends = np.empty(2, dtype=np.int64)
    ends[0] = low ^ ((low >> 63) & ALL_BUT_SIGN)
    ends[1] = high ^ ((high >> 63) & ALL_BUT_SIGN)
    lowest, highest = ends.view(np.float64)
    scale = LARGEST_KEY / (highest - lowest) if highest > lowest else 0.0
    if not 0.0 < scale < np.inf:
        return False
    for i in range(values.size):
        keys[i] = np.int16(np.int32((values[i] - lowest) * scale) - 32_768)
    return True


@kernel
def rank_by_keys(values: Floats, keys: Keys, window: int, wanted: Floats, out: Floats) -> None:
    """Ranks of the last values, all windows full, where they are wanted: by their keys.

    Where the key of a value may be another's in the window too, the values themselves are
    counted, so that the result is exact.
    """
    share = 1.0 / (window - 1.0)
    last = np.full(SLOTS, -1, dtype=np.int16)  # last place of a key, modulo SLOTS
    for i in range(window - 1):
        last[keys[i] & (SLOTS - 1)] = i
    for i in range(out.size):
        newest = i + window - 1
        slot, below = keys[newest] & (SLOTS - 1), 0
        if wanted[i] > 0.0:
            if last[slot] < i:
                below = count_keys_below(keys[i : newest + 1], keys[newest])
            else:
                below = count_below(values[i : newest + 1], values[newest])
        last[slot] = newest
        out[i] = below * share


@kernel
def rank_by_values(values: Floats, window: int, wanted: Floats, out: Floats) -> None:
    """As `rank_by_keys`, for any values; NaN where the window holds one."""
    share = 1.0 / (window - 1.0)
    known = 0
    for i in range(values.size):
        known = 0 if np.isnan(values[i]) else known + 1
        start = i - window + 1
        if start >= 0:
            below = 0
            if wanted[start] > 0.0 and known >= window:
                below = count_below(values[start : i + 1], values[i])
            out[start] = below * share if known >= window else np.nan


@kernel
def fill_percentile_rank(
    values: Floats, window: int, wanted: Floats, out: Floats, work: Floats
) -> None:
    """`percentile_rank` of a series where `wanted` is positive, elsewhere 0; NaN stays NaN.

    `out` as in `averages`, and `wanted` as long. work: 1 row.
    """
    full = fill_unknown(values.size, window, out)
    tile = tile_size(out.size - full)
    for start in range(full, out.size, tile):
        stop = min(start + tile, out.size)
        needed, target = history(values, out.size, start, stop, window), out[start:stop]
        keys = work[0].view(np.int16)[: needed.size]
        if target.size > FEW and window <= LONGEST_COUNT and fill_keys(needed, keys):
            rank_by_keys(needed, keys, window, wanted[start:stop], target)
        else:
            rank_by_values(needed, window, wanted[start:stop], target)


def percentile_rank(values: Floats, window: int) -> Floats:
    """Share of the other values of the last `window` bars that lie strictly below, in [0, 1].

    (T, N) float64, oldest row first. Excel's PERCENTRANK.INC; ties do not count, so a series
    that stands still has rank 0. NaN while the window is not full or holds a NaN. window ≥ 2;
    multiples of 64 run fastest.
    """

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        fill_percentile_rank(series, window, np.ones(out.size), out, work)

    return by_series(values, RANK_WORK, fill)
