"""What can only make a position smaller, alone and together with what else works."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from market.order_life import NEVER_REVERSES, OpenOrder


class Sized(Protocol):
    """An order, what is left of one, or what may become one."""

    @property
    def units(self) -> float: ...


def reduces(order: Sized, held: float) -> bool:
    """Whether an order can only make a position smaller."""
    return held * order.units < 0.0 and abs(order.units) <= abs(held)


def openings(orders: Iterable[OpenOrder], held: Mapping[str, float]) -> tuple[str, ...]:
    """The client order ids of those that would open or reverse a position, were all that came
    before them in an instrument filled. held: signed units by instrument.

    Of a group one order fills: its largest counts. What the broker sizes itself comes first, and
    never reverses.
    """
    found: list[str] = []
    spoken_for: dict[str, dict[str, float]] = {symbol: {} for symbol in held}
    for entry in sorted(orders, key=lambda entry: entry.purpose not in NEVER_REVERSES):
        name, symbol = entry.order.client_order_id, entry.order.symbol
        by_group, units = spoken_for[symbol], held[symbol]
        group = entry.group or name
        before = by_group.get(group, 0.0)
        most = max(before, abs(entry.units))
        together = sum(by_group.values()) - before + most
        if entry.purpose in NEVER_REVERSES:
            by_group[group] = min(most, abs(units))
        elif units * entry.units < 0.0 and together <= abs(units):
            by_group[group] = most
        else:
            found.append(name)
    return tuple(found)
