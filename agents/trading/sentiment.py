"""Sentiment: the tone of the news on a pair's two currencies, and the appetite for risk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agents.ballot import Ballot
from agents.headlines.tones import HeadlineTones, load_tones
from agents.indicators.averages import fill_sum
from agents.indicators.elementary import confidence, fill_logarithm, inverse_root
from agents.indicators.gaps import bridged
from agents.indicators.panel import GROUP, fill_strips, take_columns
from agents.indicators.returns import fill_change, fill_squared_change
from agents.indicators.rolling import (
    RollingRow,
    ring_row,
    ring_rows,
    roll_bridged,
    roll_sum,
    window_rows,
)
from agents.indicators.volatility import SQUARE_SUM_WORK, fill_square_sum
from agents.trading.currency_risk import legs, risk_loadings
from agents.trading.parameters import require_bars, require_between
from market.bars import Bars, Floats, Times
from market.compiled import kernel
from market.errors import AgentError

SPARE_ROWS = 6
"""Of `roll_risk_appetite`: its results on the newest row."""
WORK_ROWS = 3 + GROUP + 5 + SQUARE_SUM_WORK
DAY_NS = 86_400 * 10**9
UNHEARD, NONE_USED = np.array(np.nan), np.array(0.0)


class Plan(NamedTuple):
    """Windows in bars, and per instrument its part in the risk factor and its exposure to it."""

    volatility_window: int
    horizon: int
    factor_window: int
    bridged_bars: int
    loading: Floats
    exposure: Floats


@kernel
def add_to_factor(
    returns: Floats, squares: Floats, window: int, loading: float, total: Floats, known: Floats
) -> None:
    """Add an instrument's loaded return, in units of its volatility, and the size of its loading.

    squares: the sum of squares over `window` returns. A missing return adds to neither, as does
    a price that stood still: it says as little.
    """
    share = 1.0 / window
    for t in range(total.size):
        standardised = returns[t] * inverse_root(share * squares[t])
        missing = np.isnan(standardised)
        total[t] = total[t] + (0.0 if missing else loading * standardised)
        known[t] = known[t] + (0.0 if missing else abs(loading))


@kernel
def fill_loaded_mean(known: Floats, whole: float, factor: Floats) -> None:
    """Divide loaded sums by the loading known, NaN where that is less than half of the whole."""
    for t in range(factor.size):
        enough = 2.0 * known[t] >= whole and known[t] > 0.0
        factor[t] = factor[t] / known[t] if enough else np.nan


@kernel
def fill_factor(values: Floats, columns: int, plan: Plan, factor: Floats, work: Floats) -> None:
    """Risk factor of the last rows: the loaded mean of the returns in units of their volatility.

    NaN where less than half of the loading is there.
    """
    rows, count = values.size // columns, factor.size
    known, squares = work[GROUP][:count], work[GROUP + 1][:count]
    logs, returns = work[GROUP + 2][:rows], work[GROUP + 3][:rows]
    gaps, spare = work[GROUP + 4], work[GROUP + 5 :]
    window, whole = plan.volatility_window, 0.0
    for t in range(count):
        factor[t] = 0.0
        known[t] = 0.0
    for column in range(0, columns, GROUP):
        width = take_columns(values, columns, column, work)
        for c in range(width):
            loading = plan.loading[column + c]
            if loading != 0.0:
                whole += abs(loading)
                fill_logarithm(bridged(work[c][:rows], plan.bridged_bars, gaps), logs)
                fill_change(logs, 1, returns)
                fill_square_sum(returns, 1.0, window, squares, spare)
                add_to_factor(returns[rows - count :], squares, window, loading, factor, known)
    fill_loaded_mean(known, whole, factor)


@kernel
def fill_mood(plan: Plan, swing: Floats, mood: Floats) -> None:
    """Sums of the factor in deviations, and the confidence in them, from its sums of squares."""
    # The sum over the horizon by its deviation, from the mean square over the factor window.
    share = np.sqrt(plan.factor_window / plan.horizon)
    for t in range(swing.size):
        swing[t] = swing[t] * inverse_root(mood[t]) * share
        mood[t] = confidence(swing[t])


@kernel
def fill_votes(raw: Floats, plan: Plan, mood: float, score: Floats) -> None:
    """The scores of one row: its mood by each instrument's exposure."""
    for c in range(score.size):
        exposure = plan.exposure[c]
        missing = exposure == 0.0 or np.isnan(raw[c])
        score[c] = np.nan if missing else exposure * mood


