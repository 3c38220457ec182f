"""The arithmetic of `Sentiment`, over a strip of a panel and bar by bar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import fill_sum
from agents.indicators.elementary import confidence, fill_logarithm, inverse_root
from agents.indicators.gaps import bridged
from agents.indicators.panel import GROUP, take_columns
from agents.indicators.returns import fill_change, fill_squared_change
from agents.indicators.rolling import (
    ring_row,
    ring_rows,
    roll_bridged,
    roll_sum,
    window_rows,
)
from agents.indicators.volatility import SQUARE_SUM_WORK, fill_square_sum
from market.bars import Floats
from market.compiled import kernel

SPARE_ROWS = 6
"""Of `roll_risk_appetite`: its results on the newest row."""
WORK_ROWS = 3 + GROUP + 5 + SQUARE_SUM_WORK


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
def fill_votes(raw: Floats, exposures: Floats, mood: Floats, score: Floats) -> None:
    """The scores of a flat panel: the mood of each row by every instrument's exposure (N,)."""
    columns = exposures.size
    for t in range(mood.size):
        for c in range(columns):
            exposure, i = exposures[c], t * columns + c
            missing = exposure == 0.0 or np.isnan(raw[i])
            score[i] = np.nan if missing else exposure * mood[t]


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
    fill_votes(values[values.size - count * columns :], plan.exposure, mood, out[0][place:])
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
            fill_votes(raw, plan.exposure, mood[:1], out[0])
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
