"""Which quotes are no prices, and how many of each kind came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from market.quotes import Quote

AHEAD_NS = 5_000_000_000
"""A quote may be stamped so far ahead of the clock that it comes with."""


class Reject(StrEnum):
    """Why a quote was dropped."""

    UNKNOWN_INSTRUMENT = "unknown_instrument"
    NOT_FINITE = "not_finite"
    NOT_POSITIVE = "not_positive"
    CROSSED = "crossed"
    AHEAD = "ahead_of_the_clock"
    OUT_OF_ORDER = "out_of_order"
    DUPLICATE = "duplicate"
    LATE = "bar_already_closed"


def price_fault(quote: Quote) -> Reject:
    """What is wrong with the prices of a quote that has no usable ones."""
    if not (isfinite(quote.bid) and isfinite(quote.ask)):
        return Reject.NOT_FINITE
    if quote.bid <= 0.0 or quote.ask <= 0.0:
        return Reject.NOT_POSITIVE
    # A sum beyond the largest number is no mid.
    return Reject.CROSSED if quote.bid > quote.ask else Reject.NOT_FINITE


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardCounts:
    """What became of every quote: put = looked_at + skipped + waiting + Σ dropped.

    looked_at: taken for marking. skipped: replaced by a newer one before anybody looked.
    waiting: in its slot, not looked at yet. steps_back: readings of the clock before an earlier
    one; the later time was kept.
    """

    put: int
    looked_at: int
    skipped: int
    waiting: int
    dropped: Mapping[Reject, int]
    steps_back: int
