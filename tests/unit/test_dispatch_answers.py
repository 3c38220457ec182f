"""What a broker answers to several orders, and what the books make of it at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from market.accounts import OrderState, TransactionKind
from market.errors import OutcomeUnknown
from market.events import OrderCancelled
from market.order_life import OrderStage
from tests.dispatching import Bench, bench, euros, order_id, signed, told
from tests.exchanges import START
from tests.live_gateways import SESSION, approved

M = order_id("m")
GBP = f"{SESSION}-0-GBP_USD-m"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    made = bench(tmp_path)
    yield made
    made.books.close()


def both(desk: Bench) -> None:
    desk.send(euros(1_000.0), approved("GBP_USD", 500.0))


def test_of_two_orders_the_unanswered_is_looked_up_and_the_one_never_sent_ends_at_once(
    desk: Bench,
) -> None:
    desk.broker.answers = {M: OrderState.UNKNOWN, GBP: OrderState.NOT_SENT}
    both(desk)
    assert desk.broker.intents == [2, 2], "both intents were durable before either was sent"
    assert desk.stage_of(M) == OrderStage.UNKNOWN
    assert [order.client_order_id for order in desk.books.state.unsettled] == [M]
    (gone,) = desk.events(OrderCancelled)
    assert (gone.cancellation.client_order_id, gone.ending) == (GBP, "absent")
    assert gone.cancellation.reason == "NOT_SENT: as a test wants it"


@pytest.mark.parametrize("state", [OrderState.REJECTED, OrderState.CANCELLED, OrderState.EXPIRED])
def test_an_end_of_which_no_transaction_will_tell_is_booked_from_the_answer(
    desk: Bench, state: OrderState
) -> None:
    desk.broker.answers, desk.broker.untold = {M: state}, True
    desk.send(euros(1_000.0))
    assert desk.books.state.orders == {}
    (gone,) = desk.events(OrderCancelled)
    assert (gone.ending, gone.transaction) == (state.value, 0)


def test_a_refusal_that_has_a_number_is_booked_once_and_by_its_transaction(desk: Bench) -> None:
    desk.broker.answers = {M: OrderState.REJECTED}
    desk.send(euros(1_000.0))
    assert desk.events(OrderCancelled) == []
    desk.tell(TransactionKind.REJECTED, M, reason="MARKET_HALTED")
    (gone,) = desk.events(OrderCancelled)
    assert (gone.cancellation.reason, gone.ending) == ("REJECTED: MARKET_HALTED", "rejected")
    assert gone.transaction == desk.books.state.last_transaction
    assert desk.books.state.orders == {}


def test_orders_that_were_not_answered_at_all_are_all_unknown(desk: Bench) -> None:
    desk.broker.answers = {M: OutcomeUnknown("the line was dropped")}
    both(desk)
    assert {desk.stage_of(M), desk.stage_of(GBP)} == {OrderStage.UNKNOWN}


def test_an_order_is_believed_absent_once_it_was_looked_for_long_enough(tmp_path: Path) -> None:
    desk = bench(tmp_path, absent_after_s=10.0)
    desk.broker.answers = {M: OrderState.UNKNOWN}
    desk.send(euros(1_000.0))
    for at, left in ((0.0, 1), (9.9, 1), (10.0, 0)):
        desk.seconds[0] = at
        assert desk.dispatch.resolve(START) == left
    assert desk.events(OrderCancelled)[0].ending == "absent"
    desk.books.close()


def test_an_order_that_is_found_after_all_is_not_absent_and_its_fill_is_told_by_its_transaction(
    tmp_path: Path,
) -> None:
    desk = bench(tmp_path, absent_after_s=10.0)
    desk.broker.answers = {M: OrderState.UNKNOWN}
    desk.send(euros(1_000.0))
    assert desk.dispatch.resolve(START) == 1
    desk.broker.found[M] = told(desk.broker.orders[M], OrderState.FILLED)
    desk.seconds[0] = 20.0
    assert desk.dispatch.resolve(START) == 0
    assert desk.stage_of(M) == OrderStage.ACCEPTED
    desk.fill(M)
    assert desk.books.state.orders == {}
    assert desk.held == 1_000.0
    desk.books.close()


def test_a_refusal_that_only_a_look_up_tells_of_ends_the_order(desk: Bench) -> None:
    desk.broker.answers = {M: OrderState.UNKNOWN}
    desk.send(euros(1_000.0))
    desk.broker.found[M] = told(desk.broker.orders[M], OrderState.REJECTED, transaction=0)
    assert desk.dispatch.resolve(START) == 0
    assert desk.books.state.orders == {}
    assert desk.events(OrderCancelled)[0].ending == "rejected"


def test_what_is_left_of_an_order_that_reduces_may_work_on_where_openings_are_cancelled(
    desk: Bench,
) -> None:
    desk.send(euros(1_000.0))
    desk.fill(M)
    desk.dispatch.send(signed(1, (euros(-1_000.0),)), START)
    desk.fill(order_id("m", 1), -400.0)
    desk.dispatch.cancel_openings()
    assert desk.broker.cancelled == []
    assert desk.books.state.working[0] == -600.0


def test_an_order_that_a_machine_that_lags_denies_is_not_ended_for_one_denial(
    tmp_path: Path,
) -> None:
    desk = bench(tmp_path, absent_after_s=10.0)
    desk.send(euros(1_000.0))
    for seconds, open_still in ((0.0, True), (9.0, True), (10.0, False)):
        desk.seconds[0] = seconds
        desk.dispatch.end_untold(START)
        assert (M in desk.books.state.orders) is open_still
    desk.books.close()


def test_an_order_that_ended_untold_is_ended_on_record_and_one_that_works_is_not(
    desk: Bench,
) -> None:
    desk.send(euros(1_000.0))
    works = told(desk.broker.orders[M], OrderState.ACCEPTED)
    desk.broker.found[M] = works
    desk.dispatch.end_untold(START)
    assert [*desk.books.state.orders] == [M]
    desk.broker.found[M] = told(desk.broker.orders[M], OrderState.CANCELLED)
    desk.dispatch.end_untold(START)
    assert desk.books.state.orders == {}
    (gone,) = desk.events(OrderCancelled)
    assert (
        "cancelled at the broker, whose transactions cannot be booked" in gone.cancellation.reason
    )
