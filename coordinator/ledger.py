"""The desk's own books, kept from the fills alone and compared with the broker's."""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.errors import LedgerMismatch
from market.ledger import book_fill, open_ledger
from market.messages import Settlement


class DeskLedger:
    """Positions and cash as the desk believes them to be."""

    def __init__(self, symbols: tuple[str, ...], cash: float) -> None:
        self._symbols = symbols
        self._column = {symbol: column for column, symbol in enumerate(symbols)}
        self._ledger = open_ledger(len(symbols), cash)

    @property
    def units(self) -> Floats:
        """(M,) signed positions."""
        return self._ledger.units

    def book(self, settlement: Settlement) -> None:
        """Book fills and financing, then compare with the broker's account.

        Raises LedgerMismatch, naming the first difference: trading on must not go on with books
        that are wrong.
        """
        ledger = self._ledger
        for column in np.flatnonzero(settlement.financing):
            ledger.cash[0] += settlement.financing[column]
        for fill in settlement.fills:
            if fill.symbol not in self._column:
                raise LedgerMismatch(
                    f"bar {settlement.sequence}: the broker filled {fill.units!r} {fill.symbol}, "
                    f"which this desk does not hold; it holds {', '.join(self._symbols)}"
                )
            book_fill(ledger, self._column[fill.symbol], fill.units, fill.price, fill.rate)
        if not np.array_equal(ledger.units, settlement.units):
            differing = int(np.flatnonzero(ledger.units != settlement.units)[0])
            raise LedgerMismatch(
                f"bar {settlement.sequence}: the desk holds "
                f"{float(ledger.units[differing])!r} {self._symbols[differing]}, the broker "
                f"{float(settlement.units[differing])!r}. New risk stops; "
                "compare the journal's fills with the broker's."
            )
        if float(ledger.cash[0]) != settlement.cash:
            raise LedgerMismatch(
                f"bar {settlement.sequence}: the desk's cash is {float(ledger.cash[0])!r}, the "
                f"broker's {settlement.cash!r}. New risk stops; compare fills and transfers."
            )
