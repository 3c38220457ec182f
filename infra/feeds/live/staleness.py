"""How old a price may be, and when an instrument's silence is worth a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from market.instruments import AssetClass, Instrument

SECOND_NS = 1_000_000_000
SourceKind = Literal["stream", "ticks", "bars"]

STALE_S: dict[AssetClass, int] = {"fx": 5, "metal": 5, "crypto": 5, "equity": 15}
SILENT_S: dict[AssetClass, int] = {"fx": 120, "metal": 120, "crypto": 120, "equity": 300}
TICKS_SILENT_S = 600
"""Recorded ticks show changes only: EUR_USD of a common week in 2014 paused for up to 348 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessLimits:
    """By instrument (M,), nanoseconds of the market's clock; the connection is another matter.

    stale_after: a newest quote older than this is an old price: nothing new is opened on it.
    silent_after: an instrument without a quote for so long in open hours is reported.
    """

    stale_after: NDArray[np.int64]
    silent_after: NDArray[np.int64]


def staleness_limits(
    instruments: Sequence[Instrument], kind: SourceKind, interval_s: int
) -> StalenessLimits:
    """The limits that fit a source.

    kind: `stream`, quotes as a broker sends them; `ticks`, recorded or made-up ones, which come
    more seldom; `bars`, one price a bar. interval_s: of the desk's bars. Outside a stream a price
    is old after one bar, as it is in a replay.
    """
    if kind == "stream":
        stale = [STALE_S[one.asset_class] for one in instruments]
        silent = [SILENT_S[one.asset_class] for one in instruments]
    else:
        stale = [interval_s] * len(instruments)
        longest = max(TICKS_SILENT_S, interval_s) if kind == "ticks" else 2 * interval_s
        silent = [longest] * len(instruments)
    return StalenessLimits(
        stale_after=np.array(stale, dtype=np.int64) * SECOND_NS,
        silent_after=np.array(silent, dtype=np.int64) * SECOND_NS,
    )
