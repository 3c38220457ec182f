"""When a live book is assessed, what is asked, and how the answer is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.guardian.assessment.limits import CONFIGURED
from agents.guardian.scenarios.returns import filled
from market.bars import Bars
from market.live_events import RiskAssessed
from market.live_messages import AssessRisk
from market.messages import Settlement
from market.overrides import Override


class AssessmentClock:
    """every_s: of the market's clock, between two assessments at least."""

    def __init__(self, every_s: float) -> None:
        self._every_ns = every_s * 1e9
        self._next = -np.inf

    def due(self, time: int) -> bool:
        """Whether one is due; then the next is due only after the interval."""
        if time < self._next or np.isinf(self._every_ns):
            return False
        self._next = time + self._every_ns
        return True


def what_to_assess(
    sequence: int,
    bars: Bars,
    settlement: Settlement,
    traded: int,
    stage: str = "",
    overrides: tuple[Override, ...] = (),
) -> AssessRisk:
    """The account that a decision saw, with the returns of all bars (traded) that are at hand.

    stage, overrides: that it was decided at.
    """
    close = filled(bars.close)
    return AssessRisk(
        sequence=sequence,
        time=int(bars.time[-1]),
        equity=settlement.equity,
        units=settlement.units[:traded],
        mid=settlement.mid[:traded],
        spread=settlement.spread[:traded],
        rate=settlement.rate[:traded],
        stop_price=settlement.stop_price[:traded],
        returns=close[1:] / close[:-1] - 1.0,
        stage=stage,
        overrides=overrides,
    )


def risk_told(found: RiskAssessed | None, now: int) -> dict[str, Any]:
    """The newest assessment for a status, with its age on the market's clock; empty before one."""
    if found is None:
        return {}
    return {
        "score": found.score,
        "nearest": found.nearest,
        "bound": found.bound,
        "used": found.used,
        "leverage": found.leverage,
        "daily_var": found.daily_var,
        "alerts": [{"level": level, "code": code} for level, code in found.alerts],
        "reductions": [{"symbol": symbol, "units": units} for symbol, units in found.reductions],
        "failure": found.failure,
        "age_s": (now - found.time) / 1e9,
    }


def risk_line(risk: Mapping[str, Any]) -> str:
    """What `risk_told` tells, on one line."""
    age = f"{risk['age_s']:,.0f} s old"
    if risk["failure"]:
        return f"could not be assessed: {risk['failure']}, {age}"
    used = float(risk["used"])
    part = f"{used:.0%} used" if math.isfinite(used) else "unknown"
    if math.isinf(used):
        part = "nothing allowed"
    if risk.get("bound", "") not in ("", CONFIGURED):
        part += f", set by {risk['bound']}"
    nearest = risk["nearest"].replace("_", " ").lower()
    score = f"score {risk['score']:.0f} of 100 (0: a limit is used up)"
    return f"{score}, nearest {nearest} ({part}), {age}"
