"""A guardian is told of every fill once, whatever happens to the bars between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from market.events import Event
from market.live_events import AccountSeen, BreakersMoved
from market.live_messages import BarReady
from tests.exchanges import SYMBOLS
from tests.live_gateways import GatewayDesk, approved, crash, decided, gateway_desk, open_gateway
from tests.staged import taken

MINUTE = 60


def given(desk: GatewayDesk) -> BarReady:
    ready = desk.gateway.bar_ready()
    assert ready is not None
    return ready


def told(ready: BarReady) -> float:
    return float(ready.settlement.filled.sum())


def decide(desk: GatewayDesk, ready: BarReady, *, silent: bool = False) -> None:
    """The decision on a bar, without an order. silent: without the guardian."""
    decision = replace(taken(ready.bar.time), sequence=ready.sequence)
    reviewed = BreakersMoved(
        sequence=ready.sequence, time=ready.bar.time, memory=np.zeros(6), halt="NONE"
    )
    records: tuple[Event, ...] = (decision,) if silent else (decision, reviewed)
    desk.gateway.execute(replace(decided(desk.epoch, ready.sequence, None), records=records))


def trade(desk: GatewayDesk, number: int) -> None:
    """One order more, in another instrument, and its fill."""
    symbol = SYMBOLS[number]
    assert desk.execute(approved(symbol, 1_000.0), sequence=100 + number).sent == 1
    desk.market(symbol, 1.10)


def close_bar(desk: GatewayDesk) -> None:
    desk.market("EUR_USD", 1.10, seconds=MINUTE)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[GatewayDesk]:
    with gateway_desk(tmp_path) as made:
        made.market("EUR_USD", 1.10)
        close_bar(made)
        decide(made, given(made))
        yield made


def test_the_fills_of_a_bar_that_nobody_was_given_are_told_with_the_next(desk: GatewayDesk) -> None:
    trade(desk, 0)
    close_bar(desk)
    trade(desk, 1)
    close_bar(desk)
    ready = given(desk)
    assert told(ready) == 2.0
    decide(desk, ready)
    close_bar(desk)
    assert told(given(desk)) == 0.0


def test_the_fills_of_a_bar_whose_account_moved_after_it_are_told_with_the_next(
    desk: GatewayDesk,
) -> None:
    trade(desk, 0)
    assert desk.execute(approved("GBP_USD", 1_000.0), sequence=101).sent == 1
    close_bar(desk)
    desk.market("GBP_USD", 1.30)
    assert desk.gateway.bar_ready() is None
    close_bar(desk)
    assert told(given(desk)) == 2.0


def test_the_fills_that_a_guardian_was_silent_on_are_told_it_again(desk: GatewayDesk) -> None:
    trade(desk, 0)
    close_bar(desk)
    decide(desk, given(desk), silent=True)
    close_bar(desk)
    assert told(given(desk)) == 1.0


def test_the_fills_that_a_coordinator_died_on_are_told_its_successor(desk: GatewayDesk) -> None:
    trade(desk, 0)
    close_bar(desk)
    given(desk)
    desk.epoch = desk.gateway.attach().epoch
    close_bar(desk)
    assert told(given(desk)) == 1.0


def test_the_fills_before_a_gateway_died_are_told(desk: GatewayDesk, tmp_path: Path) -> None:
    trade(desk, 0)
    crash(desk)
    again = open_gateway(desk.bench, tmp_path)
    again.market("EUR_USD", 1.10)
    close_bar(again)
    assert told(given(again)) == 1.0


def test_a_bar_that_closed_while_the_one_before_was_decided_on_tells_its_fills_alone(
    desk: GatewayDesk,
) -> None:
    trade(desk, 0)
    close_bar(desk)
    first = given(desk)
    close_bar(desk)
    decide(desk, first)
    second = given(desk)
    assert (told(first), told(second)) == (1.0, 0.0)
    seen = {one.sequence: one.filled.sum() for one in desk.events(AccountSeen)}
    assert (seen[first.sequence], seen[second.sequence]) == (1.0, 0.0), "as they were shown"
