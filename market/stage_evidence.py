"""What a desk has shown at its capital stage, folded from its journal event by event.

Only wall-clock trading on real prices counts: bars and trades of recorded, made-up or sped-up
prices, and of a journal that does not say what its prices were, are no evidence. The drawdown is
that of every bar, for it only ever speaks against a desk.
"""

from __future__ import annotations

import math

from msgspec.structs import replace

from market.ledger import ROUNDING
from market.quotes import PriceKind
from market.record import Record

DAY_NS = 86_400_000_000_000
AT_REAL_TIME = 1.0


class OpenTrip(Record, frozen=True, kw_only=True):
    """A position while it is open. gained: account currency, financing included. counts: whether
    all of its life up to now is evidence.
    """

    symbol: str
    units: float
    gained: float
    counts: bool


class StageEvidence(Record, frozen=True, kw_only=True):
    """Evidence since the stage began. Money in account currency, returns by bar.

    since: market time, UTC nanoseconds. prices, speed: of the prices at work, times real time.
    days: UTC days with a decision. bars: returns that count; mean, squares: of them, and the sum of
    squares about it. uncounted: bars that are no evidence. equity: at the last bar, NaN before;
    joined: whether that bar counts; transferred: since then. index, peak, drawdown: of equity
    without transfers, 1 at the start, its maximum, the worst of 1 − index / peak. trades, won:
    round trips closed, and those that gained after costs. halts: of the guardian. mismatches:
    between the books and the broker.
    """

    since: int = 0
    prices: str = PriceKind.UNSTATED
    speed: float = 0.0
    days: int = 0
    last_day: int = -1
    bars: int = 0
    mean: float = 0.0
    squares: float = 0.0
    uncounted: int = 0
    equity: float = math.nan
    joined: bool = False
    transferred: float = 0.0
    index: float = 1.0
    peak: float = 1.0
    drawdown: float = 0.0
    trades: int = 0
    won: int = 0
    trips: tuple[OpenTrip, ...] = ()
    halts: int = 0
    mismatches: int = 0

    @property
    def counts(self) -> bool:
        """Whether what happens now is evidence."""
        return self.prices == PriceKind.REAL and self.speed == AT_REAL_TIME

    @property
    def win_rate(self) -> float:
        """Part of the closed trades that gained; NaN without any."""
        return self.won / self.trades if self.trades else math.nan


def begun(evidence: StageEvidence, time: int) -> StageEvidence:
    """A new stage: nothing has been shown yet; positions that are held over count for nothing."""
    return StageEvidence(
        since=time,
        prices=evidence.prices,
        speed=evidence.speed,
        equity=evidence.equity,
        transferred=evidence.transferred,
        trips=_uncounted(evidence.trips),
    )


def opened(evidence: StageEvidence, prices: str, speed: float) -> StageEvidence:
    """Trading was taken up on these prices; what was open meanwhile nobody watched."""
    found = replace(evidence, prices=prices, speed=speed, joined=False)
    return found if found.counts else replace(found, trips=_uncounted(found.trips))


def decided(evidence: StageEvidence, time: int) -> StageEvidence:
    """A decision was taken."""
    day = time // DAY_NS
    if not evidence.counts or day <= evidence.last_day:
        return evidence
    return replace(evidence, days=evidence.days + 1, last_day=day)


def settled(evidence: StageEvidence, equity: float) -> StageEvidence:
    """A bar was settled. An equity that is not positive counts as everything lost."""
    if not math.isfinite(equity):
        return replace(evidence, joined=False)  # a position without a price: nobody knows
    counts, before = evidence.counts, evidence.equity
    if not before > 0.0:
        return replace(evidence, equity=equity, joined=counts, transferred=0.0)
    change = (equity - evidence.transferred) / before - 1.0
    index = evidence.index * max(1.0 + change, 0.0)
    peak = max(evidence.peak, index)
    bars, mean, squares = evidence.bars, evidence.mean, evidence.squares
    if counts and evidence.joined:
        bars += 1
        away = change - mean
        mean += away / bars
        squares += away * (change - mean)  # Welford's: nothing cancels
    return replace(
        evidence,
        equity=equity,
        joined=counts,
        transferred=0.0,
        index=index,
        peak=peak,
        drawdown=max(evidence.drawdown, 1.0 - index / peak),
        bars=bars,
        mean=mean,
        squares=squares,
        uncounted=evidence.uncounted + (not counts),
    )


class EvidenceFold:
    """Evidence while it is folded. Fills move its positions one by one, and the value, of which
    they are many, is made when it is asked for.
    """

    def __init__(self) -> None:
        self._value = StageEvidence()
        self._moved, self._counts = False, self._value.counts
        self._trips: dict[str, OpenTrip] = {}
        self._trades = self._won = 0

    @property
    def value(self) -> StageEvidence:
        """All of it up to now."""
        if self._moved:
            self._moved = False
            self._value = replace(
                self._value, trips=tuple(self._trips.values()), trades=self._trades, won=self._won
            )
        return self._value

    def put(self, evidence: StageEvidence) -> None:
        """Go on from here."""
        self._value, self._moved, self._counts = evidence, False, evidence.counts
        self._trips = {trip.symbol: trip for trip in evidence.trips}
        self._trades, self._won = evidence.trades, evidence.won

    def fill(self, symbol: str, units: float, realised: float) -> None:
        """A fill was booked. One beyond the position closes a round trip and opens the next."""
        self._moved = True
        trip = self._trips.pop(symbol, None)
        if trip is None:
            self._begin(symbol, units)
            return
        after, gained = trip.units + units, trip.gained + realised
        if abs(after) <= ROUNDING * abs(units):
            after = 0.0
        if trip.units * after > 0.0:
            self._trips[symbol] = OpenTrip(
                symbol=symbol, units=after, gained=gained, counts=trip.counts
            )
            return
        if trip.counts and self._counts:
            self._trades += 1
            self._won += gained > 0.0
        if after != 0.0:
            self._begin(symbol, after)

    def pay(self, symbol: str, amount: float, *, transfer: bool) -> None:
        """Cash moved: financing of a position, or a transfer, which is no gain."""
        if transfer:
            self.put(replace(self.value, transferred=self.value.transferred + amount))
            return
        trip = self._trips.pop(symbol, None)
        if trip is not None:
            self._moved = True
            self._trips[symbol] = replace(trip, gained=trip.gained + amount)

    def _begin(self, symbol: str, units: float) -> None:
        self._trips[symbol] = OpenTrip(symbol=symbol, units=units, gained=0.0, counts=self._counts)


def _uncounted(trips: tuple[OpenTrip, ...]) -> tuple[OpenTrip, ...]:
    return tuple(replace(trip, counts=False) for trip in trips)
