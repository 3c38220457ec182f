"""The guardian's limits under overrides: never looser than its own configuration lets them be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from agents.guardian.limits import RiskLimits
from market.overrides import LOOSER, Override

FIELDS = {
    "max_price_age": "max_price_age",
    "jump_sigmas": "jump_sigmas",
    "max_order_value": "max_order_value",
    "max_order_units": "max_order_units",
    "max_open_positions": "max_open_positions",
    "max_position": "max_position",
    "max_position_loss": "max_position_loss",
    "max_asset_class": "max_asset_class",
    "max_gross_leverage": "max_gross_leverage",
    "max_currency_exposure": "max_currency_exposure",
    "max_portfolio_risk": "max_open_risk",
    "correlation_threshold": "correlation_threshold",
    "margin_reserve": "margin_reserve",
    "max_daily_var": "max_daily_var",
    "max_portfolio_var": "max_portfolio_var",
    "price_collar_sigmas": "collar_sigmas",
}
"""Keys of [guardian] that may be overridden, and what `RiskLimits` calls them.

Not among them: what halts or closes on losses, windows, and the pace of orders.
"""
SHOCKS = (
    "crash",
    "volatility_spike",
    "correlation_breakdown",
    "liquidity_crisis",
    "currency_crisis",
)
"""Keys of [stress]; `StressLimits` calls them the same."""
RESERVE = "margin_reserve"
"""Looser is less of it; of everything else looser is more."""
CORRELATION = "correlation_threshold"
DIGITS = 12


def configured_limit(limits: RiskLimits, limit: str) -> float:
    """A limit by its name in the configuration."""
    if limit in SHOCKS:
        return float(getattr(limits.stress, limit))
    return float(getattr(limits, FIELDS[limit]))


def loosest(limit: str, configured: float) -> float:
    """The loosest value that an override may give a limit.

    A correlation ends at 1: what is left up to there does not shrink by more than the same factor.
    """
    if limit == RESERVE:
        edge = configured / LOOSER
    elif limit == CORRELATION:
        edge = min(LOOSER * configured, 1.0 - (1.0 - configured) / LOOSER)
    else:
        edge = LOOSER * configured
    return round(edge, DIGITS)  # half as much again as 1.2 is 1.8, as a person writes it


def overriding_value(one: Override, configured: float) -> float | None:
    """What an override makes of a limit, held to the loosest that is allowed; None: nothing."""
    if not math.isfinite(one.value) or one.value < 0.0:
        return None
    most = loosest(one.limit, configured)
    return max(one.value, most) if one.limit == RESERVE else min(one.value, most)


def overridden(limits: RiskLimits, overrides: Iterable[Override]) -> RiskLimits:
    """The limits with these overrides, each held to the loosest that is allowed.

    An override of something else, or to no number, changes nothing. Whether one has expired is
    for the caller to know.
    """
    changed: dict[str, Any] = {}
    shocks: dict[str, float] = {}
    for one in overrides:
        if one.limit not in FIELDS and one.limit not in SHOCKS:
            continue
        value = overriding_value(one, configured_limit(limits, one.limit))
        if value is None:
            continue
        if one.limit in SHOCKS:
            shocks[one.limit] = value
        else:
            changed[FIELDS[one.limit]] = value
    if shocks:
        limits = limits._replace(stress=limits.stress._replace(**shocks))
    return limits._replace(**changed)
