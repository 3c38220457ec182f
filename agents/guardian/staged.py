"""The guardian's limits at a capital stage: each only ever tighter than what is configured."""

from __future__ import annotations

from agents.guardian.limits import RiskLimits
from market.stages import CapitalStage, stage_limits, stage_named

INF = float("inf")


def limits_at(limits: RiskLimits, stage: str) -> RiskLimits:
    """The limits of a desk at this stage. Empty: no stage, as configured; unknown: the tightest.

    At an emergency stop nothing that only reduces is held back for its messages.
    """
    if not stage:
        return limits
    stands = stage_named(stage)
    if stands is CapitalStage.EMERGENCY_STOP:
        unheld = limits.pace._replace(reductions_per_second=INF, reductions_per_minute=INF)
        limits = limits._replace(pace=unheld)
    return limits._replace(
        **{name: min(getattr(limits, name), most) for name, most in stage_bounds(stage).items()}
    )


def stage_bounds(stage: str) -> dict[str, float]:
    """The most that a stage allows of each limit that it knows; nothing without a stage."""
    if not stage:
        return {}
    allowed = stage_limits(stage_named(stage))
    return {
        "max_gross_leverage": allowed.exposure,
        "max_position": allowed.exposure,
        "max_daily_loss": allowed.daily_loss,
        "max_open_positions": allowed.instruments,
    }
