"""The figures of a trial, from arrays; defined as `coordinator.results.measures` defines them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from coordinator.results.curves import drawdown_of, returns_of
from market.bars import Floats
from market.conversion import Indices


class Fills(NamedTuple):
    """F fills in the order in which they happened. column: of the instrument; units signed."""

    column: Indices
    units: Floats
    mid: Floats
    rate: Floats
    realised: Floats
    spread_cost: Floats
    slippage_cost: Floats


class Account(NamedTuple):
    """An account over B bars: equity (B,), the cash at its end, and its fills."""

    equity: Floats
    cash: float
    fills: Fills


class Measures(NamedTuple):
    """NaN where undefined. Fractions as decimals, money in account currency, costs positive.

    Annual figures use the bars a year of the whole data, so that windows can be compared.
    """

    bars: float
    total_return: float
    annual_return: float
    annual_volatility: float
    sharpe_ratio: float
    sortino_ratio: float
    calmar_ratio: float
    max_drawdown: float
    trades: float
    turnover: float
    spread_cost: float
    slippage_cost: float
    financing: float
    costs: float


OBJECTIVES = ("sharpe_ratio", "sortino_ratio", "calmar_ratio", "total_return", "annual_return")


def measures_of(account: Account, initial: float, bars_per_year: float) -> Measures:
    """Measure an account that began flat with `initial`."""
    equity, fills = account.equity, account.fills
    curve = curve_measures(returns_of(equity, initial), bars_per_year)
    worst = float(drawdown_of(equity, initial).max()) if len(equity) else math.nan
    spread, slippage = float(fills.spread_cost.sum()), float(fills.slippage_cost.sum())
    financing = account.cash - initial - float(fills.realised.sum()) if len(equity) else 0.0
    return Measures(
        bars=float(len(equity)),
        total_return=float(equity[-1]) / initial - 1.0 if len(equity) else math.nan,
        annual_return=curve.annual_return,
        annual_volatility=curve.annual_volatility,
        sharpe_ratio=curve.sharpe_ratio,
        sortino_ratio=curve.sortino_ratio,
        calmar_ratio=curve.annual_return / worst if worst > 0.0 else math.nan,
        max_drawdown=worst,
        trades=float(closed_trades(fills)),
        turnover=turnover(fills, equity, bars_per_year),
        spread_cost=spread,
        slippage_cost=slippage,
        financing=financing,
        costs=spread + slippage - financing,
    )


class CurveMeasures(NamedTuple):
    """Figures of returns alone."""

    annual_return: float
    annual_volatility: float
    sharpe_ratio: float
    sortino_ratio: float


UNDEFINED = CurveMeasures(math.nan, math.nan, math.nan, math.nan)


def curve_measures(returns: Floats, bars_per_year: float) -> CurveMeasures:
    """Of simple bar returns (B,); undefined for fewer than two, and after ruin."""
    count = len(returns)
    if count < 2 or not bool((np.isfinite(returns) & (returns > -1.0)).all()):
        return UNDEFINED
    scale = math.sqrt(bars_per_year)
    mean, deviation = float(returns.mean()), float(returns.std(ddof=1))
    if returns.max() == returns.min():
        deviation = 0.0  # what is left of it would be rounding
    downside = math.sqrt(float(np.square(np.minimum(returns, 0.0)).mean()))
    growth = float(np.log1p(returns).sum())
    return CurveMeasures(
        annual_return=math.expm1(min(growth * bars_per_year / count, 700.0)),
        annual_volatility=deviation * scale,
        sharpe_ratio=mean / deviation * scale if deviation > 0.0 else math.nan,
        sortino_ratio=mean / downside * scale if downside > 0.0 else math.nan,
    )


def closed_trades(fills: Fills) -> int:
    """Round trips that ended: a fill that leaves its instrument flat, or on the other side."""
    if not len(fills.units):
        return 0
    order = np.argsort(fills.column, kind="stable")
    column, units = fills.column[order], fills.units[order]
    begins = np.concatenate(([True], column[1:] != column[:-1]))
    first = np.maximum.accumulate(np.where(begins, np.arange(len(units)), 0))
    held = np.cumsum(units)
    after = held - (held - units)[first]  # less what the columns before have left over
    before = after - units
    least = 1e-9 * np.abs(units).max()
    was_open = np.abs(before) > least
    return int(np.count_nonzero(was_open & ((np.abs(after) <= least) | (before * after < 0.0))))


def turnover(fills: Fills, equity: Floats, bars_per_year: float) -> float:
    """Traded notional over mean equity, times a year."""
    traded = float((np.abs(fills.units) * fills.mid * fills.rate).sum())
    worth = len(equity) / bars_per_year * float(equity.mean()) if len(equity) else 0.0
    return traded / worth if worth > 0.0 else math.nan
