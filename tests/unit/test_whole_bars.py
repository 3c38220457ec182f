"""Bars are the market's also where the desk did not hear all of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from infra.live.whole_bars import WholeBars
from market.accounts import StreamUpdate
from market.bar_window import BarSlice
from market.live_events import BarClosed
from tests.live_broker import SECOND, FakeBroker
from tests.live_gateways import GatewayDesk, crash, gateway_desk, open_gateway

MINUTE = 60


def same_as_the_brokers(desk: GatewayDesk) -> None:
    """Every bar that was recorded, and none is missing between them."""
    recorded = desk.events(BarClosed)
    theirs = desk.bench.broker.history(MINUTE, len(recorded))
    assert [bar.time for bar in recorded] == theirs.time.tolist()
    for row, bar in enumerate(recorded):
        expected = [theirs.open, theirs.high, theirs.low, theirs.close, theirs.spread]
        np.testing.assert_array_equal(bar.values[:5], [values[row] for values in expected])


def test_a_bar_in_whose_middle_the_gateway_died_is_the_broker_s(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10, seconds=MINUTE)
        desk.market("EUR_USD", 1.20)
        crash(desk)
        again = open_gateway(desk.bench, tmp_path)
        again.market("EUR_USD", 1.15)
        again.market("EUR_USD", 1.15, seconds=MINUTE)
        same_as_the_brokers(again)
        assert again.events(BarClosed)[-1].values[1, 0] == 1.20


def lost_for(desk: GatewayDesk, bars: int) -> None:
    """The stream is gone while so many bars close, and is called anew."""
    desk.bench.broker.streams.remove(desk.stream)
    desk.stream.close()
    for number in range(bars):
        desk.bench.market("EUR_USD", 1.20 + number / 100.0, 0.0, seconds=MINUTE)
    desk.stream = desk.bench.broker.subscribe(desk.state.last_transaction)
    desk.gateway.heard_anew()


def test_bars_that_close_while_the_stream_is_lost_are_not_missing(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10, seconds=MINUTE)
        desk.market("EUR_USD", 1.11, seconds=MINUTE)
        desk.gateway.bar_ready()
        lost_for(desk, 3)
        desk.market("EUR_USD", 1.30, seconds=MINUTE)
        same_as_the_brokers(desk)
        ready = desk.gateway.bar_ready()
        assert ready is not None
        assert len(ready.missed) == 3


def test_a_bar_of_which_the_stream_says_that_quotes_were_missed_is_the_broker_s(
    tmp_path: Path,
) -> None:
    with gateway_desk(tmp_path) as desk:
        desk.market("EUR_USD", 1.10, seconds=MINUTE)
        desk.market("EUR_USD", 1.11, seconds=2 * MINUTE)
        desk.bench.market("EUR_USD", 1.20, 0.0)
        desk.stream.take()  # lost on its way: nobody hears of that price
        desk.gateway.take(StreamUpdate(time=desk.bench.time, missed=True))
        desk.market("EUR_USD", 1.15)
        desk.market("EUR_USD", 1.15, seconds=MINUTE)
        same_as_the_brokers(desk)
        assert desk.events(BarClosed)[-1].values[1, 0] == 1.20


def quoted(broker: FakeBroker, minutes: int) -> list[BarSlice]:
    """So many minutes of quotes, and the bars that were built of those that were heard."""
    for number in range(minutes):
        for symbol in broker.symbols:
            broker.market(symbol, 1.0 + number / 100.0, 1e-4, seconds=MINUTE / len(broker.symbols))
    own = np.ones((6, len(broker.symbols)))
    return [BarSlice(time=int(broker.history(MINUTE, 1).time[-1]), values=own)]


def whole_bars(broker: FakeBroker, most: int = 100) -> tuple[WholeBars, list[str]]:
    told: list[str] = []
    return WholeBars(broker, MINUTE, most, lambda _, said: told.append(said)), told


def test_where_the_broker_cannot_be_asked_people_are_told_what_the_bars_lack() -> None:
    broker = FakeBroker()
    whole, told = whole_bars(broker)
    heard = quoted(broker, 3)
    since = heard[0].time - 3 * MINUTE * SECOND
    with broker.unreachable():
        assert whole.whole(heard, since, broker.time) == heard
    (message,) = told
    assert "UTC may lack what was quoted while the broker was not heard" in message
    whole.missed()
    assert len(whole.whole(heard, since, broker.time)) == 3, "those that closed are all there"
    assert len(told) == 1


def test_a_broker_whose_history_is_no_quick_answer_is_not_asked_and_people_are_told() -> None:
    broker = FakeBroker()
    whole, told = whole_bars(broker, most=0)
    heard = quoted(broker, 3)
    asked = broker.asked.count("history")
    assert whole.whole(heard, heard[0].time - 3 * MINUTE * SECOND, broker.time) == heard
    assert broker.asked.count("history") == asked
    assert len(told) == 1


def test_a_broker_that_lacks_the_newest_bar_yet_is_told_of() -> None:
    broker = FakeBroker()
    whole, told = whole_bars(broker)
    (newest,) = quoted(broker, 3)
    later = BarSlice(time=newest.time + MINUTE * SECOND, values=newest.values)
    found = whole.whole([later], newest.time - MINUTE * SECOND, later.time)
    assert [bar.time for bar in found] == [newest.time, later.time]
    assert len(told) == 1


def test_a_first_word_of_the_broker_that_is_old_does_not_count_as_having_heard_the_bar() -> None:
    broker = FakeBroker()
    whole, _ = whole_bars(broker)
    old = broker.time
    whole.whole([], old, old)  # as a stream's heartbeat before any price
    (first,) = quoted(broker, 3)
    assert len(whole.whole([first], first.time - MINUTE * SECOND, broker.time)) == 1
    (second,) = quoted(broker, 1)
    (found,) = whole.whole([second], first.time, broker.time)
    assert found is not second, "the bar in which it was heard again is the broker's"
    (third,) = quoted(broker, 1)
    assert list(whole.whole([third], second.time, broker.time)) == [third]


def test_a_bar_that_is_on_record_is_not_made_again_of_an_old_price() -> None:
    broker = FakeBroker()
    whole, told = whole_bars(broker, most=0)
    (newest,) = quoted(broker, 3)
    assert list(whole.whole([newest], newest.time, newest.time + SECOND)) == []
    assert told == []


def test_no_more_bars_are_asked_for_than_a_desk_remembers() -> None:
    broker = FakeBroker()
    whole, _ = whole_bars(broker, most=4)
    found = whole.whole(quoted(broker, 6), 0, broker.time)
    assert [bar.time for bar in found] == broker.history(MINUTE, 4).time.tolist()
