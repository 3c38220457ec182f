"""`Chain`: accounts on test windows, one after the other, as one curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coordinator.results.curves import returns_of
from coordinator.sweep.definition import Sweep
from coordinator.sweep.luck import luck_of
from coordinator.sweep.measures import Account, Measures, closed_trades, path_measures
from market.bars import Floats, Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """B bars out of sample. time: (B,) UTC nanoseconds. growth: (B,) of 1.

    Every window begins flat with the initial balance, and growth is multiplied on: what a
    position that is open at a window's end is worth is counted, the position is not carried.
    measures: money and trades are sums over the windows. probabilistic: probability that the true
    Sharpe ratio is above 0; nothing was chosen on these bars.
    """

    time: Times
    growth: Floats
    measures: Measures
    probabilistic: float


def chained(sweep: Sweep, accounts: Sequence[tuple[Account | None, float]]) -> Chain:
    """Chain each window's account, given with its initial balance; None stays flat."""
    year = sweep.calendar.bars_per_year
    parts: list[Floats] = [
        np.zeros(len(window.test)) if account is None else returns_of(account.equity, initial)
        for (account, initial), window in zip(accounts, sweep.windows, strict=True)
    ]
    returns: Floats = np.concatenate(parts)
    growth: Floats = (1.0 + returns).cumprod()
    traded = [(account, initial) for account, initial in accounts if account is not None]
    path = path_measures(growth, 1.0, year)
    spread, slippage = (
        float(sum(getattr(account.fills, name).sum() for account, _ in traded))
        for name in ("spread_cost", "slippage_cost")
    )
    financing = float(sum(a.cash - i - a.fills.realised.sum() for a, i in traded))
    notional = sum(
        float((np.abs(a.fills.units) * a.fills.mid * a.fills.rate).sum()) / float(a.equity.mean())
        for a, _ in traded
    )
    luck = luck_of(returns, np.array([path.sharpe_ratio]), 1, year)
    return Chain(
        time=np.concatenate(
            [sweep.base.bars.time[w.test.start : w.test.stop] for w in sweep.windows]
        ),
        growth=growth,
        measures=Measures(
            bars=float(len(returns)),
            total_return=path.total_return,
            annual_return=path.annual_return,
            annual_volatility=path.annual_volatility,
            sharpe_ratio=path.sharpe_ratio,
            sortino_ratio=path.sortino_ratio,
            calmar_ratio=path.calmar_ratio,
            max_drawdown=path.max_drawdown,
            trades=float(sum(closed_trades(account.fills) for account, _ in traded)),
            turnover=notional / (len(returns) / year),
            spread_cost=spread,
            slippage_cost=slippage,
            financing=financing,
            costs=spread + slippage - financing,
        ),
        probabilistic=luck.probabilistic,
    )
