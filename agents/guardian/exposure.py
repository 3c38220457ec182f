"""What a book weighs, and how much more of one instrument it may hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.codes import Limit
from agents.guardian.limits import RiskLimits, StressLimits
from agents.guardian.stress import CURRENCY_MOVE, JOINT_SIGMAS
from agents.guardian.traits import ASSET_CLASSES, Traits
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion, Indices
from market.marks import Marks

NONE = int(Limit.NONE)
INVALID_INPUT = int(Limit.INVALID_INPUT)
OPEN_POSITIONS = int(Limit.OPEN_POSITIONS)
POSITION = int(Limit.POSITION)
GROSS_LEVERAGE = int(Limit.GROSS_LEVERAGE)
CURRENCY_EXPOSURE = int(Limit.CURRENCY_EXPOSURE)
OPEN_RISK = int(Limit.OPEN_RISK)
MARGIN = int(Limit.MARGIN)
POSITION_LOSS = int(Limit.POSITION_LOSS)
ASSET_CLASS = int(Limit.ASSET_CLASS)
STRESS_CRASH = int(Limit.STRESS_CRASH)
STRESS_CORRELATION = int(Limit.STRESS_CORRELATION)
STRESS_CURRENCY = int(Limit.STRESS_CURRENCY)

POSITION_SIGMAS = 2.0
"""Daily standard deviations at which the loss of one position is measured."""

NOBODY, NOT_WEIGHED = -1, -2
LARGEST = 3


class Book(NamedTuple):
    """Positions as they stand or would stand, and what they weigh together.

    units: (M,) signed, what works counted as filled. bulk: (M,) what is weighed: the units, or
    where a working order makes a position smaller, the position without it. risk: (M,) loss at the
    stop, account currency, 0 when flat or locked in.
    weighed: (1,) the column left out of the following sums, NOBODY, or NOT_WEIGHED. gross, margin,
    open_risk: (1,) account currency. positions: (1,) how many are open. exposure: (C,) by currency.
    largest, largest_of: (3,) the largest net exposures in size, and of which currencies.
    by_class: (K,) Σ of notionals by class of assets. crash_profit: (1,) in the crash, signed.
    stand_alone: (1,) Σ of notional × daily standard deviation. half_spreads: (1,) cost of closing.
    """

    units: Floats
    bulk: Floats
    risk: Floats
    weighed: Indices
    gross: Floats
    margin: Floats
    open_risk: Floats
    positions: Indices
    exposure: Floats
    largest: Floats
    largest_of: Indices
    by_class: Floats
    crash_profit: Floats
    stand_alone: Floats
    half_spreads: Floats


def empty_book(instruments: int, currencies: int) -> Book:
    """Working memory for a book."""
    return Book(
        units=np.zeros(instruments),
        bulk=np.zeros(instruments),
        risk=np.zeros(instruments),
        weighed=np.full(1, NOT_WEIGHED, dtype=np.int64),
        gross=np.zeros(1),
        margin=np.zeros(1),
        open_risk=np.zeros(1),
        positions=np.zeros(1, dtype=np.int64),
        exposure=np.zeros(currencies),
        largest=np.zeros(LARGEST),
        largest_of=np.full(LARGEST, -1, dtype=np.int64),
        by_class=np.zeros(len(ASSET_CLASSES)),
        crash_profit=np.zeros(1),
        stand_alone=np.zeros(1),
        half_spreads=np.zeros(1),
    )


class Headroom(NamedTuple):
    """The largest position allowed and the limit that sets it.

    units: size, not negative. limit: a Limit. allowed, measured: the limit in account currency
    (a count for OPEN_POSITIONS) and what the rest of the book already uses of it.
    """

    units: float
    limit: int
    allowed: float
    measured: float


class Room(NamedTuple):
    """Notional that one limit leaves, account currency, and that limit as in `Headroom`."""

    value: float
    limit: int
    allowed: float
    measured: float


@lean_kernel
def stop_risk(units: float, mid: float, spread: float, stop_price: float, rate: float) -> float:
    """Loss from the present closing price to the stop, account currency, never negative.

    A position without a stop risks its whole notional.
    """
    if units == 0.0:
        return 0.0
    side = 1.0 if units > 0.0 else -1.0
    if not abs(stop_price) < np.inf:
        return abs(units) * mid * rate
    loss = abs(units) * side * (mid - side * 0.5 * spread - stop_price) * rate
    return max(loss, 0.0)


@lean_kernel
def bulk_of(bare: float, working: float, total: float) -> float:
    """The position that is weighed: nobody knows whether what works will fill.

    bare: without the working orders; total: with them, and with what is approved.
    """
    return bare if working != 0.0 and abs(bare) > abs(total) else total


@lean_kernel
def measure_book(
    book: Book, units: Floats, working: Floats, stop_price: Floats, marks: Marks
) -> None:
    """Fill `book` from positions and working orders; what works counts as if it were filled."""
    book.weighed[0] = NOT_WEIGHED
    for column in range(units.shape[0]):
        total = units[column] + working[column]
        book.units[column] = total
        book.bulk[column] = bulk_of(units[column], working[column], total)
        book.risk[column] = stop_risk(
            book.bulk[column],
            marks.mid[column],
            marks.spread[column],
            stop_price[column],
            marks.rate[column],
        )


@lean_kernel
def weighable(marks: Marks, column: int) -> bool:
    """Whether an instrument's mid, quote rate and spread are numbers that a book can rest on."""
    known = marks.mid[column] > 0.0 and marks.rate[column] > 0.0 and marks.spread[column] >= 0.0
    finite: bool = marks.mid[column] + marks.rate[column] + marks.spread[column] < np.inf
    return known and finite


