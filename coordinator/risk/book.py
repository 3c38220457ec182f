"""A recorded account as the portfolio that an assessment takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from agents.guardian.assessment.portfolio import Portfolio
from agents.guardian.codes import Halt
from agents.guardian.scenarios.episodes import DAY_NS, EpisodePath, episode_paths
from agents.guardian.scenarios.returns import filled, quote_rates, value_returns
from coordinator.results.calendar import DAY_S, WEEKDAYS_A_YEAR, bar_calendar
from coordinator.results.record import RunRecord
from coordinator.risk.history import PriceHistory, instruments_of
from coordinator.risk.holding import limits_at_bar
from coordinator.risk.stops import stops_at
from market.bars import Floats, Times
from market.conversion import Indices
from market.errors import InvalidError, NoConversionPath
from market.instruments import Instrument

LONGEST = 1_000
FEWEST_DAYS = 101
"""Days whose returns can have a 99 % quantile; a shorter history is measured bar by bar."""
VOLUME_DAYS = 20
BY_DRAWDOWN = (Halt.DRAWDOWN.name, Halt.DRAWDOWN_FLATTEN.name)
"""Halts from whose end drawdown is measured anew; an agent that is enabled again ended none."""


def row_at(record: RunRecord, at: datetime | None) -> int:
    """The last bar that had settled by a moment; the last of all without one.

    Raises InvalidError where none had.
    """
    settled = record.settled
    if not len(settled):
        raise InvalidError(
            f"{record.session.session} has no settled bar yet: there is no account to assess. "
            "Wait for its first bar, or name another run."
        )
    if at is None:
        return len(settled) - 1
    row = int(settled.time.searchsorted(pd.Timestamp(at), side="right")) - 1
    if row < 0:
        raise InvalidError(
            f"--at: nothing had settled by {at:%Y-%m-%d %H:%M} UTC; "
            f"{record.session.session} has bars from {settled.time[0]:%Y-%m-%d %H:%M} "
            f"to {settled.time[-1]:%Y-%m-%d %H:%M}"
        )
    return row


def portfolio_at(record: RunRecord, row: int, history: PriceHistory) -> Portfolio:
    """The account after the bar of `row`, its risk measured on the prices up to then.

    Drawdown is measured as the guardian does: from the last re-arming, where there was one.
    Episodes are replayed on the whole history given, what came later included. Prices of days
    are measured where there are enough of them, else those of bars.
    """
    settled, session = record.settled, record.session
    instruments = instruments_of(record)
    armed = _armed(record, row)
    time, mid, rate = _prices(record, row, instruments)
    rows, periods_a_day = _rows(record, time)
    try:
        episodes = episode_paths(
            history.time, history.closes, instruments, session.account_currency
        )
    except NoConversionPath:  # then no episode can be told, and each says so
        episodes = _no_episodes(record)
    return Portfolio(
        instruments=instruments,
        account_currency=session.account_currency,
        time=int(settled.time[row].value),
        equity=float(settled.equity[row]),
        start=session.initial_balance if armed == 0 else float(settled.equity[armed]),
        equity_curve=settled.equity[armed : row + 1],
        units=settled.units[row],
        mid=settled.mid[row],
        spread=settled.spread[row],
        rate=settled.rate[row],
        stop_price=stops_at(record, row),
        daily_volume=_daily_volume(record, row, history),
        returns=value_returns(mid[rows], rate[rows]),
        periods_a_day=periods_a_day,
        days_a_year=_days_a_year(record),
        episodes=episodes,
        limits=limits_at_bar(record, row),
    )


def _armed(record: RunRecord, row: int) -> int:
    """The bar at which a drawdown halt was ended last, up to `row`; 0 where none was."""
    fallen = record.rearms["halt"].isin(BY_DRAWDOWN)
    ended = fallen & (record.rearms["time"] <= record.settled.time[row])
    if not ended.any():
        return 0
    last = record.rearms.loc[ended, "time"].iloc[-1]
    return int(np.searchsorted(record.settled.time, last, side="left"))


def _prices(
    record: RunRecord, row: int, instruments: Sequence[Instrument]
) -> tuple[Times, Floats, Floats]:
    """Times (T,), mids and rates (T, M) up to `row`, what a live desk was primed with before."""
    settled, account = record.settled, record.session.account_currency
    time = np.asarray(settled.time.as_unit("ns").asi8[: row + 1], dtype=np.int64)
    mid, rate = settled.mid[: row + 1], settled.rate[: row + 1]
    older = record.primed_time < time[0]
    if not older.any():
        return time, mid, rate
    primed = filled(record.primed_close[older])
    return (
        np.concatenate([record.primed_time[older], time]),
        np.vstack([primed, mid]),
        np.vstack([quote_rates(primed, instruments, account), rate]),
    )


def _rows(record: RunRecord, time: Times) -> tuple[Indices, float]:
    """Rows whose prices are compared, and how many of their periods make a day."""
    day = (time - 1) // DAY_NS  # a bar that ends at midnight belongs to the day before
    last = np.append(day[1:] != day[:-1], True)
    daily = np.flatnonzero(last)
    interval_s = record.session.interval_s
    if len(daily) >= FEWEST_DAYS or interval_s >= DAY_S:
        days = max(interval_s / DAY_S, 1.0)
        return daily[-LONGEST - 1 :].astype(np.int64), 1.0 / days
    bars = np.arange(len(time), dtype=np.int64)
    a_year = bar_calendar(record.settled.time, interval_s).bars_per_year
    return bars[-LONGEST - 1 :], a_year / _days_a_year(record)


def _days_a_year(record: RunRecord) -> float:
    settled, interval_s = record.settled, record.session.interval_s
    if interval_s == DAY_S:
        return bar_calendar(settled.time, interval_s).bars_per_year
    return float(WEEKDAYS_A_YEAR)


def _daily_volume(record: RunRecord, row: int, history: PriceHistory) -> Floats:
    """Mean units a day over the last days; NaN for currencies and metals, whose volume counts
    changes of price.
    """
    classes = [instrument.asset_class for instrument in instruments_of(record)]
    counted = np.array([kind in ("equity", "crypto") for kind in classes])
    until = int(record.settled.time[row].value)
    recent = (history.time <= until) & (history.time > until - VOLUME_DAYS * DAY_NS)
    days = len(np.unique((history.time[recent] - 1) // DAY_NS))
    total = history.volume[recent].sum(axis=0)
    mean = total / days if days else np.full(len(classes), np.nan)
    return np.where(counted, mean, np.nan)


def _no_episodes(record: RunRecord) -> tuple[EpisodePath, ...]:
    nothing = np.empty((0, len(record.session.symbols)))
    return episode_paths(np.empty(0, dtype=np.int64), nothing, (), "")
