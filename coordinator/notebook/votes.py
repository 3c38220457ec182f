"""The first steps of a decision: ballots, tally, allocation."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from coordinator.notebook.grid import Grid, columns
from coordinator.notebook.step import Step, figure
from coordinator.report.markup import in_words, number
from coordinator.results.record import RunRecord
from coordinator.tally import Outcome
from market.bars import Floats
from market.events import DecisionTaken

EVIDENCE_DIGITS = 3


def ballots_step(record: RunRecord, taken: DecisionTaken, column: int) -> Step:
    """Each agent's vote and the evidence that it gave."""
    failed = record.abstentions[record.abstentions["sequence"] == taken.sequence]
    reasons = dict(zip(failed["agent"], failed["reason"], strict=True))
    rows = []
    first = 0
    for agent, score in zip(record.session.agents, taken.scores[:, column], strict=True):
        evidence = taken.evidence[first : first + len(agent.evidence), column]
        first += len(agent.evidence)
        said = ", ".join(
            f"{in_words(name)} {figure(value, EVIDENCE_DIGITS)}"
            for name, value in zip(agent.evidence, evidence, strict=True)
        )
        rows.append(
            (
                agent.name,
                number(agent.weight, 2),
                number(score, 3, sign=True),
                _vote(score),
                f"failed: {reasons[agent.name]}" if agent.name in reasons else said or "none given",
            )
        )
    voted = int((~np.isnan(taken.scores[:, column])).sum())
    return Step(
        title="Ballots",
        says=f"{voted} of {len(rows)} agents voted.",
        grid=Grid(
            columns("Agent", "Weight", "Score", "Vote", "Evidence", numbers=("Weight", "Score")),
            tuple(rows),
        ),
    )


def tally_step(record: RunRecord, taken: DecisionTaken, column: int) -> Step:
    """The weighted score against the threshold, the turnout against the quorum."""
    rules: dict[str, Any] = json.loads(record.session.configuration)["committee"]
    threshold, quorum = float(rules["decision_threshold"]), float(rules["quorum"])
    score, turnout = float(taken.score[column]), float(taken.turnout[column])
    outcome = Outcome(int(taken.outcome[column]))
    if outcome is Outcome.NO_QUORUM:
        says = (
            f"Agents with {number(turnout, 2)} of all weight voted, less than the quorum of "
            f"{number(quorum, 2)}: the decision is to hold."
        )
    elif outcome is Outcome.BELOW_THRESHOLD:
        says = (
            f"The score {number(score, 3, sign=True)} is smaller than the threshold "
            f"{number(threshold, 2)}: the decision is to hold."
        )
    else:
        says = (
            f"The score {number(score, 3, sign=True)} reaches the threshold "
            f"{number(threshold, 2)}, and the quorum of {number(quorum, 2)} is met: "
            f"the decision is to {outcome.name.lower()}."
        )
    values = (
        ("Agent weight × score, summed", _sum(record, taken.scores[:, column], signed=True)),
        ("Weight of those that voted", _sum(record, taken.scores[:, column], signed=False)),
        ("Score", number(score, 3, sign=True)),
        ("Its buying half", number(float(taken.buy[column]), 3)),
        ("Its selling half", number(float(taken.sell[column]), 3)),
        ("Turnout by weight", number(turnout, 2)),
    )
    return Step(
        title="Tally", says=says, grid=Grid(columns("", "Value", numbers=("Value",)), values)
    )


def allocation_step(record: RunRecord, taken: DecisionTaken, column: int) -> Step:
    """The optimizer's multiplier on the risk of this instrument, and where it comes from."""
    multiplier = float(taken.multiplier[column])
    earlier = record.allocations[record.allocations["sequence"] <= taken.sequence]
    missed = record.missed_allocations
    lapsed = missed[(missed["sequence"] <= taken.sequence) & (missed["in_force"] == "neutral")]
    applied = -1 if earlier.empty else int(earlier["sequence"].iloc[-1])
    if applied < 0 or (not lapsed.empty and int(lapsed["sequence"].iloc[-1]) > applied):
        says = f"No allocation is in force: the multiplier is {number(multiplier, 2)}, neutral."
        return Step(title="Allocation", says=says)
    last = earlier.iloc[-1]
    proven = ", proven optimal" if last["proven_optimal"] else ""
    return Step(
        title="Allocation",
        says=f"The optimizer multiplies the risk of this instrument by {number(multiplier, 2)} "
        f"(1 is neutral), by the allocation of {last['time']:%Y-%m-%d} "
        f"(method {last['method']}{proven}).",
    )


def _vote(score: float) -> str:
    if np.isnan(score):
        return "abstains"
    return "neutral" if score == 0.0 else "buy" if score > 0.0 else "sell"


def _sum(record: RunRecord, scores: Floats, *, signed: bool) -> str:
    voted = ~np.isnan(scores)
    weights = record.weights[voted]
    total = float((weights * scores[voted]).sum() if signed else weights.sum())
    return number(total, 3, sign=signed)
