"""How long it takes to leave a position without being the market."""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.errors import InvalidError


def unwind_days(units: Floats, daily_volume: Floats, share: float) -> Floats:
    """Days (N,) to close units (N,) at `share` of the daily volume (N,): |units|/(share·volume).

    0 where nothing is held, whatever the volume. NaN where units are NaN or the volume is unknown:
    NaN or negative; inf where there is none. Raises InvalidError where shapes do not fit or share
    is outside (0, 1].
    """
    if units.ndim != 1 or units.shape != daily_volume.shape:
        raise InvalidError(
            "liquidity: expected units and daily volume of one shape (N,), found "
            f"{units.shape} and {daily_volume.shape}"
        )
    if not 0.0 < share <= 1.0:
        raise InvalidError(
            f"share: expected a share of the volume above 0 and up to 1, such as 0.1, found {share}"
        )
    volume = np.where(daily_volume >= 0.0, daily_volume, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        days = np.abs(units) / (share * volume)
    return np.where(units == 0.0, 0.0, days)
