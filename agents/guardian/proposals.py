"""What goes into a review and what comes out of it, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.guardian.traits import Traits
from market.bars import Floats
from market.conversion import Indices


class Proposals(NamedTuple):
    """What the desk wishes, arrays (M,) by instrument.

    units: signed order size, 0 for none. score: the decision's score; without one (NaN) nothing
    is opened, and the order is reviewed last.
    stop_distance, take_profit_distance, trailing_distance: price units from the fill, NaN none.
    bound: the Limit that set the size. group: the agent that carried the decision, by its place in
    the tally, -1 where none did.
    """

    units: Floats
    score: Floats
    stop_distance: Floats
    take_profit_distance: Floats
    trailing_distance: Floats
    bound: Indices
    group: Indices


class Verdicts(NamedTuple):
    """The guardian's answer, arrays (M,) by instrument.

    units: the approved order size, 0 where refused or nothing was proposed.
    limit: the Limit that refused or shrank, NONE where the order passed whole.
    allowed, measured: that limit's value and what was found, in the limit's own unit.
    lowest_price, highest_price: the collar within which the order may fill.
    ranked: (M,) the columns proposed, in the order of the review; reviewed: (1,) how many.
    """

    units: Floats
    limit: Indices
    allowed: Floats
    measured: Floats
    lowest_price: Floats
    highest_price: Floats
    ranked: Indices
    reviewed: Indices


class Exposed(NamedTuple):
    """What the review looks at beside the proposals.

    units, working, stop_price: (M,). equity: account currency. halt: a Halt. returns: (T, N)
    simple returns, of which the window that ends at `row` is read. sigma, sigma_before: (N,)
    standard deviation of a bar's return, on this bar and on the one before. time: UTC
    nanoseconds, as a float.
    """

    units: Floats
    working: Floats
    stop_price: Floats
    traits: Traits
    equity: float
    halt: int
    returns: Floats
    row: int
    sigma: Floats
    sigma_before: Floats
    time: float


def no_proposals(instruments: int) -> Proposals:
    """Nothing is proposed."""
    nan = np.full((5, instruments), np.nan)
    nan[0] = 0.0
    bound = np.zeros(instruments, dtype=np.int64)
    group = np.full(instruments, -1, dtype=np.int64)
    return Proposals(nan[0], nan[1], nan[2], nan[3], nan[4], bound, group)


def no_verdicts(instruments: int) -> Verdicts:
    """Nothing is approved."""
    nan = np.full((5, instruments), np.nan)
    nan[0] = 0.0
    limit, ranked = np.zeros((2, instruments), dtype=np.int64)
    reviewed = np.zeros(1, dtype=np.int64)
    return Verdicts(nan[0], limit, nan[1], nan[2], nan[3], nan[4], ranked, reviewed)
