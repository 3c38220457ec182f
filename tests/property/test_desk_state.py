"""The fold of a live journal: what a restart knows is what was known before it."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.journal.codec import decode_value, encode_value
from market.desk_snapshot import DeskSnapshot
from market.desk_state import DeskState
from market.events import (
    AllocationApplied,
    BarSettled,
    CalibrationFitted,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
    TradingHalted,
)
from market.live_events import (
    AgentJoined,
    AgentLeft,
    AgentReweighted,
    BarClosed,
    BreakerReset,
    BreakersMoved,
    BreakerTripped,
    CashMoved,
    CoordinatorAttached,
    ForecastMade,
    LimitOverridden,
    MismatchFound,
    ModeChanged,
    OrderAccepted,
    OrderResolved,
    OrdersAccepted,
    OrderUnknown,
    OverrideEnded,
    RulesTakenUp,
    StageChanged,
    TradingOpened,
    TransactionsBooked,
)
from market.modes import Mode
from market.order_life import Purpose
from market.orders import Bracket, Cancellation, Fill, OrderRequest
from market.stages import CapitalStage
from tests.live_gateways import ROWS, started

START = started()
M = len(START.symbols)
NAMES = st.sampled_from(["a", "b", "c"])
SYMBOLS = st.sampled_from(START.symbols)
AGENTS = st.sampled_from([agent.name for agent in START.agents])
PRICE = st.floats(0.5, 2.0)
WHOLE = st.integers(0, 1_000)
QUICK = settings(max_examples=60, deadline=None)


def order(name: str, symbol: str) -> OrderRequest:
    return OrderRequest(
        client_order_id=name,
        sequence=len(name),
        symbol=symbol,
        units=100.0,
        bracket=Bracket(stop=0.1, take_profit=0.2, trailing=None),
        lowest_price=0.0,
        highest_price=9.0,
        reference_price=1.0,
    )


def fill(name: str, symbol: str, units: float, price: float, reason: str) -> Fill:
    return Fill(
        client_order_id=name, sequence=0, time=0, symbol=symbol, units=units, price=price,
        mid=price, rate=1.0, reason=reason, realised=0.0, spread_cost=0.0, slippage_cost=0.0,
        slippage_bps=0.0,
    )  # fmt: skip


ABOUT_ORDERS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        OrderIntended,
        order=st.builds(order, NAMES, SYMBOLS),
        group=st.sampled_from(["", "g", "h"]),
        purpose=st.sampled_from([purpose.value for purpose in Purpose]),
    ),
    st.builds(OrderAccepted, client_order_id=NAMES, time=WHOLE, transaction=WHOLE),
    st.builds(OrderUnknown, client_order_id=NAMES, time=WHOLE),
    st.builds(
        OrderResolved,
        client_order_id=NAMES,
        time=WHOLE,
        found=st.sampled_from(["ABSENT", "accepted", "filled"]),
    ),
    st.builds(
        OrderFilled,
        fill=st.builds(
            fill,
            NAMES,
            SYMBOLS,
            st.sampled_from([100.0, -100.0, 50.0]),
            PRICE,
            st.sampled_from(["DECISION", "STOP_LOSS"]),
        ),
    ),
    st.builds(
        OrderCancelled,
        cancellation=st.builds(Cancellation, client_order_id=NAMES, sequence=WHOLE, time=WHOLE),
        ending=st.sampled_from(["cancelled", "rejected", "expired", "replaced", "absent"]),
    ),
)
ARRAY = st.lists(st.floats(0.1, 2.0), min_size=M, max_size=M).map(np.array)
EVENTS = st.lists(
    st.one_of(
        ABOUT_ORDERS,
        st.builds(
            BarClosed,
            sequence=WHOLE,
            time=WHOLE,
            skipped=WHOLE,
            values=ARRAY.map(lambda row: np.tile(row, (6, 1))),
        ),
        st.builds(
            DecisionTaken,
            sequence=WHOLE,
            time=WHOLE,
            score=ARRAY,
            approved=st.just(()),
            refused=st.just(()),
        ),
        st.builds(
            TradingOpened,
            time=WHOLE,
            broker=st.just("paper"),
            last_transaction=WHOLE,
            versions=st.just(()),
            prices=st.sampled_from(["", "real", "recorded"]),
            speed=st.sampled_from([1.0, 2.0]),
            history_time=st.just(np.arange(2)),
            history_values=ARRAY.map(lambda row: np.tile(row, (2, 6, 1))),
        ),
        st.builds(
            BreakerTripped,
            time=WHOLE,
            breaker=NAMES,
            measured=PRICE,
            limit=PRICE,
            action=st.just("BLOCK"),
            repeats=WHOLE,
        ),
        st.builds(BreakerReset, time=WHOLE, breaker=NAMES, by=st.just("ann"), reason=st.just("x")),
        st.builds(BreakersMoved, sequence=WHOLE, time=WHOLE, memory=ARRAY),
        st.builds(CashMoved, time=WHOLE, transaction=WHOLE, amount=PRICE),
        st.builds(CoordinatorAttached, time=WHOLE, epoch=WHOLE),
        st.builds(TransactionsBooked, time=WHOLE, last=WHOLE),
        st.builds(ModeChanged, time=WHOLE, mode=st.sampled_from([mode.value for mode in Mode])),
        st.builds(
            StageChanged,
            sequence=WHOLE,
            time=WHOLE,
            stage=st.sampled_from([stage.value for stage in CapitalStage]),
            evidence=st.just(()),
        ),
        st.builds(
            LimitOverridden, sequence=WHOLE, time=WHOLE, limit=NAMES, value=PRICE, until=WHOLE
        ),
        st.builds(RulesTakenUp, sequence=WHOLE, time=WHOLE, agents=st.just(())),
        st.builds(OverrideEnded, sequence=WHOLE, time=WHOLE, limit=NAMES),
        st.builds(TradingHalted, sequence=WHOLE, time=WHOLE),
        st.builds(MismatchFound, time=WHOLE),
        st.builds(
            BarSettled,
            sequence=WHOLE,
            time=WHOLE,
            equity=st.just(float("nan")) | PRICE,
            units=ARRAY,
            mid=ARRAY,
            spread=ARRAY,
            rate=ARRAY,
            financing=ARRAY,
        ),
        st.builds(
            ForecastMade,
            sequence=WHOLE,
            time=WHOLE,
            side=ARRAY,
            confidence=ARRAY,
            leader=st.just(np.arange(M)),
            probability=ARRAY,
        ),
        st.builds(
            CalibrationFitted,
            sequence=WHOLE,
            time=WHOLE,
            fitted=WHOLE,
            learned_until=WHOLE,
            probability=ARRAY,
            lower_bound=ARRAY,
            payoff_ratio=ARRAY,
            loss=ARRAY,
            calibrated=st.just(np.arange(M)),
            outcomes=st.just(np.arange(M)),
            effective=ARRAY,
            foretold=ARRAY,
        ),
        st.builds(AgentReweighted, time=WHOLE, agent=AGENTS, weight=PRICE),
        st.builds(AgentJoined, time=WHOLE, agent=AGENTS),
        st.builds(AgentLeft, time=WHOLE, agent=AGENTS),
        st.builds(
            AllocationApplied,
            sequence=WHOLE,
            time=WHOLE,
            requested=WHOLE,
            weights=ARRAY,
            multiplier=ARRAY,
            warm_starts=ARRAY,
            fallback=st.none(),
            repaired=st.none(),
        ),
    ),
    max_size=25,
)


def folded(state: DeskState, events: list[Event]) -> DeskState:
    for event in events:
        state.apply(event)
    return state


def same(one: DeskSnapshot, other: DeskSnapshot) -> bool:
    """Equal to the last bit, NaN included."""
    return encode_value(one) == encode_value(other)


@QUICK
@given(EVENTS, st.integers(0, 25))
def test_a_restart_from_a_snapshot_anywhere_ends_where_the_whole_fold_does(
    events: list[Event], cut: int
) -> None:
    whole = folded(DeskState(START, ROWS), events).snapshot()
    kept = encode_value(folded(DeskState(START, ROWS), events[:cut]).snapshot())
    again = DeskState.resume(decode_value(kept, DeskSnapshot), ROWS)
    assert same(folded(again, events[cut:]).snapshot(), whole)


def test_an_entry_of_several_events_is_not_folded_as_if_it_were_nothing() -> None:
    accepted = OrderAccepted(client_order_id="a", time=0, transaction=1)
    with pytest.raises(TypeError, match="OrdersAccepted is an entry"):
        DeskState(START, ROWS).apply(OrdersAccepted.of([accepted, accepted]))


@QUICK
@given(EVENTS)
def test_a_snapshot_shares_nothing_with_the_fold(events: list[Event]) -> None:
    state = folded(DeskState(START, ROWS), events)
    kept = state.snapshot()
    before = encode_value(kept)
    folded(state, [*events, BarClosed(sequence=1, time=1, values=np.ones((6, M)), skipped=0)])
    state.ledger.units[:] = 7.0
    assert encode_value(kept) == before


@QUICK
@given(EVENTS)
def test_every_fill_is_booked_whatever_was_thought_of_its_order(events: list[Event]) -> None:
    state = folded(DeskState(START, ROWS), events)
    for column, symbol in enumerate(START.symbols):
        fills = [event.fill for event in events if isinstance(event, OrderFilled)]
        assert state.ledger.units[column] == sum(
            fill.units for fill in fills if fill.symbol == symbol
        )


@QUICK
@given(EVENTS)
def test_the_newest_approvals_taken_and_epoch_survive(events: list[Event]) -> None:
    state = folded(DeskState(START, ROWS), events)
    intents = [
        event.order.sequence
        for event in events
        if isinstance(event, OrderIntended) and event.purpose != Purpose.SURPLUS
    ]
    assert state.used == max(intents, default=-1)
    epochs = [event.epoch for event in events if isinstance(event, CoordinatorAttached)]
    assert state.epoch == (epochs[-1] if epochs else 0)


def test_a_snapshot_has_every_field_that_the_fold_keeps() -> None:
    kept = {field.name for field in fields(DeskSnapshot)}
    folded_names = {name for name in vars(DeskState(START, ROWS)) if not name.startswith("_")}
    assert folded_names - {"symbols", "window", "ledger"} <= kept
