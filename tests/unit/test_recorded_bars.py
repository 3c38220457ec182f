"""Recorded bars as quotes: four a bar, in an order that the bar allows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infra.clock import ManualClock
from infra.feeds.live.recorded_bars import RecordedBars
from market.bars import Bars
from market.errors import DataError
from market.instruments import Registry
from tests.quotes import MINUTE, SECOND

REGISTRY = Registry()
NAN = math.nan


def panel(times: list[int], rows: list[list[tuple[float, float, float, float]]]) -> Bars:
    """A panel of two instruments; spread 0.0002 and none."""
    prices = np.array(rows, dtype=np.float64)
    spread = np.array([[0.0002, NAN]] * len(times))
    return Bars(
        symbols=("EUR_USD", "USD_JPY"),
        time=np.array(times, dtype=np.int64),
        open=prices[:, :, 0].copy(),
        high=prices[:, :, 1].copy(),
        low=prices[:, :, 2].copy(),
        close=prices[:, :, 3].copy(),
        spread=spread,
        volume=np.full(spread.shape, 9.0),
        interval_s=60,
    )


NONE = (NAN, NAN, NAN, NAN)
BARS = panel(
    [MINUTE, 2 * MINUTE, 4 * MINUTE],
    [
        [(1.10, 1.11, 1.08, 1.09), (150.0, 150.5, 149.8, 150.2)],
        [(1.09, 1.12, 1.08, 1.10), NONE],
        [(1.10, 1.10, 1.10, 1.10), NONE],
    ],
)


def source(bars: Bars = BARS, symbols: tuple[str, ...] = ("EUR_USD", "USD_JPY")) -> RecordedBars:
    instruments = [REGISTRY[symbol] for symbol in symbols]
    return RecordedBars(bars, instruments, ManualClock(0), begin=0, name="a test")


def test_a_bar_gives_its_open_the_nearer_extreme_the_other_one_and_its_close() -> None:
    played = source().quotes(4 * MINUTE)
    own = [one for one in played if one.symbol == "EUR_USD"]
    mids = [round(one.mid, 9) for one in own]
    assert mids[:4] == [1.10, 1.11, 1.08, 1.09]
    assert mids[4:8] == [1.09, 1.08, 1.12, 1.10]
    assert [one.time for one in own[:4]] == [0, 20 * SECOND, 40 * SECOND, MINUTE - 1]
    assert own[8].time == 3 * MINUTE, "a bar that is missing is a pause"


def test_bid_and_ask_lie_half_a_spread_from_the_mid_or_half_the_typical_one() -> None:
    played = source().quotes(MINUTE - 1)
    spreads = {one.symbol: one.spread for one in played}
    assert spreads["EUR_USD"] == pytest.approx(0.0002)
    assert spreads["USD_JPY"] == pytest.approx(REGISTRY["USD_JPY"].typical_spread)


def test_an_instrument_without_a_bar_is_silent() -> None:
    played = source().quotes(4 * MINUTE)
    assert [one.time for one in played if one.symbol == "USD_JPY"][-1] == MINUTE - 1


def test_it_ends_with_its_last_close() -> None:
    played = source()
    played.quotes(4 * MINUTE - 2)
    assert not played.ended
    played.quotes(4 * MINUTE - 1)
    assert played.ended


def test_a_short_day_begins_where_the_one_before_it_ended() -> None:
    short = panel([MINUTE, MINUTE + 45 * SECOND], [[(1.1,) * 4] * 2, [(1.2,) * 4] * 2])
    times = [one.time for one in source(short).quotes(2 * MINUTE) if one.symbol == "EUR_USD"]
    assert times == sorted(times)
    assert times[4] == MINUTE


def test_an_instrument_without_any_bar_is_refused() -> None:
    with pytest.raises(DataError, match="USD_JPY: no bar among 1"):
        source(panel([MINUTE], [[(1.1,) * 4, NONE]]))
