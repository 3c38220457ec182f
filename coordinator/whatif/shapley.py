"""Shapley values: how much of what a group earns each member earned.

    φᵢ = Σ over S ⊆ N∖{i} of |S|! (n − |S| − 1)! / n! · (v(S ∪ {i}) − v(S))

L. S. Shapley, A value for n-person games, 1953. It is the only division that gives
out v(N) − v(∅) whole (efficiency), nothing to who never changes v (null player), equal shares to
who cannot be told apart (symmetry), and adds up over games.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from market.bars import Floats

EXACT_UP_TO = 12
PERMUTATIONS = 256
Worth = Callable[[int], float]
"""v(S): what a coalition is worth; bit i of the number says whether member i is in it."""
Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Shapley values (n,).

    standard_error: (n,) of a sample of `permutations`; 0 where all coalitions were valued, and
    permutations is None. nobody, everybody: v(∅) and v(N). coalitions: how many were valued.
    """

    values: Floats
    standard_error: Floats
    permutations: int | None
    nobody: float
    everybody: float
    coalitions: int


def shapley(
    worth: Worth, members: int, rng: np.random.Generator, watch: Watch | None = None
) -> Shares:
    """Exact up to 12 members, from 256 permutations drawn by `rng` beyond that.

    watch: called with the coalitions valued and, at most, to be valued.
    """
    exact = members <= EXACT_UP_TO
    most = 2**members if exact else 2 + PERMUTATIONS * (members - 1)
    known: dict[int, float] = {}

    def valued(coalition: int) -> float:
        if coalition not in known:
            known[coalition] = worth(coalition)
            if watch is not None:
                watch(len(known), most)
        return known[coalition]

    everyone = (1 << members) - 1
    nobody, everybody = valued(0), valued(everyone)
    if exact:
        values = exact_shares(np.array([valued(each) for each in range(2**members)]))
        error, drawn = np.zeros(members), None
    else:
        values, error = _sampled(valued, members, rng)
        drawn = PERMUTATIONS
    return Shares(
        values=values,
        standard_error=error,
        permutations=drawn,
        nobody=nobody,
        everybody=everybody,
        coalitions=len(known),
    )


def exact_shares(worth: Floats) -> Floats:
    """Shapley values (n,) of a game given as v(S) of all 2ⁿ coalitions, S read as a binary number.

    NaN where a coalition's worth is NaN.
    """
    members = worth.shape[0].bit_length() - 1
    coalitions = np.arange(worth.shape[0])
    size = np.bitwise_count(coalitions).astype(np.int64)
    weight = np.array(
        [1.0 / (members * math.comb(members - 1, others)) for others in range(members)]
    )
    values = np.empty(members)
    for member in range(members):
        others = coalitions[(coalitions >> member) & 1 == 0]
        gained = worth[others | (1 << member)] - worth[others]
        values[member] = (weight[size[others]] * gained).sum()
    return values


def _sampled(worth: Worth, members: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Mean gain of each member over random orders of joining, and its standard error.

    J. Castro, D. Gómez, J. Tejada, Polynomial calculation of the Shapley value based on sampling,
    2009. The gains of one order add up to v(N) − v(∅), so those of the sample do.
    """
    gained = np.empty((PERMUTATIONS, members))
    for order in gained:
        coalition, before = 0, worth(0)
        for member in rng.permutation(members):
            coalition |= 1 << int(member)
            after = worth(coalition)
            order[member] = after - before
            before = after
    return gained.mean(axis=0), gained.std(axis=0, ddof=1) / math.sqrt(PERMUTATIONS)
