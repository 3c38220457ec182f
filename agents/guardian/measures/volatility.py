"""How much returns have moved, and how much they are expected to."""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.errors import InvalidError


def realised_volatility(returns: Floats, year: float) -> Floats:
    """Root mean square of returns (T,) or (T, N), annualised: () or (N,), decimals.

    About zero, not about the mean: a trend is risk too, and the mean of a short window is noise.
    year: periods in a year of the data's calendar (daily FX 260, hourly FX 6240). A NaN is left
    out; so rows of a closed market, deleted or not, change nothing. NaN where fewer than half of
    the returns, or none, are known. Raises InvalidError for another shape or year ≤ 0.
    """
    return _annual(returns, np.ones(returns.shape[0]), year)


def forecast_volatility(returns: Floats, decay: float, taps: int, year: float) -> Floats:
    """Volatility expected of the next period, annualised: () or (N,), decimals.

    Exponentially weighted over the last `taps` of returns (T,) or (T, N), weight decay**age, about
    zero, normalised over those that are known: `bar_volatility` of the last row, from returns
    instead of prices. It depends on the last `taps` rows alone. NaN where T < taps or fewer than
    half of these returns are known. Raises InvalidError for another shape, decay outside (0, 1],
    taps < 1, year ≤ 0.
    """
    if not (0.0 < decay <= 1.0 and taps >= 1):
        raise InvalidError(
            f"forecast: expected a decay in (0, 1] and 1 tap or more, found {decay} and {taps}"
        )
    if returns.shape[0] < taps:
        return np.full(returns.shape[1:], np.nan)
    return _annual(returns[-taps:], decay ** np.arange(taps - 1.0, -1.0, -1.0), year)


def _annual(returns: Floats, weights: Floats, year: float) -> Floats:
    if returns.ndim not in {1, 2}:
        raise InvalidError(
            f"returns: expected shape (times,) or (times, instruments), found {returns.shape}"
        )
    if not year > 0.0:
        raise InvalidError(f"year: expected a positive number of periods, found {year}")
    known = ~np.isnan(returns)
    shaped = weights.reshape(-1, *[1] * (returns.ndim - 1))
    total = (shaped * np.where(known, returns, 0.0) ** 2).sum(axis=0)
    weight = (shaped * known).sum(axis=0)
    enough = (2 * known.sum(axis=0) >= returns.shape[0]) & (weight > 0.0)
    mean = np.divide(total, weight, out=np.full(returns.shape[1:], np.nan), where=enough)
    return np.asarray(np.sqrt(year * mean))
