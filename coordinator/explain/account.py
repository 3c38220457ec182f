"""The account as the guardian was shown it at a decision, folded from the journal's events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from infra.brokers.paper.execution import attach_bracket, clear_exits
from infra.brokers.paper.exits import trail_stops
from infra.brokers.paper.state import FillReason, empty_state
from market.bar_window import BarSlice
from market.bars import Floats
from market.desk_state import DeskState
from market.errors import JournalError
from market.events import BarSettled, Event, OrderFilled, OrderIntended
from market.live_events import AccountSeen
from market.marks import CLOSE
from market.messages import Settlement
from market.orders import Fill, OrderRequest

BY_DECISION = FillReason.DECISION.name


class AccountFold:
    """What `BarSettled` does not say of an account: where its stops stand, how old its prices are.

    A live desk records both (`AccountSeen`). The paper broker of a replay does not: its stops
    follow from the brackets of the orders, their fills and the bars, by its own rules.
    """

    def __init__(self, state: DeskState) -> None:
        width = len(state.symbols)
        self._state = state
        self._paper = empty_state(width, state.started.initial_balance)
        self._age = np.full(width, np.inf)
        self._filled: Floats = np.zeros(width)
        self._orders: dict[str, OrderRequest] = {}
        self._settled: dict[int, Settlement] = {}
        self._seen: set[int] = set()

    def rebuilt(self, sequence: int) -> bool:
        """Whether the stops of a bar had to be worked out."""
        return sequence not in self._seen

    def take(self, event: Event) -> None:
        """Follow one event; the desk's state has taken it already."""
        if isinstance(event, OrderIntended):
            self._orders[event.order.client_order_id] = event.order
        elif isinstance(event, OrderFilled):
            self._fill(event.fill)
        elif isinstance(event, AccountSeen) and event.sequence in self._settled:
            self._seen.add(event.sequence)
            self._settled[event.sequence] = replace(
                self._settled[event.sequence],
                stop_price=event.stop_price,
                age=event.age,
                filled=event.filled if len(event.filled) else self._settled[event.sequence].filled,
            )

    def settle(self, settled: BarSettled, bar: BarSlice) -> None:
        """The end of a bar (M instruments): prices age and trailing stops move."""
        paper = self._paper
        paper.marks.spread[:] = settled.spread
        trail_stops(paper, np.ascontiguousarray(bar.values))
        self._age = np.where(bar.values[CLOSE] > 0.0, 0.0, self._age + 1.0)
        self._settled[settled.sequence] = Settlement(
            sequence=settled.sequence,
            fills=(),
            cancellations=(),
            units=settled.units,
            working=self._state.working,
            stop_price=paper.exits.stop_price.copy(),
            mid=settled.mid,
            spread=settled.spread,
            rate=settled.rate,
            age=self._age,
            filled=self._filled,
            financing=settled.financing,
            cash=settled.cash,
            equity=settled.equity,
            margin_used=settled.margin_used,
        )
        self._filled = np.zeros_like(self._filled)

    def settlement(self, sequence: int) -> Settlement:
        """The account after a bar, as sizing and guardian were shown it; older ones are forgotten.

        Raises JournalError where the bar was not settled.
        """
        if sequence not in self._settled:
            raise JournalError(f"decision {sequence} was recorded without the account it was on")
        for older in [known for known in self._settled if known < sequence]:
            del self._settled[older]
            self._seen.discard(older)
        return self._settled[sequence]

    def _fill(self, fill: Fill) -> None:
        paper, column = self._paper, self._state.column(fill.symbol)
        self._filled[column] += 1.0
        held = float(paper.ledger.units[column])
        paper.ledger.units[column] = held + fill.units
        order = self._orders.pop(fill.client_order_id, None)
        if order is None or fill.reason != BY_DECISION:
            if fill.reason != BY_DECISION or paper.ledger.units[column] == 0.0:
                clear_exits(paper.exits, column)
            return
        bracket, waiting = order.bracket, paper.orders
        waiting.stop_distance[column] = bracket.stop
        waiting.take_profit_distance[column] = bracket.take_profit
        waiting.trailing_distance[column] = np.nan if bracket.trailing is None else bracket.trailing
        attach_bracket(paper, column, held, fill.price)
