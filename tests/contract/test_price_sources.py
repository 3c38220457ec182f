"""What every source of prices must do, whatever its prices are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from infra.clock import ManualClock
from infra.feeds.live.board import PriceBoard
from infra.feeds.live.hours import standard_hours
from infra.feeds.live.recorded import RecordedTicks
from infra.feeds.live.recorded_bars import RecordedBars
from infra.feeds.live.synthetic import SyntheticPrices
from market.bar_window import BarSlice, slice_of
from market.bars import Bars
from market.errors import DataError
from market.instruments import Registry
from market.ports import PriceSource
from market.quotes import Quote
from tests.quotes import MINUTE, SECOND, seeded_quotes, ticks_in_memory
from tests.unit.test_trading_hours import at

SYMBOLS = ("EUR_USD", "USD_JPY")
ZERO = at("2026-07-10T20:00:00")
"""An hour before the week of currencies closes."""
BEGIN = ZERO + 20 * MINUTE + 7 * SECOND
END = ZERO + 60 * MINUTE
Begun = Callable[[int], PriceSource]


def recorded(begin: int) -> PriceSource:
    quotes = seeded_quotes(SYMBOLS, 3_600, seed=3, start=ZERO)
    ticks = [ticks_in_memory(symbol, quotes) for symbol in SYMBOLS]
    return RecordedTicks(ticks, ManualClock(begin), begin=begin, name="a test")


def synthetic(begin: int) -> PriceSource:
    registry = Registry()
    instruments = [registry[symbol] for symbol in SYMBOLS]
    return SyntheticPrices(instruments, 7, ManualClock(begin), begin=begin)


def synthetic_week(begin: int) -> PriceSource:
    registry = Registry()
    instruments = [registry[symbol] for symbol in SYMBOLS]
    return SyntheticPrices(instruments, 7, ManualClock(begin), begin=begin, hours=standard_hours())


def bars(begin: int) -> PriceSource:
    registry = Registry()
    instruments = [registry[symbol] for symbol in SYMBOLS]
    panel = synthetic(END + MINUTE).history(SYMBOLS, 60, 120)
    return RecordedBars(panel, instruments, ManualClock(begin), begin=begin, name="a test")


each_source = pytest.mark.parametrize("begun", [recorded, synthetic, synthetic_week, bars])


def played(source: PriceSource, begin: int, end: int, step: int) -> list[Quote]:
    """Everything up to a time, asked for in steps."""
    found: list[Quote] = []
    for until in (*range(begin, end, step), end):
        found += source.quotes(until)
    return found


@each_source
def test_quotes_come_in_order_from_the_beginning_on_each_once(begun: Begun) -> None:
    quotes = played(begun(BEGIN), BEGIN, END, 13 * SECOND)
    times = [quote.time for quote in quotes]
    assert times == sorted(times)
    assert BEGIN <= times[0] < BEGIN + MINUTE
    assert times[-1] <= END
    assert {quote.symbol for quote in quotes} == set(SYMBOLS)
    assert all(0.0 < quote.bid < quote.ask for quote in quotes)


@each_source
@pytest.mark.parametrize("step", [1 * SECOND, 7 * MINUTE, 60 * MINUTE])
def test_how_often_it_is_asked_changes_nothing(begun: Begun, step: int) -> None:
    assert played(begun(BEGIN), BEGIN, END, step) == list(begun(BEGIN).quotes(END))


@each_source
def test_nothing_later_than_asked_for_is_given(begun: Begun) -> None:
    source = begun(BEGIN)
    for until in range(BEGIN, BEGIN + 5 * MINUTE, SECOND):
        assert all(until - SECOND < quote.time <= until for quote in source.quotes(until))


@each_source
def test_a_source_begun_again_goes_on_to_the_last_bit(begun: Begun) -> None:
    whole = begun(BEGIN).quotes(END)
    for killed in (BEGIN + SECOND, whole[40].time, BEGIN + 11 * MINUTE):
        before, after = begun(BEGIN).quotes(killed), begun(killed + 1).quotes(END)
        assert before + after == whole


@each_source
@pytest.mark.parametrize("interval_s", [1, 60, 300])
def test_history_is_the_bars_of_its_own_quotes(begun: Begun, interval_s: int) -> None:
    source, stopped = begun(BEGIN), BEGIN + 15 * MINUTE + 3 * SECOND
    quotes = source.quotes(stopped)
    board = PriceBoard(SYMBOLS, interval_s, np.zeros(2, dtype=np.int64))
    for quote in quotes:
        board.put(quote, quote.time)
    length = interval_s * SECOND
    whole = [bar for bar in board.close_due(stopped) if bar.time - length >= BEGIN]
    assert len(whole) >= 2
    history = source.history(SYMBOLS, interval_s, len(whole))
    assert_same(history, whole)


def assert_same(history: Bars, bars: Sequence[BarSlice]) -> None:
    assert history.time.tolist() == [bar.time for bar in bars]
    for row, bar in enumerate(bars):
        np.testing.assert_array_equal(slice_of(history, row).values, bar.values)


@each_source
def test_history_ends_where_the_quotes_begin(begun: Begun) -> None:
    history = begun(BEGIN).history(SYMBOLS, 60, 6)
    assert len(history) == 6
    assert history.time[-1] <= BEGIN
    assert begun(BEGIN).history(SYMBOLS, 60, 4).time.tolist() == history.time[-4:].tolist()


@each_source
def test_history_comes_in_the_order_asked_for(begun: Begun) -> None:
    both = begun(BEGIN).history(SYMBOLS, 60, 5)
    other = begun(BEGIN).history(SYMBOLS[::-1], 60, 5)
    assert other.symbols == SYMBOLS[::-1]
    np.testing.assert_array_equal(other.close, both.close[:, ::-1])


@each_source
def test_history_of_an_unknown_instrument_is_refused(begun: Begun) -> None:
    with pytest.raises(DataError, match="EUR_USX, did you mean 'EUR_USD'"):
        begun(BEGIN).history(["EUR_USX"], 60, 5)


@each_source
def test_it_tells_the_time_of_its_clock_and_what_it_is(begun: Begun) -> None:
    source = begun(BEGIN)
    assert source.now() == BEGIN
    assert "EUR_USD USD_JPY" in source.description
