"""The arithmetic of `Momentum`, over a strip of a panel and bar by bar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import fill_average
from agents.indicators.elementary import confidence, fill_logarithm, inverse_root
from agents.indicators.gaps import bridged
from agents.indicators.oscillators import (
    MACD_WORK,
    NET_STRENGTH_WORK,
    Taps,
    fill_macd_histogram,
    fill_moves,
    fill_net_strength,
    fill_share_of_moves,
)
from agents.indicators.panel import (
    GROUP,
    keep_layers,
    put_columns,
    take_columns,
)
from agents.indicators.returns import fill_change, fill_squared_change
from agents.indicators.rolling import (
    ring_row,
    ring_rows,
    roll_average,
    roll_bridged,
    roll_sum,
    window_rows,
)
from agents.indicators.volatility import SQUARE_SUM_WORK, fill_square_sum
from market.bars import Floats
from market.compiled import kernel

EVIDENCE = ("fast_return_z", "slow_return_z", "average_cross_z", "rsi", "macd_histogram_z")
LAYERS = 1 + len(EVIDENCE)
SPARE_ROWS = 7 + 4
"""Of `roll_momentum`: its results on the newest row, and what `fill_votes` works in."""
WORK_ROWS = (GROUP + 1) * (LAYERS + 1) + 8 + max(MACD_WORK, NET_STRENGTH_WORK, SQUARE_SUM_WORK)


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
def fill_votes(
    raw: Floats,
    prices: Floats,
    now: Floats,
    fast_ago: Floats,
    slow_ago: Floats,
    squares: Floats,
    fast: Floats,
    slow: Floats,
    histogram: Floats,
    net: Floats,
    explain: bool,
    plan: Plan,
    layers: Floats,
    work: Floats,
) -> None:
    """Layers, the score and then the evidence in the order of EVIDENCE, value by value.

    raw, prices: as they came, and bridged. now, fast_ago, slow_ago: their logarithms. squares: the
    sums of squared returns. Without `explain`, evidence that the score does not need is left out.
    work: 4 rows.
    """
    count, score = raw.size, layers[0]
    per_log, per_price = work[0][:count], work[1][:count]
    log_trend, trend = work[2][:count], work[3][:count]
    volatility_share = 1.0 / plan.volatility
    fast_share, slow_share = 1.0 / plan.fast_deviation, 1.0 / plan.slow_deviation
    cross_share, macd_share = 1.0 / plan.cross_deviation, 1.0 / plan.macd_deviation
    strength_share, mean_share = 1.0 / plan.strength_deviation, 0.2 / plan.mean_deviation
    for i in range(count):
        per_log[i] = inverse_root(volatility_share * squares[i])
        per_price[i] = per_log[i] / prices[i]
    for i in range(count):
        fast_change, slow_change = now[i] - fast_ago[i], now[i] - slow_ago[i]
        log_trend[i] = (fast_change * fast_share + slow_change * slow_share) * per_log[i]
    for i in range(count):
        weighed = (fast[i] - slow[i]) * cross_share + histogram[i] * macd_share
        trend[i] = weighed * per_price[i] + log_trend[i]
    for i in range(count):
        votes = confidence((trend[i] + net[i] * strength_share) * mean_share)
        score[i] = np.nan if np.isnan(raw[i]) else votes
    if explain:
        fast_z, slow_z, cross_z = layers[1], layers[2], layers[3]
        rsi, macd_z = layers[4], layers[5]
        for i in range(count):
            fast_z[i] = (now[i] - fast_ago[i]) * per_log[i] * fast_share
            slow_z[i] = (now[i] - slow_ago[i]) * per_log[i] * slow_share
            cross_z[i] = (fast[i] - slow[i]) * per_price[i] * cross_share
            macd_z[i] = histogram[i] * per_price[i] * macd_share
            rsi[i] = 50.0 + 50.0 * net[i]


@kernel
def fill_momentum(
    raw: Floats, count: int, explain: bool, plan: Plan, layers: Floats, work: Floats
) -> None:
    """`fill_votes` of the last `count` prices of a series."""
    first = raw.size - count
    ago = max(plan.slow, plan.volatility)
    logs, returns = work[0][: count + ago], work[1][: count + plan.volatility - 1]
    squares, net = work[2][:count], work[3][:count]
    fast, slow, histogram = work[4][:count], work[5][:count], work[6][:count]
    spare = work[8:]

    prices = bridged(raw, plan.bridged_bars, work[7])
    fill_logarithm(prices[first - ago :], logs)
    fill_change(logs, 1, returns)
    fill_square_sum(returns, 1.0, plan.volatility, squares, spare)
    fill_average(prices, 1.0, plan.fast, fast, spare)
    fill_average(prices, 1.0, plan.slow, slow, spare)
    fill_macd_histogram(prices, plan.macd_fast, plan.macd_slow, plan.macd_signal, histogram, spare)
    fill_net_strength(prices, plan.strength, net, spare)
    fill_votes(
        raw[first:], prices[first:], logs[ago:], logs[ago - plan.fast :], logs[ago - plan.slow :],
        squares, fast, slow, histogram, net, explain, plan, layers, spare,
    )  # fmt: skip


@kernel
def fill_strip(
    values: Floats, columns: int, count: int, place: int, plan: Plan, out: Floats, work: Floats
) -> None:
    """`fill_momentum` of every instrument of a strip of a panel."""
    rows, kept = values.size // columns, out.shape[0]
    layers, found, spare = work[GROUP:], work[GROUP + LAYERS :], work[(GROUP + 1) * (LAYERS + 1) :]
    for column in range(0, columns, GROUP):
        width = take_columns(values, columns, column, work)
        for c in range(width):
            fill_momentum(work[c][:rows], count, kept > 1, plan, layers, spare)
            keep_layers(layers, count, kept, c, found)
        put_columns(found, count, width, columns, place + column, out)


@kernel
def price_depth(plan: Plan) -> int:
    """How many prices its windows look back on."""
    averages = max(plan.fast, plan.slow, plan.macd_fast.taps, plan.macd_slow.taps)
    return max(averages, plan.strength.taps)


@kernel
def rolling_rows(plan: Plan) -> int:
    """Rows of memory that `roll_momentum` lays out."""
    rings = ring_rows(plan.bridged_bars + 1) + ring_rows(price_depth(plan))
    rings += ring_rows(max(plan.fast, plan.slow) + 1) + ring_rows(plan.volatility)
    rings += 2 * ring_rows(plan.strength.taps) + ring_rows(plan.macd_signal.taps)
    windows = window_rows(plan.volatility) + window_rows(plan.fast) + window_rows(plan.slow)
    windows += window_rows(plan.macd_fast.taps) + window_rows(plan.macd_slow.taps)
    windows += window_rows(plan.macd_signal.taps) + 2 * window_rows(plan.strength.taps)
    return rings + SPARE_ROWS + windows


@kernel
def roll_momentum(values: Floats, first: int, plan: Plan, memory: Floats, out: Floats) -> int:
    """`fill_votes` of the last of some rows (R, N); `agents.indicators.rolling` says how."""
    raw_rows, price_rows = ring_rows(plan.bridged_bars + 1), ring_rows(price_depth(plan))
    log_rows, square_rows = ring_rows(max(plan.fast, plan.slow) + 1), ring_rows(plan.volatility)
    move_rows, line_rows = ring_rows(plan.strength.taps), ring_rows(plan.macd_signal.taps)
    prices = raw_rows
    logs = prices + price_rows
    squares = logs + log_rows
    moves = squares + square_rows
    sizes = moves + move_rows
    lines = sizes + move_rows
    spare = lines + line_rows
    summed, fast, slow = memory[spare], memory[spare + 1], memory[spare + 2]
    net, total, histogram = memory[spare + 3], memory[spare + 4], memory[spare + 5]
    smooth, work, at = memory[spare + 6], memory[spare + 7 :], 0
    for row in range(values.shape[0]):
        raw, t, at = values[row], first + row, spare + SPARE_ROWS
        ring_row(memory, 0, raw_rows, t)[:] = raw
        price, before = ring_row(memory, prices, price_rows, t), t - 1
        roll_bridged(memory, 0, raw_rows, t, plan.bridged_bars, price)
        log, square = ring_row(memory, logs, log_rows, t), ring_row(memory, squares, square_rows, t)
        fill_logarithm(price, log)
        fill_squared_change(log, ring_row(memory, logs, log_rows, before), square)
        move, size = ring_row(memory, moves, move_rows, t), ring_row(memory, sizes, move_rows, t)
        fill_moves(price, ring_row(memory, prices, price_rows, before), move, size)
        at = roll_sum(memory, squares, square_rows, at, t, 1.0, plan.volatility, summed)
        at = roll_average(memory, prices, price_rows, at, t, 1.0, plan.fast, fast)
        at = roll_average(memory, prices, price_rows, at, t, 1.0, plan.slow, slow)
        line, taps = ring_row(memory, lines, line_rows, t), plan.macd_fast
        at = roll_average(memory, prices, price_rows, at, t, taps.decay, taps.taps, line)
        taps = plan.macd_slow
        at = roll_average(memory, prices, price_rows, at, t, taps.decay, taps.taps, smooth)
        for i in range(line.size):
            line[i] = line[i] - smooth[i]
        taps = plan.macd_signal
        at = roll_average(memory, lines, line_rows, at, t, taps.decay, taps.taps, smooth)
        for i in range(line.size):
            histogram[i] = line[i] - smooth[i]
        taps = plan.strength
        at = roll_sum(memory, moves, move_rows, at, t, taps.decay, taps.taps, net)
        at = roll_sum(memory, sizes, move_rows, at, t, taps.decay, taps.taps, total)
        fill_share_of_moves(total, net)
        if row == values.shape[0] - 1:
            fast_ago = ring_row(memory, logs, log_rows, t - plan.fast)
            slow_ago = ring_row(memory, logs, log_rows, t - plan.slow)
            fill_votes(
                raw, price, log, fast_ago, slow_ago, summed, fast, slow, histogram, net, True,
                plan, out, work,
            )  # fmt: skip
    return at
