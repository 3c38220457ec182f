"""The account and the prices of a v20 server, from the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from coordinator.bootstrap import registry_of
from coordinator.configuration.durations import bar_seconds
from coordinator.configuration.settings import Settings
from coordinator.live.exchange_terms import exchange_terms
from coordinator.live.prices import open_prices
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.clock import PacedClock
from infra.feeds.live.recorded_bars import RecordedBars
from infra.feeds.selection import open_feed
from market.bars import Bars
from market.conversion import with_conversion_instruments
from market.errors import DataError
from market.instruments import Instrument
from market.ports import PriceSource

ServedFeed = Literal["synthetic", "ticks", "bars"]


def served_terms(settings: Settings) -> ExchangeTerms:
    """What the server trades: the chosen instruments, and those that convert their profits.

    Raises UnknownInstrument, NoConversionPath, ConfigError.
    """
    registry = registry_of(settings)
    traded = [registry[symbol] for symbol in dict.fromkeys(settings.data.instruments)]
    available = [registry[symbol] for symbol in registry.symbols()]
    currency = settings.desk.account_currency
    return exchange_terms(settings, with_conversion_instruments(traded, available, currency))


def open_served(
    after: int | None,
    *,
    settings: Settings,
    feed: ServedFeed,
    instruments: Sequence[Instrument],
    rows: int,
) -> PriceSource:
    """The prices, from their beginning or after a time of the market (UTC ns).

    rows: bars of the configured length that lie before the first quote; of bars at most half of
    them do. Raises DataError, ConfigError.
    """
    if feed != "bars":
        live = settings.live.model_copy(update={"feed": feed})
        chosen = settings.model_copy(update={"live": live})
        return open_prices(after, settings=chosen, instruments=instruments, rows=rows)
    bars = recorded_bars(settings, [one.symbol for one in instruments])
    start = int(bars.time[min(rows, len(bars) // 2) - 1]) if after is None else after
    return RecordedBars(
        bars,
        instruments,
        PacedClock(start, settings.live.speed),
        begin=start if after is None else start + 1,
        name=settings.data.source,
    )


def recorded_bars(settings: Settings, symbols: Sequence[str]) -> Bars:
    """The panel of the configured data. Raises DataError where it holds too few bars to play."""
    data = settings.data
    feed = open_feed(
        data.source,
        symbols=symbols,
        clock=data.clock,
        stamps=data.stamps,
        interval_s=bar_seconds(data.bar),
    )
    bars = feed.load()
    if len(bars) < 2:
        raise DataError(f"{data.source}: expected two bars or more to play, found {len(bars)}")
    return bars
