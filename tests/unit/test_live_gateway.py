"""The live gateway: the only door, and what it lets through."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.brokers.paper.live.faults import Fault, FaultPlan
from infra.deadlines import readable
from infra.journal.reader import read_events
from infra.live.account_watch import AccountWatch, Held
from market.accounts import AccountState, StreamUpdate, Transaction, TransactionKind
from market.errors import FatalError, Fenced, TransientError
from market.events import (
    AlertRaised,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
    TradingHalted,
)
from market.legs import Leg
from market.live_events import (
    BarClosed,
    CashMoved,
    MismatchFound,
    ModeChanged,
    OrderAccepted,
    OrderResolved,
    OrderUnknown,
    StageChanged,
    TransactionsBooked,
)
from market.modes import Mode
from market.quotes import Quote
from tests.exchanges import CASH, START, SYMBOLS, LocalBench, order
from tests.live import WITHIN_S
from tests.live_gateways import (
    GatewayDesk,
    approved,
    close_everything,
    crash,
    decided,
    gateway_desk,
    open_gateway,
    served_desk,
    signed,
)

EUR = SYMBOLS.index("EUR_USD")
NOTED = AlertRaised(sequence=0, time=START, source="coordinator", level="info", message="noted")


def test_an_approved_order_is_an_intent_then_accepted_then_filled_and_booked(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        assert desk.execute(approved("EUR_USD", 1_000.0)).sent == 1
        assert [order.client_order_id for order in desk.gateway.dispatch.open_orders] == [
            "live-test-0-EUR_USD-m"
        ]
        desk.market("EUR_USD", 1.20)
        names = [type(event).__name__ for event in desk.events(object)]
        intended, accepted, filled = (
            names.index(kind.__name__) for kind in (OrderIntended, OrderAccepted, OrderFilled)
        )
        assert intended < accepted < filled
        assert desk.state.ledger.units[EUR] == 1_000.0
        assert desk.state.orders == {}
        assert desk.gateway.compare() == ""


def test_an_instrument_that_the_broker_closed_cannot_be_traded_until_it_is_quoted_again(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        last = Quote(symbol="EUR_USD", time=desk.gateway.now, bid=1.2, ask=1.2)
        desk.gateway.take(StreamUpdate(time=last.time, quotes=(last,), closed=("EUR_USD",)))
        desk.gateway.equity()
        assert (desk.gateway.marks.mid[EUR], desk.gateway.marks.age[EUR]) == (1.2, math.inf)
        desk.market("EUR_USD", 1.30)
        desk.gateway.equity()
        assert (desk.gateway.marks.mid[EUR], desk.gateway.marks.age[EUR]) == (1.3, 0.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": b"another key"}, "the signature is not the guardian's"),
        ({"session": "another desk"}, "session another desk is not live-test"),
        ({"expires": START - 1}, "it expired"),
    ],
)
def test_an_approval_that_is_not_the_guardians_for_this_desk_and_time_is_not_sent(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        done = desk.execute(approved("EUR_USD", 1_000.0), **changes)
        assert done.sent == 0
        assert said in done.unsent[0][1]
        assert desk.events(OrderIntended) == []
        assert said in desk.events(AlertRaised)[0].message


def test_an_approval_counts_once_also_after_a_restart(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0), sequence=7)
        assert "taken before" in desk.execute(approved("EUR_USD", 1_000.0), sequence=7).unsent[0][1]
        crash(desk)
        again = open_gateway(desk.bench, tmp_path)
        assert again.execute(approved("EUR_USD", 1_000.0), sequence=7).sent == 0
        assert len(again.events(OrderIntended)) == 1


def test_a_coordinator_of_an_older_epoch_is_fenced(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        old = desk.epoch
        desk.epoch = desk.gateway.attach().epoch
        with pytest.raises(Fenced, match=f"epoch {old} was fenced: epoch {desk.epoch} trades"):
            desk.gateway.execute(decided(old, 0, signed(old, 0, [approved("EUR_USD", 1.0)])))
        stale = signed(old, 0, [approved("EUR_USD", 1.0)])
        done = desk.gateway.execute(decided(desk.epoch, 0, stale))
        assert f"epoch {old} is not {desk.epoch}" in done.unsent[0][1]
        assert desk.events(OrderIntended) == []


@pytest.mark.parametrize("fault", [Fault.SILENT_AFTER, Fault.DROP_AFTER])
def test_an_order_without_an_answer_is_looked_up_and_was_done(tmp_path: Path, fault: Fault) -> None:
    with served_desk(tmp_path, faults=FaultPlan(script=(fault,)), timeout_s=0.3) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        assert [order.symbol for order in desk.state.unsettled] == ["EUR_USD"]
        blocked = desk.execute(approved("EUR_USD", 5.0), sequence=1)
        assert "unknown; it is being looked up" in blocked.unsent[0][1]
        assert desk.gateway.dispatch.resolve(desk.gateway.now) == 0
        assert [event.found for event in desk.events(OrderResolved)] == ["accepted"]
        desk.market("EUR_USD", 1.20)
        assert desk.state.ledger.units[EUR] == 1_000.0
        assert len(desk.events(OrderUnknown)) == 1
        assert desk.gateway.compare() == ""


@pytest.mark.parametrize("fault", [Fault.SILENT_BEFORE, Fault.DROP_BEFORE])
def test_an_order_without_an_answer_that_never_arrived_is_not_sent_again(
    tmp_path: Path, fault: Fault
) -> None:
    with served_desk(tmp_path, faults=FaultPlan(script=(fault,)), timeout_s=0.3) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        assert desk.gateway.dispatch.resolve(desk.gateway.now) == 0
        assert [event.found for event in desk.events(OrderResolved)] == ["ABSENT"]
        (ended,) = desk.events(OrderCancelled)
        assert "the broker never had it" in ended.cancellation.reason
        desk.market("EUR_USD", 1.20)
        assert not desk.state.ledger.units.any()
        assert desk.execute(approved("EUR_USD", 5.0), sequence=1).sent == 1


def test_an_intent_whose_sending_nobody_saw_is_resolved_before_a_restarted_desk_trades(
    tmp_path: Path,
) -> None:
    with served_desk(tmp_path, faults=FaultPlan(script=(Fault.DROP_AFTER,))) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        awaited = desk.gateway.awaited
        assert awaited is None or readable([awaited], time.monotonic() + WITHIN_S)  # it is done
        crash(desk)
        desk.bench.market("EUR_USD", 1.20)
        again = open_gateway(desk.bench, tmp_path)
        assert again.state.orders == {}
        assert again.state.ledger.units[EUR] == 1_000.0
        assert len(again.events(OrderFilled)) == 1
        assert again.epoch == desk.epoch + 1


def test_fills_and_stops_of_the_time_without_a_gateway_are_booked_once(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        crash(desk)
        desk.bench.market("EUR_USD", 1.20)
        desk.bench.market("EUR_USD", 0.60)  # through the stop
        again = open_gateway(desk.bench, tmp_path)
        assert [event.fill.reason for event in again.events(OrderFilled)] == [
            "DECISION",
            "STOP_LOSS",
        ]
        assert not again.state.ledger.units.any()
        last = again.events(TransactionsBooked)[-1].last
        assert last == desk.bench.exchange.last_transaction
        again.gateway.catch_up()
        assert len(again.events(OrderFilled)) == 2


def test_a_coordinator_that_took_its_place_fences_older_ones_beyond_the_gateways_death(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        crash(desk)
        assert open_gateway(desk.bench, tmp_path).epoch == desk.epoch + 1


def test_a_halt_of_the_guardian_outlives_the_gateway(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        halted = TradingHalted(sequence=0, time=START, halt="DRAWDOWN", limit=0.1, measured=0.2)
        desk.gateway.execute(replace(decided(desk.epoch, 0, None), records=(halted,)))
        crash(desk)
        assert open_gateway(desk.bench, tmp_path).events(TradingHalted) == [halted]


def test_an_intent_that_was_never_sent_is_looked_up_before_a_desk_is_opened_again(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        unsent = order("live-unsent", 1_000.0)
        desk.gateway.books.record(OrderIntended(order=unsent))
        desk.gateway.books.durable()
        crash(desk)
        again = open_gateway(desk.bench, tmp_path)
        assert again.state.orders == {}
        assert [one.found for one in again.events(OrderResolved)] == ["ABSENT"]
        assert desk.bench.broker.working() == ()


class Changed:
    """A broker of which some answers are others. The changes: by method, of what was answered."""

    def __init__(self, broker: Any, **changes: Callable[..., Any]) -> None:
        self._broker = broker
        self._changes = changes

    def __getattr__(self, name: str) -> Any:
        method, change = getattr(self._broker, name), self._changes.get(name)
        return method if change is None else lambda *asked: change(method, *asked)


def test_books_are_compared_with_the_account_whenever_a_desk_is_opened(tmp_path: Path) -> None:
    def another(account: Callable[[], AccountState]) -> AccountState:
        return replace(account(), units=np.ones(len(SYMBOLS)))

    with gateway_desk(tmp_path) as desk:
        crash(desk)
        again = open_gateway(desk.bench, tmp_path, Changed(desk.bench.broker, account=another))
        assert again.state.mode is Mode.HALTED
        assert "here, 1.0 at the broker" in again.state.mode_reason


def test_an_order_that_closes_a_position_is_on_disk_before_it_is_sent(tmp_path: Path) -> None:
    seen: list[str] = []

    def closed(close: Callable[[str, str], Any], symbol: str, name: str) -> Any:
        events = read_events(tmp_path / "journal.sqlite")
        seen.extend(
            event.order.client_order_id
            for event in events
            if isinstance(event, OrderIntended) and event.order.client_order_id == name
        )
        return close(symbol, name)

    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.10)
        crash(desk)
        again = open_gateway(desk.bench, tmp_path, Changed(desk.bench.broker, close=closed))
        again.gateway.change_mode(Mode.FLATTENING, "a test", "the alarm rang")
        close_everything(again.gateway)
        (working,) = desk.bench.broker.working()
        assert seen == [working.client_order_id]


class Unreadable:
    """A broker whose record of transactions cannot be had."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        raise TransientError(f"transactions after {after} were not answered")


