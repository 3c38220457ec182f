"""What is measured while a desk trades."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coordinator.live.session import HEALTH_EVERY
from infra.metrics import MEASURES, NO_METERS, Meters
from market.live_events import BarClosed
from tests.live import LEVELS, coordinator_of, live_desk
from tests.live_session import bar_ready, live_session, small_plan
from tests.meters import RecordingMeters

TWO = ("tests.voters:Follower", "tests.voters:Contrarian")


def test_a_decision_is_counted_and_timed_and_every_ballot_by_its_agent() -> None:
    meters = RecordingMeters()
    with live_session(small_plan(TWO), meters=meters) as session:
        for number in (60, 61, 62):
            session.decide(bar_ready(number, 1e-3 * number))
            assert meters.counted == Counter({("quorum_decisions", ""): number - 60}), "it waits"
            session.decided()
    assert meters.counted == {("quorum_decisions", ""): 3}
    for agent in ("follower", "contrarian"):
        assert len(meters.observed["quorum_vote_seconds", agent]) == 3
    whole = np.array(meters.observed["quorum_decision_seconds", ""])
    review = np.array(meters.observed["quorum_tally_to_verdict_seconds", ""])
    votes = np.array(meters.observed["quorum_vote_seconds", "follower"])
    assert (whole > review).all()
    assert (whole > votes).all()
    assert (review > 0.0).all()


def test_who_does_not_vote_and_what_a_limit_refuses_is_counted_by_its_reason() -> None:
    meters = RecordingMeters()
    plan = small_plan(TWO, committee={"agents": TWO, "decision_threshold": 0.01},
                      guardian={"correlation_window": 10, "max_open_positions": 1})  # fmt: skip
    with live_session(plan, meters=meters, without=("contrarian",)) as session:
        decided = [session.decide(bar_ready(number, 2e-3 * (number - 59))) for number in (60, 61)]
        session.decided()
    assert meters.counted["quorum_abstentions", "starting"] == 2
    refusals = {name: n for name, n in meters.counted.items() if name[0] == "quorum_refusals"}
    assert refusals == {("quorum_refusals", "OPEN_POSITIONS"): 2}, decided


def test_orders_fills_slippage_and_the_account_are_measured_at_the_gateway(tmp_path: Path) -> None:
    meters = RecordingMeters()
    options = {"meters": meters}
    with live_desk(tmp_path, gateway_options=options, loop_options=options) as desk:
        with coordinator_of(desk) as coordinator:
            coordinator.order({"EUR_USD": 10_000.0})
            desk.prices(moved=1e-3)
            desk.until(lambda told: bool(told["positions"]))
            desk.prices(moved=-1e-2)
            desk.prices(moved=-1e-2, seconds=30.0)
            desk.until(lambda told: told["bars"] >= 1)
            coordinator.next(object)
        desk.kill()
        skipped = sum(event.skipped for event in desk.events(BarClosed))
    assert meters.counted["quorum_orders", ""] == 1
    assert meters.counted["quorum_fills", "DECISION"] == 1
    (slippage,) = meters.observed["quorum_slippage_bps", ""]
    paid = LEVELS["EUR_USD"] * 1.001 + 1e-4
    assert slippage == pytest.approx((paid / LEVELS["EUR_USD"] - 1.0) * 1e4, rel=1e-2)
    lost = 10_000.0 * (paid - (LEVELS["EUR_USD"] * 0.99 - 1e-4))
    assert meters.shown["quorum_equity", ""] == pytest.approx(100_000.0 - lost)
    assert meters.shown["quorum_drawdown", ""] == pytest.approx(lost / 100_000.0, rel=0.01)
    assert meters.counted["quorum_skipped_quotes", ""] == skipped
    assert meters.shown["quorum_data_age_seconds", ""] >= 0.0
    assert meters.observed["quorum_journal_lag_seconds", ""]


def _has_seen(bars: int, told: Mapping[str, Any]) -> bool:
    return bool(told["bars"] >= bars)


def test_bars_that_nobody_decided_on_are_counted(tmp_path: Path) -> None:
    meters = RecordingMeters()
    with live_desk(tmp_path, gateway_options={"meters": meters}) as desk:
        for closed in (1, 2, 3):
            desk.prices(seconds=15.0)
            desk.until(partial(_has_seen, closed))
        desk.kill()
    assert meters.counted["quorum_missed_bars", ""] >= 2


def test_every_measure_has_a_name_of_its_own_and_says_what_it_is() -> None:
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)
    for measure in MEASURES:
        assert measure.name.startswith("quorum_")
        assert measure.about
        assert bool(measure.bounds) == (measure.kind == "histogram")
        assert list(measure.bounds) == sorted(bound for bound in measure.bounds if bound > 0.0)


def test_the_document_lists_every_measure() -> None:
    document = (Path(__file__).resolve().parents[2] / "docs" / "LIVE.md").read_text("utf-8")
    listed = set(re.findall(r"`(quorum_\w+)`", document))
    assert listed == {measure.name for measure in MEASURES}


def test_who_does_not_measure_is_told_and_says_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    meters: Meters = NO_METERS
    for measure in MEASURES:
        meters.count(measure)
        meters.show(measure, 1.0)
        meters.observe(measure, 1.0)
    assert capfd.readouterr() == ("", "")


def test_what_waits_until_a_decision_has_gone_out_is_done_before_the_next_at_the_latest() -> None:
    meters = RecordingMeters()
    with live_session(small_plan(TWO), meters=meters) as session:
        session.decide(bar_ready(60))
        assert not meters.observed
        session.decide(bar_ready(61))
        assert meters.counted == {("quorum_decisions", ""): 1}
        assert len(meters.observed["quorum_vote_seconds", "follower"]) == 1
        session.decided()
        session.decided()
    assert meters.counted == {("quorum_decisions", ""): 2}
    assert len(meters.observed["quorum_vote_seconds", "follower"]) == 2


def test_now_and_then_a_decision_tells_how_the_desk_is_and_its_newest_order() -> None:
    told: dict[int, Mapping[str, Any]] = {}
    plan = small_plan(TWO, committee={"agents": TWO, "decision_threshold": 0.01})
    with live_session(plan) as session:
        for number in range(60, 60 + 2 * HEALTH_EVERY):
            decided = session.decide(bar_ready(number, 1e-3 * (number % 7)))
            if decided.health:
                told[number - 59] = decided.health
                assert decided.health.keys() == session.health().keys()
                newest = decided.signed.approved[:1] if decided.signed else ()
                last = decided.health["last_decision"]
                assert all(order.symbol in last for order in newest)
            if number % 5:  # else before the next decision
                session.decided()
    assert list(told) == [HEALTH_EVERY, 2 * HEALTH_EVERY]
    for decisions, health in told.items():
        assert health["decisions"] == decisions
        assert health["guardian_here"]
        assert health["agents"]["follower"]["latency_p50_ms"] > 0.0
        assert health["decision_p99_ms"] >= health["decision_p50_ms"] > 0.0
