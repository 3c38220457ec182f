"""The first steps of a decision: ballots, tally, allocation."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from coordinator.explain.evidence import plain_name
from coordinator.explain.record import DecisionRecord
from coordinator.explain.step import Step, figure, minute
from coordinator.report.grid import Grid, columns
from coordinator.report.markup import number
from coordinator.tally import Outcome
from market.errors import JournalError

EVIDENCE_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotTold:
    """One agent's vote on one instrument. score: NaN is an abstention. evidence: by its name in
    the record. reason: why it failed, None where it did not.
    """

    agent: str
    weight: float
    score: float
    evidence: tuple[tuple[str, float], ...]
    reason: str | None

    @property
    def vote(self) -> str:
        """buy, sell, neutral or abstains."""
        if np.isnan(self.score):
            return "abstains"
        return "neutral" if self.score == 0.0 else "buy" if self.score > 0.0 else "sell"


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyRules:
    """When votes decide; see `coordinator.tally.tally`."""

    threshold: float
    quorum: float


def ballots_of(record: DecisionRecord, column: int) -> tuple[BallotTold, ...]:
    """Every agent's vote, in the order of the tally."""
    reasons = {event.agent: event.reason for event in record.abstained}
    told, first = [], 0
    for row, seat in enumerate(record.seats):
        evidence = record.taken.evidence[first : first + len(seat.evidence), column]
        first += len(seat.evidence)
        told.append(
            BallotTold(
                agent=seat.name,
                weight=seat.weight,
                score=float(record.taken.scores[row, column]),
                evidence=tuple(zip(seat.evidence, evidence.tolist(), strict=True)),
                reason=reasons.get(seat.name),
            )
        )
    return tuple(told)


def tally_rules(record: DecisionRecord) -> TallyRules:
    """The rules that the journal states. Raises JournalError where it does not."""
    try:
        committee = json.loads(record.session.configuration)["committee"]
        return TallyRules(
            threshold=float(committee["decision_threshold"]), quorum=float(committee["quorum"])
        )
    except (KeyError, TypeError, ValueError):
        raise JournalError(
            f"run {record.session.session}: its journal does not say decision_threshold and "
            "quorum of its committee; its decisions cannot be explained"
        ) from None


def ballots_step(record: DecisionRecord, column: int) -> Step:
    """Each agent's vote and the evidence that it gave."""
    ballots = ballots_of(record, column)
    rows = tuple(
        (
            ballot.agent,
            number(ballot.weight, 2),
            number(ballot.score, 3, sign=True),
            _vote(ballot),
            _said(ballot),
        )
        for ballot in ballots
    )
    voted = sum(not np.isnan(ballot.score) for ballot in ballots)
    return Step(
        title="Ballots",
        says=f"{voted} of {len(rows)} agents voted.",
        grid=Grid(
            columns("Agent", "Weight", "Score", "Vote", "Evidence", numbers=("Weight", "Score")),
            rows,
        ),
    )


def tally_step(record: DecisionRecord, column: int) -> Step:
    """The weighted score against the threshold, the turnout against the quorum."""
    taken, rules = record.taken, tally_rules(record)
    score, turnout = float(taken.score[column]), float(taken.turnout[column])
    outcome = Outcome(int(taken.outcome[column]))
    if outcome is Outcome.NO_QUORUM:
        says = (
            f"Agents with {number(turnout, 2)} of all weight voted, less than the quorum of "
            f"{number(rules.quorum, 2)}: the decision is to hold."
        )
    elif outcome is Outcome.BELOW_THRESHOLD:
        says = (
            f"The score {number(score, 3, sign=True)} is smaller than the threshold "
            f"{number(rules.threshold, 2)}: the decision is to hold."
        )
    else:
        says = (
            f"The score {number(score, 3, sign=True)} reaches the threshold "
            f"{number(rules.threshold, 2)}, and the quorum of {number(rules.quorum, 2)} is met: "
            f"the decision is to {outcome.name.lower()}."
        )
    voted = [ballot for ballot in ballots_of(record, column) if not np.isnan(ballot.score)]
    values = (
        (
            "Agent weight × score, summed",
            number(sum(ballot.weight * ballot.score for ballot in voted), 3, sign=True),
        ),
        ("Weight of those that voted", number(sum(ballot.weight for ballot in voted), 3)),
        ("Score", number(score, 3, sign=True)),
        ("Its buying half", number(float(taken.buy[column]), 3)),
        ("Its selling half", number(float(taken.sell[column]), 3)),
        ("Turnout by weight", number(turnout, 2)),
    )
    return Step(
        title="Tally", says=says, grid=Grid(columns("", "Value", numbers=("Value",)), values)
    )


def allocation_step(record: DecisionRecord, column: int) -> Step:
    """The optimizer's multiplier on the risk of this instrument, and where it comes from."""
    multiplier, last = float(record.taken.multiplier[column]), record.allocation
    if last is None:
        says = f"No allocation is in force: the multiplier is {number(multiplier, 2)}, neutral."
        return Step(title="Allocation", says=says)
    proven = ", proven optimal" if last.proven_optimal else ""
    age = record.taken.sequence - last.sequence
    old = "taken over on this very bar" if age == 0 else f"{age:,} bar{'s' * (age > 1)} old"
    return Step(
        title="Allocation",
        says=f"The optimizer multiplies the risk of this instrument by {number(multiplier, 2)} "
        f"(1 is neutral), by the allocation of {minute(last.time)[:10]} "
        f"(method {last.method}{proven}), {old}.",
    )


def _vote(ballot: BallotTold) -> str:
    shadow = " (shadow: not counted)" if ballot.weight == 0.0 else ""
    return f"{ballot.vote}{shadow}"


def _said(ballot: BallotTold) -> str:
    if ballot.reason is not None:
        return f"failed: {ballot.reason}"
    said = "; ".join(
        f"{plain_name(name)} {figure(value, EVIDENCE_DIGITS)}" for name, value in ballot.evidence
    )
    return said or "none given"
