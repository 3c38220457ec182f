"""How often OANDA is asked, and what its answers tell of its clock."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oandapyV20.endpoints import accounts

from infra.brokers.oanda.clock_offset import SECOND_NS, ClockOffset
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TokenText
from infra.brokers.oanda.environment import environment
from infra.brokers.oanda.pacing import (
    CONNECTIONS_A_SECOND,
    REQUESTS_A_SECOND,
    Pace,
    Paces,
)
from tests.oanda import ACCOUNT, PREFIX, TOKEN, Slept
from tests.scripted_http import Reply, scripted


@given(st.integers(1, 5), st.lists(st.floats(0.0, 0.6), min_size=1, max_size=40))
def test_no_second_sees_more_than_it_may(count: int, gaps: list[float]) -> None:
    slept = Slept()
    pace = Pace(count, elapsed=slept.elapsed, sleep=slept.sleep)
    turns = []
    for gap in gaps:
        slept.now += gap
        pace.wait()
        turns.append(slept.now)
    for first, later in zip(turns, turns[count:], strict=False):
        assert later - first >= 1.0 - 1e-9


def test_nobody_waits_who_is_within_the_limit() -> None:
    slept = Slept()
    pace = Pace(3, elapsed=slept.elapsed, sleep=slept.sleep)
    for _ in range(3):
        pace.wait()
    assert slept.pauses == []
    pace.wait()
    assert slept.pauses == [pytest.approx(1.0)]


def test_the_limits_are_within_what_the_broker_allows() -> None:
    assert REQUESTS_A_SECOND <= 120
    assert CONNECTIONS_A_SECOND <= 2


def test_requests_and_new_connections_each_wait_for_their_turn() -> None:
    """A connection that is kept costs no turn; one that was dropped costs another."""
    asked, made = Slept(), Slept()
    paces = Paces(
        Pace(3, elapsed=asked.elapsed, sleep=asked.sleep),
        Pace(2, elapsed=made.elapsed, sleep=made.sleep),
    )
    with scripted(PREFIX) as server:
        kept = Reply(body={"lastTransactionID": "4"})
        dropped = Reply(body={"lastTransactionID": "4"}, headers={"Connection": "close"})
        server.next(kept, kept, dropped, dropped, kept)
        connection = OandaConnection(
            environment=environment("local", server.url),
            account=ACCOUNT,
            tokens=TokenText(TOKEN),
            paces=paces,
        )
        with contextlib.closing(connection):
            for _ in range(5):
                connection.ask(accounts.AccountSummary(ACCOUNT))
        assert server.connections == 3
    assert len(asked.pauses) == 1
    assert len(made.pauses) == 1


DATE = "Wed, 01 Jan 2031 00:00:03 GMT"
AT = 1_924_992_003 * SECOND_NS


def test_answers_narrow_the_brokers_clock_until_one_of_the_clocks_is_set() -> None:
    clock = ClockOffset()
    assert clock.offset_ns is None
    clock.note(DATE, AT + SECOND_NS // 4, AT + SECOND_NS // 4)
    assert clock.bounds_ns == (-SECOND_NS // 4, 3 * SECOND_NS // 4)
    clock.note(DATE, AT + SECOND_NS // 2, AT + SECOND_NS // 2)
    assert clock.bounds_ns == (-SECOND_NS // 4, SECOND_NS // 2)
    clock.note("no date", AT, AT)
    clock.note("", AT, AT)
    assert clock.offset_ns == SECOND_NS // 8
    clock.note(DATE, AT - 9 * SECOND_NS, AT - 9 * SECOND_NS)
    assert clock.bounds_ns == (9 * SECOND_NS, 10 * SECOND_NS)
