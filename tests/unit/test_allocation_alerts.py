"""What a person is told of an allocation that took effect."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from coordinator.allocation_alerts import alerts_of
from market.events import AlertRaised, AllocationApplied, AllocationMissed
from tests.desk import events_of, kept, market, plan
from tests.engines import assert_same_journal


def applied(fallback: str | None = None, repaired: str | None = None) -> AllocationApplied:
    return AllocationApplied(
        sequence=6,
        time=600,
        requested=5,
        method="exact",
        proven_optimal=True,
        objective=-1.0,
        expected_return=0.1,
        variance=0.2,
        approximation_ratio=float("nan"),
        uniform_gain=float("nan"),
        gap=float("nan"),
        weights=np.array([1.0]),
        multiplier=np.array([1.0]),
        fallback=fallback,
        note="column 0 left out: its returns never vary",
        repaired=repaired,
        warm_starts=np.zeros(0),
    )


def test_a_plain_answer_raises_no_alert() -> None:
    assert alerts_of(applied()) == []


def test_a_fallback_and_a_repair_are_a_warning_each() -> None:
    fallback, repair = alerts_of(applied("vqe: queue closed", "covariance repaired"))
    assert fallback.message == "classical answer in place of the quantum one: vqe: queue closed"
    assert repair.message == "covariance repaired"
    for alert in (fallback, repair):
        assert (alert.sequence, alert.time) == (6, 600)
        assert (alert.source, alert.level) == ("quantum_optimizer", "warning")


def test_an_allocation_that_was_missed_is_a_warning_that_says_what_holds() -> None:
    missed = AllocationMissed(sequence=7, time=700, reason="the wire was cut", in_force="neutral")
    (alert,) = alerts_of(missed)
    assert alert.message == "no new allocation: the wire was cut; in force: neutral"
    assert (alert.sequence, alert.time) == (7, 700)
    assert (alert.source, alert.level) == ("quantum_optimizer", "warning")
    assert alerts_of(None) == []


def test_both_engines_tell_alike_of_allocations_that_were_missed(tmp_path: Path) -> None:
    # Prices that never move: no instrument can be judged, so that every answer is missed.
    assert_same_journal(plan(market(volatility=0.0)), tmp_path / "run")
    events = events_of(tmp_path / "run" / "local")
    missed = kept(events, AllocationMissed)
    assert missed
    assert [alert.sequence for alert in kept(events, AlertRaised)] == [m.sequence for m in missed]
