"""The volatility of one bar, for stops, sizes and collars."""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import kernel


@kernel
def bar_volatility(close: Floats, row: int, taps: int, decay: float, sigma: Floats) -> None:
    """Fill `sigma` (N,) with the EWMA standard deviation of simple returns at `row`.

    close: (T, N) mids. Weights decay^k over the `taps` returns that end at `row`, normalised
    over those at hand (RiskMetrics Technical Document, 1996, §5.2, zero mean). A missing price
    is skipped: the return then spans the gap. NaN where fewer than half of the taps' returns
    are at hand. The sum always runs backwards from `row`, so it depends on that window alone.
    """
    first = max(row - taps, 0)
    for column in range(close.shape[1]):
        later = close[row, column]
        total, weights, weight = 0.0, 0.0, 1.0
        count = 0
        for earlier_row in range(row - 1, first - 1, -1):
            earlier = close[earlier_row, column]
            if earlier > 0.0:
                if later > 0.0:
                    change = later / earlier - 1.0
                    total += weight * change * change
                    weights += weight
                    count += 1
                later = earlier
            weight *= decay
        sigma[column] = np.sqrt(total / weights) if 2 * count >= taps else np.nan
