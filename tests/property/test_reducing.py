"""What may work on where nothing may be opened opens nothing, whatever of it fills."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.live.reducing import openings, reduces
from market.order_life import OpenOrder, OrderStage, Purpose
from tests.property.test_order_life import SYMBOL, order

QUICK = settings(max_examples=200, deadline=None)
UNITS = st.sampled_from([-1_500.0, -1_000.0, -600.0, -400.0, 400.0, 1_000.0])
HELD = st.sampled_from([-1_000.0, 0.0, 400.0, 1_000.0])
WORKING = st.lists(st.tuples(UNITS, st.sampled_from(["", "", "g", "h"])), max_size=5)


def entries(working: list[tuple[float, str]]) -> list[OpenOrder]:
    return [
        OpenOrder(order=order(f"o{place}", units), stage=OrderStage.ACCEPTED, group=group)
        for place, (units, group) in enumerate(working)
    ]


@QUICK
@given(WORKING, HELD)
def test_no_choice_of_what_is_left_makes_the_position_larger_or_reverses_it(
    working: list[tuple[float, str]], held: float
) -> None:
    orders = entries(working)
    cancelled = openings(orders, {SYMBOL: held})
    left = [one for one in orders if one.order.client_order_id not in cancelled]
    for filled in itertools.product([False, True], repeat=len(left)):
        chosen = [one for one, fills in zip(left, filled, strict=True) if fills]
        groups = [one.group for one in chosen if one.group]
        if len(groups) == len(set(groups)):
            after = held + sum(one.units for one in chosen)
            assert after * held >= 0.0
            assert abs(after) <= abs(held)


@QUICK
@given(UNITS, HELD)
def test_an_order_that_reduces_works_on_where_it_is_alone(units: float, held: float) -> None:
    (one,) = entries([(units, "")])
    assert (openings([one], {SYMBOL: held}) == ()) == reduces(one, held)


def test_two_orders_that_reduce_alone_and_reverse_together_do_not_both_work_on() -> None:
    orders = entries([(-600.0, ""), (-600.0, "")])
    assert openings(orders, {SYMBOL: 1_000.0}) == ("o1",)


def test_exits_of_which_one_fills_work_on_together() -> None:
    orders = entries([(-1_000.0, "g"), (-1_000.0, "g")])
    assert openings(orders, {SYMBOL: 1_000.0}) == ()


def test_what_the_broker_sizes_itself_works_on_and_leaves_nothing_for_others() -> None:
    waits, closes = entries([(-1_000.0, ""), (-1_500.0, "")])
    orders = [waits, replace(closes, purpose=Purpose.CLOSE)]
    assert openings(orders, {SYMBOL: 1_000.0}) == ("o0",)
