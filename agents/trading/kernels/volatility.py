"""The arithmetic of `Volatility`, over a strip of a panel and bar by bar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import fill_average, whole_weight
from agents.indicators.elementary import fill_logarithm, inverse_root, squash
from agents.indicators.gaps import bridged
from agents.indicators.panel import (
    GROUP,
    keep_layers,
    put_columns,
    take_columns,
)
from agents.indicators.ranks import fill_percentile_rank
from agents.indicators.returns import fill_change, fill_squared_change
from agents.indicators.rolling import (
    ring_row,
    ring_rows,
    roll_average,
    roll_bridged,
    roll_percentile_rank,
    roll_sum,
    window_rows,
)
from agents.indicators.volatility import SQUARE_SUM_WORK, fill_square_sum
from market.bars import Floats
from market.compiled import kernel

EVIDENCE = ("ewma_volatility", "realised_volatility", "volatility_percentile", "channel_position")
LAYERS = 1 + len(EVIDENCE)
SPARE_ROWS = 3
"""Of `roll_breakout`: its results on the newest row."""
WORK_ROWS = (GROUP + 1) * (LAYERS + 1) + 6 + SQUARE_SUM_WORK


class Plan(NamedTuple):
    """Parameters of the agent; `half_width` is the channel's in one-bar volatilities."""

    decay: float
    taps: int
    realised_window: int
    percentile_window: int
    quiet_percentile: float
    channel_window: int
    channel_width: float
    half_width: float
    bridged_bars: int


@kernel
def fill_position(
    newest: Floats, middle: Floats, ewma: Floats, plan: Plan, position: Floats
) -> None:
    """Where log prices stand in the channel about their average. ewma: weighed sums of squares."""
    ewma_share = 1.0 / whole_weight(plan.decay, plan.taps)
    width_share = 1.0 / plan.half_width
    for i in range(position.size):
        scale = inverse_root(ewma_share * ewma[i])
        position[i] = (newest[i] - middle[i]) * scale * width_share


@kernel
def fill_volatilities(squares: Floats, plan: Plan, ewma: Floats, realised: Floats) -> None:
    """Volatilities from sums of squares: `ewma` in its place, `realised` from `squares`."""
    ewma_share = 1.0 / whole_weight(plan.decay, plan.taps)
    realised_share = 1.0 / plan.realised_window
    for i in range(ewma.size):
        ewma[i] = np.sqrt(ewma_share * ewma[i])
        realised[i] = np.sqrt(realised_share * squares[i])


@kernel
def fill_votes(
    raw: Floats, percentile: Floats, position: Floats, plan: Plan, score: Floats
) -> None:
    """The score of prices by how volatility stands and where they are in the channel."""
    share = 1.0 / (1.0 - plan.quiet_percentile)
    for i in range(score.size):
        expansion = (percentile[i] - plan.quiet_percentile) * share
        expansion = 0.0 if expansion < 0.0 else expansion
        beyond = (position[i] if position[i] > 0.0 else -position[i]) - 1.0
        beyond = 0.0 if beyond < 0.0 else beyond * plan.channel_width
        size_of_vote = np.sqrt(expansion * squash(beyond))
        vote = size_of_vote if position[i] > 0.0 else 0.0 - size_of_vote
        score[i] = np.nan if np.isnan(raw[i]) else vote


