"""What a position earned, in account currency, from prices alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from market.bars import Floats
from market.conversion import conversion, shortest_path
from market.errors import NoConversionPath
from market.instruments import Instrument


def filled(closes: Floats) -> Floats:
    """Closes (T, M) with the last known price where one is missing; NaN before the first."""
    known = ~np.isnan(closes)
    rows = np.where(known, np.arange(len(closes))[:, None], 0)
    last = np.maximum.accumulate(rows, axis=0)
    return np.asarray(np.take_along_axis(closes, last, axis=0)) if len(closes) else closes


def crossed(closes: Floats, instruments: Sequence[Instrument]) -> Floats:
    """Closes (T, M) where a missing price is made from the other pairs that lead from the base to
    the quote: EUR_GBP from EUR_USD and GBP_USD. NaN where these are missing too.
    """
    whole = closes.copy()
    for column, instrument in enumerate(instruments):
        missing = np.isnan(closes[:, column])
        if not missing.any():
            continue
        others = [other for n, other in enumerate(instruments) if n != column]
        columns = [n for n in range(len(instruments)) if n != column]
        try:
            path = shortest_path(instrument.base, instrument.quote, others)
        except NoConversionPath:
            continue
        made = np.ones(len(closes))
        for hop, power in path:
            made *= closes[:, columns[hop]] ** power
        whole[missing, column] = made[missing]
    return whole


def quote_rates(closes: Floats, instruments: Sequence[Instrument], account_currency: str) -> Floats:
    """Account currency for one unit of each quote currency, (T, M); NaN where a price is missing.

    Raises NoConversionPath where a quote currency cannot reach the account currency.
    """
    paths = conversion(instruments, account_currency)
    rates = np.ones_like(closes)
    for column in range(closes.shape[1]):
        for through, power in zip(paths.path_column[column], paths.path_power[column], strict=True):
            if through >= 0:
                rates[:, column] *= closes[:, through] ** float(power)
    return rates


def value_profits(mid: Floats, rate: Floats) -> Floats:
    """Profit (T, M) since the first row of a position worth 1 of account currency there.

    The units stay: a move Δ of the mid earns Δ·rate / (mid₀·rate₀), translated at the rate of the
    row; what the position itself was paid in is not translated again. NaN as the prices.
    """
    profits: Floats = (mid - mid[:1]) * rate / (mid[:1] * rate[:1])
    return profits


def value_returns(mid: Floats, rate: Floats) -> Floats:
    """Profit (T − 1, M) over each row of a position worth 1 at its beginning; NaN as the prices."""
    returns: Floats = (mid[1:] - mid[:-1]) * rate[1:] / (mid[:-1] * rate[:-1])
    return returns
