"""The life of an order: no message forgets a fill, opens what has ended, or leaves it open."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.live.booking import booked, newer
from market.accounts import OrderState, Transaction, TransactionKind
from market.desk_state import DeskState
from market.events import Event, OrderCancelled, OrderIntended
from market.live_events import OrderAccepted, OrderResolved, OrderUnknown
from market.order_life import OPEN, TABLE, OrderNews, OrderStage, Purpose
from market.orders import Bracket, Cancellation, Fill, OrderRequest
from tests.live_gateways import ROWS, started

START = started()
SYMBOL = START.symbols[0]
QUICK = settings(max_examples=150, deadline=None)
UNITS = st.sampled_from([1_000.0, -1_000.0, 0.3, -0.7])
ENDED = frozenset(OrderStage) - OPEN
FILLS = (OrderNews.FILL, OrderNews.LAST_FILL)


def order(name: str, units: float) -> OrderRequest:
    return OrderRequest(
        client_order_id=name, sequence=1, symbol=SYMBOL, units=units,
        bracket=Bracket(stop=0.1, take_profit=0.2, trailing=None), lowest_price=0.0,
        highest_price=9.0, reference_price=1.0,
    )  # fmt: skip


def fill(name: str, units: float, reason: str = "DECISION") -> Fill:
    return Fill(
        client_order_id=name, sequence=0, time=0, symbol=SYMBOL, units=units, price=1.0, mid=1.0,
        rate=1.0, reason=reason, realised=0.0, spread_cost=0.0, slippage_cost=0.0,
        slippage_bps=0.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An account's whole record, and the orders that it is about."""

    orders: tuple[OrderRequest, ...]
    transactions: tuple[Transaction, ...]


@st.composite
def records(draw: st.DrawFn) -> Told:
    """What a broker may have done with some orders: all of them ended, in any interleaving."""
    orders = [order(f"o{number}", draw(UNITS)) for number in range(draw(st.integers(1, 4)))]
    waiting: list[list[tuple[TransactionKind, str, float]]] = []
    for one in orders:
        name = one.client_order_id
        if draw(st.booleans()):
            waiting.append([(TransactionKind.REJECTED, name, 0.0)])
            continue
        parts = draw(st.lists(st.sampled_from([0.25, 0.5, 0.1]), max_size=3))
        parts = [part for n, part in enumerate(parts) if sum(parts[: n + 1]) < 1.0]
        end = draw(
            st.sampled_from(
                [
                    TransactionKind.CANCELLED,
                    TransactionKind.EXPIRED,
                    TransactionKind.REPLACED,
                    TransactionKind.FILLED,
                ]
            )
        )
        last = one.units - sum(part * one.units for part in parts)
        steps = [(TransactionKind.FILLED, name, part * one.units) for part in parts]
        late = draw(st.booleans()) and end is not TransactionKind.FILLED
        waiting.append(
            [
                (TransactionKind.ACCEPTED, name, 0.0),
                *steps,
                (end, name, last if end is TransactionKind.FILLED else 0.0),
                *([(TransactionKind.FILLED, name, last)] if late else []),
            ]
        )
    told: list[Transaction] = []
    while waiting:
        line = draw(st.sampled_from(waiting))
        kind, name, units = line.pop(0)
        if not line:
            waiting.remove(line)
        if draw(st.integers(0, 4)) == 0:
            told.append(
                Transaction(
                    id=len(told) + 1, time=0, kind=TransactionKind.NOTED, client_order_id="",
                    symbol="", reason="CLIENT_CONFIGURE",
                )
            )  # fmt: skip
        told.append(
            Transaction(
                id=len(told) + 1, time=0, kind=kind, client_order_id=name, symbol=SYMBOL,
                fill=fill(name, units) if kind is TransactionKind.FILLED else None,
            )
        )  # fmt: skip
    return Told(orders=tuple(orders), transactions=tuple(told))


def answers(name: str) -> st.SearchStrategy[Event]:
    """What a desk may note of an order besides the broker's transactions."""
    return st.one_of(
        st.just(OrderAccepted(client_order_id=name, time=0, transaction=1)),
        st.just(OrderUnknown(client_order_id=name, time=0, reason="")),
        st.sampled_from(
            [state.value for state in OrderState if state is not OrderState.UNKNOWN]
        ).map(lambda found: OrderResolved(client_order_id=name, time=0, found=found)),
    )


