"""The real files beside the project: they load whole, and agree with each other."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infra.feeds.selection import open_feed, select_days

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared/data is not here")


def test_every_row_of_the_hourly_bars_arrives() -> None:
    feed = open_feed(SHARED / "fx_hourly", clock="+02:00")
    bars = feed.load()
    assert bars.interval_s == 3600
    for column, symbol in enumerate(bars.symbols):
        frame = pd.read_parquet(SHARED / "fx_hourly" / f"{symbol}.parquet")
        there = ~np.isnan(bars.close[:, column])
        np.testing.assert_array_equal(bars.close[there, column], frame["close"])
        np.testing.assert_array_equal(bars.volume[there, column], frame["volume"])
        # Stamped at the start by a clock two hours ahead: the end in UTC is one hour earlier.
        shown = frame["time"].to_numpy().astype("datetime64[ns]").astype(np.int64)
        np.testing.assert_array_equal(bars.time[there], shown - 3_600_000_000_000)
    assert "0 rows without a price left out" in feed.description


def test_every_row_of_the_hourly_quotes_arrives_with_its_spread() -> None:
    bars = open_feed(SHARED / "fx_hourly_quotes", clock="UTC").load()
    for column, symbol in enumerate(bars.symbols):
        frame = pd.read_parquet(SHARED / "fx_hourly_quotes" / f"{symbol}.parquet")
        there = ~np.isnan(bars.close[:, column])
        bid, ask = frame["bid_close"].to_numpy(), frame["ask_close"].to_numpy()
        np.testing.assert_array_equal(bars.spread[there, column], ask - bid)
        np.testing.assert_array_equal(bars.close[there, column], (bid + ask) / 2)


def test_hours_made_of_ticks_close_where_the_quoted_hours_of_that_week_do() -> None:
    quotes = select_days(
        open_feed(SHARED / "fx_hourly_quotes", clock="UTC").load(),
        date(2014, 5, 5),
        date(2014, 5, 9),
    )
    quoted = quotes.bars.rows(quotes.first, len(quotes.bars))
    ticked = open_feed(SHARED / "fx_ticks", clock="UTC", interval_s=3600).load()
    assert quoted.symbols == ticked.symbols
    np.testing.assert_array_equal(quoted.time, ticked.time)
    np.testing.assert_array_equal(quoted.close, ticked.close)
    np.testing.assert_array_equal(quoted.spread, ticked.spread)


def test_the_ticks_of_every_interval_are_counted_once() -> None:
    for symbol, count in (("EUR_USD", 246_875), ("NZD_USD", 200_182)):
        for interval_s in (1, 900):
            feed = open_feed(
                SHARED / "fx_ticks", symbols=[symbol], clock="UTC", interval_s=interval_s
            )
            assert feed.load().volume.sum() == count
