"""The middle steps of a decision: size, verdict, intent."""

from __future__ import annotations

from agents.guardian.codes import Limit
from coordinator.explain.evidence import bound_in_words, limit_value
from coordinator.explain.record import DecisionRecord
from coordinator.explain.step import Step, figure, order, size
from coordinator.report.grid import Grid, columns
from coordinator.report.markup import in_words, percent
from coordinator.tally import Outcome
from market.events import TradingHalted
from market.verdicts import RiskApproved

NOTHING_PROPOSED = "Nothing was proposed."
NOTHING_SENT = "Nothing was sent."
WHOLE = "NONE"


def sizing_step(record: DecisionRecord, column: int) -> Step:
    """What was held, what was proposed, and what bound its size; else why nothing was."""
    held = held_before(record, column)
    before = f"Held before: {size(held)}."
    verdict = record.verdict(record.symbols[column])
    if verdict is not None:
        proposed = verdict.proposed_units
        says = (
            f"{before} Proposed: {order(proposed)}, to be {size(held + proposed)}. "
            f"What set the size: {bound_in_words(verdict.bound)}."
        )
        return Step(title="Size", says=says)
    outcome = Outcome(int(record.taken.outcome[column]))
    bound = size_bound(record, column)
    if outcome in (Outcome.BELOW_THRESHOLD, Outcome.NO_QUORUM):
        says = f"{before} The decision is to hold, so it is kept. {NOTHING_PROPOSED}"
    elif held * outcome > 0.0:
        says = (
            f"{before} A decision for the same side never adds, except at a new allocation and "
            f"beyond the rebalance band. {NOTHING_PROPOSED}"
        )
    elif bound is not None:
        says = f"{before} The size came to nothing by {bound_in_words(bound)}. {NOTHING_PROPOSED}"
    else:
        says = (
            f"{before} The size came to nothing; the journal does not say what bound a size of "
            f"nothing. {NOTHING_PROPOSED}"
        )
    return Step(title="Size", says=says)


def verdict_step(record: DecisionRecord, column: int) -> Step:
    """The guardian's answer with the limit and what it measured."""
    halts = "".join(
        f" On this bar trading halted by {in_words(notice.halt)}: {percent(notice.measured, 2)} "
        f"measured, {percent(notice.limit, 2)} allowed."
        for notice in record.notices
        if isinstance(notice, TradingHalted)
    )
    verdict = record.verdict(record.symbols[column])
    if verdict is None:
        says = f"{NOTHING_PROPOSED} The guardian had nothing to judge.{halts}"
        return Step(title="Verdict", says=says)
    limit = verdict.limit
    if isinstance(verdict, RiskApproved):
        if limit == WHOLE:
            return Step(title="Verdict", says=f"Approved whole: {order(verdict.units)}.{halts}")
        says = (
            f"Approved, but made smaller by {in_words(limit)}: {order(verdict.units)} in place of "
            f"{order(verdict.proposed_units)}."
        )
    else:
        says = f"Refused by {in_words(limit)}."
    currency = record.session.account_currency
    numbers = (
        ("Allowed", limit_value(limit, verdict.allowed, currency)),
        ("Measured", limit_value(limit, verdict.measured, currency)),
    )
    return Step(
        title="Verdict",
        says=f"{says}{halts}",
        grid=Grid(columns("Limit", "Value", numbers=("Value",)), numbers),
    )


def intent_step(record: DecisionRecord, column: int) -> Step:
    """The order that was made durable before it was sent."""
    symbol = record.symbols[column]
    intent = record.order(symbol)
    if intent is None:
        why = record.why_unsent(symbol) if isinstance(record.verdict(symbol), RiskApproved) else ""
        because = f" What kept it back: {why}." if why else ""
        return Step(title="Intent", says=f"None was recorded. {NOTHING_SENT}{because}")
    bracket = intent.bracket
    rows = (
        ("Client order id", intent.client_order_id),
        ("Mid at the decision", figure(intent.reference_price)),
        ("Fills only between", f"{figure(intent.lowest_price)} and {figure(intent.highest_price)}"),
        ("Stop, distance from the fill", figure(bracket.stop)),
        ("Take profit, distance", figure(bracket.take_profit)),
        (
            "Trailing stop, distance",
            "none" if bracket.trailing is None else figure(bracket.trailing),
        ),
    )
    return Step(
        title="Intent",
        says=f"Recorded, then sent: {order(intent.units)} {symbol}.",
        grid=Grid(columns("", "Value", numbers=("Value",)), rows),
    )


def held_before(record: DecisionRecord, column: int) -> float:
    """Signed units on the bar that was decided on; NaN where its settlement is not recorded."""
    return float("nan") if record.settled is None else float(record.settled.units[column])


def size_bound(record: DecisionRecord, column: int) -> str | None:
    """The limit that set the size wished for, also where that came to nothing."""
    code = int(record.taken.bound[column])
    return None if code == Limit.NONE else Limit(code).name
