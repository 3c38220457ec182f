"""Prices from files: what is refused, and what the refusal says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from infra.feeds.files import FileFeed
from market.bars import Bars
from market.errors import ConfigError, DataError

BARS = """time,open,high,low,close,volume
2014-05-05 00:00,1.10,1.15,1.05,1.12,10
2014-05-05 01:00,1.12,1.16,1.11,1.13,20
2014-05-05 02:00,1.13,1.13,1.10,1.11,
"""
TICKS = """time,bid,ask
2014-05-05 00:00:01,1.0,1.2
2014-05-05 00:00:01,1.1,1.3
2014-05-05 00:59:59,1.2,1.6
2014-05-05 01:00:00,1.4,1.4
"""


def written(folder: Path, text: str, name: str = "EUR_USD.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def load(path: Path, **options: object) -> Bars:
    return FileFeed(path, **{"clock": "UTC", **options}).load()  # type: ignore[arg-type]


@pytest.mark.parametrize("interval_s", [None, 7, 604_800])
def test_ticks_need_a_bar_length_that_divides_a_day(tmp_path: Path, interval_s: int | None) -> None:
    with pytest.raises(ConfigError, match="must divide a day"):
        load(written(tmp_path, TICKS), interval_s=interval_s)


def test_a_single_file_that_does_not_say_is_about_the_one_instrument_asked_for(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, BARS, "history.csv")
    assert load(path, symbols=["EUR_USD"]).symbols == ("EUR_USD",)
    with pytest.raises(DataError, match="which instrument is it"):
        load(path)
    with pytest.raises(DataError, match="which instrument is it"):
        load(tmp_path, symbols=["EUR_USD"])


def test_overlapping_files_of_one_instrument_are_refused_by_name(tmp_path: Path) -> None:
    written(tmp_path, BARS, "EUR_USD_a.csv")
    written(tmp_path, BARS, "EUR_USD_b.csv")
    with pytest.raises(DataError, match=r"EUR_USD_a.csv and .*EUR_USD_b.csv: both hold EUR_USD"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2014-05-05 02:00,1.1,1.2,1.0,1.1,1", r"row 4 .*EUR_USD at .*duplicate timestamp"),
        ("2014-05-05 00:30,1.1,1.2,1.0,1.1,1", r"row 4 .*unsorted timestamp"),
        ("tomorrow,1.1,1.2,1.0,1.1,1", r"row 4 .*expected a time such as .*'tomorrow'"),
        (",1.1,1.2,1.0,1.1,1", r"row 4 .*expected a time such as .*found none"),
        ("2014-05-05 03:00,1.1,1.2,-1.0,1.1,1", r"row 4 .*expected a positive low \(low -1\)"),
        ("2014-05-05 03:00,0,1.2,1.0,1.1,1", r"row 4 .*expected a positive open"),
        ("2014-05-05 03:00,1.1,inf,1.0,1.1,1", r"row 4 .*expected a positive high"),
        ("2014-05-05 03:00,1.1,,1.0,1.1,1", r"row 4 .*together, or none"),
        ("2014-05-05 03:00,1.1,1.0,1.2,1.1,1", r"row 4 .*expected a high not below"),
        ("2014-05-05 03:00,1.1,1.3,1.2,1.25,1", r"row 4 .*expected a low not above"),
        ("2014-05-05 03:00,1.1,1.2,1.0,1.1,-1", r"row 4 .*expected a volume of 0 or more"),
        (
            "2014-05-05 03:00,1.1,1.2,1.0,much,1",
            r"row 4 .*a number in column 'close', found 'much'",
        ),
        ("2014-05-05 03:00,1.1,1.2", r"cannot be read as csv; .*Row #5"),
    ],
)
def test_a_bad_row_is_refused_with_its_number(tmp_path: Path, row: str, message: str) -> None:
    path = written(tmp_path, BARS + row + "\n")
    with pytest.raises(DataError, match=message) as refusal:
        load(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
def test_a_crossed_quote_is_refused_at_any_of_the_four_prices(tmp_path: Path, field: str) -> None:
    prices = dict.fromkeys(
        (f"{s}_{f}" for s in ("bid", "ask") for f in ("open", "low", "close")), 1.5
    )
    prices |= {"bid_high": 2.0, "ask_high": 2.0}
    if field == "high":
        prices["bid_high"] = 2.1
    elif field == "low":
        prices["ask_low"] = 1.4
    else:
        prices[f"bid_{field}"] = 1.6
    head, values = ",".join(prices), ",".join(str(price) for price in prices.values())
    path = written(tmp_path, f"time,{head}\n2014-05-05,{values}\n")
    with pytest.raises(DataError, match=rf"row 1 .*crossed quote; .*\(bid_{field} "):
        load(path)


def test_a_crossed_tick_is_refused_with_its_row(tmp_path: Path) -> None:
    path = written(tmp_path, TICKS + "2014-05-05 02:00,1.5,1.4\n")
    with pytest.raises(DataError, match=r"row 5 .*crossed quote; .*\(bid 1.5, ask 1.4\)"):
        load(path, interval_s=60)


def test_a_symbol_column_that_contradicts_the_file_name_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "date,symbol,close\n2014-05-05,EUR_USD,1.1\n2014-05-06,GBP_USD,1.6\n")
    with pytest.raises(DataError, match=r"row 2 .*expected EUR_USD in column 'symbol'"):
        load(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("time,open,high,close", r"missing column\(s\) low"),
        ("time,bid_open,bid_high,bid_low,bid_close", r"missing column\(s\) ask_open, ask_high"),
        ("time,bid,size,venue", r"missing column\(s\) ask"),
        ("when,open,high,low,close", "expected a time column"),
        ("time,Close,close,high,low", "mean the same"),
        ("time,close,close,high,low", "stands twice"),
    ],
)
def test_missing_and_doubled_columns_are_refused_with_what_was_found(
    tmp_path: Path, header: str, message: str
) -> None:
    row = ",".join(["2014-05-05", *["1"] * header.count(",")])
    with pytest.raises(DataError, match=message):
        load(written(tmp_path, f"{header}\n{row}\n"))


@pytest.mark.parametrize("name", ["EUR_USD.csv", "EUR_USD.csv.gz", "EUR_USD.parquet"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00garbage\n\xff", b"\n\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match="EUR_USD"):
        load(path)


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "EUR_USD.parquet"
    pa_parquet.write_table(pa.table({"time": list(range(1_000)), "close": [1.0] * 1_000}), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be read as parquet"):
        load(path)


def test_a_header_without_rows_an_absent_file_and_an_unknown_format_are_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match="no rows"):
        load(written(tmp_path, "time,open,high,low,close\n"))
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "GBP_USD.csv")
    with pytest.raises(DataError, match=r"unknown format; .*\.csv"):
        load(written(tmp_path, BARS, "EUR_USD.xlsx"))


def test_a_folder_without_price_files_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "hello", "README.md")
    with pytest.raises(DataError, match="no price files in this folder"):
        load(tmp_path)


def test_an_instrument_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, BARS)
    with pytest.raises(DataError, match="no prices for EUR_USX, did you mean 'EUR_USD'"):
        load(tmp_path, symbols=["EUR_USX"])


def test_instruments_of_different_bar_lengths_are_not_mixed(tmp_path: Path) -> None:
    written(tmp_path, BARS)
    written(tmp_path, "date,close\n2014-05-05,1.1\n2014-05-06,1.2\n", "GBP_USD.csv")
    with pytest.raises(DataError, match="EUR_USD has bars of 3600 s and GBP_USD of 86400 s"):
        load(tmp_path)


def test_times_without_a_zone_need_a_clock(tmp_path: Path) -> None:
    path = written(tmp_path, BARS)
    with pytest.raises(DataError, match="name the clock"):
        FileFeed(path).load()
    zoned = written(tmp_path, BARS.replace(":00,", ":00Z,"), "GBP_USD.csv")
    assert FileFeed(zoned).load().digest() == load(zoned).digest()
    with pytest.raises(DataError, match="state their own zone"):
        load(zoned, clock="Europe/Athens")


def test_a_local_hour_that_happens_twice_is_refused_with_its_row(tmp_path: Path) -> None:
    text = BARS.replace("2014-05-05 0", "2014-10-26 0").replace(" 02:00", " 03:00")
    with pytest.raises(DataError, match=r"row 3 .*2014-10-26T03:00.*skipped or shown twice"):
        load(written(tmp_path, text), clock="Europe/Athens", stamps="end")


def test_months_stamped_at_their_start_are_refused_because_their_end_is_unclear(
    tmp_path: Path,
) -> None:
    rows = "".join(f"2014-{month:02},1.1\n".replace(",", "-01,") for month in range(1, 13))
    path = written(tmp_path, "date,close\n" + rows)
    with pytest.raises(DataError, match="Stamp them at their end"):
        load(path)
    assert len(load(path, stamps="end")) == 12


def test_daily_bars_that_turn_hourly_are_refused(tmp_path: Path) -> None:
    days = pd.date_range("2014-01-01", periods=40, freq="D")
    hours = pd.date_range("2014-02-10", periods=400, freq="h")
    rows = "".join(f"{time:%Y-%m-%d %H:%M},1.1\n" for time in (*days, *hours))
    with pytest.raises(DataError, match="expected bars of one length"):
        load(written(tmp_path, "time,close\n" + rows))


def test_a_single_row_does_not_tell_how_long_a_bar_is(tmp_path: Path) -> None:
    path = written(tmp_path, "time,close\n2014-05-05 00:00,1.1\n")
    with pytest.raises(DataError, match="expected at least two"):
        load(path, interval_s=3600)


def test_ticks_and_bars_of_one_instrument_are_not_mixed(tmp_path: Path) -> None:
    written(tmp_path, BARS, "EUR_USD_bars.csv")
    written(tmp_path, TICKS.replace("05-05", "05-06"), "EUR_USD_ticks.csv")
    with pytest.raises(DataError, match="expected one kind"):
        load(tmp_path, interval_s=3600)


def test_odd_arguments_are_refused_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, BARS)
    with pytest.raises(ConfigError, match="'start' or 'end'"):
        load(path, stamps="middle")
    with pytest.raises(ConfigError, match="1 or more seconds"):
        load(path, interval_s=0)
    with pytest.raises(DataError, match="each named once"):
        load(path, symbols=["EUR_USD", "EUR_USD"])
