"""What a reader saw of numbered prices: how many, how old, in what order, and what it missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.broking.prices import number_of
from market.bars import Floats, Times
from market.instruments import Instrument
from market.quotes import Quote


@dataclass(slots=True, kw_only=True)
class Seen:
    """Of every instrument the last number, from the first price that was seen on.

    missing: numbers that were never seen. in_a_row: the most of them between two that were.
    backwards: prices that came after a later one. ages_ns: of each price as it was seen; room for
    them is taken beforehand, so that they are no growth of memory.
    """

    instruments: dict[str, Instrument]
    numbers: int
    ages_ns: Times
    last: dict[str, int] = field(default_factory=dict)
    seen: int = 0
    missing: int = 0
    in_a_row: int = 0
    backwards: int = 0

    def take(self, quotes: Iterable[Quote], now: int) -> None:
        """Prices that are on the board at this moment, UTC ns."""
        for quote in quotes:
            number = number_of(quote, self.instruments[quote.symbol])
            last = self.last.get(quote.symbol)
            step = 1 if last is None else (number - last) % self.numbers
            if step == 0:
                continue  # told again, as at a stream's beginning
            if step > self.numbers // 2:
                self.backwards += 1
                continue
            self.missing += step - 1
            self.in_a_row = max(self.in_a_row, step - 1)
            self.ages_ns[self.seen % len(self.ages_ns)] = now - quote.time
            self.seen += 1
            self.last[quote.symbol] = number

    def ages_ms(self) -> Floats:
        """Of every price that was seen, milliseconds."""
        return self.ages_ns[: self.seen] / 1e6

    def behind(self, newest: dict[str, int]) -> int:
        """Instruments of which these, the newest numbers in the server, were not seen."""
        return sum(self.last.get(symbol) != number for symbol, number in newest.items())


def seen_of(instruments: Sequence[Instrument], numbers: int, most: int) -> Seen:
    """Nothing yet. most: prices whose age is kept."""
    return Seen(
        instruments={one.symbol: one for one in instruments},
        numbers=numbers,
        ages_ns=np.full(most, -1, dtype=np.int64),
    )
