"""What the desk itself adds to the record."""

from __future__ import annotations

from market.events import AlertRaised, AllocationApplied


def fallback_alert(applied: AllocationApplied) -> AlertRaised:
    """A classical answer stood in for the quantum one: a person should know."""
    return AlertRaised(
        sequence=applied.sequence,
        time=applied.time,
        source="quantum_optimizer",
        level="warning",
        message=f"classical answer in place of the quantum one: {applied.fallback}",
    )