@lean_kernel
def weigh_book(
    book: Book,
    marks: Marks,
    paths: Conversion,
    traits: Traits,
    sigma: Floats,
    scale: float,
    left_out: int,
) -> None:
    """Fill the book's sums over every position but that in column `left_out` (NOBODY: over all).

    sigma: (N,) standard deviation of a bar's return; times `scale`, of a day's. A position
    whose weight is unknown makes the sums NaN: it leaves no room beside it.
    """
    gross, margin, risk, count = 0.0, 0.0, 0.0, 0
    crash, alone, spreads = 0.0, 0.0, 0.0
    book.exposure[:] = 0.0
    book.by_class[:] = 0.0
    for other in range(book.units.shape[0]):
        units = book.bulk[other]
        if other == left_out or units == 0.0:
            continue
        value = units * marks.mid[other] * marks.rate[other]
        if not weighable(marks, other):
            value = np.nan
        day_sigma = sigma[other] * scale if other < sigma.shape[0] else np.nan
        size = abs(value)
        gross += size
        margin += size * traits.margin_rate[other]
        risk += book.risk[other]
        count += 1
        book.by_class[traits.asset_class[other]] += size
        crash += value * traits.crash[other]
        alone += size * day_sigma
        spreads += 0.5 * abs(units) * marks.spread[other] * marks.rate[other]
        book.exposure[paths.base[other]] += value
        book.exposure[paths.quote[other]] -= value
    book.gross[0] = gross
    book.margin[0] = margin
    book.open_risk[0] = risk
    book.positions[0] = count
    book.crash_profit[0] = crash
    book.stand_alone[0] = alone
    book.half_spreads[0] = spreads
    rank_exposures(book)
    book.weighed[0] = left_out


@lean_kernel
def rank_exposures(book: Book) -> None:
    """Note the largest exposures: two of them may be the legs of an instrument, one is not."""
    book.largest[:] = 0.0
    book.largest_of[:] = -1
    for currency in range(book.exposure.shape[0]):
        size = abs(book.exposure[currency])
        if not size > book.largest[LARGEST - 1]:
            continue
        place = LARGEST - 1
        while place > 0 and size > book.largest[place - 1]:
            book.largest[place] = book.largest[place - 1]
            book.largest_of[place] = book.largest_of[place - 1]
            place -= 1
        book.largest[place] = size
        book.largest_of[place] = currency


@lean_kernel
def exposure_elsewhere(book: Book, base: int, quote: int) -> float:
    """The largest net exposure, in size, to a currency that is no leg of an instrument."""
    for place in range(LARGEST):
        if book.largest_of[place] not in (base, quote):
            largest: float = book.largest[place]
            return largest
    return 0.0


