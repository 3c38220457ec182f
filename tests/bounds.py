"""Everything that can happen to an account, through the sequential kernel, and votes bar by bar.

As `python -m tests.bounds`, with NUMBA_BOUNDSCHECK=1, it looks for an access outside an array.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from agents.trading.mean_reversion import MeanReversion
from agents.trading.momentum import Momentum
from agents.trading.sentiment import Sentiment
from agents.trading.volatility import Volatility
from coordinator.plan import Plan
from market.bars import Floats
from market.compiled import lean_kernel
from market.events import (
    BarSettled,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    TradingHalted,
    TradingRearmed,
)
from tests.desk import events_of, kept, market, plan, reckless
from tests.engines import replay_by_kernel
from tests.property.test_session import FIRST, with_gaps

SEED = 2
WIDE: dict[str, dict[str, Any]] = {
    "guardian": {
        "max_gross_leverage": 50.0, "max_position": 30.0, "max_portfolio_risk": 1.0,
        "max_currency_exposure": 50.0, "margin_reserve": 0.0, "max_drawdown": 0.5,
        "max_daily_loss": 0.25, "flatten_drawdown": 0.75, "max_position_loss": 1.0,
        "max_order_value": 100.0, "jump_sigmas": 50.0,
    },
    "sizing": {"max_risk_per_trade": 0.2, "stop_sigmas": 0.5},
    "broker": {"closeout_fraction": 1.0},
}  # fmt: skip
NARROW: dict[str, dict[str, Any]] = {
    "guardian": {"rearm_after": 3, "max_drawdown": 0.02, "max_open_positions": 2},
    "sizing": {"trailing_stop": "fraction", "tp_sl_ratio": 4.0},
}


def plans() -> list[Plan]:
    """Wide limits and little margin; narrow ones and trailing stops. Both with prices missing."""
    found = []
    for sections in (WIDE, NARROW):
        bars = with_gaps(market(220, seed=SEED, volatility=0.01), SEED, 0.05)
        settled = plan(bars, first=FIRST, **sections)
        found.append(reckless(settled) if sections is WIDE else settled)
    return found


def lived() -> dict[str, Any]:
    """Digests of live votes and of the plans' journals; by name, how often what happened."""
    digests, seen = [voted_live()], Counter[str]()
    for settled in plans():
        with tempfile.TemporaryDirectory() as folder:
            digests.append(replay_by_kernel(settled, Path(folder), rows=50).digest)
            seen.update(happened(events_of(Path(folder))))
    return {"digests": digests, "seen": dict(seen)}


def voted_live() -> str:
    """Digest of the votes of every agent on rows that come one by one, some prices missing."""
    digest = hashlib.sha256()
    bars = with_gaps(market(450, seed=SEED), SEED, 0.02)
    for agent in (Momentum(), MeanReversion(), Volatility(), Sentiment()):
        vote = agent.newest_vote()
        for stop in range(agent.lookback, len(bars) + 1):
            ballot = vote(bars.rows(stop - agent.lookback, stop))
            for row in (ballot.score, *ballot.evidence.values()):
                digest.update(np.where(np.isnan(row), np.inf, row).tobytes())
    return digest.hexdigest()


def happened(events: list[Event]) -> Counter[str]:
    """What events tell of, by name."""
    fills = [event.fill for event in kept(events, OrderFilled)]
    seen = Counter(fill.reason for fill in fills)
    seen.update(event.cancellation.reason for event in kept(events, OrderCancelled))
    seen.update(type(event).__name__ for event in kept(events, TradingHalted))
    seen.update(type(event).__name__ for event in kept(events, TradingRearmed))
    seen.update(v.limit for event in kept(events, DecisionTaken) for v in event.refused)
    units = np.array([event.units for event in kept(events, BarSettled)])
    seen["reversed"] = int((units[1:] * units[:-1] < 0.0).sum())
    return seen


@lean_kernel
def one_too_far(values: Floats) -> float:
    """Reads one value more than there are."""
    total = 0.0
    for n in range(values.shape[0] + 1):
        total += values[n]
    return total


def is_caught() -> bool:
    """Whether this process notices an access outside an array."""
    try:
        one_too_far(np.ones(3))
    except IndexError:
        return True
    return False


if __name__ == "__main__":
    json.dump({"caught": is_caught(), **lived()}, sys.stdout)
