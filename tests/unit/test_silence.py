"""Silence: told once, in open hours only, and once more when it is over."""

from __future__ import annotations

import numpy as np

from infra.feeds.live.hours import standard_hours
from infra.feeds.live.silence import OPENING_NS, SilenceWatch
from infra.feeds.live.staleness import staleness_limits
from market.instruments import Instrument, Registry
from tests.quotes import MINUTE, SECOND
from tests.unit.test_trading_hours import at

REGISTRY = Registry()
EUR, JPY = REGISTRY["EUR_USD"], REGISTRY["USD_JPY"]
TUESDAY = at("2026-07-07T12:00:00")
FRIDAY_CLOSE, SUNDAY_OPEN = at("2026-07-10T21:00:00"), at("2026-07-12T21:00:00")


def watch(*instruments: Instrument, started: int = TUESDAY, limit_s: int = 120) -> SilenceWatch:
    limits = np.full(len(instruments), limit_s * SECOND, dtype=np.int64)
    return SilenceWatch(instruments, limits, standard_hours(), started)


def share(symbol: str = "AAPL") -> Instrument:
    return Instrument(
        base=symbol, quote="USD", asset_class="equity", pip=0.01, price_increment=0.01,
        unit_increment=1.0, typical_spread_pips=1.0, margin_rate=0.2,
    )  # fmt: skip


def test_a_silence_is_told_once_and_its_end_once() -> None:
    look = watch(EUR, JPY).look
    assert look(TUESDAY + 120 * SECOND, (TUESDAY, TUESDAY)) == ()
    (fell,) = look(TUESDAY + 121 * SECOND, (TUESDAY, TUESDAY + 100 * SECOND))
    assert (fell.symbols, fell.began, fell.over) == (("EUR_USD",), TUESDAY, False)
    assert str(fell) == "no prices for 121 s while the market is open: EUR_USD"
    assert look(TUESDAY + 130 * SECOND, (TUESDAY, TUESDAY + 100 * SECOND)) == ()
    heard = TUESDAY + 140 * SECOND
    (back,) = look(heard, (heard, heard))
    assert (back.symbols, back.over) == (("EUR_USD",), True)
    assert str(back) == "prices again after 140 s of silence: EUR_USD"
    assert look(heard + SECOND, (heard, heard)) == ()


def test_instruments_that_fall_silent_together_are_told_together() -> None:
    one = watch(EUR, JPY)
    (fell,) = one.look(TUESDAY + 10 * MINUTE, (TUESDAY, TUESDAY + MINUTE))
    assert fell.symbols == one.silent == ("EUR_USD", "USD_JPY")
    assert fell.began == TUESDAY


def test_an_instrument_that_was_never_quoted_is_missed() -> None:
    one = watch(EUR)
    assert one.look(TUESDAY + 120 * SECOND, (0,)) == ()
    (fell,) = one.look(TUESDAY + 121 * SECOND, (0,))
    assert fell.symbols == ("EUR_USD",)


def test_a_weekend_is_no_silence_nor_is_its_end() -> None:
    one, last = watch(EUR), FRIDAY_CLOSE - 20 * SECOND
    times = range(FRIDAY_CLOSE - 20 * SECOND, SUNDAY_OPEN + OPENING_NS, MINUTE)
    assert [told for time in times for told in one.look(time, (last,))] == []
    first = SUNDAY_OPEN + 10 * SECOND
    assert one.look(first + SECOND, (first,)) == ()


def test_a_feed_that_does_not_come_back_on_sunday_is_told_some_minutes_after_the_open() -> None:
    one, last = watch(EUR), FRIDAY_CLOSE - SECOND
    due = SUNDAY_OPEN + OPENING_NS + 120 * SECOND
    assert one.look(due, (last,)) == ()
    (fell,) = one.look(due + 1, (last,))
    assert fell.began == SUNDAY_OPEN + OPENING_NS


def test_what_was_silent_at_the_close_begins_the_week_anew() -> None:
    one, last = watch(EUR), FRIDAY_CLOSE - 10 * MINUTE
    assert len(one.look(FRIDAY_CLOSE - SECOND, (last,))) == 1
    assert one.look(FRIDAY_CLOSE, (last,)) == ()
    assert one.silent == ()
    first = SUNDAY_OPEN + SECOND
    assert one.look(first, (first,)) == ()


def test_what_its_broker_closed_is_not_missed_whatever_the_hours_say() -> None:
    one = watch(EUR, JPY)
    late = TUESDAY + 10 * MINUTE
    (fell,) = one.look(late, (TUESDAY, TUESDAY), {"EUR_USD"})
    assert fell.symbols == one.silent == ("USD_JPY",)
    assert one.look(late, (TUESDAY, late), {"EUR_USD"})[0].over
    (fell,) = one.look(late + SECOND, (TUESDAY, late))
    assert fell.symbols == ("EUR_USD",)


def test_a_silent_instrument_that_its_broker_closes_is_silent_no_more() -> None:
    one = watch(EUR)
    assert len(one.look(TUESDAY + 10 * MINUTE, (TUESDAY,))) == 1
    assert one.look(TUESDAY + 11 * MINUTE, (TUESDAY,), {"EUR_USD"}) == ()
    assert one.silent == ()


def test_an_instrument_whose_hours_are_not_known_is_never_reported() -> None:
    assert watch(share(), EUR).look(TUESDAY + 10 * MINUTE, (0, TUESDAY + 10 * MINUTE)) == ()


def test_limits_follow_the_asset_class_on_a_stream_and_the_bar_elsewhere() -> None:
    stream = staleness_limits([EUR, share()], "stream", 3_600)
    assert (stream.stale_after // SECOND).tolist() == [5, 15]
    assert (staleness_limits([EUR], "ticks", 60).stale_after // SECOND).tolist() == [60]
    assert (staleness_limits([EUR], "bars", 3_600).stale_after // SECOND).tolist() == [3_600]
    assert (staleness_limits([EUR], "bars", 3_600).silent_after // SECOND).tolist() == [7_200]
