"""Momentum: what has risen against its own volatility goes on rising."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from agents.ballot import Ballot
from agents.indicators import random_walk
from agents.indicators.oscillators import span_taps, wilder_taps
from agents.indicators.panel import fill_strips
from agents.trading.kernels.momentum import (
    EVIDENCE,
    LAYERS,
    WORK_ROWS,
    Plan,
    fill_strip,
    roll_momentum,
    rolling_rows,
)
from agents.trading.parameters import require_bars, require_order
from agents.trading.rolling_vote import RollingVote
from market.bars import Bars, Floats


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

    @property
    def evidence_names(self) -> tuple[str, ...]:
        """The components."""
        return EVIDENCE

    def vote(self, bars: Bars) -> Ballot:
        """Votes of every row, from closes."""
        score, *evidence = self._layers(bars, LAYERS)
        return Ballot(score=score, evidence=dict(zip(EVIDENCE, evidence, strict=True)))

    def score(self, bars: Bars) -> Floats:
        """The votes without their evidence."""
        score: Floats = self._layers(bars, 1)[0]
        return score

    def newest_vote(self) -> Callable[[Bars], Ballot]:
        """What votes on the newest row alone."""
        return RollingVote(self.lookback, EVIDENCE, plan_of(self), rolling_rows, roll_momentum)

    def _layers(self, bars: Bars, count: int) -> Floats:
        return fill_strips(bars.close, self.lookback, count, WORK_ROWS, fill_strip, plan_of(self))


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
