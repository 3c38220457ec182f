"""What the guardian must know of each instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args

import numpy as np

from agents.guardian.stress import crash_shocks
from market.bars import Floats
from market.compiled import constant
from market.conversion import Indices
from market.instruments import AssetClass, Instrument

ASSET_CLASSES: tuple[str, ...] = get_args(AssetClass)


class Traits(NamedTuple):
    """Arrays (M,).

    margin_rate: of notional. unit_increment: units. asset_class: index into ASSET_CLASSES.
    collar: fraction of price. restricted: 1 where nothing may be
    opened. crash: simple return of the price in the crash, decimal.
    """

    margin_rate: Floats
    unit_increment: Floats
    asset_class: Indices
    collar: Floats
    restricted: Indices
    crash: Floats


def traits_of(
    instruments: Sequence[Instrument],
    *,
    collars: Mapping[str, float],
    restricted: Sequence[str],
) -> Traits:
    """collars: by class of assets. restricted: symbols."""
    classes = [instrument.asset_class for instrument in instruments]
    kinds = np.array([ASSET_CLASSES.index(name) for name in classes], dtype=np.int64)
    barred = np.array([instrument.symbol in restricted for instrument in instruments], np.int64)
    return Traits(
        margin_rate=constant(np.array([instrument.margin_rate for instrument in instruments])),
        unit_increment=constant(np.array([one.unit_increment for one in instruments])),
        asset_class=constant(kinds),
        collar=constant(np.array([collars[name] for name in classes])),
        restricted=constant(barred),
        crash=constant(crash_shocks(instruments)),
    )
