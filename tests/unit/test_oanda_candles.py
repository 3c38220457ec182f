"""OANDA's candles as the desk's bars."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.brokers.oanda.candles import (
    GRANULARITIES,
    MOST,
    Candle,
    candle_of,
    granularity_for,
    latest_candles,
    merged,
)
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.history import history
from infra.brokers.v20.times import SECOND_NS, nanoseconds_of, rfc3339
from market.errors import DataError, InvalidError
from tests.exchanges import START
from tests.oanda import PREFIX, SYMBOLS, Message, connected
from tests.scripted_http import Asked, Reply, ScriptedServer

MINUTE = 60 * SECOND_NS


def candle(start: int, price: float = 1.1, *, complete: bool = True, volume: int = 7) -> Message:
    """Mids are the price, 0.01 above and below it, and the price; ask minus bid is 0.002."""
    bid = {"o": price, "h": price + 0.01, "l": price - 0.01, "c": price}
    return {
        "time": rfc3339(start),
        "bid": {name: f"{value - 0.001:.5f}" for name, value in bid.items()},
        "ask": {name: f"{value + 0.001:.5f}" for name, value in bid.items()},
        "volume": volume,
        "complete": complete,
    }


class Market(ScriptedServer):
    """Answers as OANDA does, from candles by instrument; `now` is what its prices tell."""

    def __init__(self) -> None:
        super().__init__(PREFIX)
        self.candles: dict[str, list[Message]] = {symbol: [] for symbol in SYMBOLS}
        self.now = START

    def reply_to(self, asked: Asked) -> Reply:
        super().reply_to(asked)
        if asked.path.endswith("/pricing"):
            return Reply(body={"prices": [], "time": rfc3339(self.now)})
        told = self.candles[asked.path.split("/")[3]]
        count, query = int(asked.query["count"]), asked.query
        assert count <= MOST
        if "from" in query:
            first = nanoseconds_of(query["from"])
            told = [one for one in told if nanoseconds_of(one["time"]) >= first][:count]
        elif "to" in query:
            last = nanoseconds_of(query["to"])
            told = [one for one in told if nanoseconds_of(one["time"]) < last]
        return Reply(body={"candles": told if "from" in query else told[-count:]})


@pytest.fixture
def market() -> Iterator[Market]:
    made = Market()
    yield made
    made.stop()


@pytest.fixture
def connection(market: Market) -> Iterator[OandaConnection]:
    made = connected(market)
    yield made
    made.close()


def test_bars_are_mids_with_their_spread_and_end_when_they_may_be_used(
    market: Market, connection: OandaConnection
) -> None:
    market.candles["EUR_USD"] = [
        candle(START),
        candle(START + MINUTE, 1.2),
        candle(START + 2 * MINUTE, 1.3, complete=False),
    ]
    bars = history(connection, ("EUR_USD",), 60, 10)
    assert list(bars.time) == [START + MINUTE, START + 2 * MINUTE]
    assert bars.open[:, 0] == pytest.approx([1.1, 1.2])
    assert bars.high[:, 0] == pytest.approx([1.11, 1.21])
    assert bars.low[:, 0] == pytest.approx([1.09, 1.19])
    assert bars.close[:, 0] == pytest.approx([1.1, 1.2])
    assert bars.spread[:, 0] == pytest.approx([0.002, 0.002])
    assert list(bars.volume[:, 0]) == [7.0, 7.0]
    assert market.asked[0].query == {
        "price": "BA", "granularity": "M1", "count": "11", "dailyAlignment": "0",
        "alignmentTimezone": "UTC",
    }  # fmt: skip


def test_all_instruments_are_on_one_axis_gaps_are_kept_and_the_newest_are_given(
    market: Market, connection: OandaConnection
) -> None:
    market.candles["EUR_USD"] = [candle(START + n * MINUTE) for n in (0, 1, 5, 6)]
    market.candles["USD_JPY"] = [candle(START + n * MINUTE, 150.0) for n in (1, 2, 6)]
    bars = history(connection, SYMBOLS, 60, 4)
    assert [(time - START) // MINUTE for time in bars.time] == [2, 3, 6, 7]
    assert list(np.isnan(bars.close[:, 0])) == [False, True, False, False]
    assert list(np.isnan(bars.close[:, 1])) == [False, False, True, False]
    assert len(history(connection, SYMBOLS, 60, 100)) == 5


def test_more_than_a_page_is_read_in_pages(market: Market, connection: OandaConnection) -> None:
    total = 2 * MOST + 500
    market.candles["EUR_USD"] = [candle(START + n * MINUTE) for n in range(total)]
    found = latest_candles(connection, "EUR_USD", "M1", 2 * MOST + 10)
    starts = [one.start for one in found]
    assert starts == [START + n * MINUTE for n in range(490, total)]
    assert len(market.asked) == 3


def test_a_short_past_is_all_that_there_is(market: Market, connection: OandaConnection) -> None:
    market.candles["EUR_USD"] = [candle(START)]
    assert len(latest_candles(connection, "EUR_USD", "M1", 20_000)) == 1
    market.candles["EUR_USD"] = []
    assert latest_candles(connection, "EUR_USD", "M1", 10) == []
    assert len(history(connection, SYMBOLS, 60, 10)) == 0


def test_an_interval_without_candles_is_made_of_shorter_ones(
    market: Market, connection: OandaConnection
) -> None:
    prices = [1.1, 1.4, 1.0, 1.2, 1.3, 1.5, 1.6]
    market.candles["EUR_USD"] = [
        candle(START + n * MINUTE, price, volume=n) for n, price in enumerate(prices)
    ]
    market.now = START + 8 * MINUTE
    bars = history(connection, ("EUR_USD",), 180, 2)
    assert list(bars.time) == [START + 3 * MINUTE, START + 6 * MINUTE]
    assert bars.interval_s == 180
    row = [getattr(bars, name)[0, 0] for name in ("open", "high", "low", "close", "volume")]
    assert row == pytest.approx([1.1, 1.41, 0.99, 1.0, 3.0])
    market.now = START + 9 * MINUTE
    assert history(connection, ("EUR_USD",), 180, 2).time[-1] == market.now


def test_a_bar_is_never_given_without_its_beginning(
    market: Market, connection: OandaConnection
) -> None:
    market.candles["EUR_USD"] = [candle(START + n * MINUTE, volume=1) for n in range(100)]
    market.now = START + 100 * MINUTE
    for bars in range(1, 30):
        told = history(connection, ("EUR_USD",), 180, bars)
        assert len(told) == bars
        assert set(told.volume[:, 0]) == {3.0}


@pytest.mark.parametrize(
    ("interval_s", "expected"),
    [
        (5, ("S5", 1)), (60, ("M1", 1)), (180, ("M1", 3)), (3_600, ("H1", 1)), (300, ("M5", 1)),
        (86_400, ("D", 1)), (604_800, ("D", 7)), (7_200, ("H2", 1)), (35, ("S5", 7)),
        (480, ("M4", 2)), (900, ("M15", 1)),
    ],
)  # fmt: skip
def test_the_longest_candle_that_divides_an_interval(
    interval_s: int, expected: tuple[str, int]
) -> None:
    assert granularity_for(interval_s) == expected


@pytest.mark.parametrize("interval_s", [0, -60, 1, 4, 7, 61])
def test_an_interval_that_no_candle_divides_is_refused(interval_s: int) -> None:
    with pytest.raises(InvalidError, match="5 s"):
        granularity_for(interval_s)


@given(st.integers(1, 20_000).map(lambda n: 5 * n))
def test_a_bar_is_made_of_whole_candles(interval_s: int) -> None:
    name, parts = granularity_for(interval_s)
    assert GRANULARITIES[name] * parts == interval_s


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60, unique=True).map(sorted))
def test_merging_keeps_first_last_extremes_and_the_sum(minutes: list[int]) -> None:
    parts = [
        Candle(start=n * MINUTE, values=(n, n + 2.0, n - 1.0, n + 1.0, 0.1, 1.0)) for n in minutes
    ]
    made = merged(parts, 600)
    assert sum(one.values[5] for one in made) == len(minutes)
    for bar in made:
        inside = [n for n in minutes if bar.start <= n * MINUTE < bar.start + 10 * MINUTE]
        first, last = inside[0], inside[-1]
        assert bar.values == (first, last + 2.0, first - 1.0, last + 1.0, 0.1, len(inside))


@pytest.mark.parametrize(
    "broken", [{"bid": None}, {"ask": {"o": "1"}}, {"volume": None}, {"time": "x"}]
)
def test_a_candle_that_cannot_be_read_is_an_error(broken: Message) -> None:
    with pytest.raises(DataError):
        candle_of(candle(START) | broken)
    assert not math.isnan(candle_of(candle(START)).values[4])
