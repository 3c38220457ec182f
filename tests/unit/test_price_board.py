"""The price board: what is kept, what is dropped, when a bar closes, how old a price is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infra.feeds.live.board import PriceBoard
from infra.feeds.live.rejects import Reject
from market.errors import ConfigError
from market.marks import no_marks
from market.quotes import Quote
from tests.quotes import SECOND, quote

SYMBOLS = ("EUR_USD", "USD_JPY")


def board(interval_s: int = 60, stale_s: int = 5, closed_until: int = 0) -> PriceBoard:
    stale = np.full(len(SYMBOLS), stale_s * SECOND, dtype=np.int64)
    return PriceBoard(SYMBOLS, interval_s, stale, closed_until=closed_until)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (quote(2, math.nan, 1.1), Reject.NOT_FINITE),
        (quote(2, 1.1, math.nan), Reject.NOT_FINITE),
        (quote(2, 1.1, math.inf), Reject.NOT_FINITE),
        (quote(2, 1.7e308, 1.7e308), Reject.NOT_FINITE),
        (quote(2, 0.0, 1.1), Reject.NOT_POSITIVE),
        (quote(2, -1.0, 1.1), Reject.NOT_POSITIVE),
        (quote(2, 1.2, 1.1), Reject.CROSSED),
        (quote(0.5, 1.0, 1.1), Reject.OUT_OF_ORDER),
        (quote(1, 1.0, 1.1), Reject.DUPLICATE),
        (quote(2, 1.0, 1.1, symbol="XXX_YYY"), Reject.UNKNOWN_INSTRUMENT),
        (quote(90, 1.0, 1.1), Reject.AHEAD),
    ],
)
def test_what_is_no_price_or_no_news_is_dropped_and_counted(bad: Quote, why: Reject) -> None:
    prices, marks = board(), no_marks(2)
    prices.put(quote(1, 1.0, 1.1))
    prices.put(bad, 2 * SECOND)
    assert prices.counts.dropped == {why: 1}
    prices.mark(marks, 2 * SECOND)
    assert marks.mid[0] == 1.05
    (bar,) = prices.close_due(60 * SECOND)
    assert bar.values[5, 0] == 1.0


def test_a_quote_stamped_far_ahead_does_not_shut_out_those_that_follow() -> None:
    prices = board()
    prices.put(quote(1, 1.0, 1.1), 1 * SECOND)
    prices.put(quote(9_999, 1.0, 1.1), 2 * SECOND)
    prices.put(quote(3, 1.2, 1.3), 3 * SECOND)
    assert prices.quoted_at() == (3 * SECOND, 0)


def test_a_late_tick_of_a_closed_bar_is_dropped_also_where_the_bar_was_empty() -> None:
    prices = board()
    prices.put(quote(30, 1.0, 1.1))
    assert len(prices.close_due(60 * SECOND)) == 1
    prices.put(quote(59, 1.0, 1.2))
    prices.put(quote(59, 1.0, 1.2, symbol="USD_JPY"))
    assert prices.counts.dropped == {Reject.LATE: 2}
    assert prices.close_due(200 * SECOND) == ()


def test_instruments_need_not_be_in_order_of_each_other() -> None:
    prices = board()
    prices.put(quote(61, 1.0, 1.1))
    prices.put(quote(59, 1.0, 1.2, symbol="USD_JPY"))
    first, second = prices.close_due(120 * SECOND)
    assert (first.time, second.time) == (60 * SECOND, 120 * SECOND)
    np.testing.assert_array_equal(first.values[3], [np.nan, 1.1])
    np.testing.assert_array_equal(second.values[3], [1.05, np.nan])


def test_a_bar_closes_at_its_end_not_before() -> None:
    prices = board()
    prices.put(quote(0, 1.0, 1.1))
    assert prices.close_due(60 * SECOND - 1) == ()
    (bar,) = prices.close_due(60 * SECOND)
    assert bar.time == 60 * SECOND
    np.testing.assert_array_equal(bar.values[:, 0], [1.05, 1.05, 1.05, 1.05, 1.1 - 1.0, 1.0])
    assert np.isnan(bar.values[:, 1]).all()
    assert prices.close_due(61 * SECOND) == ()


def test_a_tick_at_the_end_of_a_bar_belongs_to_the_next() -> None:
    prices = board()
    prices.put(quote(59, 1.0, 1.0))
    prices.put(quote(60, 2.0, 2.0))
    first, second = prices.close_due(120 * SECOND)
    assert (first.values[3, 0], second.values[0, 0]) == (1.0, 2.0)


def test_a_long_silence_is_not_answered_with_a_flood() -> None:
    prices = board(interval_s=1)
    prices.put(quote(10, 1.0, 1.1))
    prices.put(quote(90_000.5, 1.0, 1.2))
    assert [bar.time for bar in prices.close_due(200_000 * SECOND)] == [
        11 * SECOND,
        90_001 * SECOND,
    ]


def test_a_clock_that_steps_back_closes_nothing_and_is_counted() -> None:
    prices = board()
    prices.close_due(100 * SECOND)
    prices.put(quote(70, 1.0, 1.1))
    assert prices.close_due(50 * SECOND) == ()
    assert prices.counts.steps_back == 1
    (bar,) = prices.close_due(120 * SECOND)
    assert bar.time == 120 * SECOND


def test_a_restarted_board_does_not_make_known_bars_again() -> None:
    prices = board(closed_until=60 * SECOND)
    prices.put(quote(59, 1.0, 1.1))
    prices.put(quote(60, 1.0, 1.1))
    (bar,) = prices.close_due(120 * SECOND)
    assert bar.time == 120 * SECOND
    assert prices.counts.dropped == {Reject.LATE: 1}


def test_a_slow_reader_finds_the_newest_price_and_the_count_of_the_others() -> None:
    prices, marks = board(), no_marks(2)
    for second in range(1, 6):
        prices.put(quote(second, 1.0, 1.0 + second))
    assert (prices.take_skipped(), prices.take_skipped()) == (4, 0)
    prices.mark(marks, 5 * SECOND)
    assert (marks.mid[0], marks.spread[0], marks.age[0]) == (3.5, 5.0, 0.0)
    prices.put(quote(6, 1.0, 2.0))
    assert prices.take_skipped() == 0


def test_a_price_ages_in_bars_once_it_is_stale() -> None:
    prices, marks = board(interval_s=60, stale_s=5), no_marks(2)
    prices.put(quote(1, 1.0, 1.1))
    ages = []
    for second in (1, 6, 7, 66, 67):
        prices.mark(marks, second * SECOND)
        ages.append(float(marks.age[0]))
    assert ages == [0.0, 0.0, 1.0, 1.0, 2.0]


def test_what_the_broker_closed_is_infinitely_old_until_it_is_quoted_again() -> None:
    prices, marks = board(), no_marks(2)
    prices.put(quote(1, 1.0, 1.1))
    prices.put(quote(1, 2.0, 2.1, symbol="USD_JPY"))
    prices.close("EUR_USD")
    prices.mark(marks, 2 * SECOND)
    assert marks.age.tolist() == [math.inf, 0.0]
    assert marks.mid.tolist() == [1.05, 2.05]
    assert prices.closed == {"EUR_USD"}
    prices.put(quote(3, 1.0, 1.1))
    prices.mark(marks, 3 * SECOND)
    assert marks.age.tolist() == [0.0, 0.0]
    assert prices.closed == frozenset()


def test_a_quote_that_is_dropped_opens_no_instrument() -> None:
    prices, marks = board(), no_marks(2)
    prices.put(quote(2, 1.0, 1.1))
    prices.close("EUR_USD")
    prices.put(quote(1, 1.0, 1.1))
    prices.put(quote(3, 1.2, 1.1))
    prices.mark(marks, 3 * SECOND)
    assert marks.age[0] == math.inf


def test_a_bar_in_which_the_broker_closed_an_instrument_keeps_what_was_quoted_before() -> None:
    prices = board()
    prices.put(quote(1, 1.0, 1.1))
    prices.close("EUR_USD")
    prices.close("XXX_YYY")
    (bar,) = prices.close_due(60 * SECOND)
    assert bar.values[3, 0] == 1.05


def test_an_instrument_that_was_never_quoted_stays_unknown() -> None:
    prices, marks = board(), no_marks(2)
    prices.put(quote(1, 1.0, 1.1))
    prices.mark(marks, 2 * SECOND)
    assert np.isnan(marks.mid[1])
    assert np.isinf(marks.age[1])


@pytest.mark.parametrize("interval_s", [0, -60, 7, 172_800])
def test_a_length_that_does_not_divide_a_day_is_refused(interval_s: int) -> None:
    with pytest.raises(ConfigError, match="must divide a day"):
        board(interval_s=interval_s)
