"""Approved orders with entries, groups and replacements: signed, covered, and only then sent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from market.accounts import OrderState, TransactionKind
from market.errors import ApprovalRejected, InvalidError, OutcomeUnknown
from market.events import OrderCancelled, OrderIntended
from market.legs import Leg
from market.live_events import ModeChanged
from market.modes import Mode
from market.order_life import OrderStage
from market.orders import Entry, EntryKind, TimeInForce
from tests.dispatching import Bench, bench, euros, leg, order_id, signed, told
from tests.exchanges import START

LIMIT = Entry(kind=EntryKind.LIMIT, price=0.9, time_in_force=TimeInForce.GTC)
A, B = order_id("a"), order_id("b")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    made = bench(tmp_path)
    yield made
    made.books.close()


def test_legs_become_orders_with_the_bracket_and_the_bounds_of_their_approval(desk: Bench) -> None:
    approval = euros(1_000.0)
    legs = (leg("a", 400.0, entry=LIMIT), leg("b", 600.0))
    assert desk.send(approval, legs=legs) == (2, ())
    assert [*desk.broker.orders] == [A, B]
    assert desk.broker.intents == [2, 2]
    first = desk.broker.orders[A]
    assert (first.units, first.entry) == (400.0, LIMIT)
    assert first.bracket == approval.bracket
    assert (first.lowest_price, first.highest_price) == (0.0, 1e9)
    assert desk.books.state.working[0] == 1_000.0


def test_of_legs_that_reduce_a_halted_desk_sends_those_at_the_market_alone(desk: Bench) -> None:
    desk.send(euros(1_000.0))
    desk.fill(order_id("m"))
    desk.books.record(ModeChanged(time=START, mode=Mode.HALTED.value, by="a test", reason="to see"))
    legs = (leg("a", -400.0, entry=LIMIT), leg("b", -500.0))
    sent, unsent = desk.send(euros(-1_000.0), sequence=1, legs=legs)
    assert (sent, [why for _, why in unsent]) == (
        1,
        ["leg a is more than an order at the market: only those pass now"],
    )
    assert desk.broker.orders[order_id("b", 1)].units == -500.0
    assert order_id("a", 1) not in desk.broker.orders


def test_legs_that_the_guardian_did_not_sign_are_not_sent(desk: Bench) -> None:
    whole = signed(0, (euros(1_000.0),), (leg("a", 400.0, entry=LIMIT),))
    for changed in (
        (leg("a", 500.0, entry=LIMIT),),
        (leg("a", 400.0),),
        (*whole.legs, leg("b", 600.0)),
        (),
    ):
        with pytest.raises(ApprovalRejected, match="the signature is not the guardian's"):
            desk.dispatch.send(replace(whole, legs=changed), START)
    assert desk.broker.orders == {}
    assert desk.events(OrderIntended) == []


@pytest.mark.parametrize(
    ("legs", "why"),
    [
        ((leg("a", 600.0), leg("b", 401.0)), "come to 1001"),
        ((leg("a", -100.0),), "on the side of 1000"),
        ((leg("a", math.nan),), "on the side of 1000"),
        ((leg("a", math.inf),), "on the side of 1000"),
        ((Leg(symbol="GBP_USD", name="a", units=1.0),), "nothing was approved in GBP_USD"),
        ((leg("a", 1.0), leg("a", 2.0)), "the same name"),
        ((leg("a", 1.0, replaces="o"), leg("b", 2.0, replaces="o")), "replace the same order"),
        ((leg("f1", 1.0),), "expected a name"),
        ((leg("x0", 1.0),), "expected a name"),
        ((leg("x1g", 1.0),), "expected a name"),
        ((leg("A-b", 1.0),), "expected a name"),
        ((leg("a", 1.0, group="g-1"),), "expected a group"),
        ((leg("a", 1.0, entry=replace(LIMIT, price=math.nan)),), "expected a price"),
        ((leg("a", 1.0, entry=replace(LIMIT, price=2e9)),), "expected a price"),
        ((leg("a", 1.0, entry=replace(LIMIT, kind=EntryKind.MARKET)),), "FOK or IOC"),
        ((leg("a", 1.0, entry=replace(LIMIT, time_in_force=TimeInForce.GTD)),), "time to come"),
        ((leg("a", 1.0, entry=replace(LIMIT, good_until=START + 1)),), "none without"),
        ((leg("a", 900.0, group="g"), leg("b", 800.0, group="g"), leg("c", 101.0)), "come to 1001"),
    ],
)
def test_signed_legs_beyond_their_approval_are_not_sent(
    desk: Bench, legs: tuple[Leg, ...], why: str
) -> None:
    with pytest.raises(ApprovalRejected, match=why):
        desk.send(euros(1_000.0), legs=legs)
    assert desk.broker.orders == {}
    assert desk.events(OrderIntended) == []


def test_the_legs_of_one_group_count_once(desk: Bench) -> None:
    legs = (leg("a", 1_000.0, group="g", entry=LIMIT), leg("b", 900.0, group="g"))
    assert desk.send(euros(1_000.0), legs=legs) == (2, ())
    groups = {one.order.client_order_id: one.group for one in desk.events(OrderIntended)}
    assert groups == {A: order_id("g"), B: order_id("g")}


# Replacing


@pytest.fixture
def waiting(desk: Bench) -> Bench:
    """A limit order of a group waits at the broker."""
    desk.send(euros(1_000.0), legs=(leg("a", 1_000.0, group="g", entry=LIMIT),))
    return desk


def replacing(desk: Bench, old: str = A) -> tuple[object, ...]:
    new = leg("b", 800.0, entry=replace(LIMIT, price=0.8), replaces=old)
    return desk.send(euros(1_000.0), sequence=1, legs=(new,))


NEW = order_id("b", 1)


def test_an_order_is_replaced_in_one_step_and_the_new_one_takes_its_place_in_the_group(
    waiting: Bench,
) -> None:
    assert replacing(waiting) == (1, ())
    assert waiting.broker.replaced == [(A, NEW)]
    waiting.tell(TransactionKind.REPLACED, A, reason=NEW)
    assert [*waiting.books.state.orders] == [NEW]
    (gone,) = waiting.events(OrderCancelled)
    assert (gone.ending, gone.cancellation.reason) == ("replaced", f"REPLACED: {NEW}")
    (group,) = waiting.books.state.groups.values()
    assert group.members == (A, NEW)


def test_an_order_that_had_filled_is_not_replaced_and_its_fill_is_told(waiting: Bench) -> None:
    waiting.broker.answers = {A: OrderState.FILLED}
    replacing(waiting)
    assert [*waiting.books.state.orders] == [A]
    assert (
        "to be replaced, had ended: filled" in waiting.events(OrderCancelled)[0].cancellation.reason
    )
    waiting.fill(A)
    assert waiting.books.state.orders == {}
    assert waiting.held == 1_000.0


def test_an_order_that_has_filled_more_than_was_heard_of_is_not_replaced(waiting: Bench) -> None:
    works = told(waiting.broker.orders[A], OrderState.PARTIALLY_FILLED)
    waiting.broker.found[A] = replace(works, filled=600.0)
    replacing(waiting)
    assert waiting.broker.replaced == []
    why = f"NOT_SENT: order {A}, to be replaced, has filled 600 that was not heard of"
    assert waiting.events(OrderCancelled)[0].cancellation.reason == why
    waiting.fill(A, 600.0)
    new = leg("c", 300.0, entry=LIMIT, replaces=A)
    assert waiting.send(euros(300.0), sequence=2, legs=(new,)) == (1, ())
    assert waiting.broker.replaced == [(A, order_id("c", 2))]


def test_a_replacement_without_an_answer_is_unknown_and_the_old_order_is_still_followed(
    waiting: Bench,
) -> None:
    waiting.broker.answers = {NEW: OutcomeUnknown("the line was dropped")}
    replacing(waiting)
    assert waiting.stage_of(NEW) == OrderStage.UNKNOWN
    assert waiting.stage_of(A) == OrderStage.ACCEPTED


def test_a_replacement_that_the_broker_refuses_leaves_the_old_order_working(waiting: Bench) -> None:
    waiting.broker.answers = {NEW: InvalidError("the price is off the increment")}
    replacing(waiting)
    assert [*waiting.books.state.orders] == [A]


def test_what_does_not_work_cannot_be_replaced_and_nothing_is_sent_in_its_stead(
    waiting: Bench,
) -> None:
    sent, unsent = replacing(waiting, order_id("z"))
    assert sent == 0
    assert unsent == (("EUR_USD", f"order {order_id('z')}, to be replaced, does not work there"),)
    assert waiting.broker.replaced == []


def test_what_is_left_of_a_winner_is_replaced_outside_its_group_and_keeps_what_it_fills(
    waiting: Bench,
) -> None:
    waiting.fill(A, 200.0)
    assert replacing(waiting) == (1, ())
    waiting.tell(TransactionKind.REPLACED, A, reason=NEW)
    waiting.fill(NEW)
    assert waiting.keep() == ()
    assert waiting.broker.cancelled == []
    assert waiting.held == 1_000.0


def test_an_order_is_not_replaced_once_another_of_its_group_has_filled(desk: Bench) -> None:
    legs = (leg("a", 1_000.0, group="g", entry=LIMIT), leg("b", 1_000.0, group="g", entry=LIMIT))
    desk.send(euros(1_000.0), legs=legs)
    desk.fill(B, 100.0)
    sent, unsent = replacing(desk)
    assert sent == 0
    assert "another of its group has filled" in str(unsent)
    assert desk.broker.replaced == []
