"""How long the guardian's review takes in process: message in, signed verdicts out.

Every limit is measured on every order and none refuses: limits are wide, so that no order is spared
the rest of the review by an early refusal.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from agents.guardian.guardian import RiskGuardian
from agents.guardian.limits import RiskLimits, StressLimits
from benchmarks.measuring.figures import MACHINE, SHORT, figure
from benchmarks.replaying.market import instruments
from coordinator.configuration.settings import Settings
from coordinator.risk_rules import risk_limits, traits_with
from market.messages import RiskContext

POSITIONS, INTENTS = 100, 50
REVIEWS = 300 if SHORT else 3_000
SINGLES = 2_000 if SHORT else 30_000
WARM_UP = 50
ROWS = 997
MINUTE_S = 60
MINUTE_NS = 60_000_000_000
CASH = 1e7
WIDE = 1e6


def wide_limits(settings: Settings, width: int) -> RiskLimits:
    """The desk's limits, as wide as they must be for 150 positions to pass all of them."""
    found = risk_limits(settings, instruments(width), MINUTE_S)
    return found._replace(
        max_open_positions=1e3,
        max_gross_leverage=WIDE,
        max_currency_exposure=WIDE,
        max_open_risk=WIDE,
        max_daily_var=WIDE,
        max_portfolio_var=WIDE,
        margin_reserve=-WIDE,
        correlation_threshold=0.99,
        stress=StressLimits(WIDE, WIDE, WIDE, WIDE, WIDE),
        pace=found.pace._replace(per_second=200, per_minute=400),
    )


class Reviewing:
    """A guardian, `held` positions, and `intents` orders in other instruments."""

    def __init__(self, held: int, intents: int) -> None:
        width = held + intents
        settings = Settings()
        limits = wide_limits(settings, width)
        self.guardian = RiskGuardian(
            instruments(width),
            account_currency="USD",
            traits=traits_with(settings, instruments(width)),
            agents=4,
            limits=limits,
            equity=CASH,
            key=b"benchmark",
            rearm_after=None,
            staged=False,
        )
        rng = np.random.default_rng(7)
        mid = np.ones(width)
        units = np.zeros(width)
        units[:held] = 1e4 * np.where(np.arange(held) % 2 == 0, 1.0, -1.0)
        orders = np.zeros(width)
        orders[held:] = 1e4
        self.context = RiskContext(
            session="benchmark",
            epoch=1,
            sequence=0,
            time=0,
            expires=10**18,
            equity=CASH,
            units=units,
            working=np.zeros(width),
            stop_price=np.where(units == 0.0, np.nan, mid - 0.01 * np.sign(units)),
            mid=mid,
            spread=1e-4 * mid,
            rate=np.ones(width),
            age=np.zeros(width),
            filled=np.zeros(width),
            returns=1e-4 * rng.standard_normal((limits.returns_window, width)),
            order_units=orders,
            score=np.full(width, 0.5),
            stop_distance=np.full(width, 0.01),
            take_profit_distance=np.full(width, 0.02),
            trailing_distance=np.full(width, np.nan),
            bound=np.zeros(width, dtype=np.int64),
            group=np.zeros(width, dtype=np.int64),
            sigma=np.full(width, 1e-4),
            sigma_before=np.full(width, 1e-4),
        )
        self.intents = intents
        self._coming = 1e-4 * rng.standard_normal((ROWS, 1, width))
        self._bars = 0

    def message(self) -> RiskContext:
        """The next bar's orders; the window goes on by one row, as a live guardian is given it."""
        self._bars += 1
        context = replace(self.context, sequence=self._bars, time=self._bars * MINUTE_NS)
        if self._bars > 1:
            context = replace(context, returns=self._coming[self._bars % ROWS])
        return context

    def timed(self, times: int) -> np.ndarray:
        """Seconds of so many reviews."""
        for _ in range(WARM_UP):
            reviewed = self.guardian.review(self.message())
        if len(reviewed.approved) != self.intents:
            raise AssertionError(
                f"expected {self.intents} approvals, found {len(reviewed.approved)}; refused for "
                f"{sorted({one.limit for one in reviewed.refused})}"
            )
        taken = np.empty(times)
        for n in range(times):
            message = self.message()
            began = time.perf_counter()
            self.guardian.review(message)
            taken[n] = time.perf_counter() - began
        return taken


def figures() -> None:
    """Print them."""
    many = Reviewing(POSITIONS, INTENTS).timed(REVIEWS)
    how = (
        f"{INTENTS} intents, {POSITIONS} positions, every limit measured on each, verdicts signed; "
        f"{REVIEWS:,} reviews; {MACHINE}"
    )
    p50, p99 = np.quantile(many, [0.5, 0.99]) * 1e3
    figure("review_of_50_p50_ms", float(p50), "ms", None, how)
    figure("review_of_50_p99_ms", float(p99), "ms", 2.0, how, at_most=True)
    single = Reviewing(8, 1).timed(SINGLES)
    how = f"one order beside 8 positions, signed; {SINGLES:,} reviews; {MACHINE}"
    figure("single_reviews_per_s", float(1.0 / np.mean(single)), "reviews/s", 15_000.0, how)
