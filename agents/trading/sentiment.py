"""Sentiment: the tone of the news on a pair's two currencies, and the appetite for risk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.ballot import Ballot
from agents.headlines.tones import HeadlineTones, load_tones
from agents.indicators.panel import fill_strips
from agents.indicators.rolling import RollingRow
from agents.trading.currency_risk import legs, risk_loadings
from agents.trading.kernels.sentiment import (
    WORK_ROWS,
    Plan,
    blend_headlines,
    fill_risk_appetite,
    roll_risk_appetite,
    rolling_rows,
)
from agents.trading.parameters import require_bars, require_between
from market.bar_window import CLOSE, BarSlice
from market.bars import Bars, Floats, Times
from market.errors import AgentError

EVIDENCE = ("risk_appetite_z", "headline_tone", "headlines_used")
DAY_NS = 86_400 * 10**9
UNHEARD, NONE_USED = np.array(np.nan), np.array(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """Follows the news on a pair's currencies and the market's appetite for risk.

    (a) `headlines`: scored ones, or the CSV or JSONL file to read and score them from with the
    finance word list (`agents.headlines`). The tone of the base currency's less that of the
    quote currency's, each a weighted mean over the last `headline_horizon_days` that fades with
    age (the press moves prices within the week: Tetlock, Journal of Finance 62, 2007); a
    difference of `tone_deviation` counts as one deviation.
    (b) Risk appetite, read from prices: the high-beta currencies of the panel against its
    havens (Ranaldo and Söderlind, Review of Finance 14, 2010; gold: Baur and Lucey, Financial
    Review 45, 2010). The factor's sum over `horizon` bars is divided by its own deviation, a
    root mean square over `factor_window` bars; each pair's standardised returns by that over
    `volatility_window`. A pair with neither kind of currency, or with the same kind twice, has
    no exposure.

    The score is the mean of both confidences, headlines weighing `headline_weight`; where one
    is missing, the other alone: `headlines_used` is then 0. Where both are missing, also because
    the panel does not hold currencies of both kinds, the instrument abstains. For (b) it needs a
    price; an instrument that has none, or a gap of more than `bridged_bars` in its volatility
    window (shorter ones are bridged by the last price), is left out of the factor. Evidence:
    `risk_appetite_z` in deviations, `headline_tone` (NaN without headlines) and
    `headlines_used`, a number. AgentError when a parameter is out of range, DataError when the
    file cannot be read.
    """

    headlines: HeadlineTones | Path | str | None = None
    headline_weight: float = 0.5
    headline_horizon_days: float = 5.0
    tone_deviation: float = 0.4
    horizon: int = 10
    factor_window: int = 100
    volatility_window: int = 50
    bridged_bars: int = 5
    high_beta: tuple[str, ...] = ("AUD", "NZD", "CAD", "NOK", "SEK", "ZAR", "MXN", "TRY", "PLN",
                                  "HUF", "BRL", "KRW")  # fmt: skip
    safe_haven: tuple[str, ...] = ("JPY", "CHF", "USD", "XAU")

    def __post_init__(self) -> None:
        if isinstance(self.headlines, Path | str):
            object.__setattr__(self, "headlines", load_tones(self.headlines))
        require_bars(
            self.name, 2, horizon=self.horizon, factor_window=self.factor_window,
            volatility_window=self.volatility_window,
        )  # fmt: skip
        require_bars(self.name, 0, bridged_bars=self.bridged_bars)
        require_between(self.name, 0.0, 1.0, headline_weight=self.headline_weight)
        require_between(self.name, 0.0, 366.0, headline_horizon_days=self.headline_horizon_days)
        require_between(self.name, 0.0, 2.0, tone_deviation=self.tone_deviation)
        both = sorted(set(self.high_beta) & set(self.safe_haven))
        if both:
            raise AgentError(
                f"{self.name}: a currency is high-beta or a haven, found {', '.join(both)} in both"
            )

    @property
    def name(self) -> str:
        """`sentiment`."""
        return "sentiment"

    @property
    def lookback(self) -> int:
        """Bars before the first vote on risk appetite: chained windows, and what may bridge."""
        windows = self.volatility_window + max(self.horizon, self.factor_window)
        return self.bridged_bars + windows

    @property
    def source_digest(self) -> str:
        """SHA-256 of the scored headlines; empty without any."""
        return self.headlines.digest if isinstance(self.headlines, HeadlineTones) else ""

    @property
    def evidence_names(self) -> tuple[str, ...]:
        """Risk appetite, and what headlines say."""
        return EVIDENCE

    def vote(self, bars: Bars) -> Ballot:
        """Votes of every row, from closes, and from headlines published by the row's time."""
        risk_score, appetite = self._risk_appetite(bars, 2)
        headlines = self._headlines(bars.symbols, bars.time)
        return self._ballot(risk_score, appetite, headlines)

    def score(self, bars: Bars) -> Floats:
        """The votes without their evidence."""
        (risk_score,) = self._risk_appetite(bars, 1)
        return self._blended(risk_score, *self._headlines(bars.symbols, bars.time))

    def newest_vote(self) -> Callable[[Bars], Ballot]:
        """What votes on the newest row alone."""
        return _NewestVote(self)

    def _ballot(
        self, risk_score: Floats, appetite: Floats, headlines: tuple[Floats, Floats]
    ) -> Ballot:
        """Both halves together."""
        tone, used = headlines
        evidence = dict(zip(EVIDENCE, (appetite, tone, used), strict=True))
        return Ballot(score=self._blended(risk_score, tone, used), evidence=evidence)

    def _risk_appetite(self, bars: Bars, layers: int) -> Floats:
        return fill_strips(
            bars.close, self.lookback, layers, WORK_ROWS, fill_risk_appetite,
            self._plan(bars.symbols),
        )  # fmt: skip

    def _plan(self, symbols: tuple[str, ...]) -> Plan:
        loadings = risk_loadings(symbols, tuple(self.high_beta), tuple(self.safe_haven))
        return Plan(
            volatility_window=self.volatility_window,
            horizon=self.horizon,
            factor_window=self.factor_window,
            bridged_bars=self.bridged_bars,
            loading=loadings.loading,
            exposure=loadings.exposure,
        )

    def _blended(self, risk_score: Floats, tone: Floats, used: Floats) -> Floats:
        if not isinstance(self.headlines, HeadlineTones):
            return risk_score
        score = np.empty(risk_score.shape)
        blend_headlines(
            risk_score.reshape(-1), tone.reshape(-1), used.reshape(-1),
            float(self.headline_weight), float(self.tone_deviation), score.reshape(-1),
        )  # fmt: skip
        return score

    def _headlines(self, symbols: tuple[str, ...], time: Times) -> tuple[Floats, Floats]:
        """Tone of base less quote, NaN without headlines, and their number: (T, N) each."""
        shape = len(time), len(symbols)
        if not isinstance(self.headlines, HeadlineTones):
            return np.broadcast_to(UNHEARD, shape), np.broadcast_to(NONE_USED, shape)
        tone, used = np.full(shape, np.nan), np.zeros(shape)
        horizon_ns = round(self.headline_horizon_days * DAY_NS)
        for column, symbol in enumerate(symbols):
            pair = legs(symbol)
            if pair is None:
                continue
            base, quote = (self.headlines.at(leg, time, horizon_ns) for leg in pair)
            used[:, column] = base.used + quote.used
            tone[:, column] = np.where(used[:, column] > 0.0, base.tone - quote.tone, np.nan)
        return tone, used


