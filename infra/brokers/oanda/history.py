"""The last closed bars of the desk's instruments, from OANDA's candles."""

from __future__ import annotations

from collections.abc import Sequence

from oandapyV20.endpoints import pricing

from infra.brokers.oanda.candles import bars_of, granularity_for, latest_candles, merged
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.paths import quoted
from infra.brokers.oanda.reading import reading
from infra.brokers.v20.times import SECOND_NS, nanoseconds_of
from market.bars import Bars
from market.errors import InvalidError


def history(
    connection: OandaConnection, symbols: Sequence[str], interval_s: int, bars: int
) -> Bars:
    """At most so many bars, newest last, all instruments on one time axis; NaN where one was not
    quoted while another was. An interval that OANDA has no candles of is made of shorter ones.

    Raises as `OandaConnection.ask`, and InvalidError for an interval that no candle divides.
    """
    if bars < 1:
        raise InvalidError(f"expected at least one bar, found {bars}")
    granularity, parts = granularity_for(interval_s)
    # With parts, one bar more: the oldest may lack its beginning, the newest its end.
    count = bars if parts == 1 else (bars + 2) * parts
    columns = [latest_candles(connection, symbol, granularity, count) for symbol in symbols]
    if parts > 1:
        ended = _now(connection, symbols) - interval_s * SECOND_NS
        columns = [
            [one for one in merged(candles, interval_s)[-bars - 1 :] if one.start <= ended][-bars:]
            for candles in columns
        ]
    panel = bars_of(columns, tuple(symbols), interval_s)
    return panel.rows(max(len(panel) - bars, 0), len(panel))


def _now(connection: OandaConnection, symbols: Sequence[str]) -> int:
    """The broker's clock: ours may show another time than its market has."""
    params = {"instruments": symbols[0]}
    answer = connection.ask(pricing.PricingInfo(quoted(connection.account), params=params))
    with reading("the answer about prices"):
        return nanoseconds_of(answer["time"])
