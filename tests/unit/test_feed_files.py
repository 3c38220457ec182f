"""Prices from files: what is read, and how."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from infra.feeds.files import FileFeed
from market.bars import Bars, utc

BARS = """time,open,high,low,close,volume
2014-05-05 00:00,1.10,1.15,1.05,1.12,10
2014-05-05 01:00,1.12,1.16,1.11,1.13,20
2014-05-05 02:00,1.13,1.13,1.10,1.11,
"""
QUOTES = """time,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close
2014-05-05 00:00,1.0,1.5,0.5,1.0,1.2,1.7,0.7,1.1
2014-05-05 01:00,1.1,1.5,0.5,1.2,1.2,1.7,0.7,1.6
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


def ends(bars: Bars) -> list[str]:
    return [f"{utc(time):%Y-%m-%d %H:%M}" for time in bars.time]


def test_bars_are_read_and_stamped_with_their_end(tmp_path: Path) -> None:
    bars = load(written(tmp_path, BARS))
    assert bars.symbols == ("EUR_USD",)
    assert bars.interval_s == 3600
    assert ends(bars) == ["2014-05-05 01:00", "2014-05-05 02:00", "2014-05-05 03:00"]
    np.testing.assert_array_equal(bars.high[:, 0], [1.15, 1.16, 1.13])
    np.testing.assert_array_equal(bars.volume[:, 0], [10, 20, np.nan])
    assert np.isnan(bars.spread).all()
    assert bars.has_extremes


def test_bars_stamped_at_their_end_stay_where_they_are(tmp_path: Path) -> None:
    assert ends(load(written(tmp_path, BARS), stamps="end"))[0] == "2014-05-05 00:00"


def test_quoted_bars_become_mids_and_the_spread_at_the_close(tmp_path: Path) -> None:
    bars = load(written(tmp_path, QUOTES))
    np.testing.assert_allclose(bars.open[:, 0], [1.1, 1.15])
    np.testing.assert_allclose(bars.high[:, 0], [1.6, 1.6])
    np.testing.assert_allclose(bars.low[:, 0], [0.6, 0.6])
    np.testing.assert_allclose(bars.close[:, 0], [1.05, 1.4])
    np.testing.assert_allclose(bars.spread[:, 0], [0.1, 0.4])


def test_ticks_become_bars_of_the_chosen_length(tmp_path: Path) -> None:
    bars = load(written(tmp_path, TICKS), interval_s=3600)
    assert ends(bars) == ["2014-05-05 01:00", "2014-05-05 02:00"]
    np.testing.assert_allclose(bars.open[:, 0], [1.1, 1.4])
    np.testing.assert_allclose(bars.close[:, 0], [1.4, 1.4])
    np.testing.assert_allclose(bars.spread[:, 0], [0.4, 0.0])
    np.testing.assert_array_equal(bars.volume[:, 0], [3, 1])


def test_a_file_with_closes_alone_is_a_fixing_without_extremes(tmp_path: Path) -> None:
    bars = load(written(tmp_path, "date,price\n2014-05-05,1.1\n2014-05-06,1.2\n"))
    assert not bars.has_extremes
    np.testing.assert_array_equal(bars.high, bars.close)
    assert ends(bars) == ["2014-05-06 00:00", "2014-05-07 00:00"]


def test_an_export_with_tabs_brackets_and_a_date_apart_is_read(tmp_path: Path) -> None:
    text = (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<SPREAD>\n"
        "2014.05.05\t00:00:00\t1.1\t1.2\t1.0\t1.1\t5\t12\n"
        "2014.05.05\t01:00:00\t1.1\t1.2\t1.0\t1.1\t6\t12\n"
    )
    feed = FileFeed(written(tmp_path, text, "EURUSD60.csv"), clock="UTC")
    bars = feed.load()
    assert bars.symbols == ("EUR_USD",)
    np.testing.assert_array_equal(bars.volume[:, 0], [5, 6])
    assert "Columns ignored: <SPREAD>" in feed.description


def test_a_compressed_csv_and_a_parquet_file_give_the_same_bars(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "EUR_USD.csv.gz", "wt") as file:
        file.write(BARS)
    frame = pd.read_csv(written(tmp_path, BARS), parse_dates=["time"]).set_index("time")
    frame.to_parquet(tmp_path / "EUR_USD.parquet")
    digests = {load(tmp_path / f"EUR_USD.{end}").digest() for end in ("csv.gz", "csv", "parquet")}
    assert len(digests) == 1


def test_a_row_without_a_price_is_left_out_and_counted(tmp_path: Path) -> None:
    feed = FileFeed(written(tmp_path, BARS + "2014-05-05 03:00,,,,,\n"), clock="UTC")
    assert len(feed.load()) == 3
    assert "1 rows without a price left out" in feed.description


