"""What the gateway's breakers measure: prices, the broker's answers, the book."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.live.book_correlation import book_correlation
from infra.live.broker_watch import ORDERS, REQUESTS, STREAM, BrokerHealth, WatchedBroker
from infra.live.price_moves import FALL_NS, SAMPLE_NS, SECOND_NS, VOLATILITY_NS, PriceMoves
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.quotes import Quote
from tests.exchanges import order, quote
from tests.hand_clock import HandClock
from tests.live_broker import FakeBroker

START = 10**18
TICKS = st.lists(
    st.tuples(st.integers(0, 40 * SECOND_NS), st.floats(0.5, 2.0)), min_size=1, max_size=30
)


def walked(moves: PriceMoves, ticks: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The prices with their times, put one after the other."""
    now, put = START, []
    for step, mid in ticks:
        now += step
        put.append((now, mid))
        moves.put(quote("EUR_USD", now, mid))
    return put


@settings(max_examples=100, deadline=None)
@given(TICKS)
def test_a_fall_is_measured_from_the_extreme_that_stood_within_the_minute(
    ticks: list[tuple[int, float]],
) -> None:
    moves = PriceMoves(["EUR_USD"])
    put = walked(moves, ticks)
    now, last = put[-1]
    stood = [mid for (_, mid), (until, _) in pairwise(put) if until > now - FALL_NS] + [last]
    expected = max(1.0 - last / max(stood), 1.0 - min(stood) / last)
    assert moves.largest(now)[0] == expected
    assert moves.largest(now + FALL_NS)[0] == 0.0


@settings(max_examples=100, deadline=None)
@given(TICKS)
def test_volatility_sums_the_squares_of_sampled_returns_and_of_the_one_that_is_not_over(
    ticks: list[tuple[int, float]],
) -> None:
    moves = PriceMoves(["EUR_USD"])
    put = walked(moves, ticks)
    now = put[-1][0]
    sampled, squares = put[0][1], []
    for (time, mid), (after, _) in pairwise(put):
        if after // SAMPLE_NS > time // SAMPLE_NS:
            squares.append((time, math.log(mid / sampled) ** 2))
            sampled = mid
    kept = [square for time, square in squares if time > now - VOLATILITY_NS]
    expected = math.sqrt(sum(kept) + math.log(put[-1][1] / sampled) ** 2)
    assert moves.largest(now)[1] == pytest.approx(expected, abs=1e-15)


def test_a_rise_is_a_fall_of_what_an_instrument_is_quoted_in() -> None:
    moves = PriceMoves(["EUR_USD"])
    moves.put(quote("EUR_USD", START, 1.0))
    found = moves.put(quote("EUR_USD", START + 1, 1.25))
    assert found is not None
    assert found[0] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "bad",
    [
        Quote(symbol="EUR_USD", time=START + 1, bid=math.nan, ask=1.0),
        Quote(symbol="EUR_USD", time=START + 1, bid=0.5, ask=math.inf),
        Quote(symbol="EUR_USD", time=START + 1, bid=0.6, ask=0.5),
        Quote(symbol="EUR_USD", time=START + 1, bid=0.0, ask=0.5),
        Quote(symbol="EUR_USD", time=START - 1, bid=0.5, ask=0.5),
        Quote(symbol="GBP_USD", time=START + 1, bid=0.5, ask=0.5),
    ],
)
def test_a_quote_that_is_no_price_or_no_news_moves_nothing(bad: Quote) -> None:
    moves = PriceMoves(["EUR_USD"])
    moves.put(quote("EUR_USD", START, 1.0))
    assert moves.put(bad) is None
    assert moves.largest(START + 1) == (0.0, 0.0)


def test_the_book_correlates_as_the_mean_over_its_pairs_each_signed_by_both_sides() -> None:
    rng = np.random.default_rng(5)
    close = np.exp(np.cumsum(rng.normal(0.0, 0.01, (80, 5)) @ rng.normal(size=(5, 5)), axis=0))
    units = np.array([3.0, 0.0, -2.0, 1.0, 5.0])
    held, side = [0, 2, 3, 4], np.array([1.0, -1.0, 1.0, 1.0])
    matrix = np.corrcoef(np.diff(np.log(close[-61:, held]), axis=0), rowvar=False)
    pairs = (matrix * np.outer(side, side))[np.triu_indices(4, 1)]
    assert book_correlation(close, units, 60) == pytest.approx(pairs.mean(), abs=1e-12)


