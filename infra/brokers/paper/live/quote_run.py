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

MOST_QUOTES = 256
"""In one run; more take several."""
BID, ASK, MID, WIDTH, UNITS, STOP, TAKE_PROFIT, TRAILING, LOWEST, HIGHEST = range(10)
"""Columns of the numbers of a run: a quote, and the order that it fills, of no units for none."""
NO_ORDER = (0.0, math.nan, math.nan, math.nan, math.nan, math.nan)

_unfold = lean_kernel(unfold)


class Ran(NamedTuple):
    """quotes: how many were taken. fills: in their order; times: of each, UTC ns. before: (M,) what
    was held before the first. ended: the column whose order did not fill whole at the last quote,
    −1 for none.
    """

    quotes: int
    fills: FillLog
    times: tuple[int, ...]
    before: Floats
    ended: int


class QuoteRun:
    """Takes quotes for one account. valid_ns: for how long a quote converts the profit of another
    instrument. liquidity: units that a quote can fill of one order.
    """

    def __init__(self, flat: Flat, *, valid_ns: int, liquidity: float) -> None:
        self._flat = flat
        self._valid_ns = valid_ns
        self._fills_whole = liquidity == math.inf
        self._units = unfold(*flat).state.ledger.units
        self._fills = no_fills(MOST_QUOTES + flat.instruments)
        self._quotes = np.zeros(3 * (MOST_QUOTES + flat.instruments), dtype=np.int64)

    def is_plain(self, item: WaitingOrder) -> bool:
        """Whether the next quote fills an order whole, or ends it."""
        order = item.order
        plain = order.entry is None and not (item.closes or item.reduces or item.filled)
        return plain and self._fills_whole and order.units != 0.0

    def take(
        self,
        quotes: Sequence[tuple[int, Quote]],
        queue: Callable[[int], Sequence[WaitingOrder]],
        filling: dict[int, OrderRequest],
        bar: Floats,
    ) -> Ran | None:
        """The first of some quotes, up to one whose orders want more than this, or where an order
        did not fill whole; None where that is the first.

        quotes: with their columns, of tradeable instruments, of one bar and one rollover. queue:
        what waits in a column. filling: takes up the orders that the quotes fill, by column. bar:
        (6, M), counts the quotes that were taken.
        """
        numbers: list[tuple[float, ...]] = []
        columns: list[int] = []
        times: list[int] = []
        fillers: list[tuple[int, int]] = []
        for column, quote in quotes[:MOST_QUOTES]:
            order = NO_ORDER
            waiting = queue(column)
            if waiting and column not in filling:
                if len(waiting) > 1 or not self.is_plain(waiting[0]):
                    break
                filling[column] = request = waiting[0].order
                fillers.append((len(columns), column))
                bracket, trailing = request.bracket, request.bracket.trailing
                order = (
                    request.units,
                    bracket.stop,
                    bracket.take_profit,
                    math.nan if trailing is None else trailing,
                    request.lowest_price,
                    request.highest_price,
                )
            numbers.append((quote.bid, quote.ask, quote.mid, quote.spread, *order))
            columns.append(column)
            times.append(quote.time)
        if not columns:
            return None
        before = self._units.copy()
        taken, ended = run_quotes(
            *self._flat,
            bar,
            np.array(columns, dtype=np.int64),
            np.array(times, dtype=np.int64),
            np.array(numbers),
            self._valid_ns,
            self._fills,
            self._quotes,
        )
        at = self._quotes[: self._fills.size[0]].tolist()
        for place, column in fillers:
            if place >= taken:
                del filling[column]
        return Ran(
            quotes=taken,
            fills=self._fills,
            times=tuple([times[place] for place in at]),
            before=before,
            ended=ended,
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
    quotes: Indices,
) -> tuple[int, int]:
    """One quote after the other as `LiveAccount` takes them; how many were taken, and the column
    of an order that did not fill whole at the last, or −1.

    columns, times: (N,). numbers: (N, 10). fills: receives the fills, quotes: (3 M and more,) the
    place of the quote of each.
    """
    account = _unfold(floats, ints, instruments, hops, currencies)
    orders, marks, log = account.state.orders, account.state.marks, account.log
    fills.size[0] = 0
    for n in range(columns.shape[0]):
        if fills.size[0] + log.column.shape[0] > quotes.shape[0]:
            return n, -1
        column, time = columns[n], times[n]
        mid, spread, units = numbers[n, MID], numbers[n, WIDTH], numbers[n, UNITS]
        show_flat(floats, ints, instruments, hops, currencies, column, mid, spread)
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
        bid, ask = numbers[n, BID], numbers[n, ASK]
        quoted_flat(floats, ints, instruments, hops, currencies, column, bid, ask, time)
        add_quote(bar, column, mid, spread)
        for told in range(log.size[0]):
            at = fills.size[0]
            quotes[at] = n
            fills.column[at] = log.column[told]
            fills.reason[at] = log.reason[told]
            fills.units[at] = log.units[told]
            fills.price[at] = log.price[told]
            fills.mid[at] = log.mid[told]
            fills.rate[at] = log.rate[told]
            fills.realised[at] = log.realised[told]
            fills.spread_cost[at] = log.spread_cost[told]
            fills.slippage_cost[at] = log.slippage_cost[told]
            fills.size[0] = at + 1
        if units != 0.0 and account.cancelled[column] != 0:
            return n + 1, column
    return columns.shape[0], -1
