"""The paper broker where something is missing: prices, rates, margin, bars; computed by hand."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coordinator.in_process import run_in_process
from coordinator.results.record import load_record
from coordinator.results.trades import round_trips
from infra.brokers.paper.broker import PaperBroker
from market.bar_window import BarSlice
from market.errors import InvalidError
from market.events import OrderCancelled, OrderFilled, OrderIntended, SessionEnded
from market.instruments import fx_pair
from market.messages import Settlement
from market.orders import Bracket, OrderRequest
from tests.journals import JournalBuilder
from tests.paper import THURSDAY_NOON_NS, Market
from tests.runs import events_of, plan_with

NAN = float("nan")


def reasons(settlement: Settlement) -> list[str]:
    return [cancellation.reason for cancellation in settlement.cancellations]


def in_close_out() -> Market:
    """Long 25,000 of each at 1.10 and 1.50 on 2,500 dollars: margin 65,000 × 3.33%."""
    market = Market("EUR_USD", "GBP_USD", cash=2_500.0)
    market.bar(1.10, 1.50)
    market.order("EUR_USD", 25_000)
    market.order("GBP_USD", 25_000)
    market.bar(1.10, 1.50)
    return market


def test_a_close_out_leaves_open_what_has_no_price_and_closes_it_at_its_next_one() -> None:
    market = in_close_out()
    # EUR_USD loses 25,000 × 0.07 = 1,750: equity 750 against half of a margin of 2,106.
    first = market.bar(1.03, NAN)
    assert [(fill.symbol, fill.reason, fill.price) for fill in first.fills] == [
        ("EUR_USD", "MARGIN_CLOSEOUT", 1.03)
    ]
    assert list(first.units) == [0.0, 25_000.0]
    assert first.cash == pytest.approx(750.0)
    # GBP_USD loses 25,000 × 0.01 = 250: equity 500 against half of 1,240, still too little.
    second = market.bar(1.03, 1.49)
    assert [(fill.symbol, fill.reason, fill.price) for fill in second.fills] == [
        ("GBP_USD", "MARGIN_CLOSEOUT", 1.49)
    ]
    assert second.cash == second.equity == pytest.approx(500.0)


def test_what_a_close_out_had_to_leave_stays_when_equity_covers_it_again() -> None:
    market = in_close_out()
    market.bar(1.03, NAN)
    # 750 + 25,000 × 0.01 = 1,000 against half of 1,257.
    recovered = market.bar(1.03, 1.51)
    assert recovered.fills == ()
    assert recovered.equity == pytest.approx(1_000.0)


def test_an_order_that_adds_risk_does_not_fill_on_the_last_bars_conversion_rate() -> None:
    market = Market("EUR_GBP", "GBP_USD")
    market.bar(0.85, 1.25)
    market.order("EUR_GBP", 10_000)
    silent = market.bar(0.85, NAN)
    assert (silent.fills, reasons(silent)) == ((), ["NO_RATE"])
    market.order("EUR_GBP", 10_000)
    assert market.bar(0.85, 1.25).fills[0].rate == 1.25
    market.order("EUR_GBP", 5_000)
    added = market.bar(0.85, NAN)
    assert (added.fills, reasons(added)) == ((), ["NO_RATE"])
    assert added.units[0] == 10_000


def test_an_order_that_reduces_fills_at_the_last_known_rate() -> None:
    market = Market("EUR_GBP", "GBP_USD")
    market.bar(0.85, 1.25)
    market.order("EUR_GBP", 10_000)
    market.bar(0.85, 1.25)
    market.order("EUR_GBP", -4_000)
    reduced = market.bar(0.86, NAN)
    # 4,000 × 0.01 GBP × 1.25
    assert reduced.fills[0].realised == pytest.approx(50.0)
    assert reasons(reduced) == []


def test_an_exit_triggers_without_a_conversion_rate_of_its_bar() -> None:
    market = Market("EUR_GBP", "GBP_USD")
    market.bar(0.85, 1.25)
    market.order("EUR_GBP", 10_000, stop=0.01)
    market.bar(0.85, 1.25)
    stopped = market.bar((0.85, 0.85, 0.83, 0.83), NAN)
    assert [fill.reason for fill in stopped.fills] == ["STOP_LOSS"]
    assert stopped.cash == pytest.approx(100_000 - 10_000 * 0.01 * 1.25)


def test_a_rate_never_seen_refuses_too() -> None:
    market = Market("EUR_GBP", "GBP_USD")
    market.bar(0.85, NAN)
    market.order("EUR_GBP", 10_000)
    assert reasons(market.bar(0.85, NAN)) == ["NO_RATE"]


def test_a_pair_that_converts_itself_needs_no_price_but_its_own() -> None:
    market = Market("USD_JPY", "GBP_USD")
    market.bar(150.0, 1.25)
    market.order("USD_JPY", 10_000)
    assert market.bar(150.0, NAN).fills[0].rate == 1.0 / 150.0


def test_a_reversal_without_a_rate_closes_and_cancels_the_rest() -> None:
    market = Market("EUR_GBP", "GBP_USD")
    market.bar(0.85, 1.25)
    market.order("EUR_GBP", 10_000, stop=0.05)
    market.bar(0.85, 1.25)
    market.order("EUR_GBP", -25_000, stop=0.01)
    closed = market.bar(0.86, NAN)
    assert [(fill.client_order_id, fill.units) for fill in closed.fills] == [
        ("t-2-EUR_GBP", -10_000)
    ]
    assert [(gone.client_order_id, gone.reason) for gone in closed.cancellations] == [
        ("t-2-EUR_GBP", "NO_RATE")
    ]
    assert closed.cash == closed.equity == pytest.approx(100_000 + 10_000 * 0.01 * 1.25)
    assert closed.units[0] == 0.0
    assert math.isnan(closed.stop_price[0])


def test_a_reversal_beyond_the_margin_closes_cancels_the_rest_and_clears_the_exits() -> None:
    market = Market("EUR_USD", cash=1_000.0)
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.05, take_profit=0.10, trailing=0.08)
    market.bar(1.10)
    # Short 40,000 needs 44,400 × 3.33% = 1,479 of 1,100.
    market.order("EUR_USD", -50_000, stop=0.01, take_profit=0.02)
    closed = market.bar(1.11)
    assert [(fill.units, fill.reason) for fill in closed.fills] == [(-10_000, "DECISION")]
    assert closed.fills[0].realised == pytest.approx(100.0)
    assert reasons(closed) == ["INSUFFICIENT_MARGIN"]
    assert closed.units[0] == 0.0
    assert math.isnan(closed.stop_price[0])
    assert closed.cash == closed.equity == pytest.approx(1_100.0)
    assert market.broker.working() == ()
    later = market.bar((1.11, 1.30, 0.90, 1.10))
    assert later.fills == (), "no exit of the old or the new position is left"


def test_a_reversal_outside_its_bounds_is_cancelled_whole() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000)
    market.bar(1.10)
    market.order("EUR_USD", -20_000, bounds=(1.09, 1.11))
    settled = market.bar(1.12)
    assert (settled.fills, reasons(settled)) == ((), ["PRICE_BOUND"])
    assert settled.units[0] == 10_000


class Cents:
    """EUR_USD traded in hundredths of a unit."""

    def __init__(self) -> None:
        instrument = replace(fx_pair("EUR", "USD", spread_pips=0.0), unit_increment=0.01)
        self.broker = PaperBroker([instrument], account_currency="USD", cash=1e6, slippage=0.0)
        self.sequence = 0

    def trade(self, units: float) -> float:
        """Order and fill; the units then held."""
        self.broker.place(
            OrderRequest(
                client_order_id=str(self.sequence),
                sequence=self.sequence,
                symbol="EUR_USD",
                units=units,
                bracket=Bracket(stop=NAN, take_profit=NAN, trailing=None),
                lowest_price=0.0,
                highest_price=math.inf,
                reference_price=1.1,
            )
        )
        values = np.array([[1.1], [1.1], [1.1], [1.1], [0.0], [NAN]])
        bar = BarSlice(time=THURSDAY_NOON_NS + self.sequence, values=values)
        self.sequence += 1
        return float(self.broker.settle(self.sequence, bar).units[0])


@pytest.mark.parametrize("target", [98_995.92, 98_989.52])
def test_the_difference_of_two_positions_in_cents_is_a_multiple_of_a_cent(target: float) -> None:
    market = Cents()
    market.trade(98_989.51)
    difference = target - 98_989.51
    assert difference != round(difference, 2), "the case has the rounding that it is about"
    assert market.trade(difference) == pytest.approx(target, abs=1e-9)


@pytest.mark.parametrize("units", [0.005, 6.415, -0.0101])
def test_half_a_cent_is_still_refused_beside_a_large_position(units: float) -> None:
    market = Cents()
    market.trade(98_989.51)
    with pytest.raises(InvalidError, match="units must be a multiple"):
        market.trade(units)


def test_the_trades_sum_to_the_gain_of_equity_while_a_position_is_open(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, half_spread=0.001) as desk:
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": 10_000.0})
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": -30_000.0})
        desk.bar({"EUR_USD": 1.12}, financing={"EUR_USD": -3.0})
        desk.bar({"EUR_USD": 1.11}, financing={"EUR_USD": -5.0})
    record = load_record(path)
    trades = round_trips(record)
    # Long 1.101 to 1.119: 180, less 3. Short 20,000 from 1.119, closing at the ask 1.111: 160.
    assert list(trades["realised"]) == pytest.approx([180.0, 0.0])
    assert list(trades["unrealised"]) == pytest.approx([0.0, 160.0])
    assert list(trades["pnl"]) == pytest.approx([177.0, 155.0])
    assert trades["pnl"].sum() == pytest.approx(record.settled.equity[-1] - 100_000.0)
    assert record.settled.spread[-1, 0] == 0.002


def test_in_a_real_run_every_intent_ends_exactly_once(tmp_path: Path) -> None:
    run_in_process(plan_with(data={"end": "2000-12-31"}), tmp_path)
    events = events_of(tmp_path)
    intents = Counter(e.order.client_order_id for e in events if isinstance(e, OrderIntended))
    ends = Counter(
        e.fill.client_order_id
        for e in events
        if isinstance(e, OrderFilled) and e.fill.reason == "DECISION"
    )
    cancelled = [e.cancellation for e in events if isinstance(e, OrderCancelled)]
    ends.update(cancellation.client_order_id for cancellation in cancelled)
    assert intents
    assert set(intents.values()) == {1}
    assert ends == intents
    unfinished = {c.client_order_id for c in cancelled if c.reason == "SESSION_ENDED"}
    assert isinstance(events[-1], SessionEnded)
    on_last_bar = {
        e.order.client_order_id
        for e in events
        if isinstance(e, OrderIntended) and e.order.sequence == events[-1].sequence
    }
    assert unfinished == on_last_bar