@kernel
def fill_risk_appetite(
    values: Floats, columns: int, count: int, place: int, plan: Plan, out: Floats, work: Floats
) -> None:
    """Layers of `out`: the score, then the risk appetite in deviations."""
    factor = work[0][: count + max(plan.horizon, plan.factor_window) - 1]
    swing, mood, spare = work[1][:count], work[2][:count], work[3:]
    fill_factor(values, columns, plan, factor, spare)
    fill_sum(factor, 1.0, plan.horizon, swing, spare)
    fill_square_sum(factor, 1.0, plan.factor_window, mood, spare)
    fill_mood(plan, swing, mood)
    raw, score = values[values.size - count * columns :], out[0][place:]
    for t in range(count):
        fill_votes(raw[t * columns :], plan, mood[t], score[t * columns : (t + 1) * columns])
    for layer in range(1, out.shape[0]):
        appetite = out[layer][place:]
        for t in range(count):
            for c in range(columns):
                appetite[t * columns + c] = swing[t]


@kernel
def rolling_rows(plan: Plan) -> int:
    """Rows of memory that `roll_risk_appetite` lays out."""
    rings = ring_rows(plan.bridged_bars + 1) + 2 + ring_rows(plan.volatility_window)
    rings += ring_rows(plan.horizon) + ring_rows(plan.factor_window)
    windows = window_rows(plan.volatility_window) + window_rows(plan.horizon)
    return rings + SPARE_ROWS + windows + window_rows(plan.factor_window)


@kernel
def roll_risk_appetite(values: Floats, first: int, plan: Plan, memory: Floats, out: Floats) -> int:
    """`fill_risk_appetite` of the last of some rows (R, N); `agents.indicators.rolling` says how.

    The factor is the same for every instrument: each column of its rings holds it.
    """
    raw_rows, square_rows = ring_rows(plan.bridged_bars + 1), ring_rows(plan.volatility_window)
    factor_rows, risk_rows = ring_rows(plan.horizon), ring_rows(plan.factor_window)
    logs = raw_rows
    squares = logs + 2
    factors = squares + square_rows
    risks = factors + factor_rows
    spare = risks + risk_rows
    price, summed, swing = memory[spare], memory[spare + 1], memory[spare + 2]
    mood, total, known, at = memory[spare + 3], memory[spare + 4], memory[spare + 5], 0
    window = plan.volatility_window
    for row in range(values.shape[0]):
        raw, t, at = values[row], first + row, spare + SPARE_ROWS
        ring_row(memory, 0, raw_rows, t)[:] = raw
        roll_bridged(memory, 0, raw_rows, t, plan.bridged_bars, price)
        log, before = ring_row(memory, logs, 2, t), ring_row(memory, logs, 2, t - 1)
        fill_logarithm(price, log)
        fill_squared_change(log, before, ring_row(memory, squares, square_rows, t))
        at = roll_sum(memory, squares, square_rows, at, t, 1.0, window, summed)
        change, whole = price, 0.0
        total[0] = known[0] = 0.0
        for c in range(raw.size):
            loading = plan.loading[c]
            if loading != 0.0:
                whole += abs(loading)
                change[c] = log[c] - before[c]
                returns, sums = change[c : c + 1], summed[c : c + 1]
                add_to_factor(returns, sums, window, loading, total[:1], known[:1])
        fill_loaded_mean(known[:1], whole, total[:1])
        ring_row(memory, factors, factor_rows, t)[:] = total[0]
        ring_row(memory, risks, risk_rows, t)[:] = total[0] * total[0]
        at = roll_sum(memory, factors, factor_rows, at, t, 1.0, plan.horizon, swing)
        at = roll_sum(memory, risks, risk_rows, at, t, 1.0, plan.factor_window, mood)
        if row == values.shape[0] - 1:
            fill_mood(plan, swing, mood)
            fill_votes(raw, plan, mood[0], out[0])
            out[1][:] = swing
    return at


@kernel
def blend_headlines(
    risk_score: Floats, tone: Floats, used: Floats, weight: float, deviation: float, score: Floats
) -> None:
    """Weighted mean of the confidence in the tone and of the risk score, of those there are."""
    for i in range(score.size):
        heard = confidence(tone[i] / deviation)
        if not used[i] > 0.0:
            score[i] = risk_score[i]
        elif not np.isnan(risk_score[i]):
            score[i] = weight * heard + (1.0 - weight) * risk_score[i]
        else:
            score[i] = heard


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
        rolling = RollingRow(self.lookback, 2, self._plan, rolling_rows, roll_risk_appetite)

        def vote(bars: Bars) -> Ballot:
            rows = rolling.of(bars)
            return self._ballot(rows[:1], rows[1:], self._headlines(bars.symbols, bars.time[-1:]))

        return vote

    def _ballot(
        self, risk_score: Floats, appetite: Floats, headlines: tuple[Floats, Floats]
    ) -> Ballot:
        """Both halves together."""
        tone, used = headlines
        evidence = {"risk_appetite_z": appetite, "headline_tone": tone, "headlines_used": used}
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
