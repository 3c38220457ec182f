"""VaR and ES of what was, at the volatility of today."""

from __future__ import annotations

import numpy as np

from agents.guardian.measures.tail import UNKNOWN_TAIL, TailRisk, check_confidence, tail_of_losses
from agents.indicators.averages import exponential_average
from market.bars import Floats
from market.errors import InvalidError

DECAY = 0.94
"""RiskMetrics Technical Document (1996), §5.3: daily returns."""
TAPS = 80
"""0.94**80 is 0.7 %: less of the weight than that lies further back."""


def filtered_historical_tail(
    returns: Floats, confidence: float, decay: float = DECAY, taps: int = TAPS
) -> TailRisk:
    """Tail of returns (T,), each divided by the volatility forecast for it and multiplied by that
    for the next.

    Historical simulation with updated volatility (Hull and White 1998, Journal of Risk 1; filtered
    as in Barone-Adesi, Giannopoulos and Vosper 1999). The forecast for a row is the root of the
    exponentially weighted mean square of the `taps` returns before it, so that the first `taps`
    rows serve forecasts only; nothing else is remembered, and the answer depends on the returns
    given alone. The quantile is `tail_of_losses` of the T − taps losses that remain.

    Unknown (NaN) when a return is NaN, fewer than 1 / (1 − confidence) losses remain, or prices
    stood still for `taps` rows, since nothing can be said in units of no volatility. Raises
    InvalidError for another shape, decay outside (0, 1], taps < 1, confidence outside (0.5, 1).
    """
    check_confidence(confidence)
    if returns.ndim != 1:
        raise InvalidError(f"returns: expected shape (times,), found {returns.shape}")
    if not (0.0 < decay <= 1.0 and taps >= 1):
        raise InvalidError(
            f"filter: expected a decay in (0, 1] and 1 tap or more, found {decay} and {taps}"
        )
    if returns.size <= taps:
        return UNKNOWN_TAIL
    variance = exponential_average((returns * returns)[:, None], decay, taps)[taps - 1 :, 0]
    if not (variance > 0.0).all():
        return UNKNOWN_TAIL
    forecast = np.sqrt(variance)
    return tail_of_losses(-(returns[taps:] / forecast[:-1]) * forecast[-1], confidence)
