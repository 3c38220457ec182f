"""An assessment and a back-test as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from agents.guardian.assessment.assess import RiskAssessment
from coordinator.risk.backtest import VarBacktest
from market.bars import utc


def assessment_document(found: RiskAssessment) -> dict[str, Any]:
    """Every field by its name; what is unknown is null."""
    told = asdict(found)
    told["time"] = utc(found.time).isoformat()
    return {name: _plain(value) for name, value in told.items()}


def backtest_document(tested: VarBacktest) -> dict[str, Any]:
    """Its statistics; none of them where no VaR was announced."""
    told: dict[str, Any] = {
        "bars": len(tested),
        "confidence": tested.confidence,
        "window": tested.window,
        "exceptions": tested.exceptions,
    }
    if len(tested) >= 2:
        told |= {
            "expected": (1.0 - tested.confidence) * len(tested),
            "kupiec": asdict(tested.coverage),
            "christoffersen_independence": asdict(tested.independence),
            "christoffersen_joint": asdict(tested.joint),
            "traffic_light": asdict(tested.light),
        }
    whole: dict[str, Any] = _plain(told)
    return whole


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
