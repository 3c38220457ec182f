"""`QuoteFilter`: which quotes are traded on. The others are counted, and nothing else."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from market.quotes import Quote

UNKNOWN = "unknown instrument"
NO_PRICE = "not a price"
CROSSED = "crossed"
LATE = "late"
EARLY = "early"
DUPLICATE = "duplicate"


class QuoteFilter:
    """Lets through what a market can have quoted, in the order of time.

    dropped: how many were not let through, by reason: an instrument that is not traded here; a
    price that is NaN, infinite, zero or negative; an ask below the bid; a time that had passed
    already, or that has not come; the same quote again.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.dropped: Counter[str] = Counter()
        self._columns = {symbol: column for column, symbol in enumerate(symbols)}

    def sound(self, quotes: Iterable[Quote], after: int, now: int) -> Iterator[tuple[int, Quote]]:
        """Columns and quotes of the time after `after` up to and including `now`, UTC ns."""
        floor = after + 1
        last: dict[int, Quote] = {}
        for quote in quotes:
            column = self._columns.get(quote.symbol)
            if column is None:
                self.dropped[UNKNOWN] += 1
            elif not (quote.bid > 0.0 and quote.ask > 0.0 and quote.mid < math.inf):
                self.dropped[NO_PRICE] += 1
            elif quote.ask < quote.bid:
                self.dropped[CROSSED] += 1
            elif quote.time < floor:
                self.dropped[LATE] += 1
            elif quote.time > now:
                self.dropped[EARLY] += 1
            elif last.get(column) == quote:
                self.dropped[DUPLICATE] += 1
            else:
                floor = quote.time
                last[column] = quote
                yield column, quote
