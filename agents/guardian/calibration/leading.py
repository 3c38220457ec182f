"""Who carried a decision: the agent whose record it adds to."""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import kernel, lean_kernel
from market.conversion import Indices

NOBODY = -1


@lean_kernel
def leading_agent(scores: Floats, weights: Floats, side: Floats, leader: Indices) -> None:
    """Fill `leader` (N,): the agent that carried each instrument's decision, NOBODY for none.

    It is the one with the largest weighted score w·s in the direction of `side` (N,), +1 to buy,
    -1 to sell; of equals the first in the order of the tally. scores: (A, N), NaN an abstention;
    weights: (A,). NOBODY where the decision has no side (0 or NaN), or no agent with weight voted
    in its direction.
    """
    for column in range(side.shape[0]):
        largest = 0.0
        leader[column] = NOBODY
        for agent in range(weights.shape[0]):
            carried = weights[agent] * scores[agent, column] * side[column]
            if carried > largest:
                largest = carried
                leader[column] = agent


@kernel
def leading_agents(scores: Floats, weights: Floats, side: Floats) -> Indices:
    """`leading_agent` of every row: scores (T, A, N), side (T, N), the answer (T, N)."""
    leader = np.empty(side.shape, dtype=np.int64)
    for row in range(side.shape[0]):
        leading_agent(scores[row], weights, side[row], leader[row])
    return leader