@QUICK
@given(records(), st.data())
def test_no_sequence_of_broker_messages_forgets_a_fill_or_leaves_an_order_open(
    told: Told, data: st.DataObject
) -> None:
    state = DeskState(START, ROWS)
    for one in told.orders:
        state.apply(OrderIntended(order=one))
    ended: set[str] = set()
    names = [one.client_order_id for one in told.orders]
    batches = data.draw(st.lists(st.lists(st.sampled_from(told.transactions)), max_size=5))
    for came in [*batches, told.transactions]:
        if data.draw(st.booleans()):
            state.apply(data.draw(st.sampled_from(names).flatmap(answers)))
        # Some of the transactions, old and new, in any order and several times.
        fresh = newer(came, state.last_transaction)
        if fresh is None:
            fresh = newer(told.transactions, state.last_transaction)
            assert fresh is not None
        for event in booked(fresh, state):
            state.apply(event)
            assert not ended & state.orders.keys()
            ended |= set(names) - state.orders.keys()
        done = told.transactions[: state.last_transaction]
        filled = sum(one.fill.units for one in done if one.fill is not None)
        assert state.ledger.units[0] == pytest.approx(filled, abs=1e-9)
    assert state.orders == {}
    assert not state.working.any()


@given(st.sampled_from(OrderStage), st.lists(st.sampled_from(OrderNews), max_size=12))
def test_no_news_opens_an_order_that_has_ended_or_takes_a_fill_back(
    stage: OrderStage, heard: list[OrderNews]
) -> None:
    for news in heard:
        after = TABLE[stage][news]
        if stage in ENDED:
            assert after in ENDED
        if stage is OrderStage.FILLED:
            assert after is OrderStage.FILLED
        if stage is OrderStage.PARTIALLY_FILLED:
            assert after is OrderStage.PARTIALLY_FILLED or after in ENDED
        if news is OrderNews.LAST_FILL:
            assert after is OrderStage.FILLED
        stage = after


def test_the_table_knows_every_piece_of_news_at_every_stage() -> None:
    assert TABLE.keys() == set(OrderStage)
    assert all(row.keys() == set(OrderNews) for row in TABLE.values())


@QUICK
@given(UNITS, st.lists(st.sampled_from([0.25, 0.5, 0.1]), max_size=4))
def test_what_works_is_what_remains(units: float, parts: list[float]) -> None:
    state = DeskState(START, ROWS)
    state.apply(OrderIntended(order=order("o", units)))
    filled = 0.0
    for part in parts:
        filled += part
        for event in booked((transaction(fill("o", part * units), state),), state):
            state.apply(event)
    left = max(1.0 - filled, 0.0) if abs(1.0 - filled) > 1e-9 else 0.0
    assert state.working[0] == pytest.approx(units * left, abs=1e-12)
    assert ("o" in state.orders) == (left > 0.0)
    if parts and left:
        assert state.orders["o"].stage is OrderStage.PARTIALLY_FILLED


def test_a_part_that_is_filled_and_then_cancelled_ends_cancelled_and_is_held() -> None:
    state = DeskState(START, ROWS)
    state.apply(OrderIntended(order=order("o", 1_000.0)))
    for event in booked((transaction(fill("o", 400.0), state),), state):
        state.apply(event)
    assert state.orders["o"].stage is OrderStage.PARTIALLY_FILLED
    state.apply(cancelled("o"))
    assert state.orders == {}
    assert state.ledger.units[0] == 400.0


def test_an_exit_of_what_an_order_opened_fills_nothing_of_the_order_itself() -> None:
    state = DeskState(START, ROWS)
    state.apply(OrderIntended(order=order("o", 1_000.0)))
    for one in (fill("o", 400.0), fill("o", -400.0, "STOP_LOSS")):
        for event in booked((transaction(one, state),), state):
            state.apply(event)
    assert state.working[0] == 600.0
    assert state.ledger.units[0] == 0.0


def test_an_order_that_closes_ends_once_nothing_is_held() -> None:
    state = DeskState(START, ROWS)
    state.apply(OrderIntended(order=order("o", 1_000.0)))
    for event in booked((transaction(fill("o", 1_000.0), state),), state):
        state.apply(event)
    state.apply(OrderIntended(order=order("c", -1_000.0), purpose=Purpose.CLOSE))
    for one in (fill("o", -700.0, "STOP_LOSS"), fill("c", -300.0)):
        for event in booked((transaction(one, state),), state):
            state.apply(event)
    assert state.orders == {}
    assert not state.working.any()


def test_a_second_intent_of_an_open_order_forgets_nothing_of_it() -> None:
    state = DeskState(START, ROWS)
    for _ in range(2):
        state.apply(OrderIntended(order=order("o", 1_000.0)))
        for event in booked((transaction(fill("o", 250.0), state),), state):
            state.apply(event)
    assert state.working[0] == 500.0


def transaction(one: Fill, state: DeskState) -> Transaction:
    return Transaction(
        id=state.last_transaction + 1,
        time=0,
        kind=TransactionKind.FILLED,
        client_order_id=one.client_order_id,
        symbol=one.symbol,
        fill=replace(one),
    )


def cancelled(name: str) -> OrderCancelled:
    return OrderCancelled(
        cancellation=Cancellation(
            client_order_id=name, sequence=0, time=0, symbol=SYMBOL, reason="CLIENT_REQUEST"
        )
    )
