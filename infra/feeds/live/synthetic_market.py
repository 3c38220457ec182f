"""From instruments and a seed to the arrays that made-up ticks are computed from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from infra.feeds.live.synthetic_levels import ACTIVITY, TICKS_A_SECOND, level_of, moved_by
from infra.feeds.live.synthetic_ticks import Market
from infra.feeds.live.synthetic_walk import HOURS, STEPS_LEVEL
from market.instruments import Instrument

DAYS_A_YEAR = 365.0
MOST_WALKS = 4
"""Of one instrument: its two sides, and whom each follows."""


def synthetic_market(instruments: Sequence[Instrument], seed: int) -> Market:
    """The market of a seed. An instrument's prices do not depend on which others are there."""
    found: dict[str, float] = {}
    walks = np.zeros((len(instruments), MOST_WALKS), dtype=np.int64)
    signs = np.zeros((len(instruments), MOST_WALKS))
    places: dict[str, int] = {}
    for row, instrument in enumerate(instruments):
        for part, (code, sign) in enumerate(moved_by(instrument)):
            walks[row, part] = places.setdefault(code, len(places))
            signs[row, part] = sign
            found[code] = level_of(code, instrument.asset_class).volatility
    activity = np.array(ACTIVITY)
    return Market(
        walk_keys=np.array(
            [
                [_key(seed, f"walk {code} {level}") for level in range(STEPS_LEVEL + 1)]
                for code in places
            ],
            dtype=np.uint64,
        ),
        deviation=np.array([found[code] for code in places]) / np.sqrt(DAYS_A_YEAR),
        tick_keys=np.array(
            [_key(seed, f"ticks {one.symbol}") for one in instruments], dtype=np.uint64
        ),
        level=np.array([_log_price(one) for one in instruments]),
        walks=walks,
        signs=signs,
        rate=np.array([TICKS_A_SECOND[one.asset_class] for one in instruments]),
        spread=np.array([one.typical_spread for one in instruments]),
        increment=np.array([one.price_increment for one in instruments]),
        scale=np.array([_scale(one.price_increment) for one in instruments]),
        activity=activity,
        by_hour=activity / HOURS,
    )


def _key(seed: int, name: str) -> int:
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _log_price(instrument: Instrument) -> float:
    base, quote = (
        level_of(code, instrument.asset_class).value for code in (instrument.base, instrument.quote)
    )
    return float(np.log(base / quote))


def _scale(increment: float) -> float:
    whole = float(round(1.0 / increment))
    return whole if abs(whole * increment - 1.0) < 1e-9 else 0.0