class _NewestVote:
    """Risk appetite from windows that roll on, and what headlines say at the time of the row."""

    evidence = EVIDENCE

    def __init__(self, agent: Sentiment) -> None:
        self._agent = agent
        self._symbols: tuple[str, ...] = ()
        self._rolling = RollingRow(agent.lookback, 2, agent._plan, rolling_rows, roll_risk_appetite)

    def __call__(self, bars: Bars) -> Ballot:
        """The ballot on the last row."""
        self._symbols = bars.symbols
        rows = self._rolling.of(bars)
        heard = self._agent._headlines(bars.symbols, bars.time[-1:])
        return self._agent._ballot(rows[:1], rows[1:], heard)

    def following(self, bar: BarSlice) -> Floats | None:
        """As of `FollowsBars`."""
        rows = self._rolling.following(bar.time, bar.values[CLOSE : CLOSE + 1])
        if rows is None:
            return None
        layers = np.empty((1 + len(EVIDENCE), rows.shape[1]))
        layers[:2], layers[2], layers[3] = rows, UNHEARD, NONE_USED
        if isinstance(self._agent.headlines, HeadlineTones):
            layers[2], layers[3] = self._agent._headlines(self._symbols, np.array([bar.time]))
            layers[:1] = self._agent._blended(rows[:1], layers[2:3], layers[3:])
        return layers
