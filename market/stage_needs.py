"""What a desk must have shown before it is given more capital, and how that is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

from market.quotes import PriceKind
from market.stage_evidence import AT_REAL_TIME, StageEvidence

WEEKDAYS_A_YEAR = 260
DAY_S = 86_400
CONFIDENCE = 0.95
TWO_SIDED = 1.959963984540054
"""The normal quantile that leaves 2.5% on either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageNeeds:
    """The least that is needed to move up one stage. sharpe_ratio: annualised. drawdown: the most.

    A desk at a live stage that has fallen further than `drawdown` goes back to paper.
    """

    days: int = 7
    trades: int = 10
    win_rate: float = 0.45
    sharpe_ratio: float = 0.5
    drawdown: float = 0.15


LEAST_NEEDED = StageNeeds()
"""The configuration may ask for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharpeRatio:
    """Mean over standard deviation (n − 1) of the bars' returns, NaN where that is undefined.

    per_bar; annual: × √(bars a year). low, high: the annual one's 95% interval by the standard
    error √((1 + SR²/2)/n) of independent, identically distributed returns (Lo 2002, "The Statistics
    of Sharpe Ratios", Financial Analysts Journal 58(4)). No interest is deducted.
    """

    per_bar: float
    annual: float
    low: float
    high: float


def bars_a_year(interval_s: int) -> float:
    """Bars of 260 weekdays around the clock: 6,240 hours, 260 days."""
    return WEEKDAYS_A_YEAR * DAY_S / interval_s


def sharpe_ratio(evidence: StageEvidence, interval_s: int) -> SharpeRatio:
    """Of the returns that count. interval_s: length of a bar."""
    count = evidence.bars
    deviation = math.sqrt(evidence.squares / (count - 1)) if count > 1 else 0.0
    if not deviation > 0.0:
        return SharpeRatio(per_bar=math.nan, annual=math.nan, low=math.nan, high=math.nan)
    per_bar = evidence.mean / deviation
    reach = TWO_SIDED * math.sqrt((1.0 + per_bar**2 / 2.0) / count)
    scale = math.sqrt(bars_a_year(interval_s))
    return SharpeRatio(
        per_bar=per_bar,
        annual=per_bar * scale,
        low=(per_bar - reach) * scale,
        high=(per_bar + reach) * scale,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One thing that is needed. at_most: `needed` is the most, not the least."""

    name: str
    found: float
    needed: float
    at_most: bool = False

    @property
    def enough(self) -> bool:
        """Whether it was shown; what is unknown was not."""
        return self.found <= self.needed if self.at_most else self.found >= self.needed


def shown(evidence: StageEvidence, needs: StageNeeds, interval_s: int) -> tuple[Shown, ...]:
    """Everything that is needed beside what was found."""
    annual = sharpe_ratio(evidence, interval_s).annual
    return (
        Shown(name="days", found=float(evidence.days), needed=float(needs.days)),
        Shown(name="trades", found=float(evidence.trades), needed=float(needs.trades)),
        Shown(name="win_rate", found=evidence.win_rate, needed=needs.win_rate),
        Shown(name="sharpe_ratio", found=annual, needed=needs.sharpe_ratio),
        Shown(name="drawdown", found=evidence.drawdown, needed=needs.drawdown, at_most=True),
    )


def no_evidence(evidence: StageEvidence) -> str:
    """Why what happens now is no evidence; empty where it is."""
    if evidence.counts:
        return ""
    if evidence.prices == PriceKind.UNSTATED:
        return "the journal does not say what its prices are"
    if evidence.prices != PriceKind.REAL:
        return f"the prices are {evidence.prices}; only trading on real prices counts"
    return f"time runs at {evidence.speed:g} times real time; only {AT_REAL_TIME:g} counts"


def missing(evidence: StageEvidence, needs: StageNeeds, interval_s: int) -> tuple[str, ...]:
    """Everything that keeps a desk from moving up, in words; none where nothing does."""
    barred = no_evidence(evidence)
    lacking = tuple(
        f"{said(one.name, one.found)} of {'at most' if one.at_most else 'at least'} "
        f"{said(one.name, one.needed, plain=True)}"
        for one in shown(evidence, needs, interval_s)
        if not one.enough
    )
    return (barred, *lacking) if barred else lacking


def said(name: str, value: float, *, plain: bool = False) -> str:
    """A figure of the evidence as text. plain: without its name."""
    if math.isnan(value):
        text = "unknown"
    elif name in ("win_rate", "drawdown"):
        text = f"{value:.1%}"
    else:
        text = f"{value:,.2f}" if name == "sharpe_ratio" else f"{value:,.0f}"
    words = name.replace("_", " ")
    return text if plain else f"{words} {text}"
