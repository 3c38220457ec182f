"""OANDA's streams over real HTTP: cut, stalled, ended, garbled, repeated, and told in order."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TokenText
from infra.brokers.oanda.environment import environment
from infra.brokers.oanda.pacing import Pace, Paces
from infra.brokers.v20.times import nanoseconds_of, rfc3339
from infra.deadlines import readable
from infra.feeds.oanda.stream import OandaStream, StreamTimes
from market.accounts import Transaction, TransactionKind
from market.errors import DataError, StreamLost, TransientError
from market.quotes import Quote
from tests.exchanges import START
from tests.streaming_http import WITHIN_S, OpenStream, StreamingServer, streaming_server
from tests.waiting import until

SECOND = 1_000_000_000
ACCOUNT = "001-001-0000001-001"
SYMBOLS = ("EUR_USD", "USD_JPY")
TIMES = StreamTimes(read_timeout_s=30.0)


def v20(number: int) -> dict[str, Any]:
    return {"id": str(number), "time": rfc3339(START + number * SECOND), "type": "CLIENT_CONFIGURE"}


def transaction_of(message: dict[str, Any]) -> Transaction:
    if message["type"] == "DEFECT":
        raise RuntimeError("a defect")
    if not str(message.get("id", "")).isdecimal():
        raise DataError(f"expected a transaction, found {message}")
    return Transaction(
        id=int(message["id"]),
        time=nanoseconds_of(message["time"]),
        kind=TransactionKind.NOTED,
        client_order_id="",
        symbol="",
    )


def beat(last: int | None = None, seconds: float = 0.0) -> dict[str, Any]:
    told = {} if last is None else {"lastTransactionID": str(last)}
    return {"type": "HEARTBEAT", "time": rfc3339(START + round(seconds * SECOND)), **told}


def price(seconds: float, bid: float, symbol: str = "EUR_USD", **changes: Any) -> dict[str, Any]:
    return {
        "type": "PRICE",
        "instrument": symbol,
        "time": rfc3339(START + round(seconds * SECOND)),
        "tradeable": True,
        "bids": [{"price": str(bid), "liquidity": 1}],
        "asks": [{"price": str(bid), "liquidity": 1}],
        **changes,
    }


class HandClock:
    """Real time as the stream is told of it, nanoseconds; it stands still unless it is moved."""

    def __init__(self) -> None:
        self.time = 0

    def __call__(self) -> int:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += round(seconds * SECOND)


@dataclass(slots=True)
class Desk:
    """A stream to a scripted server, and everything that was taken from it. missed: how many quotes
    had come before each word that some may be lost.
    """

    server: StreamingServer
    stream: OandaStream
    clock: HandClock
    record: list[int]
    away: threading.Event
    asked: list[int]
    before: list[str]
    ids: list[int] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)

    def hear(self, enough: Any) -> None:
        """Take what comes until that is enough."""
        deadline = time.monotonic() + WITHIN_S
        while not enough():
            assert readable([self.stream], deadline), "nothing more came"
            update = self.stream.take()
            self.ids += [one.id for one in update.transactions]
            self.quotes += update.quotes
            self.closed += update.closed
            self.times.append(update.time)
            if update.missed:
                self.missed.append(len(self.quotes) - len(update.quotes))

    def hear_ids(self, last: int) -> None:
        self.hear(lambda: self.ids and self.ids[-1] >= last)

    def hear_bid(self, bid: float) -> None:
        self.hear(lambda: self.quotes and self.quotes[-1].bid == bid)

    def lost(self) -> str:
        """What the stream ends with."""
        with pytest.raises(StreamLost) as told:
            self.hear(lambda: False)
        return str(told.value)


@contextmanager
def desk(
    after: int = 0,
    times: StreamTimes = TIMES,
    record: list[int] | None = None,
    real_time: bool = False,
) -> Iterator[Desk]:
    """record: the ids that the broker holds; while `away` is set it cannot be asked for them.
    before: what the server had been asked for when the record was first.
    """
    held, away = [] if record is None else record, threading.Event()
    asked, before = list[int](), list[str]()
    clock = HandClock()

    def backfill(last: int) -> list[Transaction]:
        if not asked:
            before.extend(server.asked)
        asked.append(last)
        if away.is_set():
            raise TransientError("the record is away")
        return [transaction_of(v20(number)) for number in held if number > last]

    with streaming_server() as server:
        connection = OandaConnection(
            environment=environment("local", server.url),
            account=ACCOUNT,
            tokens=TokenText("a-token"),
            paces=Paces(connections=Pace(1_000)),
        )
        stream = OandaStream(
            connection,
            SYMBOLS,
            after,
            transaction_of=transaction_of,
            backfill=backfill,
            clock=time.monotonic_ns if real_time else clock,
            times=times,
            rng=random.Random(1),
        )
        try:
            yield Desk(server, stream, clock, held, away, asked, before)
        finally:
            stream.close()
            connection.close()
            until(lambda: not threads())


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("oanda ")]


def test_the_stream_stands_before_the_record_is_asked_so_nothing_between_is_lost() -> None:
    held = [4, 5]
    with desk(after=3, record=held) as one:
        stream = one.server.transactions()
        one.hear_ids(5)
        assert one.asked == [3]
        assert any(path.endswith("transactions/stream") for path in one.before)
        stream.send(v20(6), v20(7))
        one.hear_ids(7)
        assert one.ids == [4, 5, 6, 7]


def test_prices_are_conflated_quotes_at_the_brokers_time() -> None:
    with desk() as one:
        prices = one.server.prices()
        assert prices.query["instruments"] == "EUR_USD,USD_JPY"
        prices.send(price(1, 1.1), price(2, 1.2), price(2, 150.0, "USD_JPY"))
        one.hear_bid(150.0)
        assert one.quotes[-2:] == [
            Quote(symbol="EUR_USD", time=START + 2 * SECOND, bid=1.2, ask=1.2),
            Quote(symbol="USD_JPY", time=START + 2 * SECOND, bid=150.0, ask=150.0),
        ]
        assert one.times[-1] >= START + 2 * SECOND


def test_heartbeats_are_no_prices_and_bars_close_on_time_without_any_message() -> None:
    with desk() as one:
        one.server.prices().send(beat(seconds=10))
        one.hear(lambda: one.times and one.times[-1] >= START + 10 * SECOND)
        one.clock.advance(0.5)
        one.hear(lambda: one.times[-1] == START + round(10.5 * SECOND))
        assert one.times == sorted(one.times)
        assert one.quotes == []


def test_an_instrument_that_is_not_tradeable_is_closed_and_has_no_quote() -> None:
    with desk() as one:
        prices = one.server.prices()
        prices.send(price(1, 1.1, tradeable=False), price(1, 150.0, "USD_JPY", asks=[]))
        one.hear(lambda: len(one.closed) == 2)
        assert (one.closed, one.quotes) == (["EUR_USD", "USD_JPY"], [])
        prices.send(price(2, 1.2))
        one.hear_bid(1.2)


def test_repeated_and_reordered_transactions_are_given_once_and_in_order() -> None:
    with desk(record=[1]) as one:
        stream = one.server.transactions()
        one.hear_ids(1)
        one.away.set()  # what came out of order needs no record once it is whole
        stream.send(v20(1), v20(3), v20(4), v20(4))
        stream.send(v20(2))
        one.hear_ids(4)
        assert one.ids == [1, 2, 3, 4]
        assert one.stream.health().duplicates == 2


def test_a_gap_is_filled_from_the_record_before_what_follows_is_given() -> None:
    with desk(record=[1], real_time=True) as one:
        stream = one.server.transactions()
        one.hear_ids(1)
        one.away.set()
        stream.send(v20(4))
        until(lambda: len(one.asked) >= 3)
        assert one.stream.take().transactions == ()
        one.record += [2, 3, 4]
        one.away.clear()
        one.hear_ids(4)
        assert one.ids == [1, 2, 3, 4]
        assert one.stream.health().filled_in >= 2


def test_a_heartbeat_that_is_ahead_of_what_came_fills_the_gap() -> None:
    with desk(record=[1]) as one:
        stream = one.server.transactions()
        one.hear_ids(1)
        one.record += [2, 3]
        stream.send(beat(last=3))
        one.hear_ids(3)
        assert one.ids == [1, 2, 3]


@pytest.mark.parametrize("how", ["cut", "end", "half a line", "no json", "no object", "not utf-8"])
def test_a_transaction_stream_that_dies_is_reopened_and_caught_up_while_prices_go_on(
    how: str,
) -> None:
    with desk(record=[1]) as one:
        stream, prices = one.server.transactions(), one.server.prices()
        one.hear_ids(1)
        one.record += [2, 3]  # nobody hears of them on the stream
        die(stream, how)
        again = one.server.transactions()
        one.hear_ids(3)
        again.send(v20(4))
        prices.send(price(1, 1.1))
        one.hear(lambda: one.ids[-1] == 4 and one.quotes)
        assert one.ids == [1, 2, 3, 4]
        assert one.stream.health().reconnects == 1


@pytest.mark.parametrize("how", ["cut", "end", "half a line", "no json", "no object", "not utf-8"])
def test_a_price_stream_that_dies_is_reopened_while_transactions_go_on(how: str) -> None:
    with desk(record=[1]) as one:
        stream, prices = one.server.transactions(), one.server.prices()
        prices.send(price(1, 1.1))
        one.hear_bid(1.1)
        die(prices, how)
        again = one.server.prices()
        stream.send(v20(2))
        again.send(price(0.5, 1.0), price(2, 1.2))
        one.hear_bid(1.2)
        one.hear_ids(2)
        assert [one.bid for one in one.quotes] == [1.1, 1.2]
        assert one.ids == [1, 2]
        assert one.missed == [1], "what was quoted before the second price may be lost"


def test_a_stream_that_stalls_is_taken_for_dead() -> None:
    times = StreamTimes(read_timeout_s=0.2)
    with desk(record=[1], times=times) as one:
        stalled = one.server.transactions()
        one.hear_ids(1)
        one.record.append(2)
        assert stalled.hung_up()
        one.server.transactions()
        one.hear_ids(2)


def test_a_price_message_that_cannot_be_read_is_counted_and_the_stream_goes_on() -> None:
    with desk() as one:
        prices = one.server.prices()
        prices.send({"type": "PRICE"}, {"type": "SOMETHING"}, price(1, 1.1))
        one.hear_bid(1.1)
        assert one.stream.health().unreadable == 1


def test_a_transaction_that_cannot_be_read_is_asked_for_again_not_left_out() -> None:
    with desk(record=[1]) as one:
        stream = one.server.transactions()
        one.hear_ids(1)
        one.record += [2, 3]
        stream.send({"id": "two", "type": "ORDER_FILL"}, v20(3))
        one.server.transactions()
        one.hear_ids(3)
        assert one.ids == [1, 2, 3]


def test_prices_are_asked_for_while_their_stream_cannot_be_had() -> None:
    asked: list[dict[str, str]] = []

    def pricing(query: dict[str, str]) -> dict[str, Any]:
        asked.append(query)
        return {"prices": [price(len(asked), 1.0 + len(asked))], "time": rfc3339(START)}

    with desk(times=StreamTimes(poll_s=0.05), real_time=True) as one:
        one.server.answers["/pricing"] = pricing
        prices = one.server.prices()
        one.server.refusing.add("pricing/stream")
        prices.cut()
        one.hear_bid(3.0)
        assert asked[0] == {"instruments": "EUR_USD,USD_JPY"}
        assert asked[1] == {"instruments": "EUR_USD,USD_JPY", "since": rfc3339(START)}
        one.server.refusing.clear()
        one.server.prices().send(price(1_000, 9.0))
        one.hear_bid(9.0)
        until(lambda: one.stream.health().prices_open)


def test_the_stream_is_lost_once_transactions_cannot_be_had_though_prices_come() -> None:
    with desk(record=[1]) as one:
        stream = one.server.transactions()
        one.server.prices().send(price(1, 1.1))
        one.hear_ids(1)
        one.server.refusing.add("transactions/stream")
        stream.cut()
        until(lambda: not one.stream.health().transactions_open)
        one.clock.advance(TIMES.lost_after_s + 0.1)
        assert "transactions could not be had for 10 s: " in one.lost()


def test_the_stream_is_lost_once_the_record_cannot_be_asked_for_long() -> None:
    with desk(record=[1]) as one:
        stream = one.server.transactions()
        one.hear_ids(1)
        one.away.set()
        stream.send(v20(5))
        until(lambda: not one.stream.health().caught_up)
        one.clock.advance(TIMES.lost_after_s + 0.1)
        assert "the record is away" in one.lost()


def test_a_short_absence_of_the_transaction_stream_is_not_told() -> None:
    with desk(record=[1]) as one:
        stream = one.server.transactions()
        one.hear_ids(1)
        one.server.refusing.add("transactions/stream")
        stream.cut()
        until(lambda: not one.stream.health().transactions_open)
        one.clock.advance(TIMES.lost_after_s - 0.1)
        told = len(one.times)
        one.hear(lambda: len(one.times) > told + 2)
        one.server.refusing.clear()
        one.server.transactions().send(v20(2))
        one.hear_ids(2)


def test_a_defect_in_a_thread_is_not_swallowed() -> None:
    with desk() as one:
        one.server.transactions().send({"type": "DEFECT"})
        with pytest.raises(RuntimeError, match="a defect"):
            one.hear(lambda: False)


@pytest.mark.parametrize("said", ["nothing yet", "a message"])
def test_no_thread_outlives_the_end_though_both_streams_are_silent(said: str) -> None:
    with desk(record=[1]) as one:
        stream, prices = one.server.transactions(), one.server.prices()
        if said == "a message":
            prices.send(price(1, 1.1))
            one.hear_bid(1.1)
        one.hear_ids(1)
        assert len(threads()) == 4
        one.stream.close()
        assert threads() == []
        assert stream.hung_up()
        assert prices.hung_up()
        with pytest.raises(StreamLost, match="closed here"):
            one.stream.take()
        one.stream.close()


def test_an_answer_that_comes_after_the_end_is_not_taken_and_ends_its_thread() -> None:
    asked, answer = threading.Event(), threading.Event()

    def late(_: dict[str, str]) -> dict[str, Any]:
        asked.set()
        assert answer.wait(WITHIN_S)
        return {"prices": [price(1, 1.1)]}

    with desk(times=StreamTimes(poll_s=0.05), real_time=True) as one:
        one.server.answers["/pricing"] = late
        prices = one.server.prices()
        one.server.refusing.add("pricing/stream")
        prices.cut()
        assert asked.wait(WITHIN_S)
        one.stream.close()
        assert threads() == ["oanda asker"]
        answer.set()
        until(lambda: not threads())
        assert one.stream.health().polled == 0


def test_prices_are_asked_for_where_their_stream_sends_not_even_a_heartbeat() -> None:
    with desk(times=StreamTimes(poll_s=0.05)) as one:
        one.server.answers["/pricing"] = lambda _: {"prices": [price(1, 1.1)]}
        one.server.prices()
        until(lambda: one.stream.health().prices_open)
        one.clock.advance(TIMES.missing_s + 0.1)
        one.hear_bid(1.1)


def test_health_tells_of_each_stream_by_itself() -> None:
    with desk(record=[1]) as one:
        stream, prices = one.server.transactions(), one.server.prices()
        stream.send(beat(last=1))
        one.hear_ids(1)
        until(lambda: one.stream.health().transaction_heartbeat_s < WITHIN_S)
        before = one.stream.health()
        assert before.price_heartbeat_s == before.price_heard_s == float("inf")
        prices.send(price(1, 1.1), beat(seconds=1))
        until(lambda: one.stream.health().price_heartbeat_s < WITHIN_S)
        health = one.stream.health()
        assert health.prices_open
        assert health.transactions_open
        assert health.caught_up
        assert (health.reconnects, health.polled, health.trouble) == (0, 0, "")


def die(stream: OpenStream, how: str) -> None:
    if how == "cut":
        stream.cut()
    elif how == "end":
        stream.end()
    elif how == "half a line":
        stream.raw(json.dumps(v20(2)).encode()[:20])
        stream.end()
    else:
        garbled = {"no json": b"<html>\n", "no object": b"[1]\n", "not utf-8": b"\xff\xfe\n"}
        stream.raw(garbled[how])
