"""Orders of which one may fill (one cancels the other), folded from the journal.

The first order of a group that fills, also in part, is its winner; the others are to be cancelled.
What another fills all the same, and what made the position larger by it, is surplus: it is to be
given back. All of it follows from the journal, so that a restart goes on with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderGroup:
    """One group, of one instrument. members: client order ids, in the order of their intents.

    winner: the member that filled first, empty before. surplus: signed units that another filled
    beyond it and that are still held. collided: whether another filled at all. returns: ids of the
    orders that were to give the surplus back.
    """

    name: str
    symbol: str
    members: tuple[str, ...] = ()
    winner: str = ""
    surplus: float = 0.0
    collided: bool = False
    returns: tuple[str, ...] = ()


def joined(group: OrderGroup, order: str) -> OrderGroup:
    """With one member more; the same where it is there."""
    return replace(group, members=tuple(dict.fromkeys((*group.members, order))))


def returning(group: OrderGroup, order: str) -> OrderGroup:
    """With one order more that gives surplus back."""
    return replace(group, returns=tuple(dict.fromkeys((*group.returns, order))))


def filled(group: OrderGroup, order: str, units: float, before: float) -> OrderGroup:
    """After a fill of one of its orders. before: the position before it."""
    if order in group.returns:
        return replace(group, surplus=_within(group.surplus + units, group.surplus))
    if group.winner in ("", order):
        return replace(group, winner=order)
    return replace(group, collided=True, surplus=group.surplus + enlarging(units, before))


def kept_within(group: OrderGroup, held: float) -> OrderGroup:
    """What is held no more, as after a stop, need not be given back."""
    surplus = _within(group.surplus, held)
    return group if surplus == group.surplus else replace(group, surplus=surplus)


def enlarging(units: float, before: float) -> float:
    """The part of a fill that makes a position larger than it was before, on whichever side."""
    after = before + units
    if before * units >= 0.0:
        return units
    return after if before * after < 0.0 else 0.0


def _within(units: float, bound: float) -> float:
    """As much of `units` as is on the side of the bound and not beyond it."""
    if units * bound <= 0.0:
        return 0.0
    return units if abs(units) <= abs(bound) else bound
