"""Laws of the price board: bars are those of the ticks, and every quote is accounted for."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.feeds.live.board import PriceBoard
from infra.feeds.ticks import bars_of_ticks
from market.bar_window import BarSlice
from market.bars import VALUE_FIELDS
from market.marks import no_marks
from market.quotes import Quote
from tests.quotes import SECOND, quote

SYMBOLS = ("EUR_USD", "USD_JPY", "GBP_USD")
LIMITS = np.full(len(SYMBOLS), 5 * SECOND, dtype=np.int64)
LENGTHS = [1, 60, 900, 86_400]

any_tick = st.tuples(
    st.integers(0, 200_000_000),  # milliseconds: two days and some
    st.sampled_from(SYMBOLS),
    st.floats(0.5, 2.0),
    st.floats(0.0, 0.1),
)


def ticks_of(rows: list[tuple[int, str, float, float]]) -> list[Quote]:
    """In the order of their times, one of an instrument at a time."""
    once = {(symbol, time): (bid, spread) for time, symbol, bid, spread in rows}
    return [
        Quote(symbol=symbol, time=time * 1_000_000, bid=bid, ask=bid + spread)
        for (symbol, time), (bid, spread) in sorted(once.items(), key=lambda one: one[0][1])
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(any_tick, min_size=1, max_size=60), st.sampled_from(LENGTHS), st.integers(0, 2**32 - 1)
)
def test_bars_equal_those_of_the_ticks_to_the_last_bit_whatever_the_chopping(
    rows: list[tuple[int, str, float, float]], interval_s: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ticks, board, marks = ticks_of(rows), PriceBoard(SYMBOLS, interval_s, LIMITS), no_marks(3)
    bars: list[BarSlice] = []
    for tick in ticks:
        board.put(tick, tick.time)
        if rng.random() < 0.4:
            bars += board.close_due(tick.time)
        if rng.random() < 0.3:
            board.mark(marks, tick.time)
    bars += board.close_due(ticks[-1].time + 2 * 86_400 * SECOND)
    time = [bar.time for bar in bars]
    assert time == sorted(set(time))
    for column, symbol in enumerate(SYMBOLS):
        own = [tick for tick in ticks if tick.symbol == symbol]
        found = {bar.time: bar.values[:, column] for bar in bars if bar.values[5, column] > 0.0}
        if not own:
            assert not found
            continue
        ends, values = bars_of_ticks(
            np.array([tick.time for tick in own], dtype=np.int64),
            np.array([tick.bid for tick in own]),
            np.array([tick.ask for tick in own]),
            interval_s,
        )
        assert list(found) == ends.tolist()
        expected = np.stack([values[name] for name in VALUE_FIELDS], axis=1)
        np.testing.assert_array_equal(np.stack(list(found.values())), expected)


wild = st.builds(
    quote,
    st.floats(0.0, 400.0),
    st.sampled_from([1.0, 1.1, 0.0, -1.0, float("nan"), float("inf")]),
    st.sampled_from([1.1, 1.2, 1.0, float("nan")]),
    st.sampled_from([*SYMBOLS, "XXX_YYY"]),
)
looks = st.sampled_from(["put", "put", "put", "mark", "close", "skipped"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(looks, wild, st.floats(0.0, 500.0)), max_size=80))
def test_every_quote_is_looked_at_skipped_waiting_or_dropped(
    steps: list[tuple[str, Quote, float]],
) -> None:
    board, marks = PriceBoard(SYMBOLS, 60, LIMITS), no_marks(3)
    put, told, volume = 0, 0, 0.0
    for act, tick, second in steps:
        now = round(second * SECOND)
        if act == "put":
            board.put(tick, now)
            put += 1
        elif act == "mark":
            board.mark(marks, now)
            assert board.counts.waiting == 0
        elif act == "close":
            for bar in board.close_due(now):
                volume += float(np.nansum(bar.values[5]))
        else:
            told += board.take_skipped()
    counts = board.counts
    kept = counts.looked_at + counts.skipped + counts.waiting
    assert counts.put == put == kept + sum(counts.dropped.values())
    assert told + board.take_skipped() == counts.skipped
    for bar in board.close_due(10**15):
        volume += float(np.nansum(bar.values[5]))
    assert volume == kept  # conflated or not, a tick that was not dropped is in a bar