@lean_kernel
def room_in_stress(
    best: Room,
    book: Book,
    paths: Conversion,
    traits: Traits,
    limits: StressLimits,
    day_sigma: float,
    equity: float,
    column: int,
    side: float,
) -> Room:
    """The room that the shocks leave which are sums over positions, where it is the smallest."""
    base, quote = paths.base[column], paths.quote[column]
    allowed, loss = limits.crash * equity, -book.crash_profit[0]
    fall = -side * traits.crash[column]
    if loss > allowed:
        best = tighter(best, 0.0, STRESS_CRASH, allowed, loss)
    elif fall > 0.0:
        best = tighter(best, (allowed - loss) / fall, STRESS_CRASH, allowed, loss)
    allowed, loss = limits.correlation_breakdown * equity, JOINT_SIGMAS * book.stand_alone[0]
    by_sigmas = (allowed - loss) / (JOINT_SIGMAS * day_sigma)
    best = tighter(best, by_sigmas, STRESS_CORRELATION, allowed, loss)
    allowed = limits.currency_crisis * equity
    most = allowed / CURRENCY_MOVE
    for used in (side * book.exposure[base], -side * book.exposure[quote]):
        room, loss = most - used, CURRENCY_MOVE * abs(used)
        if used < -most:  # the order would lessen what is broken already, and might leave it so
            room = 0.0
        best = tighter(best, room, STRESS_CURRENCY, allowed, loss)
    used = exposure_elsewhere(book, base, quote)
    if used > most:
        best = tighter(best, 0.0, STRESS_CURRENCY, allowed, CURRENCY_MOVE * used)
    return best


@lean_kernel
def headroom(
    book: Book,
    marks: Marks,
    paths: Conversion,
    traits: Traits,
    limits: RiskLimits,
    sigma: Floats,
    equity: float,
    column: int,
    side: float,
    stop_distance: float,
) -> Headroom:
    """The largest position in `column` on `side` that every limit on sums admits beside the others.

    The instrument's own present position is left out: the answer is for the position after
    the order. sigma: (N,) standard deviation of a bar's return. stop_distance: price units.
    INVALID_INPUT with zero units where a number needed is NaN, infinite or not positive, in any
    position of the book.
    """
    scale = np.sqrt(limits.day_bars)
    left_out = NOBODY if book.bulk[column] == 0.0 else column
    if book.weighed[0] != left_out:
        weigh_book(book, marks, paths, traits, sigma, scale, left_out)
    gross, margin, risk = book.gross[0], book.margin[0], book.open_risk[0]
    alone = book.stand_alone[0]
    count = book.positions[0]
    base, quote = paths.base[column], paths.quote[column]
    unit_value = marks.mid[column] * marks.rate[column]
    unit_risk = stop_distance * marks.rate[column]
    day_sigma = sigma[column] * scale
    margin_rate = traits.margin_rate[column]
    if not (
        unit_value > 0.0
        and unit_risk > 0.0
        and day_sigma > 0.0
        and equity > 0.0
        and equity < np.inf
        and margin_rate > 0.0
        and gross + risk + margin + alone + book.half_spreads[0] < np.inf
        and unit_value + unit_risk + day_sigma < np.inf
    ):
        return Headroom(0.0, INVALID_INPUT, np.nan, np.nan)
    if count >= limits.max_open_positions:
        return Headroom(0.0, OPEN_POSITIONS, limits.max_open_positions, float(count))
    allowed = limits.max_position * equity
    best = Room(allowed, POSITION, allowed, 0.0)
    allowed = limits.max_position_loss * equity
    best = tighter(best, allowed / (POSITION_SIGMAS * day_sigma), POSITION_LOSS, allowed, 0.0)
    used = book.by_class[traits.asset_class[column]]
    allowed = limits.max_asset_class * equity
    best = tighter(best, allowed - used, ASSET_CLASS, allowed, used)
    allowed = limits.max_gross_leverage * equity
    best = tighter(best, allowed - gross, GROSS_LEVERAGE, allowed, gross)
    allowed = limits.max_currency_exposure * equity
    bought, sold = side * book.exposure[base], -side * book.exposure[quote]
    if base != paths.account:
        best = tighter(best, allowed - bought, CURRENCY_EXPOSURE, allowed, bought)
    if quote != paths.account:
        best = tighter(best, allowed - sold, CURRENCY_EXPOSURE, allowed, sold)
    allowed = (1.0 - limits.margin_reserve) * equity
    best = tighter(best, (allowed - margin) / margin_rate, MARGIN, allowed, margin)
    allowed = limits.max_open_risk * equity
    by_risk = (allowed - risk) / unit_risk * unit_value
    best = tighter(best, by_risk, OPEN_RISK, allowed, risk)
    best = room_in_stress(best, book, paths, traits, limits.stress, day_sigma, equity, column, side)
    return Headroom(max(best.value, 0.0) / unit_value, best.limit, best.allowed, best.measured)


@lean_kernel
def tighter(best: Room, value: float, limit: int, allowed: float, used: float) -> Room:
    """The smaller of the best room so far and another limit's, in account currency."""
    return Room(value, limit, allowed, used) if value < best.value else best
