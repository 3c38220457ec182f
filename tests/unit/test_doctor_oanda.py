"""What `quorum doctor` makes of OANDA's streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from coordinator.doctor.oanda import STREAM_WITHIN_S, price_heard

HEARTBEAT = {"type": "HEARTBEAT", "time": "2025-01-02T12:00:00Z"}
PRICE = {"type": "PRICE", "instrument": "EUR_USD", "tradeable": True}


class Line:
    """A stream that brings a message every five seconds of a clock of its own."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.now = 100.0
        self.left = [*messages]

    def elapsed(self) -> float:
        return self.now

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while self.left:
            yield self.left.pop(0)
            self.now += 5.0


def test_a_price_stream_is_read_past_its_heartbeats_to_a_price() -> None:
    line = Line(HEARTBEAT, PRICE, PRICE)
    found = price_heard(iter(line), line.elapsed)
    assert (found.state, found.found) == ("pass", "a price after 5.0 s")
    assert line.left == [PRICE]


def test_heartbeats_alone_are_no_price_and_are_not_heard_for_ever() -> None:
    line = Line(*[HEARTBEAT] * 100)
    found = price_heard(iter(line), line.elapsed)
    assert found.state == "fail"
    assert f"no price in {STREAM_WITHIN_S:g} s" in found.found
    assert len(line.left) > 90


@pytest.mark.parametrize("tradeable", [False, "no"])
def test_a_price_that_cannot_be_traded_passes_as_that_of_a_closed_market(tradeable: Any) -> None:
    line = Line(PRICE | {"tradeable": tradeable})
    found = price_heard(iter(line), line.elapsed)
    assert found.state == "pass"
    assert found.found.endswith("EUR_USD is closed, market hours")
