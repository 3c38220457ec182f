"""A recorded desk: its book at a moment, its stops, its limits, and whether its VaR held."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.guardian.assessment.assess import assess
from coordinator.results.record import RunRecord, load_record
from coordinator.risk.backtest import backtest
from coordinator.risk.book import portfolio_at, row_at
from coordinator.risk.history import recorded_history
from coordinator.risk.holding import limits_at_bar
from coordinator.risk.limits import limits_of, recorded_limits
from coordinator.risk.stops import stops_at
from market.errors import InvalidError, JournalError
from market.live_events import (
    AccountSeen,
    LimitOverridden,
    OverrideEnded,
    RulesTakenUp,
    StageChanged,
    TradingOpened,
)
from tests.journals import JournalBuilder

UNITS = 50_000.0


def recorded(
    path: Path, mids: np.ndarray, *, bought_on: int = 0, interval_s: int = 86_400
) -> RunRecord:
    """A run that buys EUR_USD once and holds it."""
    with JournalBuilder(path, bars=len(mids), interval_s=interval_s) as desk:
        for row, mid in enumerate(mids):
            desk.bar({"EUR_USD": float(mid)})
            orders = {"EUR_USD": UNITS} if row == bought_on else None
            desk.decide({"EUR_USD": (0.8, 0.3)}, orders=orders)
        desk.end()
    return load_record(path)


def wandering(count: int, seed: int = 5) -> np.ndarray:
    return np.asarray(
        1.1 * np.exp(0.005 * np.cumsum(np.random.default_rng(seed).standard_normal(count)))
    )


def test_the_book_at_a_bar_is_what_the_journal_says_of_it(tmp_path: Path) -> None:
    mids = wandering(150)
    record = recorded(tmp_path / "journal.sqlite", mids)
    found = portfolio_at(record, 120, recorded_history(record))
    assert found.units[0] == UNITS
    assert found.mid[0] == mids[120]
    assert len(found.equity_curve) == 121
    np.testing.assert_allclose(found.returns[:, 0], mids[1:121] / mids[:120] - 1.0)
    assert assess(found).positions[0].value == pytest.approx(UNITS * mids[120])


def test_drawdown_is_measured_from_the_last_drawdown_halt_that_ended_as_by_the_guardian(
    tmp_path: Path,
) -> None:
    mids = np.concatenate([np.linspace(1.3, 1.1, 100), np.linspace(1.1, 1.09, 50)])
    record = recorded(tmp_path / "journal.sqlite", mids)
    rearms = pd.DataFrame(
        {
            "time": [record.settled.time[100], record.settled.time[120]],
            "halt": ["DRAWDOWN", "EXECUTION_THROTTLE"],
        }
    )
    since = assess(portfolio_at(replace(record, rearms=rearms), 149, recorded_history(record)))
    ever = assess(portfolio_at(record, 149, recorded_history(record)))
    equity = record.settled.equity
    assert since.portfolio.drawdown == pytest.approx(1.0 - equity[149] / equity[100])
    assert ever.portfolio.drawdown == pytest.approx(1.0 - equity[149] / equity.max())


def test_what_came_later_does_not_change_the_risk_of_a_moment(tmp_path: Path) -> None:
    mids = wandering(200)
    whole = recorded(tmp_path / "whole.sqlite", mids)
    part = recorded(tmp_path / "part.sqlite", mids[:130])
    first, second = (
        assess(portfolio_at(record, 129, recorded_history(part))) for record in (whole, part)
    )
    assert first.portfolio.tails == second.portfolio.tails
    assert first.parts == second.parts


def test_a_moment_is_the_last_bar_that_had_settled_by_then(tmp_path: Path) -> None:
    record = recorded(tmp_path / "journal.sqlite", wandering(10))
    assert row_at(record, None) == 9
    assert row_at(record, datetime(2024, 1, 3, 12, tzinfo=UTC)) == 2
    with pytest.raises(InvalidError, match="nothing had settled by 2020-01-01"):
        row_at(record, datetime(2020, 1, 1, tzinfo=UTC))


def test_without_a_settled_bar_there_is_nothing_to_assess(tmp_path: Path) -> None:
    with JournalBuilder(tmp_path / "journal.sqlite"):
        pass
    with pytest.raises(InvalidError, match="no settled bar"):
        row_at(load_record(tmp_path / "journal.sqlite"), None)


def test_a_stop_stands_where_its_order_put_it_and_goes_with_the_position(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, bars=6) as desk:
        for row in range(6):
            closed = {"EUR_USD": "STOP_LOSS"} if row == 4 else None
            desk.bar({"EUR_USD": 1.10}, exits=closed)
            orders = {"EUR_USD": UNITS} if row == 1 else None
            desk.decide({"EUR_USD": (0.8, 0.3)}, orders=orders)
        desk.end()
    record = load_record(path)
    stop = float(record.orders["stop"].iloc[0])
    assert np.isnan(stops_at(record, 1)[0])
    assert stops_at(record, 3)[0] == pytest.approx(1.10 - stop)
    assert np.isnan(stops_at(record, 4)[0])


def test_the_stops_of_a_live_desk_are_those_its_broker_had(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, bars=2) as desk:
        for row in range(2):
            desk.bar({"EUR_USD": 1.10})
            seen = AccountSeen(
                sequence=row, time=0, stop_price=np.array([1.05 + row]), age=np.zeros(1)
            )
            desk.record(seen)
    record = load_record(path)
    assert [stops_at(record, row)[0] for row in (0, 1)] == [1.05, 2.05]


def test_the_bars_that_a_live_desk_was_primed_with_are_measured_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    mids = wandering(120)
    with JournalBuilder(path, bars=2) as desk:
        first = pd.Timestamp("2024-01-01").value
        values = np.repeat(mids[:118, None, None], 6, axis=1)
        desk.record(
            TradingOpened(
                time=0,
                broker="made by hand",
                last_transaction=0,
                versions=(),
                history_time=first - 86_400 * 10**9 * np.arange(118, 0, -1, dtype=np.int64),
                history_values=values,
            )
        )
        for mid in mids[118:]:
            desk.bar({"EUR_USD": float(mid)})
    record = load_record(path)
    found = portfolio_at(record, 1, recorded_history(record))
    np.testing.assert_allclose(found.returns[:, 0], mids[1:] / mids[:-1] - 1.0)


def test_hourly_bars_are_measured_by_the_day_once_there_are_days_enough(tmp_path: Path) -> None:
    few = recorded(tmp_path / "few.sqlite", wandering(150), interval_s=3_600)
    # The builder's bars are a day apart; called hourly, they are still one a day.
    assert portfolio_at(few, 149, recorded_history(few)).periods_a_day == 1.0
    assert portfolio_at(few, 80, recorded_history(few)).periods_a_day == pytest.approx(24.0)


def test_limits_come_from_the_recorded_configuration() -> None:
    stated = {"guardian": {"max_drawdown": 0.3, "unknown": 1}, "stress": {"crash": 0.2}}
    found = recorded_limits(json.dumps(stated))
    assert (found.max_drawdown, found.stress.crash) == (0.3, 0.2)
    assert found.max_gross_leverage == limits_of({}).max_gross_leverage
    with pytest.raises(JournalError, match="not JSON"):
        recorded_limits("nonsense")


def staged(time: int, stage: str) -> StageChanged:
    return StageChanged(sequence=0, time=time, stage=stage, by="ann", reason="news", evidence=())


def moved(time: int, value: float, until: int = 2**62) -> LimitOverridden:
    return LimitOverridden(
        sequence=0, time=time, limit="max_daily_var", value=value, until=until, by="ann", reason="a"
    )


def test_a_live_desk_is_held_to_its_stage_and_to_what_is_overridden_at_that_moment(
    tmp_path: Path,
) -> None:
    record = recorded(tmp_path / "journal.sqlite", wandering(10))
    time = [int(at.value) for at in record.settled.time]
    live = replace(
        record,
        stages=(staged(time[0], "paper"), staged(time[5], "live_minimal")),
        overrides=(
            moved(time[3], 0.01, until=time[6]),
            moved(time[7], 0.015),
            OverrideEnded(sequence=0, time=time[8], limit="max_daily_var", by="ann", reason="b"),
        ),
    )
    held = [limits_at_bar(live, row) for row in range(10)]
    assert [one.max_gross_leverage for one in held] == [0.2] * 5 + [0.02] * 5
    assert [one.max_daily_var for one in held] == [0.02] * 3 + [0.01] * 3 + [
        0.02,
        0.015,
        0.02,
        0.02,
    ]
    assert held[4].bound("GROSS_LEVERAGE") == "capital stage paper"
    assert held[4].bound("DAILY_VAR") == "an override"
    assert held[9].bound("DAILY_VAR") == held[9].bound("EPISODE_STORM") == "configuration"
    assert limits_at_bar(record, 9) == recorded_limits(record.session.configuration)


def rules(sequence: int, max_drawdown: float) -> RulesTakenUp:
    stated = json.dumps({"guardian": {"max_drawdown": max_drawdown}})
    return RulesTakenUp(sequence=sequence, time=0, configuration=stated, agents=())


def test_a_desk_that_was_taken_up_by_other_rules_is_held_to_them_from_the_next_bar_on(
    tmp_path: Path,
) -> None:
    record = recorded(tmp_path / "journal.sqlite", wandering(10))
    first = recorded_limits(record.session.configuration).max_drawdown
    bars = [int(sequence) for sequence in record.settled.sequence]
    live = replace(record, rules=(rules(bars[3], 0.05), rules(bars[6], 0.04), rules(bars[9], 0.03)))
    held = [limits_at_bar(live, row).max_drawdown for row in range(10)]
    assert held == [first] * 4 + [0.05] * 3 + [0.04] * 2 + [0.03], "the last is what holds now"


def test_what_was_changed_after_the_last_bar_holds_now(tmp_path: Path) -> None:
    record = recorded(tmp_path / "journal.sqlite", wandering(10))
    after = int(record.settled.time[-1].value) + 1
    live = replace(record, stages=(staged(0, "paper"), staged(after, "emergency_stop")))
    assert limits_at_bar(live, 8).max_position == 0.2
    assert limits_at_bar(live, 9).max_position == 0.0


def test_where_nothing_is_allowed_a_position_is_beyond_every_limit_and_to_be_closed(
    tmp_path: Path,
) -> None:
    record = recorded(tmp_path / "journal.sqlite", wandering(150))
    live = replace(record, stages=(staged(0, "emergency_stop"),))
    found = assess(portfolio_at(live, 149, recorded_history(live)))
    (nearest,) = {part.bound for part in found.parts if np.isinf(part.used)}
    assert nearest == "capital stage emergency_stop"
    assert found.score == 0.0
    assert [(one.symbol, one.units) for one in found.actions] == [("EUR_USD", -UNITS)]
    assert any("nothing is allowed, set by capital" in alert.message for alert in found.alerts)
    empty = assess(portfolio_at(live, 0, recorded_history(live)))
    assert {part.used for part in empty.parts if part.code == "POSITION"} == {0.0}


def test_a_loss_beyond_the_announced_var_is_an_exception(tmp_path: Path) -> None:
    mids = wandering(300)
    mids[290:] *= 0.9
    tested = backtest(recorded(tmp_path / "journal.sqlite", mids))
    assert len(tested) == 300 - 251
    assert tested.hits[290 - 251]
    assert tested.profit[290 - 251] == pytest.approx(UNITS * (mids[290] - mids[289]))


def test_the_announced_var_is_the_order_statistic_of_the_bars_before(tmp_path: Path) -> None:
    mids = wandering(300)
    tested = backtest(recorded(tmp_path / "journal.sqlite", mids))
    row = 20
    at = 250 + row  # announced on this bar, for the next
    profits = UNITS * mids[at] * np.diff(mids[at - 250 : at + 1]) / mids[at - 250 : at]
    assert tested.value_at_risk[row] == pytest.approx(-np.sort(profits)[2])


def test_bars_without_a_position_are_not_tested(tmp_path: Path) -> None:
    tested = backtest(recorded(tmp_path / "journal.sqlite", wandering(300), bought_on=280))
    assert len(tested) == 300 - 282


def test_a_short_run_has_no_back_test(tmp_path: Path) -> None:
    assert len(backtest(recorded(tmp_path / "journal.sqlite", wandering(40)))) == 0
