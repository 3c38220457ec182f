"""What a live desk tells its guardian of a decision, in two parts: the account, then the proposals.

A replay tells both at once, as a `RiskContext`.
"""

from __future__ import annotations

from dataclasses import dataclass

from market.bars import Floats
from market.conversion import Indices
from market.overrides import Override
from market.sent import sent_with_arrays


@sent_with_arrays
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountShown:
    """To the guardian, live, while the desk still sizes: all that it may look at but the proposals.
    It is not answered, and nothing comes of it until they follow (`Proposed`).

    Arrays (M,). units, working: signed positions and working orders; the prices as in `Settlement`.
    returns: (T, N) simple returns of the traded instruments, newest last; a single row continues
    the window of the account before. sigma, sigma_before: (N,) standard deviation of a bar's
    return, on this bar and on the one before. stage: of a live desk, as its gateway has it on
    record; empty: none, as in a replay. overrides: of its limits, likewise.
    """

    session: str
    epoch: int
    sequence: int
    time: int
    expires: int
    equity: float
    units: Floats
    working: Floats
    stop_price: Floats
    mid: Floats
    spread: Floats
    rate: Floats
    age: Floats
    filled: Floats
    returns: Floats
    sigma: Floats
    sigma_before: Floats
    stage: str = ""
    overrides: tuple[Override, ...] = ()


@sent_with_arrays
@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """To the guardian: the proposals (M,) to the account that it was shown last."""

    sequence: int
    order_units: Floats
    score: Floats
    stop_distance: Floats
    take_profit_distance: Floats
    trailing_distance: Floats
    bound: Indices
    group: Indices
