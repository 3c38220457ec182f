"""`Leg`: how an approved order is put to a broker, and the bounds that its approval sets to it."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from market.orders import Bracket, Entry, EntryKind, OrderRequest, TimeInForce, client_order_id
from market.sent import sent

ROUNDING = 1e-9
"""Of the approved units, in the sum of the legs."""
NAME = re.compile(r"[a-z][a-z0-9]*")
FLATTENING = re.compile(r"f[0-9]+")
GIVING_BACK = re.compile(r"x[0-9].*")
"""Legs of the orders that flatten a desk, and of those that give the surplus of a group back."""
AT_ONCE = (TimeInForce.FOK, TimeInForce.IOC)


@sent
@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One order of those that an approval becomes; its bracket and bounds are the approval's.

    name: the last part of its client order id, of its own among the legs of its instrument. units:
    signed. entry: None for a market order. group: of legs of the instrument of which one may fill,
    the others being cancelled then; empty for none. replaces: the client order id of a working
    order in whose place it is put, in its group too; empty for none.
    """

    symbol: str
    name: str
    units: float
    entry: Entry | None = None
    group: str = ""
    replaces: str = ""


class Approval(Protocol):
    """What the guardian let through in an instrument; see `market.verdicts.RiskApproved`."""

    @property
    def symbol(self) -> str: ...
    @property
    def units(self) -> float: ...
    @property
    def bracket(self) -> Bracket: ...
    @property
    def reference_price(self) -> float: ...
    @property
    def lowest_price(self) -> float: ...
    @property
    def highest_price(self) -> float: ...


def order_of(approved: Approval, leg: Leg, session: str, sequence: int) -> OrderRequest:
    """The order that a leg of an approval becomes."""
    return OrderRequest(
        client_order_id=client_order_id(session, sequence, leg.symbol, leg.name),
        sequence=sequence,
        symbol=leg.symbol,
        units=leg.units,
        bracket=approved.bracket,
        lowest_price=approved.lowest_price,
        highest_price=approved.highest_price,
        reference_price=approved.reference_price,
        entry=leg.entry,
    )


def group_of(leg: Leg, session: str, sequence: int) -> str:
    """The name of the leg's group in the journal, empty for none."""
    return client_order_id(session, sequence, leg.symbol, leg.group) if leg.group else ""


def beyond(approved: Sequence[Approval], legs: Sequence[Leg], now: int) -> str:
    """What of these legs no approval covers, empty where all are covered.

    now: market time, ns. The legs of an instrument together may be as large as its approval, those
    of one group counted once, by the largest.
    """
    by_symbol: defaultdict[str, list[Leg]] = defaultdict(list)
    for leg in legs:
        by_symbol[leg.symbol].append(leg)
    approvals = {one.symbol: one for one in approved}
    if len(approvals) != len(approved):
        return "an instrument was approved twice: nothing says which of both a leg is of"
    for symbol, found in by_symbol.items():
        approval = approvals.get(symbol)
        if approval is None:
            return f"nothing was approved in {symbol}"
        uncovered = _beyond(found, approval, now)
        if uncovered:
            return f"{symbol}: {uncovered}"
    return ""


def _beyond(legs: Sequence[Leg], approval: Approval, now: int) -> str:
    """The same of one instrument."""
    names = [leg.name for leg in legs]
    if len({*names}) != len(names):
        return f"two legs have the same name of {', '.join(names)}"
    replaced = [leg.replaces for leg in legs if leg.replaces]
    if len({*replaced}) != len(replaced):
        return f"two legs replace the same order of {', '.join(replaced)}"
    for leg in legs:
        wrong = _wrong(leg, approval, now)
        if wrong:
            return f"leg {leg.name}: {wrong}"
    whole = _together(legs)
    if not whole <= abs(approval.units) * (1.0 + ROUNDING):
        return f"its legs come to {whole:g}, approved were {approval.units:g}"
    return ""


def _together(legs: Sequence[Leg]) -> float:
    """Units that they can fill at most, without a sign."""
    groups: defaultdict[str, float] = defaultdict(float)
    for leg in legs:
        if leg.group:
            groups[leg.group] = max(groups[leg.group], abs(leg.units))
    return sum((*groups.values(), *(abs(leg.units) for leg in legs if not leg.group)))


def _wrong(leg: Leg, approval: Approval, now: int) -> str:
    """Why this leg is none, on its own; every comparison fails on NaN."""
    taken = FLATTENING.fullmatch(leg.name) or GIVING_BACK.fullmatch(leg.name)
    if not NAME.fullmatch(leg.name) or taken:
        return "expected a name of small letters and digits, not f or x with a number"
    if leg.group and not NAME.fullmatch(leg.group):
        return f"expected a group of small letters and digits, found {leg.group!r}"
    if not leg.units * approval.units > 0.0 or not math.isfinite(leg.units):
        return f"expected units on the side of {approval.units:g}, found {leg.units:g}"
    return "" if leg.entry is None else _wrong_entry(leg.entry, approval, now)


def _wrong_entry(entry: Entry, approval: Approval, now: int) -> str:
    if entry.kind is EntryKind.MARKET:
        if entry.time_in_force not in AT_ONCE:
            return f"a market order is FOK or IOC, not {entry.time_in_force}"
    elif not approval.lowest_price <= entry.price <= approval.highest_price:
        return (
            f"expected a price between {approval.lowest_price:g} and {approval.highest_price:g}, "
            f"found {entry.price:g}"
        )
    if (entry.time_in_force is TimeInForce.GTD) != (entry.good_until > now):
        return "expected a time to come with GTD, and none without"
    return ""
