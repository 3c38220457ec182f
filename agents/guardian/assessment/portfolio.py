"""`Portfolio`: everything that an assessment rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.guardian.assessment.limits import AssessmentLimits
from agents.guardian.scenarios.episodes import EpisodePath
from market.bars import Floats
from market.errors import InvalidError
from market.instruments import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """A book of M instruments at one moment, with the history that its risk is measured on.

    time: UTC nanoseconds. equity: account currency. start: equity at the beginning; equity_curve:
    (D,) since then, the present one last. units, mid, spread, rate, stop_price: (M,), as in
    `BarSettled` and `AccountSeen`; a NaN stop is none: the whole notional is at risk.
    daily_volume: (M,) units a day, NaN unknown. returns: (T, M) profit of a position worth 1 over
    each period (`value_returns`), oldest first, NaN before an instrument's first price.
    periods_a_day: of these periods, 1 for days. episodes: paths of the same columns.

    Raises InvalidError where shapes do not fit, or for periods that are not positive.
    """

    instruments: tuple[Instrument, ...]
    account_currency: str
    time: int
    equity: float
    start: float
    equity_curve: Floats
    units: Floats
    mid: Floats
    spread: Floats
    rate: Floats
    stop_price: Floats
    daily_volume: Floats
    returns: Floats
    periods_a_day: float
    days_a_year: float
    episodes: tuple[EpisodePath, ...]
    limits: AssessmentLimits

    def __post_init__(self) -> None:
        wide = (len(self.instruments),)
        for name in ("units", "mid", "spread", "rate", "stop_price", "daily_volume"):
            found = getattr(self, name).shape
            if found != wide:
                raise InvalidError(
                    f"portfolio: expected {name} of shape {wide} (instruments), found {found}"
                )
        if self.returns.ndim != 2 or self.returns.shape[1:] != wide:
            raise InvalidError(
                f"portfolio: expected returns of shape (times, {wide[0]}), found "
                f"{self.returns.shape}"
            )
        if not (0.0 < self.periods_a_day < np.inf and 0.0 < self.days_a_year < np.inf):
            raise InvalidError(
                "portfolio: expected positive periods a day and days a year, found "
                f"{self.periods_a_day} and {self.days_a_year}"
            )

    @property
    def symbols(self) -> tuple[str, ...]:
        """(M,) names of the instruments."""
        return tuple(instrument.symbol for instrument in self.instruments)

    @property
    def values(self) -> Floats:
        """(M,) signed worth in account currency: 0 where nothing is held, NaN without a price."""
        known = (self.mid > 0.0) & (self.rate > 0.0)
        worth = np.where(known, self.units * self.mid * self.rate, np.nan)
        return np.where(self.units == 0.0, 0.0, worth)
