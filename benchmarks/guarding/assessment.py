"""How long a whole assessment takes: every measure, every shock and every episode."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from agents.guardian.assessment.assess import assess
from agents.guardian.assessment.limits import AssessmentLimits
from agents.guardian.assessment.portfolio import Portfolio
from agents.guardian.scenarios.episodes import DAY_NS, episode_paths
from agents.guardian.scenarios.returns import quote_rates, value_returns
from benchmarks.measuring.figures import figure, medians
from market.instruments import Instrument, fx_pair

POSITIONS, DAYS = 100, 1_000
REACH_MS = 50.0
SEED = 11


def crowded_book() -> Portfolio:
    """100 positions against the dollar in made-up currencies, with prices since 2007; a few limits
    are breached, so that reductions are looked for too.
    """
    rng = np.random.default_rng(SEED)
    pairs: tuple[Instrument, ...] = tuple(
        fx_pair(f"Z{n:02d}", "USD", spread_pips=1.5) for n in range(POSITIONS)
    )
    first = int(datetime(2007, 1, 1, tzinfo=UTC).timestamp()) * 10**9
    time = first + DAY_NS * np.arange(1, 365 * 17, dtype=np.int64)
    common = rng.standard_t(5, (len(time), 1))
    moves = 0.002 * common + 0.004 * rng.standard_t(5, (len(time), POSITIONS))
    closes = np.exp(np.cumsum(moves, axis=0))
    rates = quote_rates(closes, pairs, "USD")
    equity = 1_000_000.0
    side = rng.choice([-1.0, 1.0], POSITIONS)
    units = np.round(side * 0.05 * equity / closes[-1])
    return Portfolio(
        instruments=pairs,
        account_currency="USD",
        time=int(time[-1]),
        equity=equity,
        start=equity,
        equity_curve=np.full(DAYS, equity),
        units=units,
        mid=closes[-1],
        spread=1.5e-4 * closes[-1],
        rate=rates[-1],
        stop_price=closes[-1] * (1.0 - 0.01 * side),
        daily_volume=np.full(POSITIONS, 1e6),
        returns=value_returns(closes[-DAYS - 1 :], rates[-DAYS - 1 :]),
        periods_a_day=1.0,
        days_a_year=365.0,
        episodes=episode_paths(time, closes, pairs, "USD"),
        limits=AssessmentLimits(max_open_positions=POSITIONS),
    )


def assessment_figures() -> None:
    """Print the figure of one assessment."""
    book = crowded_book()
    found = assess(book)
    taken = medians({"assess": lambda: assess(book)})["assess"]
    how = (
        f"{POSITIONS} positions, {DAYS:,} days, five shocks, {len(found.episodes)} episodes, "
        f"{len(found.actions)} reductions found; in process"
    )
    figure("assessment_ms", taken * 1e3, "ms", REACH_MS, how, at_most=True)


if __name__ == "__main__":
    assessment_figures()
