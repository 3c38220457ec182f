"""What each position risks, and what it does to the risk of the book."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.guardian.assessment.factors import Factors
from agents.guardian.assessment.portfolio import Portfolio
from agents.guardian.measures.components import component_value_at_risk
from agents.guardian.measures.liquidity import unwind_days

CONFIDENCE = 0.95
SHARE_OF_VOLUME = 0.1
"""What a desk can be of a day's trading without being the market."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRisk:
    """units: signed. value: account currency, signed; share: of the gross, 0 to 1.

    loss_at_stop: account currency, the whole notional without a stop. daily_sigma: of the price in
    account currency, a fraction. marginal_var: normal VaR of a day at 95 % that one more unit of
    value adds; component_var: its part of the book's, account currency, negative for a hedge.
    unwind_days: at a tenth of the volume, NaN where that is unknown.
    """

    symbol: str
    asset_class: str
    units: float
    value: float
    share: float
    has_stop: bool
    loss_at_stop: float
    daily_sigma: float
    marginal_var: float
    component_var: float
    unwind_days: float


def position_risks(portfolio: Portfolio, factors: Factors) -> tuple[PositionRisk, ...]:
    """The positions that are held, the largest first."""
    held = np.flatnonzero(portfolio.units != 0.0)
    components = component_value_at_risk(factors.values, factors.covariance, CONFIDENCE)
    days = unwind_days(portfolio.units, portfolio.daily_volume, SHARE_OF_VOLUME)
    gross = float(np.abs(factors.values).sum())
    sigmas = factors.day_sigmas
    risks = [
        PositionRisk(
            symbol=factors.symbols[row],
            asset_class=portfolio.instruments[column].asset_class,
            units=float(portfolio.units[column]),
            value=float(factors.values[row]),
            share=abs(float(factors.values[row])) / gross if gross else np.nan,
            has_stop=bool(np.isfinite(portfolio.stop_price[column])),
            loss_at_stop=float(factors.stop_losses[row]),
            daily_sigma=float(sigmas[row]),
            marginal_var=float(components.marginal[row]),
            component_var=float(components.component[row]),
            unwind_days=float(days[column]),
        )
        for row, column in enumerate(held)
    ]
    return tuple(sorted(risks, key=lambda one: -np.nan_to_num(abs(one.value), nan=np.inf)))
