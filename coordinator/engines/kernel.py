"""The sequential kernel: the desk row by row, by the functions that the live desk calls.

One row is what `coordinator.session.Session.step` does through its members: the broker settles
the bar, the ballots are tallied, sizing proposes, the guardian watches the equity and reviews, and
what it approved waits for the next row.
"""

from __future__ import annotations

import numpy as np

from agents.guardian.breakers import Watched, watch_equity
from agents.guardian.pace import pass_bar, take_fill
from agents.guardian.proposals import Exposed
from agents.guardian.review import review_measured
from coordinator.engines.arrays import DeskRules, DeskState, PanelRows
from coordinator.engines.recording import (
    has_room,
    record_account,
    record_cancel,
    record_details,
    record_fills,
    record_notices,
    record_verdicts,
)
from coordinator.engines.tape import Tape
from coordinator.sizing import propose
from coordinator.tally import tally, tally_halves
from infra.brokers.paper.acceptance import enter_order, is_sized
from infra.brokers.paper.settlement import settle_bar
from infra.brokers.paper.state import REJECTED_ORDER
from market.bars import Floats
from market.compiled import lean_kernel
from market.marks import CLOSE, HIGH, LOW, OPEN, SPREAD


@lean_kernel
def copy_row(panel: Floats, row: int, values: Floats, field: int) -> None:
    """One row of (R, M) into one of a bar's values (6, M)."""
    for column in range(values.shape[1]):
        values[field, column] = panel[row, column]


@lean_kernel
def read_row(panel: PanelRows, row: int, values: Floats) -> None:
    """One row of every price and of the spread into a bar's values (6, M)."""
    copy_row(panel.open, row, values, OPEN)
    copy_row(panel.high, row, values, HIGH)
    copy_row(panel.low, row, values, LOW)
    copy_row(panel.close, row, values, CLOSE)
    copy_row(panel.spread, row, values, SPREAD)


@lean_kernel
def place_approved(state: DeskState, rules: DeskRules, tape: Tape, row: int) -> None:
    """Let every approved order wait for the next row; what the broker refuses is cancelled."""
    proposals, verdicts, paper = state.proposals, state.verdicts, state.paper
    for place in range(verdicts.reviewed[0]):
        column = verdicts.ranked[place]
        units = verdicts.units[column]
        if units == 0.0:
            continue
        if is_sized(units, paper.ledger.units[column], rules.traits.unit_increment[column]):
            trailing = proposals.trailing_distance[column]
            enter_order(
                paper.orders, column, units, proposals.stop_distance[column],
                proposals.take_profit_distance[column],
                trailing if trailing > 0.0 else np.nan,
                verdicts.lowest_price[column], verdicts.highest_price[column],
            )  # fmt: skip
        else:
            record_cancel(tape.cancels, row, column, REJECTED_ORDER)


@lean_kernel
def decide_row(
    panel: PanelRows, row: int, rebalancing: bool, rules: DeskRules, state: DeskState, equity: float
) -> Watched:
    """From the ballots of a settled row to verdicts on what they propose."""
    paper = state.paper
    ledger, marks = paper.ledger, paper.marks
    tally(panel.scores[row], rules.weights, rules.decision_threshold, rules.quorum, state.decision)
    now = float(panel.time[row])
    exposed = Exposed(
        ledger.units, paper.orders.units, paper.exits.stop_price, rules.traits, equity, 0,
        panel.returns, row, panel.sigma[row], panel.sigma[row - 1], now,
    )  # fmt: skip
    propose(
        state.decision, panel.scores[row], rules.weights, state.multiplier, rebalancing, exposed,
        marks, rules.paths, rules.limits, rules.sizing, state.table, state.book, state.proposals,
    )  # fmt: skip
    watched = watch_equity(state.breakers, rules.limits, panel.time[row], equity, rules.rearm_after)
    for n in range(state.log.size[0]):
        take_fill(state.pace, rules.limits.pace, state.log.column[n], now)
    pass_bar(state.pace, rules.rearm_after)
    exposed = Exposed(
        ledger.units, paper.orders.units, paper.exits.stop_price, rules.traits, equity,
        state.breakers.halt[0], panel.returns, row, panel.sigma[row], panel.sigma[row - 1],
        now,
    )  # fmt: skip
    # Sizing has measured the book on this bar and left it as it was.
    review_measured(
        state.proposals, exposed, marks, rules.paths, rules.limits, state.book, state.tail,
        state.pace, state.verdicts,
    )  # fmt: skip
    return watched


@lean_kernel
def replay_rows(
    panel: PanelRows,
    start: int,
    stop: int,
    rebalancing: bool,
    rules: DeskRules,
    state: DeskState,
    tape: Tape,
) -> int:
    """Run the desk over rows `start` up to, not including, `stop`; returns the next row.

    rebalancing: whether a new allocation takes effect on the first of them. Stops early where
    the tape has no room for another row's events; nothing is allocated.
    """
    for row in range(start, stop):
        if not has_room(tape, state.values.shape[1]):
            return row
        read_row(panel, row, state.values)
        equity, margin = settle_bar(
            state.paper, rules.paths, state.values, panel.interest[row], panel.nights[row],
            rules.fills, state.log, state.cancelled, state.charged,
        )  # fmt: skip
        record_fills(tape, state, row)
        watched = decide_row(panel, row, rebalancing and row == start, rules, state, equity)
        record_account(tape, state, row, equity, margin)
        record_notices(tape, watched, row)
        record_verdicts(tape, state, row)
        if tape.details.units.shape[0] > 0:
            tally_halves(panel.scores[row], rules.weights, state.decision)
        record_details(tape, state, row)
        place_approved(state, rules, tape, row)
    return stop
