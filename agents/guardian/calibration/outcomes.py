"""What decisions would have earned, whether or not they were traded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from market.bars import Floats
from market.conversion import Indices
from market.errors import InvalidError


class Decided(NamedTuple):
    """Decisions of T bars on N instruments, arrays (T, N).

    side: +1 to buy, -1 to sell, 0 or NaN for neither. confidence: |score|, in [0, 1].
    leader: the agent that carried it (`leading_agents`), -1 for nobody. What the guardian refused
    and what was sized to nothing is in it like all else.
    """

    side: Floats
    confidence: Floats
    leader: Indices


class PaperPrices(NamedTuple):
    """Prices of the same bars, (T, N): mids at the first and last moment of each, and spreads.

    open, close: NaN where there is none. spread: ask minus bid, price units; where it is missing
    `typical_spread` (N,) stands in, as it does for the paper broker.
    """

    open: Floats
    close: Floats
    spread: Floats
    typical_spread: Floats


def paper_outcomes(side: Floats, prices: PaperPrices, horizon: int) -> Floats:
    """(T, N): what each bar's decision earned over the `horizon` bars after it, as a decimal.

    Nothing fills on the bar that it was decided on: the decision of bar t enters at the open of
    bar t+1 and leaves at the close of bar t+horizon, at the ask one way and at the bid the other.
    The outcome is side·(exit − entry)/entry of the mids less half a spread at either end; no
    slippage, no financing, no stop. It is known when bar t+horizon has closed, and NaN before:
    so always in the last `horizon` rows. NaN too without a side, an entry or exit price, or a
    spread. At a fixing, whose open is its close, the holding time is one bar less.

    Raises InvalidError where shapes differ or the horizon is not positive.
    """
    shapes = {side.shape, prices.open.shape, prices.close.shape, prices.spread.shape}
    if len(shapes) > 1 or side.ndim != 2 or prices.typical_spread.shape != side.shape[1:]:
        raise InvalidError(
            "paper outcomes: expected sides, opens, closes and spreads of one shape (times, "
            f"instruments) and a typical spread an instrument, found {sorted(shapes)} and "
            f"{prices.typical_spread.shape}"
        )
    if horizon < 1:
        raise InvalidError(f"paper outcomes: expected a horizon of 1 bar or more, found {horizon}")
    outcomes = np.full(side.shape, np.nan)
    known = max(len(side) - horizon, 0)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are told by what follows
        spread = np.where(prices.spread >= 0.0, prices.spread, prices.typical_spread)
        direction = side[:known]
        entry, entry_spread = prices.open[1 : known + 1], spread[1 : known + 1]
        leave, leave_spread = prices.close[horizon:], spread[horizon:]
        paid = 0.5 * (entry_spread + leave_spread)
        priced = (entry > 0.0) & (leave > 0.0) & (paid >= 0.0) & (np.abs(direction) == 1.0)
        earned = direction * (leave - entry) - paid
        earned = np.divide(earned, entry, out=outcomes[:known], where=priced)
        earned[np.isinf(earned)] = np.nan
    return outcomes
