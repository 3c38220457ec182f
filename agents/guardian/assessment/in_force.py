"""The limits that hold at a moment: the configured ones, as overridden, at a capital stage."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from agents.guardian.assessment.limits import AssessmentLimits
from agents.guardian.overridden import RESERVE, SHOCKS, overriding_value
from agents.guardian.staged import stage_bounds
from agents.guardian.stress import StressLosses
from market.overrides import Override

PLAIN = tuple(
    field.name for field in fields(AssessmentLimits) if field.name not in ("stress", "bound_by")
)
NEARLY_ALL = math.nextafter(1.0, 0.0)
"""A reserve of everything is none that a book could be measured against."""


def limits_in_force(
    limits: AssessmentLimits, stage: str, overrides: Iterable[Override] = ()
) -> AssessmentLimits:
    """What holds instead of the configured limits, and by whom each is set (`bound_by`).

    As the guardian's review has it: overrides first, each held to the loosest that is allowed, then
    the stage, which only tightens. stage: empty where there is none, the tightest for an unknown
    one. Whether an override has expired is for the caller to know.
    """
    changed: dict[str, Any] = {}
    stress: dict[str, float] = {}
    bound = dict(limits.bound_by)
    for one in overrides:
        shock = one.limit in SHOCKS
        if not shock and one.limit not in PLAIN:
            continue
        held = limits.stress if shock else limits
        value = overriding_value(one, float(getattr(held, one.limit)))
        if value is not None:
            if one.limit == RESERVE:
                value = min(value, NEARLY_ALL)
            (stress if shock else changed)[one.limit] = value
            bound[one.limit] = "an override"
    for name, most in stage_bounds(stage).items():
        if name in PLAIN and most < changed.get(name, getattr(limits, name)):
            changed[name] = most
            bound[name] = f"capital stage {stage}"
    shocks = StressLosses(**{**limits.stress._asdict(), **stress})
    return replace(limits, **changed, stress=shocks, bound_by=tuple(sorted(bound.items())))
