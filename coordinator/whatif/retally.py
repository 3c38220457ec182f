"""Recorded votes through the desk's own tally."""

from __future__ import annotations

import numpy as np

from agents.law import same_bits
from coordinator.results.history import Decided
from coordinator.results.record import RunRecord
from coordinator.tally import Decision, Outcome, tally, tally_halves, undecided
from coordinator.whatif.rules import Rules
from market.bars import Floats
from market.errors import JournalError


def retally(scores: Floats, rules: Rules) -> Decision:
    """What the rules decide on scores (D, A, N) as they were recorded; arrays (D, N).

    The tally looks at each instrument by itself, so all decisions are one call.
    """
    decisions, _, instruments = scores.shape
    seated = np.moveaxis(scores[:, list(rules.seats), :], 1, 0)
    flat = np.ascontiguousarray(seated).reshape(len(rules.seats), decisions * instruments)
    decided = decide(flat, rules.weights, rules.threshold, rules.quorum)
    shape = (decisions, instruments)
    return Decision(
        score=decided.score.reshape(shape),
        buy=decided.buy.reshape(shape),
        sell=decided.sell.reshape(shape),
        turnout=decided.turnout.reshape(shape),
        outcome=decided.outcome.reshape(shape),
    )


def decide(scores: Floats, weights: Floats, threshold: float, quorum: float) -> Decision:
    """`coordinator.tally.tally` of scores (A, K) and weights (A,); arrays (K,)."""
    decision = undecided(scores.shape[1])
    tally(scores, weights, threshold, quorum, decision)
    tally_halves(scores, weights, decision)
    return decision


def require_reproduction(record: RunRecord, rules: Rules) -> None:
    """Tally the run by its own rules, and refuse it where that is not what was recorded.

    Raises JournalError that names the first decision that differs in a bit, or says that there is
    no decision.
    """
    decided = record.decided
    if not len(decided):
        raise JournalError(f"run {record.session.session} took no decision; nothing can be tallied")
    again = retally(decided.scores, rules)
    differs = ~_same(decided, again)
    if differs.any():
        row, column = (int(index[0]) for index in np.nonzero(differs))
        raise JournalError(
            f"run {record.session.session}: tallied again by its own rules, "
            f"{record.symbols[column]} at {decided.time[row]:%Y-%m-%d %H:%M} UTC gives "
            f"{Outcome(int(again.outcome[row, column])).name} with score "
            f"{again.score[row, column]!r}; recorded is "
            f"{Outcome(int(decided.outcome[row, column])).name} with "
            f"{decided.score[row, column]!r}. The run was made by another version; "
            "use that one, or replay it again."
        )


def _same(decided: Decided, again: Decision) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    same = decided.outcome == again.outcome
    for name in ("score", "buy", "sell", "turnout"):
        same = same & same_bits(getattr(decided, name), getattr(again, name))
    return np.asarray(same)
