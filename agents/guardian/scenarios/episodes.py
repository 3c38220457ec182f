"""Days that are remembered, replayed on the positions of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from agents.guardian.scenarios.returns import crossed, filled, quote_rates, value_profits
from market.bars import Floats, Times
from market.instruments import Instrument

DAY_NS = 86_400 * 10**9
LONGEST_GAP_NS = 7 * DAY_NS
"""Prices that are further apart do not tell what happened between them: holidays are shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """first: the last calm day; last: the day on which it is told. Both ISO, UTC, inclusive."""

    name: str
    first: str
    last: str
    what: str

    @property
    def span(self) -> tuple[int, int]:
        """From the end of the first day to the end of the last, UTC nanoseconds."""
        ends = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (self.first, self.last)]
        first, last = (int(end.timestamp()) * 10**9 + DAY_NS for end in ends)
        return first, last


EPISODES = (
    Episode(
        name="CRISIS_2008",
        first="2008-09-12",
        last="2009-03-09",
        what="from the last close before Lehman Brothers failed to the low of the equity markets",
    ),
    Episode(
        name="FRANC_2015",
        first="2015-01-14",
        last="2015-01-23",
        what="the Swiss National Bank gave up the floor of 1.20 under EUR_CHF on 2015-01-15",
    ),
    Episode(
        name="STERLING_2016",
        first="2016-06-23",
        last="2016-07-08",
        what="the United Kingdom voted to leave the European Union",
    ),
    Episode(
        name="PANDEMIC_2020",
        first="2020-02-19",
        last="2020-03-23",
        what="from the high of the equity markets to their low",
    ),
    Episode(
        name="RATES_2022",
        first="2022-02-23",
        last="2022-10-14",
        what="war, inflation, the rise of the dollar and the fall of sterling and the yen",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodePath:
    """What a position worth 1 would have earned since the episode began.

    time: (T,). profit: (T, M) account currency; a column is NaN where the data do not hold the
    instrument, or what converts it, through the whole of the episode. Empty where they hold none.
    """

    episode: Episode
    time: Times
    profit: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeLoss:
    """The worst that today's positions would have lost in an episode.

    loss: account currency, 0 or more, from the best moment of the episode to the worst one after
    it; NaN where a price is missing. began, ended: these two moments, UTC nanoseconds; 0 where
    nothing was lost or known. missing: the instruments held that the data do not hold.
    contribution: (M,) of each position to the loss.
    """

    name: str
    loss: float
    began: int
    ended: int
    missing: tuple[str, ...]
    contribution: Floats


def episode_paths(
    time: Times,
    closes: Floats,
    instruments: Sequence[Instrument],
    account_currency: str,
    episodes: Sequence[Episode] = EPISODES,
) -> tuple[EpisodePath, ...]:
    """Replay each episode once, for every book there may be.

    time: (T,) ends of bars. closes: (T, M) mids, NaN where there is no price. A cross without
    prices of its own goes through both legs. Prices up to 7 days old stand in for missing ones.
    Raises NoConversionPath where a quote currency cannot reach the account currency.
    """
    return tuple(
        _path(time, closes, instruments, account_currency, episode) for episode in episodes
    )


def episode_loss(path: EpisodePath, values: Floats, symbols: Sequence[str]) -> EpisodeLoss:
    """What positions of these values (M,), account currency, would have lost; their units fixed.

    What is not held needs no prices, and an empty book loses nothing. Where a price of what is held
    is missing the loss is unknown, never 0.
    """
    held = values != 0.0
    nothing = np.zeros_like(values)
    unheld = np.isnan(path.profit).any(axis=0) if len(path.profit) else np.ones_like(held)
    missing = tuple(symbol for symbol, lacks in zip(symbols, held & unheld, strict=True) if lacks)
    name = path.episode.name
    if missing or not np.isfinite(values).all():
        unknown = np.full_like(values, np.nan)
        return EpisodeLoss(
            name=name, loss=np.nan, began=0, ended=0, missing=missing, contribution=unknown
        )
    profits = path.profit[:, held] @ values[held]
    fall = np.maximum.accumulate(profits) - profits if len(profits) else profits
    if not len(fall) or not fall.max() > 0.0:
        return EpisodeLoss(name=name, loss=0.0, began=0, ended=0, missing=(), contribution=nothing)
    trough = int(np.argmax(fall))
    peak = int(np.argmax(profits[: trough + 1]))
    moved = np.where(held, path.profit[peak] - path.profit[trough], 0.0)
    return EpisodeLoss(
        name=name,
        loss=float(fall[trough]),
        began=int(path.time[peak]),
        ended=int(path.time[trough]),
        missing=(),
        contribution=np.where(held, values * moved, 0.0),
    )


def _path(
    time: Times,
    closes: Floats,
    instruments: Sequence[Instrument],
    account_currency: str,
    episode: Episode,
) -> EpisodePath:
    first, last = episode.span
    before = max(int(np.searchsorted(time, first - LONGEST_GAP_NS)), 0)
    start = int(np.searchsorted(time, first, side="right")) - 1
    stop = int(np.searchsorted(time, last, side="right"))
    if start < before or stop - start < 2:
        return EpisodePath(episode=episode, time=time[:0], profit=closes[:0])
    at = time[before:stop]
    whole = crossed(closes[before:stop], instruments)
    prices = np.where(_held_throughout(at, whole, start - before, last), filled(whole), np.nan)
    rates = quote_rates(prices, instruments, account_currency)
    chosen = slice(start - before, None)
    return EpisodePath(
        episode=episode, time=at[chosen], profit=value_profits(prices[chosen], rates[chosen])
    )


def _held_throughout(at: Times, closes: Floats, start: int, last: int) -> np.ndarray:
    """(M,) whether a price was never older than allowed, from row `start` to the time `last`."""
    known = ~np.isnan(closes)
    stamps = np.where(known, at[:, None], np.iinfo(np.int64).min // 2)
    newest = np.maximum.accumulate(stamps, axis=0)
    before_each = np.vstack([newest[start:-1], newest[-1:]])
    upto = np.append(at[start + 1 :], last)
    return np.asarray((upto[:, None] - before_each <= LONGEST_GAP_NS).all(axis=0))