def test_a_desk_that_is_taken_up_opens_nothing_until_its_books_are_proved(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        crash(desk)
        desk.bench.market("EUR_USD", 1.10, 0.0)  # it fills, and nobody hears of it
        again = open_gateway(desk.bench, tmp_path, Unreadable(desk.bench.broker))
        assert again.state.mode is Mode.TRADING
        told = again.execute(approved("GBP_USD", 1_000.0), sequence=1)
        assert told.sent == 0
        assert "the broker's transactions go to" in dict(told.unsent)["GBP_USD"]
        assert again.gateway.compare() == "", "the stream has brought what was missing"
        assert again.execute(approved("GBP_USD", 1_000.0), sequence=2).sent == 1


def test_books_that_differ_from_the_broker_halt_new_risk_and_say_what_differs(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.state.ledger.units[EUR] += 10.0
        assert desk.gateway.compare()
        (found,) = desk.events(MismatchFound)
        assert (found.what, found.desk, found.broker) == ("units of EUR_USD", 10.0, 0.0)
        assert desk.state.mode is Mode.HALTED
        assert desk.events(ModeChanged)[-1].by == "reconciliation"
        assert desk.execute(approved("GBP_USD", 1.0)).sent == 0


def test_a_halted_desk_lets_pass_what_reduces_and_nothing_else(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.10)
        desk.gateway.change_mode(Mode.HALTED, "a test", "to see")
        done = desk.execute(approved("EUR_USD", -400.0), approved("GBP_USD", 10.0), sequence=1)
        assert (done.sent, done.unsent[0][0]) == (1, "GBP_USD")
        assert "HALTED: to see" in done.unsent[0][1]
        desk.market("EUR_USD", 1.10)
        for units in (-2_000.0, 5.0):
            assert desk.execute(approved("EUR_USD", units), sequence=int(2_000 + units)).sent == 0
        assert desk.state.ledger.units[EUR] == 600.0


@pytest.mark.parametrize("units", [-400.0, -1_000.0])
def test_what_reduces_opens_nothing_where_a_stop_has_filled_and_was_not_heard(
    tmp_path: Path, units: float
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.10)
        desk.gateway.change_mode(Mode.HALTED, "a test", "to see")
        desk.bench.market("EUR_USD", 0.55, 0.0)  # through the stop
        assert desk.state.ledger.units[EUR] == 1_000.0, "nobody has heard of it"
        assert desk.execute(approved("EUR_USD", units), sequence=1).sent == 1
        assert desk.state.orders == {}
        desk.market("EUR_USD", 0.55)
        assert desk.bench.broker.account().units[EUR] == 0.0
        assert desk.state.ledger.units[EUR] == 0.0
        (ended,) = desk.events(OrderCancelled)
        assert ended.cancellation.reason == "NO_POSITION"


def test_an_order_that_reduces_more_than_a_stop_has_left_ends_flat(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.10)
        desk.gateway.change_mode(Mode.HALTED, "a test", "to see")
        desk.bench.broker.reduce("EUR_USD", 700.0, "live-test-unheard")
        desk.bench.market("EUR_USD", 1.10, 0.0)
        assert desk.execute(approved("EUR_USD", -1_000.0), sequence=1).sent == 1
        desk.market("EUR_USD", 1.10)
        assert desk.bench.broker.account().units[EUR] == 0.0
        assert desk.state.ledger.units[EUR] == 0.0
        assert desk.state.orders == {}
        assert desk.gateway.compare() == ""


def test_flattening_closes_everything_without_coordinator_or_guardian(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        for symbol, price in (("EUR_USD", 1.10), ("GBP_USD", 1.50)):
            desk.market(symbol, price)
        desk.execute(approved("EUR_USD", 1_000.0), approved("GBP_USD", -500.0))
        desk.market("EUR_USD", 1.10)
        desk.gateway.change_mode(Mode.FLATTENING, "a test", "the alarm rang")
        close_everything(desk.gateway)  # GBP_USD still waits and is cancelled, EUR_USD is closed
        for _ in range(2):
            for symbol, price in (("EUR_USD", 1.10), ("GBP_USD", 1.50)):
                desk.market(symbol, price)
            if desk.state.mode is Mode.FLATTENING:
                close_everything(desk.gateway)
        assert not desk.state.ledger.units.any()
        assert desk.state.orders == {}
        assert desk.state.mode is Mode.HALTED
        assert desk.state.mode_reason == "flat; the alarm rang"
        crash(desk)
        assert open_gateway(desk.bench, tmp_path).state.mode is Mode.HALTED


def test_bars_close_on_the_market_clock_and_the_newest_is_given_once(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        assert desk.gateway.bar_ready() is None
        desk.market("EUR_USD", 1.20, seconds=60)
        desk.market("EUR_USD", 1.30, seconds=60)
        ready = desk.gateway.bar_ready()
        assert ready is not None
        assert ready.sequence == 1
        assert [bar.values[3, EUR] for bar in ready.missed] == [1.10]
        assert ready.bar.values[3, EUR] == 1.20
        assert desk.gateway.bar_ready() is None
        assert [event.sequence for event in desk.events(BarClosed)] == [0, 1]


def test_a_fill_is_on_disk_before_a_bar_is_given_to_be_decided_on(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.20, seconds=60)
        desk.market("EUR_USD", 1.20, seconds=60)
        assert desk.gateway.bar_ready() is not None
        assert not desk.gateway.books.owing
        on_disk = [one for one in read_events(desk.journal) if isinstance(one, OrderFilled)]
        assert [one.fill.units for one in on_disk] == [1_000.0]


def test_a_fill_that_a_crash_took_from_the_books_is_booked_once_when_they_are_taken_up(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.20)
        assert desk.gateway.books.owing
        assert desk.state.ledger.units[EUR] == 1_000.0
        crash(desk)
        again = open_gateway(desk.bench, tmp_path)
        assert again.state.ledger.units[EUR] == 1_000.0
        assert again.state.orders == {}
        assert len(again.events(OrderFilled)) == 1
        assert again.gateway.compare() == ""


def test_a_bar_that_closed_before_the_last_orders_were_sent_is_not_decided_on(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.market("EUR_USD", 1.20, seconds=60)
        assert desk.gateway.bar_ready() is not None
        desk.market("GBP_USD", 1.50, seconds=60)  # closes a bar while the first is being decided on
        desk.execute(approved("EUR_USD", 1_000.0))
        assert desk.gateway.bar_ready() is None
        desk.market("EUR_USD", 1.30, seconds=60)
        ready = desk.gateway.bar_ready()
        assert ready is not None
        assert len(ready.missed) == 1
        assert ready.settlement.units[EUR] == 1_000.0


def test_an_order_whose_position_moved_while_it_was_decided_on_is_not_sent(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0), sequence=0)
        desk.market("EUR_USD", 1.10)
        for _ in range(2):
            desk.market("EUR_USD", 1.20, seconds=60)
        ready = desk.gateway.bar_ready()
        assert ready is not None
        desk.market("EUR_USD", 0.60)  # its stop, while the committee decides to reverse
        done = desk.execute(
            approved("EUR_USD", -2_000.0), approved("GBP_USD", 10.0), sequence=ready.sequence
        )
        assert (done.sent, done.unsent[0][0]) == (1, "EUR_USD")
        assert "the position moved from 1000 to 0" in done.unsent[0][1]
        assert "EUR_USD was not sent" in desk.events(AlertRaised)[-1].message


def test_an_order_beside_another_that_was_sent_while_it_was_decided_on_is_not_sent(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("GBP_USD", 1.50)
        desk.market("GBP_USD", 1.50, seconds=60)
        ready = desk.gateway.bar_ready()
        assert ready is not None
        assert desk.execute(approved("GBP_USD", 10.0), sequence=ready.sequence).sent == 1
        done = desk.execute(
            approved("GBP_USD", 10.0), approved("EUR_USD", 10.0), sequence=ready.sequence + 1
        )
        assert done.sent == 1
        why = "the orders that work in this instrument changed while it was decided on"
        assert done.unsent == (("GBP_USD", why),)


def test_an_account_that_somebody_else_traded_is_not_taken_over(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.10)
        other = tmp_path / "another"
        other.mkdir()
        with pytest.raises(
            FatalError, match="holds positions or working orders that this desk did not open"
        ):
            open_gateway(desk.bench, other)


def test_what_a_halt_keeps_from_being_sent_is_told_once(
    tmp_path: Path,
) -> None:
    def told(desk: GatewayDesk) -> int:
        return sum("EUR_USD was not sent" in one.message for one in desk.events(AlertRaised))

    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.gateway.change_mode(Mode.HALTED, "ann", "lunch")
        for sequence in range(3):
            assert desk.execute(approved("EUR_USD", 1_000.0), sequence=sequence).unsent
        assert told(desk) == 1
        desk.gateway.change_mode(Mode.TRADING, "ann", "back")
        desk.gateway.change_mode(Mode.HALTED, "ann", "lunch")
        assert desk.execute(approved("EUR_USD", 1_000.0), sequence=4).unsent
        assert told(desk) == 2


FORGED = (
    ModeChanged(time=START, mode="TRADING", by="ann", reason="forged"),
    StageChanged(sequence=0, time=START, stage="paper", by="ann", reason="forged", evidence=()),
    CashMoved(time=START, transaction=99, symbol="", amount=1e6, reason="transfer"),
    OrderAccepted(client_order_id="live-test-0-EUR_USD-m", time=START, transaction=1),
)


@pytest.mark.parametrize("record", FORGED, ids=lambda record: type(record).__name__)
def test_a_committee_records_nothing_but_how_it_decided(tmp_path: Path, record: Event) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.gateway.change_mode(Mode.HALTED, "ann", "news")
        before = desk.state.snapshot()
        approvals = signed(desk.epoch, 0, [approved("EUR_USD", 1_000.0)])
        done = desk.gateway.execute(
            replace(decided(desk.epoch, 0, approvals), records=(NOTED, record))
        )
        why = f"a committee records no {type(record).__name__}"
        assert (done.sent, done.unsent) == (0, (("EUR_USD", why),))
        after = desk.state
        assert (after.mode, after.staged, after.ledger.cash[0], after.orders) == (
            Mode.HALTED, before.staged, before.cash, {},
        )  # fmt: skip
        desk.gateway.books.durable()
    *_, alert = read_events(tmp_path / "journal.sqlite")
    assert isinstance(alert, AlertRaised)
    assert alert.message == f"decision 0 was not sent: {why}"


def test_approvals_that_were_refused_whole_are_taken_and_pass_at_no_later_time(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        once = decided(desk.epoch, 0, signed(desk.epoch, 0, [approved("EUR_USD", 1_000.0)]))
        desk.gateway.change_mode(Mode.HALTED, "ann", "news")
        assert desk.gateway.execute(once).sent == 0
        desk.gateway.change_mode(Mode.TRADING, "ann", "over")
        again = desk.gateway.execute(once)
        assert again.sent == 0
        assert "taken before" in again.unsent[0][1]


def test_flattening_reverses_nothing_where_a_stop_has_fired_that_is_not_booked_yet(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.10)
        desk.gateway.change_mode(Mode.FLATTENING, "a test", "the alarm rang")
        books_of_old = {"EUR_USD": 1_000.0}
        for_old = Held(units=books_of_old, transaction=desk.state.last_transaction)
        list(desk.gateway.dispatch.closing(desk.gateway.now, for_old))
        desk.bench.market("EUR_USD", 0.50)  # the stop and the closing order meet the same quote
        desk.gateway.catch_up()
        assert not desk.bench.broker.account().units.any()
        again = Held(units=books_of_old, transaction=desk.state.last_transaction)
        list(desk.gateway.dispatch.closing(desk.gateway.now, again))
        desk.bench.market("EUR_USD", 0.55)
        close_everything(desk.gateway)
        assert not desk.bench.broker.account().units.any()
        assert desk.state.mode is Mode.HALTED
        assert desk.gateway.compare() == ""


def test_a_step_of_closing_that_pauses_leaves_no_unsent_order_to_be_looked_up_and_denied(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        for symbol, price in (("EUR_USD", 1.10), ("GBP_USD", 1.50)):
            desk.market(symbol, price)
        desk.execute(approved("EUR_USD", 1_000.0), approved("GBP_USD", -500.0))
        for symbol, price in (("EUR_USD", 1.10), ("GBP_USD", 1.50)):
            desk.market(symbol, price)
        desk.gateway.change_mode(Mode.FLATTENING, "a test", "the alarm rang")
        step = desk.gateway.closing()
        while not desk.bench.broker.working():
            next(step)
        desk.gateway.dispatch.resolve(desk.gateway.now)
        list(step)
        assert {order.symbol for order in desk.bench.broker.working()} == {"EUR_USD", "GBP_USD"}
        assert desk.events(OrderResolved) == []
        for symbol, price in (("EUR_USD", 1.10), ("GBP_USD", 1.50)):
            desk.market(symbol, price)
        close_everything(desk.gateway)
        assert not desk.bench.broker.account().units.any()
        assert desk.state.mode is Mode.HALTED
        assert desk.gateway.compare() == ""


def test_after_a_restart_a_position_without_a_new_price_is_no_loss(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.10)
        desk.market("EUR_USD", 1.20, seconds=60)
        desk.gateway.books.durable()
        crash(desk)
        again = open_gateway(desk.bench, tmp_path)
        again.market("GBP_USD", 1.50)
        marked = again.gateway.marked()
        assert marked is not None
        assert marked.equity == pytest.approx(CASH, rel=0.01)


def test_a_position_whose_price_nobody_knows_is_not_told_as_an_equity(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.10)
        desk.market("EUR_USD", 1.20, seconds=60)
        assert desk.gateway.marked() is not None
        column = SYMBOLS.index("USD_JPY")  # never quoted, and in no bar
        desk.state.ledger.units[column] = 100.0
        desk.market("EUR_USD", 1.21)
        assert desk.gateway.marked() is None


def test_what_somebody_else_does_on_the_account_is_booked_and_halts(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.bench.broker.place(order("another-desk-1", 500.0))
        desk.market("EUR_USD", 1.10)
        assert desk.state.ledger.units[EUR] == 500.0
        assert desk.state.mode is Mode.HALTED
        assert "somebody else trades this account" in desk.state.mode_reason


@pytest.mark.parametrize("amount", [-2_500.0, 0.0, 700.0])
def test_a_fill_in_an_instrument_that_the_desk_does_not_trade_moves_its_cash_and_halts(
    tmp_path: Path, amount: float
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        peak, last = desk.state.peak, desk.state.last_transaction
        theirs = Transaction(
            id=last + 1,
            time=desk.gateway.now,
            kind=TransactionKind.STRANGER,
            client_order_id="",
            symbol="XAU_USD",
            amount=amount,
        )
        desk.gateway.take(StreamUpdate(time=theirs.time, transactions=(theirs,)))
        assert desk.state.last_transaction == last + 1
        assert desk.state.ledger.cash[0] == CASH + amount
        assert desk.state.peak == peak, "what a stranger lost is a loss, and no withdrawal"
        assert desk.state.evidence.transferred == 0.0
        assert desk.state.mode is Mode.HALTED
        assert "somebody else trades this account" in desk.state.mode_reason
        assert "XAU_USD" in desk.state.mode_reason
        assert any("XAU_USD" in alert.message for alert in desk.events(AlertRaised))


def test_an_order_that_the_broker_does_not_know_of_any_more_halts(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        assert desk.gateway.compare() == ""
        accepted = desk.gateway.dispatch.open_orders[0]
        strange = replace(accepted, client_order_id="live-test-9-GBP_USD-m", symbol="GBP_USD")
        desk.gateway.books.record(
            OrderIntended(order=strange),
            OrderAccepted(client_order_id=strange.client_order_id, time=0, transaction=9),
        )
        assert "working orders in GBP_USD: 1000.0 here, 0.0 at the broker" in desk.gateway.compare()
        assert desk.state.mode is Mode.HALTED


def test_an_account_whose_transactions_end_before_the_books_halts(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.gateway.books.record(TransactionsBooked(time=desk.gateway.now, last=1_000))
        assert "it is another account, or has lost some" in desk.gateway.compare()
        assert desk.state.mode is Mode.HALTED


def test_of_two_orders_that_fill_at_one_quote_though_one_may_the_second_is_closed_and_told(
    tmp_path: Path,
) -> None:
    legs = tuple(Leg(symbol="EUR_USD", name=name, units=1_000.0, group="g") for name in ("a", "b"))
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        done = desk.execute(approved("EUR_USD", 1_000.0), legs=legs)
        assert (done.sent, done.unsent) == (2, ())
        desk.market("EUR_USD", 1.10)
        assert desk.state.ledger.units[EUR] == 2_000.0
        assert "give the surplus back" in desk.events(AlertRaised)[-1].message
        desk.market("EUR_USD", 1.10)
        assert desk.state.ledger.units[EUR] == 1_000.0
        assert desk.state.orders == {}
        assert desk.state.mode is Mode.TRADING
        assert desk.gateway.compare() == ""


def test_what_is_booked_says_which_transaction_of_the_broker_it_was(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        desk.execute(approved("EUR_USD", 1_000.0))
        desk.market("EUR_USD", 1.10)
        (filled,) = desk.events(OrderFilled)
        told = desk.bench.broker.transactions(0)[filled.transaction - 1]
        assert told.fill is not None
        assert told.fill.price == filled.fill.price


def test_stops_are_not_known_while_the_broker_cannot_be_asked(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path)
    broker = Unreachable(bench.broker)
    desk = open_gateway(bench, tmp_path, broker)
    desk.market("EUR_USD", 1.10)
    desk.execute(approved("EUR_USD", 1_000.0))
    desk.market("EUR_USD", 1.10)
    desk.market("EUR_USD", 1.20, seconds=60)
    ready = desk.gateway.bar_ready()
    assert ready is not None
    assert ready.settlement.stop_price[EUR] == pytest.approx(0.60)
    broker.answers = False
    assert desk.execute(approved("EUR_USD", 1_000.0), sequence=1).sent == 1
    desk.market("EUR_USD", 1.20)
    desk.market("EUR_USD", 1.20, seconds=60)
    ready = desk.gateway.bar_ready()
    assert ready is not None
    assert math.isnan(ready.settlement.stop_price[EUR])
    bench.close()


class Unreachable:
    """A broker whose account can be asked for while it answers."""

    answers = True

    def __init__(self, broker: Any) -> None:
        self._behind = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def account(self) -> AccountState:
        if not self.answers:
            raise TransientError("no answer")
        found: AccountState = self._behind.account()
        return found


class Lagging(Unreachable):
    """A broker of which one machine may answer with an older account."""

    lags = 0

    def account(self) -> AccountState:
        found = super().account()
        return replace(found, last_transaction=found.last_transaction - self.lags)


def test_an_account_that_ends_before_the_books_is_looked_at_again_before_it_is_distrusted(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10)
        broker, seconds = Lagging(desk.bench.broker), [0.0]
        watch = AccountWatch(
            broker,
            desk.gateway.books,
            desk.gateway.staging,
            desk.gateway,
            lambda *_, **__: None,
            lags_s=10.0,
            clock=lambda: seconds[0],
        )
        assert watch.compare() == ""
        for _ in range(2):  # a machine that has caught up meanwhile starts the wait anew
            broker.lags = 1
            assert "the books hold" in watch.compare()
            seconds[0] += 9.9
            assert "the books hold" in watch.compare()
            assert desk.state.mode is Mode.TRADING
            broker.lags = 0
            assert watch.compare() == ""
        broker.lags = 1
        watch.compare()
        seconds[0] += 10.0
        assert "it is another account, or has lost some" in watch.compare()
        assert desk.state.mode is Mode.HALTED
