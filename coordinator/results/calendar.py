"""How many bars make a year, from the data's own time stamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY_S = 86_400
YEAR_DAYS = 365.25
WEEKDAYS_A_YEAR = 260
SATURDAY = 5
MEASURED_FROM_DAYS = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BarCalendar:
    """bars_per_year: what measures are annualised with. statement: where it comes from."""

    bars_per_year: float
    statement: str


def bar_calendar(time: pd.DatetimeIndex, interval_s: int) -> BarCalendar:
    """Measured where the data spans a year; before that from the bar's length and the week.

    Counting the bars that there are makes the annual volatility indifferent to whether closed
    days are left out or repeated: fewer, larger moves or more, smaller ones.
    """
    span_days = (time[-1] - time[0]) / pd.Timedelta(days=1) if len(time) > 1 else 0.0
    if span_days >= MEASURED_FROM_DAYS:
        years = span_days / YEAR_DAYS
        measured = (len(time) - 1) / years
        return BarCalendar(
            bars_per_year=measured,
            statement=f"{measured:,.1f} bars a year, measured over {years:.2f} years",
        )
    every_day = bool(np.any(time.day_of_week == SATURDAY)) or interval_s > DAY_S
    days = YEAR_DAYS if every_day else WEEKDAYS_A_YEAR
    assumed = days * DAY_S / interval_s
    week = "every day" if every_day else f"{WEEKDAYS_A_YEAR} weekdays a year"
    return BarCalendar(
        bars_per_year=assumed,
        statement=(
            f"{assumed:,.0f} bars a year: one every {interval_s:,} s on {week}, "
            "because the data is shorter than a year"
        ),
    )
