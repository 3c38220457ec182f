"""`OneFills`: of the orders of a group one fills, the others are cancelled."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from market.desk_state import DeskState
from market.events import OrderIntended
from market.modes import Mode
from market.order_groups import OrderGroup
from market.order_life import UNSETTLED, Purpose
from market.orders import Bracket, OrderRequest

NO_BRACKET = Bracket(stop=math.nan, take_profit=math.nan, trailing=None)
AGAIN_S = 1.0
MOST_DOUBLED = 6


class Sender(Protocol):
    """Cancels orders, and makes them durable and sends them; see `infra.live.sending.Sending`."""

    def cancel(self, names: Iterable[str]) -> None: ...
    def place(self, intents: Sequence[OrderIntended], now: int) -> None: ...


class OneFills:
    """Keeps every group of the books; what it does follows from them, so that another that takes
    them up after a crash goes on with it. clock: seconds that never step back.

    Where two orders filled at once, what the second made the position larger by is given back at
    the market. That only ever makes a position smaller, whatever a stop did meanwhile, and asks for
    no approval.
    """

    def __init__(
        self, sender: Sender, state: DeskState, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sender = sender
        self._state = state
        self._clock = clock
        self._next: dict[str, float] = {}
        # One that nothing was sent for is told again: it may have been lost in a crash.
        self._told = {
            name for name, group in state.groups.items() if group.collided and group.returns
        }

    @property
    def unfinished(self) -> bool:
        """Whether there is anything to cancel, to give back or to tell."""
        return any(
            self._losers(one) or one.surplus or (one.collided and one.name not in self._told)
            for one in self._state.groups.values()
        )

    def look(self, now: int) -> tuple[str, ...]:
        """Cancel and give back what is to be; what a person should know of it.

        now: market time, ns. What cannot be done yet is tried again by the next call.
        """
        found = []
        for group in tuple(self._state.groups.values()):
            losers = self._losers(group)
            if losers:
                self._sender.cancel(losers)
            if group.collided and group.name not in self._told:
                self._told.add(group.name)
                found.append(_said(group))
            if group.surplus:
                self._give_back(group, now)
        return tuple(found)

    def _losers(self, group: OrderGroup) -> list[str]:
        """Its other orders that still work, once one has filled; an unknown one is looked up."""
        if not group.winner:
            return []
        orders = self._state.orders
        return [
            name
            for name in group.members
            if name != group.winner and name in orders and orders[name].stage not in UNSETTLED
        ]

    def _give_back(self, group: OrderGroup, now: int) -> None:
        """At the market, one order after the other, less often where the broker refuses them."""
        state = self._state
        waits = any(name in state.orders for name in group.returns)
        unknown = any(order.symbol == group.symbol for order in state.unsettled)
        if waits or unknown or state.mode is Mode.FLATTENING:
            return
        if self._clock() < self._next.get(group.name, -math.inf):
            return
        count = len(group.returns)
        self._next[group.name] = self._clock() + AGAIN_S * 2 ** min(count, MOST_DOUBLED)
        order = OrderRequest(
            client_order_id=_name(group, count),
            sequence=state.sequence,
            symbol=group.symbol,
            units=-group.surplus,
            bracket=NO_BRACKET,
            lowest_price=0.0,
            highest_price=math.inf,
            reference_price=math.nan,
        )
        intent = OrderIntended(order=order, group=group.name, purpose=Purpose.SURPLUS)
        self._sender.place((intent,), now)


def _name(group: OrderGroup, count: int) -> str:
    """As of an order of the decision whose group it is, with a leg that no other has."""
    decision, _, name = group.name.rpartition("-")
    return f"{decision}-x{count}{name}"


def _said(group: OrderGroup) -> str:
    back = (
        f"{-group.surplus:g} are sent to give the surplus back"
        if group.surplus
        else "nothing more is held by it"
    )
    return f"two orders of group {group.name} filled in {group.symbol}, of which one may; {back}"
