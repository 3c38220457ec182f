"""Five named shocks on the positions of today; losses are positive, account currency.

CRASH: equities −20 %, crypto −40 %, metals −5 %; currencies move against the dollar by what they
  did in the worst weeks of autumn 2008, rounded: JPY +6, CHF +2, EUR −6, GBP −8, CAD −8, SEK −10,
  NZD −10, NOK −12, AUD −14 %; any other −12 %.
VOLATILITY_SPIKE: standard deviations double; the loss that a day then exceeds once in a hundred.
CORRELATION_BREAKDOWN: every position loses two daily standard deviations at once: no
  diversification is left.
LIQUIDITY_CRISIS: spreads are ten times as wide and it takes five days to get out; that cost, and
  the loss that five days exceed once in twenty.
CURRENCY_CRISIS: the currency to which most is exposed, on both legs and the account's own
  included, moves 8 % against the book: what sterling did on 2016-06-24.

The shocks are round numbers, chosen to be remembered; what the book would have lost in episodes
of history stands in the assessment beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from market.bars import Floats
from market.compiled import lean_kernel
from market.instruments import Instrument

NORMAL_95 = 1.6448536269514722
NORMAL_99 = 2.3263478740408408
"""Standard normal quantiles."""

CLASS_CRASH = {"metal": -0.05, "equity": -0.20, "crypto": -0.40}
CURRENCY_CRASH = {
    "USD": 0.0, "JPY": 0.06, "CHF": 0.02, "EUR": -0.06, "GBP": -0.08, "CAD": -0.08, "SEK": -0.10,
    "NZD": -0.10, "NOK": -0.12, "AUD": -0.14, "HKD": 0.0, "SGD": -0.04, "DKK": -0.06,
}  # fmt: skip
OTHER_CURRENCY_CRASH = -0.12
VOLATILITY_FACTOR = 2.0
JOINT_SIGMAS = 2.0
SPREAD_FACTOR = 10.0
DAYS_TO_LEAVE = 5.0
CURRENCY_MOVE = 0.08


class Stress(IntEnum):
    """The shocks, in the order of `StressLosses` and of `StressLimits`."""

    CRASH = 0
    VOLATILITY_SPIKE = 1
    CORRELATION_BREAKDOWN = 2
    LIQUIDITY_CRISIS = 3
    CURRENCY_CRISIS = 4


class StressLosses(NamedTuple):
    """Loss in each shock, account currency, never negative."""

    crash: float
    volatility_spike: float
    correlation_breakdown: float
    liquidity_crisis: float
    currency_crisis: float


def crash_shocks(instruments: Sequence[Instrument]) -> Floats:
    """(M,) simple return of every price in the crash. What is not a currency moves by its class,
    against its quote currency.
    """

    def moved(currency: str) -> float:
        return 1.0 + CURRENCY_CRASH.get(currency, OTHER_CURRENCY_CRASH)

    return np.array(
        [CLASS_CRASH.get(i.asset_class, moved(i.base) / moved(i.quote) - 1.0) for i in instruments]
    )


@lean_kernel
def stress_losses(
    crash_profit: float,
    day_sigma: float,
    stand_alone: float,
    half_spreads: float,
    largest_exposure: float,
) -> StressLosses:
    """What the five shocks cost a book; NaN where a sum they rest on is.

    All in account currency. crash_profit: Σ value × crash, signed. day_sigma: standard deviation
    of the book's profit of a day. stand_alone: Σ |value| × daily sigma. half_spreads: what closing
    everything costs at today's spreads. largest_exposure: the largest net exposure to one
    currency, in size.
    """
    crash = -crash_profit
    return StressLosses(
        crash if not crash < 0.0 else 0.0,
        VOLATILITY_FACTOR * NORMAL_99 * day_sigma,
        JOINT_SIGMAS * stand_alone,
        SPREAD_FACTOR * half_spreads + NORMAL_95 * np.sqrt(DAYS_TO_LEAVE) * day_sigma,
        CURRENCY_MOVE * largest_exposure,
    )
