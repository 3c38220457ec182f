"""Bars made from ticks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.feeds.ticks import bars_of_ticks
from market.bars import Times

SECOND = 1_000_000_000


def nanoseconds(*seconds: float) -> Times:
    return np.array([round(second * SECOND) for second in seconds], dtype=np.int64)


def test_a_bar_is_stamped_with_the_end_of_its_interval() -> None:
    ends, _ = bars_of_ticks(nanoseconds(60.0, 119.9), np.ones(2), np.ones(2), 60)
    np.testing.assert_array_equal(ends, nanoseconds(120))


def test_a_tick_at_the_end_of_an_interval_belongs_to_the_next() -> None:
    ends, values = bars_of_ticks(nanoseconds(59.9, 60.0), np.ones(2), np.ones(2), 60)
    np.testing.assert_array_equal(ends, nanoseconds(60, 120))
    np.testing.assert_array_equal(values["volume"], [1.0, 1.0])


def test_an_interval_without_a_tick_is_no_bar() -> None:
    ends, _ = bars_of_ticks(nanoseconds(1, 301), np.ones(2), np.ones(2), 60)
    np.testing.assert_array_equal(ends, nanoseconds(60, 360))


def test_prices_are_mids_and_the_spread_is_that_of_the_last_tick() -> None:
    bid = np.array([10.0, 14.0, 8.0, 11.0])
    ask = np.array([12.0, 18.0, 8.0, 14.0])
    _, values = bars_of_ticks(nanoseconds(1, 2, 3, 4), bid, ask, 60)
    found = {name: array[0] for name, array in values.items()}
    assert found == {
        "open": 11.0, "high": 16.0, "low": 8.0, "close": 12.5, "spread": 3.0, "volume": 4.0
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 7_200_000), st.integers(1, 9), st.integers(0, 3)), min_size=1
    ),
    st.sampled_from([1, 60, 900, 3600]),
)
def test_bars_agree_with_those_that_pandas_resamples(
    ticks: list[tuple[int, int, int]], interval_s: int
) -> None:
    ticks.sort(key=lambda tick: tick[0])
    time = np.array([milliseconds for milliseconds, _, _ in ticks], dtype=np.int64) * 1_000_000
    bid = np.array([float(price) for _, price, _ in ticks])
    ask = bid + np.array([float(spread) for _, _, spread in ticks])
    ends, values = bars_of_ticks(time, bid, ask, interval_s)
    mid = pd.Series((bid + ask) / 2, index=pd.DatetimeIndex(time.astype("datetime64[ns]")))
    grouped = mid.resample(f"{interval_s}s", label="right", closed="left", origin="epoch")
    expected = grouped.ohlc().dropna()
    np.testing.assert_array_equal(ends, pd.DatetimeIndex(expected.index).as_unit("ns").asi8)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(values[name], expected[name])
    assert values["volume"].sum() == len(ticks)
