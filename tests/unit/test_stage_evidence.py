"""Evidence of a capital stage: only what was traded on real prices, by the wall clock, counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.desk_state import DeskState
from market.events import Event, TradingHalted
from market.live_events import CashMoved, MismatchFound
from market.quotes import PriceKind
from market.stage_evidence import DAY_NS, EvidenceFold, StageEvidence
from market.stage_needs import LEAST_NEEDED, StageNeeds, missing, sharpe_ratio
from tests.live import session_started
from tests.live_broker import FakeBroker
from tests.staged import filled, good_days, opened, settled, stage, taken

HOUR_S = 3_600
STARTED = session_started(FakeBroker(), interval_s=HOUR_S)


def shown(*events: Event) -> StageEvidence:
    """What a desk that recorded these events has shown."""
    state = DeskState(STARTED, rows=2)
    for event in events:
        state.apply(event)
    return state.evidence


def lacking(evidence: StageEvidence, needs: StageNeeds = LEAST_NEEDED) -> str:
    return "; ".join(missing(evidence, needs, HOUR_S))


def test_a_good_week_on_real_prices_is_enough() -> None:
    evidence = shown(opened(), stage("paper"), *good_days())
    assert (evidence.days, evidence.trades, evidence.won) == (7, 10, 6)
    assert evidence.bars == 20, "the first bar ends no return of this stage"
    assert lacking(evidence) == ""


@pytest.mark.parametrize(
    ("prices", "speed", "said"),
    [
        ("recorded", 1.0, "the prices are recorded; only trading on real prices counts"),
        ("synthetic", 1.0, "the prices are synthetic"),
        ("", 0.0, "the journal does not say what its prices are"),
        ("real", 60.0, "time runs at 60 times real time"),
    ],
)
def test_what_was_not_traded_on_real_prices_by_the_wall_clock_is_no_evidence(
    prices: str, speed: float, said: str
) -> None:
    evidence = shown(opened(prices, speed), stage("paper"), *good_days())
    assert (evidence.days, evidence.trades, evidence.bars) == (0, 0, 0)
    assert evidence.uncounted > 0
    told = lacking(evidence)
    assert told.startswith(said)
    assert "days 0 of at least 7" in told
    assert "trades 0 of at least 10" in told
    assert "win rate unknown of at least 45.0%" in told
    assert "sharpe ratio unknown of at least 0.50" in told


def test_a_span_that_does_not_count_takes_nothing_from_one_that_does() -> None:
    real = (opened(), stage("paper"), *good_days())
    alone, beside = shown(*real), shown(*real, opened("recorded"), *good_days(30, 40))
    assert (beside.days, beside.trades, beside.bars) == (alone.days, alone.trades, alone.bars)
    assert sharpe_ratio(beside, HOUR_S) == sharpe_ratio(alone, HOUR_S)
    assert "the prices are recorded" in lacking(beside), "what is at work now must count too"


def test_another_stage_begins_with_nothing_shown() -> None:
    evidence = shown(opened(), stage("paper"), *good_days(), stage("live_minimal", time=5))
    assert (evidence.since, evidence.days, evidence.trades, evidence.bars) == (5, 0, 0, 0)
    assert (evidence.drawdown, evidence.halts) == (0.0, 0)


def test_a_trade_that_was_open_when_the_stage_began_or_on_other_prices_does_not_count() -> None:
    held_over = shown(opened(), filled(5.0), stage("paper"), filled(-5.0, 1.0))
    assert held_over.trades == 0
    across = shown(
        opened(), stage("paper"), filled(5.0), opened("recorded"), opened(), filled(-5.0)
    )
    assert across.trades == 0
    assert shown(opened(), stage("paper"), filled(5.0), filled(-5.0)).trades == 1


def test_a_trade_gains_what_financing_leaves_and_a_reversal_closes_one_and_opens_another() -> None:
    financing = CashMoved(time=0, transaction=2, symbol="EUR_USD", amount=-2.0, reason="financing")
    evidence = shown(
        opened(), stage("paper"), filled(5.0), financing, filled(-8.0, 1.5), filled(3.0, 0.5)
    )
    assert (evidence.trades, evidence.won) == (2, 1)
    assert evidence.trips == ()


def test_a_transfer_is_neither_a_gain_nor_a_fall() -> None:
    paid_out = CashMoved(time=0, transaction=2, symbol="", amount=-50.0, reason="transfer")
    evidence = shown(opened(), stage("paper"), settled(100.0), paid_out, settled(50.0))
    assert (evidence.drawdown, evidence.mean, evidence.bars) == (0.0, 0.0, 1)
    assert shown(opened(), stage("paper"), settled(100.0), settled(50.0)).drawdown == 0.5


def test_a_fall_counts_whatever_the_prices_were_and_from_the_first_bar() -> None:
    evidence = shown(opened("synthetic"), settled(100.0), stage("paper"), settled(80.0))
    assert evidence.drawdown == pytest.approx(0.2)
    assert "drawdown 20.0% of at most 15.0%" in lacking(evidence)


def test_a_bar_whose_equity_nobody_knows_ends_no_return() -> None:
    evidence = shown(
        opened(), stage("paper"), settled(100.0), settled(math.nan), settled(90.0), settled(99.0)
    )
    assert (evidence.bars, evidence.mean) == (1, pytest.approx(0.1))
    assert evidence.drawdown == pytest.approx(0.1)


def test_halts_and_mismatches_are_counted_and_days_are_those_of_decisions() -> None:
    halted = TradingHalted(sequence=0, time=0, halt="DAILY_LOSS", limit=0.01, measured=0.02)
    differs = MismatchFound(time=0, what="cash", desk=1.0, broker=2.0)
    days = [taken(hour * HOUR_S * 10**9) for hour in range(50)]
    evidence = shown(opened(), stage("paper"), halted, differs, differs, *days)
    assert (evidence.halts, evidence.mismatches, evidence.days) == (1, 2, 3)


@given(st.lists(st.floats(-0.05, 0.05), min_size=3, max_size=30).filter(lambda x: np.std(x) > 1e-6))
def test_the_sharpe_ratio_is_that_of_the_returns_and_the_drawdown_that_of_the_path(
    returns: list[float],
) -> None:
    path = 1e5 * np.cumprod([1.0, *(1.0 + np.array(returns))])
    evidence = shown(opened(), stage("paper"), *(settled(float(equity)) for equity in path))
    made = path[1:] / path[:-1] - 1.0
    found = sharpe_ratio(evidence, HOUR_S)
    assert found.per_bar == pytest.approx(made.mean() / made.std(ddof=1), rel=1e-6, abs=1e-9)
    assert found.annual == pytest.approx(found.per_bar * math.sqrt(6_240))
    assert found.low <= found.annual <= found.high
    worst = float(np.max(1.0 - path / np.maximum.accumulate(path)))
    assert evidence.drawdown == pytest.approx(worst, abs=1e-12)


@pytest.mark.parametrize(
    ("ratio", "count", "error"),
    [(0.5, 12, 0.306), (1.0, 12, 0.354), (0.5, 60, 0.137), (1.0, 60, 0.158), (3.0, 12, 0.677)],
)
def test_the_interval_is_that_of_the_published_standard_errors(
    ratio: float, count: int, error: float
) -> None:
    """Lo (2002), table 1: standard errors of the Sharpe ratio of independent returns."""
    evidence = StageEvidence(bars=count, mean=ratio, squares=float(count - 1))
    found = sharpe_ratio(evidence, 260 * 86_400)  # one bar a year: nothing is scaled
    assert found.annual == found.per_bar == ratio
    assert (found.high - found.low) / 2.0 / 1.96 == pytest.approx(error, abs=6e-4)


def test_days_without_a_move_have_no_sharpe_ratio() -> None:
    evidence = shown(opened(), stage("paper"), *(settled(100.0) for _ in range(5)))
    assert math.isnan(sharpe_ratio(evidence, HOUR_S).annual)
    assert "sharpe ratio unknown" in lacking(evidence)


@given(st.integers(0, 20), st.integers(0, 20))
def test_more_is_never_less_evidence(days: int, trades: int) -> None:
    """Everything but the days and trades is good: exactly the two decide."""
    evidence = shown(opened(), stage("paper"), *good_days(7, 10))
    given_days = StageEvidence(
        prices="real", speed=1.0, days=days, trades=trades, won=trades, bars=evidence.bars,
        mean=evidence.mean, squares=evidence.squares,
    )  # fmt: skip
    assert (lacking(given_days) == "") == (days >= 7 and trades >= 10)


def test_the_day_of_a_decision_is_counted_once_whatever_comes_between() -> None:
    evidence = shown(opened(), stage("paper"), taken(DAY_NS), opened(), taken(DAY_NS + 1))
    assert evidence.days == 1


@given(
    fills=st.lists(
        st.tuples(
            st.sampled_from(["EUR_USD", "USD_JPY", "GBP_USD"]),
            st.sampled_from([-2.0, -1.0, 1.0, 2.0]),
            st.floats(-10.0, 10.0),
        ),
        max_size=30,
    ),
    real=st.booleans(),
)
def test_evidence_is_the_same_however_often_it_is_looked_at(
    fills: list[tuple[str, float, float]], real: bool
) -> None:
    begun = StageEvidence(prices=PriceKind.REAL if real else PriceKind.RECORDED, speed=1.0)
    watched, unwatched = EvidenceFold(), EvidenceFold()
    watched.put(begun)
    unwatched.put(begun)
    for fill in fills:
        unwatched.fill(*fill)
        watched.fill(*fill)
        watched.put(watched.value)
    assert watched.value == unwatched.value
