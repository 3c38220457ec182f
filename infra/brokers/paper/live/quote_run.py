"""Many quotes in one compiled call, as far as they do no more than to fill plain orders whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from infra.brokers.paper.live.flat_account import Flat, quoted_flat, settle_flat, show_flat, unfold
from infra.brokers.paper.live.history import add_quote
from infra.brokers.paper.live.waiting import WaitingOrder
from infra.brokers.paper.state import FillLog, no_fills
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Indices
from market.marks import OPEN, SPREAD
from market.orders import OrderRequest
from market.quotes import Quote

MOST_STEPS = 256
"""In one run; more take several."""
BID, ASK, MID, WIDTH, UNITS, STOP, TAKE_PROFIT, TRAILING, LOWEST, HIGHEST = range(10)
"""Columns of the numbers of a step: its quote, and the order that it fills."""
NO_ORDER = (0.0, math.nan, math.nan, math.nan, math.nan, math.nan)

_unfold = lean_kernel(unfold)


class Step(NamedTuple):
    """A quote and an order that it meets; None where there is none. Where it meets several they
    follow each other.
    """

    column: int
    quote: Quote
    order: OrderRequest | None


class Ran(NamedTuple):
    """quotes: how many were taken. fills: in their order, at: the step of each. ended: of each
    step, why its order did not fill whole, a CancelReason or 0. before: (M,) what was held before
    the first.
    """

    quotes: int
    steps: list[Step]
    fills: FillLog
    at: list[int]
    ended: list[int]
    before: Floats


class QuoteRun:
    """Takes quotes for one account. valid_ns: for how long a quote converts the profit of another
    instrument. liquidity: units that a quote can fill of one order.
    """

    def __init__(self, flat: Flat, *, valid_ns: int, liquidity: float) -> None:
        self._flat = flat
        self._valid_ns = valid_ns
        self._fills_whole = liquidity == math.inf
        self._units = unfold(*flat).state.ledger.units
        self._fills = no_fills(MOST_STEPS * flat.instruments)
        self._at = np.zeros(len(self._fills.column), dtype=np.int64)
        self._ended = np.zeros(MOST_STEPS, dtype=np.int64)

    def take(
        self,
        quotes: Sequence[tuple[int, Quote]],
        queue: Callable[[int], Sequence[WaitingOrder]],
        bar: Floats,
    ) -> Ran | None:
        """The first of some quotes, up to one whose orders want more than to be filled whole; None
        where that is the first.

        quotes: with their columns, of tradeable instruments, of one bar and one rollover. queue:
        what waits in a column. bar: (6, M), counts the quotes that were taken.
        """
        steps, taken = self._steps(quotes, queue)
        if not steps:
            return None
        before = self._units.copy()
        run_quotes(
            *self._flat,
            bar,
            np.array([step.column for step in steps], dtype=np.int64),
            np.array([step.quote.time for step in steps], dtype=np.int64),
            np.array([numbers_of(step) for step in steps]),
            self._valid_ns,
            self._fills,
            self._at,
            self._ended,
        )
        return Ran(
            quotes=taken,
            steps=steps,
            fills=self._fills,
            at=self._at[: self._fills.size[0]].tolist(),
            ended=self._ended[: len(steps)].tolist(),
            before=before,
        )

    def _steps(
        self,
        quotes: Sequence[tuple[int, Quote]],
        queue: Callable[[int], Sequence[WaitingOrder]],
    ) -> tuple[list[Step], int]:
        """What these quotes meet, and of how many of them it is."""
        steps: list[Step] = []
        met: set[int] = set()
        for place, (column, quote) in enumerate(quotes):
            waiting = () if column in met else queue(column)
            if len(steps) + max(len(waiting), 1) > MOST_STEPS:
                return steps, place
            if not waiting:
                steps.append(Step(column, quote, None))
                continue
            if not all(map(self._is_plain, waiting)):
                return steps, place
            met.add(column)
            steps += [Step(column, quote, item.order) for item in waiting]
        return steps, len(quotes)

    def _is_plain(self, item: WaitingOrder) -> bool:
        """Whether the next quote fills an order whole, or ends it."""
        order = item.order
        plain = order.entry is None and not (item.closes or item.reduces or item.filled)
        return plain and self._fills_whole and order.units != 0.0


def numbers_of(step: Step) -> tuple[float, ...]:
    """(10,) as the columns of the numbers of a run."""
    quote, order = step.quote, step.order
    shown = (quote.bid, quote.ask, quote.mid, quote.spread)
    if order is None:
        return (*shown, *NO_ORDER)
    bracket = order.bracket
    return (
        *shown,
        order.units,
        bracket.stop,
        bracket.take_profit,
        math.nan if bracket.trailing is None else bracket.trailing,
        order.lowest_price,
        order.highest_price,
    )


@lean_kernel
def run_quotes(
    floats: Floats,
    ints: Indices,
    instruments: int,
    hops: int,
    currencies: int,
    bar: Floats,
    columns: Indices,
    times: Indices,
    numbers: Floats,
    valid_ns: int,
    fills: FillLog,
    at: Indices,
    ended: Indices,
) -> None:
    """One step after the other as `LiveAccount` takes quotes and the orders that wait for them.

    columns, times: (N,), numbers: (N, 10); steps of one quote follow each other and are of the same
    time and column. Filled in: fills, at: the step of each, ended: (N,) as of `Ran`.
    """
    account = _unfold(floats, ints, instruments, hops, currencies)
    orders, marks, log = account.state.orders, account.state.marks, account.log
    count = columns.shape[0]
    fills.size[0] = 0
    for n in range(count):
        column, time, units = columns[n], times[n], numbers[n, UNITS]
        if n == 0 or columns[n - 1] != column or numbers[n - 1, UNITS] == 0.0 or units == 0.0:
            show_flat(
                floats, ints, instruments, hops, currencies,
                column, numbers[n, MID], numbers[n, WIDTH],
            )  # fmt: skip
        if units != 0.0:
            orders.units[column] = units
            orders.stop_distance[column] = numbers[n, STOP]
            orders.take_profit_distance[column] = numbers[n, TAKE_PROFIT]
            orders.trailing_distance[column] = numbers[n, TRAILING]
            orders.lowest_price[column] = numbers[n, LOWEST]
            orders.highest_price[column] = numbers[n, HIGHEST]
            for hop in range(hops):
                through = account.paths.path_column[column, hop]
                if through < 0:
                    break
                if through != column and time - account.quoted[through] <= valid_ns:
                    account.values[OPEN, through] = marks.mid[through]
                    account.values[SPREAD, through] = marks.spread[through]
        settle_flat(floats, ints, instruments, hops, currencies, 0.0)
        ended[n] = account.cancelled[column] if units != 0.0 else 0
        for told in range(log.size[0]):
            to = fills.size[0]
            at[to] = n
            fills.column[to] = log.column[told]
            fills.reason[to] = log.reason[told]
            fills.units[to] = log.units[told]
            fills.price[to] = log.price[told]
            fills.mid[to] = log.mid[told]
            fills.rate[to] = log.rate[told]
            fills.realised[to] = log.realised[told]
            fills.spread_cost[to] = log.spread_cost[told]
            fills.slippage_cost[to] = log.slippage_cost[told]
            fills.size[0] = to + 1
        more = n + 1 < count and columns[n + 1] == column and units != 0.0
        if more and numbers[n + 1, UNITS] != 0.0:
            continue
        quoted_flat(
            floats, ints, instruments, hops, currencies,
            column, numbers[n, BID], numbers[n, ASK], time,
        )  # fmt: skip
        add_quote(bar, column, numbers[n, MID], numbers[n, WIDTH])
