"""From the settings to what a person may override on a live desk, as plain numbers."""

from __future__ import annotations

import math

from agents.guardian.limits import RiskLimits
from agents.guardian.overridden import FIELDS, RESERVE, SHOCKS, configured_limit, loosest
from coordinator.configuration.settings import GuardianSettings, Section, StressSettings
from coordinator.risk_rules import NOT_ABOVE
from market.overrides import Overridable, OverrideRules

INF = math.inf


def override_rules(limits: RiskLimits) -> OverrideRules:
    """What may be overridden on a desk of these limits; one that is off there may not."""
    found: dict[str, Overridable] = {}
    for limit in (*FIELDS, *SHOCKS):
        configured = configured_limit(limits, limit)
        if not math.isfinite(configured):
            continue
        section: type[Section] = StressSettings if limit in SHOCKS else GuardianSettings
        least, most = _bounds(section, limit)
        edge = loosest(limit, configured)
        found[limit] = Overridable(
            configured=configured,
            least=max(least, edge) if limit == RESERVE else least,
            most=most if limit == RESERVE else min(most, edge),
            whole=section.model_fields[limit].annotation is int,
        )
    return OverrideRules(limits=found, not_above=NOT_ABOVE)


def _bounds(section: type[Section], name: str) -> tuple[float, float]:
    """Smallest and largest value of a setting, both inclusive."""
    least, most = -INF, INF
    for rule in section.model_fields[name].metadata:
        if hasattr(rule, "ge"):
            least = float(rule.ge)
        if hasattr(rule, "gt"):
            least = math.nextafter(float(rule.gt), INF)
        if hasattr(rule, "le"):
            most = float(rule.le)
        if hasattr(rule, "lt"):
            most = math.nextafter(float(rule.lt), -INF)
    return least, most
