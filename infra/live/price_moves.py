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
    each stood; squares: of the sampled returns; sampled_at: the time of each.
    """

    def __init__(self) -> None:
        self.time = 0
        self._mid = self._sampled = math.nan
        self._highs: deque[tuple[int, float]] = deque()
        self._lows: deque[tuple[int, float]] = deque()
        self._squares: deque[float] = deque()
        self._sampled_at: deque[int] = deque()
        self._sum = 0.0

    def put(self, time: int, mid: float) -> None:
        """The next price."""
        if math.isnan(self._mid):
            self._sampled = mid
        elif time // SAMPLE_NS > self.time // SAMPLE_NS:
            moved = math.log(self._mid / self._sampled)
            self._squares.append(moved * moved)
            self._sampled_at.append(self.time)
            self._sum = sum(self._squares)
            self._sampled = self._mid
        highs, lows = self._highs, self._lows
        if highs:
            highs[-1] = (time, highs[-1][1])
            lows[-1] = (time, lows[-1][1])
        while highs and highs[-1][1] <= mid:
            highs.pop()
        while lows and lows[-1][1] >= mid:
            lows.pop()
        highs.append((STANDS, mid))
        lows.append((STANDS, mid))
        self.time, self._mid = time, mid

    def fall(self, now: int) -> float:
        """Largest fall of the instrument, or of what it is quoted in, to the newest price."""
        highs, lows, began = self._highs, self._lows, now - FALL_NS
        if not highs:
            return 0.0
        while highs[0][0] <= began:
            highs.popleft()
        while lows[0][0] <= began:
            lows.popleft()
        return max(1.0 - self._mid / highs[0][1], 1.0 - lows[0][1] / self._mid)

    def volatility(self, now: int) -> float:
        """Root of the summed squared log returns; the one that is not over yet counts."""
        if math.isnan(self._mid):
            return 0.0
        sampled_at, began = self._sampled_at, now - VOLATILITY_NS
        if sampled_at and sampled_at[0] <= began:
            while sampled_at and sampled_at[0] <= began:
                sampled_at.popleft()
                self._squares.popleft()
            self._sum = sum(self._squares)
        moving = math.log(self._mid / self._sampled)
        return math.sqrt(self._sum + moving * moving)
