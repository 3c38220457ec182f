"""The laws of the whole desk, on random markets."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.bars import VALUE_FIELDS, Bars
from market.events import (
    BarSettled,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
)
from tests.desk import events_of, kept, market, plan, replay_here

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=15, deadline=None)
FIRST = 12


def with_gaps(bars: Bars, seed: int, share: float) -> Bars:
    """Some prices missing; every instrument keeps its first and no row is empty."""
    rng = np.random.default_rng(seed)
    missing = rng.random(bars.shape) < share
    missing[0] = False
    missing[missing.all(axis=1)] = False
    values: dict[str, Any] = {
        name: np.where(missing, np.nan, getattr(bars, name)) for name in VALUE_FIELDS
    }
    return replace(bars, **values)


def lived(bars: Bars, **sections: Any) -> list[Event]:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        replay_here(plan(bars, first=FIRST, **sections), run)
        return events_of(run)


@QUICK
@given(SEEDS, st.sampled_from([0.0, 0.1, 0.4]))
def test_every_intent_fills_or_is_cancelled_by_the_next_bar_and_nothing_else_fills(
    seed: int, gaps: float
) -> None:
    bars = with_gaps(market(60, seed=seed), seed, gaps)
    events = lived(bars)
    ended = {e.fill.client_order_id: e.fill.sequence
             for e in kept(events, OrderFilled) if e.fill.reason == "DECISION"}  # fmt: skip
    intents = {e.order.client_order_id: e.order for e in kept(events, OrderIntended)}
    filled = {e.fill.client_order_id: e.fill.units
              for e in kept(events, OrderFilled) if e.fill.reason == "DECISION"}  # fmt: skip
    for gone in (e.cancellation for e in kept(events, OrderCancelled)):
        name = gone.client_order_id
        if name in filled:  # of a reversal the closing part fills, and the rest is cancelled
            assert gone.reason in ("NO_RATE", "INSUFFICIENT_MARGIN")
            assert 0.0 < filled.pop(name) / intents[name].units < 1.0
        ended[name] = gone.sequence
    assert all(units == intents[name].units for name, units in filled.items())
    last = kept(events, BarSettled)[-1].sequence
    assert ended == {name: min(order.sequence + 1, last) for name, order in intents.items()}


@QUICK
@given(SEEDS, st.sampled_from([0.0, 0.1, 0.4]))
def test_a_decision_opens_only_what_has_a_price_and_only_within_the_limits(
    seed: int, gaps: float
) -> None:
    bars = with_gaps(market(60, seed=seed), seed, gaps)
    settled = plan(bars, first=FIRST)
    limits = settled.desk.limits
    events = lived(bars)
    states = {e.sequence: e for e in kept(events, BarSettled)}
    for decision in kept(events, DecisionTaken):
        state = states[decision.sequence]
        for order in decision.approved:
            column = bars.symbols.index(order.symbol)
            held = state.units[column]
            after = held + order.units
            if abs(after) > abs(held) or held * after < 0.0:
                assert not np.isnan(bars.close[decision.sequence + FIRST, column])
                notional = abs(after) * state.mid[column] * state.rate[column]
                assert notional <= limits.max_position * state.equity * (1.0 + 1e-9)
            assert abs(order.units) <= abs(order.proposed_units)


@QUICK
@given(SEEDS)
def test_money_adds_up_over_the_whole_record(seed: int) -> None:
    events = lived(market(60, seed=seed))
    realised = sum(e.fill.realised for e in kept(events, OrderFilled))
    final = kept(events, BarSettled)[-1]
    assert final.cash == pytest.approx(100_000.0 + realised, abs=1e-6)
    held = np.zeros(4)
    for event in kept(events, OrderFilled):
        held[market(1).symbols.index(event.fill.symbol)] += event.fill.units
    np.testing.assert_array_equal(held, final.units)


@QUICK
@given(SEEDS, st.integers(20, 58))
def test_what_the_future_holds_changes_nothing_up_to_now(seed: int, now: int) -> None:
    bars = market(60, seed=seed)
    future = market(60, seed=seed + 1)
    mixed: dict[str, Any] = {
        name: np.vstack([getattr(bars, name)[:now], 1.1 * getattr(future, name)[now:]])
        for name in VALUE_FIELDS
    }
    kinds = (BarSettled, DecisionTaken)
    one, two = (
        [repr(e) for e in lived(panel) if isinstance(e, kinds) and e.sequence < now - FIRST]
        for panel in (bars, replace(bars, **mixed))
    )
    assert len(one) == 2 * (now - FIRST)
    assert one == two


@QUICK
@given(SEEDS)
def test_the_threshold_decides_what_is_done_about_a_score_not_the_score(seed: int) -> None:
    bars = market(60, seed=seed)
    for one, other in zip(
        kept(lived(bars, committee={"decision_threshold": 1.0}), DecisionTaken),
        kept(lived(bars, committee={"decision_threshold": 0.25}), DecisionTaken),
        strict=True,
    ):
        np.testing.assert_array_equal(one.score, other.score)
        bought = other.score >= 0.25
        sold = other.score <= -0.25
        np.testing.assert_array_equal(other.outcome == 1, bought)
        np.testing.assert_array_equal(other.outcome == -1, sold)
