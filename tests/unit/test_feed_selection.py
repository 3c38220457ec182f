"""Which feed and which days."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.feeds.ecb import DEFAULT_SYMBOLS, EcbFeed
from infra.feeds.files import FileFeed
from infra.feeds.selection import open_feed, select_days
from market.bars import Bars, utc
from market.errors import ConfigError, DataError


def hourly(first: str, count: int) -> Bars:
    start = np.datetime64(first, "ns").astype(np.int64)
    ones = np.ones((count, 1))
    return Bars(
        symbols=("EUR_USD",),
        time=start + np.arange(count, dtype=np.int64) * 3_600_000_000_000,
        open=ones,
        high=ones,
        low=ones,
        close=ones,
        spread=ones,
        volume=ones,
        interval_s=3600,
    )


def test_ecb_is_a_feed_by_name() -> None:
    feed = open_feed("ecb")
    assert isinstance(feed, EcbFeed)
    assert feed.load().symbols == DEFAULT_SYMBOLS
    assert open_feed("ecb", symbols=["EUR_CHF"]).load().symbols == ("EUR_CHF",)


def test_a_path_is_a_feed_of_files(tmp_path: Path) -> None:
    (tmp_path / "EUR_USD.csv").write_text("time,close\n2014-05-05,1.1\n2014-05-06,1.2\n")
    feed = open_feed(tmp_path, clock="UTC")
    assert isinstance(feed, FileFeed)
    assert feed.load().symbols == ("EUR_USD",)


def test_a_source_that_does_not_exist_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "EUR_USD.csv").write_text("time,close\n")
    with pytest.raises(DataError, match=r"did you mean 'EUR_USD\.csv'"):
        open_feed(tmp_path / "EURUSD.csv")
    with pytest.raises(DataError, match="did you mean 'ecb'"):
        open_feed("ebc")
    with pytest.raises(DataError, match="no data at"):
        open_feed(tmp_path / "no" / "such" / "folder")


def test_an_unknown_clock_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown clock"):
        open_feed(tmp_path, clock="Mars/Olympus")


def test_without_a_range_every_row_is_to_be_replayed() -> None:
    bars = hourly("2014-05-05T01:00", 48)
    selection = select_days(bars)
    assert (selection.first, len(selection.bars)) == (0, 48)


def test_both_days_are_included_and_what_came_before_is_kept() -> None:
    # Bars that ended from 5 May 01:00 to 8 May 00:00: three whole days.
    selection = select_days(hourly("2014-05-05T01:00", 72), date(2014, 5, 6), date(2014, 5, 6))
    assert selection.first == 24
    assert len(selection.bars) == 48
    assert f"{utc(selection.bars.time[24]):%m-%d %H:%M}" == "05-06 01:00"
    assert f"{utc(selection.bars.time[-1]):%m-%d %H:%M}" == "05-07 00:00"


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 6), st.integers(0, 6))
def test_consecutive_ranges_share_no_bar_and_miss_none(first: int, length: int) -> None:
    bars = hourly("2014-05-01T01:00", 24 * 14)
    days = [date(2014, 5, 1 + first), date(2014, 5, 1 + first + length)]
    now = select_days(bars, *days)
    following = select_days(bars, date(2014, 5, 2 + first + length), date(2014, 5, 14))
    assert len(now.bars) == following.first
    assert len(now.bars) - now.first == 24 * (length + 1)


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2015, 1, 1), None), (None, date(2013, 1, 1)), (date(2014, 5, 6), date(2014, 5, 5))],
)
def test_a_range_without_data_is_refused_with_what_the_data_covers(
    first: date | None, last: date | None
) -> None:
    with pytest.raises(DataError, match="covers 2014-05-05 to 2014-05-07"):
        select_days(hourly("2014-05-05T01:00", 48), first, last)