def test_a_book_of_two_correlates_with_nothing_and_one_that_cannot_be_measured_is_nan() -> None:
    close = np.exp(np.random.default_rng(1).normal(size=(30, 3)))
    assert book_correlation(close, np.array([1.0, 1.0, 0.0]), 20) == 0.0
    assert math.isnan(book_correlation(close[:5], np.ones(3), 20))
    assert book_correlation(np.ones((30, 3)), np.ones(3), 20) == 0.0
    close[:-10, 2] = np.nan
    assert math.isnan(book_correlation(close, np.ones(3), 20)), "nine returns"
    close[:, 2] = np.nan
    assert math.isnan(book_correlation(close, np.ones(3), 20))


def test_a_position_that_has_been_silent_for_long_leaves_the_correlation_unknown() -> None:
    together = np.exp(np.cumsum(np.random.default_rng(4).normal(0.0, 0.01, (80, 1)), axis=0))
    close = np.tile(together, (1, 3))
    assert book_correlation(close, np.ones(3), 20) == pytest.approx(1.0)
    close[-21:, 2] = np.nan
    assert math.isnan(book_correlation(close, np.ones(3), 20))


def test_where_a_price_is_missing_the_book_correlates_by_the_one_before() -> None:
    close = np.exp(np.cumsum(np.random.default_rng(2).normal(0.0, 0.01, (40, 3)), axis=0))
    standing = close.copy()
    standing[19] = standing[18]  # the first of the last 21
    standing[30, 1] = standing[29, 1]
    gaps = close.copy()
    gaps[19], gaps[30, 1] = np.nan, 0.0
    expected = np.corrcoef(np.diff(np.log(standing[-21:]), axis=0), rowvar=False)
    mean = expected[np.triu_indices(3, 1)].mean()
    assert book_correlation(gaps, np.ones(3), 20) == pytest.approx(mean, abs=1e-12)


def test_a_book_correlates_on_what_follows_the_first_price_of_every_position() -> None:
    close = np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.01, (40, 3)), axis=0))
    gaps = close.copy()
    gaps[:25, 0] = np.nan
    alone = book_correlation(close[25:], np.ones(3), 20)
    assert math.isfinite(alone)
    assert book_correlation(gaps, np.ones(3), 20) == alone


class Slow(FakeBroker):
    """Takes its time, and raises what a test wants."""

    def __init__(self, wall: HandClock, seconds: float) -> None:
        super().__init__()
        self._wall, self._seconds = wall, seconds
        self.error: Exception | None = None

    def find(self, client_order_id: str) -> None:
        del client_order_id
        self._wall.now += self._seconds
        if self.error is not None:
            raise self.error


def test_the_slowest_answer_since_the_last_look_is_told_and_the_last_one_stays() -> None:
    wall = HandClock()
    health = BrokerHealth(wall)
    broker = Slow(wall, 3.0)
    watched = WatchedBroker(broker, health)
    assert health.latency() == 0.0
    watched.find("a")
    watched.account()
    assert health.latency() == 3.0
    assert health.latency() == 3.0
    watched.account()
    assert health.latency() == 0.0


def test_many_orders_in_one_request_are_timed_by_the_order() -> None:
    health = BrokerHealth(HandClock())
    broker = FakeBroker()
    placed = WatchedBroker(broker, health).place_all([order("a", 1.0), order("b", 1.0)])
    assert [one.client_order_id for one in placed] == ["a", "b"]
    health.answered(0.5)
    assert health.latency() == 0.5


@pytest.mark.parametrize("error", [TransientError("away"), OutcomeUnknown("silent")])
def test_a_failure_counts_until_a_request_is_answered(error: Exception) -> None:
    wall = HandClock()
    health = BrokerHealth(wall)
    broker = Slow(wall, 0.0)
    watched = WatchedBroker(broker, health)
    broker.error = error
    for _ in range(3):
        with pytest.raises(type(error)):
            watched.find("a")
    assert health.failures == 1, "retries of a moment are one failure"
    wall.now += 5.0
    with pytest.raises(type(error)):
        watched.find("a")
    assert health.failures == 2
    broker.error = InvalidError("no such order")
    with pytest.raises(InvalidError):
        watched.find("a")
    assert health.failures == 0, "a refusal is an answer"


def test_a_lost_stream_counts_until_it_is_heard_and_each_order_without_an_answer() -> None:
    health = BrokerHealth(HandClock())
    health.failed(STREAM)
    health.failed(STREAM)
    health.failed(ORDERS)
    health.failed(ORDERS)
    assert health.failures == 3
    health.settled(STREAM)
    assert health.failures == 2
    health.settled(REQUESTS)
    assert health.failures == 2
    health.settled(ORDERS)
    assert health.failures == 0
