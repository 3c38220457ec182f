"""History of OANDA's in files: whole, without duplicates, and taken up wherever it ended."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.brokers.v20.times import nanoseconds_of, rfc3339
from infra.feeds.files import FileFeed
from infra.feeds.oanda import candle_pages
from infra.feeds.oanda.download import PATIENCE_S, Downloaded, Progress, download
from infra.feeds.oanda.ports import Messages
from market.bars import Bars
from market.errors import ConfigError, DataError, InvalidError, TransientError

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
SOURCE = "OANDA v20 practice"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


BEGIN = at("2024-01-29")


class Killed(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class Broker:
    """A `Connection` with the candles of some hours. now: its clock; the hour that holds it is not
    complete. page: the most candles in an answer. failing: the next questions that are not
    answered; killing: the question at which the asker dies.
    """

    account: str = "001-001-0000001-001"
    hours: dict[str, list[int]] = field(default_factory=dict)
    now: int = at("2024-06-01")
    page: int = 5_000
    failing: int = 0
    killing: int = -1
    odd: set[int] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)

    def ask(self, endpoint: Any) -> dict[str, Any]:
        self.asked.append(endpoint.params)
        if len(self.asked) == self.killing:
            raise Killed
        if self.failing:
            self.failing -= 1
            raise TransientError("no answer")
        symbol = str(endpoint).split("/")[-2]
        if symbol not in self.hours:
            raise InvalidError(f"Invalid value specified for 'instrument': {symbol}")
        since = nanoseconds_of(endpoint.params["from"])
        count = min(int(endpoint.params["count"]), self.page)
        found = [hour for hour in self.hours[symbol] if since <= hour <= self.now][:count]
        return {"candles": [self.candle(symbol, hour) for hour in found]}

    def new_stream(self, *_: Any, **__: Any) -> Messages:
        raise AssertionError("no stream is read here")

    def candle(self, symbol: str, hour: int) -> dict[str, Any]:
        bids, asks, volume = quotes(symbol, hour)
        if hour in self.odd:
            bids, asks = asks, bids
        told = [{name: f"{price:.5f}" for name, price in zip("ohlc", side, strict=True)}
                for side in (bids, asks)]  # fmt: skip
        return {
            "time": rfc3339(hour),
            "bid": told[0],
            "ask": told[1],
            "volume": volume,
            "complete": hour + HOUR <= self.now,
        }


def quotes(symbol: str, hour: int) -> tuple[list[float], list[float], int]:
    """Bid and ask of an hour: open, high, low, close."""
    rng = random.Random(f"{symbol} {hour}")
    first, last = (round(1.1 + rng.uniform(-0.01, 0.01), 5) for _ in range(2))
    bids = [first, max(first, last) + 0.001, min(first, last) - 0.001, last]
    spread = round(rng.uniform(0.0001, 0.0003), 5)
    return bids, [price + spread for price in bids], rng.randrange(1, 100)


def expected(symbols: Sequence[str], broker: Broker, begin: int, end: int) -> Bars:
    """The bars that the broker's complete candles make."""
    hours = sorted({hour for symbol in symbols for hour in broker.hours[symbol]
                    if begin <= hour < end and hour + HOUR <= broker.now} - broker.odd)  # fmt: skip
    values = np.full((6, len(hours), len(symbols)), math.nan)
    for column, symbol in enumerate(symbols):
        for row, hour in enumerate(hours):
            if hour in broker.hours[symbol]:
                bids, asks, volume = quotes(symbol, hour)
                bids, asks = ([float(f"{one:.5f}") for one in side] for side in (bids, asks))
                mids = [(bid + ask) / 2.0 for bid, ask in zip(bids, asks, strict=True)]
                values[:, row, column] = [*mids, asks[3] - bids[3], volume]
    names = ("open", "high", "low", "close", "spread", "volume")
    return Bars(
        symbols=tuple(symbols),
        time=np.array(hours, dtype=np.int64) + HOUR,
        interval_s=3_600,
        **dict(zip(names, values, strict=True)),
    )


