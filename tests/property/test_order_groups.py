"""Of a group one order fills: whatever else did, only what the winner filled is held at the end."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from market.desk_state import DeskState
from market.events import OrderFilled, OrderIntended
from market.order_groups import enlarging
from market.order_life import Purpose
from tests.live_gateways import ROWS, started
from tests.property.test_order_life import SYMBOL, fill, order

START = started()
QUICK = settings(max_examples=150, deadline=None)
NAMES = ("a", "b", "c")
SIZE = 1_000.0
PARTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from([100.0, 200.0, 400.0])), max_size=8
)
HELD = st.sampled_from([0.0, 300.0, 1_000.0, -300.0, -1_000.0])


def grouped(side: float) -> DeskState:
    state = DeskState(START, ROWS)
    for name in NAMES:
        state.apply(OrderIntended(order=order(name, side * SIZE), group="g"))
    return state


@QUICK
@given(st.sampled_from([1.0, -1.0]), PARTS, st.data())
def test_once_the_surplus_is_given_back_only_what_the_winner_filled_is_held(
    side: float, parts: list[tuple[str, float]], data: st.DataObject
) -> None:
    state, returns, won = grouped(side), 0, 0.0
    winner = parts[0][0] if parts else ""
    for number, (name, size) in enumerate(parts):
        state.apply(OrderFilled(fill=fill(name, side * size)))
        won += side * size if name == winner else 0.0
        last = number == len(parts) - 1
        if last or data.draw(st.booleans()):
            returns += give_back(
                state, returns, 1.0 if last else data.draw(st.sampled_from([1, 0.5]))
            )
    group = state.groups["g"]
    assert group.winner == winner
    assert group.surplus == 0.0
    assert state.ledger.units[0] == won
    assert group.collided == any(name != winner for name, _ in parts)


def give_back(state: DeskState, number: int, part: float) -> int:
    """One order more that gives a part of the surplus back, where there is any."""
    surplus = state.groups["g"].surplus
    if not surplus:
        return 0
    name = f"x{number}"
    state.apply(
        OrderIntended(order=order(name, -surplus), group="g", purpose=Purpose.SURPLUS.value)
    )
    state.apply(OrderFilled(fill=fill(name, -surplus * part)))
    return 1


@QUICK
@given(PARTS, st.lists(st.sampled_from([-500.0, -1_000.0, 700.0]), min_size=1, max_size=3))
def test_a_surplus_is_never_larger_than_what_is_held(
    parts: list[tuple[str, float]], others: list[float]
) -> None:
    state = grouped(1.0)
    for name, size in parts:
        state.apply(OrderFilled(fill=fill(name, size)))
    for units in others:
        state.apply(OrderFilled(fill=fill("a", units, "STOP_LOSS")))
        surplus, held = state.groups["g"].surplus, float(state.ledger.units[0])
        assert surplus == 0.0 or (surplus * held > 0.0 and abs(surplus) <= abs(held))


@QUICK
@given(HELD, st.sampled_from([-2_000.0, -500.0, 500.0, 2_000.0]))
def test_what_enlarges_a_position_is_what_it_is_larger_by_on_its_side(
    before: float, units: float
) -> None:
    after, found = before + units, enlarging(units, before)
    if after * units > 0.0:
        assert found == after - (before if before * units > 0.0 else 0.0)
    else:
        assert found == 0.0


def test_a_group_is_of_one_instrument_and_fills_of_others_leave_it_alone() -> None:
    state = grouped(1.0)
    state.apply(OrderFilled(fill=fill("z", 500.0)))
    assert (state.groups["g"].winner, state.groups["g"].symbol) == ("", SYMBOL)


def test_giving_back_what_filled_twice_takes_no_decision_s_approvals() -> None:
    state = grouped(1.0)
    taken = state.used
    back = replace(order("x", -SIZE), sequence=taken + 1)
    state.apply(OrderIntended(order=back, group="g", purpose=Purpose.SURPLUS))
    assert state.used == taken
