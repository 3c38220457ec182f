"""`Desk`: what a session decides by."""

from __future__ import annotations

from dataclasses import dataclass

from agents.guardian.limits import RiskLimits
from agents.guardian.traits import Traits
from agents.guardian.volatility import VolatilityRules
from coordinator.learning import LearningRules
from coordinator.sizing import SizingRules
from market.bars import Floats
from market.conversion import Conversion


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a session decides by; nothing in it changes while it runs.

    symbols: (M,) the traded instruments first, then those only needed for conversion.
    weights: (A,) in the order of the committee. traits: (M,) of the instruments. typical_spread:
    (N,) price units, where a bar has none.
    """

    session: str
    epoch: int
    symbols: tuple[str, ...]
    traded: int
    interval_s: int
    has_extremes: bool
    initial_balance: float
    paths: Conversion
    traits: Traits
    weights: Floats
    decision_threshold: float
    quorum: float
    limits: RiskLimits
    sizing: SizingRules
    volatility: VolatilityRules
    learning: LearningRules
    typical_spread: Floats
