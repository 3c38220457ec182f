"""The tally: from the ballots of the committee to one decision an instrument."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import Floats
from market.compiled import lean_kernel


class Outcome(IntEnum):
    """What the tally decided, or why it holds."""

    BUY = 1
    SELL = -1
    BELOW_THRESHOLD = 2
    NO_QUORUM = 3


BUY = int(Outcome.BUY)
SELL = int(Outcome.SELL)
BELOW_THRESHOLD = int(Outcome.BELOW_THRESHOLD)
NO_QUORUM = int(Outcome.NO_QUORUM)
ROUNDING = 1e-12
"""Sums of weights that are equal in decimals may differ by their last bits: it decides nothing."""


class Decision(NamedTuple):
    """What the committee wants, arrays (N,) by instrument.

    score: Σ w·s / Σ w over the agents that voted; NaN when none did. Its size is the confidence.
    buy, sell: the two halves of the score, Σ w·max(±s, 0) / Σ w.
    turnout: weight of the agents that voted as a fraction of all weight.
    outcome: an Outcome.
    """

    score: Floats
    buy: Floats
    sell: Floats
    turnout: Floats
    outcome: NDArray[np.int64]


def undecided(instruments: int) -> Decision:
    """Before the first ballot."""
    nan = np.full((4, instruments), np.nan)
    return Decision(nan[0], nan[1], nan[2], nan[3], np.full(instruments, NO_QUORUM, np.int64))


@lean_kernel
def tally(
    scores: Floats, weights: Floats, threshold: float, quorum: float, decision: Decision
) -> None:
    """Fill `decision`, but for its halves, from the scores (A, N) and weights (A,) of the agents.

    NaN is an abstention: it leaves numerator and denominator. BUY at score ≥ threshold, SELL at
    score ≤ −threshold; a hold where the turnout is below `quorum`, or nobody voted.
    """
    everyone = 0.0
    for agent in range(weights.shape[0]):
        everyone += weights[agent]
    score, voted = decision.score, decision.turnout
    score[:] = 0.0
    voted[:] = 0.0
    # Few arrays a loop, and no branches: so the compiler can take several columns at once.
    for agent in range(scores.shape[0]):
        weight = weights[agent]
        for column in range(score.shape[0]):
            vote = scores[agent, column]
            abstains = vote != vote  # noqa: PLR0124  (NaN is not equal to itself)
            voted[column] += 0.0 if abstains else weight
            score[column] += weight * (0.0 if abstains else vote)
    for column in range(score.shape[0]):
        score[column] /= voted[column]  # NaN where nobody voted
    enough = quorum * everyone * (1.0 - ROUNDING)
    least = threshold * (1.0 - ROUNDING)
    for column in range(score.shape[0]):
        outcome = BUY if score[column] >= least else BELOW_THRESHOLD
        outcome = SELL if score[column] <= -least else outcome
        quorate = voted[column] >= enough and voted[column] > 0.0
        decision.outcome[column] = outcome if quorate else NO_QUORUM
    for column in range(score.shape[0]):
        voted[column] = voted[column] / everyone if everyone > 0.0 else 0.0


@lean_kernel
def tally_halves(scores: Floats, weights: Floats, decision: Decision) -> None:
    """Fill the two halves of the scores that `tally` left in `decision`; nothing depends on them.

    NaN where nobody voted.
    """
    for column in range(scores.shape[1]):
        buy, sell, voted = 0.0, 0.0, 0.0
        for agent in range(scores.shape[0]):
            vote, weight = scores[agent, column], weights[agent]
            voted += 0.0 if np.isnan(vote) else weight
            buy += weight * (vote if vote > 0.0 else 0.0)
            sell += weight * (-vote if vote < 0.0 else 0.0)
        decision.buy[column] = buy / voted
        decision.sell[column] = sell / voted
