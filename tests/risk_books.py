"""Made-up books for tests of the risk assessment."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from agents.guardian.assessment.limits import AssessmentLimits
from agents.guardian.assessment.portfolio import Portfolio
from agents.guardian.scenarios.episodes import DAY_NS, Episode, episode_paths
from agents.guardian.scenarios.returns import quote_rates, value_returns
from market.bars import Floats, Times
from market.instruments import Registry

SYMBOLS = ("EUR_USD", "USD_JPY", "EUR_GBP", "GBP_USD", "XAU_USD")
LEVELS = np.array([1.1, 110.0, 0.85, 1.3, 1800.0])
DAYS = 300
EQUITY = 100_000.0
STORM = Episode(name="STORM", first="2020-03-01", last="2020-03-20", what="made up")


def days(first: str, count: int) -> Times:
    """Ends of so many days (UTC) from the first."""
    start = int(datetime.fromisoformat(first).replace(tzinfo=UTC).timestamp()) * 10**9
    return start + DAY_NS * np.arange(1, count + 1, dtype=np.int64)


def walk(seed: int, count: int = DAYS) -> Floats:
    """Closes (T, M) of `SYMBOLS` that move by half a per cent a day."""
    moves = 0.005 * np.random.default_rng(seed).standard_normal((count, len(SYMBOLS)))
    moves[0] = 0.0
    return np.asarray(LEVELS * np.exp(np.cumsum(moves, axis=0)))


def book(shares: Floats, seed: int = 3, limits: AssessmentLimits | None = None) -> Portfolio:
    """A book that holds `shares` (M,) of equity in `SYMBOLS`, its stops 1 % away."""
    instruments = tuple(Registry()[symbol] for symbol in SYMBOLS)
    time, closes = days("2020-01-01", DAYS), walk(seed)
    rates = quote_rates(closes, instruments, "USD")
    mid, rate = closes[-1], rates[-1]
    increments = np.array([i.unit_increment for i in instruments])
    units = np.round(shares * EQUITY / (mid * rate) / increments) * increments
    return Portfolio(
        instruments=instruments,
        account_currency="USD",
        time=int(time[-1]),
        equity=EQUITY,
        start=EQUITY,
        equity_curve=np.full(DAYS, EQUITY),
        units=units,
        mid=mid,
        spread=1e-4 * mid,
        rate=rate,
        stop_price=mid * (1.0 - 0.01 * np.sign(units)),
        daily_volume=np.full(len(mid), 1e6),
        returns=value_returns(closes, rates),
        periods_a_day=1.0,
        days_a_year=260.0,
        episodes=episode_paths(time, closes, instruments, "USD", (STORM,)),
        limits=limits or AssessmentLimits(),
    )