def week_hours(begin: int, days: int, seed: int = 1) -> list[int]:
    """Hours of trading, with nothing at weekends and a gap here and there."""
    rng = random.Random(seed)
    hours = range(begin, begin + days * DAY, HOUR)
    open_hours = [h for h in hours if datetime.fromtimestamp(h // SECOND, UTC).weekday() < 5]
    return [hour for hour in open_hours if rng.random() > 0.05]


def get(broker: Broker, folder: Path, end: int, begin: int = BEGIN, **settings: Any) -> Downloaded:
    (told,) = download(broker, ["EUR_USD"], "H1", begin, end, folder, source=SOURCE, **settings)
    return told


def loaded(folder: Path, symbols: Sequence[str] = ("EUR_USD",)) -> Bars:
    return FileFeed(folder / "H1", symbols).load()


def test_what_was_downloaded_is_read_by_the_feed_as_the_brokers_bars(tmp_path: Path) -> None:
    broker = Broker(hours={"EUR_USD": week_hours(BEGIN, 40), "DE30_EUR": week_hours(BEGIN, 40, 2)})
    end = BEGIN + 35 * DAY
    symbols = ["EUR_USD", "DE30_EUR"]
    told = download(broker, symbols, "H1", BEGIN, end, tmp_path, source=SOURCE)
    found = loaded(tmp_path, symbols)
    assert found.digest() == expected(symbols, broker, BEGIN, end).digest()
    assert sorted(path.name for path in (tmp_path / "H1").glob("*.parquet")) == [
        f"{symbol}_2024-{month}.parquet"
        for symbol in sorted(symbols)
        for month in ("01", "02", "03")
    ]
    assert [one.candles for one in told] == [one.held for one in told]
    assert sum(one.candles for one in told) == np.isfinite(found.close).sum()


def test_pages_meet_without_a_duplicate_or_a_gap(tmp_path: Path) -> None:
    broker = Broker(hours={"EUR_USD": week_hours(BEGIN, 40)}, page=7)
    get(broker, tmp_path, BEGIN + 35 * DAY)
    assert (
        loaded(tmp_path).digest() == expected(["EUR_USD"], broker, BEGIN, BEGIN + 35 * DAY).digest()
    )


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    broker, end = Broker(hours={"EUR_USD": week_hours(BEGIN, 40)}), BEGIN + 35 * DAY
    get(broker, tmp_path, end)
    broker.asked.clear()
    assert get(broker, tmp_path, end).candles == 0
    assert broker.asked == []


def test_a_later_and_an_earlier_range_extend_what_is_there(tmp_path: Path) -> None:
    hours = week_hours(BEGIN, 40)
    broker = Broker(hours={"EUR_USD": hours})
    get(broker, tmp_path, BEGIN + 12 * DAY, BEGIN + 10 * DAY)
    get(broker, tmp_path, BEGIN + 30 * DAY, BEGIN + 20 * DAY)
    told = get(broker, tmp_path, BEGIN + 20 * DAY)
    assert (
        loaded(tmp_path).digest() == expected(["EUR_USD"], broker, BEGIN, BEGIN + 30 * DAY).digest()
    )
    assert told.candles < len([hour for hour in hours if hour < BEGIN + 20 * DAY])


def test_the_candle_that_is_not_complete_is_fetched_once_it_is(tmp_path: Path) -> None:
    noon = BEGIN + 12 * HOUR
    broker = Broker(hours={"EUR_USD": [noon - 2 * HOUR, noon - HOUR, noon, noon + HOUR]})
    broker.now = noon + HOUR // 2
    assert get(broker, tmp_path, BEGIN + 30 * DAY).held == 2
    broker.now = noon + 2 * HOUR
    assert get(broker, tmp_path, BEGIN + 30 * DAY).held == 4


def test_nothing_is_taken_for_fetched_that_the_broker_has_not_come_to_yet(tmp_path: Path) -> None:
    noon = BEGIN + 12 * HOUR
    broker = Broker(hours={"EUR_USD": [noon - 2 * HOUR, noon - HOUR]}, now=noon)
    get(broker, tmp_path, BEGIN + 60 * DAY)
    broker.hours["EUR_USD"] += [noon, noon + HOUR]
    broker.now = noon + 3 * HOUR
    assert get(broker, tmp_path, BEGIN + 60 * DAY).held == 4


def test_a_candle_that_is_no_price_is_left_out_and_counted(tmp_path: Path) -> None:
    broker = Broker(hours={"EUR_USD": week_hours(BEGIN, 10)})
    broker.odd = set(broker.hours["EUR_USD"][5:7])
    assert get(broker, tmp_path, BEGIN + 8 * DAY).left_out == 2
    assert (
        loaded(tmp_path).digest() == expected(["EUR_USD"], broker, BEGIN, BEGIN + 8 * DAY).digest()
    )


@settings(max_examples=25)
@given(
    kills=st.lists(st.integers(1, 12), max_size=6),
    ends=st.lists(st.integers(1, 70), max_size=4),
    page=st.integers(50, 400),
)
def test_wherever_it_is_killed_it_is_taken_up_and_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory, kills: list[int], ends: list[int], page: int
) -> None:
    folder = tmp_path_factory.mktemp("history")
    broker, last = Broker(hours={"EUR_USD": week_hours(BEGIN, 70)}, page=page), BEGIN + 66 * DAY
    for kill, days in zip(kills, ends or [66], strict=False):
        broker.killing = len(broker.asked) + kill
        with contextlib.suppress(Killed):
            get(broker, folder, BEGIN + min(days, 66) * DAY)
    broker.killing = -1
    get(broker, folder, last)
    assert loaded(folder).digest() == expected(["EUR_USD"], broker, BEGIN, last).digest()


def test_a_file_that_was_being_written_when_its_writer_died_is_not_read(tmp_path: Path) -> None:
    broker = Broker(hours={"EUR_USD": week_hours(BEGIN, 10)})
    (tmp_path / "H1").mkdir()
    half = tmp_path / "H1" / "EUR_USD_2024-01.parquet.new"
    half.write_bytes(b"PAR1 half of it")
    get(broker, tmp_path, BEGIN + 8 * DAY)
    assert not half.exists()
    assert len(loaded(tmp_path))


def test_a_broker_that_does_not_answer_is_asked_again_and_in_the_end_given_up(
    tmp_path: Path,
) -> None:
    broker, slept = Broker(hours={"EUR_USD": week_hours(BEGIN, 10)}, failing=2), list[float]()
    assert get(broker, tmp_path, BEGIN + 8 * DAY, sleep=slept.append).candles > 100
    assert slept == list(PATIENCE_S[:2])
    broker.failing = 100
    with pytest.raises(TransientError):
        get(broker, tmp_path, BEGIN + 9 * DAY, sleep=slept.append)


def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    broker, told = Broker(hours={"EUR_USD": week_hours(BEGIN, 40)}, page=100), list[Progress]()
    end = BEGIN + 30 * DAY
    found = get(broker, tmp_path, end, progress=told.append)
    assert [one.at for one in told] == sorted(one.at for one in told)
    assert (told[0].at, told[-1].at, told[-1].candles) == (BEGIN, end, found.candles)
    assert len(told) > 5


def test_prices_of_another_source_are_not_mixed_in(tmp_path: Path) -> None:
    broker = Broker(hours={"EUR_USD": week_hours(BEGIN, 10)})
    get(broker, tmp_path, BEGIN + 8 * DAY)
    with pytest.raises(DataError, match="OANDA v20 live"):
        download(
            broker, ["EUR_USD"], "H1", BEGIN, BEGIN + 8 * DAY, tmp_path, source="OANDA v20 live"
        )


def test_a_file_that_no_download_wrote_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "H1").mkdir()
    other = tmp_path / "H1" / "EUR_USD_2024-01.parquet"
    other.write_bytes(b"something else")
    with pytest.raises(DataError, match="not written by a download"):
        get(Broker(hours={"EUR_USD": []}), tmp_path, BEGIN + 8 * DAY)
    assert other.read_bytes() == b"something else"