def test_instruments_are_aligned_on_the_union_of_their_times(tmp_path: Path) -> None:
    written(tmp_path, BARS)
    written(tmp_path, BARS.replace("2014-05-05 00:00", "2014-05-04 23:00"), "GBP_USD.csv")
    bars = load(tmp_path)
    assert bars.symbols == ("EUR_USD", "GBP_USD")
    assert ends(bars)[:2] == ["2014-05-05 00:00", "2014-05-05 01:00"]
    np.testing.assert_array_equal(
        np.isnan(bars.close), [[True, False], [False, True], [False, False], [False, False]]
    )


def test_the_symbol_column_separates_instruments(tmp_path: Path) -> None:
    rows = [f"{time},{symbol},{price}" for time, symbol, price in (
        ("2014-05-05", "EUR/USD", 1.1), ("2014-05-05", "GBPUSD", 1.6),
        ("2014-05-06", "EUR/USD", 1.2), ("2014-05-06", "GBPUSD", 1.7),
    )]  # fmt: skip
    path = written(tmp_path, "\n".join(("date,symbol,close", *rows)), "prices.csv")
    bars = load(path)
    assert bars.symbols == ("EUR_USD", "GBP_USD")
    np.testing.assert_array_equal(bars.close, [[1.1, 1.6], [1.2, 1.7]])
    assert FileFeed(path, clock="UTC").available == ("EUR_USD", "GBP_USD")


def test_the_chosen_instruments_come_in_the_order_asked_for(tmp_path: Path) -> None:
    for name in ("EUR_USD.csv", "GBP_USD.csv", "AUD_USD.csv"):
        written(tmp_path, BARS, name)
    assert load(tmp_path, symbols=["GBP_USD", "AUD_USD"]).symbols == ("GBP_USD", "AUD_USD")


def test_a_file_that_is_not_asked_for_is_not_read(tmp_path: Path) -> None:
    written(tmp_path, BARS)
    written(tmp_path, "damaged", "GBP_USD.csv")
    assert load(tmp_path, symbols=["EUR_USD"]).symbols == ("EUR_USD",)


def test_files_of_one_instrument_follow_each_other_whatever_their_names(tmp_path: Path) -> None:
    written(tmp_path, BARS, "EUR_USD_b.csv")
    written(tmp_path, BARS.replace("2014-05-05", "2014-05-06"), "EUR_USD_a.csv")
    bars = load(tmp_path)
    assert len(bars) == 6
    assert ends(bars)[3] == "2014-05-06 01:00"


def test_a_price_that_rounding_put_outside_its_bar_passes(tmp_path: Path) -> None:
    text = BARS.replace("1.10,1.15,1.05,1.12", "1.10,1.12,1.05,1.1200000001")
    assert len(load(written(tmp_path, text))) == 3


def test_a_daily_bar_ends_at_the_next_local_midnight_even_on_a_day_of_23_hours(
    tmp_path: Path,
) -> None:
    rows = "".join(f"2014-03-{day},1.1\n" for day in (28, 29, 30, 31))
    bars = load(written(tmp_path, "date,close\n" + rows), clock="Europe/Athens")
    assert ends(bars) == [
        "2014-03-28 22:00", "2014-03-29 22:00", "2014-03-30 21:00", "2014-03-31 21:00"
    ]  # fmt: skip


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = load(written(tmp_path, BARS))
    (tmp_path / "EURUSD.csv").write_bytes(b"\xef\xbb\xbf" + BARS.replace("\n", "\r\n").encode())
    assert load(tmp_path / "EURUSD.csv").digest() == plain.digest()


def test_a_panel_has_extremes_only_where_every_instrument_has(tmp_path: Path) -> None:
    written(tmp_path, BARS)
    closes = "\n".join(",".join(line.split(",")[::4]) for line in BARS.splitlines())
    written(tmp_path, closes, "GBP_USD.csv")
    assert load(tmp_path, symbols=["EUR_USD"]).has_extremes
    assert not load(tmp_path).has_extremes


def test_ticks_of_one_moment_may_be_cut_into_two_files(tmp_path: Path) -> None:
    lines = TICKS.splitlines()
    written(tmp_path, "\n".join(lines[:2]), "EUR_USD_1.csv")
    written(tmp_path, "\n".join((lines[0], *lines[2:])), "EUR_USD_2.csv")
    cut = load(tmp_path, interval_s=3600)
    np.testing.assert_array_equal(cut.volume[:, 0], [3, 1])
    np.testing.assert_allclose(cut.open[0, 0], 1.1)


def test_bars_keep_their_own_length_whatever_length_is_chosen_for_ticks(tmp_path: Path) -> None:
    path = written(tmp_path, BARS)
    assert load(path, interval_s=86_400).digest() == load(path).digest()


def test_one_bar_a_file_tells_its_length_together_with_the_others(tmp_path: Path) -> None:
    for day in (5, 6, 7):
        written(tmp_path, f"date,close\n2014-05-0{day},1.1\n", f"EUR_USD_{day}.csv")
    assert ends(load(tmp_path)) == ["2014-05-06 00:00", "2014-05-07 00:00", "2014-05-08 00:00"]
