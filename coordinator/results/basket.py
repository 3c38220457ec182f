"""The equal-weight basket that a run is compared with."""

from __future__ import annotations

import warnings

import numpy as np

from coordinator.results.record import RunRecord
from market.bars import Floats

STATEMENT = (
    "equal weights in the traded instruments, each held long its foreign side (the base, or the "
    "quote where the base is the account currency), reset at every bar, unleveraged, without "
    "costs or financing, in account currency"
)


def basket_returns(record: RunRecord) -> Floats:
    """Returns (T,) of the basket, the first 0; an instrument without a price sits out.

    A position of value 1 holds 1/(mid·rate) units, so a move of the mid by Δ earns
    Δ·rate/(mid·rate before it), translated at the rate after it.
    """
    settled, traded = record.settled, record.session.traded
    mid, rate = settled.mid[:, :traded], settled.rate[:, :traded]
    account = record.session.account_currency
    side = np.array([-1.0 if s.partition("_")[0] == account else 1.0 for s in record.symbols])
    returns = np.zeros(len(settled))
    if len(settled) < 2:
        return returns
    each = side * (mid[1:] - mid[:-1]) * rate[1:] / (mid[:-1] * rate[:-1])
    with warnings.catch_warnings():
        # A bar before any instrument has a price has no mean: it returns 0, as cash does.
        warnings.simplefilter("ignore", RuntimeWarning)
        returns[1:] = np.nan_to_num(np.nanmean(each, axis=1))
    return returns
