"""Mean reversion: what has strayed from its average comes back, where it is known to come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agents.ballot import Ballot
from agents.indicators.panel import fill_strips
from agents.trading.kernels.mean_reversion import (
    EVIDENCE,
    LAYERS,
    WORK_ROWS,
    Plan,
    fill_strip,
    roll_mean_reversion,
    rolling_rows,
)
from agents.trading.parameters import require_bars, require_between
from agents.trading.rolling_vote import RollingVote
from market.bars import Bars, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanReversion:
    """Sells what stands above its average and buys what stands below, where prices do revert.

    The stretch is the mean of two distances, in standard deviations: of the log price from its
    average over `window` bars and of the price from that over `bollinger_window` (whose bands
    lie `bollinger_width` deviations out: Bollinger 2002). The half-life is that of a first-order
    autoregression of the log price over `half_life_window` bars (Chan, Algorithmic Trading,
    2013, chapter 2), the slope corrected for its small-sample bias (Kendall 1954). Where it
    exceeds `max_half_life`, or where there is none, the instrument abstains: beyond half of its
    window a half-life cannot be told from none. Below, the score is the geometric mean of the
    confidence in the stretch and of 1 - half-life / `max_half_life`, against the stretch's sign.

    Evidence: both distances (the second as a share of the band's width) and the half-life in
    bars, NaN where there is none. An instrument also abstains without a price; while a window is
    not full, or holds a gap of more than `bridged_bars` missing prices (shorter ones are bridged
    by the last price); and where it stands still. AgentError when a parameter is out of range.
    """

    window: int = 50
    bollinger_window: int = 20
    bollinger_width: float = 2.0
    half_life_window: int = 100
    max_half_life: float = 50.0
    bridged_bars: int = 5

    def __post_init__(self) -> None:
        require_bars(self.name, 3, window=self.window, bollinger_window=self.bollinger_window)
        require_bars(self.name, 0, bridged_bars=self.bridged_bars)
        require_bars(self.name, 10, half_life_window=self.half_life_window)
        require_between(self.name, 0.0, 10.0, bollinger_width=self.bollinger_width)
        require_between(self.name, 0.0, self.half_life_window, max_half_life=self.max_half_life)

    @property
    def name(self) -> str:
        """`mean_reversion`."""
        return "mean_reversion"

    @property
    def lookback(self) -> int:
        """Bars before the first vote: the longest window, and what may bridge to its first bar."""
        return self.bridged_bars + max(self.window, self.bollinger_window, self.half_life_window)

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
        plan = self._plan()
        return RollingVote(self.lookback, EVIDENCE, plan, rolling_rows, roll_mean_reversion)

    def _layers(self, bars: Bars, count: int) -> Floats:
        return fill_strips(bars.close, self.lookback, count, WORK_ROWS, fill_strip, self._plan())

    def _plan(self) -> Plan:
        return Plan(
            window=self.window,
            bollinger_window=self.bollinger_window,
            bollinger_width=float(self.bollinger_width),
            half_life_window=self.half_life_window,
            max_half_life=float(self.max_half_life),
            bridged_bars=self.bridged_bars,
        )
