"""What decisions came to one bar later: the yardstick of a question about votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coordinator.results.record import RunRecord
from market.bars import Floats
from market.conversion import Indices

YARDSTICK = (
    "side of the decision × return of the instrument from its bar's close to the next bar's, "
    "in basis points, before costs; 0 for a hold; the mean over all decisions that have a next bar"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The next bar's returns (D, N) in basis points, NaN where there is none."""

    returns_bps: Floats

    @property
    def known(self) -> NDArray[np.bool_]:
        """(D, N) where there is a next return."""
        return ~np.isnan(self.returns_bps)

    def results(self, outcome: Indices) -> Floats:
        """(D, N) what the decisions came to, basis points; NaN where that is not known."""
        return side_of(outcome) * self.returns_bps

    def mean(self, outcome: Indices) -> float:
        """The yardstick; NaN where no decision has a next bar."""
        known = self.known
        return float(np.mean(self.results(outcome)[known])) if known.any() else float("nan")


def side_of(outcome: Indices) -> Floats:
    """+1 for BUY, −1 for SELL, 0 for either kind of hold."""
    return np.where(np.abs(outcome) == 1, outcome, 0).astype(np.float64)


def outlook_of(record: RunRecord) -> Outlook:
    """From the closing mids that the run settled its bars at.

    A bar without a price keeps the last known one: its return is 0, that of the next bar spans the
    gap.
    """
    decided, settled = record.decided, record.settled
    returns = np.full(decided.score.shape, np.nan)
    rows = settled.row_of(decided.sequence)
    settled_on = settled.sequence[rows] == decided.sequence if len(settled) else rows < 0
    ahead = np.flatnonzero(settled_on & (rows + 1 < len(settled)))
    mid = settled.mid[:, : len(record.symbols)]
    returns[ahead] = 1e4 * (mid[rows[ahead] + 1] / mid[rows[ahead]] - 1.0)
    return Outlook(returns_bps=returns)
