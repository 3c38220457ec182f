"""Capital stages: how much a desk may risk, and how it climbs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

UNLIMITED = float("inf")
"""The configuration alone limits."""


class CapitalStage(StrEnum):
    """What a desk may risk. EMERGENCY_STOP: nothing new; it stands beside the ladder of others."""

    PAPER = "paper"
    LIVE_MINIMAL = "live_minimal"
    LIVE_SCALED_1 = "live_scaled_1"
    LIVE_SCALED_2 = "live_scaled_2"
    LIVE_SCALED_3 = "live_scaled_3"
    EMERGENCY_STOP = "emergency_stop"

    @property
    def live(self) -> bool:
        """Whether it says that capital is at risk."""
        return self in LADDER[1:]


LADDER = tuple(stage for stage in CapitalStage if stage is not CapitalStage.EMERGENCY_STOP)
"""From the bottom up; a desk climbs one at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLimits:
    """The most that a stage allows; the configuration may allow less. Fractions of equity.

    risk_per_trade: loss at the stop. exposure: gross notional. daily_loss: halts new risk.
    instruments: held at once.
    """

    risk_per_trade: float
    exposure: float
    daily_loss: float
    instruments: float


LIMITS = {
    CapitalStage.PAPER: StageLimits(
        risk_per_trade=0.005, exposure=0.20, daily_loss=UNLIMITED, instruments=UNLIMITED
    ),
    CapitalStage.LIVE_MINIMAL: StageLimits(
        risk_per_trade=0.001, exposure=0.02, daily_loss=0.01, instruments=2.0
    ),
    CapitalStage.LIVE_SCALED_1: StageLimits(
        risk_per_trade=0.0025, exposure=0.05, daily_loss=0.02, instruments=UNLIMITED
    ),
    CapitalStage.LIVE_SCALED_2: StageLimits(
        risk_per_trade=0.005, exposure=0.075, daily_loss=0.02, instruments=UNLIMITED
    ),
    CapitalStage.LIVE_SCALED_3: StageLimits(
        risk_per_trade=0.01, exposure=0.10, daily_loss=0.02, instruments=UNLIMITED
    ),
    CapitalStage.EMERGENCY_STOP: StageLimits(
        risk_per_trade=0.0, exposure=0.0, daily_loss=0.01, instruments=0.0
    ),
}
TIGHTEST = CapitalStage.EMERGENCY_STOP
"""No stage allows more of anything; it stands in for one that nobody knows."""


def stage_limits(stage: CapitalStage) -> StageLimits:
    """What a stage allows at most."""
    return LIMITS[stage]


def stage_named(text: str) -> CapitalStage:
    """The stage of this name; the tightest for one that is unknown."""
    return CapitalStage(text) if text in tuple(CapitalStage) else TIGHTEST


def stage_above(stage: CapitalStage) -> CapitalStage | None:
    """The next one up, None at the top. Out of an emergency stop the way leads to paper."""
    if stage is CapitalStage.EMERGENCY_STOP:
        return CapitalStage.PAPER
    above = LADDER.index(stage) + 1
    return LADDER[above] if above < len(LADDER) else None


def stage_below(stage: CapitalStage) -> CapitalStage:
    """The next one down; paper and an emergency stop stay what they are."""
    return LADDER[LADDER.index(stage) - 1] if stage.live else stage


def is_above(stage: CapitalStage, other: CapitalStage) -> bool:
    """Whether a stage is further up than another; an emergency stop is below all."""
    return _height(stage) > _height(other)


def _height(stage: CapitalStage) -> int:
    return -1 if stage is CapitalStage.EMERGENCY_STOP else LADDER.index(stage)
