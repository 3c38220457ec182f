"""The arithmetic of `MeanReversion`, over a strip of a panel and bar by bar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.elementary import confidence, fill_logarithm
from agents.indicators.gaps import bridged
from agents.indicators.moments import Z_SCORE_WORK, fill_deviations, fill_z_score
from agents.indicators.panel import (
    GROUP,
    keep_layers,
    put_columns,
    take_columns,
)
from agents.indicators.returns import fill_squared_change
from agents.indicators.reversion import (
    AUTOREGRESSION_WORK,
    fill_autoregression,
    fill_half_life,
    fill_slope,
)
from agents.indicators.rolling import (
    ring_row,
    ring_rows,
    roll_bridged,
    roll_moments,
    roll_sum,
    window_rows,
)
from market.bars import Floats
from market.compiled import kernel

EVIDENCE = ("log_price_z", "bollinger_position", "half_life_bars")
LAYERS = 1 + len(EVIDENCE)
SPARE_ROWS = 8
"""Of `roll_mean_reversion`: its results on the newest row, and two of them on the one before."""
WORK_ROWS = (GROUP + 1) * (LAYERS + 1) + 3 + max(Z_SCORE_WORK, AUTOREGRESSION_WORK)


class Plan(NamedTuple):
    """Windows in bars, band width in deviations, longest half-life in bars."""

    window: int
    bollinger_window: int
    bollinger_width: float
    half_life_window: int
    max_half_life: float
    bridged_bars: int


@kernel
def fill_votes(raw: Floats, slope: Floats, explain: bool, plan: Plan, layers: Floats) -> None:
    """Layers, the score and then the evidence in the order of EVIDENCE, value by value.

    raw: prices as they came. slope: of the autoregression, overwritten. The layers of both
    distances are filled, in standard deviations. Without `explain`, evidence that the score does
    not need is left out.
    """
    count = raw.size
    score, z = layers[0][:count], layers[1][:count]
    position, half_life = layers[2][:count], layers[3][:count]
    # Least squares sees reversion even in a random walk: in n pairs the slope is too low by
    # (1 + 3 slope) / n on average (Kendall, Biometrika 41, 1954).
    share = 1.0 / (plan.half_life_window - 1.0)
    for i in range(count):
        slope[i] = slope[i] + (1.0 + 3.0 * slope[i]) * share
    fill_half_life(slope, half_life)
    width_share, half_life_share = 1.0 / plan.bollinger_width, 1.0 / plan.max_half_life
    for i in range(count):
        speed = 1.0 - half_life[i] * half_life_share
        stretch = 0.5 * (z[i] + position[i])
        size_of_vote = np.sqrt(abs(confidence(stretch)) * speed)
        vote = size_of_vote if stretch < 0.0 else 0.0 - size_of_vote
        score[i] = vote if speed > 0.0 and not np.isnan(raw[i]) else np.nan
    if explain:
        for i in range(count):
            position[i] = position[i] * width_share


@kernel
def fill_mean_reversion(
    raw: Floats, count: int, explain: bool, plan: Plan, layers: Floats, work: Floats
) -> None:
    """`fill_votes` of the last `count` prices of a series."""
    logs, slope, spare = work[0][: raw.size], work[1][:count], work[3:]

    prices = bridged(raw, plan.bridged_bars, work[2])
    fill_logarithm(prices, logs)
    fill_z_score(logs, plan.window, layers[1][:count], spare)
    fill_z_score(prices, plan.bollinger_window, layers[2][:count], spare)
    fill_autoregression(logs, plan.half_life_window, slope, spare)
    fill_votes(raw[raw.size - count :], slope, explain, plan, layers)


@kernel
def fill_strip(
    values: Floats, columns: int, count: int, place: int, plan: Plan, out: Floats, work: Floats
) -> None:
    """`fill_mean_reversion` of every instrument of a strip of a panel."""
    rows, kept = values.size // columns, out.shape[0]
    layers, found, spare = work[GROUP:], work[GROUP + LAYERS :], work[(GROUP + 1) * (LAYERS + 1) :]
    for column in range(0, columns, GROUP):
        width = take_columns(values, columns, column, work)
        for c in range(width):
            fill_mean_reversion(work[c][:rows], count, kept > 1, plan, layers, spare)
            keep_layers(layers, count, kept, c, found)
        put_columns(found, count, width, columns, place + column, out)


@kernel
def rolling_rows(plan: Plan) -> int:
    """Rows of memory that `roll_mean_reversion` lays out."""
    pairs = plan.half_life_window - 1
    rings = ring_rows(plan.bridged_bars + 1) + ring_rows(plan.bollinger_window)
    rings += ring_rows(max(plan.window, plan.half_life_window)) + ring_rows(pairs)
    windows = 2 * (window_rows(plan.window) + window_rows(plan.bollinger_window))
    return rings + SPARE_ROWS + windows + 3 * window_rows(pairs)


@kernel
def roll_mean_reversion(values: Floats, first: int, plan: Plan, memory: Floats, out: Floats) -> int:
    """`fill_votes` of the last of some rows (R, N); `agents.indicators.rolling` says how."""
    pairs = plan.half_life_window - 1
    raw_rows, price_rows = ring_rows(plan.bridged_bars + 1), ring_rows(plan.bollinger_window)
    log_rows = ring_rows(max(plan.window, plan.half_life_window))
    square_rows = ring_rows(pairs)
    prices = raw_rows
    logs = prices + price_rows
    squares = logs + log_rows
    spare = squares + square_rows
    mean, variance, slope = memory[spare], memory[spare + 1], memory[spare + 2]
    changes, means, variations, at = memory[spare + 3], spare + 4, spare + 6, 0
    for row in range(values.shape[0]):
        raw, t, at = values[row], first + row, spare + SPARE_ROWS
        ring_row(memory, 0, raw_rows, t)[:] = raw
        price, log = ring_row(memory, prices, price_rows, t), ring_row(memory, logs, log_rows, t)
        roll_bridged(memory, 0, raw_rows, t, plan.bridged_bars, price)
        fill_logarithm(price, log)
        before, square = (
            ring_row(memory, logs, log_rows, t - 1),
            ring_row(memory, squares, square_rows, t),
        )
        fill_squared_change(log, before, square)
        at = roll_moments(memory, logs, log_rows, at, t, plan.window, mean, variance)
        fill_deviations(log, mean, variance, plan.window, out[1])
        at = roll_moments(memory, prices, price_rows, at, t, plan.bollinger_window, mean, variance)
        fill_deviations(price, mean, variance, plan.bollinger_window, out[2])
        at = roll_sum(memory, squares, square_rows, at, t, 1.0, pairs, changes)
        # The pairs' older values end on the bar before.
        now_mean, now_variation = ring_row(memory, means, 2, t), ring_row(memory, variations, 2, t)
        at = roll_moments(memory, logs, log_rows, at, t, pairs, now_mean, now_variation)
        if row == values.shape[0] - 1:
            oldest = ring_row(memory, logs, log_rows, t - pairs)
            older_mean = ring_row(memory, means, 2, t - 1)
            fill_slope(
                log, oldest, older_mean, ring_row(memory, variations, 2, t - 1), changes, slope
            )
            fill_votes(raw, slope, True, plan, out)
    return at
