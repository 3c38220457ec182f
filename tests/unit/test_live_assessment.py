"""The assessment of a live book: beside the path, at most so often, and never a lost review."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agents.guardian.assessment.desk import AssessingGuardian
from agents.guardian.scenarios.episodes import episode_paths
from coordinator.live.assessment import AssessmentClock, risk_line, risk_told
from coordinator.live.bootstrap import live_guardian_builder
from market.live_events import RiskAssessed
from market.live_messages import AssessRisk, EquityWatched, WatchEquity
from market.overrides import Override
from tests.live_session import CASH, LEVELS, bar_ready, live_session, small_plan
from tests.sockets import KEY

ROWS = 60
HELD: dict[str, Any] = {"units": np.array([50_000.0, 0.0]), "stop_price": LEVELS * 0.99}


def question(**changed: Any) -> AssessRisk:
    """A long position in EUR_USD on minutes."""
    moves = 1e-4 * np.random.default_rng(2).standard_normal((200, 2))
    asked: dict[str, Any] = {
        "sequence": 7, "time": 70, "equity": CASH, "mid": LEVELS, "spread": LEVELS * 1e-5,
        "rate": np.ones(2), "returns": moves, "stage": "live_scaled_3", **HELD,
    }  # fmt: skip
    return AssessRisk(**asked | changed)


def assessor() -> AssessingGuardian:
    guardian = live_guardian_builder(small_plan(("momentum",)), KEY)()
    assert isinstance(guardian, AssessingGuardian)
    return guardian


def test_a_book_is_assessed_after_its_decision_and_journaled_with_the_next() -> None:
    plan = small_plan(("momentum",))
    with live_session(plan, rows=ROWS, assess_every_s=60.0) as session:
        first = session.decide(bar_ready(ROWS, **HELD))
        session.decided()
        second = session.decide(bar_ready(ROWS + 1, **HELD))
        health = session.health()
    assert not any(isinstance(event, RiskAssessed) for event in first.records)
    (found,) = [event for event in second.records if isinstance(event, RiskAssessed)]
    assert (found.sequence, found.failure) == (ROWS, "")
    assert found.leverage == 50_000.0 * LEVELS[0] / CASH
    assert health["risk"]["age_s"] == 60.0
    assert health["guardian_here"]


def test_a_book_is_measured_against_its_stage_and_what_sets_the_nearest_limit_is_told() -> None:
    tight = (Override(limit="max_position_loss", value=1e-9, until=2**62),)
    told = {}
    for stage, overrides in (("paper", ()), ("paper", tight), ("emergency_stop", ())):
        found = assessor().answer(question(stage=stage, overrides=overrides))
        assert isinstance(found, RiskAssessed)
        told[found.nearest, found.bound] = risk_line(risk_told(found, found.time))
    assert list(told) == [
        ("GROSS_LEVERAGE", "capital stage paper"),
        ("POSITION_LOSS", "an override"),
        ("GROSS_LEVERAGE", "capital stage emergency_stop"),
    ]
    lines = list(told.values())
    assert "(275% used, set by capital stage paper)" in lines[0]
    assert "(nothing allowed, set by capital stage emergency_stop)" in lines[2]


def test_a_session_tells_the_guardian_the_stage_and_the_overrides_of_the_decision() -> None:
    tight = (Override(limit="max_position_loss", value=1e-9, until=2**62),)
    given: dict[str, Any] = {"stage": "live_scaled_3", "overrides": tight, **HELD}
    with live_session(small_plan(("momentum",)), rows=ROWS, assess_every_s=60.0) as session:
        session.decide(bar_ready(ROWS, **given))
        session.decided()
        second = session.decide(bar_ready(ROWS + 1, **given))
    (found,) = [event for event in second.records if isinstance(event, RiskAssessed)]
    assert {code for _, code in found.alerts} >= {"POSITION_LOSS", "GROSS_LEVERAGE"}


def test_a_guardian_that_is_told_no_stage_measures_against_the_tightest() -> None:
    found = assessor().answer(question(stage=""))
    assert isinstance(found, RiskAssessed)
    assert found.bound == "capital stage emergency_stop"
    assert math.isinf(found.used)


def test_an_override_that_is_over_does_not_count() -> None:
    over = (Override(limit="max_position_loss", value=1e-9, until=70),)
    found = assessor().answer(question(overrides=over))
    assert isinstance(found, RiskAssessed)
    assert found.bound != "an override"


def test_it_is_asked_for_no_more_often_than_said() -> None:
    plan = small_plan(("momentum",))
    with live_session(plan, rows=ROWS, assess_every_s=180.0) as session:
        assessed = []
        for number in range(ROWS, ROWS + 7):
            decided = session.decide(bar_ready(number, **HELD))
            session.decided()
            assessed += [e.sequence for e in decided.records if isinstance(e, RiskAssessed)]
    assert assessed == [ROWS, ROWS + 3]


def test_a_clock_without_an_interval_that_ends_is_never_due() -> None:
    assert not AssessmentClock(math.inf).due(5)


def test_an_assessment_that_fails_says_so_and_costs_no_review() -> None:
    guardian = assessor()
    found = guardian.answer(question(returns=np.zeros((5, 9))))
    assert isinstance(found, RiskAssessed)
    assert "InvalidError" in found.failure
    assert (found.score, found.alerts) == (0.0, (("critical", "ASSESSMENT"),))
    watched = guardian.answer(WatchEquity(sequence=1, time=1, equity=CASH))
    assert isinstance(watched, EquityWatched)


def test_a_nan_in_the_account_is_critical() -> None:
    found = assessor().answer(question(equity=math.nan))
    assert isinstance(found, RiskAssessed)
    assert found.failure == ""
    assert found.score == 0.0
    assert found.alerts[0][0] == "critical"


def test_the_drawdown_is_measured_from_the_peak_that_the_breakers_saw() -> None:
    guardian = assessor()
    guardian.answer(WatchEquity(sequence=1, time=1, equity=1.25 * CASH))
    found = guardian.answer(question())
    assert isinstance(found, RiskAssessed)
    assert ("critical", "DRAWDOWN") in found.alerts


def test_episodes_of_the_configured_source_are_replayed() -> None:
    guardian = assessor()
    small = guardian.answer(question())
    large = guardian.answer(question(units=np.array([90_000.0, 90_000.0])))
    assert isinstance(small, RiskAssessed)
    assert isinstance(large, RiskAssessed)
    assert not any(code.startswith("EPISODE") for _, code in small.alerts)
    assert any(code == "EPISODE_CRISIS_2008" for _, code in large.alerts)


def test_without_a_history_every_episode_is_told_to_be_missing() -> None:
    paths = episode_paths(np.empty(0, dtype=np.int64), np.empty((0, 2)), (), "USD")
    assert all(len(path.profit) == 0 for path in paths)


def test_a_status_tells_the_score_the_nearest_limit_and_the_age() -> None:
    found = assessor().answer(question())
    assert isinstance(found, RiskAssessed)
    told = risk_told(found, found.time + 5_000_000_000)
    assert told["age_s"] == 5.0
    assert told["nearest"] == found.nearest
    assert risk_told(None, 5) == {}
