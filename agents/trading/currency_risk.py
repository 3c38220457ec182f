"""Which side of the market's mood a pair stands on, told from its two currencies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from market.bars import Floats


class RiskLoadings(NamedTuple):
    """Per instrument (N,).

    loading: its weight in the risk factor, the strength of the high-beta currencies less that
        of the havens; all 0 where the instruments do not hold both kinds.
    exposure: what it gains when the factor rises, from -1 over 0 (nothing) to 1.
    """

    loading: Floats
    exposure: Floats


def legs(symbol: str) -> tuple[str, str] | None:
    """Base and quote of `EUR_USD`; None for a symbol that is not two codes."""
    base, separator, quote = symbol.partition("_")
    return (base, quote) if separator and base and quote else None


@lru_cache(maxsize=256)
def risk_loadings(
    symbols: tuple[str, ...], high_beta: tuple[str, ...], safe_haven: tuple[str, ...]
) -> RiskLoadings:
    """Loadings and exposures of a panel's instruments.

    The strength of a currency is the mean standardised return of its pairs, each signed so that
    up means the currency rose. The factor is the mean strength of the high-beta currencies in
    the panel less the mean strength of its havens. The exposure of a pair is half the difference
    of its legs, which count 1 when high-beta, -1 when a haven, else 0.
    """
    pairs = [legs(symbol) for symbol in symbols]
    exposure = np.zeros(len(symbols))
    loading = np.zeros(len(symbols))
    traded = {leg for pair in pairs if pair for leg in pair}
    groups = [[each for each in group if each in traded] for group in (high_beta, safe_haven)]
    if not all(groups):
        groups = [[], []]
    for sign, group in zip((1.0, -1.0), groups, strict=True):
        for currency in group:
            strength = strength_weights(currency, pairs)
            loading += sign / len(group) * strength
            exposure += 0.5 * sign * np.sign(strength)
    # Shared by every vote on these symbols.
    loading.flags.writeable = exposure.flags.writeable = False
    return RiskLoadings(loading, exposure)


def strength_weights(currency: str, pairs: Sequence[tuple[str, str] | None]) -> Floats:
    """Weights (N,) of the pairs in the currency's strength: ±1 over their number."""
    sides = [(pair[0] == currency) - (pair[1] == currency) if pair else 0 for pair in pairs]
    return np.array(sides, dtype=np.float64) / float(sum(abs(side) for side in sides))
