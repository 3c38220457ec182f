"""Laws of candles: they are those of the quotes, however they were taken and kept."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.brokers.v20_server.candle_query import CandleQuery
from infra.brokers.v20_server.candle_store import CandleStore
from infra.brokers.v20_server.candle_times import GRANULARITIES, Alignment
from infra.brokers.v20_server.candle_values import Candle, Ohlc
from infra.brokers.v20_server.candles import found
from market.quotes import Quote
from tests.quotes import SECOND

START = 1_783_512_000 * SECOND
SYMBOL = "EUR_USD"
gaps = st.sampled_from(
    [0, 1, 900_000_000, 4 * SECOND, 61 * SECOND, 3_700 * SECOND, 90_000 * SECOND]
)
steps = st.tuples(gaps, st.integers(1, 9), st.integers(0, 3))


def quotes_of(drawn: Sequence[tuple[int, int, int]]) -> list[Quote]:
    quotes, time = [], START
    for gap, price, spread in drawn:
        time += gap
        quotes.append(Quote(symbol=SYMBOL, time=time, bid=float(price), ask=price + spread / 4))
    return quotes


def ohlc(prices: Sequence[float]) -> Ohlc:
    return Ohlc(prices[0], max(prices), min(prices), prices[-1])


def by_hand(quotes: Sequence[Quote], alignment: Alignment) -> list[tuple[Candle, int]]:
    """Candles from the quotes themselves."""
    candles = []
    for (start, end), group in groupby(quotes, key=lambda one: alignment.span(one.time)):
        own = list(group)
        candle = Candle(
            start=start,
            volume=len(own),
            bid=ohlc([one.bid for one in own]),
            ask=ohlc([one.ask for one in own]),
            mid=ohlc([one.mid for one in own]),
        )
        candles.append((candle, end))
    return candles


def query(alignment: Alignment, **asked: object) -> CandleQuery:
    settings = {"components": ("mid",), "count": None, "since": None, "before": None}
    return CandleQuery(
        alignment=alignment,
        **{**settings, "include_first": True, **asked},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("granularity", GRANULARITIES)
@given(drawn=st.lists(steps, min_size=1, max_size=25), cuts=st.sets(st.integers(0, 25)))
@settings(deadline=None, max_examples=20)
def test_they_are_made_of_the_quotes_whenever_these_were_saved_or_the_store_was_opened_again(
    granularity: str, drawn: list[tuple[int, int, int]], cuts: set[int]
) -> None:
    quotes, alignment = quotes_of(drawn), Alignment(granularity=granularity)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "candles.sqlite"
        store = CandleStore(path)
        for number, quote in enumerate(quotes):
            if number in cuts and quotes[number - 1].time < quote.time:
                store.save()
                store.close()
                store = CandleStore(path)
                # What was taken before comes again and counts once.
                store.take(quotes[:number], quote.time - 1)
            store.take([quote], quote.time)
        store.save()
        expected = by_hand(quotes, alignment)
        assert found(path, SYMBOL, query(alignment)) == expected
        assert found(path, SYMBOL, query(alignment, since=START)) == expected
        store.close()


@given(
    drawn=st.lists(steps, min_size=1, max_size=25), count=st.integers(1, 9), at=st.integers(0, 24)
)
@settings(deadline=None, max_examples=50)
def test_a_part_of_them_is_a_part_of_all(
    drawn: list[tuple[int, int, int]], count: int, at: int
) -> None:
    quotes, alignment = quotes_of(drawn), Alignment(granularity="M2")
    time = quotes[at % len(quotes)].time
    with TemporaryDirectory() as folder:
        path = Path(folder) / "candles.sqlite"
        store = CandleStore(path)
        store.take(quotes, quotes[-1].time)
        store.save()
        store.close()
        everything = by_hand(quotes, alignment)
        covering = [one for one in everything if one[1] > time]
        later = [one for one in everything if one[0].start > time]
        earlier = [one for one in everything if one[0].start < time]
        assert found(path, SYMBOL, query(alignment, since=time, count=count)) == covering[:count]
        assert (
            found(path, SYMBOL, query(alignment, since=time, count=count, include_first=False))
            == later[:count]
        )
        assert found(path, SYMBOL, query(alignment, before=time, count=count)) == earlier[-count:]
        both = query(alignment, since=quotes[0].time, before=time)
        if time > quotes[0].time:
            assert found(path, SYMBOL, both) == earlier
