"""Orders that were sent and not answered yet: what waits for them, and what does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.live.account_watch import Held
from infra.live.broker_watch import BrokerHealth, WatchedBroker
from market.accounts import BrokerOrder, OrderState, TransactionKind
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.events import OrderCancelled, OrderIntended
from market.live_events import OrderAccepted, OrderUnknown
from market.order_life import OrderStage
from market.orders import Entry, EntryKind, TimeInForce
from tests.dispatching import Bench, bench, euros, leg, order_id, told
from tests.exchanges import START, SYMBOLS, limit, order
from tests.hand_clock import HandClock
from tests.live import coordinator_of, live_desk
from tests.live_gateways import SESSION, GatewayDesk, crash, open_gateway
from tests.live_gateways import approved as approved_by_hand
from tests.posting import PostingBroker, PostingFake, posting_bench

M = order_id("m")
NEXT = order_id("m", 1)
GBP = f"{SESSION}-0-GBP_USD-m"
SILENT = OutcomeUnknown("place_all was sent and not answered")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    made, _ = posting_bench(tmp_path)
    yield made
    made.books.close()


def broker_of(desk: Bench) -> PostingBroker:
    assert isinstance(desk.broker, PostingBroker)
    return desk.broker


def test_orders_leave_once_their_intents_are_durable_and_nobody_waits_for_the_answer(
    desk: Bench,
) -> None:
    assert desk.send(euros(1_000.0)) == (1, ())
    assert desk.broker.intents == [1], "the intent was durable before the order left"
    assert desk.stage_of(M) == OrderStage.INTENDED
    assert [one.client_order_id for one in desk.dispatch.under_way] == [M]
    assert not broker_of(desk).lots[0].waited


def test_an_answer_is_booked_once_it_is_there_and_never_waited_for_before(desk: Bench) -> None:
    desk.send(euros(1_000.0))
    desk.dispatch.hear()
    assert desk.stage_of(M) == OrderStage.INTENDED
    (lot,) = broker_of(desk).lots
    lot.come()
    desk.dispatch.hear()
    desk.dispatch.hear()
    assert desk.stage_of(M) == OrderStage.ACCEPTED
    assert len(desk.events(OrderAccepted)) == 1
    assert desk.dispatch.awaited is None
    assert not lot.waited


def test_the_next_orders_are_sent_once_those_before_are_heard_of(desk: Bench) -> None:
    desk.send(euros(1_000.0))
    desk.send(euros(500.0), sequence=1)
    assert desk.stage_of(M) == OrderStage.ACCEPTED
    assert [lot.waited for lot in broker_of(desk).lots] == [True, False]


def test_an_order_that_was_never_answered_bars_its_instrument_from_the_next_decision_on(
    desk: Bench,
) -> None:
    desk.broker.answers = {M: SILENT}
    desk.send(euros(1_000.0))
    sent, unsent = desk.send(euros(500.0), approved_by_hand("GBP_USD", 500.0), sequence=1)
    assert desk.stage_of(M) == OrderStage.UNKNOWN
    assert (sent, unsent) == (
        1,
        (("EUR_USD", "an order in this instrument is unknown; it is being looked up"),),
    )
    assert NEXT not in desk.broker.orders


@pytest.mark.parametrize("error", [TransientError("was not sent"), InvalidError("refused")])
def test_orders_that_never_left_end_with_their_answer(
    desk: Bench, error: TransientError | InvalidError
) -> None:
    desk.broker.answers = {M: error}
    desk.send(euros(1_000.0))
    desk.dispatch.settle()
    assert desk.books.state.orders == {}
    (gone,) = desk.events(OrderCancelled)
    assert gone.ending == "absent"


def test_what_must_be_durable_before_the_next_step_is_so_before_a_cancel(desk: Bench) -> None:
    desk.send(euros(1_000.0))
    desk.dispatch.settle()
    desk.books.owe()
    desk.dispatch.cancel_working()
    assert not desk.books.owing


def test_what_was_recorded_together_is_one_entry_and_read_one_by_one(desk: Bench) -> None:
    before = len(desk.books)
    desk.send(euros(1_000.0), approved_by_hand("GBP_USD", 500.0))
    desk.dispatch.settle()
    assert len(desk.books) == before + 2, "what was meant, and that the broker has it"
    assert [event.order.client_order_id for event in desk.events(OrderIntended)] == [M, GBP]
    assert [event.client_order_id for event in desk.events(OrderAccepted)] == [M, GBP]
    for name in (M, GBP):
        assert desk.stage_of(name) == OrderStage.ACCEPTED


def test_what_the_transactions_told_before_the_answer_is_booked_once(desk: Bench) -> None:
    desk.send(euros(1_000.0), approved_by_hand("GBP_USD", 500.0))
    desk.tell(TransactionKind.ACCEPTED, M)
    desk.tell(TransactionKind.ACCEPTED, GBP)
    desk.fill(M)
    desk.dispatch.settle()
    assert [one.client_order_id for one in desk.events(OrderAccepted)] == [M, GBP]
    assert list(desk.books.state.orders) == [GBP]
    assert desk.held == 1_000.0


def test_an_order_that_the_transactions_told_of_is_not_unknown_without_an_answer(
    desk: Bench,
) -> None:
    desk.broker.answers = {GBP: SILENT}
    desk.send(euros(1_000.0), approved_by_hand("GBP_USD", 500.0))
    desk.tell(TransactionKind.ACCEPTED, M)
    desk.dispatch.settle()
    assert [one.client_order_id for one in desk.events(OrderUnknown)] == [GBP]
    assert desk.stage_of(M) == OrderStage.ACCEPTED


def test_cancelling_what_works_cancels_what_is_under_way(desk: Bench) -> None:
    desk.send(euros(1_000.0))
    desk.dispatch.cancel_working()
    assert desk.broker.cancelled == [M]
    desk.send(euros(500.0), sequence=1)
    desk.dispatch.cancel_openings()
    assert NEXT in desk.broker.cancelled


def test_flattening_hears_first_of_what_is_under_way(desk: Bench) -> None:
    desk.send(euros(1_000.0))
    list(desk.dispatch.closing(START, Held(units={}, transaction=0)))
    assert desk.broker.cancelled == [M]


def test_what_is_under_way_is_not_looked_up_before_its_answer(desk: Bench) -> None:
    desk.send(euros(1_000.0))
    assert desk.dispatch.resolve(START) == 0, "the broker, asked for it, would know of none"
    assert desk.stage_of(M) == OrderStage.ACCEPTED


def test_an_order_takes_the_place_of_another_once_those_sent_before_are_heard_of(
    desk: Bench,
) -> None:
    desk.send(euros(1_000.0), legs=(leg("m", 1_000.0, entry=limit(1.0)),))
    new = leg("n", 500.0, entry=limit(1.0), replaces=M)
    desk.send(euros(500.0), approved_by_hand("GBP_USD", 500.0), sequence=1, legs=(new,))
    assert [lot.waited for lot in broker_of(desk).lots] == [True, True]
    assert desk.broker.replaced == [(M, order_id("n", 1))]
    assert desk.dispatch.awaited is None


def test_an_unknown_order_is_looked_up_though_others_are_under_way(desk: Bench) -> None:
    broker = broker_of(desk)
    broker.answers = {M: OrderState.UNKNOWN}
    desk.send(euros(1_000.0))
    broker.lots[0].come()
    desk.dispatch.hear()
    assert [one.client_order_id for one in desk.dispatch.unknown] == [M]
    desk.send(approved_by_hand("GBP_USD", 500.0), sequence=1)
    assert [one.symbol for one in desk.dispatch.under_way] == ["GBP_USD"]
    assert [one.client_order_id for one in desk.dispatch.unknown] == [M], "not the other one"
    broker.found[M] = told(broker.orders[M], OrderState.ACCEPTED)
    assert desk.dispatch.resolve(START) == 0
    assert desk.stage_of(M) == desk.stage_of(f"{SESSION}-1-GBP_USD-m") == OrderStage.ACCEPTED


def test_what_loses_in_a_group_is_heard_of_and_cancelled_when_another_fills(desk: Bench) -> None:
    wait = Entry(kind=EntryKind.LIMIT, price=0.9, time_in_force=TimeInForce.GTC)
    legs = tuple(leg(name, 1_000.0, entry=wait, group="g") for name in "ab")
    desk.send(euros(1_000.0), legs=legs)
    desk.fill(order_id("a"))
    assert desk.stage_of(order_id("b")) == OrderStage.INTENDED
    desk.keep()
    assert desk.broker.cancelled == [order_id("b")]


@pytest.mark.parametrize("came", [True, False])
def test_a_desk_that_died_with_orders_under_way_looks_them_up_and_sends_none_again(
    desk: Bench, came: bool
) -> None:
    desk.send(euros(1_000.0))
    if came:
        desk.broker.found[M] = told(desk.broker.orders[M], OrderState.ACCEPTED)
    desk.restart()
    assert desk.stage_of(M) == OrderStage.INTENDED
    assert desk.dispatch.resolve(START) == 0
    assert (M in desk.books.state.orders) is came
    assert desk.broker.intents == [1], "it was sent once"


def test_a_broker_that_must_be_waited_for_leaves_nothing_under_way(tmp_path: Path) -> None:
    waited = bench(tmp_path)
    waited.send(euros(1_000.0))
    assert waited.dispatch.awaited is None
    assert waited.stage_of(M) == OrderStage.ACCEPTED
    waited.books.close()


# The gateway and its loop


def posting_gateway(folder: Path) -> tuple[GatewayDesk, PostingFake]:
    broker = PostingFake()
    for symbol in SYMBOLS:
        broker.market(symbol, 1.1, 0.0)
    desk = open_gateway(Market(broker), folder, broker)
    desk.market("EUR_USD", 1.10)
    return desk, broker


class Market:
    """What a gateway's desk asks of its bench."""

    def __init__(self, broker: PostingFake) -> None:
        self.broker = broker

    def market(self, symbol: str, mid: float, spread: float, *, seconds: int = 1) -> None:
        self.broker.market(symbol, mid, spread, seconds=seconds)


