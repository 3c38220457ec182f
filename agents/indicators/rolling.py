"""Windows that roll on by one row, of every instrument at once, to the last bit as `averages`.

A window built by doubling has, for every new row, one new join a level: the sums over k bars that
are joined are those of this row and of the row k before, which were joined then. Kept in rings, a
window of any length costs its binary digits instead of its length. The joins are those of
`averages` and `moments`, in the same order, so that a row has the same bits as in a panel.

Rings are rows (N,) of one block of memory, one after another, each a power of two long: the row of
bar t lies at t modulo that. Whoever looks up a ring lays it out in the same order at every bar.
NaN where nothing was written yet, so that a window is NaN until it is full.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import numpy as np

from agents.indicators.averages import (
    join_average,
    join_average_and_one,
    join_sum,
    join_sum_and_one,
    leading_digit,
    older_share,
)
from agents.indicators.moments import (
    join_moments,
    join_moments_and_one,
    moments_of_three,
    moments_of_two,
)
from market.bars import Bars, Floats
from market.compiled import constant, kernel
from market.errors import FatalError

Plan = TypeVar("Plan")
Plan_contra = TypeVar("Plan_contra", contravariant=True)


class Roll(Protocol, Generic[Plan_contra]):
    """A compiled function that takes rows in, oldest first.

    values: (R, N). first: number of the first of them. plan: parameters. memory: as the call before
    left it. out: (layers, N) of the last row. Answers how many rows of the memory it lays out.
    """

    def __call__(
        self, values: Floats, first: int, plan: Plan_contra, memory: Floats, out: Floats
    ) -> int: ...


@kernel
def ring_rows(depth: int) -> int:
    """Rows of a ring that keeps the newest `depth` rows."""
    rows = 1
    while rows < depth:
        rows *= 2
    return rows


@kernel
def window_rows(taps: int) -> int:
    """Rows of memory of a window of `taps` bars, beside its series."""
    rows, covered, digit = 0, 1, leading_digit(taps) // 2
    while digit > 1:
        covered = 2 * covered + (1 if taps & digit else 0)
        rows += ring_rows(covered + 1)
        digit //= 2
    return rows


@kernel
def ring_row(memory: Floats, ring: int, rows: int, t: int) -> Floats:
    """The row of bar t."""
    row: Floats = memory[ring + (t & (rows - 1))]
    return row


@kernel
def roll_sum(
    memory: Floats, series: int, rows: int, at: int, t: int, decay: float, taps: int, out: Floats
) -> int:
    """`averages.fill_sum` of the series in the ring at `series`, whose row t is written.

    at: where memory for this window begins; answers where it ends.
    """
    level, level_rows, covered, weight = series, rows, 1, decay
    digit = leading_digit(taps) // 2
    if digit == 0:
        out[:] = ring_row(memory, series, rows, t)
    while digit > 0:
        newer = ring_row(memory, level, level_rows, t)
        older = ring_row(memory, level, level_rows, t - covered)
        both, both_weight = 2 * covered, weight * weight
        one = 1 if taps & digit else 0
        next_rows = ring_rows(both + one + 1)
        target = out if digit == 1 else ring_row(memory, at, next_rows, t)
        if one:
            last = ring_row(memory, series, rows, t - both)
            join_sum_and_one(newer, older, last, weight, both_weight, target)
            both_weight *= decay
        else:
            join_sum(newer, older, weight, target)
        level, level_rows, covered, weight = at, next_rows, both + one, both_weight
        at += 0 if digit == 1 else next_rows
        digit //= 2
    return at


@kernel
def roll_average(
    memory: Floats, series: int, rows: int, at: int, t: int, decay: float, taps: int, out: Floats
) -> int:
    """`averages.fill_average`, as `roll_sum`."""
    level, level_rows, covered, covered_decay = series, rows, 1, decay
    digit = leading_digit(taps) // 2
    if digit == 0:
        out[:] = ring_row(memory, series, rows, t)
    while digit > 0:
        newer = ring_row(memory, level, level_rows, t)
        older = ring_row(memory, level, level_rows, t - covered)
        share = older_share(covered_decay, covered_decay, covered, covered)
        both, both_decay = 2 * covered, covered_decay * covered_decay
        one = 1 if taps & digit else 0
        next_rows = ring_rows(both + one + 1)
        target = out if digit == 1 else ring_row(memory, at, next_rows, t)
        if one:
            last_share = older_share(both_decay, decay, both, 1)
            last = ring_row(memory, series, rows, t - both)
            join_average_and_one(newer, older, last, share, last_share, target)
            both_decay *= decay
        else:
            join_average(newer, older, share, target)
        level, level_rows, covered, covered_decay = at, next_rows, both + one, both_decay
        at += 0 if digit == 1 else next_rows
        digit //= 2
    return at


@kernel
def roll_moments(
    memory: Floats,
    series: int,
    rows: int,
    at: int,
    t: int,
    window: int,
    mean: Floats,
    squares: Floats,
) -> int:
    """`moments.moments_tile`, as `roll_sum`, of 2 bars or more; takes the memory of two windows."""
    covered, digit = 1, leading_digit(window) // 2
    level, level_rows = series, rows
    while digit > 0:
        one = 1 if window & digit else 0
        next_rows = ring_rows(2 * covered + one + 1)
        target, target_squares = mean, squares
        if digit > 1:
            target = ring_row(memory, at, next_rows, t)
            target_squares = ring_row(memory, at + next_rows, next_rows, t)
        newer = ring_row(memory, level, level_rows, t)
        older = ring_row(memory, level, level_rows, t - covered)
        last = ring_row(memory, series, rows, t - 2 * covered)
        if covered == 1 and one == 1:
            moments_of_three(newer, older, last, target, target_squares)
        elif covered == 1:
            moments_of_two(newer, older, target, target_squares)
        else:
            newer_squares = ring_row(memory, level + level_rows, level_rows, t)
            older_squares = ring_row(memory, level + level_rows, level_rows, t - covered)
            if one == 1:
                join_moments_and_one(
                    newer, older, newer_squares, older_squares, last, covered, target,
                    target_squares,
                )  # fmt: skip
            else:
                join_moments(
                    newer, older, newer_squares, older_squares, covered, target, target_squares
                )
        level, level_rows, covered = at, next_rows, 2 * covered + one
        at += 0 if digit == 1 else 2 * next_rows
        digit //= 2
    return at


@kernel
def roll_bridged(memory: Floats, series: int, rows: int, t: int, longest: int, out: Floats) -> None:
    """`gaps.bridged`: row t of the series, or the newest of `longest` rows before it."""
    newest = ring_row(memory, series, rows, t)
    missing = 0
    for i in range(out.size):
        out[i] = newest[i]
        missing += np.isnan(newest[i])
    for age in range(1, longest + 1 if missing > 0 else 1):
        older = ring_row(memory, series, rows, t - age)
        for i in range(out.size):
            out[i] = older[i] if np.isnan(out[i]) else out[i]


@kernel
def roll_percentile_rank(
    memory: Floats, series: int, rows: int, t: int, window: int, out: Floats, unknown: Floats
) -> None:
    """`ranks.fill_percentile_rank`, wanted everywhere. unknown: a row to work in."""
    newest = ring_row(memory, series, rows, t)
    out[:] = 0.0
    unknown[:] = 0.0
    for age in range(window):
        value = ring_row(memory, series, rows, t - age)
        for i in range(out.size):
            out[i] += 1.0 if value[i] < newest[i] else 0.0
            unknown[i] += 1.0 if np.isnan(value[i]) else 0.0
    share = 1.0 / (window - 1.0)
    for i in range(out.size):
        out[i] = np.nan if unknown[i] > 0.0 else out[i] * share


class RollingRow(Generic[Plan]):
    """The newest row of what a kernel gives for a panel, asked for bar after bar.

    lookback: rows that it depends on. plan_for: the kernel's parameters for these symbols.
    rows_for: rows of memory that `roll` lays out by a plan. Where a panel follows the last one,
    only its newest row is taken in, else all of them. Belongs to one thread.
    """

    def __init__(
        self,
        lookback: int,
        layers: int,
        plan_for: Callable[[tuple[str, ...]], Plan],
        rows_for: Callable[[Plan], int],
        roll: Roll[Plan],
    ) -> None:
        self._lookback = lookback
        self._layers = layers
        self._plan_for = plan_for
        self._rows_for = rows_for
        self._roll = roll
        self._rolling: tuple[Plan, Floats] | None = None
        self._symbols: tuple[str, ...] = ()
        self._taken = 0
        self._newest = 0

    def of(self, bars: Bars) -> Floats:
        """Results (layers, N) for the newest row by its closes; NaN for fewer than `lookback`.

        Raises FatalError where the kernel lays out other than `rows_for` says.
        """
        time, close = bars.time, bars.close
        if self._rolling is None or bars.symbols != self._symbols:
            self._rolling = self._begin(bars.symbols)
            self._taken = 0
        _, memory = self._rolling
        if len(time) < self._lookback:
            self._taken = 0
            return np.full((self._layers, close.shape[1]), np.nan)
        if self._taken and len(time) > 1 and time[-2] == self._newest:
            fresh = close[-1:]
        else:
            fresh, self._taken = close[-self._lookback :], 0
            memory[:] = np.nan
        return self._rolled(fresh, time[-1], *self._rolling)

    def following(self, time: int, close: Floats) -> Floats | None:
        """`of` the panel with this bar behind the one that it was asked for last; close: (1, N).

        None where that one held less than a lookback, or other instruments: only a whole panel
        tells what comes then.
        """
        if self._rolling is None or not self._taken:
            return None
        if close.shape[1] != len(self._symbols):
            return None
        return self._rolled(close, time, *self._rolling)

    def _rolled(self, fresh: Floats, newest: int, plan: Plan, memory: Floats) -> Floats:
        """Take rows in, the last of which is the bar `newest`."""
        out = np.empty((self._layers, fresh.shape[1]))
        self._roll(constant(fresh), self._taken, plan, memory, out)
        self._taken += len(fresh)
        self._newest = newest
        return out

    def _begin(self, symbols: tuple[str, ...]) -> tuple[Plan, Floats]:
        """Lay the memory out, and compile the kernel."""
        self._symbols = symbols
        plan = self._plan_for(symbols)
        rows = self._rows_for(plan)
        memory, out = np.full((rows, len(symbols)), np.nan), np.empty((self._layers, len(symbols)))
        laid_out = self._roll(constant(out[:1].copy()), 0, plan, memory, out)
        if laid_out != rows:
            raise FatalError(f"a rolling window lays out {laid_out} rows, expected {rows}")
        return plan, memory
