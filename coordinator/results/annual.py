"""Annualised measures of simple returns (T,); `year` is the number of bars in one.

The definitions are those of empyrical, which the tests hold beside these; its import alone takes
longer than replaying and measuring ten thousand bars.
"""

from __future__ import annotations

import numpy as np

from market.bars import Floats


def annual_return(returns: Floats, year: float) -> float:
    """Compound: Π(1 + r)^(year / T) − 1."""
    return float(np.prod(1.0 + returns) ** (year / len(returns)) - 1.0)


def annual_volatility(returns: Floats, year: float) -> float:
    """Standard deviation (T − 1) × √year."""
    return float(np.std(returns, ddof=1) * np.sqrt(year))


def sharpe_ratio(returns: Floats, year: float) -> float:
    """Mean / standard deviation (T − 1) × √year; NaN where the returns are all the same."""
    if returns.max() == returns.min():
        return float("nan")
    return float(np.mean(returns) / np.std(returns, ddof=1) * np.sqrt(year))


def sortino_ratio(returns: Floats, year: float) -> float:
    """Mean / root mean square of the returns below 0 over all bars, × √year (Sortino and Price
    1994, target 0); NaN or infinite without any.
    """
    downside = np.sqrt(np.mean(np.square(np.minimum(returns, 0.0))))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean(returns) / downside * np.sqrt(year))
