"""Recorded ticks: played from files at a speed, with what came before as history."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infra.clock import ManualClock, PacedClock
from infra.feeds.files import FileFeed
from infra.feeds.live.board import PriceBoard
from infra.feeds.live.recorded import RecordedTicks, start_after
from infra.feeds.live.tape import BLOCK_TICKS
from infra.feeds.room import Room
from infra.feeds.series import Ticks
from market.bars import Bars, Times
from market.errors import DataError
from market.quotes import Quote
from tests.quotes import MINUTE, SECOND, quote, seeded_quotes, ticks_in_memory

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "fx_ticks"
SYMBOLS = ("EUR_USD", "USD_JPY")


def written(folder: Path, quotes: list[Quote]) -> tuple[Ticks, ...]:
    """The quotes as files, read back with the prices left on disk."""
    for symbol in {one.symbol for one in quotes}:
        own = [one for one in quotes if one.symbol == symbol]
        frame = pd.DataFrame(
            {
                "time": np.array([one.time for one in own]).astype("datetime64[ns]"),
                "bid": [one.bid for one in own],
                "ask": [one.ask for one in own],
            }
        )
        frame.to_parquet(folder / f"{symbol}.parquet")
    return FileFeed(folder, clock="UTC", room=Room(place="disk", scratch=folder)).ticks()


def source(ticks: tuple[Ticks, ...], begin: int = 0, history: Bars | None = None) -> RecordedTicks:
    return RecordedTicks(
        ticks, ManualClock(begin), begin=begin, name="recorded.parquet", history=history
    )


def test_files_are_played_tick_for_tick_across_blocks(tmp_path: Path) -> None:
    times = np.sort(np.random.default_rng(1).integers(0, 10**14, 2 * BLOCK_TICKS + 5))
    quotes = [
        Quote(symbol=SYMBOLS[row % 2], time=int(time), bid=1.0 + row / 1e6, ask=1.1)
        for row, time in enumerate(times // 1_000_000 * 1_000_000)
    ]
    expected = sorted(quotes, key=lambda one: (one.time, one.symbol))
    played = source(written(tmp_path, quotes))
    found: list[Quote] = []
    while not played.ended:
        found += played.quotes((found[-1].time if found else 0) + 10**12)
    assert found == expected


def test_no_tick_is_lost_where_a_block_ends() -> None:
    quotes = [quote(second, 1.0, 1.1) for second in range(2 * BLOCK_TICKS + 3)]
    played = source((ticks_in_memory("EUR_USD", quotes),))
    assert [played.quotes(one.time) for one in quotes] == [(one,) for one in quotes]
    assert played.ended


def test_speed_is_the_clocks(tmp_path: Path) -> None:
    quotes = [quote(second, 1.0, 1.1) for second in range(0, 7_200)]
    real = ManualClock(0)
    clock = PacedClock(3_600 * SECOND, 600.0, 0, wall=real.now, elapsed=real.now)
    played = RecordedTicks(written(tmp_path, quotes), clock, begin=clock.now(), name="x")
    counts = []
    for _ in range(7):
        counts.append(len(played.quotes(played.now())))
        real.advance(1.0)
    assert counts == [1, 600, 600, 600, 600, 600, 599]
    assert played.ended


def test_the_start_leaves_as_many_bars_as_the_agents_look_back() -> None:
    quotes = seeded_quotes(SYMBOLS, 7_200, seed=5, start=MINUTE)
    ticks = tuple(ticks_in_memory(symbol, quotes) for symbol in SYMBOLS)
    begin = start_after(ticks, 60, 20)
    history = source(ticks, begin).history(SYMBOLS, 60, 1_000)
    assert len(history) == 20
    assert history.time[-1] == begin
    assert source(ticks, begin).quotes(begin + 7_200 * SECOND)[0].time >= begin


def test_ticks_that_cannot_prime_the_agents_are_refused_with_what_to_do() -> None:
    ticks = (ticks_in_memory("EUR_USD", [quote(second, 1.0, 1.1) for second in range(600)]),)
    assert start_after(ticks, 60, 9) == 9 * MINUTE
    with pytest.raises(DataError, match="too few bars of 60 s: the agents look back 10"):
        start_after(ticks, 60, 10)
    longer = (ticks_in_memory("EUR_USD", [quote(second, 1.0, 1.1) for second in range(601)]),)
    with pytest.raises(DataError, match="too few bars"):  # a single tick would be left to trade
        start_after(longer, 60, 10)
    with pytest.raises(DataError, match="Choose shorter bars"):
        start_after(ticks, 3_600, 1)


def test_history_is_cut_where_the_first_bar_is_not_over() -> None:
    ticks = (ticks_in_memory("EUR_USD", [quote(second, 1.0, 1.1) for second in range(600)]),)
    played = source(ticks, begin=150 * SECOND)
    assert played.history(["EUR_USD"], 60, 9).time.tolist() == [MINUTE, 2 * MINUTE]
    played.quotes(239 * SECOND)
    assert played.history(["EUR_USD"], 60, 2).time.tolist() == [2 * MINUTE, 3 * MINUTE]
    assert len(source(ticks, begin=1).history(["EUR_USD"], 60, 9)) == 0


def earlier(ends: Times, interval_s: int = 60) -> Bars:
    """Bars that were known before the ticks began; they close at 5."""
    prices = np.full((len(ends), 1), 5.0)
    return Bars(
        symbols=("EUR_USD",), time=ends, open=prices, high=prices.copy(), low=prices.copy(),
        close=prices.copy(), spread=prices / 100.0, volume=prices.copy(), interval_s=interval_s,
    )  # fmt: skip


def test_given_bars_stand_before_those_of_the_ticks() -> None:
    ticks = (ticks_in_memory("EUR_USD", [quote(s, 1.0, 1.0) for s in range(90, 400)]),)
    given = earlier(np.arange(1, 10, dtype=np.int64) * MINUTE - 3 * MINUTE)
    history = source(ticks, 300 * SECOND, given).history(["EUR_USD"], 60, 6)
    assert (history.time // MINUTE).tolist() == [0, 1, 2, 3, 4, 5]
    # The ticks know the second minute only from its middle on.
    assert history.close[:, 0].tolist() == [5.0, 5.0, 5.0, 1.0, 1.0, 1.0]


def test_given_bars_of_another_length_are_refused() -> None:
    ticks = (ticks_in_memory("EUR_USD", [quote(s, 1.0, 1.0) for s in range(90)]),)
    given = earlier(np.array([0], dtype=np.int64), interval_s=3_600)
    with pytest.raises(DataError, match="expected bars of 60 s, found bars of 3,600 s"):
        source(ticks, 0, given).history(["EUR_USD"], 60, 6)


def test_files_of_bars_are_no_ticks(tmp_path: Path) -> None:
    frame = pd.DataFrame({"time": pd.date_range("2026-01-05", periods=3, freq="h"), "close": 1.0})
    frame.to_parquet(tmp_path / "EUR_USD.parquet")
    with pytest.raises(DataError, match="EUR_USD comes as fixings; expected ticks"):
        FileFeed(tmp_path, clock="UTC").ticks()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared/data is not here")
def test_a_played_day_makes_the_bars_that_the_replay_reads() -> None:
    feed = FileFeed(SHARED, clock="UTC", interval_s=900, room=Room(place="disk"))
    bars = feed.load()
    ticks = feed.ticks()
    begin = int(bars.time[9])
    played, board = source(ticks, begin), PriceBoard(bars.symbols, 900, np.zeros(2, dtype=np.int64))
    history = played.history(bars.symbols, 900, 99)
    np.testing.assert_array_equal(history.close, bars.close[:10])
    row = 10
    for now in range(begin, begin + 24 * 3_600 * SECOND, 30 * SECOND):
        for tick in played.quotes(now):
            board.put(tick, now)
        for bar in board.close_due(now):
            assert bar.time == bars.time[row]
            np.testing.assert_array_equal(bar.values[:5, :], [
                bars.open[row], bars.high[row], bars.low[row], bars.close[row], bars.spread[row]
            ])  # fmt: skip
            row += 1
    assert row > 90
    # A tick that repeats the one before it word for word is no news, but the file counts it.
    dropped = sum(board.counts.dropped.values())
    assert 0 <= dropped < 10
