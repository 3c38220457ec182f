"""What a run's account looked like over time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from agents.guardian.measures.drawdown import drawdown_curve
from coordinator.results.basket import basket_returns
from coordinator.results.history import Settled
from coordinator.results.record import RunRecord
from market.bars import Floats


def position_values(settled: Settled) -> Floats:
    """Signed value (T, M) of every position in account currency; 0 where there is none."""
    values: Floats = np.where(settled.units == 0.0, 0.0, settled.units * settled.mid * settled.rate)
    return values


def returns_of(equity: Floats, initial_balance: float) -> Floats:
    """Simple returns (T,) bar by bar, the first from the initial balance; NaN after ruin."""
    path = np.concatenate(([initial_balance], equity))
    before = np.where(path[:-1] > 0.0, path[:-1], np.nan)
    returns: Floats = path[1:] / before - 1.0
    return returns


def equity_curve(record: RunRecord) -> pd.DataFrame:
    """One row a bar, by time: the account, what it held, and the equal-weight basket's worth.

    basket: what the initial balance would have become in it.
    """
    settled, initial = record.settled, record.session.initial_balance
    values = position_values(settled)
    gross = np.abs(values).sum(axis=1)
    return pd.DataFrame(
        {
            "equity": settled.equity,
            "cash": settled.cash,
            "financing": settled.financing.sum(axis=1),
            "margin_used": settled.margin_used,
            "gross_exposure": gross,
            "gross_leverage": gross / settled.equity,
            "open_positions": np.count_nonzero(settled.units, axis=1),
            "drawdown": drawdown_curve(settled.equity, initial),
            "basket": initial * np.cumprod(1.0 + basket_returns(record)),
        },
        index=settled.time.rename("time"),
    )


def currency_exposure(record: RunRecord) -> pd.DataFrame:
    """Net exposure by currency over equity, one row a bar; the account currency is left out.

    Every position counts on both legs: long its base, short its quote.
    """
    settled, account = record.settled, record.session.account_currency
    values = position_values(settled)
    exposure = {c: np.zeros(len(settled)) for c in record.session.currencies if c != account}
    for column, symbol in enumerate(record.session.symbols):
        base, _, quote = symbol.partition("_")
        for currency, sign in ((base, 1.0), (quote, -1.0)):
            if currency in exposure:
                exposure[currency] += sign * values[:, column]
    return pd.DataFrame(exposure, index=settled.time.rename("time")).div(settled.equity, axis=0)
