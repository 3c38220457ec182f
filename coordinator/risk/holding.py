"""The limits that a recorded desk was held to at a moment."""

from __future__ import annotations

from agents.guardian.assessment.in_force import limits_in_force
from agents.guardian.assessment.limits import AssessmentLimits
from coordinator.results.record import RunRecord
from coordinator.risk.limits import recorded_limits
from market.live_events import LimitOverridden
from market.overrides import Override, follow, in_force, on_record


def limits_at_bar(record: RunRecord, row: int) -> AssessmentLimits:
    """What held once the bar of `row` had settled; after the last bar, what holds now.

    Neither a replay nor a desk of before there were stages has one: it is held to its
    configuration, the one that it was taken up with last. Raises JournalError where that is none.
    """
    configured = recorded_limits(_configuration(record, row))
    return limits_in_force(configured, _stage(record, row), _overrides(record, row))


def _configuration(record: RunRecord, row: int) -> str:
    """Rules that are taken up hold from the next bar on."""
    last, sequence = row == len(record.settled) - 1, int(record.settled.sequence[row])
    begun = [rules for rules in record.rules if last or rules.sequence < sequence]
    return begun[-1].configuration if begun else record.session.configuration


def _stage(record: RunRecord, row: int) -> str:
    begun = [event.stage for event in record.stages if _begun(record, row, event.time)]
    return begun[-1] if begun else ""


def _overrides(record: RunRecord, row: int) -> tuple[Override, ...]:
    begun: dict[str, LimitOverridden] = {}
    for event in record.overrides:
        if _begun(record, row, event.time):
            follow(begun, event)
    return in_force(on_record(begun.values()), int(record.settled.time[row].value))


def _begun(record: RunRecord, row: int, time: int) -> bool:
    last = row == len(record.settled) - 1
    return last or time <= int(record.settled.time[row].value)
