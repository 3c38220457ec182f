"""The sequential kernel and the live desk record the same events, to the last bit."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.guardian.calibration.leading import leading_agent
from agents.guardian.codes import Limit
from coordinator.engines.local import ROOM
from coordinator.tally import Outcome
from market.bars import VALUE_FIELDS, Bars
from market.events import CalibrationFitted, DecisionTaken
from tests.desk import LEARNS, TRADED, events_of, kept, market, plan, trending
from tests.engines import assert_same_journal
from tests.property.test_session import FIRST, with_gaps

SEEDS = st.integers(0, 2**32 - 1)
BUILT_IN = (
    "agents.trading.momentum:Momentum",
    "agents.trading.mean_reversion:MeanReversion",
    "agents.trading.volatility:Volatility",
    "agents.trading.sentiment:Sentiment",
)


@settings(max_examples=25, deadline=None)
@given(
    SEEDS,
    st.sampled_from([0.0, 0.1, 0.4]),
    st.sampled_from(["off", "fraction", "sigmas"]),
    st.sampled_from([1, 5]),
    st.sampled_from([0.02, 0.004]),
    st.sampled_from([None, 1, 7]),
    st.sampled_from([10, 24, 30]),
    st.sampled_from([1, ROOM]),
)
def test_on_random_markets_with_gaps(
    seed: int,
    gaps: float,
    trailing: str,
    every: int,
    volatility: float,
    rows: int | None,
    window: int,
    room: int,
) -> None:
    bars = with_gaps(market(60, seed=seed, volatility=volatility), seed, gaps)
    settled = plan(
        bars,
        first=FIRST,
        sizing={"trailing_stop": trailing},
        optimizer={"rebalance_every": every},
        guardian={
            "rearm_after": 3,
            "max_drawdown": 0.02,
            "max_open_positions": 2,
            "correlation_window": window,
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        assert_same_journal(settled, Path(folder) / "runs", rows=rows, room=room)


SECTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "wide limits and little margin": {
        "guardian": {"max_gross_leverage": 50.0, "max_position": 30.0, "max_portfolio_risk": 1.0,
                     "max_currency_exposure": 50.0, "margin_reserve": 0.0, "max_drawdown": 0.5},
        "sizing": {"max_risk_per_trade": 0.2, "stop_sigmas": 0.5},
        "broker": {"closeout_fraction": 1.0},
    },
    "an allocation that expires": {
        "optimizer": {"rebalance_every": 9, "allocation_max_age": 4},
    },
    "a quantum optimizer": {"optimizer": {"method": "qaoa-xy", "layers": 1, "shots": 64}},
}  # fmt: skip


@pytest.mark.parametrize("curve", ["platt", "isotonic"])
@pytest.mark.parametrize(
    ("bars", "rows", "lookback", "bound"),
    [
        (trending(300), None, 280, Limit.KELLY),
        (trending(300), 7, 280, Limit.KELLY),
        (market(300, seed=4), 1, 20, Limit.NO_EDGE),
    ],
    ids=["waves", "waves in pieces", "a random walk"],
)
def test_with_kelly_stakes_that_are_learned_on_the_way(
    bars: Bars, rows: int | None, lookback: int, bound: Limit, curve: str, tmp_path: Path
) -> None:
    settled = plan(
        bars,
        first=FIRST,
        committee={"weights": {"follower": 0.7, "contrarian": 0.3}},
        optimizer={"allocation_lookback": lookback},
        sizing={
            **LEARNS, "method": "kelly", "kelly_fraction": 0.02, "calibration_curve": curve,
            "volatility_target_annual": 0.1,
        },
    )  # fmt: skip
    assert_same_journal(settled, tmp_path, rows=rows)
    events = events_of(tmp_path / "events")
    bounds = {int(code) for taken in kept(events, DecisionTaken) for code in taken.bound}
    fits = kept(events, CalibrationFitted)
    assert [fit.fitted for fit in fits] == list(range(17, settled.decisions - 1, 17))
    assert all(fit.sequence == fit.fitted + 1 for fit in fits)
    assert any(fit.calibrated.any() for fit in fits)
    assert bound in bounds


WEIGHTS = np.array([0.7, 0.3])


@pytest.mark.parametrize("rows", [None, 7])
def test_where_an_agent_that_was_calibrated_has_too_few_outcomes_for_a_while(
    rows: int | None, tmp_path: Path
) -> None:
    settled = plan(
        silent(trending(460), 140, 280),
        first=FIRST,
        committee={"weights": {"follower": WEIGHTS[0], "contrarian": WEIGHTS[1]}},
        sizing={**LEARNS, "method": "kelly", "kelly_fraction": 0.02},
        guardian={"max_drawdown": 0.5, "max_daily_loss": 0.25},
    )
    assert_same_journal(settled, tmp_path, rows=rows)
    events = events_of(tmp_path / "events")
    lapsed = [
        fit
        for fit in kept(events, CalibrationFitted)
        if fit.calibrated[0] and fit.outcomes[0] < LEARNS["calibration_min_outcomes"]
    ]
    assert lapsed
    assert not any(fit.lower_bound[0].any() for fit in lapsed)
    carried = {
        int(bound)
        for taken in kept(events, DecisionTaken)
        if lapsed[0].sequence <= taken.sequence < lapsed[-1].sequence + 17
        for column, (bound, outcome) in enumerate(zip(taken.bound, taken.outcome, strict=False))
        if outcome in (Outcome.BUY, Outcome.SELL)
        and leading_agent(taken.scores, WEIGHTS, column, float(outcome)) == 0
    }
    assert int(Limit.NO_EDGE) in carried
    assert not carried & {int(Limit.RISK_PER_TRADE), int(Limit.KELLY), int(Limit.ALLOCATION)}


def silent(bars: Bars, start: int, stop: int) -> Bars:
    """The same prices, where nothing that is traded has one for a while."""
    values = {name: getattr(bars, name).copy() for name in VALUE_FIELDS}
    for value in values.values():
        value[start:stop, : len(TRADED)] = np.nan
    return replace(bars, **values)


def test_where_more_reductions_are_wanted_on_a_bar_than_may_be_sent(tmp_path: Path) -> None:
    settled = plan(
        market(160, seed=6, volatility=0.02),
        first=FIRST,
        sizing={"rebalance_band": 0.01},
        optimizer={"rebalance_every": 1},
        guardian={"max_drawdown": 0.02, "rearm_after": 3},
    )
    limits = settled.desk.limits
    pace = limits.pace._replace(reductions_per_second=1.0)
    desk = replace(settled.desk, limits=limits._replace(pace=pace))
    assert_same_journal(replace(settled, desk=desk), tmp_path)
    taken = kept(events_of(tmp_path / "events"), DecisionTaken)
    refused = [one for each in taken for one in each.refused if one.limit == "REDUCTION_RATE"]
    assert {(one.allowed, one.measured) for one in refused} == {(1.0, 2.0)}


@pytest.mark.parametrize("seed", range(4))
def test_on_the_first_bar_on_which_a_correlation_can_be_measured(seed: int, tmp_path: Path) -> None:
    settled = plan(
        market(60, seed=seed, volatility=0.02), first=FIRST, guardian={"correlation_window": 30}
    )
    assert_same_journal(settled, tmp_path)


@pytest.mark.parametrize("name", SECTIONS)
def test_with(name: str, tmp_path: Path) -> None:
    settled = plan(market(160, seed=3, volatility=0.02), first=FIRST, **SECTIONS[name])
    assert_same_journal(settled, tmp_path)


def test_with_every_agent_of_ours_over_several_chunks(tmp_path: Path) -> None:
    bars = market(1_500, seed=11)
    settled = plan(bars, first=5, agents=BUILT_IN, optimizer={"rebalance_every": 21})
    assert_same_journal(settled, tmp_path, rows=400)


def test_with_agents_that_fail_on_some_bars(tmp_path: Path) -> None:
    settled = plan(
        market(160, seed=5), first=FIRST, agents=("tests.voters:Fragile", *BUILT_IN[1:2])
    )
    assert_same_journal(settled, tmp_path)
