"""Where a paper exchange has its prices from: opened in its process, at any market time."""

from __future__ import annotations

import time
from collections.abc import Sequence

from coordinator.configuration.durations import bar_seconds
from coordinator.configuration.settings import Settings
from infra.clock import PacedClock
from infra.feeds.files import FileFeed
from infra.feeds.live.recorded import RecordedTicks, start_after
from infra.feeds.live.synthetic import LABEL, SyntheticPrices
from infra.feeds.room import Room
from infra.feeds.selection import ECB, open_feed
from infra.live.resuming import ticks_on_record
from market.errors import ConfigError
from market.instruments import Instrument
from market.ports import PriceSource
from market.quotes import PriceKind


def prices_said(settings: Settings) -> str:
    """What the prices are, for the record."""
    speed = settings.live.speed
    paced = "" if speed == 1.0 else f", at {speed:g} times real time"
    if settings.live.feed == "synthetic":
        return f"{LABEL}, seed {settings.desk.seed}{paced}"
    return ticks_on_record(str(settings.data.source), settings.data.clock) + paced


def price_kind(settings: Settings) -> PriceKind:
    """What the prices of a paper exchange are; it has no real ones."""
    synthetic = settings.live.feed == "synthetic"
    return PriceKind.SYNTHETIC if synthetic else PriceKind.RECORDED


def check_prices(settings: Settings) -> None:
    """Raise ConfigError where the feed and the data do not go together."""
    if settings.live.feed == "ticks" and settings.data.source == ECB:
        raise ConfigError(
            "--feed ticks needs recorded ticks: name their file or folder with --data. Without "
            "data, --feed synthetic trades on made-up prices."
        )


def open_prices(
    after: int | None, *, settings: Settings, instruments: Sequence[Instrument], rows: int
) -> PriceSource:
    """The configured prices, from their beginning or after a time of the market (UTC ns).

    While the exchange is down its market stands still. rows: bars that must lie before the first
    quote, so that the agents can be primed. Raises DataError, ConfigError.
    """
    check_prices(settings)
    speed = settings.live.speed
    if settings.live.feed == "synthetic":
        start = time.time_ns() if after is None else after
        return SyntheticPrices(
            instruments,
            settings.desk.seed,
            PacedClock(start, speed),
            begin=start if after is None else start + 1,
        )
    data, interval_s = settings.data, bar_seconds(settings.data.bar)
    feed = open_feed(
        data.source,
        symbols=[instrument.symbol for instrument in instruments],
        clock=data.clock,
        stamps=data.stamps,
        interval_s=interval_s,
        room=Room(place="disk"),
    )
    if not isinstance(feed, FileFeed):
        raise ConfigError(f"--data: expected files of recorded ticks, found {data.source}")
    ticks = feed.ticks()
    start = start_after(ticks, interval_s, rows) if after is None else after
    return RecordedTicks(
        ticks,
        PacedClock(start, speed),
        begin=start if after is None else start + 1,
        name=str(data.source),
    )
