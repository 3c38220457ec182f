"""Who carried a decision: the agent whose record it adds to."""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import kernel, lean_kernel
from market.conversion import Indices

NOBODY = -1


@lean_kernel
def leading_agent(scores: Floats, weights: Floats, column: int, side: float) -> int:
    """The agent that carried the decision in `column`; NOBODY where none did.

    It is the one with the largest weighted score w·s in the direction of `side`, +1 to buy, -1 to
    sell; of equals the first in the order of the tally. scores: (A, N), NaN an abstention;
    weights: (A,). NOBODY where the decision has no side (0 or NaN), or no agent with weight voted
    in its direction.
    """
    leader, largest = NOBODY, 0.0
    for agent in range(scores.shape[0]):
        carried = side * scores[agent, column] * weights[agent]
        if carried > largest:
            leader, largest = agent, carried
    return leader


@kernel
def leading_agents(scores: Floats, weights: Floats, side: Floats) -> Indices:
    """`leading_agent` of every row and column: scores (T, A, N), side (T, N), the answer (T, N)."""
    leader = np.empty(side.shape, dtype=np.int64)
    for row in range(side.shape[0]):
        for column in range(side.shape[1]):
            leader[row, column] = leading_agent(scores[row], weights, column, side[row, column])
    return leader
