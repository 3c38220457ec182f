"""Round trips and their profit and loss, computed by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.results.record import load_record
from coordinator.results.trades import round_trips
from tests.journals import JournalBuilder


def test_a_long_trade_earns_the_move_less_spread_and_slippage_on_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, half_spread=0.0001, slippage=0.00005) as desk:
        desk.bar({"EUR_USD": 1.1000})
        desk.decide({"EUR_USD": (0.8, 0.4)}, orders={"EUR_USD": 100_000.0})
        desk.bar({"EUR_USD": 1.1010})
        desk.bar({"EUR_USD": 1.1050})
        desk.bar({"EUR_USD": 1.1060}, exits={"EUR_USD": "TAKE_PROFIT"})
    (trade,) = round_trips(load_record(path)).to_dict("records")
    # Bought at 1.10115, sold at 1.10585: 47 pips on 100,000.
    assert trade["pnl"] == pytest.approx(470.0)
    assert trade["entry_price"] == pytest.approx(1.10115)
    assert trade["exit_price"] == pytest.approx(1.10585)
    assert trade["spread_cost"] == pytest.approx(20.0)
    assert trade["slippage_cost"] == pytest.approx(10.0)
    assert (trade["side"], trade["units"], trade["fills"]) == ("LONG", 100_000.0, 2)
    assert trade["exit_reason"] == "TAKE_PROFIT"
    assert (trade["bars"], trade["days"]) == (2, 2.0)
    assert (trade["client_order_id"], trade["decision"]) == ("test-0-EUR_USD-m", 0)


def test_a_partial_close_realises_its_part_within_the_same_trade(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path) as desk:
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": 100_000.0})
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": -40_000.0})
        desk.bar({"EUR_USD": 1.12})
        desk.bar({"EUR_USD": 1.09}, exits={"EUR_USD": "STOP_LOSS"})
    (trade,) = round_trips(load_record(path)).to_dict("records")
    # 40,000 × 0.02 − 60,000 × 0.01
    assert trade["realised"] == pytest.approx(200.0)
    assert trade["exit_price"] == pytest.approx(1.102)
    assert (trade["units"], trade["fills"]) == (100_000.0, 3)


def test_an_addition_moves_the_average_cost(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path) as desk:
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": 100_000.0})
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": 50_000.0})
        desk.bar({"EUR_USD": 1.13})
        desk.bar({"EUR_USD": 1.12}, exits={"EUR_USD": "STOP_LOSS"})
    (trade,) = round_trips(load_record(path)).to_dict("records")
    assert trade["entry_price"] == pytest.approx(1.11)
    assert trade["realised"] == pytest.approx(1_500.0)
    assert trade["units"] == 150_000.0


def test_an_addition_after_a_partial_close_counts_from_the_remaining_cost(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path) as desk:
        desk.bar({"EUR_USD": 1.00})
        for units, price in ((100_000.0, 1.00), (-50_000.0, 1.10), (50_000.0, 1.20)):
            desk.decide(orders={"EUR_USD": units})
            desk.bar({"EUR_USD": price})
        desk.bar({"EUR_USD": 1.30})
    (trade,) = round_trips(load_record(path)).to_dict("records")
    # Half sold at +0.10; the rest cost (50 × 1.00 + 50 × 1.20) / 100 = 1.10.
    assert trade["realised"] == pytest.approx(5_000.0)
    assert trade["unrealised"] == pytest.approx(20_000.0)


def test_a_reversal_ends_one_trade_and_begins_the_next_in_one_fill(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, half_spread=0.001) as desk:
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": 100_000.0})
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": -150_000.0})
        desk.bar({"EUR_USD": 1.15})
        desk.bar({"EUR_USD": 1.12}, exits={"EUR_USD": "TAKE_PROFIT"})
    first, second = round_trips(load_record(path)).to_dict("records")
    # Long 1.101 to 1.149; short 1.149 to 1.121.
    assert first["pnl"] == pytest.approx(4_800.0)
    assert second["pnl"] == pytest.approx(1_400.0)
    assert (first["exit_reason"], second["exit_reason"]) == ("REVERSAL", "TAKE_PROFIT")
    assert (first["side"], second["side"]) == ("LONG", "SHORT")
    # The reversing fill cost 150: two thirds of it closed the first trade.
    assert first["spread_cost"] == pytest.approx(100.0 + 100.0)
    assert second["spread_cost"] == pytest.approx(50.0 + 50.0)
    assert first["closed"] == second["opened"]
    assert second["decision"] == 1


def test_profit_in_yen_is_converted_at_the_rate_of_its_fill(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, ("USD_JPY",)) as desk:
        desk.bar({"USD_JPY": 150.0})
        desk.decide(orders={"USD_JPY": -100_000.0})
        desk.bar({"USD_JPY": 150.0})
        desk.bar({"USD_JPY": 147.0}, exits={"USD_JPY": "TAKE_PROFIT"})
        desk.bar({"USD_JPY": 120.0})
    (trade,) = round_trips(load_record(path)).to_dict("records")
    assert trade["pnl"] == pytest.approx(300_000.0 / 147.0)


def test_financing_belongs_to_the_trade_that_held_the_instrument_into_the_bar(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    symbols = ("EUR_USD", "GBP_USD")
    mid = {"EUR_USD": 1.0, "GBP_USD": 1.5}
    with JournalBuilder(path, symbols, financing="monthly rates") as desk:
        desk.bar(mid)
        desk.decide(orders={"EUR_USD": 100_000.0, "GBP_USD": -200_000.0})
        desk.bar(mid)
        paid = {"EUR_USD": 5.0, "GBP_USD": -45.0}  # carry has a sign
        desk.bar(mid, financing=paid)
        desk.bar(mid, exits={"GBP_USD": "STOP_LOSS"}, financing=paid)
        desk.bar(mid, financing={"EUR_USD": -10.0})
    trades = round_trips(load_record(path)).set_index("symbol")
    assert trades["financing"].to_dict() == pytest.approx({"EUR_USD": 0.0, "GBP_USD": -90.0})
    assert trades["pnl"].sum() == pytest.approx(-90.0)


def test_a_trade_still_open_is_marked_and_said_to_be_open(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path) as desk:
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": -10_000.0})
        desk.bar({"EUR_USD": 1.10})
        desk.bar({"EUR_USD": 1.08})
    (trade,) = round_trips(load_record(path)).to_dict("records")
    assert trade["exit_reason"] == "OPEN"
    assert pd.isna(trade["closed"])
    assert trade["unrealised"] == pytest.approx(200.0)
    assert trade["bars"] == 1


def test_a_run_that_never_traded_has_an_empty_list_with_every_column(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path) as desk:
        desk.bar({"EUR_USD": 1.10})
        desk.decide()
        desk.end()
    trades = round_trips(load_record(path))
    assert len(trades) == 0
    assert {"pnl", "bars", "days", "decision", "closed"} <= set(trades.columns)


@settings(max_examples=25, deadline=None)
@given(
    orders=st.lists(st.integers(-5, 5), min_size=1, max_size=12),
    prices=st.lists(st.floats(0.8, 1.25), min_size=14, max_size=14),
)
def test_the_trades_add_up_to_what_the_account_gained(
    tmp_path_factory: pytest.TempPathFactory, orders: list[int], prices: list[float]
) -> None:
    path = tmp_path_factory.mktemp("run") / "journal.sqlite"
    with JournalBuilder(path, bars=14, half_spread=0.002, slippage=0.0005) as desk:
        desk.bar({"EUR_USD": prices[0]})
        for units, price in zip(orders, prices[1:], strict=False):
            desk.decide(orders={"EUR_USD": 1_000.0 * units} if units else None)
            desk.bar({"EUR_USD": price})
    record = load_record(path)
    trades = round_trips(record)
    gained = record.settled.equity[-1] - record.session.initial_balance
    assert trades["pnl"].sum() == pytest.approx(gained, abs=1e-6)
    assert trades["realised"].sum() == pytest.approx(record.settled.cash[-1] - 1e5, abs=1e-6)
    assert (trades["exit_reason"] == "OPEN").sum() == (record.settled.units[-1, 0] != 0.0)
