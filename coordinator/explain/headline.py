"""A decision on an instrument in one line: what was done, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from coordinator.explain.afterwards import cancellations_of, entries_of
from coordinator.explain.chain import held_before, size_bound
from coordinator.explain.evidence import bound_in_words
from coordinator.explain.record import DecisionRecord
from coordinator.explain.step import figure, order, size
from coordinator.explain.trade import trade_of
from coordinator.report.markup import in_words, number
from coordinator.results.trades import OPEN
from coordinator.tally import Outcome
from market.verdicts import RiskRefused

Mood = Literal["done", "stopped", "idle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """mood: an order went out, something stopped one, or none was wanted."""

    says: str
    mood: Mood


def headline(record: DecisionRecord, column: int) -> Headline:
    """What a trader asks first."""
    symbol = record.symbols[column]
    verdict, intent = record.verdict(symbol), record.order(symbol)
    outcome = Outcome(int(record.taken.outcome[column]))
    held = held_before(record, column)
    if isinstance(verdict, RiskRefused):
        wish = order(verdict.proposed_units)
        return Headline(says=f"Refused: {wish} ({in_words(verdict.limit)})", mood="stopped")
    if intent is not None:
        return _sent(record, column, order(intent.units).capitalize())
    if verdict is not None:
        why = record.why_unsent(symbol) or "no order was recorded"
        return Headline(says=f"Approved, not sent: {why}", mood="stopped")
    return _unwanted(outcome, held, size_bound(record, column))


def _unwanted(outcome: Outcome, held: float, bound: str | None) -> Headline:
    """Why nothing was proposed."""
    if outcome is Outcome.NO_QUORUM:
        return Headline(says=f"Hold, {size(held)}: no quorum", mood="idle")
    if outcome is Outcome.BELOW_THRESHOLD:
        return Headline(says=f"Hold, {size(held)}: the score is too small", mood="idle")
    if held * outcome > 0.0:
        return Headline(says=f"Keep {size(held)}: already on that side", mood="idle")
    why = "no size was left" if bound is None else f"stopped by {bound_in_words(bound)}"
    return Headline(says=f"Nothing to {outcome.name.lower()}: {why}", mood="stopped")


def _sent(record: DecisionRecord, column: int, wish: str) -> Headline:
    fills, cancelled = entries_of(record, column), cancellations_of(record, column)
    if not fills:
        if not cancelled:
            return Headline(says=f"{wish}: nothing came of it yet", mood="done")
        why = in_words(cancelled[0].reason.partition(":")[0])
        return Headline(says=f"{wish}: cancelled ({why})", mood="stopped")
    filled = f"{wish}, filled at {figure(fills[0].price)}"
    trade = trade_of(record, fills[0].client_order_id)
    money = record.session.account_currency
    if trade is None:
        realised = sum(fill.realised for fill in fills)
        return Headline(says=f"{filled}, {number(realised, 2, sign=True)} {money}", mood="done")
    profit = f"{number(trade.profit, 2, sign=True)} {money}"
    ended = "open" if trade.exit_reason == OPEN else f"closed by {in_words(trade.exit_reason)}"
    return Headline(says=f"{filled}, {ended}, {profit}", mood="done")
