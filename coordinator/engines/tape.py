"""`Tape`: what the sequential kernel writes down, in memory that was allocated before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.codes import Limit
from market.bars import Floats
from market.conversion import Indices

OUTCOMES = 5
"""Outcome codes are -1, 1, 2 and 3; a code is counted at its own index, -1 at the last."""
HALTED, REARMED = 1, 2
NOTICES_A_ROW = 3


class AccountRows(NamedTuple):
    """The account after each row (R,), account currency."""

    equity: Floats
    cash: Floats
    margin_used: Floats


class FillRows(NamedTuple):
    """Fills in the order in which they happened, `size[0]` of them; see `FillLog`."""

    size: Indices
    row: Indices
    column: Indices
    reason: Indices
    units: Floats
    price: Floats
    mid: Floats
    rate: Floats
    realised: Floats
    spread_cost: Floats
    slippage_cost: Floats


class CancelRows(NamedTuple):
    """Orders, or parts of one, that ended without a fill. reason: a CancelReason.

    An order that the broker did not take has the reason REJECTED.
    """

    size: Indices
    row: Indices
    column: Indices
    reason: Indices


class VerdictRows(NamedTuple):
    """The guardian's verdicts, by row in the order of its review.

    units: approved, 0 where refused. bound, limit: Limit codes. mid: the reference price.
    """

    size: Indices
    row: Indices
    column: Indices
    bound: Indices
    limit: Indices
    units: Floats
    proposed: Floats
    score: Floats
    stop_distance: Floats
    take_profit_distance: Floats
    trailing_distance: Floats
    mid: Floats
    lowest_price: Floats
    highest_price: Floats
    allowed: Floats
    measured: Floats


class NoticeRows(NamedTuple):
    """Halts and re-armings in order. kind: HALTED or REARMED. bars: since the halt, of REARMED."""

    size: Indices
    row: Indices
    kind: Indices
    halt: Indices
    bars: Indices
    measured: Floats


class Details(NamedTuple):
    """Everything else that a journal says of a row; without rows where no journal is written.

    units, mid, spread, rate, financing: (R, M). buy, sell, turnout: (R, N). bound: (R, N) codes.
    """

    units: Floats
    mid: Floats
    spread: Floats
    rate: Floats
    financing: Floats
    buy: Floats
    sell: Floats
    turnout: Floats
    bound: Indices


class Counts(NamedTuple):
    """outcomes: (OUTCOMES,) instrument-rows by outcome. refusals: by Limit."""

    outcomes: Indices
    refusals: Indices


class Tape(NamedTuple):
    """All that the kernel writes. score, outcome: (R, N) of the decisions, without rows where
    unused.
    """

    account: AccountRows
    fills: FillRows
    cancels: CancelRows
    verdicts: VerdictRows
    notices: NoticeRows
    score: Floats
    outcome: Indices
    details: Details
    counts: Counts


def blank_tape(
    rows: int, width: int, traded: int, *, room: int, scores: bool, details: bool
) -> Tape:
    """A tape for `rows` rows of `width` instruments, of which `traded` are decided on.

    room: fills, and as many orders and cancellations, before the kernel asks for a new tape; at
    least what one row can bring. scores, details: what is kept of every row.
    """
    room = max(room, 3 * width)
    kept, detailed = (rows if scores or details else 0), (rows if details else 0)
    return Tape(
        account=AccountRows(np.zeros(rows), np.zeros(rows), np.zeros(rows)),
        fills=FillRows(_size(), *_whole(3, room), *_real(7, room)),
        cancels=CancelRows(_size(), *_whole(3, room)),
        verdicts=VerdictRows(_size(), *_whole(4, room), *_real(11, room)),
        notices=NoticeRows(_size(), *_whole(4, room), *_real(1, room)),
        score=np.zeros((kept, traded)),
        outcome=np.zeros((kept, traded), dtype=np.int64),
        details=Details(
            *np.zeros((5, detailed, width)),
            *np.zeros((3, detailed, traded)),
            *np.zeros((1, detailed, traded), dtype=np.int64),
        ),
        counts=Counts(np.zeros(OUTCOMES, dtype=np.int64), np.zeros(len(Limit), dtype=np.int64)),
    )


def rewind(tape: Tape) -> None:
    """Forget the events on a tape; the counts go on."""
    for events in (tape.fills, tape.cancels, tape.verdicts, tape.notices):
        events.size[0] = 0


def _size() -> Indices:
    return np.zeros(1, dtype=np.int64)


def _whole(count: int, room: int) -> Indices:
    return np.zeros((count, room), dtype=np.int64)


def _real(count: int, room: int) -> Floats:
    return np.zeros((count, room))