@kernel
def fill_breakout(
    raw: Floats, count: int, explain: bool, plan: Plan, layers: Floats, work: Floats
) -> None:
    """Layers: the score, then the evidence in the order of EVIDENCE, of the last `count` prices.

    Without `explain`, evidence that the score does not need is left out.
    """
    score, ewma, realised = layers[0][:count], layers[1][:count], layers[2][:count]
    percentile, position = layers[3][:count], layers[4][:count]
    logs, returns = work[0][: raw.size], work[1][: raw.size]
    middle, breakout, spare = work[2][:count], work[5][:count], work[6:]
    recent = work[4][: count + plan.percentile_window - 1]

    fill_logarithm(bridged(raw, plan.bridged_bars, work[3]), logs)
    fill_change(logs, 1, returns)
    fill_average(logs, 1.0, plan.channel_window, middle, spare)
    fill_square_sum(returns, plan.decay, plan.taps, ewma, spare)
    fill_position(logs[raw.size - count :], middle, ewma, plan, position)
    # The sums of squares have the order of the volatilities.
    fill_square_sum(returns, 1.0, plan.realised_window, recent, spare)
    # Without a breakout the score is 0, whatever the percentile.
    for i in range(count):
        beyond = (position[i] if position[i] > 0.0 else -position[i]) - 1.0
        breakout[i] = 1.0 if explain else beyond
    fill_percentile_rank(recent, plan.percentile_window, breakout, percentile, spare)
    if explain:
        fill_volatilities(recent[recent.size - count :], plan, ewma, realised)
    fill_votes(raw[raw.size - count :], percentile, position, plan, score)


@kernel
def fill_strip(
    values: Floats, columns: int, count: int, place: int, plan: Plan, out: Floats, work: Floats
) -> None:
    """`fill_breakout` of every instrument of a strip of a panel."""
    rows, kept = values.size // columns, out.shape[0]
    layers, found, spare = work[GROUP:], work[GROUP + LAYERS :], work[(GROUP + 1) * (LAYERS + 1) :]
    for column in range(0, columns, GROUP):
        width = take_columns(values, columns, column, work)
        for c in range(width):
            fill_breakout(work[c][:rows], count, kept > 1, plan, layers, spare)
            keep_layers(layers, count, kept, c, found)
        put_columns(found, count, width, columns, place + column, out)


@kernel
def rolling_rows(plan: Plan) -> int:
    """Rows of memory that `roll_breakout` lays out."""
    rings = ring_rows(plan.bridged_bars + 1) + ring_rows(max(plan.channel_window, 2))
    rings += ring_rows(max(plan.taps, plan.realised_window)) + ring_rows(plan.percentile_window)
    windows = window_rows(plan.channel_window) + window_rows(plan.taps)
    return rings + SPARE_ROWS + windows + window_rows(plan.realised_window)


@kernel
def roll_breakout(values: Floats, first: int, plan: Plan, memory: Floats, out: Floats) -> int:
    """`fill_breakout` of the last of some rows (R, N); `agents.indicators.rolling` says how."""
    raw_rows, log_rows = ring_rows(plan.bridged_bars + 1), ring_rows(max(plan.channel_window, 2))
    square_rows = ring_rows(max(plan.taps, plan.realised_window))
    recent_rows = ring_rows(plan.percentile_window)
    logs = raw_rows
    squares = logs + log_rows
    recent = squares + square_rows
    spare = recent + recent_rows
    price, middle, unknown, at = memory[spare], memory[spare + 1], memory[spare + 2], 0
    score, ewma, realised, percentile, position = out[0], out[1], out[2], out[3], out[4]
    for row in range(values.shape[0]):
        raw, t, at = values[row], first + row, spare + SPARE_ROWS
        ring_row(memory, 0, raw_rows, t)[:] = raw
        roll_bridged(memory, 0, raw_rows, t, plan.bridged_bars, price)
        log, square = ring_row(memory, logs, log_rows, t), ring_row(memory, squares, square_rows, t)
        fill_logarithm(price, log)
        fill_squared_change(log, ring_row(memory, logs, log_rows, t - 1), square)
        at = roll_average(memory, logs, log_rows, at, t, 1.0, plan.channel_window, middle)
        at = roll_sum(memory, squares, square_rows, at, t, plan.decay, plan.taps, ewma)
        summed = ring_row(memory, recent, recent_rows, t)
        at = roll_sum(memory, squares, square_rows, at, t, 1.0, plan.realised_window, summed)
        if row == values.shape[0] - 1:
            fill_position(log, middle, ewma, plan, position)
            roll_percentile_rank(
                memory, recent, recent_rows, t, plan.percentile_window, percentile, unknown
            )
            fill_volatilities(summed, plan, ewma, realised)
            fill_votes(raw, percentile, position, plan, score)
    return at
