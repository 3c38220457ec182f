"""The tally: from the ballots of the committee to one decision an instrument."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import Floats
from market.compiled import kernel


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


@kernel
def tally(
    scores: Floats, weights: Floats, threshold: float, quorum: float, decision: Decision
) -> None:
    """Fill `decision` from the scores (A, N) and weights (A,) of the agents.

    NaN is an abstention: it leaves numerator and denominator. BUY at score ≥ threshold, SELL at
    score ≤ −threshold; a hold where the turnout is below `quorum`, or nobody voted.
    """
    everyone = 0.0
    for agent in range(weights.shape[0]):
        everyone += weights[agent]
    for column in range(scores.shape[1]):
        total, buy, sell, voted = 0.0, 0.0, 0.0, 0.0
        for agent in range(scores.shape[0]):
            score = scores[agent, column]
            if score == score:  # noqa: PLR0124  (NaN is not equal to itself)
                voted += weights[agent]
                total += weights[agent] * score
                buy += weights[agent] * max(score, 0.0)
                sell += weights[agent] * max(-score, 0.0)
        outcome = NO_QUORUM
        if voted > 0.0:
            decision.score[column] = total / voted
            decision.buy[column] = buy / voted
            decision.sell[column] = sell / voted
            if voted >= quorum * everyone:
                outcome = BELOW_THRESHOLD
                if decision.score[column] >= threshold:
                    outcome = BUY
                elif decision.score[column] <= -threshold:
                    outcome = SELL
        else:
            decision.score[column] = np.nan
            decision.buy[column] = np.nan
            decision.sell[column] = np.nan
        decision.turnout[column] = voted / everyone if everyone > 0.0 else 0.0
        decision.outcome[column] = outcome
