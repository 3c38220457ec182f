"""One cancels the other: of a group one order fills, over restarts and against races."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from market.accounts import OrderState, TransactionKind
from market.events import OrderCancelled, OrderIntended
from market.live_events import ModeChanged
from market.modes import Mode
from market.orders import Entry, EntryKind, TimeInForce
from tests.dispatching import Bench, bench, euros, leg, order_id
from tests.exchanges import START

LIMIT = Entry(kind=EntryKind.LIMIT, price=0.9, time_in_force=TimeInForce.GTC)
STOP = Entry(kind=EntryKind.STOP, price=1.1, time_in_force=TimeInForce.GTC)
A, B, C = (order_id(name) for name in "abc")
BACK = order_id("x0g")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with grouped(tmp_path) as made:
        yield made


@contextmanager
def grouped(folder: Path) -> Iterator[Bench]:
    """Three orders of one group wait, each for 1,000 euros."""
    made = bench(folder)
    legs = [
        leg(name, 1_000.0, entry=entry, group="g")
        for name, entry in (("a", LIMIT), ("b", STOP), ("c", LIMIT))
    ]
    made.send(euros(1_000.0), legs=tuple(legs))
    yield made
    made.books.close()


def test_nothing_is_cancelled_while_none_has_filled(desk: Bench) -> None:
    assert not desk.dispatch.groups_unfinished
    assert desk.keep() == ()
    assert desk.broker.cancelled == []


def test_a_part_that_one_fills_cancels_the_others_and_leaves_it_its_rest(desk: Bench) -> None:
    desk.fill(B, 100.0)
    assert desk.dispatch.groups_unfinished
    assert desk.keep() == ()
    assert desk.broker.cancelled == [A, C]
    for name in (A, C):
        desk.tell(TransactionKind.CANCELLED, name, reason="CLIENT_REQUEST")
    assert not desk.dispatch.groups_unfinished
    desk.fill(B, 900.0)
    assert desk.keep() == ()
    assert desk.held == 1_000.0


def test_others_that_could_not_be_cancelled_are_tried_again(desk: Bench) -> None:
    desk.broker.silent = True
    desk.fill(A)
    desk.keep()
    desk.keep()
    assert desk.broker.cancelled == [B, C, B, C]


def test_an_unknown_one_of_the_group_is_looked_up_before_it_is_cancelled(tmp_path: Path) -> None:
    desk = bench(tmp_path)
    desk.broker.answers = {B: OrderState.UNKNOWN}
    desk.send(euros(1_000.0), legs=(leg("a", 1_000.0, group="g"), leg("b", 1_000.0, group="g")))
    desk.fill(A)
    desk.keep()
    assert desk.broker.cancelled == []
    desk.tell(TransactionKind.ACCEPTED, B)
    desk.keep()
    assert desk.broker.cancelled == [B]
    desk.books.close()


def test_of_two_that_fill_at_once_the_surplus_is_given_back_and_a_person_is_told(
    desk: Bench,
) -> None:
    desk.fill(A)
    desk.fill(B, 300.0)
    (said,) = desk.keep()
    assert "two orders of group" in said
    assert "-300 are sent to give the surplus back" in said
    assert desk.broker.orders[BACK].units == -300.0
    assert desk.keep() == (), "it is said once, and sent once"
    desk.fill(BACK)
    for name in (B, C):
        desk.tell(TransactionKind.CANCELLED, name, reason="CLIENT_REQUEST")
    assert not desk.dispatch.groups_unfinished
    assert desk.held == 1_000.0


def test_a_fill_after_its_order_was_cancelled_is_surplus_too(desk: Bench) -> None:
    desk.fill(A)
    for name in (B, C):
        desk.tell(TransactionKind.CANCELLED, name, reason="CLIENT_REQUEST")
    desk.fill(B)
    desk.keep()
    assert desk.broker.orders[BACK].units == -1_000.0


def test_two_exits_that_both_fill_do_not_leave_the_opposite_position(tmp_path: Path) -> None:
    desk = bench(tmp_path)
    desk.send(euros(1_000.0))
    desk.fill(order_id("m"))
    exits = (leg("t", -1_000.0, group="g"), leg("s", -1_000.0, group="g"))
    desk.send(euros(-1_000.0), sequence=1, legs=exits)
    desk.fill(order_id("t", 1))
    desk.fill(order_id("s", 1))
    assert desk.held == -1_000.0
    desk.keep()
    desk.fill(order_id("x0g", 1))
    assert desk.held == 0.0
    desk.books.close()


def test_a_surplus_that_a_stop_has_closed_is_not_given_back(desk: Bench) -> None:
    desk.fill(A)
    desk.fill(B)
    desk.fill(A, -2_000.0, "STOP_LOSS")
    (said,) = desk.keep()
    assert "nothing more is held by it" in said
    assert BACK not in desk.broker.orders


def test_a_surplus_that_a_stop_has_closed_unheard_opens_no_opposite_position(desk: Bench) -> None:
    desk.fill(A)
    desk.fill(B)
    desk.broker.held["EUR_USD"] = 0.0
    desk.keep()
    assert BACK not in desk.broker.orders
    (ended,) = desk.events(OrderCancelled)
    assert ended.cancellation.client_order_id == BACK
    assert ended.cancellation.reason == "NO_POSITION"
    assert BACK not in desk.books.state.orders


def test_what_a_stop_left_of_a_surplus_is_all_that_is_given_back(desk: Bench) -> None:
    desk.fill(A)
    desk.fill(B)
    desk.broker.held["EUR_USD"] = 600.0
    desk.keep()
    assert desk.broker.orders[BACK].units == -600.0


def test_two_that_filled_without_a_surplus_are_told_also_after_a_crash(desk: Bench) -> None:
    desk.fill(A)
    desk.tell(TransactionKind.CANCELLED, C, reason="CLIENT_REQUEST")
    desk.fill(B)
    desk.fill(A, -2_000.0, "STOP_LOSS")
    desk.restart()
    assert desk.dispatch.groups_unfinished
    (said,) = desk.keep()
    assert "nothing more is held by it" in said
    assert not desk.dispatch.groups_unfinished
    assert desk.keep() == ()


def test_what_was_to_be_given_back_is_not_sent_twice_while_nobody_knows(desk: Bench) -> None:
    desk.broker.answers = {BACK: OrderState.UNKNOWN}
    desk.fill(A)
    desk.fill(B)
    desk.keep()
    desk.seconds[0] = 100.0
    desk.keep()
    assert [name for name in desk.broker.orders if "-x" in name] == [BACK]


def test_a_broker_that_refuses_to_take_it_back_is_asked_again_but_not_at_once(desk: Bench) -> None:
    desk.broker.answers = {BACK: OrderState.REJECTED}
    desk.fill(A)
    desk.fill(B)
    desk.keep()
    desk.tell(TransactionKind.REJECTED, BACK, reason="MARKET_HALTED")
    desk.keep()
    assert order_id("x1g") not in desk.broker.orders
    desk.seconds[0] = 1.0
    desk.keep()
    assert desk.broker.orders[order_id("x1g")].units == -1_000.0


def test_a_desk_that_is_being_flattened_gives_nothing_back_on_its_own(desk: Bench) -> None:
    desk.fill(A)
    desk.fill(B)
    desk.books.record(
        ModeChanged(time=START, mode=Mode.FLATTENING.value, by="a test", reason="the alarm rang")
    )
    desk.keep()
    assert BACK not in desk.broker.orders


def test_after_a_restart_the_others_are_cancelled_and_the_surplus_given_back_once(
    desk: Bench,
) -> None:
    desk.fill(A)
    desk.restart()
    desk.keep()
    assert desk.broker.cancelled == [B, C]
    desk.fill(B)
    desk.restart()
    (said,) = desk.keep()
    assert "give the surplus back" in said
    desk.restart()
    assert desk.keep() == ()
    desk.fill(BACK)
    desk.restart()
    assert desk.keep() == ()
    assert desk.held == 1_000.0
    assert [name for name in desk.broker.orders if "-x" in name] == [BACK]
    intents = [one.order.client_order_id for one in desk.events(OrderIntended)]
    assert len(intents) == len({*intents})
