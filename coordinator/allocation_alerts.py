"""What a person should know of an allocation that took effect."""

from __future__ import annotations

from market.events import AlertRaised, AllocationApplied


def alerts_of(applied: AllocationApplied) -> list[AlertRaised]:
    """A warning each for a classical answer in place of the quantum one, and for estimates that
    had to be repaired; none for a plain answer."""
    told = []
    if applied.fallback is not None:
        told.append(f"classical answer in place of the quantum one: {applied.fallback}")
    if applied.repaired is not None:
        told.append(applied.repaired)
    return [
        AlertRaised(
            sequence=applied.sequence,
            time=applied.time,
            source="quantum_optimizer",
            level="warning",
            message=message,
        )
        for message in told
    ]
