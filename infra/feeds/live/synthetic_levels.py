"""What made-up prices look like: levels, volatilities, and who follows whom.

Every currency has a value of its own that walks; a pair is the ratio of two. So pairs that share a
currency move together as they do in the market, and no three of them can be traded in a circle.
"""

from __future__ import annotations

from dataclasses import dataclass

from market.instruments import AssetClass, Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A currency, metal or share. value: dollars for one, at the origin of the walk.

    volatility: of its own walk, annual decimal. follows: what else it moves with, one for one.
    """

    value: float
    volatility: float
    follows: str = ""


def _levels() -> dict[str, Level]:
    # Of the size of recent years; a pair's variance is the sum of the variances of its two.
    own = {
        "USD": (1.0, 0.055), "EUR": (1.10, 0.055), "GBP": (1.30, 0.065), "AUD": (0.66, 0.085),
        "NZD": (0.60, 0.090), "JPY": (0.0067, 0.075), "CHF": (1.15, 0.060), "CAD": (0.73, 0.050),
        "ZAR": (0.055, 0.130), "TRY": (0.029, 0.140), "THB": (0.029, 0.060), "XAU": (2_400.0, 0.14),
    }  # fmt: skip
    led = {
        "SEK": (0.095, 0.060, "EUR"), "NOK": (0.094, 0.075, "EUR"), "DKK": (0.147, 0.004, "EUR"),
        "PLN": (0.25, 0.060, "EUR"), "CZK": (0.044, 0.050, "EUR"), "HUF": (0.0027, 0.080, "EUR"),
        "SGD": (0.75, 0.030, "USD"), "HKD": (0.128, 0.005, "USD"), "CNH": (0.138, 0.040, "USD"),
        "MXN": (0.055, 0.110, "USD"), "XAG": (29.0, 0.200, "XAU"),
    }  # fmt: skip
    levels = {code: Level(value=value, volatility=vol) for code, (value, vol) in own.items()}
    for code, (value, vol, leader) in led.items():
        levels[code] = Level(value=value, volatility=vol, follows=leader)
    return levels


LEVELS = _levels()
OTHERS: dict[AssetClass, Level] = {
    "fx": Level(value=1.0, volatility=0.10),
    "metal": Level(value=1_000.0, volatility=0.25),
    "equity": Level(value=100.0, volatility=0.25),
    "crypto": Level(value=1_000.0, volatility=0.60),
}
"""Of a base that the table does not know."""

TICKS_A_SECOND: dict[AssetClass, float] = {"fx": 1.0, "metal": 1.0, "equity": 0.5, "crypto": 1.0}
"""On average over the day."""

_BY_HOUR = (
    0.6, 0.6, 0.6, 0.5, 0.5, 0.6, 0.9, 1.3, 1.4, 1.3, 1.2, 1.2,
    1.4, 1.8, 1.9, 1.7, 1.4, 1.1, 0.9, 0.8, 0.6, 0.4, 0.4, 0.5,
)  # fmt: skip
ACTIVITY = tuple(24.0 * hour / sum(_BY_HOUR) for hour in _BY_HOUR)
"""Of each hour of the day in UTC, 1 on average: ticks come, and variance builds, in proportion."""


def level_of(code: str, asset_class: AssetClass) -> Level:
    """The level of one side of an instrument."""
    return LEVELS.get(code) or OTHERS[asset_class]


def moved_by(instrument: Instrument) -> tuple[tuple[str, float], ...]:
    """The walks that make an instrument's price, each with its sign."""
    walks: list[tuple[str, float]] = []
    for code, sign in ((instrument.base, 1.0), (instrument.quote, -1.0)):
        walks.append((code, sign))
        leader = level_of(code, instrument.asset_class).follows
        if leader:
            walks.append((leader, sign))
    return tuple(walks)