def test_two_downloads_into_one_folder_are_refused(tmp_path: Path) -> None:
    broker = Broker(hours={"EUR_USD": week_hours(BEGIN, 10)})
    refused: list[str] = []

    def second(_: Progress) -> None:
        with pytest.raises(ConfigError) as told:
            get(broker, tmp_path, BEGIN + 8 * DAY)
        refused.append(str(told.value))

    get(broker, tmp_path, BEGIN + 8 * DAY, progress=second)
    assert "another download" in refused[0]


@pytest.mark.parametrize(
    ("symbol", "granularity", "end", "said"),
    [
        ("EUR_USD", "M7", BEGIN + DAY, "unknown granularity 'M7'"),
        ("EUR_USD", "H1", BEGIN, "a beginning before the end"),
        ("../EUR_USD", "H1", BEGIN + DAY, "found '../EUR_USD'"),
    ],
)
def test_what_cannot_be_downloaded_is_refused(
    tmp_path: Path, symbol: str, granularity: str, end: int, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        download(Broker(), [symbol], granularity, BEGIN, end, tmp_path, source=SOURCE)


def test_an_unknown_instrument_is_told_in_the_brokers_words(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="XXX_YYY"):
        download(Broker(), ["XXX_YYY"], "H1", BEGIN, BEGIN + DAY, tmp_path, source=SOURCE)


@pytest.mark.parametrize("spoil", [{"bid": {}}, {"volume": None}, {"time": "now"}])
def test_a_candle_that_cannot_be_read_is_not_guessed(spoil: dict[str, Any]) -> None:
    broker = Broker(hours={"EUR_USD": [BEGIN]})

    class Spoiled(Broker):
        def ask(self, endpoint: Any) -> dict[str, Any]:
            self.asked.append(endpoint.params)
            return {"candles": [{**broker.candle("EUR_USD", BEGIN), **spoil}]}

    pages = candle_pages.pages(Spoiled(), "EUR_USD", "H1", BEGIN, BEGIN + DAY)
    with pytest.raises(DataError):
        next(pages)
