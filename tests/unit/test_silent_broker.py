"""A stream that is readable while its broker says nothing does not make the broker heard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from coordinator.live.status_view import status_picture
from infra.feeds.oanda.health import StreamHealth
from market.accounts import StreamUpdate
from market.breaker_rules import FAILURES
from market.ports import BrokerStream
from tests.live import LiveDesk, live_desk
from tests.live_broker import FakeBroker

WELL = StreamHealth(
    price_heard_s=0.0, transaction_heard_s=1.25, price_heartbeat_s=0.0, transaction_heartbeat_s=0.0,
    prices_open=False, transactions_open=True, caught_up=True, reconnects=3, duplicates=0,
    filled_in=0, conflated=0, out_of_order=0, repeated=0, unreadable=0, polled=0,
    trouble="the price stream was cut",
)  # fmt: skip


class TickingStream:
    """Another stream, with what it says of how long the broker was silent."""

    def __init__(self, inner: BrokerStream, broker: TickingBroker) -> None:
        self._inner = inner
        self._broker = broker

    @property
    def heard_s(self) -> float:
        return self._broker.silent_s

    def health(self) -> StreamHealth:
        return replace(WELL, price_heard_s=self._broker.silent_s)

    def fileno(self) -> int:
        return self._inner.fileno()

    def take(self) -> StreamUpdate:
        return self._inner.take()

    def close(self) -> None:
        self._inner.close()


class TickingBroker(FakeBroker):
    """silent_s: of its streams."""

    silent_s = 0.0

    def subscribe(self, after: int) -> BrokerStream:
        return TickingStream(super().subscribe(after), self)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LiveDesk]:
    broker = TickingBroker()
    for symbol in broker.symbols:
        broker.market(symbol, 1.0, 1e-4)
    with live_desk(tmp_path, broker, loop_options={"heard_within_s": 0.5}) as one:
        yield one


def test_a_broker_that_is_silent_behind_its_stream_is_told_to_be_away_and_comes_back(
    desk: LiveDesk,
) -> None:
    broker = desk.broker
    assert isinstance(broker, TickingBroker)
    broker.silent_s = float("inf")

    def away(told: Mapping[str, Any]) -> bool:
        desk.prices()
        return not told["broker_connected"]

    assert desk.until(away)["broker_heard_s"] > 0.5
    broker.silent_s = 0.0

    def back(told: Mapping[str, Any]) -> bool:
        desk.prices()
        return bool(told["broker_connected"])

    assert desk.until(back)["broker_heard_s"] <= 0.5


def test_a_silent_broker_settles_no_failure_of_its_stream(desk: LiveDesk) -> None:
    assert isinstance(desk.broker, TickingBroker)
    desk.broker.silent_s = float("inf")

    def failed(told: Mapping[str, Any]) -> bool:
        desk.prices()
        return any(one["name"] == FAILURES and one["measured"] >= 1.0 for one in told["breakers"])

    desk.until(failed)
    desk.until(failed)
    assert "calling it anew" in " ".join(desk.told)
    desk.broker.silent_s = 0.0
    desk.until(lambda told: not failed(told))


def test_how_the_streams_are_is_told_with_the_status(desk: LiveDesk) -> None:
    assert isinstance(desk.broker, TickingBroker)
    desk.broker.silent_s = 2.5
    told = desk.until(lambda told: told["broker_stream"].get("price_heard_s") == 2.5)
    assert told["broker_stream"]["reconnects"] == 3
    written = StringIO()
    Console(file=written, width=140, force_terminal=False).print(status_picture(told))
    said = "prices 2.5 s ago, down; transactions 1.2 s ago; 3 reconnects; the price stream was cut"
    assert said in written.getvalue()


def test_a_stream_that_tells_nothing_of_itself_is_not_told_of(tmp_path: Path) -> None:
    with live_desk(tmp_path) as desk:
        told = desk.until(lambda told: bool(told["broker_connected"]))
        assert told["broker_stream"] == {}
