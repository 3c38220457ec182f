"""What a desk decides by at its capital stage."""

from __future__ import annotations

from agents.guardian.limits import RiskLimits
from agents.guardian.overridden import overridden
from agents.guardian.staged import limits_at
from coordinator.sizing import SizingRules
from market.overrides import Override
from market.stages import stage_limits, stage_named


def tightened(
    limits: RiskLimits, sizing: SizingRules, stage: str, overrides: tuple[Override, ...] = ()
) -> tuple[RiskLimits, SizingRules]:
    """Limits and sizing of a desk at this stage, never looser than configured or overridden.

    Empty: no stage, as configured; unknown: the tightest.
    """
    limits = overridden(limits, overrides)
    if not stage:
        return limits, sizing
    risk = min(sizing.max_risk_per_trade, stage_limits(stage_named(stage)).risk_per_trade)
    return limits_at(limits, stage), sizing._replace(max_risk_per_trade=risk)
