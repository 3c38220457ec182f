"""From places on a tape to the values that the desk speaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.guardian.breakers import Watched
from agents.guardian.codes import Halt, Limit
from agents.guardian.limits import RiskLimits
from agents.guardian.notices import watch_notices
from coordinator.engines.tape import REARMED, FillRows, NoticeRows, VerdictRows
from infra.brokers.paper.state import FillLog
from market.events import Event
from market.orders import Bracket
from market.verdicts import RiskApproved, RiskRefused


def fill_log(rows: FillRows, span: slice) -> FillLog:
    """The fills of one row as the broker logs them."""
    size = np.array([span.stop - span.start])
    return FillLog._make([size, *(column[span] for column in rows[2:])])


def notices_on(
    rows: NoticeRows, span: slice, limits: RiskLimits, sequence: int, time: int
) -> tuple[Event, ...]:
    """The halts and re-armings of one row."""
    if span.start == span.stop:
        return ()
    nothing, unknown = int(Halt.NONE), float("nan")
    halted, rearmed, again = (nothing, unknown), -1, (nothing, unknown)
    for n in range(span.start, span.stop):
        if rows.kind[n] == REARMED:
            rearmed = int(rows.bars[n])
        elif rearmed < 0:
            halted = int(rows.halt[n]), float(rows.measured[n])
        else:
            again = int(rows.halt[n]), float(rows.measured[n])
    watched = Watched(*halted, rearmed, *again)
    return watch_notices(watched, limits, sequence, time)


def verdicts_on(
    rows: VerdictRows, span: slice, symbols: Sequence[str]
) -> tuple[tuple[RiskApproved, ...], tuple[RiskRefused, ...]]:
    """The verdicts of one row by type, in the order of the review."""
    if span.start == span.stop:
        return (), ()
    approved, refused = [], []
    for n in range(span.start, span.stop):
        if rows.units[n] != 0.0:
            approved.append(_approved(rows, n, symbols))
        else:
            refused.append(_refused(rows, n, symbols))
    return tuple(approved), tuple(refused)


def _approved(rows: VerdictRows, n: int, symbols: Sequence[str]) -> RiskApproved:
    trailing = float(rows.trailing_distance[n])
    return RiskApproved(
        symbol=symbols[rows.column[n]],
        units=float(rows.units[n]),
        proposed_units=float(rows.proposed[n]),
        score=float(rows.score[n]),
        bracket=Bracket(
            stop=float(rows.stop_distance[n]),
            take_profit=float(rows.take_profit_distance[n]),
            trailing=trailing if trailing > 0.0 else None,
        ),
        reference_price=float(rows.mid[n]),
        lowest_price=float(rows.lowest_price[n]),
        highest_price=float(rows.highest_price[n]),
        bound=Limit(int(rows.bound[n])).name,
        limit=Limit(int(rows.limit[n])).name,
        allowed=float(rows.allowed[n]),
        measured=float(rows.measured[n]),
    )


def _refused(rows: VerdictRows, n: int, symbols: Sequence[str]) -> RiskRefused:
    return RiskRefused(
        symbol=symbols[rows.column[n]],
        proposed_units=float(rows.proposed[n]),
        score=float(rows.score[n]),
        bound=Limit(int(rows.bound[n])).name,
        limit=Limit(int(rows.limit[n])).name,
        allowed=float(rows.allowed[n]),
        measured=float(rows.measured[n]),
    )
