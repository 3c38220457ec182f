"""Several instruments' bars in one panel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infra.feeds.series import Series
from market.bars import VALUE_FIELDS, Bars
from market.errors import DataError


def panel_of(series: Sequence[Series]) -> Bars:
    """The instruments side by side on the union of their times, in the order given.

    NaN where an instrument has no bar at a time. Raises DataError where bars differ in length.
    """
    first = series[0]
    for other in series:
        if other.interval_s != first.interval_s:
            raise DataError(
                f"{first.symbol} has bars of {first.interval_s} s and {other.symbol} of "
                f"{other.interval_s} s; expected one length. Choose instruments of the same "
                "length, or load them separately."
            )
    time = np.unique(np.concatenate([one.time for one in series]))
    values = {name: np.full((time.shape[0], len(series)), np.nan) for name in VALUE_FIELDS}
    for column, one in enumerate(series):
        rows = np.searchsorted(time, one.time)
        for name in VALUE_FIELDS:
            values[name][rows, column] = one.values[name]
    return Bars(
        symbols=tuple(one.symbol for one in series),
        time=time,
        interval_s=first.interval_s,
        has_extremes=all(one.has_extremes for one in series),
        **values,
    )
