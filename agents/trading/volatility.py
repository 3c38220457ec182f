"""Volatility: when it expands, the side on which the price leaves its channel is the direction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from agents.ballot import Ballot
from agents.indicators.averages import fading_taps
from agents.indicators.panel import fill_strips
from agents.trading.kernels.volatility import (
    EVIDENCE,
    LAYERS,
    WORK_ROWS,
    Plan,
    fill_strip,
    roll_breakout,
    rolling_rows,
)
from agents.trading.parameters import require_bars, require_between
from agents.trading.rolling_vote import RollingVote
from market.bars import Bars, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Volatility:
    """Goes with a breakout when volatility expands; is neutral, not silent, when it is quiet.

    The channel lies about the average log price of `channel_window` bars, `channel_width`
    deviations to either side (after Keltner 1960): of a random walk about its own average, for
    the EWMA volatility of `ewma_decay`, cut where no more than `ewma_tail` of the weight is left
    (0.94 for daily data and 0.1 %, reached after 112 bars: RiskMetrics Technical Document, 1996,
    table 5.7; 128 here, `fading_taps` says why). Volatility expands where the realised
    volatility of `realised_window` bars stands above the `quiet_percentile` of its own last
    `percentile_window` bars: large changes follow large ones (Mandelbrot 1963; Engle 1982). The
    score is the geometric mean of that excess and of the squashed distance beyond the channel,
    to the side where the price left it; inside the channel, or when volatility is quiet, it is
    0.

    Evidence: both volatilities (decimal, per bar), the percentile in [0, 1] and the position in
    the channel (±1 on its edges). An instrument abstains without a price; while a window is not
    full, or holds a gap of more than `bridged_bars` missing prices (shorter ones are bridged by
    the last price); and where it stands still. AgentError when a parameter is out of range.
    """

    ewma_decay: float = 0.94
    ewma_tail: float = 0.001
    realised_window: int = 20
    percentile_window: int = 256
    quiet_percentile: float = 0.5
    channel_window: int = 20
    channel_width: float = 1.0
    bridged_bars: int = 5

    def __post_init__(self) -> None:
        require_bars(
            self.name, 2, realised_window=self.realised_window,
            percentile_window=self.percentile_window, channel_window=self.channel_window,
        )  # fmt: skip
        require_bars(self.name, 0, bridged_bars=self.bridged_bars)
        require_between(self.name, 0.0, 1.0, ewma_decay=self.ewma_decay, ewma_tail=self.ewma_tail)
        require_between(self.name, 0.0, 1.0, quiet_percentile=self.quiet_percentile)
        require_between(self.name, 0.0, 10.0, channel_width=self.channel_width)

    @property
    def name(self) -> str:
        """`volatility`."""
        return "volatility"

    @property
    def lookback(self) -> int:
        """Bars before the first vote: the longest chain of windows, and what may bridge."""
        return self.bridged_bars + max(
            self.channel_window,
            fading_taps(self.ewma_decay, self.ewma_tail) + 1,
            self.realised_window + self.percentile_window,
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
        return RollingVote(self.lookback, EVIDENCE, self._plan(), rolling_rows, roll_breakout)

    def _layers(self, bars: Bars, count: int) -> Floats:
        return fill_strips(bars.close, self.lookback, count, WORK_ROWS, fill_strip, self._plan())

    def _plan(self) -> Plan:
        n = self.channel_window
        # Variance of a random walk's distance from its own n-bar average, in bars.
        variance = (n - 1.0) * (2.0 * n - 1.0) / (6.0 * n)
        return Plan(
            decay=float(self.ewma_decay),
            taps=fading_taps(self.ewma_decay, self.ewma_tail),
            realised_window=self.realised_window,
            percentile_window=self.percentile_window,
            quiet_percentile=float(self.quiet_percentile),
            channel_window=n,
            channel_width=float(self.channel_width),
            half_width=self.channel_width * math.sqrt(variance),
            bridged_bars=self.bridged_bars,
        )
