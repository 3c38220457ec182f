"""The limits in force, from a configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from agents.guardian.assessment.limits import AssessmentLimits
from agents.guardian.stress import StressLosses
from market.errors import JournalError

DEFAULTS = AssessmentLimits()
NOT_PLAIN = ("stress", "bound_by")


def limits_of(
    guardian: Mapping[str, Any], shocks: Mapping[str, Any] | None = None
) -> AssessmentLimits:
    """From the settings of the guardian and of the shocks by name; one that they do not name has
    its default.

    Raises InvalidError for one that is no limit.
    """
    plain = [field.name for field in fields(AssessmentLimits) if field.name not in NOT_PLAIN]
    given: Mapping[str, Any] = shocks or {}
    stress: dict[str, float] = {
        name: float(given.get(name, value)) for name, value in DEFAULTS.stress._asdict().items()
    }
    return AssessmentLimits(
        **{name: guardian[name] for name in plain if guardian.get(name) is not None},
        stress=StressLosses(**stress),
    )


def recorded_limits(configuration: str) -> AssessmentLimits:
    """From the configuration in a journal. Raises JournalError where it is not one."""
    try:
        stated = json.loads(configuration)
        guardian, shocks = stated.get("guardian", {}), stated.get("stress", {})
    except (ValueError, AttributeError) as error:
        raise JournalError(
            f"the configuration in the journal is not JSON ({error}); use the version that wrote it"
        ) from None
    return limits_of(guardian, shocks)
