"""The market of a v20 server closes, at weekends or on demand, and reopens away from its close."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from oandapyV20.endpoints.pricing import PricingInfo

from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan
from infra.deadlines import readable
from market.accounts import OrderState
from market.errors import InvalidError
from market.orders import Fill
from market.ports import BrokerStream
from tests.exchanges import START, SYMBOLS, TERMS, WITHIN_S, limit, order, quote
from tests.paper import HOUR_NS
from tests.v20_accounts import V20_TERMS
from tests.v20_accounts import V20Bench as AccountBench
from tests.v20_bench import V20Bench, v20_bench

EUR = SYMBOLS.index("EUR_USD")
SATURDAY, MONDAY = START + 48 * HOUR_NS, START + 96 * HOUR_NS
REOPENED = FaultPlan()
IN_HOURS = replace(V20_TERMS, hours="market")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[V20Bench]:
    with v20_bench(tmp_path) as made:
        yield made


def gap(share: float, *symbols: str) -> FaultPlan:
    return FaultPlan(faults=(Fault(kind=FaultKind.WEEKEND_GAP, share=share, symbols=symbols),))


def fills(bench: V20Bench) -> list[Fill]:
    return [one.fill for one in bench.broker.transactions(0) if one.fill is not None]


def open_now(bench: V20Bench) -> tuple[str, ...]:
    asked = PricingInfo(bench.connection.account, params={"instruments": ",".join(SYMBOLS)})
    told = {raw["instrument"]: raw["tradeable"] for raw in bench.connection.ask(asked)["prices"]}
    return tuple(symbol for symbol in SYMBOLS if told.get(symbol))


def requote(bench: V20Bench, mids: dict[str, float]) -> None:
    """These prices, minute by minute, until bars of them have closed."""
    for _ in range(2):
        for symbol, mid in mids.items():
            bench.market(symbol, mid, seconds=30)


def last_closes(bench: V20Bench) -> dict[str, float]:
    """Where each instrument stood in the newest bar that has a price of it."""
    bars = bench.broker.history(60, 20)
    closes = {}
    for symbol, column in zip(bars.symbols, bars.close.T, strict=True):
        closes[symbol] = float(column[np.isfinite(column)][-1])
    return closes


def told_closed(stream: BrokerStream, symbol: str) -> bool:
    """Whether a stream tells in time that an instrument is closed."""
    until = time.monotonic() + WITHIN_S
    while readable([stream], until):
        if symbol in stream.take().closed:
            return True
    return False


def test_a_stop_behind_a_gap_fills_at_the_reopened_price_and_a_limit_better_than_its_own(
    bench: V20Bench,
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.market("GBP_USD", 1.50)
    bench.broker.place(order("held", 1_000.0, stop=0.01))
    bench.broker.place(order("waits", 500.0, "GBP_USD", entry=limit(1.49)))
    bench.market("EUR_USD", 1.10)
    stream = bench.broker.subscribe(bench.broker.account().last_transaction)
    bench.server.inject(gap(-0.03))
    assert open_now(bench) == ()
    assert told_closed(stream, "EUR_USD")
    stream.close()
    bench.market("EUR_USD", 1.05)
    assert bench.broker.account().units[EUR] == 1_000.0
    assert bench.broker.account().equity == pytest.approx(TERMS.cash)
    refused = bench.broker.place(order("late", 10.0))
    assert (refused.state, refused.reason) == (OrderState.CANCELLED, "MARKET_HALTED")
    bench.server.inject(REOPENED)
    bench.market("EUR_USD", 1.10)
    bench.market("GBP_USD", 1.50)
    stopped, bought = fills(bench)[1:]
    assert (stopped.client_order_id, stopped.reason) == ("held", "STOP_LOSS")
    assert stopped.price == pytest.approx(1.10 * 0.97)
    assert stopped.realised == pytest.approx(-1_000.0 * 1.10 * 0.03)
    assert (bought.client_order_id, bought.price) == ("waits", pytest.approx(1.50 * 0.97))
    assert bench.broker.account().last_transaction == bench.broker.transactions(0)[-1].id


def test_a_gap_is_there_for_good_in_quotes_and_in_bars_and_crosses_still_agree(
    bench: V20Bench,
) -> None:
    mids = {"EUR_USD": 1.2, "GBP_USD": 1.5, "USD_JPY": 150.0, "EUR_GBP": 0.8}
    for symbol, mid in mids.items():
        bench.market(symbol, mid)
    bench.server.inject(gap(0.02))
    bench.server.inject(REOPENED)
    requote(bench, mids)
    expected = {"EUR_USD": 1.224, "GBP_USD": 1.53, "USD_JPY": 153.0, "EUR_GBP": 0.8}
    assert last_closes(bench) == pytest.approx(expected)


def test_a_gap_of_one_instrument_moves_what_its_currency_is_in_and_nothing_else(
    bench: V20Bench,
) -> None:
    bench.server.inject(gap(-0.02, "EUR_USD"))
    assert open_now(bench) == ()  # nothing was ever quoted
    mids = {"EUR_USD": 1.2, "GBP_USD": 1.5, "USD_JPY": 150.0, "EUR_GBP": 0.8}
    requote(bench, mids)
    assert open_now(bench) == ("GBP_USD", "USD_JPY")
    bench.server.inject(REOPENED)
    requote(bench, mids)
    expected = mids | {"EUR_USD": 1.176, "EUR_GBP": 0.784}
    assert last_closes(bench) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 2.0])
def test_a_gap_of_nothing_or_of_the_whole_price_is_refused(share: float) -> None:
    with pytest.raises(InvalidError, match="share"):
        gap(share)


def test_in_market_hours_a_weekend_closes_the_market_and_stops_fill_at_its_gap(
    tmp_path: Path,
) -> None:
    with v20_bench(tmp_path, hours="market") as bench:
        bench.market("EUR_USD", 1.10)
        bench.broker.place(order("held", 1_000.0, stop=0.01))
        bench.market("EUR_USD", 1.10)
        stream = bench.broker.subscribe(bench.broker.account().last_transaction)
        bench.put(quote("EUR_USD", SATURDAY, 1.00))
        assert open_now(bench) == ()
        assert told_closed(stream, "EUR_USD")
        stream.close()
        assert bench.broker.account().units[EUR] == 1_000.0
        assert bench.broker.account().equity == pytest.approx(TERMS.cash)
        assert bench.broker.place(order("late", 10.0)).reason == "MARKET_HALTED"
        bench.put(quote("EUR_USD", MONDAY, 1.05))
        assert open_now(bench) == ("EUR_USD",)
        assert (fills(bench)[-1].reason, fills(bench)[-1].price) == ("STOP_LOSS", 1.05)


def test_what_is_taken_up_again_while_its_market_is_closed_trades_once_it_opens(
    tmp_path: Path,
) -> None:
    bench = AccountBench(tmp_path, IN_HOURS)
    bench.market("EUR_USD", 1.10)
    bench.account.set_tradeable("EUR_USD", False)
    bench.put(quote("EUR_USD", SATURDAY, 1.2))
    bench.account.set_tradeable("EUR_USD", True)
    assert bench.account.closed == set(SYMBOLS)
    bench.put(quote("EUR_USD", MONDAY, 1.2))
    assert bench.account.closed == set()
    bench.account.release()


def test_a_server_that_was_down_when_its_market_opened_opens_it(tmp_path: Path) -> None:
    bench = AccountBench(tmp_path, IN_HOURS)
    bench.put(quote("EUR_USD", SATURDAY, 1.2))
    assert bench.account.closed == set(SYMBOLS)
    bench.account.release()
    again = AccountBench(tmp_path, IN_HOURS)
    again.put(quote("EUR_USD", MONDAY, 1.2))
    assert again.account.closed == set()
    again.account.release()


def test_a_gap_outlives_the_server(tmp_path: Path) -> None:
    bench = AccountBench(tmp_path)
    bench.market("EUR_USD", 1.10)
    bench.account.open_away(("EUR_USD",), 0.1)
    bench.account.release()
    again = AccountBench(tmp_path)
    again.market("EUR_USD", 1.10)
    last = again.account.exchange.last_quote("EUR_USD")
    assert last is not None
    assert last.mid == pytest.approx(1.21)
    again.account.release()
