"""What a person should know of an allocation that took effect, or of one that did not."""

from __future__ import annotations

from market.events import AlertRaised, AllocationApplied, AllocationMissed, Event


def alerts_of(event: Event | None) -> list[AlertRaised]:
    """A warning each for a classical answer in place of the quantum one, for estimates that had to
    be repaired, and for an allocation that was missed; none for a plain answer or none at all."""
    if not isinstance(event, AllocationApplied | AllocationMissed):
        return []
    told = []
    if isinstance(event, AllocationMissed):
        told.append(f"no new allocation: {event.reason}; in force: {event.in_force}")
    else:
        if event.fallback is not None:
            told.append(f"classical answer in place of the quantum one: {event.fallback}")
        if event.repaired is not None:
            told.append(event.repaired)
    return [
        AlertRaised(
            sequence=event.sequence,
            time=event.time,
            source="quantum_optimizer",
            level="warning",
            message=message,
        )
        for message in told
    ]
