"""Momentum: what has risen against its own volatility goes on rising."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from agents.ballot import Ballot
from agents.indicators import random_walk
from agents.indicators.averages import fill_average
from agents.indicators.elementary import confidence, fill_logarithm
from agents.indicators.gaps import fill_bridged
from agents.indicators.oscillators import (
    MACD_WORK,
    NET_STRENGTH_WORK,
    Taps,
    fill_macd_histogram,
    fill_net_strength,
    span_taps,
    wilder_taps,
)
from agents.indicators.panel import fill_blocks
from agents.indicators.returns import fill_change
from agents.indicators.volatility import VOLATILITY_WORK, fill_volatility
from agents.trading.parameters import require_bars, require_order
from market.bars import Bars, Floats
from market.compiled import kernel

EVIDENCE = ("fast_return_z", "slow_return_z", "average_cross_z", "rsi", "macd_histogram_z")
WORK_ROWS = 6 + max(MACD_WORK, NET_STRENGTH_WORK, VOLATILITY_WORK)


class Plan(NamedTuple):
    """Windows in bars, averages, and what each component swings by on a random walk.

    The deviations are in units of the volatility of one bar; that of the net strength, which
    has no unit, is plain. `mean_deviation` is that of the average of the five components.
    """

    fast: int
    slow: int
    volatility: int
    bridged_bars: int
    strength: Taps
    macd_fast: Taps
    macd_slow: Taps
    macd_signal: Taps
    fast_deviation: float
    slow_deviation: float
    cross_deviation: float
    strength_deviation: float
    macd_deviation: float
    mean_deviation: float


@kernel
def standardise(
    values: Floats, inverse_volatility: Floats, deviation: float, skip: int, out: Floats
) -> None:
    """out = values * inverse_volatility / deviation, without the first `skip` values."""
    share = 1.0 / deviation
    numbers, scales = values[skip:], inverse_volatility[skip:]
    for i in range(out.size):
        out[i] = numbers[i] * scales[i] * share


@kernel
def fill_momentum(
    values: Floats, columns: int, skip: int, place: int, plan: Plan, out: Floats, work: Floats
) -> None:
    """Layers of `out`: the score, then the evidence in the order of EVIDENCE."""
    size, end = values.size, place + values.size - skip
    prices, logs, row = work[0][:size], work[1][:size], work[2][:size]
    per_log, per_price, net = work[3][:size], work[4][:size], work[5][:size]
    spare = work[6:]
    fast_z, slow_z, cross_z = out[1][place:end], out[2][place:end], out[3][place:end]
    rsi, macd_z, score = out[4][place:end], out[5][place:end], out[0][place:end]

    fill_bridged(values, columns, plan.bridged_bars, prices)
    fill_logarithm(prices, logs)
    fill_change(logs, columns, row)
    fill_volatility(row, columns, 1.0, plan.volatility, per_log, spare)
    for i in range(size):
        per_log[i] = 1.0 / (per_log[i] if per_log[i] > 0.0 else np.nan)
        per_price[i] = per_log[i] / prices[i]
    fill_change(logs, plan.fast * columns, row)
    standardise(row, per_log, plan.fast_deviation, skip, fast_z)
    fill_change(logs, plan.slow * columns, row)
    standardise(row, per_log, plan.slow_deviation, skip, slow_z)
    fill_average(prices, columns, 1.0, plan.fast, row, spare)
    fill_average(prices, columns, 1.0, plan.slow, logs, spare)
    for i in range(size):
        row[i] = row[i] - logs[i]
    standardise(row, per_price, plan.cross_deviation, skip, cross_z)
    fill_macd_histogram(
        prices, columns, plan.macd_fast, plan.macd_slow, plan.macd_signal, row, spare
    )
    standardise(row, per_price, plan.macd_deviation, skip, macd_z)
    fill_net_strength(prices, columns, plan.strength, net, spare)
    strength, raw = net[skip:], values[skip:]
    for i in range(score.size):
        rsi[i] = 50.0 + 50.0 * strength[i]
    for i in range(score.size):
        trend = (fast_z[i] + slow_z[i]) + (cross_z[i] + macd_z[i])
        total = trend + strength[i] / plan.strength_deviation
        votes = confidence(total / (5.0 * plan.mean_deviation))
        score[i] = np.nan if np.isnan(raw[i]) else votes


@dataclass(frozen=True, slots=True, kw_only=True)
class Momentum:
    """Buys what has risen, sells what has fallen, each against its own volatility.

    Five components, each divided by its deviation on a driftless random walk of the
    instrument's volatility: the returns over `fast` and `slow` bars (time-series momentum:
    Moskowitz, Ooi and Pedersen, Journal of Financial Economics 104, 2012, scaled by volatility
    as there), simple average of `fast` less that of `slow` bars (Brock, Lakonishok and LeBaron,
    Journal of Finance 47, 1992), Wilder's RSI about 50 (1978) and the MACD histogram (Appel
    1979). Equal weights: estimated ones rarely beat them (Timmermann, Handbook of Economic
    Forecasting, 2006, chapter 4). The score is the confidence in their average.

    Windows in bars; `volatility_window` is that of the root mean square return. Evidence: the
    components, in deviations (`_z`), and the RSI. An instrument abstains without a price; while
    a window is not full, or holds a gap of more than `bridged_bars` missing prices (shorter ones
    are bridged by the last price); and where its price stood still over the volatility window.
    AgentError when a window is out of range.
    """

    fast: int = 20
    slow: int = 50
    volatility_window: int = 50
    rsi_length: int = 14
    macd_fast: int = 12
    macd_slow: int = 26
    macd_signal: int = 9
    bridged_bars: int = 5

    def __post_init__(self) -> None:
        require_bars(
            self.name, 2, fast=self.fast, slow=self.slow, volatility_window=self.volatility_window,
            rsi_length=self.rsi_length, macd_fast=self.macd_fast, macd_slow=self.macd_slow,
            macd_signal=self.macd_signal,
        )  # fmt: skip
        require_bars(self.name, 0, bridged_bars=self.bridged_bars)
        require_order(self.name, "fast", "slow", (self.fast, self.slow))
        require_order(self.name, "macd_fast", "macd_slow", (self.macd_fast, self.macd_slow))

    @property
    def name(self) -> str:
        """`momentum`."""
        return "momentum"

    @property
    def lookback(self) -> int:
        """Bars before the first vote: the longest window, and what may bridge to its first bar."""
        return self.bridged_bars + max(
            self.slow + 1,
            self.volatility_window + 1,
            wilder_taps(self.rsi_length).taps + 1,
            span_taps(self.macd_slow).taps + span_taps(self.macd_signal).taps - 1,
        )

    def vote(self, bars: Bars) -> Ballot:
        """Votes of every row, from closes."""
        score, *evidence = fill_blocks(
            bars.close, self.lookback, 1 + len(EVIDENCE), WORK_ROWS, fill_momentum, plan_of(self)
        )
        return Ballot(score=score, evidence=dict(zip(EVIDENCE, evidence, strict=True)))


@lru_cache(maxsize=256)
def plan_of(agent: Momentum) -> Plan:
    """The kernel's constants for an agent's parameters."""
    length = 2 * agent.lookback
    strength = wilder_taps(agent.rsi_length)
    macd_fast, macd_slow = span_taps(agent.macd_fast), span_taps(agent.macd_slow)
    macd_signal = span_taps(agent.macd_signal)
    fast = random_walk.return_response(agent.fast, length)
    slow = random_walk.return_response(agent.slow, length)
    cross = random_walk.difference(
        random_walk.average_response(agent.fast, length),
        random_walk.average_response(agent.slow, length),
    )
    line = random_walk.difference(
        random_walk.exponential_response(macd_fast.decay, length),
        random_walk.exponential_response(macd_slow.decay, length),
    )
    macd = random_walk.difference(line, random_walk.smoothed(line, macd_signal.decay))
    net = random_walk.net_strength_response(strength.decay, length)
    responses = (fast, slow, cross, macd, net)
    return Plan(
        fast=agent.fast,
        slow=agent.slow,
        volatility=agent.volatility_window,
        bridged_bars=agent.bridged_bars,
        strength=strength,
        macd_fast=macd_fast,
        macd_slow=macd_slow,
        macd_signal=macd_signal,
        fast_deviation=random_walk.norm(fast),
        slow_deviation=random_walk.norm(slow),
        cross_deviation=random_walk.norm(cross),
        strength_deviation=random_walk.norm(net),
        macd_deviation=random_walk.norm(macd),
        mean_deviation=random_walk.norm(
            random_walk.mean([random_walk.unit(response) for response in responses])
        ),
    )