def test_a_bar_closes_on_the_account_after_what_was_under_way(tmp_path: Path) -> None:
    desk, broker = posting_gateway(tmp_path)
    broker.refusing.add("GBP_USD")
    desk.execute(approved_by_hand("EUR_USD", 1_000.0), approved_by_hand("GBP_USD", 500.0))
    assert {one.stage for one in desk.state.orders.values()} == {OrderStage.INTENDED}
    desk.market("USD_JPY", 150.0, seconds=60)
    assert desk.gateway.awaited is None
    ready = desk.gateway.bar_ready()
    assert ready is not None
    assert ready.settlement.working.tolist() == desk.state.working.tolist()
    assert broker.lots[0].waited
    crash(desk)


def test_orders_that_leave_after_a_bar_has_closed_keep_it_from_being_decided_on(
    tmp_path: Path,
) -> None:
    desk, broker = posting_gateway(tmp_path)
    desk.market("USD_JPY", 150.0, seconds=60)
    desk.execute(approved_by_hand("EUR_USD", 1_000.0))
    assert not broker.lots[0].ready
    assert desk.gateway.bar_ready() is None, "its account knew of no order"
    crash(desk)


def test_a_comparison_with_the_broker_hears_first_of_what_is_under_way(tmp_path: Path) -> None:
    desk, _ = posting_gateway(tmp_path)
    desk.execute(approved_by_hand("EUR_USD", 1_000.0))
    assert desk.gateway.compare() == ""
    assert desk.gateway.awaited is None
    assert {one.stage for one in desk.state.orders.values()} == {OrderStage.ACCEPTED}
    crash(desk)


