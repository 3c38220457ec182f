"""Prices of v20: what is one, what is kept, and what time it is at the broker."""

from __future__ import annotations

from typing import Any

import pytest

from infra.brokers.v20.times import rfc3339
from infra.feeds.oanda.broker_clock import AHEAD_NS, WINDOW_NS, BrokerClock
from infra.feeds.oanda.prices import PriceSlots, price_of
from market.errors import DataError
from market.quotes import Quote
from tests.exchanges import START

SECOND = 1_000_000_000


def message(
    seconds: float = 0.0, bid: str = "1.1", ask: str = "1.2", **changes: Any
) -> dict[str, Any]:
    return {
        "type": "PRICE",
        "instrument": "EUR_USD",
        "time": rfc3339(START + round(seconds * SECOND)),
        "tradeable": True,
        "bids": [{"price": bid, "liquidity": 1_000_000}],
        "asks": [{"price": ask, "liquidity": 1_000_000}],
        **changes,
    }


def quote(seconds: float = 0.0, bid: float = 1.1, ask: float = 1.2) -> Quote:
    return Quote(symbol="EUR_USD", time=START + round(seconds * SECOND), bid=bid, ask=ask)


def slots() -> PriceSlots:
    return PriceSlots(["EUR_USD", "USD_JPY"])


def test_a_price_is_its_best_bid_and_ask_at_the_brokers_time() -> None:
    deep = [{"price": "1.1", "liquidity": 1}, {"price": "1.0", "liquidity": 9}]
    assert price_of(message(0.5, bids=deep)).quote == quote(0.5)


@pytest.mark.parametrize(
    "changes",
    [
        {"tradeable": False},
        {"status": "non-tradeable"},
        {"status": "invalid"},
        {"bids": []},
        {"asks": []},
        {"asks": None},
        {"tradeable": "yes"},
    ],
)
def test_what_cannot_be_dealt_in_is_closed_and_has_no_quote(changes: dict[str, Any]) -> None:
    price = price_of(message(1.0, **changes))
    assert (price.symbol, price.time, price.quote) == ("EUR_USD", START + SECOND, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"instrument": None},
        {"time": "yesterday"},
        {"bids": [{"price": 1.1}]},
        {"bids": [{"price": "NaN"}]},
        {"bids": ["1.1"]},
        {"bids": {"price": "1.1"}},
    ],
)
def test_a_message_that_cannot_be_read_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        price_of(message(**changes))


def test_a_crossed_price_is_passed_on_as_it_is() -> None:
    assert price_of(message(bid="1.3", ask="1.2")).quote == quote(bid=1.3, ask=1.2)


def test_a_slow_reader_finds_the_newest_quote_and_how_many_it_missed() -> None:
    prices = slots()
    for second in range(5):
        assert prices.put(price_of(message(second, bid=f"1.0{second}")))
    assert prices.put(price_of(message(2, instrument="USD_JPY")))
    quotes, closed, skipped = prices.take()
    assert [(one.symbol, one.bid) for one in quotes] == [("EUR_USD", 1.04), ("USD_JPY", 1.1)]
    assert (closed, skipped, prices.conflated) == ((), 4, 4)
    assert prices.take() == ((), (), 0)


def test_older_prices_and_the_same_again_are_dropped_and_counted() -> None:
    prices = slots()
    prices.put(price_of(message(2)))
    assert not prices.put(price_of(message(1, bid="1.0")))
    assert not prices.put(price_of(message(2)))
    assert prices.put(price_of(message(2, bid="1.15")))
    assert (prices.out_of_order, prices.repeated) == (1, 1)
    assert prices.take()[0] == (quote(2, bid=1.15),)


def test_an_instrument_that_nobody_asked_for_is_not_kept() -> None:
    prices = slots()
    assert not prices.put(price_of(message(instrument="XAU_USD")))
    assert prices.take() == ((), (), 0)


def test_a_close_comes_with_the_quotes_before_it_and_the_next_quote_takes_it_back() -> None:
    prices = slots()
    prices.put(price_of(message(1)))
    prices.put(price_of(message(2, tradeable=False)))
    assert prices.take() == ((quote(1),), ("EUR_USD",), 0)
    prices.put(price_of(message(3, tradeable=False)))
    prices.put(price_of(message(4)))
    assert prices.take() == ((quote(4),), (), 0)


def test_a_price_from_before_the_close_opens_nothing() -> None:
    prices = slots()
    prices.put(price_of(message(2, tradeable=False)))
    prices.take()
    assert not prices.put(price_of(message(1)))
    assert prices.take() == ((), (), 0)


class Elapsed:
    """Real time in the test's hands, ns."""

    def __init__(self) -> None:
        self.time = 17

    def __call__(self) -> int:
        return self.time


def clock(speed: float = 1.0) -> tuple[BrokerClock, Elapsed]:
    elapsed = Elapsed()
    return BrokerClock(elapsed, speed), elapsed


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_between_messages_the_brokers_time_goes_on_at_its_speed(speed: float) -> None:
    at, elapsed = clock(speed)
    assert at.now() == 0
    at.stated(START, sure=True)
    assert at.now() == START
    elapsed.time += 2 * SECOND
    assert at.now() == START + 2 * speed * SECOND


def test_the_brokers_time_never_goes_back_and_the_earliest_message_counts() -> None:
    at, elapsed = clock()
    at.stated(START, sure=True)
    elapsed.time += 5 * SECOND
    at.stated(START + 4 * SECOND, sure=True)  # it was a second longer on its way
    assert at.now() == START + 5 * SECOND
    at.stated(START + 9 * SECOND, sure=True)
    assert at.now() == START + 9 * SECOND


def test_a_price_far_ahead_of_the_heartbeats_does_not_move_the_clock() -> None:
    at, _ = clock()
    at.stated(START - 3 * SECOND, sure=False)
    assert at.now() == START - 3 * SECOND
    at.stated(START, sure=True)
    at.stated(START + AHEAD_NS + 1, sure=False)
    assert at.now() == START
    at.stated(START + AHEAD_NS, sure=False)
    assert at.now() == START + AHEAD_NS


def test_a_clock_of_ours_that_runs_fast_is_followed_back_by_the_brokers() -> None:
    at, elapsed = clock()
    at.stated(START, sure=True)
    for window in range(1, 11):  # it gains a second in each
        elapsed.time += WINDOW_NS + SECOND
        at.stated(START + window * WINDOW_NS, sure=True)
    assert at.now() - (START + 10 * WINDOW_NS) == SECOND
