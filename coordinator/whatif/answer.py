"""`Answer`: what other rules would have decided on a recorded run, at the level of votes."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.results.record import RunRecord
from coordinator.tally import Decision
from coordinator.whatif.contribution import contributions
from coordinator.whatif.differences import Differences, differences_of
from coordinator.whatif.outlook import Outlook, outlook_of
from coordinator.whatif.retally import require_reproduction, retally
from coordinator.whatif.rules import Rules, recorded_rules
from coordinator.whatif.shapley import Shares, Watch

HELD_FIXED = (
    "The market path is held fixed: recorded votes are tallied again, and nothing is traded again. "
    "Sizes, stops, refusals, halts and equity would have gone another way; they are not in this."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The recorded rules beside others.

    again: the decisions (D, N) by `asked`. recorded_bps, asked_bps: what the decisions came to one
    bar later, by `coordinator.whatif.outlook.YARDSTICK`. recorded_shares, asked_shares: Shapley
    values of the agents under both rules, in the order of their committees.
    """

    recorded: Rules
    asked: Rules
    again: Decision
    outlook: Outlook
    differences: Differences
    recorded_bps: float
    asked_bps: float
    recorded_shares: Shares
    asked_shares: Shares

    def share_of(self, name: str, *, asked: bool) -> float | None:
        """An agent's Shapley value under either rules; None where it does not sit."""
        rules = self.asked if asked else self.recorded
        shares = self.asked_shares if asked else self.recorded_shares
        return float(shares.values[rules.names.index(name)]) if name in rules.names else None


def answer(
    record: RunRecord, asked: Rules, *, shown: int, seed: int, watch: Watch | None = None
) -> Answer:
    """Tally a run by the rules asked for.

    shown: how many changed decisions are listed. seed: of sampled Shapley values. Raises
    JournalError where the run's own rules do not give its recorded decisions bit for bit.
    """
    recorded = recorded_rules(record)
    require_reproduction(record, recorded)
    scores = record.decided.scores
    again = retally(scores, asked)
    outlook = outlook_of(record)
    shares = contributions(scores, outlook, recorded, seed, watch)
    return Answer(
        recorded=recorded,
        asked=asked,
        again=again,
        outlook=outlook,
        differences=differences_of(record, again, shown),
        recorded_bps=outlook.mean(record.decided.outcome),
        asked_bps=outlook.mean(again.outcome),
        recorded_shares=shares,
        asked_shares=contributions(scores, outlook, asked, seed, watch),
    )
