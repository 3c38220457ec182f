"""`PriceMoves`: how far and how wildly each instrument has moved, on the market's clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from market.breaker_rules import FALL_WINDOW_S, VOLATILITY_WINDOW_S
from market.quotes import Quote

SECOND_NS = 1_000_000_000
FALL_NS = round(FALL_WINDOW_S * SECOND_NS)
VOLATILITY_NS = round(VOLATILITY_WINDOW_S * SECOND_NS)
SAMPLE_NS = 5 * SECOND_NS
"""Returns are taken between prices so far apart: between ticks they measure the bid-ask bounce."""
STANDS = 2**63


class PriceMoves:
    """Prices since the gateway started. A price stands until the next, also over a night: a gap is
    a move within the time of its last tick. Quotes that are no prices are left out.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self._moves = {symbol: _Moves() for symbol in symbols}

    def put(self, quote: Quote) -> tuple[float, float] | None:
        """Its instrument's fall and volatility now, decimals; None where it is no news."""
        moves = self._moves.get(quote.symbol)
        if moves is None or not 0.0 < quote.bid <= quote.ask < math.inf or quote.time < moves.time:
            return None
        moves.put(quote.time, quote.mid)
        return moves.fall(quote.time), moves.volatility(quote.time)

    def largest(self, now: int) -> tuple[float, float]:
        """Fall and volatility of the instruments that moved most; 0 before the first price."""
        falls = [moves.fall(now) for moves in self._moves.values()]
        volatilities = [moves.volatility(now) for moves in self._moves.values()]
        return max(falls, default=0.0), max(volatilities, default=0.0)


class _Moves:
    """One instrument. highs, lows: prices that may still be the extreme, with the time until which
    each stood; squares: of the sampled returns, with the time of each.
    """

    def __init__(self) -> None:
        self.time = 0
        self._mid = self._sampled = math.nan
        self._highs: deque[tuple[int, float]] = deque()
        self._lows: deque[tuple[int, float]] = deque()
        self._squares: deque[tuple[int, float]] = deque()
        self._sum = 0.0

    def put(self, time: int, mid: float) -> None:
        """The next price."""
        if math.isnan(self._mid):
            self._sampled = mid
        elif time // SAMPLE_NS > self.time // SAMPLE_NS:
            moved = math.log(self._mid / self._sampled)
            self._squares.append((self.time, moved * moved))
            self._sum = sum(square for _, square in self._squares)
            self._sampled = self._mid
        for extremes, side in ((self._highs, 1.0), (self._lows, -1.0)):
            if extremes:
                extremes[-1] = (time, extremes[-1][1])
            while extremes and side * extremes[-1][1] <= side * mid:
                extremes.pop()
            extremes.append((STANDS, mid))
        self.time, self._mid = time, mid

    def fall(self, now: int) -> float:
        """Largest fall of the instrument, or of what it is quoted in, to the newest price."""
        if not self._highs:
            return 0.0
        for extremes in (self._highs, self._lows):
            while extremes[0][0] <= now - FALL_NS:
                extremes.popleft()
        return max(1.0 - self._mid / self._highs[0][1], 1.0 - self._lows[0][1] / self._mid)

    def volatility(self, now: int) -> float:
        """Root of the summed squared log returns; the one that is not over yet counts."""
        if math.isnan(self._mid):
            return 0.0
        while self._squares and self._squares[0][0] <= now - VOLATILITY_NS:
            self._squares.popleft()
            self._sum = sum(square for _, square in self._squares)
        moving = math.log(self._mid / self._sampled)
        return math.sqrt(self._sum + moving * moving)
