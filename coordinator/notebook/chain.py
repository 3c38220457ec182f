"""The later steps of a decision: size, verdict, intent, fill, and what came of the trade."""

from __future__ import annotations

import pandas as pd

from coordinator.notebook.grid import Grid, columns
from coordinator.notebook.step import Step, figure, order, size
from coordinator.report.markup import in_words, number
from coordinator.results.frames import APPROVED
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results
from coordinator.results.trades import OPEN
from coordinator.tally import Outcome
from market.events import DecisionTaken
from market.orders import Fill

BY_DECISION = "DECISION"
NOTHING_PROPOSED = "Nothing was proposed."
NOTHING_SENT = "Nothing was sent."
BOUNDS = {
    "RISK_PER_TRADE": "the risk budget of a trade",
    "ALLOCATION": "the optimizer's allocation",
    "CORRELATION": "the correlation with what was held",
    "UNIT_INCREMENT": "the smallest unit",
    "INVALID_INPUT": "an input that cannot be used",
}


def sizing_step(record: RunRecord, taken: DecisionTaken, column: int) -> Step:
    """What was held, what was proposed, and what bound its size; else why nothing was."""
    held = _held(record, taken, column)
    before = f"Held before: {size(held)}."
    verdict = _row(record.verdicts, taken, record.symbols[column])
    if verdict is not None:
        proposed = float(verdict["proposed_units"])
        says = (
            f"{before} Proposed: {order(proposed)}, to be {size(held + proposed)}. "
            f"What set the size: {_bound(str(verdict['bound']))}."
        )
        return Step(title="Size", says=says)
    outcome = Outcome(int(taken.outcome[column]))
    if outcome in (Outcome.BELOW_THRESHOLD, Outcome.NO_QUORUM):
        says = f"{before} The decision is to hold, so it is kept. {NOTHING_PROPOSED}"
    elif held * outcome > 0.0:
        says = (
            f"{before} A decision for the same side never adds, except at a new allocation and "
            f"beyond the rebalance band. {NOTHING_PROPOSED}"
        )
    else:
        says = (
            f"{before} The size came to nothing; the journal does not say what bound a size of "
            f"nothing. {NOTHING_PROPOSED}"
        )
    return Step(title="Size", says=says)


def verdict_step(record: RunRecord, taken: DecisionTaken, column: int) -> Step:
    """The guardian's answer with the limit and what it measured."""
    verdict = _row(record.verdicts, taken, record.symbols[column])
    if verdict is None:
        return Step(title="Verdict", says=f"{NOTHING_PROPOSED} The guardian had nothing to judge.")
    limit = str(verdict["limit"])
    approved, units = verdict["verdict"] == APPROVED, float(verdict["units"])
    if approved and limit == "NONE":
        return Step(title="Verdict", says=f"Approved whole: {order(units)}.")
    numbers = (
        ("Allowed", figure(float(verdict["allowed"]))),
        ("Measured", figure(float(verdict["measured"]))),
    )
    says = (
        f"Approved, but made smaller by {in_words(limit)}: {order(units)} in place of "
        f"{order(float(verdict['proposed_units']))}."
        if approved
        else f"Refused by {in_words(limit)}."
    )
    return Step(
        title="Verdict",
        says=says,
        grid=Grid(columns("In the limit's unit", "Value", numbers=("Value",)), numbers),
    )


def intent_step(record: RunRecord, taken: DecisionTaken, column: int) -> Step:
    """The order that was made durable before it was sent."""
    intent = _row(record.orders, taken, record.symbols[column])
    if intent is None:
        return Step(title="Intent", says=f"None was recorded. {NOTHING_SENT}")
    distances = [
        (label, figure(float(intent[name])) if pd.notna(intent[name]) else "none")
        for label, name in (
            ("Stop, distance from the fill", "stop"),
            ("Take profit, distance", "take_profit"),
            ("Trailing stop, distance", "trailing"),
        )
    ]
    rows = (
        ("Client order id", str(intent["client_order_id"])),
        ("Mid at the decision", figure(float(intent["reference_price"]))),
        (
            "Fills only between",
            f"{figure(float(intent['lowest_price']))} and {figure(float(intent['highest_price']))}",
        ),
        *distances,
    )
    return Step(
        title="Intent",
        says=f"Recorded, then sent: {order(float(intent['units']))} {record.symbols[column]}.",
        grid=Grid(columns("", "Value", numbers=("Value",)), rows),
    )


