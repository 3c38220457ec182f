"""What the charts draw: series thinned to what a screen can show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from coordinator.results.curves import currency_exposure
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results
from market.bars import Floats
from market.conversion import Indices

FULL_RESOLUTION = 3_000
PIXELS = 900
BUCKETS = 260
VOTE_BINS = 21


def shown_rows(values: Floats, also: Floats) -> Indices:
    """Rows that draw a curve as all rows would: first, last, least and most of each pixel.

    The M4 aggregation of Jugel et al. (VLDB 2014). also: a second curve whose largest value is
    kept too.
    """
    count = len(values)
    if count <= FULL_RESOLUTION:
        return np.arange(count, dtype=np.int64)
    rows = [np.array([0, count - 1, int(np.argmax(also))])]
    for part in np.array_split(np.arange(count), PIXELS):
        inside = values[part]
        rows.append(part[[0, -1, int(np.argmin(inside)), int(np.argmax(inside))]])
    return np.unique(np.concatenate(rows))


def bucket_starts(count: int) -> Indices:
    """First rows of at most BUCKETS stretches of equal length."""
    return np.unique(np.linspace(0, count, min(count, BUCKETS), endpoint=False).astype(np.int64))


def bucket_means(values: Floats, starts: Indices) -> Floats:
    """Means (B, …) of values (T, …) over the stretches; NaN entries are left out."""
    known = np.add.reduceat((~np.isnan(values)).astype(np.float64), starts, axis=0)
    total = np.add.reduceat(np.nan_to_num(values), starts, axis=0)
    means: Floats = np.divide(total, known, out=np.zeros_like(total), where=known > 0.0)
    return means


def account_series(results: Results) -> dict[str, Any]:
    """Equity, basket and drawdown by time."""
    curve = results.curve
    rows = shown_rows(curve["equity"].to_numpy(), curve["drawdown"].to_numpy())
    part = curve.iloc[rows]
    digits = 0 if curve["equity"].max() >= 10_000.0 else 2
    return {
        "time": seconds(pd.DatetimeIndex(part.index)),
        "equity": rounded(part["equity"], digits),
        "basket": rounded(part["basket"], digits),
        "drawdown": rounded(-part["drawdown"], 4),
    }


def halted_spans(record: RunRecord) -> list[list[int]]:
    """From each drawdown halt to its re-arming, or to the end; seconds since 1970."""
    halts = record.halts.loc[record.halts["halt"] == "DRAWDOWN", "time"]
    rearmed = pd.DatetimeIndex(record.rearms["time"])
    if not len(record.settled):
        return []
    spans = []
    for start in halts:
        later = rearmed[rearmed > start]
        end = later[0] if len(later) else record.settled.time[-1]
        spans.append([int(start.timestamp()), int(end.timestamp())])
    return spans


def exposure_series(record: RunRecord) -> dict[str, Any]:
    """Mean net exposure by currency over equity, by stretch of bars, largest first."""
    exposure = currency_exposure(record)
    if exposure.empty:
        return {"time": [], "rows": {}}
    starts = bucket_starts(len(exposure))
    means = bucket_means(exposure.to_numpy(), starts)
    order = np.argsort(-np.abs(means).mean(axis=0), kind="stable")
    return {
        "time": seconds(record.settled.time[starts]),
        "rows": {str(exposure.columns[c]): rounded(means[:, c], 3) for c in order},
    }


def vote_series(record: RunRecord) -> dict[str, Any]:
    """By agent, the mean size of its votes to buy and to sell, by stretch of bars."""
    scores = record.decided.scores
    if not len(scores):
        return {"time": [], "rows": {}}
    starts = bucket_starts(len(scores))
    halves = (np.maximum(scores, 0.0), np.minimum(scores, 0.0))
    buy, sell = (bucket_means(half.transpose(0, 2, 1), starts).mean(axis=1) for half in halves)
    return {
        "time": seconds(record.decided.time[starts]),
        "rows": {
            name: {"buy": rounded(buy[:, a], 3), "sell": rounded(sell[:, a], 3)}
            for a, name in enumerate(record.agents)
        },
    }


def vote_histogram(record: RunRecord, agent: int) -> Floats:
    """Share (VOTE_BINS,) of the agent's votes by score, from −1 to 1, neutral ones left out."""
    scores = record.decided.scores[:, agent]
    taken = scores[~np.isnan(scores) & (scores != 0.0)]
    counts, _ = np.histogram(taken, bins=VOTE_BINS, range=(-1.0, 1.0))
    shares: Floats = counts / max(int(counts.sum()), 1)
    return shares


def order_sizes(record: RunRecord) -> Floats:
    """Value of every approved order over equity, at the decision; NaN without a price."""
    approved = record.verdicts[record.verdicts["verdict"] == "APPROVED"]
    settled = record.settled
    rows = settled.row_of(approved["sequence"].to_numpy())
    columns = [record.session.symbols.index(symbol) for symbol in approved["symbol"]]
    value = np.abs(approved["units"].to_numpy()) * (settled.mid * settled.rate)[rows, columns]
    sizes: Floats = value / settled.equity[rows]
    return sizes


def seconds(time: pd.DatetimeIndex) -> list[int]:
    """Seconds since 1970."""
    whole: list[int] = (time.as_unit("ns").asi8 // 1_000_000_000).tolist()
    return whole


def rounded(values: Any, digits: int) -> list[float | None]:
    """For JSON: rounded, null where there is no number."""
    array = np.round(np.asarray(values, dtype=np.float64), digits)
    if digits == 0:
        return [int(value) if np.isfinite(value) else None for value in array]
    return [float(value) if np.isfinite(value) else None for value in array]
