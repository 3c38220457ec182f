"""Which instrument a file or a cell names."""

from __future__ import annotations

import pytest

from infra.feeds.symbols import symbol_of_cell, symbol_of_name


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("EUR_USD.parquet", "EUR_USD"),
        ("EUR_USD_2014-05-05_to_09.parquet", "EUR_USD"),
        ("eur-usd.csv", "EUR_USD"),
        ("EURUSD.csv", "EUR_USD"),
        ("EURUSD60.csv", "EUR_USD"),
        ("EURUSD_H1.csv.gz", "EUR_USD"),
        ("FOREX_EURUSD_1H_ASK.csv", "EUR_USD"),
        ("XAU_USD.parquet", "XAU_USD"),
        ("AAPL_USD.csv", "AAPL_USD"),
        ("fx_data.csv", None),
        ("prices.csv", None),
        ("EUR_USD and GBP_USD.csv", None),
        ("2014.csv", None),
    ],
)
def test_the_instrument_is_read_from_a_file_name(name: str, symbol: str | None) -> None:
    assert symbol_of_name(name) == symbol


def test_a_file_name_that_begins_with_an_instrument_asked_for_is_about_it() -> None:
    assert symbol_of_name("BTC_USDT_2020.csv") is None
    assert symbol_of_name("BTC_USDT_2020.csv", ["ETH_USDT", "BTC_USDT"]) == "BTC_USDT"
    assert symbol_of_name("BTC_USDTX.csv", ["BTC_USDT"]) is None


@pytest.mark.parametrize(
    ("cell", "symbol"),
    [
        ("EUR_USD", "EUR_USD"),
        ("eur/usd", "EUR_USD"),
        (" EURUSD ", "EUR_USD"),
        ("EUR-USD", "EUR_USD"),
        ("BTC_USDT", "BTC_USDT"),
        ("", None),
        ("euro", None),
        ("EURUSD.a", None),
    ],
)
def test_the_instrument_is_read_from_a_cell(cell: str, symbol: str | None) -> None:
    assert symbol_of_cell(cell) == symbol
