"""How the paper exchange fills, and what it does not trade on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.brokers.paper.broker import PaperBroker
from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.history import panel_of
from infra.brokers.paper.live.quote_filter import QuoteFilter
from infra.brokers.paper.live.records import encode
from infra.brokers.paper.live.store import Changes, ExchangeStore
from infra.brokers.paper.rollovers import next_rollover, nights_between
from market.accounts import OrderState, TransactionKind
from market.bar_window import BarSlice
from market.bars import utc
from market.errors import FatalError, InvalidError
from market.quotes import Quote
from tests.exchange_accounts import end_of, fills
from tests.exchanges import CASH, SECOND, START, SYMBOLS, TERMS, LocalBench, order, quote
from tests.paper import HOUR_NS, FlatRates

EUR, GBP, JPY, CROSS = range(4)
NIGHT_NS = 12 * HOUR_NS


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LocalBench]:
    made = LocalBench(tmp_path)
    yield made
    made.close()


def test_the_opening_deposit_is_the_first_transaction(bench: LocalBench) -> None:
    (deposit,) = bench.exchange.transactions(0)
    assert (deposit.id, deposit.kind, deposit.amount) == (1, TransactionKind.TRANSFER, CASH)
    assert bench.exchange.account().equity == CASH


def test_a_run_of_quotes_fills_as_the_same_bars_would(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    terms = replace(TERMS, instruments=TERMS.instruments[:1], slippage=1e-4)
    bench = LocalBench(tmp_path, terms)
    broker = PaperBroker(
        terms.instruments, account_currency="USD", cash=CASH, slippage=terms.slippage
    )
    mid, expected = 1.10, []
    for step in range(400):
        mid *= math.exp(2e-3 * rng.standard_normal())
        one = quote("EUR_USD", START + (step + 1) * SECOND, mid, 2e-4 * rng.random())
        if rng.random() < 0.3:
            wish = order(
                f"o{step}",
                float(rng.integers(-400, 400) * 1_000 or 1.0),
                stop=0.004,
                take_profit=0.006,
                trailing=0.003 if step % 2 else None,
                bounds=(mid * 0.999, mid * 1.001),
            )
            broker.place(wish)
            bench.exchange.place(wish)
        bench.exchange.take((one,), one.time)
        values = np.full((6, 1), one.mid)
        values[4] = one.spread
        settled = broker.settle(0, BarSlice(time=one.time, values=values))
        expected += settled.fills
        account = bench.exchange.account()
        assert (account.cash, account.equity) == (settled.cash, settled.equity)
        assert account.margin_used == settled.margin_used
        np.testing.assert_array_equal(account.stop_price, settled.stop_price)
    told = fills(bench)
    assert list(map(encode, told)) == list(map(encode, expected))
    assert {fill.reason for fill in told} >= {"DECISION", "STOP_LOSS", "TRAILING_STOP"}
    assert "TAKE_PROFIT" in {fill.reason for fill in told}
    bench.close()


def test_orders_in_one_instrument_fill_in_the_order_of_their_acceptance(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place_all((order("a", 3.0), order("b", -5.0), order("c", 7.0)))
    bench.market("EUR_USD", 1.10)
    assert [(fill.client_order_id, fill.units) for fill in fills(bench)] == [
        ("a", 3.0), ("b", -5.0), ("c", 7.0)
    ]  # fmt: skip
    assert bench.exchange.account().units[EUR] == 5.0


def test_a_close_takes_what_is_held_when_it_fills_and_never_opens(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 5.0))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("b", 2.0))
    bench.exchange.close("EUR_USD", "c")
    bench.exchange.close("EUR_USD", "d")
    bench.market("EUR_USD", 1.10)
    assert bench.exchange.account().units[EUR] == 0.0
    assert fills(bench)[-1].units == -7.0
    assert end_of(bench, "d") == (OrderState.CANCELLED, "NO_POSITION")


def test_what_is_too_large_for_the_margin_is_cancelled(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 10_000_000.0))
    bench.market("EUR_USD", 1.10)
    assert end_of(bench, "a") == (OrderState.CANCELLED, "INSUFFICIENT_MARGIN")


def test_of_a_reversal_without_margin_the_closing_part_fills_and_the_rest_is_cancelled(
    bench: LocalBench,
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1_000.0))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("b", -10_000_000.0))
    bench.market("EUR_USD", 1.10)
    kinds = [t.kind for t in bench.exchange.transactions(0) if t.client_order_id == "b"]
    assert [kind.value for kind in kinds] == ["accepted", "filled", "cancelled"]
    assert bench.exchange.account().units[EUR] == 0.0
    assert end_of(bench, "b") == (OrderState.FILLED, "")


def test_margin_close_out_is_looked_at_on_every_quote(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 2_500_000.0))
    bench.market("EUR_USD", 1.10)
    bench.market("EUR_USD", 1.09)
    assert bench.exchange.account().units[EUR] == 2_500_000.0
    bench.market("EUR_USD", 1.07)
    assert bench.exchange.account().units[EUR] == 0.0
    assert (fills(bench)[-1].reason, fills(bench)[-1].client_order_id) == ("MARGIN_CLOSEOUT", "a")


def test_a_trailing_stop_follows_every_quote(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1_000.0, stop=0.02, trailing=0.01))
    for mid in (1.10, 1.15, 1.142):
        bench.market("EUR_USD", mid)
    assert bench.exchange.account().stop_price[EUR] == pytest.approx(1.14)
    bench.market("EUR_USD", 1.139)
    assert fills(bench)[-1].reason == "TRAILING_STOP"


def test_new_risk_needs_a_rate_that_converts_its_profit_and_is_not_too_old(
    bench: LocalBench,
) -> None:
    bench.exchange.place(order("a", 1_000.0, "EUR_GBP"))
    bench.market("EUR_GBP", 0.85)
    assert end_of(bench, "a") == (OrderState.CANCELLED, "NO_RATE")
    bench.market("GBP_USD", 1.30)
    bench.exchange.place(order("b", 1_000.0, "EUR_GBP"))
    bench.market("EUR_GBP", 0.85)
    assert fills(bench)[-1].rate == pytest.approx(1.30)
    bench.exchange.place(order("c", 1_000.0, "EUR_GBP"))
    bench.market("EUR_GBP", 0.85, seconds=400)
    assert end_of(bench, "c") == (OrderState.CANCELLED, "NO_RATE")
    bench.exchange.place(order("d", -1_000.0, "EUR_GBP"))
    bench.market("EUR_GBP", 0.86)
    assert end_of(bench, "d")[0] is OrderState.FILLED
    assert bench.exchange.account().units[CROSS] == 0.0


def test_converting_another_instrument_leaves_ones_own_position_alone(bench: LocalBench) -> None:
    bench.market("GBP_USD", 1.30)
    bench.exchange.place(order("g", 1_000.0, "GBP_USD", stop=0.01, take_profit=0.01))
    bench.market("GBP_USD", 1.30)
    before = bench.exchange.account()
    bench.exchange.place(order("x", 1_000.0, "EUR_GBP"))
    bench.market("EUR_GBP", 0.85)
    after = bench.exchange.account()
    assert (after.units[GBP], after.stop_price[GBP]) == (1_000.0, before.stop_price[GBP])
    assert [fill.symbol for fill in fills(bench)] == ["GBP_USD", "EUR_GBP"]


@pytest.mark.parametrize(
    "bracket",
    [{"stop": -0.1}, {"take_profit": 0.0}, {"trailing": 0.0}, {"trailing": math.inf}],
)
def test_a_bracket_that_protects_nothing_is_refused(
    bench: LocalBench, bracket: dict[str, float]
) -> None:
    with pytest.raises(InvalidError, match="bracket"):
        bench.exchange.place(order("a", 1.0, **bracket))  # type: ignore[arg-type]


def test_financing_is_charged_once_a_night_at_the_first_quote_after_it(tmp_path: Path) -> None:
    rates = FlatRates(annual={"EUR": 0.02, "USD": 0.05, "GBP": 0.04, "JPY": 0.0})
    bench = LocalBench(tmp_path, interest=rates)
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1_000.0))
    bench.market("EUR_USD", 1.10)
    bench.put(quote("GBP_USD", START + NIGHT_NS, 1.50), quote("EUR_USD", START + NIGHT_NS, 1.10))
    bench.market("EUR_USD", 1.10)
    charged = [t for t in bench.exchange.transactions(0) if t.kind is TransactionKind.FINANCING]
    assert [t.symbol for t in charged] == ["EUR_USD"]
    assert charged[0].amount == pytest.approx(1_000.0 * 1.10 * (0.02 - 0.05) / 365.0)
    assert bench.exchange.account().cash == CASH + charged[0].amount
    bench.close()


def test_financing_is_charged_once_however_many_orders_the_quote_fills(tmp_path: Path) -> None:
    rates = FlatRates(annual={"EUR": 0.02, "USD": 0.05, "GBP": 0.04, "JPY": 0.0})
    bench = LocalBench(tmp_path, interest=rates)
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1_000.0))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place_all((order("b", 10.0), order("c", 10.0)))
    bench.put(quote("EUR_USD", START + NIGHT_NS, 1.10))
    told = [t.kind.value for t in bench.exchange.transactions(0)][-3:]
    assert told == ["financing", "filled", "filled"]
    bench.close()


def test_a_night_that_passed_while_the_exchange_was_down_is_charged(tmp_path: Path) -> None:
    rates = FlatRates(annual={"EUR": 0.02, "USD": 0.05, "GBP": 0.04, "JPY": 0.0})
    bench = LocalBench(tmp_path, interest=rates)
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1_000.0))
    bench.market("EUR_USD", 1.10)
    bench.close()
    again = LocalBench(tmp_path, interest=rates)
    again.put(quote("EUR_USD", START + NIGHT_NS, 1.10))
    assert again.exchange.transactions(0)[-1].kind is TransactionKind.FINANCING
    again.close()


def test_what_quotes_alone_moved_is_durable_once_it_was_saved(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path)
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1_000.0, stop=0.02, trailing=0.01))
    for mid in (1.10, 1.15):
        bench.market("EUR_USD", mid)
    bench.exchange.save()
    account = bench.exchange.account()
    bench.market("EUR_USD", 1.16)
    bench.close()
    again = LocalBench(tmp_path)
    assert again.exchange.clock == START + 3 * SECOND
    np.testing.assert_array_equal(again.exchange.account().stop_price, account.stop_price)
    again.close()


def test_the_next_rollover_is_the_first_one_that_counts_as_a_night() -> None:
    rng = np.random.default_rng(1)
    for start in rng.integers(START, START + 400 * 24 * HOUR_NS, 50):
        time = int(start)
        rollover = next_rollover(time)
        assert nights_between(time, rollover - 1) == 0
        assert nights_between(time, rollover) == 1
        assert utc(rollover).minute == 0


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (quote("EUR_QQQ", START + SECOND, 1.1), "unknown instrument"),
        (quote("EUR_USD", START + SECOND, math.nan), "not a price"),
        (quote("EUR_USD", START + SECOND, math.inf), "not a price"),
        (quote("EUR_USD", START + SECOND, 0.0), "not a price"),
        (quote("EUR_USD", START + SECOND, -1.1), "not a price"),
        (Quote(symbol="EUR_USD", time=START + SECOND, bid=1e308, ask=1e308), "not a price"),
        (Quote(symbol="EUR_USD", time=START + SECOND, bid=1.1, ask=math.nan), "not a price"),
        (quote("EUR_USD", START + SECOND, 1.1, -0.01), "crossed"),
        (quote("EUR_USD", START, 1.1), "late"),
        (quote("EUR_USD", START + 9 * SECOND, 1.1), "early"),
    ],
)
def test_a_bad_quote_is_counted_and_never_traded_on(
    bench: LocalBench, bad: Quote, why: str
) -> None:
    bench.exchange.place(order("a", 1.0))
    assert bench.exchange.take((bad,), START + SECOND) == ()
    assert bench.exchange.dropped == {why: 1}
    assert bench.exchange.clock == START + SECOND
    assert end_of(bench, "a")[0] is OrderState.ACCEPTED


def test_among_quotes_that_come_together_time_runs_forward_and_none_counts_twice() -> None:
    quotes = QuoteFilter(SYMBOLS)
    one, other = quote("EUR_USD", START + 2, 1.1), quote("EUR_USD", START + 2, 1.2)
    back = quote("GBP_USD", START + 1, 1.5)
    sound = quotes.sound((one, one, other, back), START, START + 2)
    assert [found for _, found in sound] == [one, other]
    assert quotes.dropped == {"duplicate": 1, "late": 1}


def test_a_clock_that_steps_back_stands_still(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.take((), START - SECOND)
    assert bench.exchange.clock == START + SECOND


def test_a_new_account_knows_the_bars_before_its_opening(tmp_path: Path) -> None:
    rows = [BarSlice(time=START - k * 60 * SECOND, values=np.full((6, 4), 1.1)) for k in (2, 1, 0)]
    bench = LocalBench(tmp_path, history=panel_of(rows, SYMBOLS, 60))
    bench.market("EUR_USD", 1.2, seconds=30)
    bench.market("EUR_USD", 1.3, seconds=30)
    assert list(bench.exchange.history(60, 2).close[:, EUR]) == [1.1, pytest.approx(1.2)]
    assert len(bench.exchange.history(60, 100)) == 4
    with pytest.raises(InvalidError, match="60 s"):
        bench.exchange.history(30, 10)
    bench.close()


def test_a_store_serves_one_exchange_at_a_time_and_only_the_one_it_was_made_for(
    tmp_path: Path,
) -> None:
    bench = LocalBench(tmp_path)
    path = tmp_path / "exchange.sqlite"
    with pytest.raises(InvalidError, match="Another exchange may be running"):
        ExchangeStore(path)
    bench.close()
    store = ExchangeStore(path)
    with pytest.raises(InvalidError, match="another exchange"):
        PaperExchange(replace(TERMS, interval_s=30), store, time=START)
    store.close()
    (tmp_path / "text").write_text("this is no database, and long enough to be taken for one" * 9)
    with pytest.raises(InvalidError, match="cannot be opened"):
        ExchangeStore(tmp_path / "text")


def test_what_cannot_be_written_did_not_happen_and_nothing_happens_after_it(
    tmp_path: Path,
) -> None:
    bench = LocalBench(tmp_path)
    kept = bench.store.kept()
    assert kept is not None
    with pytest.raises(FatalError, match="goes on from its last commit"):
        bench.store.write(Changes(transactions=[(1, b"a second first one")]), kept)
    with pytest.raises(FatalError):
        bench.exchange.place(order("a", 1.0))
    bench.close()
    again = LocalBench(tmp_path)
    assert again.exchange.find("a") is None
    assert again.exchange.last_transaction == 1
    again.close()
