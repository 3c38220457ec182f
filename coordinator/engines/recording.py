"""How the sequential kernel writes a row down on its tape."""

from __future__ import annotations

import numpy as np

from agents.guardian.breakers import Watched, halting_loss
from agents.guardian.codes import Halt, Limit
from coordinator.engines.arrays import DeskState
from coordinator.engines.tape import HALTED, NOTICES_A_ROW, REARMED, CancelRows, NoticeRows, Tape
from coordinator.tally import Outcome
from market.compiled import lean_kernel

NO_HALT = int(Halt.NONE)
DRAWDOWN = int(Halt.DRAWDOWN)
DRAWDOWN_HALT = int(Limit.DRAWDOWN_HALT)
OUTCOMES = tuple(int(outcome) for outcome in Outcome)
DAILY_LOSS_HALT = int(Limit.DAILY_LOSS_HALT)
DRAWDOWN_FLATTEN = int(Limit.DRAWDOWN_FLATTEN)


@lean_kernel
def has_room(tape: Tape, width: int) -> bool:
    """Whether a tape can take the most that one row can bring."""
    fills = tape.fills.row.shape[0] - tape.fills.size[0] >= 3 * width
    cancels = tape.cancels.row.shape[0] - tape.cancels.size[0] >= 2 * width
    verdicts = tape.verdicts.row.shape[0] - tape.verdicts.size[0] >= width
    notices = tape.notices.row.shape[0] - tape.notices.size[0] >= NOTICES_A_ROW
    room: bool = fills and cancels and verdicts and notices
    return room


@lean_kernel
def record_cancel(cancels: CancelRows, row: int, column: int, reason: int) -> None:
    """One order, or the rest of one, that ended without a fill."""
    n = cancels.size[0]
    cancels.row[n] = row
    cancels.column[n] = column
    cancels.reason[n] = reason
    cancels.size[0] = n + 1


@lean_kernel
def record_fills(tape: Tape, state: DeskState, row: int) -> None:
    """The fills and cancellations of a settled row."""
    log, fills = state.log, tape.fills
    size = fills.size[0]
    for k in range(log.size[0]):
        n = size + k
        fills.row[n] = row
        fills.column[n] = log.column[k]
        fills.reason[n] = log.reason[k]
        fills.units[n] = log.units[k]
        fills.price[n] = log.price[k]
        fills.mid[n] = log.mid[k]
        fills.rate[n] = log.rate[k]
        fills.realised[n] = log.realised[k]
        fills.spread_cost[n] = log.spread_cost[k]
        fills.slippage_cost[n] = log.slippage_cost[k]
    fills.size[0] = size + log.size[0]
    for column in range(state.cancelled.shape[0]):
        if state.cancelled[column] != 0:
            record_cancel(tape.cancels, row, column, state.cancelled[column])


@lean_kernel
def record_account(tape: Tape, state: DeskState, row: int, equity: float, margin: float) -> None:
    """The account after a row, and what its decisions came to."""
    tape.account.equity[row] = equity
    tape.account.cash[row] = state.paper.ledger.cash[0]
    tape.account.margin_used[row] = margin
    outcome = state.decision.outcome
    for code in OUTCOMES:
        count = 0
        for column in range(outcome.shape[0]):
            count += outcome[column] == code
        tape.counts.outcomes[code] += count


@lean_kernel
def record_notice(
    notices: NoticeRows, row: int, kind: int, halt: int, bars: int, measured: float
) -> None:
    """One halt or re-arming."""
    n = notices.size[0]
    notices.row[n] = row
    notices.kind[n] = kind
    notices.halt[n] = halt
    notices.bars[n] = bars
    notices.measured[n] = measured
    notices.size[0] = n + 1


@lean_kernel
def record_notices(tape: Tape, watched: Watched, row: int) -> None:
    """What the breakers did, in the order in which they did it."""
    if watched.halted != NO_HALT:
        record_notice(tape.notices, row, HALTED, watched.halted, 0, watched.loss)
    if watched.rearmed >= 0:
        record_notice(tape.notices, row, REARMED, DRAWDOWN, watched.rearmed, np.nan)
    if watched.halted_again != NO_HALT:
        record_notice(tape.notices, row, HALTED, watched.halted_again, 0, watched.loss_again)


@lean_kernel
def record_verdicts(tape: Tape, state: DeskState, row: int) -> None:
    """The verdicts of a row. Refusals are counted; they are kept where details are."""
    proposals, verdicts, rows = state.proposals, state.verdicts, tape.verdicts
    detailed = tape.details.units.shape[0] > 0
    for place in range(verdicts.reviewed[0]):
        column = verdicts.ranked[place]
        limit = verdicts.limit[column]
        refused = verdicts.units[column] == 0.0
        if refused:
            tape.counts.refusals[limit] += 1
        if detailed or not refused:
            measured = verdicts.measured[column]
            if limit in (DRAWDOWN_HALT, DAILY_LOSS_HALT, DRAWDOWN_FLATTEN):
                measured = halting_loss(state.breakers)
            n = rows.size[0]
            rows.row[n] = row
            rows.column[n] = column
            rows.bound[n] = proposals.bound[column]
            rows.limit[n] = limit
            rows.units[n] = verdicts.units[column]
            rows.proposed[n] = proposals.units[column]
            rows.score[n] = proposals.score[column]
            rows.stop_distance[n] = proposals.stop_distance[column]
            rows.take_profit_distance[n] = proposals.take_profit_distance[column]
            rows.trailing_distance[n] = proposals.trailing_distance[column]
            rows.mid[n] = state.paper.marks.mid[column]
            rows.lowest_price[n] = verdicts.lowest_price[column]
            rows.highest_price[n] = verdicts.highest_price[column]
            rows.allowed[n] = verdicts.allowed[column]
            rows.measured[n] = measured
            rows.size[0] = n + 1


@lean_kernel
def record_details(tape: Tape, state: DeskState, row: int) -> None:
    """What a journal says of every row, where it is asked for."""
    decision, marks, details = state.decision, state.paper.marks, tape.details
    units = state.paper.ledger.units
    if tape.score.shape[0] > 0:
        for column in range(decision.score.shape[0]):
            tape.score[row, column] = decision.score[column]
            tape.outcome[row, column] = decision.outcome[column]
    if details.units.shape[0] == 0:
        return
    for column in range(units.shape[0]):
        details.units[row, column] = units[column]
        details.mid[row, column] = marks.mid[column]
        details.spread[row, column] = marks.spread[column]
        details.rate[row, column] = marks.rate[column]
        details.financing[row, column] = state.charged[column]
    for column in range(decision.score.shape[0]):
        details.buy[row, column] = decision.buy[column]
        details.sell[row, column] = decision.sell[column]
        details.turnout[row, column] = decision.turnout[column]
        details.bound[row, column] = state.proposals.bound[column]
