"""The figures of a trial, from arrays; defined as `coordinator.results.measures` defines them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from market.bars import Floats
from market.compiled import kernel
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
    path = path_measures(equity, initial, bars_per_year)
    spread, slippage = float(fills.spread_cost.sum()), float(fills.slippage_cost.sum())
    financing = account.cash - initial - float(fills.realised.sum()) if len(equity) else 0.0
    traded = float((np.abs(fills.units) * fills.mid * fills.rate).sum())
    worth = len(equity) / bars_per_year * path.mean_equity
    return Measures(
        bars=float(len(equity)),
        total_return=path.total_return,
        annual_return=path.annual_return,
        annual_volatility=path.annual_volatility,
        sharpe_ratio=path.sharpe_ratio,
        sortino_ratio=path.sortino_ratio,
        calmar_ratio=path.calmar_ratio,
        max_drawdown=path.max_drawdown,
        trades=float(closed_trades(fills)),
        turnover=traded / worth if worth > 0.0 else math.nan,
        spread_cost=spread,
        slippage_cost=slippage,
        financing=financing,
        costs=spread + slippage - financing,
    )


class PathMeasures(NamedTuple):
    """Figures of an equity curve alone."""

    total_return: float
    annual_return: float
    annual_volatility: float
    sharpe_ratio: float
    sortino_ratio: float
    calmar_ratio: float
    max_drawdown: float
    mean_equity: float


def path_measures(equity: Floats, initial: float, bars_per_year: float) -> PathMeasures:
    """Of the equity (B,) after each bar; annual ones undefined for fewer than two, and after ruin.

    Deviations that are only rounding, as of equal returns, are none.
    """
    count, nan = len(equity), math.nan
    if not count:
        return PathMeasures(*(nan,) * 8)
    found = walk_path(np.ascontiguousarray(equity), initial)
    total = float(equity[-1]) / initial - 1.0
    sound = count > 1 and found.sound
    scale = math.sqrt(bars_per_year)
    annual = volatility = sharpe = sortino = nan
    if sound:
        deviation = math.sqrt(found.squares / (count - 1)) if found.most > found.least else 0.0
        downside = math.sqrt(found.losses / count)
        with np.errstate(over="ignore"):
            annual = float(np.power(1.0 + total, bars_per_year / count)) - 1.0
        volatility = deviation * scale
        sharpe = found.mean / deviation * scale if deviation > 0.0 else nan
        sortino = found.mean / downside * scale if downside > 0.0 else nan
    return PathMeasures(
        total_return=total,
        annual_return=annual if math.isfinite(annual) else nan,
        annual_volatility=volatility,
        sharpe_ratio=sharpe,
        sortino_ratio=sortino,
        calmar_ratio=annual / found.worst if found.worst > 0.0 else nan,
        max_drawdown=found.worst,
        mean_equity=found.equity,
    )


class Walked(NamedTuple):
    """Sums over a path of returns. squares: of deviations from the mean; losses: of returns below
    0. least, most: returns. worst: drawdown. equity: mean. sound: every return is one.
    """

    mean: float
    squares: float
    losses: float
    least: float
    most: float
    worst: float
    equity: float
    sound: bool


@kernel
def walk_path(equity: Floats, initial: float) -> Walked:
    """Two passes over the equity (B,) after each bar; B is at least 1."""
    before, peak, worst, total = initial, initial, 0.0, 0.0
    gained, losses, least, most, sound = 0.0, 0.0, np.inf, -np.inf, True
    for i in range(equity.shape[0]):
        now = equity[i]
        change = now / before - 1.0
        sound = sound and change > -1.0 and before > 0.0 and change < np.inf
        gained += change
        losses += min(change, 0.0) * min(change, 0.0)
        least, most = min(least, change), max(most, change)
        peak = max(peak, now)
        worst = max(worst, 1.0 - now / peak)
        total += now
        before = now
    mean = gained / equity.shape[0]
    squares, before = 0.0, initial
    for i in range(equity.shape[0]):
        now = equity[i]
        deviation = now / before - 1.0 - mean
        squares += deviation * deviation
        before = now
    return Walked(mean, squares, losses, least, most, worst, total / equity.shape[0], sound)


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