def fill_step(record: RunRecord, taken: DecisionTaken, column: int) -> Step:
    """What the broker made of the order, and what that cost."""
    intent = _row(record.orders, taken, record.symbols[column])
    if intent is None:
        return Step(title="Fill", says=NOTHING_SENT)
    name = str(intent["client_order_id"])
    fills = [f for f in record.executions if f.client_order_id == name and f.reason == BY_DECISION]
    cancelled = record.cancellations[record.cancellations["client_order_id"] == name]
    if not fills and cancelled.empty:
        return Step(title="Fill", says="The journal ends before anything came of the order.")
    if not fills:
        gone = cancelled.iloc[0]
        says = f"Cancelled at {gone['time']:%Y-%m-%d %H:%M} UTC: {in_words(str(gone['reason']))}."
        return Step(title="Fill", says=says)
    money = record.session.account_currency
    return Step(
        title="Fill",
        says=f"Filled {sum(abs(fill.units) for fill in fills):,.10g} of "
        f"{figure(abs(float(intent['units'])))}. Slippage is measured from the mid at the "
        "decision: it holds the move until the fill, the spread and the slippage charged; a cost "
        "is positive.",
        grid=Grid(
            columns(
                "Time", "Order", "Price", "Mid", "Slippage, bps", f"Spread, {money}",
                f"Slippage charged, {money}",
                numbers=("Price", "Mid", "Slippage, bps", f"Spread, {money}",
                         f"Slippage charged, {money}"),
            ),
            tuple(_fill_row(fill) for fill in fills),
        ),
    )  # fmt: skip


def outcome_step(record: RunRecord, results: Results, taken: DecisionTaken, column: int) -> Step:
    """The round trip that the order opened, and how it ended."""
    intent = _row(record.orders, taken, record.symbols[column])
    trades = results.trades
    opened = (
        trades[trades["client_order_id"] == intent["client_order_id"]]
        if intent is not None
        else trades.iloc[:0]
    )
    if opened.empty:
        return Step(title="Trade", says="The decision opened no trade.")
    trade = opened.iloc[0]
    pnl = f"{number(float(trade['pnl']), 2, sign=True)} {record.session.account_currency}"
    if trade["exit_reason"] == OPEN:
        return Step(title="Trade", says=f"Still open at the last bar; so far {pnl} after costs.")
    return Step(
        title="Trade",
        says=f"{str(trade['side']).capitalize()} from {trade['opened']:%Y-%m-%d} to "
        f"{trade['closed']:%Y-%m-%d}, closed by {in_words(str(trade['exit_reason']))}: {pnl} "
        "after costs.",
    )


def _bound(code: str) -> str:
    """What bound a size, in words."""
    return BOUNDS.get(code, f"the guardian's limit on {in_words(code)}")


def _fill_row(fill: Fill) -> tuple[str, ...]:
    return (
        f"{pd.Timestamp(fill.time, unit='ns', tz='UTC'):%Y-%m-%d %H:%M}",
        order(fill.units),
        figure(fill.price),
        figure(fill.mid),
        number(fill.slippage_bps, 2, sign=True),
        number(fill.spread_cost, 2),
        number(fill.slippage_cost, 2),
    )


def _held(record: RunRecord, taken: DecisionTaken, column: int) -> float:
    """Units after the bar that was decided on."""
    rows = record.settled.row_of(record.decided.sequence[record.decided.sequence == taken.sequence])
    return float(record.settled.units[rows[0], column])


def _row(frame: pd.DataFrame, taken: DecisionTaken, symbol: str) -> pd.Series | None:
    """The row of a decision and an instrument; there is at most one."""
    found = frame[(frame["sequence"] == taken.sequence) & (frame["symbol"] == symbol)]
    return None if found.empty else found.iloc[0]
