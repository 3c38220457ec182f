"""Candles of a v20 server, held against bars that were made without it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.brokers.v20.times import rfc3339
from infra.brokers.v20_server.candle_history import candles_before
from infra.clock import ManualClock
from infra.feeds.live.recorded import RecordedTicks
from infra.feeds.ticks import bars_of_ticks
from market.quotes import Quote
from tests import v20_messages
from tests.exchanges import SECOND, START
from tests.quotes import seeded_quotes, ticks_in_memory
from tests.v20_servers import ServedV20, served_v20

SYMBOL = "EUR_USD"
SECONDS = {"S5": 5, "S15": 15, "M1": 60, "M5": 300, "M30": 1_800, "H1": 3_600}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServedV20]:
    with served_v20(tmp_path) as served:
        yield served


def candles(bench: ServedV20, path: str = "/v3/instruments/EUR_USD", **asked: object) -> Any:
    answer = bench.ask("GET", f"{path}/candles", params=asked)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    if v20_messages.is_here():
        for one in found["candles"]:
            assert v20_messages.faults_of(one, "Candlestick") == []
    assert found["instrument"] == SYMBOL
    return found["candles"]


def traded(bench: ServedV20, seconds: int = 5_000) -> list[Quote]:
    """A market of random quotes with pauses, all of them taken."""
    quotes = [
        one for one in seeded_quotes([SYMBOL], seconds, seed=4, start=START) if one.time > START
    ]
    unique = [one for one, later in pairwise(quotes) if one.time < later.time]
    bench.put(*unique)
    return unique


@pytest.mark.parametrize("granularity", list(SECONDS))
def test_they_are_the_bars_of_the_quotes_with_gaps_where_there_was_none(
    bench: ServedV20, granularity: str
) -> None:
    quotes = traded(bench)
    length = SECONDS[granularity]
    ticks = ticks_in_memory(SYMBOL, quotes)
    ends, mids = bars_of_ticks(ticks.time[:], ticks.bid, ticks.ask, length)
    _, bids = bars_of_ticks(ticks.time[:], ticks.bid, ticks.bid, length)
    found = candles(bench, granularity=granularity, price="MB", count=5_000)
    starts = [rfc3339(int(end) - length * SECOND) for end in ends]
    assert [one["time"] for one in found] == starts
    assert [one["volume"] for one in found] == mids["volume"].tolist()
    for letter, field in zip("ohlc", ("open", "high", "low", "close"), strict=True):
        told = [float(one["mid"][letter]) for one in found]
        # Half an increment of 0.00001, and how a mid between two is rounded.
        np.testing.assert_allclose(told, mids[field], rtol=0.0, atol=0.51e-5)
        told = [float(one["bid"][letter]) for one in found]
        np.testing.assert_allclose(told, bids[field], rtol=0.0, atol=1e-9)
    assert [one["complete"] for one in found] == [True] * (len(found) - 1) + [False]
    assert "ask" not in found[0]


def test_a_candle_is_complete_once_its_time_is_over(bench: ServedV20) -> None:
    bench.market(SYMBOL, 1.1, seconds=3)
    assert [one["complete"] for one in candles(bench)] == [False]
    bench.market("USD_JPY", 150.0, seconds=2)
    assert [one["complete"] for one in candles(bench)] == [True]


def test_the_path_of_an_account_gives_the_same(bench: ServedV20) -> None:
    traded(bench)
    own = candles(bench, path="/instruments/EUR_USD", granularity="M1", price="MBA")
    assert own == candles(bench, granularity="M1", price="MBA")


def test_times_are_written_as_the_client_asks(bench: ServedV20) -> None:
    bench.market(SYMBOL, 1.1)
    headers = {"Accept-Datetime-Format": "UNIX"}
    found = bench.ask("GET", "/v3/instruments/EUR_USD/candles", headers=headers).json()
    assert found["candles"][0]["time"] == f"{START // SECOND}.000000000"


def test_pages_from_a_beginning_join_without_a_gap(bench: ServedV20) -> None:
    traded(bench)
    whole = candles(bench, granularity="S30", count=5_000)
    pages = candles(bench, granularity="S30", count=7, **{"from": rfc3339(START)})
    while len(more := _after(bench, pages[-1]["time"])) > 0:
        pages += more
    assert pages == whole


def _after(bench: ServedV20, time: str) -> Any:
    return candles(bench, granularity="S30", count=7, includeFirst=False, **{"from": time})


@pytest.mark.parametrize(
    "query", ["granularity=M7", "count=5001", "price=X", "from=2030-01-01T00:00:00Z", "smooth=true"]
)
def test_a_wrong_parameter_is_answered_400(bench: ServedV20, query: str) -> None:
    answer = bench.ask("GET", f"/v3/instruments/EUR_USD/candles?{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == ["errorMessage"]


def test_an_unknown_instrument_is_answered_400(bench: ServedV20) -> None:
    answer = bench.ask("GET", "/v3/instruments/EUR_USX/candles")
    assert answer.status_code == 400
    assert answer.json() == {"errorMessage": "Invalid value specified for 'instrument'"}


def test_they_survive_a_restart_and_go_on(bench: ServedV20) -> None:
    bench.market(SYMBOL, 1.1)
    bench.server.stop()
    bench.server.start()
    bench.market(SYMBOL, 1.3)
    (candle,) = candles(bench, granularity="H1")
    assert (candle["volume"], candle["mid"]["o"], candle["mid"]["c"]) == (2, "1.10000", "1.30000")


def test_what_lay_before_the_first_quote_is_history() -> None:
    """A server that began later has the same candles, but for their bids and asks."""
    quotes = seeded_quotes([SYMBOL], 9_000, seed=4, start=START)
    ticks = [ticks_in_memory(SYMBOL, quotes)]
    begin = START + 7_000 * SECOND + 1
    source = RecordedTicks(ticks, ManualClock(begin), begin=begin, name="a test")
    source.quotes(begin)
    found = candles_before(source, [SYMBOL], 60, 500, begin)
    for tier in (60, 3_600):
        length = tier * SECOND
        closed = [one for one in quotes if one.time < begin - begin % (5 * SECOND)]
        own = ticks_in_memory(SYMBOL, closed)
        ends, bars = bars_of_ticks(own.time[:], own.bid, own.ask, tier)
        made = found[tier, SYMBOL]
        assert [one.start + length for one in made] == ends.tolist()[-len(made) :]
        assert [one.mid.high for one in made] == bars["high"].tolist()[-len(made) :]
        assert [one.mid.close for one in made] == bars["close"].tolist()[-len(made) :]
        assert [one.volume for one in made] == bars["volume"].tolist()[-len(made) :]
    assert found[3_600, SYMBOL][-1].start + 3_600 * SECOND > begin, "also the one that had begun"
    assert len(found[60, SYMBOL]) > 40