def test_an_order_under_way_is_not_unknown_to_the_breakers(tmp_path: Path) -> None:
    desk, broker = posting_gateway(tmp_path)
    broker.answering = False
    desk.execute(approved_by_hand("EUR_USD", 1_000.0))
    unsettled = desk.gateway.breakers._unknown_for
    assert (unsettled(10.0), unsettled(20.0)) == (0.0, 0.0)
    desk.gateway.dispatch.settle()
    assert (unsettled(20.0), unsettled(25.0)) == (0.0, 5.0)
    crash(desk)


def test_a_loop_books_an_answer_when_it_comes_and_hears_people_meanwhile(tmp_path: Path) -> None:
    broker = PostingFake()
    with live_desk(tmp_path, broker) as desk, coordinator_of(desk) as coordinator:
        desk.prices()
        assert coordinator.order({"EUR_USD": 1_000.0}).sent == 1
        assert len(desk.status()["open_orders"]) == 1
        assert desk.gateway.awaited is not None
        (lot,) = broker.lots
        lot.come()
        desk.until(lambda _: desk.gateway.awaited is None)
        assert not lot.waited


def test_a_desk_that_is_stopped_with_orders_under_way_hears_of_them_and_cancels_them(
    tmp_path: Path,
) -> None:
    broker = PostingFake()
    with live_desk(tmp_path, broker) as desk, coordinator_of(desk) as coordinator:
        desk.prices()
        coordinator.order({"EUR_USD": 1_000.0})
        desk.ask("stop", by="a person", reason="a test")
        desk.ended()
        assert [one.ending for one in desk.events(OrderCancelled)] == ["cancelled"]
        assert len(desk.events(OrderAccepted)) == 1


# How the broker is watched


def test_orders_that_are_not_waited_for_are_timed_until_their_answer_is_seen() -> None:
    wall, broker = HandClock(0.0), PostingFake()
    health = BrokerHealth(wall)
    under_way = WatchedBroker(broker, health).post_all([order("a", 1.0), order("b", 1.0)])
    assert not under_way.ready
    wall.now = 3.0
    broker.lots[0].come()
    assert under_way.ready
    wall.now = 60.0  # the gateway was busy elsewhere, which is no fault of the broker
    answers: tuple[BrokerOrder, ...] = under_way.answers()
    assert [one.client_order_id for one in answers] == ["a", "b"]
    assert health.latency() == 1.5


def test_orders_without_an_answer_are_a_failure_once_that_is_known() -> None:
    broker = PostingFake()
    broker.answering = False
    health = BrokerHealth(HandClock(0.0))
    under_way = WatchedBroker(broker, health).post_all([order("a", 1.0)])
    assert health.failures == 0
    with pytest.raises(OutcomeUnknown):
        under_way.answers()
    assert health.failures == 1
